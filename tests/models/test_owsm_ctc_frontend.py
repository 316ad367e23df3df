import numpy as np
import pytest
import torch

from models.owsm_ctc.frontend import LogMelFrontend, frame_count, hz_to_mel, mel_matrix, mel_to_hz


@pytest.mark.parametrize(("hz", "mel"), [(0.0, 0.0), (200.0, 3.0), (1000.0, 15.0), (6400.0, 42.0)])
def test_the_mel_scale_has_slaneys_fixed_points(hz: float, mel: float) -> None:
    assert hz_to_mel(hz) == pytest.approx(mel)
    assert mel_to_hz(np.array([mel]))[0] == pytest.approx(hz)


@pytest.mark.parametrize("n_mels", [80, 128])
def test_every_mel_filter_has_unit_area_up_to_the_grid(n_mels: int) -> None:
    matrix = mel_matrix(n_mels)
    assert matrix.shape == (257, n_mels)
    areas = matrix.sum(axis=0) * (8000 / 256)  # bins are 31.25 Hz wide
    # The low triangles are only a few bins wide, so their sampled area differs from one.
    assert np.median(areas) == pytest.approx(1.0, abs=0.01)
    assert (areas > 0.4).all()


def test_a_tone_is_loudest_in_its_own_band() -> None:
    frontend = LogMelFrontend(80)
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)[None]
    frames, _ = frontend.log_mel(tone, torch.tensor([16_000]))
    centres_hz = mel_to_hz(np.linspace(0, hz_to_mel(8000.0), 82))[1:-1]
    loudest = int(frames[0, 50].argmax())
    assert abs(centres_hz[loudest] - 1000) < 40


@pytest.mark.parametrize("n_samples", [400, 1599, 1600, 1601, 16_000])
def test_frames_are_counted_as_samples_by_160_plus_one(n_samples: int) -> None:
    frames, lengths = LogMelFrontend(20)(torch.zeros(1, n_samples), torch.tensor([n_samples]))
    assert frames.shape == (1, frame_count(n_samples), 20)
    assert lengths.tolist() == [n_samples // 160 + 1]


def test_padded_frames_are_zero_and_earlier_ones_do_not_change() -> None:
    torch.manual_seed(0)
    frontend = LogMelFrontend(20)
    frontend.set_statistics(torch.full((20,), -3.0), torch.full((20,), 2.0))
    audio = torch.randn(3200) * 0.1
    padded = torch.zeros(2, 4800)
    padded[0] = torch.randn(4800) * 0.1
    padded[1, :3200] = audio
    alone, _ = frontend(audio[None], torch.tensor([3200]))
    batch, lengths = frontend(padded, torch.tensor([4800, 3200]))
    assert lengths.tolist() == [31, 21]
    assert (batch[1, 21:] == 0).all()
    # The last two windows reach over the end: mirrored alone, filled with silence in the batch.
    torch.testing.assert_close(batch[1, :19], alone[0, :19])


def test_statistics_normalise_and_are_saved_with_the_model() -> None:
    frontend = LogMelFrontend(20)
    audio = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
    raw, lengths = frontend.log_mel(audio, torch.tensor([16_000]))
    frontend.set_statistics(raw[0].mean(0), raw[0].std(0))
    normal, _ = frontend(audio, torch.tensor([16_000]))
    torch.testing.assert_close(normal[0].mean(0), torch.zeros(20), atol=1e-4, rtol=0)
    torch.testing.assert_close(normal[0].std(0), torch.ones(20))
    assert set(frontend.state_dict()) == {"mean", "std"}
    assert lengths.tolist() == [101]


def test_features_are_single_precision_under_autocast() -> None:
    audio = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0)) * 0.1
    frontend = LogMelFrontend(20)
    expected, _ = frontend(audio, torch.tensor([4000]))
    with torch.autocast("cpu", torch.bfloat16):
        features, _ = frontend(audio, torch.tensor([4000]))
    torch.testing.assert_close(features, expected, rtol=0, atol=0)
