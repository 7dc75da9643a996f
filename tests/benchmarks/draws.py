"""Where a loop that is not ganzoo's gets its batches and its noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tests.benchmarks.cases import BATCH, LATENT, Case, digits, scaled


class Draws(Protocol):
    """Batches for a hand-written loop."""

    def next(self) -> tuple[Tensor, Tensor]:
        """Real images ``(64, 1, size, size)`` in [-1, 1], and latents ``(64, 100)``."""
        ...

    def between(self) -> Tensor:
        """Where each sample of a gradient penalty is between fake and real: ``(64, 1, 1, 1)`` in [0, 1]."""
        ...


class Digits(Dataset[Any]):
    """One picture at a time, as torchvision's MNIST gives it: of Pillow, then transformed; and its label."""

    def __init__(self, size: int) -> None:
        from torchvision import transforms  # slow to import, and nothing else here needs it

        self.samples, self.labels = np.asarray(digits().samples)[:, 0], digits().labels
        self.transform = transforms.Compose(
            [transforms.Resize(size), transforms.ToTensor(), transforms.Normalize([0.5], [0.5])]
        )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.samples[index])), int(self.labels[index])


def loader(case: Case) -> DataLoader[Any]:
    """Batches as the scripts make them, less the last of an epoch, which is smaller."""
    return DataLoader(Digits(case.size), batch_size=BATCH, shuffle=True, drop_last=True)


def endless(batches: DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from batches


class Loaded:
    """As the scripts draw: images from a loader, noise from numpy in double precision."""

    def __init__(self, case: Case) -> None:
        self.batches = endless(loader(case))

    def next(self) -> tuple[Tensor, Tensor]:
        real, _ = next(self.batches)
        return real, torch.from_numpy(np.random.normal(0, 1, (len(real), LATENT))).float()

    def between(self) -> Tensor:
        return torch.from_numpy(np.random.random((BATCH, 1, 1, 1))).float()


class Resident:
    """As a hand-written loop draws: images are in memory as bytes, and torch makes the noise."""

    def __init__(self, case: Case) -> None:
        self.images = torch.from_numpy(scaled(case.size))
        self.order = iter(())

    def next(self) -> tuple[Tensor, Tensor]:
        index = next(self.order, None)
        if index is None:
            full = len(self.images) // BATCH * BATCH
            self.order = iter(torch.randperm(len(self.images))[:full].split(BATCH))
            index = next(self.order)
        return self.images[index] / 127.5 - 1, torch.randn(BATCH, LATENT)

    def between(self) -> Tensor:
        return torch.rand(BATCH, 1, 1, 1)


@dataclass(frozen=True)
class Drawn:
    """One draw, with the state of torch's random numbers after it."""

    real: Tensor
    z: Tensor
    state: Tensor


class Recorder:
    """A trainer of ganzoo that keeps what it draws, so that another loop can draw the same."""

    def __init__(self, trainer: Any) -> None:
        self.trainer, self.kept = trainer, list[Drawn]()

    def __call__(self, nets: Any, draw: Any) -> Any:
        def kept() -> tuple[Tensor, ...]:
            real, z = draw()
            self.kept.append(Drawn(real, z, torch.get_rng_state()))
            return real, z

        return self.trainer(nets, kept)


class Replayed:
    """What a :class:`Recorder` kept, again; dropout and penalties continue from the same random numbers."""

    def __init__(self, kept: list[Drawn]) -> None:
        self.draws = iter(kept)

    def next(self) -> tuple[Tensor, Tensor]:
        drawn = next(self.draws)
        torch.set_rng_state(drawn.state)
        return drawn.real, drawn.z

    def between(self) -> Tensor:
        return torch.rand(BATCH, 1, 1, 1)
