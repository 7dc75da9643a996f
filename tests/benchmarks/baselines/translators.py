"""The networks of the reference code of pix2pix and CycleGAN, written from the papers, for images of 32x32 pixels.

Isola et al., 2017, arXiv:1611.07004; Zhu et al., 2017, arXiv:1703.10593. The published sizes are for 256x256: the U-Net
has five halvings here instead of eight, and patches are of 16 pixels instead of 70. Weights start from N(0, 0.02).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

WIDTH = 64
HALVINGS = 5  # from 32x32 pixels to one
BLOCKS = 6  # as published for 128x128
DROPPED = 3  # doublings with dropout, of the smallest maps

Norm = Callable[[int], nn.Module]


def batch_norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels)


def instance_norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels)


class UNet(nn.Module):
    """Images ``(N, outputs, 32, 32)`` from images ``(N, inputs, 32, 32)``, with batch normalisation and dropout."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        widths = [WIDTH * min(2**step, 8) for step in range(HALVINGS)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for step, (before, after) in enumerate(zip([inputs, *widths], widths, strict=False)):
            layer = nn.Sequential(*([nn.LeakyReLU(0.2)] if step else []), nn.Conv2d(before, after, 4, 2, 1, bias=False))
            self.down.append(layer.append(batch_norm(after)) if 0 < step < HALVINGS - 1 else layer)
        for number, step in enumerate(reversed(range(HALVINGS))):
            before = widths[step] * (2 if number else 1)  # what came from below, and the skip
            after = widths[step - 1] if step else outputs
            layer = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=not step))
            layer.append(batch_norm(after) if step else nn.Tanh())
            self.up.append(layer.append(nn.Dropout(0.5)) if number < DROPPED else layer)
        self.apply(start)

    def forward(self, images: Tensor) -> Tensor:
        skips = []
        for layer in self.down:
            images = layer(images)
            skips.append(images)
        features = self.up[0](skips.pop())
        for layer in self.up[1:]:
            features = layer(torch.cat([features, skips.pop()], 1))
        return features  # type: ignore[no-any-return]


class Block(nn.Module):
    """x plus two convolutions with reflected edges."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), instance_norm(channels)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), instance_norm(channels)]
        self.branch = nn.Sequential(*half, nn.ReLU(), *again)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.branch(features)  # type: ignore[no-any-return]


def residual(inputs: int, outputs: int) -> nn.Module:
    """CycleGAN's generator: two halvings, six residual blocks, two doublings; instance normalisation."""
    net = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(inputs, WIDTH, 7), instance_norm(WIDTH), nn.ReLU())
    for width in (WIDTH, 2 * WIDTH):
        net.extend([nn.Conv2d(width, 2 * width, 3, 2, 1), instance_norm(2 * width), nn.ReLU()])
    net.extend(Block(4 * WIDTH) for _ in range(BLOCKS))
    for width in (2 * WIDTH, WIDTH):
        net.extend([nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1), instance_norm(width), nn.ReLU()])
    net.extend([nn.ReflectionPad2d(3), nn.Conv2d(WIDTH, outputs, 7), nn.Tanh()])
    return net.apply(start)


def patches(inputs: int, norm: Norm) -> nn.Module:
    """A PatchGAN: logits ``(N, 1, 14, 14)`` of images ``(N, inputs, 32, 32)``, each of a patch of 16 pixels."""
    shifts = norm is batch_norm  # a bias before it would change nothing
    net = nn.Sequential(nn.Conv2d(inputs, WIDTH, 4, 2, 1), nn.LeakyReLU(0.2))
    net.extend([nn.Conv2d(WIDTH, 2 * WIDTH, 4, 1, 1, bias=not shifts), norm(2 * WIDTH), nn.LeakyReLU(0.2)])
    return net.append(nn.Conv2d(2 * WIDTH, 1, 4, 1, 1)).apply(start)


class Pairwise(nn.Module):
    """A network that judges an image joined to its condition."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, condition: Tensor, image: Tensor) -> Tensor:
        return self.net(torch.cat([condition, image], 1))  # type: ignore[no-any-return]


def start(layer: nn.Module) -> None:
    """The published first weights."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1, 0.02)
        nn.init.zeros_(layer.bias)
