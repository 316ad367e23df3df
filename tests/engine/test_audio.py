from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audio import (
    SAMPLE_RATE_HZ,
    AudioChunk,
    AudioError,
    AudioNormalizer,
    SampleRing,
    as_float,
    clean,
)


def tone(hz: float, seconds: float, rate_hz: int) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz).astype(np.float32)


def normalize(samples: np.ndarray, rate_hz: int, block: int = 1000) -> np.ndarray:
    normalizer = AudioNormalizer(rate_hz)
    parts = [normalizer.feed(samples[i : i + block]) for i in range(0, len(samples), block)]
    return np.concatenate([*parts, normalizer.flush()])


def test_a_chunk_knows_where_it_ends() -> None:
    chunk = AudioChunk(np.zeros(8000, np.float32), 2.0)
    assert chunk.duration_s == 0.5
    assert chunk.end_s == 2.5
    assert AudioChunk(np.zeros(0, np.float32), 1.0).end_s == 1.0


@pytest.mark.parametrize("samples", [np.zeros((2, 3), np.float32), np.zeros(3), np.zeros(3, "i2")])
def test_a_chunk_of_another_shape_or_type_is_refused(samples: np.ndarray) -> None:
    with pytest.raises(AudioError, match="expected"):
        AudioChunk(samples, 0.0)


def test_samples_that_are_not_numbers_become_silence_and_are_counted() -> None:
    samples = np.array([0.5, np.nan, np.inf, -np.inf, 3.0, -3.0], np.float32)
    cleaned, n_invalid = clean(samples)
    assert cleaned.tolist() == [0.5, 0.0, 0.0, 0.0, 1.0, -1.0]
    assert n_invalid == 3


def test_good_samples_are_not_copied() -> None:
    samples = np.array([0.5, -1.0], np.float32)
    assert clean(samples)[0] is samples


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([0, 128, 255], np.uint8), [-1.0, 0.0, 127 / 128]),
        (np.array([-32768, 0, 16384], np.int16), [-1.0, 0.0, 0.5]),
        (np.array([-(2**31), 2**30], np.int32), [-1.0, 0.5]),
        (np.array([0.25], np.float64), [0.25]),
    ],
)
def test_pcm_of_any_usual_type_becomes_float(samples: np.ndarray, expected: list[float]) -> None:
    assert as_float(samples).dtype == np.float32
    assert as_float(samples).tolist() == pytest.approx(expected)


def test_other_types_are_refused() -> None:
    with pytest.raises(AudioError, match="complex128"):
        as_float(np.zeros(3, complex))


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_any_rate_becomes_16_khz_of_the_same_length_and_pitch(rate_hz: int) -> None:
    heard = normalize(tone(500, 1.0, rate_hz), rate_hz)
    assert len(heard) == pytest.approx(SAMPLE_RATE_HZ, abs=2)
    assert np.abs(np.fft.rfft(heard)).argmax() == 500
    assert np.abs(heard).max() <= 1.0
    assert heard[2000:14000] == pytest.approx(tone(500, 1.0, SAMPLE_RATE_HZ)[2000:14000], abs=0.01)


def test_stereo_is_mixed_to_the_mean_of_its_channels() -> None:
    left = np.array([0.5, 0.5, np.nan], np.float32)
    right = np.array([-0.5, 0.1, 0.4], np.float32)
    normalizer = AudioNormalizer(SAMPLE_RATE_HZ)
    mixed = normalizer.feed(np.stack((left, right), axis=1))
    assert mixed.tolist() == pytest.approx([0.0, 0.3, 0.2])
    assert normalizer.n_invalid == 1


@given(st.lists(st.integers(0, 3000), max_size=6))
def test_resampling_does_not_depend_on_where_blocks_end(cuts: list[int]) -> None:
    samples = tone(300, 3000 / 44_100, 44_100)
    normalizer = AudioNormalizer(44_100)
    edges = [0, *sorted(cuts), len(samples)]
    parts = [normalizer.feed(samples[a:b]) for a, b in pairwise(edges)]
    heard = np.concatenate([*parts, normalizer.flush()])
    assert heard == pytest.approx(normalize(samples, 44_100, len(samples)), abs=1e-6)


@pytest.mark.parametrize("rate_hz", [0, -1, 10**7])
def test_a_rate_that_no_sound_has_is_refused(rate_hz: int) -> None:
    with pytest.raises(AudioError, match="sampling rate"):
        AudioNormalizer(rate_hz)


def test_a_block_of_three_dimensions_is_refused() -> None:
    with pytest.raises(AudioError, match="shape"):
        AudioNormalizer(16_000).feed(np.zeros((1, 2, 3), np.float32))


@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(-5, 50_000)), max_size=12))
def test_the_ring_holds_what_was_appended_under_its_positions(
    steps: list[tuple[int, int]],
) -> None:
    ring = SampleRing()
    for n_samples, n_kept in steps:
        ring.append(np.arange(ring.end, ring.end + n_samples, dtype=np.float32))
        ring.discard_before(ring.end - n_kept)
        assert ring.start <= ring.end
        kept = ring.read(ring.start, ring.end)
        assert np.array_equal(kept, np.arange(ring.start, ring.end, dtype=np.float32))


def test_the_ring_does_not_grow_with_the_stream() -> None:
    ring = SampleRing()
    for _ in range(2000):
        ring.append(np.zeros(1600, np.float32))
        ring.discard_before(ring.end - 5 * SAMPLE_RATE_HZ)
    assert ring.end == 2000 * 1600
    assert len(ring._storage) <= 4 * 5 * SAMPLE_RATE_HZ


def test_what_the_ring_gives_is_a_copy() -> None:
    ring = SampleRing()
    ring.append(np.ones(10, np.float32))
    ring.read(0, 10)[:] = 5
    assert ring.read(0, 1)[0] == 1
