"""Caption segments: what is taken back with the source, and where running speech is cut."""

import gc
import math
import weakref
from collections.abc import Sequence

from engine.captions import Caption
from engine.session import Session
from engine.stability import StabilityConfig
from engine.translator import Hypothesis, TranslatorSession
from tests.fakes import FakeTranslator, in_order, prefix


def contrite(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
    """Upper-case words; hearing "not", it changes its mind about all that it may change."""
    target = [word.upper() for word in words[len(committed) :]]
    if words[-1] == "not" and not committed:
        target = ["NO", *target]
    return Hypothesis(words=(*committed, *target), n_fixed=len(committed))


def say(*texts: str) -> Caption:
    """The last caption of a segment that is heard so, one text after the other."""
    stability = StabilityConfig(agreement=0)
    session = Session(FakeTranslator(contrite), session="s", stability=stability)
    return [c for i, text in enumerate(texts) for c in session.feed(prefix("", text), i)][-1]


def test_source_words_taken_back_take_back_only_what_rested_on_them() -> None:
    caption = say("we have", "we have it", "we have not")
    assert (caption.target.full, caption.erased) == ("WE HAVE NOT", 1)


def test_what_was_translated_with_the_words_taken_back_in_sight_is_translated_anew() -> None:
    caption = say("we have it", "we have not")
    assert (caption.target.full, caption.erased) == ("NO WE HAVE NOT", 3)


def test_a_source_that_only_grows_leaves_the_translator_free() -> None:
    assert say("we have", "we have not").target.full == "NO WE HAVE NOT"


def test_a_finished_segment_frees_its_translations_at_once() -> None:
    """They hold megabytes of keys and values, which are not to wait for the garbage collector."""
    started: list[weakref.ref[object]] = []

    class Remembering(FakeTranslator):
        def start(self) -> TranslatorSession:
            begun = super().start()
            started.append(weakref.ref(begun))
            return begun

    session = Session(Remembering(contrite), session="s")
    gc.collect()
    gc.disable()
    try:
        for now_s, text in enumerate(("we have", "we have it. so", "we have it. so there")):
            session.feed(prefix("", text), now_s)
        session.feed(prefix("we have it so there", finished=True), 4.0)
        assert started
        assert not [begun for begun in started if begun() is not None]
    finally:
        gc.enable()


SENTENCES = ("go home now", "i wait")


def punctuating(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
    """Is sure of a word, and of the end of a sentence, when it has read the next word."""
    target: list[str] = []
    start = 0
    for n in range(1, len(words) + (1 if finished else 0)):
        ends = " ".join(words[start:n]) in SENTENCES
        target.append(words[n - 1].upper() + ("." if ends else ""))
        start = n if ends else start
    return Hypothesis(words=tuple(target), n_fixed=0)


def speak(text: str, *, agreement: int = 2, budget: float = math.inf) -> list[Caption]:
    """Feed a text word by word, the last two of them tentative, and finish."""
    session = Session(
        FakeTranslator(punctuating),
        session="s",
        stability=StabilityConfig(agreement=agreement, budget=budget),
    )
    words = text.split()
    captions: list[Caption] = []
    for n in range(1, len(words) + 1):
        n_committed = max(n - 2, 0)
        heard = prefix(" ".join(words[:n_committed]), " ".join(words[n_committed:n]), end_s=n)
        captions += session.feed(heard, float(n))
    return in_order(captions + session.finish(len(words) + 1.0))


def test_running_speech_is_cut_where_the_translation_is_complete() -> None:
    finals = [caption for caption in speak("go home now i wait go home now") if caption.final]
    assert [(final.source.full, final.target.full) for final in finals] == [
        ("go home now", "GO HOME NOW."),
        ("i wait go home now", "I WAIT. GO HOME NOW."),
    ]


def test_words_of_the_next_sentence_are_not_shown_in_the_one_before() -> None:
    captions = speak("go home now i wait", agreement=0)
    first = [caption for caption in captions if caption.segment == 0]
    assert first[-1].target.full == "GO HOME NOW."
    assert all("I" not in caption.target.full.split() for caption in first)


def test_cutting_takes_nothing_back_that_a_budget_of_zero_has_shown() -> None:
    captions = speak("go home now i wait go home now", budget=0.0)
    assert sum(caption.erased for caption in captions) == 0
    assert next(c.source.full for c in captions if c.final) == "go home now"


def test_a_full_stop_that_is_no_end_of_a_sentence_does_not_cut() -> None:
    def abbreviating(
        words: Sequence[str], finished: bool, committed: tuple[str, ...]
    ) -> Hypothesis:
        target = ["DR." if word == "doctor" else word.upper() for word in words]
        return Hypothesis(words=(*target, "END") if finished else tuple(target), n_fixed=0)

    session = Session(FakeTranslator(abbreviating), session="s")
    captions: list[Caption] = []
    words = ["this", "is", "the", "doctor", "smith", "himself", "you", "know"]
    for n in range(1, len(words) + 1):
        captions += session.feed(prefix(" ".join(words[:n])), float(n))
    assert {caption.segment for caption in captions} == {0}
