import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audio import SAMPLE_RATE_HZ
from engine.vad import (
    FRAME_SAMPLES,
    SileroModel,
    SpeechEvent,
    SpeechGate,
    VadConfig,
    VadError,
    VoiceDetector,
)
from tests.engine.tones import LoudnessModel, silence, speak

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ

CONFIG = VadConfig(min_speech_s=3 * FRAME_S, min_silence_s=4 * FRAME_S, padding_s=2 * FRAME_S)


def events(probabilities: list[float], config: VadConfig = CONFIG) -> list[tuple[str, int, int]]:
    """Events, with positions in frames."""
    return [
        (event.kind, event.position // FRAME_SAMPLES, event.noticed // FRAME_SAMPLES)
        for event in SpeechGate(config).feed(probabilities)
    ]


def test_speech_starts_with_padding_and_ends_where_it_was_last_heard() -> None:
    heard = events([0.0] * 10 + [0.9] * 5 + [0.0] * 10)
    assert heard == [("start", 8, 13), ("end", 15, 19)]


def test_a_start_says_from_where_on_speech_was_heard() -> None:
    (start,) = SpeechGate(CONFIG).feed([0.0] * 10 + [0.6] * 2 + [0.95] * 3)
    assert start.onset == 10 * FRAME_SAMPLES


def test_padding_does_not_reach_before_the_stream() -> None:
    assert events([0.9] * 3) == [("start", 0, 3)]


def test_a_click_is_not_speech() -> None:
    assert events([0.0] * 5 + [0.9] * 2 + [0.0] * 5 + [0.9] * 2 + [0.0] * 5) == []


def test_a_short_silence_does_not_end_speech() -> None:
    assert events([0.9] * 4 + [0.0] * 3 + [0.9] + [0.0] * 3) == [("start", 0, 3)]


def test_between_the_thresholds_speech_goes_on_but_does_not_start() -> None:
    assert events([0.4] * 20) == []
    assert events([0.9] * 3 + [0.4] * 20) == [("start", 0, 3)]


def test_what_is_never_surely_speech_does_not_start_it() -> None:
    assert events([0.8] * 200) == []
    assert events([0.9] * 2 + [0.8] * 200) == []


def test_speech_is_sure_once_enough_of_it_was() -> None:
    config = VadConfig(min_speech_s=3 * FRAME_S, sure_s=5 * FRAME_S, padding_s=0.0)
    heard = events([0.95] * 4 + [0.5] * 3 + [0.95] * 9, config)
    assert heard == [("start", 0, 3), ("sure", 8, 8)]


def test_speech_that_becomes_sure_starts_where_it_was_first_heard_but_not_long_ago() -> None:
    assert events([0.0] * 9 + [0.6] * 4 + [0.95] * 3) == [("start", 7, 16)]
    ((_, start, noticed),) = events([0.6] * 200 + [0.95] * 3)
    assert (noticed - start) * FRAME_S == pytest.approx(2.0 + CONFIG.padding_s, abs=FRAME_S)


def test_speech_starts_again_after_it_ended() -> None:
    heard = events(([0.9] * 3 + [0.0] * 10) * 2)
    assert [kind for kind, _, _ in heard] == ["start", "end", "start", "end"]


@given(st.lists(st.floats(0, 1), max_size=80), st.integers(0, 80))
def test_events_alternate_lie_in_order_and_do_not_depend_on_cuts(
    probabilities: list[float], cut: int
) -> None:
    gate = SpeechGate(CONFIG)
    kept: list[int] = []
    heard: list[SpeechEvent] = []
    for probability in probabilities:
        kept.append(gate.keep_from)
        heard += gate.feed([probability])
    again = SpeechGate(CONFIG)
    assert again.feed(probabilities[:cut]) + again.feed(probabilities[cut:]) == heard
    for index, event in enumerate([event for event in heard if event.kind != "sure"]):
        assert event.kind == ("end" if index % 2 else "start")
        assert event.position <= event.noticed
        if event.kind == "start":
            frame = event.noticed // FRAME_SAMPLES - 1
            assert all(oldest <= event.position for oldest in kept[frame:][:1])


def test_the_detector_takes_chunks_of_any_length() -> None:
    sound = np.concatenate((silence(0.5), speak("we go"), silence(1)))
    whole = VoiceDetector(LoudnessModel()).feed(sound)
    assert [event.kind for event in whole] == ["start", "end"]
    detector = VoiceDetector(LoudnessModel())
    parts = [event for i in range(0, len(sound), 37) for event in detector.feed(sound[i : i + 37])]
    assert parts == whole
    assert detector.feed(np.zeros(0, np.float32)) == []


def test_the_network_gives_the_same_in_any_number_of_frames_at_once() -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, (40, FRAME_SAMPLES)).astype(np.float32)
    one, all_at_once = SileroModel(), SileroModel()
    single = np.concatenate([one.probabilities(sound[i : i + 1]) for i in range(40)])
    assert all_at_once.probabilities(sound) == pytest.approx(single, abs=1e-6)


def test_the_network_hears_no_speech_in_silence_and_noise() -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, (300, FRAME_SAMPLES)).astype(np.float32)
    assert SileroModel().probabilities(np.zeros_like(noise)).max() < 0.3
    assert SileroModel().probabilities(noise).max() < 0.3


def test_the_detector_loads_no_torch() -> None:
    code = (
        "import sys, engine.vad; engine.vad.SileroModel();"
        "sys.exit('torch' in sys.modules or 'silero_vad' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_network_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(VadError, match="pip install"):
        SileroModel()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"start_threshold": 0.2}, "stop 0.35, start 0.2 and sure 0.9"),
        ({"sure_threshold": 0.4}, "start <= sure"),
        ({"stop_threshold": -0.1}, "expected 0 <= stop"),
        ({"start_threshold": 1.5}, "start 1.5"),
        ({"min_silence_s": -1.0}, "min_silence_s is -1.0"),
        ({"padding_s": 60.0}, "padding_s is 60.0"),
    ],
)
def test_a_setting_out_of_range_is_named(changes: dict[str, float], says: str) -> None:
    with pytest.raises(VadError, match=says):
        VadConfig(**changes)
