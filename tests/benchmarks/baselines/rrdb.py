"""ESRGAN's generator in plain torch, written from the paper: images that are four times as large.

Wang et al., 2018, arXiv:1809.00219. Weights are named as in published files. Nothing here is ganzoo's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DOUBLINGS = 2


def leaky(features: Tensor) -> Tensor:
    return F.leaky_relu(features, 0.2)


class Dense(nn.Module):
    """Five convolutions, each of which sees what all before it made."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, growth, 3, 1, 1)
        self.conv2 = nn.Conv2d(width + growth, growth, 3, 1, 1)
        self.conv3 = nn.Conv2d(width + 2 * growth, growth, 3, 1, 1)
        self.conv4 = nn.Conv2d(width + 3 * growth, growth, 3, 1, 1)
        self.conv5 = nn.Conv2d(width + 4 * growth, width, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = leaky(self.conv1(x))
        two = leaky(self.conv2(torch.cat((x, one), 1)))
        three = leaky(self.conv3(torch.cat((x, one, two), 1)))
        four = leaky(self.conv4(torch.cat((x, one, two, three), 1)))
        return x + 0.2 * self.conv5(torch.cat((x, one, two, three, four), 1))  # type: ignore[no-any-return]


class Residual(nn.Module):
    """x plus a fifth of what three dense blocks make of it."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (Dense(width, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))  # type: ignore[no-any-return]


class RRDB(nn.Module):
    """Images ``(N, 3, 4h, 4w)`` in [0, 1] from images ``(N, 3, h, w)``."""

    def __init__(self, blocks: int, width: int, growth: int) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, width, 3, 1, 1)
        self.body = nn.Sequential(*(Residual(width, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(width, width, 3, 1, 1)
        self.conv_up1, self.conv_up2, self.conv_hr = (nn.Conv2d(width, width, 3, 1, 1) for _ in range(3))
        self.conv_last = nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        features = self.conv_first(images)
        features = features + self.conv_body(self.body(features))
        for layer in (self.conv_up1, self.conv_up2):
            features = leaky(layer(F.interpolate(features, scale_factor=2, mode="nearest")))
        return self.conv_last(leaky(self.conv_hr(features))).clamp(0, 1)  # type: ignore[no-any-return]


def random_weights(blocks: int, width: int, growth: int) -> dict[str, Tensor]:
    """Weights that keep the size of features, for images around 0.5."""
    chance = torch.Generator().manual_seed(0)
    found = {}
    for name, shape in ((name, tensor.shape) for name, tensor in RRDB(blocks, width, growth).state_dict().items()):
        gain = 0.1 if name.startswith("conv_last") else 1.0
        spread = gain * math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.01
        found[name] = spread * torch.randn(shape, generator=chance)
    found["conv_last.bias"] += 0.5
    return found
