"""Noise: mixed under speech, and heard alone."""

import wave
from pathlib import Path

import numpy as np
import pytest

from app.evaluation.noise import evaluate_noise
from app.evaluation.noise_mixer import NoiseError, NoiseMixer, find_clips
from engine.acoustics import BestPathDecoder
from engine.recognizer import StreamingRecognizer
from engine.recognizer_config import RecognizerConfig
from tests.engine.tones import PIECES, ToneModel, loudness_detector, silence, speak


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    """A hum of a second, quiet, in a subfolder."""
    (tmp_path / "machines").mkdir()
    hum = (np.sin(np.arange(16_000) * 0.3) * 1_000).astype("<i2")
    with wave.open(str(tmp_path / "machines" / "hum.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(hum.tobytes())
    (tmp_path / "readme.txt").write_text("no sound")
    return find_clips(tmp_path)


def test_noise_is_mixed_at_the_ratio_asked_for(clips: list[Path]) -> None:
    speech = speak("we have to go home now")
    added = NoiseMixer(clips, 10.0).mix(speech) - speech
    assert np.mean(speech**2) / np.mean(added**2) == pytest.approx(10.0, rel=1e-3)
    assert np.abs(added[-1_000:]).max() > 0.0  # repeated to the end


def test_silence_stays_silence(clips: list[Path]) -> None:
    assert not NoiseMixer(clips, 10.0).mix(silence(1.0)).any()


def test_a_folder_without_sound_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoiseError, match="no audio files"):
        find_clips(tmp_path)


def recognizer(min_evidence: float) -> StreamingRecognizer:
    decoder = BestPathDecoder(ToneModel(), PIECES)
    config = RecognizerConfig(min_evidence=min_evidence)
    return StreamingRecognizer(decoder, loudness_detector(), lang="en", config=config)


def test_words_that_are_heard_in_noise_are_counted() -> None:
    sounds = [("bang", speak("go")), ("quiet", silence(2.0)), ("talk", speak("we have to go"))]
    result = evaluate_noise(recognizer(0.0), sounds, longest_s=60.0)
    assert result["heard"] == {"bang": "go", "talk": "we have to go"}
    assert (result["n_words"], result["n_shown"]) == (5, 2)


def test_a_lone_unsure_word_is_not_shown_but_speech_is_from_its_first_word_on() -> None:
    sounds = [("bang", speak("go")), ("talk", speak("we have to go"))]
    result = evaluate_noise(recognizer(2.0), sounds, longest_s=60.0)
    assert result["heard"] == {"talk": "we have to go"}
    assert result["n_shown"] == 1


def test_the_stream_ends_after_the_time_allowed() -> None:
    result = evaluate_noise(recognizer(0.0), [("long", silence(9.0))] * 9, longest_s=12.0)
    assert result["seconds"] == 12.0
