import numpy as np
import pytest
import torch

from models.owsm_ctc.long_form import FRAME_SAMPLES, Buffering


@pytest.mark.parametrize("n_frames", [0, 1, 19, 20, 21, 40, 55, 100])
@pytest.mark.parametrize("context_frames", [1, 5, 14])
def test_every_frame_is_kept_once_from_a_buffer_that_has_its_context(
    n_frames: int, context_frames: int
) -> None:
    buffering = Buffering(2.4, context_frames * 0.08)  # 30 frames
    # Samples that count the frames, so that a frame of the buffer says which frame it is.
    audio = np.repeat(np.arange(1, n_frames + 1), FRAME_SAMPLES).astype(np.float32)
    buffers = buffering.cut(audio)
    assert buffers.shape[1] == 30 * FRAME_SAMPLES
    heard = torch.from_numpy(buffers[:, ::FRAME_SAMPLES])  # (buffers, 30)
    # As the model gives it: two prefix frames in front, one frame less than the buffer has.
    log_probs = torch.nn.functional.pad(heard[:, :-1], (2, 0), value=-1.0)[..., None]
    joined = buffering.join(log_probs, len(audio))
    assert joined[:, 0].tolist() == list(range(1, n_frames + 1))


def test_the_number_of_buffers_follows_the_original() -> None:
    assert len(Buffering(30.0, 4.0).cut(np.zeros(72 * 16_000, np.float32))) == 4
    assert len(Buffering(30.0, 2.0).cut(np.zeros(72 * 16_000, np.float32))) == 3


@pytest.mark.parametrize("context_s", [0.0, 0.04, 0.1, 1.2, -1.0, float("nan")])
def test_a_context_off_the_grid_or_out_of_range_is_an_error(context_s: float) -> None:
    with pytest.raises(ValueError, match="context_s"):
        Buffering(2.4, context_s)
