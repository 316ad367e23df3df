"""The stem: log-mel frames each 10 ms become encoder frames each 80 ms.

Both stems apply three convolutions of kernel 3 and stride 2 without padding, over time and
frequency. Encoder frame i therefore sees the mel frames 8·i … 8·i + 14 and is centred at
80·i + 70 ms.
"""

from typing import TypeVar

from torch import Tensor, nn

from models.owsm_ctc.config import OwsmCtcConfig

N = TypeVar("N", int, Tensor)


def subsampled(n: N) -> N:
    """Return how many of `n` frames (or bands) the three convolutions leave."""
    for _ in range(3):
        n = (n - 1) // 2
    return n


def subsampled_lengths(lengths: Tensor, total: int) -> Tensor:
    """Return the encoder frames of rows with `lengths` mel frames in a batch padded to `total`.

    The validity mask of the original is sliced `[:-2:2]` three times. A padded row keeps the frame
    that straddles its end, so it can have one frame more than the same row alone.
    """
    for _ in range(3):
        total = (total - 1) // 2
        lengths = ((lengths + 1) // 2).clamp(max=total)
    return lengths


def make_stem(config: OwsmCtcConfig) -> nn.Module:
    """Return the stem named by `config.subsampling`."""
    channels = config.subsampling_channels or config.width
    stem = Conv2d8Stem if config.subsampling == "conv2d8" else DepthwiseStem
    return stem(config.n_mels, channels, config.width)


class Conv2d8Stem(nn.Module):
    """Three full convolutions with ReLU, then a linear layer: the stem of the official models."""

    def __init__(self, n_mels: int, channels: int, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(1 if i == 0 else channels, channels, 3, 2) for i in range(3)
        )
        self.out = nn.Linear(channels * subsampled(n_mels), width)

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, frames, n_mels) to (batch, frames // 8, width)."""
        x = features.unsqueeze(1)  # (batch, 1, frames, n_mels)
        for conv in self.convs:
            x = conv(x).relu_()  # (batch, channels, frames / 2, bands / 2)
        projected: Tensor = self.out(x.transpose(1, 2).flatten(2))
        return projected


class DepthwiseStem(nn.Module):
    """The same geometry with depthwise-separable second and third convolutions.

    With 80 mel bands and 144 channels: 15 million multiplications per second of audio instead of
    112 million.
    """

    def __init__(self, n_mels: int, channels: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, channels, 3, 2)
        self.depthwise = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, 2, groups=channels) for _ in range(2)
        )
        self.pointwise = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(2))
        self.out = nn.Linear(channels * subsampled(n_mels), width)

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, frames, n_mels) to (batch, frames // 8, width)."""
        x = self.first(features.unsqueeze(1)).relu_()  # (batch, channels, frames / 2, bands / 2)
        for depthwise, pointwise in zip(self.depthwise, self.pointwise, strict=True):
            x = pointwise(depthwise(x)).relu_()
        projected: Tensor = self.out(x.transpose(1, 2).flatten(2))
        return projected
