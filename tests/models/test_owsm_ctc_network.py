import pytest
import torch
from torch import Tensor

from models.owsm_ctc.attention import ScaledPositions, sinusoids
from models.owsm_ctc.geometry import PREFIX_FRAMES
from models.owsm_ctc.network import CtcOutput, OwsmCtcNetwork, mean_ctc_loss
from models.owsm_ctc.subsampling import subsampled, subsampled_lengths
from tests.models.owsm_ctc_models import tiny_config, tiny_model

ENGLISH, NO_LANGUAGE, ASR = 5, 3, 6


def features_of(n_rows: int, n_frames: int, n_mels: int = 20, seed: int = 0) -> Tensor:
    return torch.randn(n_rows, n_frames, n_mels, generator=torch.Generator().manual_seed(seed))


def prefix_of(n_rows: int) -> Tensor:
    return torch.tensor([[ENGLISH, ASR]] * n_rows)


@pytest.mark.parametrize("subsampling", ["conv2d8", "depthwise"])
@pytest.mark.parametrize("n_mels", [20, 80, 128])
def test_every_stem_gives_an_encoder_frame_each_eight_mel_frames(
    subsampling: str, n_mels: int
) -> None:
    model = tiny_model(subsampling=subsampling, n_mels=n_mels)
    output = model(features_of(2, 75, n_mels), torch.tensor([75, 75]), prefix_of(2))
    assert output.log_probs.shape == (2, subsampled(75) + PREFIX_FRAMES, model.config.n_tokens)
    assert [inter.shape for inter in output.inter_log_probs] == [output.log_probs.shape] * 2
    assert output.lengths.tolist() == [subsampled(75) + PREFIX_FRAMES] * 2
    for log_probs in (output.log_probs, *output.inter_log_probs):
        torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(log_probs.shape[:2]))


def test_thirty_seconds_give_374_frames() -> None:
    assert subsampled(3001) == 374
    assert subsampled(15) == 1
    assert subsampled(14) == 0


@pytest.mark.parametrize("total", [15, 16, 40, 101, 274])
def test_lengths_follow_the_sliced_validity_mask(total: int) -> None:
    lengths = torch.arange(1, total + 1)
    mask = torch.arange(total)[None, :] < lengths[:, None]
    for _ in range(3):
        mask = mask[:, :-2:2]
    assert subsampled_lengths(lengths, total).tolist() == mask.sum(1).tolist()


@pytest.mark.parametrize(("kernel", "leaks"), [(1, False), (3, True)])
def test_padding_is_hidden_from_attention_but_not_from_convolutions(
    kernel: int, leaks: bool
) -> None:
    model = tiny_model(gate_kernel=kernel, merge_kernel=kernel)
    features, lengths = features_of(2, 75), torch.tensor([75, 45])
    output = model(features, lengths, prefix_of(2))
    n_valid = int(output.lengths[1])
    assert n_valid == 6 + PREFIX_FRAMES
    changed = features.clone()
    changed[1, 55:] = 5.0  # the sixth frame sees the mel frames 40 to 54
    again = model(changed, lengths, prefix_of(2))
    same = torch.allclose(again.log_probs[1, :n_valid], output.log_probs[1, :n_valid], atol=1e-5)
    assert same is not leaks
    torch.testing.assert_close(again.log_probs[0], output.log_probs[0])


def test_rows_of_full_length_do_not_depend_on_their_batch() -> None:
    model = tiny_model()
    features = features_of(3, 75)
    together = model(features, torch.tensor([75, 75, 75]), prefix_of(3))
    for row in range(3):
        alone = model(features[row : row + 1], torch.tensor([75]), prefix_of(1))
        torch.testing.assert_close(alone.log_probs[0], together.log_probs[row])
    unmasked = model(features, None, prefix_of(3))
    torch.testing.assert_close(unmasked.log_probs, together.log_probs)
    assert unmasked.lengths.tolist() == together.lengths.tolist()


def test_padding_of_the_prompt_changes_nothing() -> None:
    model = tiny_model()
    features = features_of(1, 75)
    prompt = torch.tensor([[12, 13, 14]])
    plain = model(features, None, prefix_of(1), prompt, torch.tensor([3]))
    padded = torch.tensor([[12, 13, 14, 9, 9]])
    again = model(features, None, prefix_of(1), padded, torch.tensor([3]))
    torch.testing.assert_close(again.log_probs, plain.log_probs)
    other = model(features, None, prefix_of(1), padded, torch.tensor([5]))
    assert not torch.allclose(other.log_probs, plain.log_probs, atol=1e-3)


def test_no_prompt_is_the_prompt_na() -> None:
    model = tiny_model()
    features = features_of(2, 75)
    na = torch.full((2, 1), model.config.tokens.index("<na>"))
    given = model(features, None, prefix_of(2), na, torch.tensor([1, 1]))
    torch.testing.assert_close(model(features, None, prefix_of(2)).log_probs, given.log_probs)


def test_the_prefix_changes_what_is_heard() -> None:
    model = tiny_model()
    features = features_of(1, 75)
    english = model(features, None, prefix_of(1)).log_probs
    unknown = model(features, None, torch.tensor([[NO_LANGUAGE, ASR]])).log_probs
    assert not torch.allclose(english, unknown, atol=1e-3)


def test_equal_widths_need_no_projections() -> None:
    names = set(OwsmCtcNetwork(tiny_config(prompt_width=16)).state_dict())
    assert not {name for name in names if "project" in name}
    names = set(OwsmCtcNetwork(tiny_config(prompt_width=12)).state_dict())
    assert {"project_prefix.weight", "prompt_encoder.project.bias"} <= names
    output = tiny_model(prompt_width=16)(features_of(1, 75), None, prefix_of(1))
    assert output.log_probs.isfinite().all()


def test_cross_attention_exists_only_in_its_blocks() -> None:
    names = OwsmCtcNetwork(tiny_config(cross_attention_blocks=(2,))).state_dict()
    assert {name.split(".")[1] for name in names if "prompt_attention" in name} == {"2"}


def test_leaving_inter_ctc_out_of_the_output_does_not_change_the_rest() -> None:
    model = tiny_model()
    features = features_of(1, 75)
    full = model(features, None, prefix_of(1))
    brief = model(features, None, prefix_of(1), keep_inter=False)
    assert brief.inter_log_probs == ()
    torch.testing.assert_close(brief.log_probs, full.log_probs)


def test_self_conditioning_feeds_back_and_can_be_left_out() -> None:
    model = tiny_model()
    features = features_of(1, 75)
    before = model(features, None, prefix_of(1)).log_probs
    with torch.no_grad():
        model.condition.weight.add_(1.0)
        model.condition.bias.add_(torch.arange(16.0))
    assert not torch.allclose(before, model(features, None, prefix_of(1)).log_probs, atol=1e-3)
    plain = tiny_model(self_conditioning=False)
    assert not [name for name in plain.state_dict() if name.startswith("condition")]
    assert len(plain(features, None, prefix_of(1)).inter_log_probs) == 2


def test_the_loss_is_the_mean_over_the_final_and_inter_ctc_losses() -> None:
    torch.manual_seed(0)
    parts = [torch.randn(2, 9, 7).log_softmax(-1) for _ in range(3)]
    lengths, targets = torch.tensor([9, 6]), torch.tensor([[1, 2, 3], [4, 4, 0]])
    target_lengths = torch.tensor([3, 2])
    singles = [
        mean_ctc_loss(CtcOutput(part, lengths, ()), targets, target_lengths) for part in parts
    ]
    together = mean_ctc_loss(
        CtcOutput(parts[0], lengths, (parts[1], parts[2])), targets, target_lengths
    )
    torch.testing.assert_close(together, torch.stack(singles).mean())
    other = (torch.tensor([[5], [5]]), torch.tensor([1, 1]))
    mixed = mean_ctc_loss(
        CtcOutput(parts[0], lengths, (parts[1],)), targets, target_lengths, inter_targets=[other]
    )
    first = mean_ctc_loss(CtcOutput(parts[1], lengths, ()), *other)
    torch.testing.assert_close(mixed, (singles[0] + first) / 2)


def test_an_utterance_too_short_for_its_target_costs_nothing() -> None:
    log_probs = torch.randn(1, 3, 7).log_softmax(-1)
    output = CtcOutput(log_probs, torch.tensor([3]), ())
    assert mean_ctc_loss(output, torch.tensor([[1, 1, 1, 1]]), torch.tensor([4])) == 0


def test_training_reaches_every_parameter_and_learns() -> None:
    torch.manual_seed(0)
    model = OwsmCtcNetwork(tiny_config(dropout=0.0))
    features = features_of(2, 91)
    prompt, prompt_lengths = torch.tensor([[12, 13], [2, 0]]), torch.tensor([2, 1])
    targets = torch.tensor([[5, 6, 10, 11], [4, 6, 12, 0]])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses: list[float] = []
    for _ in range(25):
        output = model(features, torch.tensor([91, 80]), prefix_of(2), prompt, prompt_lengths)
        loss = mean_ctc_loss(output, targets, torch.tensor([4, 3]))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        if not losses:
            for name, parameter in model.named_parameters():
                assert parameter.grad is not None, name
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 4


def test_log_probs_are_float32_under_bfloat16_autocast() -> None:
    model = tiny_model()
    with torch.autocast("cpu", torch.bfloat16):
        output = model(features_of(1, 75), None, prefix_of(1))
    assert output.log_probs.dtype == torch.float32


def test_positions_beyond_the_table_are_computed() -> None:
    positions = ScaledPositions(16, 0.0)
    long = positions(torch.zeros(1, 1300, 16))
    torch.testing.assert_close(long[0], sinusoids(1300, 16))
    assert sinusoids(3, 4)[2, 1] == pytest.approx(torch.tensor(2.0).cos().item())
