"""A DCGAN as PyTorch's tutorial trains it, written from its description, for images of 64x64 or 32x32 pixels.

Inkawhich, DCGAN Tutorial (docs.pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html), after Radford et al., 2016.
The published networks are for 64x64 pixels; for 32x32 the layer with the most channels is left out of both. No average
of the weights, a constant learning rate, fp32, losses fetched in every iteration. The pictures are in memory.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.data import Samples
from tests.benchmarks.baselines.pictures import PictureScript, endless, prepared

BATCH, LATENT, WIDTH = 128, 100, 64
LR, BETAS = 2e-4, (0.5, 0.999)
AT_ONCE = 64  # samples, as there


def first_weights(layer: nn.Module) -> None:
    """N(0, 0.02) of convolutions, N(1, 0.02) of batch normalisation."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1, 0.02)
        nn.init.zeros_(layer.bias)


def widths(side: int) -> tuple[int, ...]:
    """Channels of the layers between a latent and an image of that side, the widest first."""
    return tuple(WIDTH * 2**power for power in reversed(range(side.bit_length() - 3)))


def generator(side: int) -> nn.Module:
    """Images ``(N, 3, side, side)`` in [-1, 1] of latents ``(N, LATENT, 1, 1)``."""
    net = nn.Sequential()
    before, stride, padding = LATENT, 1, 0
    for width in widths(side):
        net.extend([nn.ConvTranspose2d(before, width, 4, stride, padding, bias=False), nn.BatchNorm2d(width)])
        net.append(nn.ReLU(inplace=True))
        before, stride, padding = width, 2, 1
    return net.extend([nn.ConvTranspose2d(WIDTH, 3, 4, 2, 1, bias=False), nn.Tanh()]).apply(first_weights)


def discriminator(side: int) -> nn.Module:
    """Probabilities ``(N, 1, 1, 1)`` that images ``(N, 3, side, side)`` are real."""
    first, *others = reversed(widths(side))
    net = nn.Sequential(nn.Conv2d(3, first, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True))
    for width in others:
        net.extend([nn.Conv2d(width // 2, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width)])
        net.append(nn.LeakyReLU(0.2, inplace=True))
    return net.extend([nn.Conv2d(others[-1], 1, 4, 1, 0, bias=False), nn.Sigmoid()]).apply(first_weights)


def judged(probabilities: Tensor, target: float) -> Tensor:
    flat = probabilities.flatten()
    return F.binary_cross_entropy(flat, torch.full_like(flat, target))


class TutorialDCGAN(PictureScript):
    """D first, on real and on generated images one after the other; then G against the new D, on the same images.

    Args:
        images: bytes ``(N, 3, side, side)``. The last batch of an epoch has what is left.
    """

    latent, batch, limits = LATENT, BATCH, (-1.0, 1.0)

    def __init__(self, images: Samples) -> None:
        super().__init__()
        side = images.shape[-1]
        self.G, self.D = generator(side), discriminator(side)
        self.batches = endless(prepared(images, self.limits), BATCH, drops_last=False)
        self.adam_G, self.adam_D = (torch.optim.Adam(net.parameters(), LR, BETAS) for net in (self.G, self.D))

    def iterate(self) -> dict[str, float]:
        real = next(self.batches)
        self.D.zero_grad()
        on_real = judged(self.D(real), 1)
        on_real.backward()
        fake = self.G(torch.randn(len(real), LATENT, 1, 1))
        on_fake = judged(self.D(fake.detach()), 0)
        on_fake.backward()
        self.adam_D.step()
        self.G.zero_grad()
        loss = judged(self.D(fake), 1)
        loss.backward()
        self.adam_G.step()
        return {"generator": loss.item(), "discriminator": (on_real + on_fake).item()}

    def sampled(self, number: int) -> Samples:
        """With the statistics of each 64 images: the tutorial does not leave training mode."""
        G = copy.deepcopy(self.G)
        return self.drawn(lambda z: G(z[:, :, None, None]), number, AT_ONCE)
