"""What is learned from few pictures in equal CPU time? ``python -m tests.benchmarks few-pictures --seconds 300``

Each contestant trains for ``seconds`` of CPU time, with each of ``turns`` seeds. How many iterations that is, is
measured first. ganzoo's learning rate follows its schedule over them; that of the scripts is constant, as published.
All train in turn in one process, a few seconds at a time. ganzoo's metrics judge 5,000 samples of each. Trainings of
less than a second are a check that everything runs, with 100 samples.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from statistics import median
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

import ganzoo
from ganzoo.data import Data, Samples, load
from ganzoo.evaluation import density_coverage
from ganzoo.evaluation.discriminator import logits
from ganzoo.evaluation.extractors import CHUNK, Extractor, Features, pretrained
from ganzoo.evaluation.fidelity import frechet_distance
from ganzoo.evaluation.manifold import copy_metrics, kth_neighbour_distances, nearest_distances
from ganzoo.evaluation.sources import image_levels
from ganzoo.parts.networks import evaluating
from ganzoo.runs.probe import TrainingProbe
from ganzoo.training.device import configure_process
from tests.benchmarks.baselines.dcgan_script import TutorialDCGAN
from tests.benchmarks.baselines.lightweight_script import LightweightGAN
from tests.benchmarks.equal_time import fitted, train
from tests.benchmarks.harness import table

FEW, SEED = 300, 0  # pictures of the small set, and the seed that they are drawn with
SAMPLES, FEWER = 5000, 100
EXTRACTED = 32  # pixels of a side that the extractor was trained on
ENDLESS = 10**9  # iterations, where only speed counts
METRICS = {  # and their decimals
    "emoji32-fd": 2,
    "to others": 2,
    "density": 3,
    "coverage": 3,
    "nearer": 3,
    "copies": 3,
    "grain": 2,
    "gap": 2,
    "calls": 2,
}
COUNTED = ("CPU s", "iterations", "images seen")
SHOWN = ("CPU s", "iterations", "emoji32-fd", "to others", "coverage", "copies", "grain", "gap", "calls")  # as medians


class Contestant(Protocol):
    """A training that runs so many iterations when it is called.

    Attributes:
        batch: real images in an iteration.
        losses: of the last iteration, by network.
    """

    batch: int
    losses: Mapping[str, Any]

    def __call__(self, iterations: int) -> None: ...

    def sampled(self, number: int) -> Samples:
        """Samples uint8 ``(number, C, H, W)``."""
        ...


@dataclass(frozen=True)
class Case:
    """Pictures to learn from.

    Attributes:
        title: of its rows.
        data: the pictures.
        others: pictures of the same kind that no contestant is given, uint8 ``(M, C, H, W)``; none of the whole set.
        preset: of ganzoo's stylegan2.
        init: trained weights, with which one more training of stylegan2 begins.
    """

    title: str
    data: Data
    others: Samples | None
    preset: str | None = None
    init: str | None = None

    @cached_property
    def extractor(self) -> Extractor:
        return pretrained("emoji32")

    @cached_property
    def known(self) -> Features:
        return self.features(self.data.samples)

    @cached_property
    def unknown(self) -> Features | None:
        return None if self.others is None else self.features(self.others)

    def features(self, images: Samples) -> Features:
        """Of images that are larger than the extractor's, the means of 2x2 pixels are judged."""
        parts = (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
        return self.extractor.extract(map(halved, parts) if images.shape[-1] > EXTRACTED else parts)

    @cached_property
    def apart(self) -> NDArray[Any]:
        """How far pictures that are no copies are from the nearest given one: the others, or else the given ones."""
        if self.unknown is None:
            return kth_neighbour_distances(self.known.features, 1)
        return nearest_distances(self.unknown.features, self.known.features)

    def judged(self, images: Samples) -> dict[str, Any]:
        """The metrics of images uint8 ``(N, C, H, W)``.

        Returns:
            ``emoji32-fd`` to the given pictures, and ``to others``; density and coverage of the given ones (Naeem et
            al., 2020); ``nearer`` and ``copies`` of :func:`ganzoo.evaluation.manifold.copy_metrics`; ``grain``, see
            :func:`fine`, over that of the given ones.
        """
        features = self.features(images)
        found = {"emoji32-fd": frechet_distance(features, self.known)}
        if self.unknown is not None:
            found["to others"] = frechet_distance(features, self.unknown)
        found |= density_coverage(features.features, self.known.features)
        found |= copy_metrics(nearest_distances(features.features, self.known.features), self.apart)
        found["grain"] = fine(images) / fine(self.data.samples)
        return rounded(found)


def rounded(found: Mapping[str, float]) -> dict[str, Any]:
    """The metrics as a table shows them; nothing where one is missing."""
    return {name: round(found[name], digits) if name in found else "" for name, digits in METRICS.items()}


def fine(images: Samples) -> float:
    """The power of the finest octave: the mean square of what differs from the means of 2x2 pixels."""
    blocks = squares(images)
    return float(np.square(blocks - blocks.mean((3, 5), keepdims=True)).mean())


def squares(images: Samples) -> NDArray[np.float32]:
    """Images ``(N, C, H, W)`` in squares of 2x2 pixels: float32 ``(N, C, H / 2, 2, W / 2, 2)``."""
    count, channels, height, width = images.shape
    return np.asarray(images, np.float32).reshape(count, channels, height // 2, 2, width // 2, 2)


def halved(images: Samples) -> Samples:
    """The means of 2x2 pixels, rounded: uint8 ``(N, C, H / 2, W / 2)``."""
    return squares(images).mean((3, 5)).round().astype(np.uint8)


def whole() -> Case:
    """All pictures of emoji32."""
    return Case("emoji32", load("emoji32"), None)


def larger() -> Case:
    """The pictures of fluent64, of 64x64 pixels; its test split is not trained on."""
    return Case("fluent64", load("fluent64"), load("fluent64", split="test").samples, preset="64px")


def similar() -> Case:
    """300 pictures of twemoji32, and trained weights of emoji of another designer."""
    data = load("twemoji32")
    unlike = np.unique(data.samples, axis=0, return_index=True)[1]
    drawn = np.random.default_rng(SEED).permutation(np.sort(unlike))
    given, others = np.sort(drawn[:FEW]), np.sort(drawn[FEW:])
    chosen = replace(data, name=f"twemoji32-{FEW}", samples=data.samples[given], conditions=None, sha256="")
    return Case(f"{FEW} of twemoji32", chosen, data.samples[others], init="stylegan2")


def few() -> Case:
    """300 pictures of emoji32 without the category that has most of them; the others of these are not trained on."""
    data = load("emoji32")
    assert data.labels is not None
    places = np.flatnonzero(data.labels != np.bincount(data.labels).argmax())
    drawn = np.random.default_rng(SEED).permutation(places)
    given, others = np.sort(drawn[:FEW]), np.sort(drawn[FEW:])
    chosen = replace(data, name=f"emoji32-{FEW}", samples=data.samples[given], labels=data.labels[given], sha256="")
    return Case(f"{FEW} of emoji32", chosen, data.samples[others])


CASES = (few, similar, whole, larger)


class Ours:
    """A GAN of ganzoo on the CPU, with its defaults but for the given settings. Its average of weights is sampled.

    Of so few pictures ganzoo keeps a tenth back, which it does not train on; the metrics count them as given.
    """

    def __init__(self, gan: str, case: Case, seed: int, iterations: int, **settings: Any) -> None:
        self.training = ganzoo.train(gan, case.data, seed=seed, device="cpu", iterations=iterations, **settings)
        self.batch = self.training.recipe.loop.batch_size
        self.losses: Mapping[str, Any] = {}

    def __call__(self, iterations: int) -> None:
        for _ in range(iterations):
            self.losses = next(self.training).losses

    def gaps(self) -> dict[str, Any]:
        """What the discriminator knows by heart.

        Returns:
            ``gap``: how much better its logits of the pictures are that it is trained on, see :class:`TrainingProbe`;
            ``calls``: the share of these that it calls real, less that of pictures that were kept back.
        """
        probe = TrainingProbe(self.training, self.training.data)
        found = {"gap": probe.sample_measures()["overfitting_gap"]}
        with evaluating(self.training.nets.discriminator):
            trained, kept = (logits(self.training.model(), *samples) for samples in probe.judged)
        found["calls"] = float((trained > 0).mean() - (kept > 0).mean())
        return {name: round(value, METRICS[name]) for name, value in found.items()}

    def sampled(self, number: int) -> Samples:
        model = self.training.model()
        return np.concatenate([image_levels(each, model.value_range) for each in model.sample_iter(number)])


def script(
    make: Callable[..., TutorialDCGAN | LightweightGAN], case: Case, seed: int, iterations: int, **options: Any
) -> Contestant:
    """A script's training, which does not depend on the number of iterations."""
    random.seed(seed)
    torch.manual_seed(seed)
    return make(case.data.samples, **options)


Make = Callable[[Case, int, int], Contestant]
"""Makes a contestant of a case, a seed and a number of iterations."""


def stylegan2(case: Case, seed: int, iterations: int, **settings: Any) -> Contestant:
    return Ours("stylegan2", case, seed, iterations, preset=case.preset, **settings)


def initialised(case: Case, seed: int, iterations: int, **settings: Any) -> Contestant:
    return stylegan2(case, seed, iterations, init=case.init, **settings)


ROWS: Mapping[str, Make] = {
    "ganzoo: stylegan2": partial(stylegan2),
    "ganzoo: stylegan2, no augmentation": partial(stylegan2, augmentation="none"),
    "ganzoo: dcgan, no augmentation": partial(Ours, "dcgan", augmentation="none"),
    "DCGAN of the tutorial": partial(script, TutorialDCGAN),
    "lightweight-gan, smaller": partial(script, LightweightGAN, most=64, accumulated=1, attention=False),
}
"""The last one has options of lightweight-gan's command: ``--fmap-max 64 --gradient-accumulate-every 1`` and no
``--attn-res-layers``. With its defaults an iteration takes half a minute of a CPU."""

INIT_ROWS: Mapping[str, Make] = {
    "ganzoo: stylegan2, from trained weights": partial(initialised),
    "the same, D's layers 0-3 frozen": partial(initialised, freeze=("discriminator.0-3",)),
}
"""Of the cases that have such weights."""


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Metrics by pictures, contestant and seed, of the seeds 0 to ``turns`` - 1; and their medians."""
    configure_process(torch.get_num_threads())
    number = FEWER if seconds < 1 else SAMPLES
    rows: list[dict[str, Any]] = []
    for pictures in CASES:
        case = pictures()
        for seed in range(turns):
            rows_of_case = ROWS | INIT_ROWS if case.init else ROWS
            found = trained(rows_of_case, case, seed, seconds, number)
            print(table(found), file=sys.stderr, flush=True)  # hours before the last one
            rows.extend(found)
        blank = dict.fromkeys(("seed", *COUNTED), "")
        rows.append({"pictures": case.title, "row": "the pictures"} | blank | case.judged(case.data.samples))
    return {"samples": number, "rows": rows, "medians": medians(rows)}


def trained(makers: Mapping[str, Make], case: Case, seed: int, seconds: float, number: int) -> list[dict[str, Any]]:
    """A row for each contestant, of so many samples."""
    iterations = fitted({row: make(case, seed, ENDLESS) for row, make in makers.items()}, seconds)
    contestants = {row: make(case, seed, iterations[row]) for row, make in makers.items()}
    used = train(contestants, iterations)
    rows = []
    for row, contestant in contestants.items():
        counted = round(used[row]), iterations[row], iterations[row] * contestant.batch
        facts = {"pictures": case.title, "row": row, "seed": seed} | dict(zip(COUNTED, counted, strict=True))
        gaps = contestant.gaps() if isinstance(contestant, Ours) else {}
        rows.append(facts | case.judged(contestant.sampled(number)) | gaps)
    return rows


def medians(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each case and contestant: the median of its seeds."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["pictures"], row["row"]), []).append(row)
    found = []
    for (pictures, name), group in groups.items():
        middle = {key: middle_of([row[key] for row in group]) for key in SHOWN}
        found.append({"pictures": pictures, "row": name} | middle)
    return found


def middle_of(values: list[Any]) -> Any:
    return "" if "" in values else round(median(values), 3)


def report(result: dict[str, Any]) -> str:
    """The result as text: medians, then each seed."""
    return "\n\n".join([table(result["medians"]), table(result["rows"])])
