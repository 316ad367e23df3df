import random
import shutil
import stat
import wave
from pathlib import Path

import numpy as np
import pytest

from models.training.speech_synthesis import (
    EspeakEngine,
    FestivalEngine,
    FliteEngine,
    SpeechRequest,
    Voice,
    normalize_level,
    random_prosody,
    read_wav,
    write_wav,
)


def program(path: Path, script: str) -> str:
    """Write an executable that stands for an engine."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def tone(path: Path, rate_hz: int = 22050, n_channels: int = 1) -> Path:
    samples = (3000 * np.sin(np.arange(rate_hz) / 20)).astype("<i2").repeat(n_channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(n_channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return path


def test_wav_files_of_any_rate_become_16_khz_mono_at_one_level(tmp_path: Path) -> None:
    for rate_hz, n_channels in ((22050, 1), (8000, 2), (16000, 1)):
        samples = read_wav(tone(tmp_path / "x.wav", rate_hz, n_channels))
        assert len(samples) == pytest.approx(16000, abs=40)
        assert np.abs(samples).max() == pytest.approx(0.6 * 32767, rel=0.02)
    write_wav(tmp_path / "y.wav", samples)
    np.testing.assert_allclose(read_wav(tmp_path / "y.wav"), samples, atol=2)


def test_silence_is_not_blown_up() -> None:
    assert not normalize_level(np.full(10, 1e-6, np.float32)).any()


def test_what_is_no_wav_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"no")
    with pytest.raises(ValueError, match="no WAV file"):
        read_wav(tmp_path / "x.wav")


def test_an_engine_that_is_absent_has_no_voices() -> None:
    assert not EspeakEngine("no-such-program").voices()
    assert not FliteEngine("no-such-program").voices()
    assert not FestivalEngine("no-such-program").voices()


def test_espeak_voices_are_accents_times_variants(tmp_path: Path) -> None:
    listing = "Pty Language Age VoiceName File\\n 5 variant --/M Adam !v/adam\\n"
    listing += " 5 variant --/F Andrea !v/Andrea\\n 5 variant --/M Serious !v/Mr serious\\n"
    listing += " 5 variant --/M Whisper !v/whisper\\n"
    engine = EspeakEngine(program(tmp_path / "espeak", f'printf "{listing}"'))
    voices = engine.voices()
    variants = {voice.name.split("+")[1] for voice in voices}
    assert variants == {"adam", "Andrea", "Mr serious"}
    assert {voice.name.split("+")[1] for voice in voices if voice.held_out} == {"Andrea"}


def test_a_failing_engine_gives_none_and_the_rest_goes_on(tmp_path: Path) -> None:
    wav = tone(tmp_path / "tone.wav")
    script = f'for last in "$@"; do :; done\n[ "$last" = bad ] || cp {wav} "$8"'
    engine = EspeakEngine(program(tmp_path / "espeak", script))
    voice = Voice(engine="espeak", name="en-us+f1")
    requests = [SpeechRequest(id=text, text=text, voice=voice) for text in ("good", "bad")]
    good, bad = engine.speak(requests)
    assert good is not None
    assert bad is None


def test_festival_reads_a_batch_in_one_process_per_voice(tmp_path: Path) -> None:
    wav, count = tone(tmp_path / "tone.wav"), tmp_path / "starts"
    script = (
        f"echo start >> {count}\n"
        'sed -n \'s/.*utt.save.wave u "\\([^"]*\\)".*/\\1/p\' "$2" | '
        f'while read file; do cp {wav} "$file"; done'
    )
    engine = FestivalEngine(program(tmp_path / "festival", script))
    voices = [Voice(engine="festival", name=name) for name in ("a", "b")]
    requests = [
        SpeechRequest(id=str(number), text='say "x"', voice=voices[number % 2])
        for number in range(4)
    ]
    assert all(samples is not None for samples in engine.speak(requests))
    assert count.read_text().count("start") == 2


@pytest.mark.parametrize("engine", [EspeakEngine(), FliteEngine(), FestivalEngine()])
def test_installed_engines_speak(engine: EspeakEngine | FliteEngine | FestivalEngine) -> None:
    voices = engine.voices()
    if not voices:
        pytest.skip(f"{engine.name} is not installed")
    request = SpeechRequest(id="1", text="hello there, old friend", voice=voices[0], pace=1.1)
    (samples,) = engine.speak([request])
    assert samples is not None
    assert 0.5 < len(samples) / 16000 < 5


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_no_recorded_speaker_is_both_heard_and_held_out() -> None:
    voices = [*FliteEngine().voices(), *FestivalEngine().voices()]
    assert all(voice.held_out == ("slt" in voice.name) for voice in voices)


def test_prosody_stays_within_what_engines_take() -> None:
    dice = random.Random(0)
    drawn = [random_prosody(dice) for _ in range(200)]
    assert all(0.7 <= value <= 1.35 for pair in drawn for value in pair)
