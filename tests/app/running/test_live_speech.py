"""The live engine with the shipped models: speech after silence, without a pause, or none."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from engine.audio import SAMPLE_RATE_HZ, Samples
from engine.captions import Caption
from engine.session import Session
from tests import shipped
from tests.fakes import in_order
from tests.live import captions_of


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The models are small: more threads only wait for one another."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def captions(sound: Samples, *, stretch: int = 1) -> list[Caption]:
    recognizer = shipped.recognizer()
    recognizer.stretch(stretch)
    session = Session(shipped.translator(), session="s")
    return in_order(captions_of(recognizer, session, sound))


def room(seconds: float) -> Samples:
    """A room in which nothing is to be heard but the microphone itself."""
    dice = np.random.default_rng(0)
    n_samples = round(seconds * SAMPLE_RATE_HZ)
    return (dice.normal(size=n_samples) * 1e-4).astype(np.float32)


def test_a_sentence_after_60_s_of_silence_is_heard_and_translated() -> None:
    sentence = shipped.demo()[: 5 * SAMPLE_RATE_HZ]
    heard = captions(np.concatenate((room(60), sentence, room(2))))
    assert heard[0].start_s > 59
    (final,) = [c for c in heard if c.final]
    assert final.source.committed.startswith("the little girl")
    assert "Mädchen" in final.target.committed


def test_text_flows_and_settles_through_90_s_of_speech_without_a_pause() -> None:
    heard = captions(shipped.without_pauses(shipped.demo(), 90), stretch=4)
    finals = [c for c in heard if c.final]
    newest: dict[int, str] = {}
    settled_s = [0.0]
    for caption in heard:
        if caption.target.committed != newest.get(caption.segment, ""):
            newest[caption.segment] = caption.target.committed
            settled_s.append(caption.emitted_s)
    assert np.diff([*settled_s, 90.0]).max() < 12
    assert len(finals) > 3
    assert all(c.end_s - c.start_s < 30 for c in finals)
    assert sum(len(c.source.committed.split()) for c in finals) > 180


def music(seconds: float) -> Samples:
    """Broken chords with overtones, each note dying away."""
    sound = np.zeros(round(seconds * SAMPLE_RATE_HZ))
    note = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    for i, start in enumerate(range(0, len(sound) - len(note), SAMPLE_RATE_HZ // 4)):
        hz = 220.0 * 2 ** ((0, 4, 7, 12, 9, 7, 5, 2)[i % 8] / 12)
        tones = sum(np.sin(2 * np.pi * hz * n * note) / n**1.5 for n in range(1, 8))
        sound[start : start + len(note)] += 0.1 * tones * np.exp(-4 * note)
    return sound.astype(np.float32)


def hiss(seconds: float) -> Samples:
    """Loud noise that swells and fades."""
    dice = np.random.default_rng(1)
    times = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 0.7 * times)
    return (0.2 * swell * dice.normal(size=len(times))).astype(np.float32)


def hum(seconds: float) -> Samples:
    """Mains, with its overtones."""
    times = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    waves = (np.sin(2 * np.pi * 50 * n * times) / n for n in range(1, 6))
    return np.asarray(0.1 * np.sum(list(waves), axis=0), np.float32)


@pytest.mark.parametrize("sound", [music, hiss, hum])
def test_noise_and_music_alone_give_no_caption(sound: Callable[[float], Samples]) -> None:
    assert captions(np.concatenate((sound(20), room(2)))) == []
