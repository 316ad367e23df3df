import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.training.augmentation import (
    NO_AUGMENTATION,
    AugmentationConfig,
    Augmenter,
    add_at_snr,
    change_speed,
    fast_length,
    mask_features,
    room_response,
)
from models.training.speech_pack import PackWriter, SpeechPack

TONE = (8000 * np.sin(2 * np.pi * 440 / 16000 * np.arange(16000))).astype(np.int16)


def test_without_augmentation_audio_is_only_scaled() -> None:
    audio = Augmenter(NO_AUGMENTATION)(TONE, np.random.default_rng(0))
    np.testing.assert_allclose(audio, TONE / 32768, atol=1e-6)


def test_the_same_dice_give_the_same_audio() -> None:
    augmenter = Augmenter(AugmentationConfig())
    once, again = (augmenter(TONE, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("seed", range(12))
def test_any_augmentation_stays_finite_and_in_range(seed: int) -> None:
    audio = Augmenter(AugmentationConfig(gain_db=(0.0, 20.0)))(TONE, np.random.default_rng(seed))
    assert audio.dtype == np.float32
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() <= 1.0
    assert 0.85 * len(TONE) <= len(audio) <= 1.15 * len(TONE) + 2 * 0.7 * 16000


def test_speed_changes_length_and_pitch() -> None:
    faster = change_speed((TONE / 32768).astype(np.float32), 1.1)
    assert len(faster) == pytest.approx(16000 / 1.1, abs=2)
    peak_hz = np.abs(np.fft.rfft(faster)).argmax() * 16000 / len(faster)
    assert peak_hz == pytest.approx(484, abs=3)


def test_noise_is_added_at_the_ratio_asked_for() -> None:
    dice = np.random.default_rng(0)
    audio, noise = (dice.standard_normal(16000, dtype=np.float32) for _ in range(2))
    added = add_at_snr(audio, noise, 10.0) - audio
    ratio = 10 * math.log10(float(np.sum(audio**2) / np.sum(added**2)))
    assert ratio == pytest.approx(10.0, abs=0.01)
    silence = np.zeros(10, np.float32)
    np.testing.assert_array_equal(add_at_snr(audio[:10], silence, 10.0), audio[:10])


def test_a_room_begins_with_the_direct_path_and_decays() -> None:
    response = room_response(np.random.default_rng(0), 0.4)
    assert response[0] == np.abs(response).max()
    assert np.sum(response**2) == pytest.approx(1.0, abs=1e-4)
    early, late = (np.sum(part**2) for part in np.array_split(response[1:], 2))
    assert early > 100 * late


def test_the_telephone_removes_high_sounds() -> None:
    hiss = np.random.default_rng(0).integers(-8000, 8000, 16000).astype(np.int16)
    audio = Augmenter(replace(NO_AUGMENTATION, telephone=1.0))(hiss, np.random.default_rng(1))
    power = np.abs(np.fft.rfft(audio)) ** 2
    assert len(audio) == len(hiss)
    assert power[6000:].mean() < 1e-3 * power[1000:2500].mean()


def test_short_noise_clips_of_the_training_split_are_repeated(tmp_path: Path) -> None:
    with PackWriter(tmp_path) as pack:
        for split, value in (("train", 100), ("dev", 9999)):
            samples = np.full(50, value, np.int16)
            pack.add(samples, id=split, split=split, source="n", lang="", voice="", transcript="")
    augmenter = Augmenter(AugmentationConfig(hiss=0.0), SpeechPack(tmp_path))
    noise = augmenter.noise(400, np.random.default_rng(0))
    np.testing.assert_allclose(noise, np.full(400, 100 / 32768), rtol=1e-5)


def test_a_bad_setting_is_named() -> None:
    with pytest.raises(ValueError, match=r"room = 2\.0"):
        AugmentationConfig(room=2.0)
    with pytest.raises(ValueError, match="snr_db"):
        AugmentationConfig(snr_db=(30.0, 5.0))


@given(st.integers(1, 10**6))
def test_a_fast_length_is_long_enough_and_not_much_longer(n: int) -> None:
    length = fast_length(n)
    assert n <= length <= 1.15 * n + 512
    for factor in (2, 3, 5):
        while length % factor == 0:
            length //= factor
    assert length == 1


def test_masks_hit_bands_and_valid_frames_only() -> None:
    config = AugmentationConfig(frequency_mask_bands=4, time_masks_per_s=2.0, time_mask_s=0.1)
    features = torch.ones(3, 300, 20)
    lengths = torch.tensor([300, 200, 100])
    masked = mask_features(features, lengths, config, torch.Generator().manual_seed(0))
    assert set(torch.unique(masked).tolist()) == {0.0, 1.0}
    zero_frames = (masked == 0).all(2)  # (batch, frames)
    assert zero_frames.any(1).all()
    for row, n_frames in enumerate(lengths.tolist()):
        assert not zero_frames[row, n_frames:].any()
    again = mask_features(features, lengths, config, torch.Generator().manual_seed(0))
    assert torch.equal(masked, again)


def test_no_masks_change_nothing() -> None:
    features = torch.randn(2, 30, 8)
    lengths = torch.tensor([30, 20])
    assert torch.equal(
        mask_features(features, lengths, NO_AUGMENTATION, torch.Generator()), features
    )
