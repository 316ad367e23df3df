"""Subtitle files: timing, wrapping, forms."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.captions import Caption, Text
from engine.subtitles import Format, Side, SubtitleOptions, SubtitleWriter, cues, render


def final(
    target: str,
    start_s: float = 0.0,
    end_s: float = 2.0,
    *,
    source: str = "",
    is_final: bool = True,
) -> Caption:
    return Caption(
        session="s",
        seq=0,
        segment=0,
        revision=0,
        source=Text(lang="en", committed=source, tentative=""),
        target=Text(lang="de", committed=target, tentative=""),
        final=is_final,
        start_s=start_s,
        end_s=end_s,
        emitted_s=end_s,
        erased=0,
    )


def test_srt_is_numbered_with_a_comma_before_milliseconds() -> None:
    captions = [final("Guten Morgen.", 1.0, 2.5), final("Wie geht's?", 3661.25, 3663.0)]
    assert render(captions, Format.SRT) == (
        "1\n00:00:01,000 --> 00:00:02,500\nGuten Morgen.\n\n"
        "2\n01:01:01,250 --> 01:01:03,000\nWie geht's?\n\n"
    )


def test_vtt_has_a_header_and_escapes_markup() -> None:
    assert render([final("a < b & c")], Format.VTT) == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\na &lt; b &amp; c\n\n"
    )
    assert render([], Format.VTT) == "WEBVTT\n\n"
    assert render([], Format.SRT) == ""


def test_srt_text_cannot_look_like_a_time_line() -> None:
    assert render([final("a --> b")], Format.SRT).count("-->") == 1


def test_captions_that_are_not_final_are_left_out() -> None:
    for form in Format:
        assert render([final("a", is_final=False)], form) == render([], form)


def test_text_and_json_forms_hold_one_final_a_line() -> None:
    captions = [final("eins", source="one"), final("zwei", source="two")]
    assert render(captions, Format.TXT) == "eins\nzwei\n"
    both = SubtitleOptions(side=Side.BOTH)
    assert render(captions, Format.TXT, both) == "one\neins\n\ntwo\nzwei\n\n"
    lines = render(captions, Format.JSONL).splitlines()
    assert [json.loads(line)["target"]["committed"] for line in lines] == ["eins", "zwei"]


def test_short_cue_lasts_the_minimum_but_not_into_the_next() -> None:
    captions = [final("a", 1.0, 1.2), final("b", 1.5, 1.6), final("c", 9.0, 9.1)]
    times = re.findall(r"\S+ --> \S+", render(captions, Format.VTT))
    assert times == [
        "00:00:01.000 --> 00:00:01.500",
        "00:00:01.500 --> 00:00:02.500",
        "00:00:09.000 --> 00:00:10.000",
    ]


def test_long_final_is_split_in_proportion_to_its_text() -> None:
    text = " ".join(["abcdefghi"] * 16)  # four lines of 39 characters
    first, second = cues(final(text, 0.0, 8.0), SubtitleOptions())
    assert (first.start_s, first.end_s, second.start_s, second.end_s) == (0.0, 4.0, 4.0, 8.0)
    assert [len(line) for line in first.lines] == [39, 39]


def test_both_sides_show_the_source_above_the_target() -> None:
    (cue,) = cues(final("guten Morgen", source="good morning"), SubtitleOptions(side=Side.BOTH))
    assert cue.lines == ("good morning", "guten Morgen")


def test_wide_characters_count_two_columns_and_long_words_are_broken() -> None:
    (cue,) = cues(final("字" * 12), SubtitleOptions(columns=16))
    assert cue.lines == ("字" * 8, "字" * 4)


def test_final_without_text_makes_no_cue() -> None:
    assert render([final("")], Format.SRT) == ""


def test_writer_is_one_final_behind_until_it_is_closed() -> None:
    writer = SubtitleWriter(Format.SRT)
    assert writer.write(final("a", 0.0, 1.0)) == ""
    assert "a" in writer.write(final("b", 2.0, 3.0))
    assert "b" in writer.close()
    assert writer.close() == ""


def test_options_out_of_range_name_key_and_range() -> None:
    with pytest.raises(ValueError, match="subtitles columns = 3 is not 8 or more"):
        SubtitleOptions(columns=3)


TEXTS = st.text(alphabet="ab c字é", max_size=200)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, st.floats(0, 5), st.floats(0, 5)), max_size=6),
    st.sampled_from(Side),
)
def test_cues_never_overlap_and_keep_every_word(
    parts: list[tuple[str, str, float, float]], side: Side
) -> None:
    captions = []
    now_s = 0.0
    for source, target, gap_s, length_s in parts:
        now_s += gap_s
        texts = " ".join(source.split()), " ".join(target.split())
        captions.append(final(texts[1], now_s, now_s + length_s, source=texts[0]))
        now_s += length_s
    written = render(captions, Format.VTT, SubtitleOptions(side=side))
    end = ""
    for start, this_end in re.findall(r"(\S+) --> (\S+)", written):
        assert end <= start < this_end
        end = this_end
    shown = "".join(
        line for line in written.splitlines()[2:] if "-->" not in line and not line.isdigit()
    )
    sides = {Side.SOURCE: "s", Side.TARGET: "t", Side.BOTH: "st"}[side]
    kept = "".join(
        (c.source.full if "s" in sides else "") + (c.target.full if "t" in sides else "")
        for c in captions
    )
    assert sorted(shown.replace(" ", "")) == sorted(kept.replace(" ", ""))
