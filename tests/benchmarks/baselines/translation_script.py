"""How the reference code of pix2pix and CycleGAN trains, written from the papers and descriptions of it.

Isola et al., 2017; Zhu et al., 2017 (github.com/junyanz/pytorch-CycleGAN-and-pix2pix). What costs time there is kept: a
loader that prepares image by image with Pillow, torch's default Adam, fp32, losses fetched in every iteration. The
loader has no processes of its own, so that all of its work is counted; files are not read, to the code's advantage.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from ganzoo.data import Data

LARGER = 286 / 256  # images are enlarged so much before they are cut to their size
LR, BETAS = 2e-4, (0.5, 0.999)
L1, CYCLE, IDENTITY = 100.0, 10.0, 5.0
POOL = 50


class Pairs(Dataset[Any]):
    """One condition and image at a time, enlarged, cut and mirrored alike; unpaired ones each for itself."""

    def __init__(self, data: Data) -> None:
        assert data.conditions is not None
        self.conditions, self.samples, self.paired = data.conditions, data.samples, data.paired

    def __len__(self) -> int:
        return len(self.conditions)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        other = index if self.paired else random.randrange(len(self.samples))
        first = drawn(self.samples.shape[-1])
        second = first if self.paired else drawn(self.samples.shape[-1])
        return prepared(self.conditions[index], *first), prepared(self.samples[other], *second)


def drawn(side: int) -> tuple[int, int, bool]:
    """Where an enlarged image is cut, left and top, and whether it is mirrored."""
    most = round(side * LARGER) - side
    return random.randint(0, most), random.randint(0, most), random.random() < 0.5


def prepared(image: NDArray[Any], left: int, top: int, turned: bool) -> Tensor:
    """An image ``(C, side, side)`` in [-1, 1] of bytes of that shape."""
    from PIL import Image
    from torchvision.transforms import functional  # slow to import, and nothing else here needs it

    side = image.shape[-1]
    larger = round(side * LARGER)
    picture = Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, -1))
    picture = picture.resize((larger, larger), Image.Resampling.BICUBIC).crop((left, top, left + side, top + side))
    if turned:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    middle = [0.5] * len(image)
    normalized: Tensor = functional.normalize(functional.to_tensor(picture), middle, middle)
    return normalized


def endless(data: Data, batch: int) -> Iterator[Any]:
    loader = DataLoader(Pairs(data), batch_size=batch, shuffle=True, drop_last=True)
    while True:
        yield from loader


class Pool:
    """Generated images, of which an older one is returned half of the time once there are fifty."""

    def __init__(self) -> None:
        self.images: list[Tensor] = []

    def __call__(self, images: Tensor) -> Tensor:
        returned = []
        for image in images.split(1):
            if len(self.images) < POOL:
                self.images.append(image)
            elif random.random() < 0.5:
                place = random.randrange(POOL)
                self.images[place], image = image, self.images[place]
            returned.append(image)
        return torch.cat(returned)


def adam(*networks: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(chain(*(network.parameters() for network in networks)), lr=LR, betas=BETAS)


def require_gradients(networks: Iterable[nn.Module], needed: bool) -> None:
    for network in networks:
        network.requires_grad_(needed)


def judged(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def squared(logits: Tensor, target: float) -> Tensor:
    return F.mse_loss(logits, torch.full_like(logits, target))


class Loop(ABC):
    """A training that ends with ``iterations``: the rate is constant in its first half, then falls to 0.

    Args:
        networks: see the subclass.
        data: images with conditions.
        batch: images in an iteration.
        iterations: of the training.

    Attributes:
        G: what makes images from conditions.
        losses: of the last iteration, by name.
    """

    G: nn.Module
    adams: tuple[torch.optim.Optimizer, torch.optim.Optimizer]

    def __init__(self, networks: Sequence[nn.Module], data: Data, batch: int, iterations: int) -> None:
        self.batches, self.iterations, self.done = endless(data, batch), iterations, 0
        self.losses: dict[str, float] = {}
        self.begin(*networks)

    @abstractmethod
    def begin(self, *networks: nn.Module) -> None:
        """Take the networks, and make their optimizers."""

    def __call__(self, iterations: int) -> None:
        for _ in range(iterations):
            for each in self.adams:
                each.param_groups[0]["lr"] = LR * min(1.0, 2 * (1 - self.done / self.iterations))
            condition, image = next(self.batches)
            self.losses = {name: loss.item() for name, loss in self.iterate(condition, image).items()}
            self.done += 1

    @abstractmethod
    def iterate(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """One iteration on conditions and images, and its losses."""


class Pix2Pix(Loop):
    """D first, then G against the new D, on the same generated images. The networks are G and D."""

    def begin(self, *networks: nn.Module) -> None:
        self.G, self.D = networks
        self.adams = adam(self.G), adam(self.D)

    def iterate(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        adam_G, adam_D = self.adams
        made = self.G(a)
        require_gradients([self.D], True)
        adam_D.zero_grad()
        on_made, on_right = judged(self.D(a, made.detach()), 0), judged(self.D(a, b), 1)
        loss = (on_made + on_right) / 2
        loss.backward()
        adam_D.step()
        require_gradients([self.D], False)
        adam_G.zero_grad()
        adversarial, distance = judged(self.D(a, made), 1), L1 * F.l1_loss(made, b)
        (adversarial + distance).backward()
        adam_G.step()
        return {"made": on_made, "right": on_right, "adversarial": adversarial, "l1": distance}


class CycleGAN(Loop):
    """Both generators first, then both discriminators, on pools of generated images.

    The networks are the two generators, there and back, and the discriminators of what each of them makes.
    """

    def begin(self, *networks: nn.Module) -> None:
        self.G, self.back, self.of_b, self.of_a = networks
        self.adams = adam(self.G, self.back), adam(self.of_b, self.of_a)
        self.pool_b, self.pool_a = Pool(), Pool()

    def iterate(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        adam_G, adam_D = self.adams
        made_b, made_a = self.G(a), self.back(b)
        again_a, again_b = self.back(made_b), self.G(made_a)
        require_gradients([self.of_a, self.of_b], False)
        adam_G.zero_grad()
        losses = {
            "same b": IDENTITY * F.l1_loss(self.G(b), b),
            "same a": IDENTITY * F.l1_loss(self.back(a), a),
            "adversarial b": squared(self.of_b(made_b), 1),
            "adversarial a": squared(self.of_a(made_a), 1),
            "cycle a": CYCLE * F.l1_loss(again_a, a),
            "cycle b": CYCLE * F.l1_loss(again_b, b),
        }
        torch.stack(list(losses.values())).sum().backward()
        adam_G.step()
        require_gradients([self.of_a, self.of_b], True)
        adam_D.zero_grad()
        for name, D, right, made in (
            ("D of b", self.of_b, b, self.pool_b(made_b.detach())),
            ("D of a", self.of_a, a, self.pool_a(made_a.detach())),
        ):
            losses[name] = (squared(D(right), 1) + squared(D(made), 0)) / 2
            losses[name].backward()
        adam_D.step()
        return losses
