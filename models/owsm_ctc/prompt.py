"""The prompt encoder: text that came before, as a memory for the encoder's cross-attention."""

import torch
from torch import Tensor, nn

from models.owsm_ctc.attention import Attention, FeedForward, ScaledPositions, layer_norm
from models.owsm_ctc.config import OwsmCtcConfig


class PromptBlock(nn.Module):
    """A Transformer encoder layer, normalised before each part, with ReLU."""

    def __init__(self, width: int, n_heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norm_attention = layer_norm(width)
        self.attention = Attention(width, n_heads, dropout)
        self.norm_feed_forward = layer_norm(width)
        self.feed_forward = FeedForward(width, inner, torch.relu, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Map (batch, tokens, width) to the same shape; `mask` as in `Attention`."""
        normed = self.norm_attention(x)
        x = x + self.dropout(self.attention(normed, normed, mask))
        fed: Tensor = x + self.dropout(self.feed_forward(self.norm_feed_forward(x)))
        return fed


class PromptEncoder(nn.Module):
    """Embedded prompt tokens to the memory that the encoder's blocks attend to.

    The projection to the encoder's width is an Identity, without parameters, if the widths agree.
    """

    def __init__(self, config: OwsmCtcConfig) -> None:
        super().__init__()
        width = config.prompt_width
        self.positions = ScaledPositions(width, config.dropout)
        self.blocks = nn.ModuleList(
            PromptBlock(
                width, config.prompt_heads, config.prompt_feed_forward_width, config.dropout
            )
            for _ in range(config.prompt_blocks)
        )
        self.norm = layer_norm(width)
        self.project = projection(width, config.width)

    def forward(self, embedded: Tensor, mask: Tensor | None) -> Tensor:
        """Map (batch, tokens, prompt_width) to (batch, tokens, width)."""
        x = self.positions(embedded)
        for block in self.blocks:
            x = block(x, mask)
        memory: Tensor = self.project(self.norm(x))
        return memory


def projection(width: int, other: int) -> nn.Module:
    """Return a linear layer between two widths, or an Identity if they are equal."""
    return nn.Identity() if width == other else nn.Linear(width, other)
