"""The session: prefixes in, captions out."""

import logging
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.captions import Caption
from engine.multilingual import MultilingualTranslator, SpokenTranslation
from engine.session import Session
from engine.source import SourcePrefix
from engine.stability import StabilityConfig
from engine.translator import Context, Hypothesis, TranslatorSession
from tests.fakes import FakeTranslator, Policy, fickle, in_order, prefix, upper, wait_k


def make(
    policy: Policy = upper, *, agreement: int = 2, mask_k: int = 0, words: int = 40
) -> Session:
    return Session(
        FakeTranslator(policy),
        session="s",
        stability=StabilityConfig(agreement=agreement, mask_k=mask_k),
        max_source_words=words,
    )


def shown(caption: Caption) -> tuple[str, str]:
    return caption.target.committed, caption.target.tentative


def test_words_are_tentative_until_hypotheses_agree() -> None:
    session = make()
    (first,) = session.feed(prefix("", "we"), 0.5)
    (second,) = session.feed(prefix("we", "have"), 1.0)
    (third,) = session.feed(prefix("we have", "the"), 1.5)
    assert [shown(c) for c in (first, second, third)] == [
        ("", "WE"),
        ("WE", "HAVE"),
        ("WE HAVE", "THE"),
    ]
    assert (third.seq, third.segment, third.revision, third.emitted_s) == (2, 0, 2, 1.5)
    assert third.source.full == "we have the"


def test_letters_of_the_last_word_are_no_evidence() -> None:
    session = make()
    captions = [c for text in ("t", "th", "the") for c in session.feed(prefix("see", text), 1.0)]
    assert [c.target.committed for c in captions] == ["", "", ""]
    (after,) = session.feed(prefix("see the", "c"), 2.0)
    assert after.target.committed == "SEE THE"


def test_final_caption_commits_everything() -> None:
    session = make()
    captions = session.feed(prefix("", "we have"), 1.0)
    captions += session.feed(prefix("we have it", finished=True), 2.0)
    final = in_order(captions)[-1]
    assert final.final
    assert shown(final) == ("WE HAVE IT", "")


def test_nothing_is_emitted_when_nothing_visible_changed() -> None:
    session = make()
    session.feed(prefix("we", "have"), 1.0)
    assert session.feed(prefix("we", "have", end_s=1.5), 1.5) == []


def test_unchanged_source_text_is_not_translated_again() -> None:
    translator = FakeTranslator(upper)
    session = Session(translator, session="s")
    session.feed(prefix("", "we have"), 1.0)
    (caption,) = session.feed(prefix("we have"), 1.5)
    assert caption.source.committed == "we have"
    assert translator.calls == [("we have", False)]


def test_final_is_emitted_even_if_nothing_changed() -> None:
    session = make(agreement=1)
    session.feed(prefix("we have"), 1.0)
    (final,) = session.feed(prefix("we have", finished=True), 2.0)
    assert (final.final, final.revision, final.erased) == (True, 1, 0)


def test_erased_counts_words_after_the_common_prefix() -> None:
    session = make(fickle, agreement=0)
    session.feed(prefix("", "a b c"), 1.0)
    (caption,) = session.feed(prefix("", "a b c d"), 1.5)
    assert caption.target.tentative == "D C B A"
    assert caption.erased == 3


def test_segment_without_text_emits_nothing_and_takes_no_number() -> None:
    session = make()
    assert session.feed(prefix(""), 0.5) == []
    assert session.feed(prefix("", finished=True), 1.0) == []
    (caption,) = session.feed(prefix("hello", segment=1), 2.0)
    assert (caption.seq, caption.segment) == (0, 0)


def test_segment_whose_words_were_all_taken_back_is_made_final() -> None:
    session = make()
    captions = session.feed(prefix("", "uh"), 0.5)
    captions += session.feed(prefix("", finished=True), 1.0)
    final = in_order(captions)[-1]
    assert (final.final, final.source.full, final.target.full, final.erased) == (True, "", "", 1)


def test_recogniser_may_take_words_back() -> None:
    session = make(agreement=0)
    session.feed(prefix("we", "have the"), 0.5)
    (caption,) = session.feed(prefix("we", ""), 1.0)
    assert (caption.source.full, caption.target.full, caption.erased) == ("we", "WE", 2)


def test_committed_source_stays_when_the_reader_contradicts_it() -> None:
    session = make()
    captions = session.feed(prefix("we have"), 0.5)
    captions += session.feed(prefix("we had the", "cat"), 1.0)
    assert in_order(captions)[-1].source.committed == "we have the"


def test_committed_target_stays_when_the_final_contradicts_it() -> None:
    def policy(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
        text = "wir hatten es gern" if finished else "wir haben es"
        return Hypothesis(words=tuple(text.split()), n_fixed=0)

    session = make(policy)
    captions = session.feed(prefix("", "we"), 0.5) + session.feed(prefix("", "we h"), 1.0)
    captions += session.feed(prefix("we had", finished=True), 1.5)
    assert in_order(captions)[-1].target.committed == "wir haben es gern"


def test_fixed_words_are_committed_at_once() -> None:
    (caption,) = make(wait_k(1), mask_k=3).feed(prefix("", "a b c"), 1.0)
    assert shown(caption) == ("A B", "")


def test_masked_words_stay_hidden_until_the_end() -> None:
    session = make(mask_k=2)
    (caption,) = session.feed(prefix("", "a b c"), 1.0)
    assert shown(caption) == ("", "A")
    (final,) = session.feed(prefix("a b c", finished=True), 2.0)
    assert shown(final) == ("A B C", "")


def test_finish_makes_the_open_segment_final() -> None:
    session = make()
    captions = session.feed(prefix("we", "have"), 1.0) + session.finish(2.0)
    assert in_order(captions)[-1].final
    assert captions[-1].source.committed == "we have"
    assert session.finish(3.0) == []


def test_new_segment_makes_the_open_one_final() -> None:
    session = make()
    captions = session.feed(prefix("one"), 1.0)
    captions += session.feed(prefix("two", segment=1), 2.0)
    assert [(c.segment, c.final) for c in in_order(captions)] == [
        (0, False),
        (0, True),
        (1, False),
    ]


def test_prefix_after_the_end_of_its_segment_is_ignored() -> None:
    session = make()
    session.feed(prefix("one", finished=True), 1.0)
    assert session.feed(prefix("one two"), 2.0) == []


def test_translator_error_keeps_the_target_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def policy(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
        if len(words) > 2:
            raise ValueError("prefix is too long")
        return upper(words, finished, committed)

    session = make(policy)
    captions = session.feed(prefix("", "a b"), 1.0)
    with caplog.at_level(logging.WARNING):
        captions += session.feed(prefix("a b", "c"), 1.5)
        captions += session.feed(prefix("a b c d", finished=True), 2.0)
    assert len(caplog.records) == 1
    final = in_order(captions)[-1]
    assert (final.source.committed, final.target.committed) == ("a b c d", "A B")


def test_long_line_becomes_several_segments_without_losing_a_word() -> None:
    text = " ".join(f"w{i}" for i in range(10_000))
    captions = in_order(make().feed(prefix(text, finished=True, end_s=100.0), 100.0))
    assert all(c.final and len(c.source.committed.split()) <= 40 for c in captions)
    assert " ".join(c.source.committed for c in captions) == text
    assert " ".join(c.target.committed for c in captions) == text.upper()
    assert captions[0].start_s == 0.0
    assert captions[-1].end_s == 100.0
    assert all(a.end_s == b.start_s for a, b in pairwise(captions))


def test_long_finished_segment_is_cut_at_punctuation() -> None:
    text = "a b c d e, f g. h i j k l"
    captions = make(words=8).feed(prefix(text, finished=True), 1.0)
    assert [c.source.committed for c in captions] == ["a b c d e, f g.", "h i j k l"]


def test_segment_that_grows_without_end_is_cut_where_the_source_is_committed() -> None:
    session = make(words=8)
    words = [f"w{i}" for i in range(50)]
    captions: list[Caption] = []
    for n in range(1, 51):
        committed, tentative = words[: max(n - 2, 0)], words[max(n - 2, 0) : n]
        captions += session.feed(prefix(" ".join(committed), " ".join(tentative)), n)
    captions += session.finish(51)
    finals = [c for c in in_order(captions) if c.final]
    assert len(finals) > 5
    assert " ".join(c.source.committed for c in finals) == " ".join(words)


def test_sentence_end_past_half_the_limit_ends_the_caption_segment() -> None:
    session = make(words=8)
    captions = session.feed(prefix("a b c d", "e."), 1.0)
    captions += session.feed(prefix("a b c d e. f", "g"), 2.0)
    assert [(c.segment, c.final, c.source.full) for c in in_order(captions)] == [
        (0, False, "a b c d e."),
        (0, True, "a b c d e."),
        (1, False, "f g"),
    ]


def test_a_segment_that_goes_on_continues_in_the_same_caption() -> None:
    session = make()
    captions = session.feed(prefix("we have to go", goes_on=True), 1.0)
    assert session.feed(prefix("we have", finished=True), 1.1) == []
    captions += session.feed(prefix("", "home", segment=1, start_s=1.0, end_s=2.0), 2.0)
    captions += session.feed(prefix("home now", segment=1, finished=True, end_s=3.0), 3.0)
    final = in_order(captions)[-1]
    assert {c.segment for c in captions} == {0}
    assert [c.final for c in captions] == [False, False, True]
    assert final.source.committed == "we have to go home now"
    assert (final.start_s, final.end_s) == (0.0, 3.0)


def test_a_segment_that_goes_on_without_another_word_is_made_final() -> None:
    session = make()
    captions = session.feed(prefix("go", goes_on=True), 1.0)
    captions += session.feed(prefix("", segment=1, finished=True, end_s=2.0), 2.0)
    assert [(c.final, c.source.full) for c in in_order(captions)] == [(False, "go"), (True, "go")]
    (next_one,) = session.feed(prefix("home", segment=2), 3.0)
    assert next_one.segment == 1


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=12), st.sampled_from([4, 40])
)
def test_no_word_is_lost_or_doubled_where_segments_go_on(
    lengths: list[tuple[int, bool]], limit: int
) -> None:
    session = make(words=limit)
    captions, said = [], list[str]()
    for segment, (n_words, goes_on) in enumerate(lengths):
        words = [f"w{len(said) + i}" for i in range(n_words)]
        said += words
        for n in range(n_words + 1):
            committed, tentative = " ".join(words[: n - 1]), " ".join(words[n - 1 : n])
            captions += session.feed(prefix(committed, tentative, segment=segment), segment)
        last = prefix(" ".join(words), segment=segment, goes_on=goes_on, finished=not goes_on)
        captions += session.feed(last, segment)
    finals = [c for c in in_order(captions + session.finish(99.0)) if c.final]
    assert " ".join(c.source.committed for c in finals).split() == said
    assert " ".join(c.target.committed for c in finals).split() == [w.upper() for w in said]


WORDS = st.lists(st.sampled_from(["a", "b", "c.", "d,", "e"]), max_size=12)
POLICIES: list[Policy] = [upper, fickle, wait_k(2)]


@st.composite
def streams(draw: st.DrawFn) -> list[SourcePrefix]:
    """Prefixes as any reader might send them, contradictions and late ones included."""
    prefixes = []
    committed: list[str] = []
    segment = 0
    for i in range(draw(st.integers(1, 25))):
        committed = [*committed, *draw(WORDS)] if draw(st.booleans()) else committed
        if draw(st.integers(0, 9)) == 0:
            committed = draw(WORDS)
        finished = draw(st.integers(0, 4)) == 0
        goes_on = finished and draw(st.booleans())
        tentative = [] if finished else draw(WORDS)
        prefixes.append(
            prefix(
                " ".join(committed),
                " ".join(tentative),
                segment=segment,
                finished=finished,
                goes_on=goes_on,
                start_s=float(i),
                end_s=i + 1.0,
            )
        )
        if finished or draw(st.integers(0, 9)) == 0:
            segment += draw(st.sampled_from([1, 1, 1, 0, 3]))
            committed = []
    return prefixes


def contrary(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
    """Ignores what is committed; fails on some lengths."""
    if len(words) % 5 == 4:
        raise ValueError("no translation")
    return Hypothesis(words=tuple(reversed(words)), n_fixed=min(1, len(words)))


@settings(max_examples=150)
@given(
    streams(),
    st.sampled_from([*POLICIES, contrary]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from([4, 7, 40]),
)
def test_captions_of_any_stream_keep_every_invariant(
    prefixes: list[SourcePrefix], policy: Policy, agreement: int, mask_k: int, words: int
) -> None:
    session = make(policy, agreement=agreement, mask_k=mask_k, words=words)
    captions = [c for i, p in enumerate(prefixes) for c in session.feed(p, float(i))]
    captions = in_order(captions + session.finish(99.0))
    finals = [c.segment for c in captions if c.final]
    assert finals == sorted({c.segment for c in captions})
    assert all(c.start_s <= c.end_s for c in captions)
    assert all(c.erased <= len(c.target.full.split()) + 60 and c.erased >= 0 for c in captions)


def heard(text: str, lang: str, segment: int, translation: str | None = None) -> SourcePrefix:
    return SourcePrefix(
        segment=segment,
        lang=lang,
        committed="",
        tentative=text,
        finished=False,
        start_s=float(segment),
        end_s=segment + 0.5,
        translation=translation,
    )


def test_every_segment_goes_through_the_translator_of_its_language() -> None:
    translator = MultilingualTranslator({"en": FakeTranslator(upper)}, target_lang="de")
    session = Session(translator, session="s")
    captions = [
        caption
        for index, (text, lang) in enumerate(
            [("good morning", "en"), ("guten morgen", "de"), ("bon jour", "fr")]
        )
        for caption in session.feed(heard(text, lang, index), float(index))
    ]
    captions = in_order(captions + session.finish(4.0))
    finals = [(c.source.lang, c.source.full, c.target.full) for c in captions if c.final]
    assert finals == [
        ("en", "good morning", "GOOD MORNING"),
        ("de", "guten morgen", "guten morgen"),
        ("fr", "bon jour", ""),
    ]


def test_a_segment_whose_language_was_mistaken_is_translated_anew() -> None:
    translator = MultilingualTranslator({"en": FakeTranslator(upper)}, target_lang="de")
    session = Session(translator, session="s")
    first = session.feed(heard("goot", "en", 0), 0.5)
    then = session.feed(heard("gute nacht", "de", 0), 1.0)
    assert [(c.source.lang, c.target.full) for c in first + then] == [
        ("en", "GOOT"),
        ("de", "gute nacht"),
    ]


def test_another_language_for_the_same_words_gives_them_another_translation() -> None:
    translators = {"en": FakeTranslator(upper), "fr": FakeTranslator(fickle)}
    session = Session(MultilingualTranslator(translators, target_lang="de"), session="s")
    said = [("one two three", "en"), ("one two three", "fr"), ("one two four", "de")]
    captions = [
        caption
        for now_s, (text, lang) in enumerate(said)
        for caption in session.feed(heard(text, lang, 0), float(now_s))
    ]
    assert [(caption.source.lang, caption.target.full) for caption in in_order(captions)] == [
        ("en", "ONE TWO THREE"),
        ("fr", "THREE TWO ONE"),
        ("de", "one two four"),
    ]


def test_a_better_translation_of_the_same_words_that_comes_with_the_speech_is_shown() -> None:
    session = Session(SpokenTranslation("en", "de"), session="s")
    captions = [
        caption
        for translation in ("guten", "guten Tag")
        for caption in session.feed(heard("good day", "en", 0, translation), 0.5)
    ]
    assert [caption.target.full for caption in captions] == ["guten", "guten Tag"]


def test_a_translation_that_comes_with_the_speech_is_shown_as_it_is_and_never_cut() -> None:
    session = Session(SpokenTranslation("en", "de"), session="s", max_source_words=4)
    captions = []
    for n in range(1, 9):
        source, target = " ".join(["word"] * n), " ".join(["wort"] * n)
        captions += session.feed(heard(source, "en", 0, target), 0.2 * n)
    captions = in_order(captions + session.finish(4.0))
    assert {caption.segment for caption in captions} == {0}
    assert captions[-1].target.full == " ".join(["wort"] * 8)


class _Attentive(FakeTranslator):
    """Keeps what it was told of the segment before."""

    def __init__(self) -> None:
        super().__init__(upper)
        self.contexts: list[Context] = []

    def start_after(self, context: Context) -> TranslatorSession:
        self.contexts.append(context)
        return self.start()


def test_a_translator_that_wants_to_know_is_told_the_segment_before() -> None:
    translator = _Attentive()
    session = Session(translator, session="s")
    for number, text in enumerate(("the first", "the second", "the third")):
        session.feed(prefix(text, segment=number, finished=True), float(number))
    assert translator.contexts == [
        Context(lang="en", source="the first", target="THE FIRST"),
        Context(lang="en", source="the second", target="THE SECOND"),
    ]


def test_the_part_of_a_long_segment_before_is_context_too() -> None:
    translator = _Attentive()
    session = Session(translator, session="s", max_source_words=4)
    session.feed(prefix("one two three four five six", finished=True), 1.0)
    assert [context.source for context in translator.contexts] == ["one two three"]
