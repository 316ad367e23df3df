"""Recording: a failing journal is reported once and loses no final."""

import errno
from pathlib import Path

from engine.captions import Caption
from engine.journal import JournalError
from engine.recording import MAX_WAITING_FINALS, RETRY_S, Recorder
from engine.session import Session
from tests.fakes import FakeTranslator, prefix, upper


class FakeJournal:
    """Keeps captions in memory; fails while `full`."""

    def __init__(self) -> None:
        self.full = False
        self.kept: list[Caption] = []
        self.n_tries = 0
        self.ended = False

    def begin_session(self, session: str, *, source_lang: str, target_lang: str) -> None:
        self._try()

    def append(self, *captions: Caption) -> None:
        self._try()
        self.kept += captions

    def end_session(self, session: str) -> None:
        self._try()
        self.ended = True

    def _try(self) -> None:
        self.n_tries += 1
        if self.full:
            raise JournalError(Path("j"), f"journal j: error {errno.ENOSPC}: free some space")


def captions(n: int, seconds_each: float = 1.0) -> list[Caption]:
    """Captions of n segments: one tentative, one final each."""
    session = Session(FakeTranslator(upper), session="s")
    made = []
    for i in range(n):
        made += session.feed(prefix("", "a", segment=i), i * seconds_each)
        made += session.feed(prefix("a b", segment=i, finished=True), i * seconds_each)
    return made


def recorder(journal: FakeJournal) -> tuple[Recorder, list[JournalError]]:
    errors: list[JournalError] = []
    made = Recorder(journal, "s", source_lang="en", target_lang="de", on_error=errors.append)
    return made, errors


def test_every_caption_is_kept_in_order() -> None:
    journal = FakeJournal()
    recording, errors = recorder(journal)
    for caption in captions(3):
        recording.write(caption)
    recording.close()
    assert journal.kept == captions(3)
    assert journal.ended
    assert errors == []


def test_failure_is_reported_once_and_finals_follow_when_there_is_space() -> None:
    journal = FakeJournal()
    recording, errors = recorder(journal)
    made = captions(20)
    for i, caption in enumerate(made):
        journal.full = 2 <= i < 20
        recording.write(caption)
    assert len(errors) == 1
    assert not recording.failing
    assert [c for c in journal.kept if c.final] == [c for c in made if c.final]
    assert [c.seq for c in journal.kept] == sorted(c.seq for c in journal.kept)


def test_writing_is_tried_again_after_a_while_only() -> None:
    journal = FakeJournal()
    journal.full = True
    recording, _ = recorder(journal)
    for caption in captions(1 + int(2 * RETRY_S)):
        recording.write(caption)
    assert journal.n_tries == 3


def test_finals_that_wait_at_the_end_are_tried_once_more() -> None:
    journal = FakeJournal()
    journal.full = True
    recording, errors = recorder(journal)
    for caption in captions(2):
        recording.write(caption)
    journal.full = False
    recording.close()
    assert [c.segment for c in journal.kept] == [0, 1]
    assert len(errors) == 1


def test_memory_for_waiting_finals_is_bounded_and_losses_are_counted() -> None:
    journal = FakeJournal()
    journal.full = True
    recording, errors = recorder(journal)
    final = captions(1)[1]
    for _ in range(MAX_WAITING_FINALS + 5):
        recording.write(final)
    recording.close()
    assert recording.n_lost == MAX_WAITING_FINALS + 5
    assert len(errors) == 1
