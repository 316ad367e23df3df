from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.training.distillation import Teacher
from models.training.speech_labels import (
    WORD_ENDS_FILE,
    align_pack,
    read_labels,
    read_word_ends,
    translate_pack,
    translation_file,
)
from models.training.speech_pack import PackError, PackWriter, SpeechPack
from tests.models.owsm_ctc_models import TEXT, tiny_model


class Backwards(Teacher):
    """Translates by turning sentences around; remembers what it was asked."""

    source_lang, target_lang = "en", "de"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def translate(self, sources: Sequence[str]) -> list[str]:
        self.asked += sources
        return [f"{source[::-1].title()}!" for source in sources]


@pytest.fixture
def pack(tmp_path: Path) -> SpeechPack:
    """Three utterances of 2.3 s; the text of the second does not fit into its half second."""
    dice = np.random.default_rng(0)
    with PackWriter(tmp_path / "real") as writer:
        for number, text in enumerate(TEXT):
            samples = (dice.normal(size=8_000 if number == 1 else 36_800) * 3_000).astype(np.int16)
            writer.add(
                samples, id=f"u{number}", split="train", source="x", lang="en", voice="v",
                transcript=text,
            )  # fmt: skip
    return SpeechPack(tmp_path / "real")


def test_words_have_ends_that_ascend_within_the_utterance(pack: SpeechPack) -> None:
    align_pack(pack, tiny_model(), {"en": "eng"}, lambda what, done: None)
    ends = read_word_ends(pack.directory)
    assert set(ends) == {"u0", "u2"}
    for row in pack:
        if row.id in ends:
            assert len(ends[row.id]) == len(row.transcript.split())
            assert list(ends[row.id]) == sorted(ends[row.id])
            assert ends[row.id][-1] <= row.n_samples


def test_labelling_goes_on_behind_the_last_whole_line(pack: SpeechPack) -> None:
    path = pack.directory / translation_file("de")
    path.write_text("u0\tgiven\nu1\thal")
    teacher = Backwards()
    told: list[float] = []
    translate_pack(pack, teacher, lambda what, done: told.append(done))
    assert teacher.asked == TEXT[1:]
    assert read_labels(path) == {"u0": "given", "u1": "wodniw eht nepo esaelp",
                                 "u2": "won emit eht evah ew"}  # fmt: skip
    assert told[-1] == 1.0
    translate_pack(pack, teacher, lambda what, done: None)
    assert len(teacher.asked) == 2


def test_a_pack_without_labels_has_none_and_a_damaged_file_is_named(pack: SpeechPack) -> None:
    assert read_word_ends(pack.directory) == {}
    path = pack.directory / WORD_ENDS_FILE
    for content in ("u0\n", "u0\tten\n"):
        path.write_text(content)
        with pytest.raises(PackError, match=WORD_ENDS_FILE):
            read_word_ends(pack.directory)
