import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.transcript import has_digits, normalize_transcript, spell_integer, spell_ordinal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Author of the danger trail, Philip Steels, etc.", None),
        ("Don’t! 'Quoted' words -- well-known.", "don't quoted words well known"),
        ("Mr. Quilter's 2 cafés & 42nd naïve façade", None),
        ("I paid 1,234 dollars", "i paid one thousand two hundred thirty four dollars"),
        ("  \n", ""),
    ],
)
def test_english_text_is_written_as_it_is_spoken(text: str, expected: str | None) -> None:
    known = {
        "A": "author of the danger trail philip steels et cetera",
        "M": "mister quilter's two cafes and forty second naive facade",
    }
    assert normalize_transcript(text) == (known[text[0]] if expected is None else expected)


def test_german_keeps_its_letters() -> None:
    assert normalize_transcript("Grüße, Façade-Straße!", "de") == "grüße facade straße"


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of de, en"):
        normalize_transcript("x", "xx")


def test_numbers_are_spelled() -> None:
    assert spell_integer(0) == "zero"
    assert spell_integer(1_000_015) == "one million fifteen"
    assert spell_ordinal(20) == "twentieth"
    assert spell_ordinal(112) == "one hundred twelfth"
    with pytest.raises(ValueError, match="negative"):
        spell_integer(-1)
    assert has_digits("room 5")
    assert not has_digits("room five")


@given(st.text())
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize_transcript(text)
    assert set(once) <= set("abcdefghijklmnopqrstuvwxyz' ")
    assert normalize_transcript(once) == once
