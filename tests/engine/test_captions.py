"""The JSON form of captions: plain, and in detail."""

import json
from dataclasses import replace

import pytest

from engine.captions import Caption, LiveFigures, LoadState, ProtocolError, Text, WordTimes

CAPTION = Caption(
    session="s",
    seq=41,
    segment=7,
    revision=3,
    source=Text(lang="en", committed="we", tentative="have"),
    target=Text(lang="de", committed="wir", tentative="haben"),
    final=False,
    start_s=12.4,
    end_s=14.0,
    emitted_s=14.62,
    erased=1,
    live=LiveFigures(
        normalized_erasure=0.125, delay_s=1.5, load=LoadState.STRETCHED, real_time_factor=0.93
    ),
    words=(
        WordTimes(text="wir", spoken_s=12.7, recognised_s=13.1, translated_s=13.2, shown_s=14.62),
    ),
)


def test_the_detail_form_says_everything() -> None:
    assert Caption.from_json(CAPTION.to_json(detail=True)) == CAPTION


def test_words_are_in_the_detail_form_only() -> None:
    assert "words" not in json.loads(CAPTION.to_json())
    assert Caption.from_json(CAPTION.to_json()) == replace(CAPTION, words=())


def test_a_caption_of_which_nothing_was_measured_has_the_keys_that_it_always_had() -> None:
    data = replace(CAPTION, live=None, words=()).to_dict()
    keys = "v session seq segment revision source target final start_s end_s emitted_s erased"
    assert list(data) == keys.split()
    assert Caption.from_dict(data) == replace(CAPTION, live=None, words=())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("words", "wir"),
        ("words", [1]),
        ("words", [{"text": "wir"}]),
        ("live", 1),
        ("live", {"normalized_erasure": "low"}),
        ("live", {"normalized_erasure": 0.1, "load": "asleep"}),
    ],
)
def test_bad_details_are_errors(key: str, value: object) -> None:
    with pytest.raises(ProtocolError):
        Caption.from_dict({**CAPTION.to_dict(detail=True), key: value})
