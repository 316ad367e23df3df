"""The network: features, a language and task prefix and a prompt to CTC log-probabilities.

    forward(features, feature_lengths, prefix_ids, prompt_ids=None, prompt_lengths=None)
        -> CtcOutput

| argument        | shape, type                   | meaning                                        |
| --------------- | ----------------------------- | ---------------------------------------------- |
| features        | (batch, frames, n_mels) float | normalised log-mel: `self.frontend(audio, n)`  |
| feature_lengths | (batch,) int64 or None        | frames of each row; None means all             |
| prefix_ids      | (batch, 2) int64              | language token and task token                  |
| prompt_ids      | (batch, tokens) int64 or None | previous text; None means `<na>` for every row |
| prompt_lengths  | (batch,) int64                | prompt tokens of each row                      |

`CtcOutput` has `log_probs` (batch, out, vocabulary), `lengths` (batch,) and `inter_log_probs`, one
such tensor for each inter-CTC block; `out` counts the two prefix frames in front, which belong to
the CTC input: the target of a row is its language token, its task token, then its text.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.owsm_ctc.attention import ScaledPositions, layer_norm, padding_mask
from models.owsm_ctc.config import NO_PROMPT, OwsmCtcConfig
from models.owsm_ctc.ebranchformer import EBranchformerBlock
from models.owsm_ctc.frontend import LogMelFrontend
from models.owsm_ctc.geometry import BLANK_ID as BLANK_ID  # for training, whose loss is here
from models.owsm_ctc.geometry import PREFIX_FRAMES
from models.owsm_ctc.prompt import PromptEncoder, projection
from models.owsm_ctc.subsampling import make_stem, subsampled, subsampled_lengths


class CtcOutput(NamedTuple):
    """Distributions over the vocabulary, in float32 whatever the precision of the layers."""

    log_probs: Tensor
    """(batch, out, vocabulary), from the last block."""
    lengths: Tensor
    """(batch,) valid frames of each row, prefix frames included."""
    inter_log_probs: tuple[Tensor, ...]
    """The same shape, after each of `config.inter_ctc_blocks`; empty if they were not kept."""


class OwsmCtcNetwork(nn.Module):
    """The layers of OWSM-CTC; reading audio and text is `models.owsm_ctc.model.OwsmCtc`."""

    def __init__(self, config: OwsmCtcConfig) -> None:
        super().__init__()
        self.config = config
        self.frontend = LogMelFrontend(config.n_mels)
        self.stem = make_stem(config)
        self.embed = nn.Embedding(config.n_tokens, config.prompt_width)
        self.project_prefix = projection(config.prompt_width, config.width)
        self.prompt_encoder = PromptEncoder(config)
        self.positions = ScaledPositions(config.width, config.dropout)
        self.blocks = nn.ModuleList(
            EBranchformerBlock(config, attends_prompt=i in config.cross_attention_blocks)
            for i in range(config.n_blocks)
        )
        self.norm = layer_norm(config.width)
        self.head = nn.Linear(config.width, config.n_tokens)
        if config.self_conditioning and config.inter_ctc_blocks:
            self.condition = nn.Linear(config.n_tokens, config.width)
        self._no_prompt_id = config.tokens.index(NO_PROMPT)

    def forward(
        self,
        features: Tensor,
        feature_lengths: Tensor | None,
        prefix_ids: Tensor,
        prompt_ids: Tensor | None = None,
        prompt_lengths: Tensor | None = None,
        *,
        keep_inter: bool = True,
        apart: bool = False,
    ) -> CtcOutput:
        """Return final and inter-CTC log-probabilities; see the module's docstring for shapes.

        With `apart`, rows are what they are alone: padding is hidden from the convolutions, too.
        """
        prompt, prompt_mask = self._encode_prompt(features.shape[0], prompt_ids, prompt_lengths)
        x = self.stem(features)  # (batch, frames / 8, width)
        prefix = self.project_prefix(self.embed(prefix_ids))  # (batch, 2, width)
        x = self.positions(torch.cat((prefix.to(x.dtype), x), dim=1))  # (batch, out, width)
        if feature_lengths is None:
            lengths, mask = torch.full((x.shape[0],), x.shape[1], device=x.device), None
        else:
            lengths = PREFIX_FRAMES + (
                subsampled(feature_lengths)
                if apart
                else subsampled_lengths(feature_lengths, features.shape[1])
            )
            mask = padding_mask(lengths, x.shape[1])
        padding = ~mask[:, 0, 0, :, None] if apart and mask is not None else None
        inter_log_probs = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x, mask, prompt, prompt_mask, padding)
            if number not in self.config.inter_ctc_blocks:
                continue
            if not (keep_inter or self.config.self_conditioning):
                continue
            logits = self.head(x).float()  # (batch, out, vocabulary)
            if keep_inter:
                inter_log_probs.append(logits.log_softmax(-1))
            if self.config.self_conditioning:
                x = x + self.condition(logits.softmax(-1).to(x.dtype))
        log_probs = self.head(self.norm(x)).float().log_softmax(-1)
        return CtcOutput(log_probs, lengths, tuple(inter_log_probs))

    def _encode_prompt(
        self, n_rows: int, prompt_ids: Tensor | None, prompt_lengths: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the prompt memory (batch, tokens, width) and its mask."""
        if prompt_ids is None:
            device = self.embed.weight.device
            prompt_ids = torch.full((n_rows, 1), self._no_prompt_id, device=device)
            prompt_lengths = None
        mask = None
        if prompt_lengths is not None:
            mask = padding_mask(prompt_lengths, prompt_ids.shape[1])
        return self.prompt_encoder(self.embed(prompt_ids), mask), mask


def mean_ctc_loss(
    output: CtcOutput,
    targets: Tensor,
    target_lengths: Tensor,
    *,
    inter_targets: list[tuple[Tensor, Tensor]] | None = None,
) -> Tensor:
    """Return the plain mean of the final and all inter-CTC losses, each per utterance.

    Args:
        output: of `OwsmCtcNetwork.forward`, with its inter-CTC distributions.
        targets: (batch, tokens) ids: language, task, then text; padding is ignored.
        target_lengths: (batch,).
        inter_targets: targets and lengths for each inter-CTC block in order; None means the same
            as the final ones. For translation the early blocks take the transcript instead.

    Utterances that are too short for their targets count as zero.
    """
    pairs = inter_targets or [(targets, target_lengths)] * len(output.inter_log_probs)
    pairs = [*pairs, (targets, target_lengths)]
    losses = [
        functional.ctc_loss(
            log_probs.transpose(0, 1),  # (out, batch, vocabulary)
            ids,
            output.lengths,
            lengths,
            blank=BLANK_ID,
            reduction="sum",
            zero_infinity=True,
        )
        for log_probs, (ids, lengths) in zip(
            (*output.inter_log_probs, output.log_probs), pairs, strict=True
        )
    ]
    return torch.stack(losses).mean() / output.log_probs.shape[0]
