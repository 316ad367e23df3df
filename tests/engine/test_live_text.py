"""Live text: what is typed becomes source prefixes."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from engine import live_text
from engine.captions import Caption
from engine.live_text import MAX_WORD_CHARS, LiveText
from engine.session import Session
from tests.fakes import FakeTranslator, ManualClock, in_order, upper


def typed(*texts: str, finish: bool = False) -> list[tuple[int, str, str, bool]]:
    reader = LiveText("en", ManualClock())
    prefixes = [prefix for text in texts for prefix in reader.accept(text)]
    prefixes += reader.finish() if finish else []
    return [(p.segment, p.committed, p.tentative, p.finished) for p in prefixes]


def test_word_being_typed_is_tentative_until_a_space() -> None:
    assert typed("we", " ", "ha") == [
        (0, "", "we", False),
        (0, "we", "", False),
        (0, "we", "ha", False),
    ]


def test_line_end_ends_the_segment() -> None:
    assert typed("we have\nan") == [(0, "we have", "", True), (1, "", "an", False)]


def test_windows_and_old_line_ends_and_empty_lines_count_once() -> None:
    assert typed("one\r\n\r\n\ntwo\rthree\u2028") == [
        (0, "one", "", True),
        (1, "two", "", True),
        (2, "three", "", True),
    ]


def test_carriage_return_and_line_feed_may_come_apart() -> None:
    assert typed("one\r", "\ntwo\n") == [(0, "one", "", True), (1, "two", "", True)]


def test_tabs_and_control_characters_count_as_spaces() -> None:
    assert typed("\ta\t\tb\x00c\u00a0d \n") == [(0, "a b c d", "", True)]


def test_second_space_changes_nothing() -> None:
    assert typed("a ", " ", "\t") == [(0, "a", "", False)]


def test_finish_ends_the_open_line() -> None:
    assert typed("we ha", finish=True)[-1] == (0, "we ha", "", True)
    assert typed("we\n", finish=True) == [(0, "we", "", True)]
    assert typed("", "\n \n", finish=True) == []


def test_byte_order_mark_is_dropped_and_lone_surrogates_are_replaced() -> None:
    assert typed("\ufeffa\ud800b\n") == [(0, "a\ufffdb", "", True)]


def test_times_are_those_of_typing() -> None:
    clock = ManualClock(2.0)
    reader = LiveText("en", clock)
    reader.accept("a")
    clock.now_s = 3.0
    (second,) = reader.accept("b")
    clock.now_s = 9.0
    (end,) = reader.accept("\n")
    assert (second.start_s, second.end_s) == (2.0, 3.0)
    assert (end.start_s, end.end_s) == (2.0, 3.0)
    (other,) = reader.accept("c")
    assert other.start_s == 9.0


def test_endless_word_is_broken() -> None:
    ((_, committed, tentative, _),) = typed("x" * (2 * MAX_WORD_CHARS + 1))
    assert [len(word) for word in committed.split()] == [MAX_WORD_CHARS] * 2
    assert tentative == "x"


@given(st.lists(st.text(alphabet="ab \n\r\t", max_size=8), max_size=12))
def test_no_word_is_lost_however_the_text_arrives(texts: list[str]) -> None:
    finals = [words for _, words, _, finished in typed(*texts, finish=True) if finished]
    assert " ".join(finals).split() == "".join(texts).split()


@given(st.integers(1, 100), st.booleans())
def test_a_line_of_any_length_is_captioned_as_one_that_is_not_divided(
    n_words: int, ends: bool
) -> None:
    text = " ".join(map(str, range(n_words))) + "\n" * ends

    def captions(max_words: int) -> list[Caption]:
        with patch.object(live_text, "MAX_SEGMENT_WORDS", max_words):
            reader, session = (
                LiveText("en", ManualClock()),
                Session(FakeTranslator(upper), session=""),
            )
            prefixes = [prefix for char in text for prefix in reader.accept(char)]
            prefixes += reader.finish()
            assert max(len(p.text.split()) for p in prefixes) <= max_words
        return [caption for prefix in prefixes for caption in session.feed(prefix, 0.0)]

    divided, whole = captions(10), captions(1000)
    assert [c.target for c in divided] == [c.target for c in whole]
    assert in_order(divided)[-1].final


def test_backspace_takes_back_what_is_still_being_typed() -> None:
    reader = LiveText("en", lambda: 0.0)
    reader.accept("the hoose")
    (prefix,) = reader.accept("\x7f\x7f\x7f\x7fouse")
    assert (prefix.committed, prefix.tentative) == ("the", "house")
    reader.accept("\b" * 9)
    (prefix,) = reader.accept("x")
    assert (prefix.committed, prefix.tentative) == ("the", "x")
