"""The residual networks of R3GAN as published, without normalisation and with few biases (Huang et al., 2024)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo import GanzooError
from ganzoo.parts import Task, activation

GAIN = (2 / (1 + 0.2**2)) ** 0.5  # for leaky ReLU, keeps the variance from layer to layer (He et al., 2015)


def scaled(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> nn.Conv2d | nn.Linear:
    """The layer with weights from N(0, gain² / inputs), where inputs are those of one output, and biases 0."""
    nn.init.normal_(layer.weight, 0.0, gain / layer.weight[0].numel() ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    """x plus an inverted bottleneck: 1x1 to twice the channels, grouped 3x3, 1x1 back.

    The last layer starts at 0, so the block starts as the identity. The other two start smaller the more blocks there
    are (Zhang et al., 2019).

    Args:
        channels: of its input and output.
        group: channels in each group of the 3x3 convolution.
        blocks: residual blocks in the whole network.
    """

    def __init__(self, channels: int, group: int, blocks: int) -> None:
        super().__init__()
        inner, gain = 2 * channels, GAIN * blocks**-0.25
        if inner % group and inner > group:
            raise GanzooError(
                f"twice {channels} channels do not divide into groups of {group}; take another width, or set group"
            )
        self.branch = nn.Sequential(
            scaled(nn.Conv2d(channels, inner, 1), gain),
            activation("leaky"),
            scaled(nn.Conv2d(inner, inner, 3, padding=1, groups=max(1, inner // group)), gain),
            activation("leaky"),
            scaled(nn.Conv2d(inner, channels, 1, bias=False), 0.0),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, C, H, W)`` from features of the same shape."""
        return features + self.branch(features)  # type: ignore[no-any-return]


class Double(nn.Module):
    """Twice the height and width by the filter [1, 3, 3, 1], with zeros around the edge.

    Between pixels this is bilinear interpolation, which is several times faster on a CPU than a transposed convolution.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, C, 2 H, 2 W)``."""
        padded = F.interpolate(F.pad(features, (1, 1, 1, 1)), scale_factor=2.0, mode="bilinear")
        return padded[:, :, 2:-2, 2:-2]


class Halve(nn.Module):
    """Half the height and width by the filter [1, 3, 3, 1] / 8, with zeros around the edge."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", torch.outer(line, line)[None, None])

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, C, H / 2, W / 2)``."""
        channels = features.shape[1]
        kernel = self.kernel.expand(channels, -1, -1, -1)
        return F.conv2d(features, kernel, stride=2, padding=1, groups=channels)


def stages(widths: list[int], group: int, blocks: int) -> list[nn.Sequential]:
    """The residual blocks at each size."""
    number = blocks * len(widths)
    return [nn.Sequential(*(Block(width, group, number) for _ in range(blocks))) for width in widths]


def matched(inputs: int, outputs: int) -> list[nn.Module]:
    """A 1x1 convolution where the number of channels changes."""
    return [] if inputs == outputs else [scaled(nn.Conv2d(inputs, outputs, 1, bias=False))]


class Generator(nn.Module):
    """z times a learned map, and residual blocks at each size. Images are clamped to their range in evaluation alone.

    Args:
        task: what the network has to fit.
        widths: channels at each size, the smallest size first.
        small: height and width of the smallest.
        group: channels in each group of a grouped convolution.
        blocks: residual blocks at each size.
    """

    def __init__(self, task: Task, widths: list[int], small: tuple[int, int], group: int, blocks: int) -> None:
        super().__init__()
        self.range = task.range
        self.scales = scaled(nn.Linear(task.latent_dim, widths[0], bias=False))
        self.basis = nn.Parameter(torch.randn(widths[0], *small))
        first, *others = stages(widths, group, blocks)
        self.layers = nn.Sequential(first)
        for pair, stage in zip(pairwise(widths), others, strict=True):
            self.layers.extend([*matched(*pair), Double(), stage])
        self.layers.append(scaled(nn.Conv2d(widths[-1], task.shape[0], 1, bias=False)))

    def forward(self, z: Tensor) -> Tensor:
        """Images ``(N, channels, height, width)`` from latents ``(N, latent_dim)``."""
        images: Tensor = self.layers(self.scales(z)[:, :, None, None] * self.basis)
        return images if self.training or self.range is None else images.clamp(*self.range)


class Discriminator(nn.Module):
    """Residual blocks at each size; then each channel's weighted sum, and a linear layer.

    Args:
        task: what the network has to fit.
        widths: channels at each size, the image's first.
        small: height and width of the smallest.
        group: channels in each group of a grouped convolution.
        blocks: residual blocks at each size.
    """

    def __init__(self, task: Task, widths: list[int], small: tuple[int, int], group: int, blocks: int) -> None:
        super().__init__()
        *others, last = stages(widths, group, blocks)
        self.layers = nn.Sequential(scaled(nn.Conv2d(task.shape[0], widths[0], 1, bias=False)))
        for pair, stage in zip(pairwise(widths), others, strict=True):
            self.layers.extend([stage, Halve(), *matched(*pair)])
        self.last = nn.Sequential(
            last,
            scaled(nn.Conv2d(widths[-1], widths[-1], small, groups=widths[-1], bias=False)),
            nn.Flatten(),
            scaled(nn.Linear(widths[-1], 1, bias=False)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of images ``(N, channels, height, width)``."""
        features = self.layers(images)
        with torch.autocast(features.device.type, enabled=False):  # the smallest size is always float32
            return self.last(features.float())  # type: ignore[no-any-return]
