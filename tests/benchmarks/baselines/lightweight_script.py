"""How lightweight-gan trains, written from a description of it; it refuses to start without a CUDA device.

Wang (github.com/lucidrains/lightweight-gan, MIT). Its command's defaults: batches of 10, of which four make an update,
Adam, hinge losses of two networks, images that D rebuilds, and a gradient penalty in every fourth iteration. Unless a
probability of augmentation is set, it takes one by the number of images: 0.29 for 3,219. Its average of weights begins
after 20,000 iterations, so the generator itself is sampled. The pictures are in memory.
"""

from __future__ import annotations

import copy
import random

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.data import Samples
from tests.benchmarks.baselines.lightweight_networks import LATENT, Discriminator, Generator
from tests.benchmarks.baselines.pictures import PictureScript, endless, prepared

BATCH = 10
LR, BETAS = 2e-4, (0.5, 0.9)
PENALTY, PENALTY_EVERY = 10.0, 4
SHIFT, CUTOUT = 0.125, 0.5  # of the sides


def probability(images: int) -> float:
    """Of augmenting a batch, for so many images."""
    return max(0.0, min(0.5, (100_000 - images) * 3e-6))


def cut(images: Tensor) -> Tensor:
    """A square of half the sides becomes black, around any place of the image (Zhao et al., 2020)."""
    inside = [hole(len(images), side) for side in images.shape[2:]]
    return images * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])


def hole(count: int, side: int) -> Tensor:
    """Whether a row or column is in the hole, bool ``(count, side)``."""
    size = round(side * CUTOUT)
    first = torch.randint(side + 1 - size % 2, (count, 1)) - size // 2
    places = torch.arange(side)
    return (places >= first) & (places < first + size)


def shifted(images: Tensor) -> Tensor:
    """Each image by up to an eighth of its sides; black where nothing was (Zhao et al., 2020)."""
    count, _, height, width = images.shape
    most = round(height * SHIFT), round(width * SHIFT)
    top, left = (torch.randint(2 * each + 1, (count, 1)) for each in most)
    rows, columns = top + torch.arange(height), left + torch.arange(width)
    padded = F.pad(images, (most[1], most[1], most[0], most[0])).permute(0, 2, 3, 1)
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """D's logits are low for real images."""
    return (F.relu(1 + real) + F.relu(1 - fake)).mean()


class LightweightGAN(PictureScript):
    """D first, then G, on images of its own.

    Args:
        images: bytes ``(N, 3, side, side)``.
        most: largest number of channels.
        accumulated: batches of which gradients are added up for one update.
        attention: whether D's larger network has attention at 32x32 pixels; larger images: False.
    """

    latent, limits = LATENT, (0.0, 1.0)

    def __init__(self, images: Samples, *, most: int = 512, accumulated: int = 4, attention: bool = True) -> None:
        super().__init__()
        self.batch, self.accumulated = accumulated * BATCH, accumulated
        side = images.shape[-1]
        self.G, self.D = Generator(most, side), Discriminator(most, side, attention=attention)
        self.batches = endless(prepared(images, self.limits), BATCH, drops_last=True)
        self.adam_G, self.adam_D = (torch.optim.Adam(net.parameters(), LR, BETAS) for net in (self.G, self.D))
        self.probability, self.iterations = probability(len(images)), 0

    def augmented(self, images: Tensor) -> Tensor:
        """All images of a batch are augmented, or none."""
        if random.random() >= self.probability:
            return images
        if random.random() >= 0.5:
            images = images.flip(3)
        return shifted(cut(images))

    def iterate(self) -> dict[str, float]:
        is_penalised = self.iterations % PENALTY_EVERY == 0
        self.adam_D.zero_grad()
        for_D = [self.step_D(is_penalised) for _ in range(self.accumulated)]
        self.adam_D.step()
        self.adam_G.zero_grad()
        for_G = [self.step_G() for _ in range(self.accumulated)]
        self.adam_G.step()
        self.iterations += 1
        return {"generator": sum(for_G), "discriminator": sum(for_D)}

    def step_D(self, is_penalised: bool) -> float:
        """Add up D's gradients of one batch; its share of the loss."""
        with torch.no_grad():
            fake = self.augmented(self.G(torch.randn(BATCH, LATENT)))
        real = next(self.batches)
        if is_penalised:
            fake.requires_grad_()
            real.requires_grad_()
        seen = self.augmented(real)
        (on_fake, small_fake, _), (on_real, small_real, features) = self.D(fake), self.D(seen)
        loss = hinge(on_real, on_fake) + hinge(small_real, small_fake) + self.D.rebuilding(features, seen)
        if is_penalised:
            logits = torch.stack([on_real, small_real, on_fake, small_fake]).sum()
            gradients = torch.cat(torch.autograd.grad(logits, (real, fake), create_graph=True))
            loss = loss + PENALTY * gradients.square().flatten(1).sum(1).mean()
        loss = loss / self.accumulated
        loss.backward()
        return loss.item()

    def step_G(self) -> float:
        """Add up G's gradients of one batch; its share of the loss. D's gradients are computed and discarded."""
        logits, small, _ = self.D(self.augmented(self.G(torch.randn(BATCH, LATENT))))
        loss = (logits.mean() + small.mean()) / self.accumulated
        loss.backward()
        return loss.item()

    def sampled(self, number: int) -> Samples:
        return self.drawn(copy.deepcopy(self.G).eval(), number, BATCH)
