import csv
from pathlib import Path

import pytest

from models.training.speech_corpus import (
    SpeechDataError,
    decode_audio,
    everyday_sentences,
    is_readable,
    literary_sentences,
    real_utterances,
)
from models.training.speech_pack import SpeechPack
from models.training.speech_preparation import prepare_speech
from models.training.speech_reading import is_plausible
from tests.models.training.speech_folder import HummingEngine, hum, write_data_folder

HOURS = 40 / 3600


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data_folder(tmp_path / "data")


def prepare(data: Path, out: Path, engine: HummingEngine, hours: float = HOURS) -> None:
    prepare_speech(data, out, hours_synthetic=hours, engines=[engine], n_pieces=34)


def test_real_speech_is_packed_with_its_splits_and_spelling(data: Path, tmp_path: Path) -> None:
    prepare(data, tmp_path / "out", HummingEngine())
    rows = {row.id: row for row in SpeechPack(tmp_path / "out" / "real")}
    assert set(rows) == {"a/1.wav", "a/2.wav", "b/1.wav", "librispeech/1.wav", "c/1.wav"}
    assert rows["a/1.wav"].transcript == "hello there old friend"
    assert (rows["c/1.wav"].lang, rows["c/1.wav"].transcript) == ("de", "schöne grüße")
    assert rows["librispeech/1.wav"].split == "dev"
    assert rows["a/2.wav"].n_samples == 16000


def test_synthetic_speech_has_neither_held_out_voices_nor_held_out_text(
    data: Path, tmp_path: Path
) -> None:
    prepare(data, tmp_path / "out", HummingEngine())
    pack = SpeechPack(tmp_path / "out" / "synthetic")
    assert pack.seconds >= 40
    assert {row.voice for row in pack} == {"hum:low", "hum:high"}
    spoken = " ".join(row.transcript for row in pack)
    assert "i don't know him" not in spoken  # a development sentence
    assert "walked along" not in spoken  # the transcript of a development recording
    with (tmp_path / "out/synthetic_dev/manifest.tsv").open(newline="") as file:
        held_out = list(csv.DictReader(file, delimiter="\t"))
    assert {row["voice"] for row in held_out} == {"hum:strange"}
    assert len(decode_audio(tmp_path / "out/synthetic_dev" / held_out[0]["path"])) > 0


def test_a_second_run_repeats_nothing_and_a_longer_one_goes_on(data: Path, tmp_path: Path) -> None:
    first, second, third = HummingEngine(), HummingEngine(), HummingEngine()
    prepare(data, tmp_path / "out", first)
    prepare(data, tmp_path / "out", second)
    prepare(data, tmp_path / "out", third, hours=2 * HOURS)
    prepare(data, tmp_path / "whole", HummingEngine(), hours=2 * HOURS)
    assert not second.asked
    grown, whole = (SpeechPack(tmp_path / name / "synthetic") for name in ("out", "whole"))
    said = {row.id: row.transcript for row in whole}
    assert {row.id: said.get(row.id, row.transcript) for row in grown} == {
        row.id: row.transcript for row in grown
    }
    assert len(grown) == pytest.approx(len(whole), abs=24)


def test_progress_reaches_the_end_of_each_part(data: Path, tmp_path: Path) -> None:
    seen: dict[str, float] = {}
    prepare_speech(
        data,
        tmp_path / "out",
        hours_synthetic=HOURS,
        workers=2,
        engines=[HummingEngine()],
        n_pieces=34,
        progress=lambda what, share: seen.update({what: share}),
    )
    assert seen == {"real speech": 1.0, "noise": 1.0, "synthetic speech": 1.0}


def test_sentences_are_readable_and_distinct(data: Path) -> None:
    everyday = everyday_sentences(data / "text")
    assert "Mr. Smith is here." in everyday
    assert not [text for text in everyday if "NATO" in text or "IS" in text]
    assert literary_sentences(data / "text")[1] == "we walked along the river"
    assert not is_readable("Meet me at 5.")
    assert not is_readable("Straße")


def test_missing_input_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(SpeechDataError, match=r"manifest.tsv is missing"):
        list(real_utterances(tmp_path))
    (data / "speech/manifest.tsv").write_text("path\tsplit\na\ttrain\n")
    with pytest.raises(SpeechDataError, match="no column 'speaker'"):
        list(real_utterances(data / "speech"))
    with pytest.raises(SpeechDataError, match="cannot read"):
        everyday_sentences(tmp_path)
    with pytest.raises(SpeechDataError, match="cannot decode"):
        decode_audio(data / "speech/c/3.wav")


def test_speech_much_too_short_or_long_for_its_words_is_implausible() -> None:
    assert is_plausible(hum(1.0), "three words here")
    assert not is_plausible(hum(0.3), "three words here")
    assert not is_plausible(hum(6.0), "word")
    assert not is_plausible(hum(1.0), "")
