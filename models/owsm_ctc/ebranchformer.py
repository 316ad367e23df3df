"""The encoder block: E-Branchformer (Kim et al. 2022, arXiv 2210.00077) with prompt attention.

Two branches, self-attention and a convolutional gating MLP, are merged by a depthwise convolution
and a linear layer, between two half feed-forward layers. Where OWSM-CTC differs from the paper:
some blocks attend to the prompt before the last normalisation. The convolutions see the padding
of a batch, as in the original, where only attention is masked; it can be hidden from them, too.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.owsm_ctc.attention import Attention, FeedForward, layer_norm
from models.owsm_ctc.config import OwsmCtcConfig


class DepthwiseConv(nn.Module):
    """A convolution over time for each channel alone, same length, zeros at both ends.

    It is computed in two dimensions: (batch, frames, width) seen as an image is already in the
    channels-last order of the fast kernels. That is 2.6 times as fast as `Conv1d` on one core.
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, frames, width) to the same shape."""
        convolved = functional.conv2d(
            x.transpose(1, 2).unsqueeze(-1),  # (batch, width, frames, 1)
            self.conv.weight.unsqueeze(-1),
            self.conv.bias,
            padding=(self.conv.kernel_size[0] // 2, 0),
            groups=self.conv.groups,
        )
        return convolved.squeeze(-1).transpose(1, 2)


class ConvolutionalGate(nn.Module):
    """cgMLP: expand, split, gate one half by the convolved other half, contract."""

    def __init__(self, width: int, inner: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.expand = nn.Linear(width, inner)
        self.norm = layer_norm(inner // 2)
        self.conv = DepthwiseConv(inner // 2, kernel)
        self.contract = nn.Linear(inner // 2, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, padding: Tensor | None) -> Tensor:
        """Map (batch, frames, width) to the same shape; `padding` as for the block."""
        content, gate = functional.gelu(self.expand(x)).chunk(2, dim=-1)
        # (batch, frames, inner / 2)
        gated = content * self.conv(_without(padding, self.norm(gate)))
        contracted: Tensor = self.contract(self.dropout(gated))
        return contracted


class EBranchformerBlock(nn.Module):
    """One encoder block; `attends_prompt` says whether it has cross-attention."""

    def __init__(self, config: OwsmCtcConfig, *, attends_prompt: bool) -> None:
        super().__init__()
        width, dropout = config.width, config.dropout
        inner = config.feed_forward_width
        self.norm_first = layer_norm(width)
        self.first = FeedForward(width, inner, functional.silu, dropout)
        self.norm_attention = layer_norm(width)
        self.attention = Attention(width, config.n_heads, dropout)
        self.norm_gate = layer_norm(width)
        self.gate = ConvolutionalGate(width, config.gate_width, config.gate_kernel, dropout)
        self.merge_conv = DepthwiseConv(2 * width, config.merge_kernel)
        self.merge = nn.Linear(2 * width, width)
        self.norm_second = layer_norm(width)
        self.second = FeedForward(width, inner, functional.silu, dropout)
        self.attends_prompt = attends_prompt
        if attends_prompt:
            self.norm_prompt = layer_norm(width)
            self.prompt_attention = Attention(width, config.n_heads, dropout)
        self.norm_last = layer_norm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        prompt: Tensor,
        prompt_mask: Tensor | None,
        padding: Tensor | None = None,
    ) -> Tensor:
        """Encode.

        Args:
            x: (batch, frames, width).
            mask: (batch, 1, 1, frames), True where valid; None means everywhere.
            prompt: (batch, prompt tokens, width), the prompt encoder's output.
            prompt_mask: (batch, 1, 1, prompt tokens) or None.
            padding: (batch, frames, 1), True where the convolutions are to see zeros; None lets
                them see the padding.

        Returns:
            (batch, frames, width).
        """
        x = x + 0.5 * self.dropout(self.first(self.norm_first(x)))
        normed = self.norm_attention(x)
        attended = self.dropout(self.attention(normed, normed, mask))
        gated = self.dropout(self.gate(self.norm_gate(x), padding))
        both = torch.cat((attended, gated), dim=-1)  # (batch, frames, 2 * width)
        x = x + self.dropout(self.merge(both + self.merge_conv(_without(padding, both))))
        x = x + 0.5 * self.dropout(self.second(self.norm_second(x)))
        if self.attends_prompt:
            normed = self.norm_prompt(x)
            x = x + self.dropout(self.prompt_attention(normed, prompt, prompt_mask))
        last: Tensor = self.norm_last(x)
        return last


def _without(padding: Tensor | None, x: Tensor) -> Tensor:
    return x if padding is None else x.masked_fill(padding, 0.0)
