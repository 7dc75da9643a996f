"""What trained generators are judged by, and what a failure is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, load, subset
from ganzoo.data.stacked import DIGITS
from ganzoo.data.toys import CLOUDS4, GRID25, RING8
from ganzoo.evaluation.extractors import SHIPPED, extractor_for, shipped
from ganzoo.evaluation.fidelity import available, frechet
from ganzoo.evaluation.manifold import manifold
from ganzoo.evaluation.reference import batches, held_out
from ganzoo.evaluation.samples import as_levels
from ganzoo.evaluation.scoring import NUMBER
from ganzoo.evaluation.stacked import modes as stacked_modes
from ganzoo.evaluation.stacked import protocol, read
from ganzoo.evaluation.toys import modes
from ganzoo.evaluation.vectors import POINTS
from ganzoo.generators.base import CHUNK, TrainedGenerator
from ganzoo.runs.doctor import ALIKE, diversity, features
from ganzoo.util.errors import GanzooError

MIXTURES = {"ring8": RING8, "grid25": GRID25, "clouds4": CLOUDS4}
DRAWS = 20  # of real data, at most
COMPARED = 256  # samples that are looked at for being alike

Samples = NDArray[Any]
Figures = Mapping[str, float]


class Rule(NamedTuple):
    """One way to fail: a figure that lies on the wrong side of a limit."""

    kind: str
    figure: str
    side: Literal["below", "above"]
    limit: float

    def broken(self, figures: Figures) -> bool:
        value = figures[self.figure]
        return value < self.limit if self.side == "below" else value > self.limit

    def __str__(self) -> str:
        return f"{self.kind} ({self.figure} {self.side} {self.limit:g})"


NOISE = "noise"
COLLAPSE = Rule("collapse", "diversity", "below", ALIKE)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """How generators of a data set are measured, and when they have failed.

    Attributes:
        figures: that are shown, with the worst value of each.
        score: the one to go by; lower is better.
        worst: the largest score that there is.
        rules: the ways to fail, the first that fits counts; the limit of the second is the user's to choose.
        number: of samples, those of the seeds 0, 1, ...
        measure: figures of samples, points ``(N, features)`` or images uint8 ``(N, C, H, W)``.
        test: real samples that no one was trained on.
    """

    figures: Figures
    score: str
    worst: float
    rules: tuple[Rule, ...]
    number: int
    measure: Callable[[Samples], dict[str, float]]
    test: Data

    def bounded(self, bound: float | None) -> Metric:
        """The same with another limit."""
        collapse, judged, *others = self.rules
        return self if bound is None else replace(self, rules=(collapse, judged._replace(limit=bound), *others))

    def of(self, model: TrainedGenerator) -> dict[str, float]:
        """The figures of a generator; none if its samples are not finite."""
        samples = np.concatenate(list(model.sample_iter(self.number)))
        if not np.isfinite(samples).all():
            return {}
        return self.all(as_levels(samples, model.limits) if self.test.is_images else samples)

    def all(self, samples: Samples) -> dict[str, float]:
        """The figures of samples. ``diversity`` is how much they differ, as a share of what data do."""
        own, real = features(samples[:COMPARED]), features(self.test.samples[:COMPARED])
        return self.measure(samples) | {"diversity": diversity(own, real, np.zeros(len(real), np.int64))}

    def real(self) -> Iterator[dict[str, float]]:
        """The figures of real samples in as many draws as there are: what a perfect generator would get."""
        for start in range(0, min(len(self.test), DRAWS * self.number) - self.number + 1, self.number):
            yield self.all(self.test.samples[start : start + self.number])

    def failure(self, figures: Figures) -> str:
        """The kind of failure that these figures are; empty for none."""
        if not figures:
            return "non-finite"
        return next((rule.kind for rule in self.rules if rule.broken(figures)), "")

    def scored(self, figures: Figures) -> float:
        """The score. A divergence of the few samples that noise leaves near modes means nothing, and is the worst."""
        hopeless = self.failure(figures) in ("non-finite", NOISE)
        return self.worst if hopeless else min(figures[self.score], self.worst)

    @property
    def definition(self) -> str:
        """What a failure is, in words."""
        return f"failed: non-finite, or {', or '.join(map(str, self.rules))}"


def metric_of(data: Data, directory: str | None = None) -> Metric:
    """The metric of a data set, whose training part is given.

    Raises:
        GanzooError: nothing can be counted or compared there.
    """
    if data.name in MIXTURES:
        return of_points(data.name)
    if data.name in DIGITS:
        return of_stacked(data.name)
    if data.name in SHIPPED:
        return of_images(data, directory)
    known = ", ".join((*MIXTURES, *DIGITS, *SHIPPED))
    raise GanzooError(f"a sweep cannot judge samples of '{data.name}'; choose among {known}")


def of_points(name: str) -> Metric:
    """Modes of a mixture, from 2,500 points (Srivastava et al., 2017; Lin et al., 2018)."""
    mixture = MIXTURES[name]
    return Metric(
        figures={"modes": 0, "high_quality": 0, "reverse_kl": math.inf},
        score="reverse_kl",
        worst=math.log(len(mixture.centres)),  # of one mode alone
        rules=(COLLAPSE, Rule(NOISE, "high_quality", "below", 0.1), missing(len(mixture.centres))),
        number=POINTS,
        measure=lambda points: modes(points, mixture),
        test=load(name, split="test"),
    )


def of_stacked(name: str) -> Metric:
    """Modes of stacked digits, from 26 images of each."""
    extractor, count = shipped("mnist"), DIGITS[name]
    return Metric(
        figures={"modes": 0, "reverse_kl": math.inf},
        score="reverse_kl",
        worst=math.log(10**count),
        rules=(COLLAPSE, missing(0.9 * 10**count)),
        number=protocol(name),
        measure=lambda images: stacked_modes(read(extractor, chunks(images), count)),
        test=load(name, split="test"),
    )


def of_images(data: Data, directory: str | None) -> Metric:
    """The Fréchet distance in the features of the extractor that ships, and coverage, from 2,000 images."""
    available()
    extractor = extractor_for(data)
    test = held_out(data, directory)
    reference = extractor.see(batches(test or data))
    order = np.random.default_rng(0).permutation(len(data))[: DRAWS * NUMBER]  # files may be sorted by class

    def measure(images: Samples) -> dict[str, float]:
        seen = extractor.see(chunks(images))
        covered = manifold(seen.features, reference.features).coverage
        return {extractor.score: frechet(seen, reference), "coverage": covered}

    return Metric(
        figures={extractor.score: math.inf, "coverage": 0},
        score=extractor.score,
        worst=math.inf,
        rules=(COLLAPSE, Rule("far", extractor.score, "above", 100.0)),
        number=NUMBER,
        measure=measure,
        test=subset(data, order),  # the test part is the reference, so what is fresh to it are training images
    )


def missing(least: float) -> Rule:
    return Rule("missing", "modes", "below", least)


def chunks(images: Samples) -> Iterator[Samples]:
    return (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
