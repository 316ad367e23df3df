from hypothesis import given
from hypothesis import strategies as st

from tests.ui.streams import WORDS
from ui.layout import Paragraph, Word, in_visual_order, right_to_left

WIDTH = 200.0


def measure(text: str) -> float:
    return 10.0 * len(text)


def lay(text: str, tentative: str = "") -> list[str]:
    paragraph = Paragraph(WIDTH, measure)
    assert paragraph.commit(text)
    return [" ".join(word.text for word in line) for line in paragraph.lines(tentative)]


texts = st.lists(WORDS, max_size=30).map(" ".join)


@given(texts, st.data())
def test_a_text_that_grew_in_steps_is_laid_like_a_text_that_came_at_once(
    text: str, data: st.DataObject
) -> None:
    grown = Paragraph(WIDTH, measure)
    words = text.split()
    at = 0
    while at < len(words):
        at = data.draw(st.integers(at + 1, len(words)))
        assert grown.commit(" ".join(words[:at]))
        grown.lines("something tentative that must leave no trace at all")
    at_once = Paragraph(WIDTH, measure)
    at_once.commit(text)
    assert grown.lines() == at_once.lines()


@given(texts, texts)
def test_tentative_words_are_laid_where_they_will_be_committed(first: str, rest: str) -> None:
    before, after = Paragraph(WIDTH, measure), Paragraph(WIDTH, measure)
    before.commit(first)
    after.commit(" ".join(part for part in (first, rest) if part))
    places = [[(w.text, w.x) for w in line] for line in before.lines(rest)]
    assert places == [[(w.text, w.x) for w in line] for line in after.lines()]


@given(texts)
def test_no_text_is_lost_and_no_line_is_too_wide(text: str) -> None:
    paragraph = Paragraph(WIDTH, measure)
    paragraph.commit(text)
    lines = paragraph.lines()
    assert "".join(word.text for line in lines for word in line) == text.replace(" ", "")
    for line in lines:
        hanging = line[-1].text in "，）"
        assert line[-1].x + line[-1].width <= WIDTH + 10 * hanging


def test_words_wrap_greedily_and_tentative_words_follow() -> None:
    assert lay("one two three four five", "six") == ["one two three four", "five six"]


def test_a_line_breaks_between_ideographs_but_not_before_their_punctuation() -> None:
    twenty = "一二三四五六七八九十" * 2
    lines = lay(twenty + "。好")
    assert [line.replace(" ", "") for line in lines] == [twenty + "。", "好"]


def test_a_space_between_ideographs_is_not_painted() -> None:
    paragraph = Paragraph(WIDTH, measure)
    paragraph.commit("你 好")
    assert [word.x for word in paragraph.lines()[0]] == [0.0, 10.0]


def test_a_word_longer_than_a_line_is_broken_and_keeps_its_accents() -> None:
    lines = lay("ja " + "e\u0301" * 15)
    assert lines == ["ja", "e\u0301" * 10, "e\u0301" * 5]


def test_a_text_that_takes_back_committed_words_is_refused() -> None:
    paragraph = Paragraph(WIDTH, measure)
    paragraph.commit("eins zwei")
    assert not paragraph.commit("eins drei")
    assert paragraph.committed == "eins zwei"


def test_ten_thousand_words_are_laid() -> None:
    assert len(lay("wort " * 9_999 + "wort")) == 2_500


def test_the_direction_follows_the_language_and_else_the_first_letter() -> None:
    assert right_to_left("ar-EG", "Windows")
    assert right_to_left("fas", "")
    assert not right_to_left("de", "مرحبا")
    assert right_to_left("", "12 مرحبا")
    assert not right_to_left("", "12")


def test_a_latin_phrase_in_an_arabic_line_reads_from_left_to_right() -> None:
    words = tuple(
        Word(text, x, 10.0, True)
        for text, x in (("في", 0.0), ("Microsoft", 20.0), ("Windows", 40.0), ("11", 60.0))
    )
    placed = in_visual_order(words, line_is_rtl=True)
    # x counts from the right edge: the first Latin word is the farthest from it.
    assert [word.x for word in placed] == [0.0, 60.0, 40.0, 20.0]


def test_a_single_foreign_word_stays_where_it_is() -> None:
    words = (Word("das", 0.0, 10.0, True), Word("مرحبا", 20.0, 10.0, True))
    assert in_visual_order(words, line_is_rtl=False) == words
