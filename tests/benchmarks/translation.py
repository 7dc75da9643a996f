"""How fast are images made from images learned? ``python -m tests.benchmarks translation``

Images a second and peak memory of pix2pix and CycleGAN: the reference code's way, rewritten, beside ganzoo's defaults.
Between them, one thing is changed at a time: the batch, the networks, the loop.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from statistics import median
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ganzoo.data import Data, load
from ganzoo.evaluation.sources import image_levels
from ganzoo.evaluation.translation import Bytes, made_from
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.registry.registry import registry
from ganzoo.training.device import choose_device, configure_process, flush_denormals
from ganzoo.training.loop import Training
from tests.benchmarks.baselines.translation_script import CycleGAN, Loop, Pix2Pix
from tests.benchmarks.baselines.translators import (
    Pairwise,
    UNet,
    batch_norm,
    instance_norm,
    patches,
    residual,
)
from tests.benchmarks.harness import interleave, launch, table

BASE = "reference"
ENDLESS = 10**9  # iterations, where only speed counts


class Contestant(Protocol):
    """A training that runs so many iterations when it is called."""

    batch: int

    def __call__(self, iterations: int) -> None: ...

    def made(self, data: Data) -> Mapping[str, Iterable[Bytes]]:
        """Images made from the conditions of data, by the way in which the generator is sampled."""
        ...


@dataclass(frozen=True)
class Case:
    """A GAN that makes images from images, and its data.

    Attributes:
        gan: its name in ganzoo.
        paired: the name of the data with pairs, whose test split judges.
    """

    gan: str
    paired: str

    def recipe(self, iterations: int, preset: str | None = None, **settings: Any) -> Recipe:
        return resolve(registry().gan(self.gan), settings | {"iterations": iterations}, preset=preset)

    def data(self) -> Data:
        return loaded(self.recipe(1).gan.data, "train")

    def test(self) -> Data:
        return loaded(self.paired, "test")


LOOPS: Mapping[str, type[Loop]] = {"pix2pix": Pix2Pix, "cyclegan": CycleGAN}
CASES = {case.gan: case for case in (Case("pix2pix", "fluent32"), Case("cyclegan", "twemoji32"))}


@cache
def loaded(name: str, split: str) -> Data:
    return load(name, split=split)  # type: ignore[arg-type]


class Alone(nn.Module):
    """One of ganzoo's generators without its empty latents."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images.new_empty(len(images), 0), images)  # type: ignore[no-any-return]


class Swapped(nn.Module):
    """One of ganzoo's discriminators of pairs, which takes the condition last."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, condition: Tensor, image: Tensor) -> Tensor:
        return self.net(image, condition)  # type: ignore[no-any-return]


class Reference:
    """The reference code's way to train.

    Args:
        case: what is trained.
        iterations: of the training.
        own_batch: batches of one as published, and not ganzoo's.
        own_networks: the published networks, and not ganzoo's.
    """

    def __init__(self, case: Case, iterations: int, *, own_batch: bool = True, own_networks: bool = True) -> None:
        recipe, data = case.recipe(iterations), case.data()
        self.batch = 1 if own_batch else recipe.loop.batch_size
        networks = published(case, data) if own_networks else ours(case, recipe, data)
        self.loop = LOOPS[case.gan](networks, data, self.batch, iterations)
        self.G, self.as_trained = self.loop.G, own_networks and case.gan == "pix2pix"

    def __call__(self, iterations: int) -> None:
        self.loop(iterations)

    def made(self, data: Data) -> Mapping[str, Iterable[Bytes]]:
        """In evaluation mode; and, where it differs, as published: with dropout and the statistics of each image."""
        found = {"evaluation mode": one_by_one(copy.deepcopy(self.G).eval(), data)}
        return found | ({"training mode": one_by_one(copy.deepcopy(self.G), data)} if self.as_trained else {})


def published(case: Case, data: Data) -> tuple[nn.Module, ...]:
    """The published networks with the same weights at each call."""
    assert data.conditions is not None
    a, b = data.conditions.shape[1], data.samples.shape[1]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        if case.gan == "pix2pix":
            return UNet(a, b), Pairwise(patches(a + b, batch_norm))
        return residual(a, b), residual(b, a), patches(b, instance_norm), patches(a, instance_norm)


def ours(case: Case, recipe: Recipe, data: Data) -> tuple[nn.Module, ...]:
    """ganzoo's networks with the weights that they start from."""
    nets: Any = Training(recipe, data, choose_device("cpu", "fp32")).nets
    if case.gan == "pix2pix":
        return Alone(nets.generator), Swapped(nets.discriminator)
    return nets.generator.there, nets.generator.back, nets.discriminator.samples, nets.discriminator.conditions


def one_by_one(G: nn.Module, data: Data) -> Iterator[Bytes]:
    """Images made from each condition by itself, as the published test does; the same at each call."""
    assert data.conditions is not None
    for number in range(len(data)):
        given = torch.from_numpy(np.asarray(data.conditions[number : number + 1])) / 127.5 - 1
        with torch.random.fork_rng(devices=()), torch.no_grad():
            torch.manual_seed(number)
            yield image_levels(G(given).numpy(), (-1, 1))


class Ours:
    """ganzoo's loop, with defaults, a preset or settings."""

    def __init__(
        self, case: Case, iterations: int, *, precision: str = "auto", preset: str | None = None, **settings: Any
    ) -> None:
        recipe = case.recipe(iterations, preset, **settings)
        self.batch = recipe.loop.batch_size
        self.training = Training(recipe, case.data(), choose_device("cpu", precision))

    def __call__(self, iterations: int) -> None:
        for _ in range(iterations):
            next(self.training)

    def made(self, data: Data) -> Mapping[str, Iterable[Bytes]]:
        return {"evaluation mode": made_from(self.training.model(), data, range(len(data)))}


Make = Callable[[Case, int], Contestant]
"""Makes a contestant of a case and a number of iterations."""

ROWS: Mapping[str, Make] = {
    BASE: Reference,
    "reference, ganzoo's batch": partial(Reference, own_batch=False),
    "reference, ganzoo's batch and networks": partial(Reference, own_batch=False, own_networks=False),
    "ganzoo, published settings": partial(Ours, preset="paper"),
    "ganzoo fp32": partial(Ours, precision="fp32"),
    "ganzoo": Ours,
}


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Images a second, megabytes and ratios to the reference, by case and row."""
    configure_process(torch.get_num_threads())
    found: list[dict[str, Any]] = []
    for case in CASES.values():
        contestants = {row: make(case, ENDLESS) for row, make in ROWS.items()}
        with flush_denormals():  # for all, as ganzoo's loop does it for itself
            times = interleave(contestants, turns=turns, seconds=seconds)
        rates = {row: contestants[row].batch / timing.median for row, timing in times.items()}
        peaks: dict[str, list[int]] = {row: [] for row in ROWS}
        for _ in range(turns):
            for row in ROWS:
                words = ("-m", "tests.benchmarks.trial", "translation", case.gan, row, str(seconds))
                peaks[row].append(launch(*words, threads=torch.get_num_threads()).peak)
        for row, timing in times.items():
            found.append(
                {
                    "gan": case.gan,
                    "row": row,
                    "batch": contestants[row].batch,
                    "images/s": round(rates[row], 1),
                    "to the reference": round(rates[row] / rates[BASE], 2),
                    "spread": f"{timing.low / timing.median:.2f}..{timing.high / timing.median:.2f}",
                    "peak MB": round(median(peaks[row]) / 1024),
                }
            )
    return {"rows": found}


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    return table(result["rows"])
