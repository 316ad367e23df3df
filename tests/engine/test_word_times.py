"""Word times: spoken → recognised → translated → shown."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from engine.captions import WordTimes
from engine.session import Session
from engine.source import SourcePrefix
from engine.stability import StabilityConfig
from engine.word_times import SourceTimer
from tests.engine.test_session import POLICIES, contrary, streams
from tests.fakes import FakeTranslator, Policy, prefix, upper, wait_k


def times(word: WordTimes) -> tuple[float, float, float, float]:
    return word.spoken_s, word.recognised_s, word.translated_s, word.shown_s


def test_a_source_word_counts_as_recognised_since_it_stands_there() -> None:
    timer = SourceTimer()
    timer.note(prefix("", "we", spoken_s=[0.4]), 1.0)
    timer.note(prefix("we", "had", spoken_s=[0.4, 0.7]), 1.5)
    noted = timer.note(prefix("we have", "it", spoken_s=[0.4, 0.8, 1.1]), 2.0)
    assert noted.spoken_s == (0.4, 0.8, 1.1)
    assert noted.recognised_s == (1.0, 2.0, 2.0)


def test_without_times_of_the_reader_a_word_counts_as_said_when_it_was_complete() -> None:
    timer = SourceTimer()
    timer.note(prefix("", "w", end_s=1.0), 1.1)
    timer.note(prefix("", "we", end_s=2.0), 2.1)
    noted = timer.note(prefix("we", "h", end_s=3.0), 3.1)
    assert noted.spoken_s == (2.0, 3.0)
    assert noted.recognised_s == (2.1, 3.1)


def test_the_next_segment_starts_anew() -> None:
    timer = SourceTimer()
    timer.note(prefix("we", finished=True), 1.0)
    noted = timer.note(prefix("we", segment=1, end_s=5.0), 5.5)
    assert (noted.spoken_s, noted.recognised_s) == ((5.0,), (5.5,))


def test_the_times_of_a_word_follow_it_from_the_speaker_to_the_reader() -> None:
    timer = SourceTimer()
    session = Session(FakeTranslator(upper), session="s", stability=StabilityConfig(mask_k=1))
    captions = []
    for words, now_s in ((["a"], 1.0), (["a", "b"], 2.0), (["a", "b", "c"], 3.0)):
        spoken_s = [0.5 + i for i in range(len(words))]
        heard = timer.note(prefix("", " ".join(words), spoken_s=spoken_s), now_s)
        captions += session.feed(heard, now_s + 0.25)
    captions += session.finish(4.0)
    assert [len(caption.words) for caption in captions] == [0, 1, 2, 3]
    assert [times(word) for word in captions[-1].words] == [
        (0.5, 1.0, 1.25, 2.25),
        (1.5, 2.0, 2.25, 3.25),
        (2.5, 3.0, 3.25, 4.0),
    ]


def test_a_translator_that_waits_is_late_by_the_words_that_it_waits_for() -> None:
    session = Session(FakeTranslator(wait_k(2)), session="s")
    captions = []
    for n in range(1, 6):
        spoken_s = [float(i) for i in range(1, n + 1)]
        captions += session.feed(prefix(" ".join("abcde"[:n]), spoken_s=spoken_s), float(n))
    captions += session.finish(5.0)
    assert [word.delay_s for word in captions[-1].words] == [2.0, 2.0, 2.0, 1.0, 0.0]


def test_a_translation_of_another_length_is_spread_over_the_source() -> None:
    session = Session(FakeTranslator(lambda *_: wait_k(0)(["x"] * 2, True, ())), session="s")
    spoken_s = [1.0, 2.0, 3.0, 4.0]
    (final,) = session.feed(prefix("a b c d", spoken_s=spoken_s, finished=True), 5.0)
    assert [word.spoken_s for word in final.words] == [2.0, 4.0]


@given(streams(), st.sampled_from([*POLICIES, contrary]), st.integers(0, 3), st.integers(0, 2))
def test_every_committed_word_has_times_that_never_change_and_never_run_backwards(
    prefixes: list[SourcePrefix], policy: Policy, agreement: int, mask_k: int
) -> None:
    stability = StabilityConfig(agreement=agreement, mask_k=mask_k)
    session = Session(FakeTranslator(policy), session="s", stability=stability)
    timer = SourceTimer()
    captions = []
    for i, read in enumerate(prefixes):
        captions += session.feed(timer.note(read, i + 1.0), i + 1.5)
    captions += session.finish(99.0)
    for caption in captions:
        assert [word.text for word in caption.words] == caption.target.committed.split()
        assert all(list(times(word)) == sorted(times(word)) for word in caption.words)
        assert all(word.shown_s <= caption.emitted_s for word in caption.words)
    for before, after in itertools.pairwise(captions):
        if before.segment == after.segment:
            assert after.words[: len(before.words)] == before.words
