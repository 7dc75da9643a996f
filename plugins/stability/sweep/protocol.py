"""How the trained generators of a sweep are evaluated, and when a training counts as failed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data
from ganzoo.data.stacked import DIGITS
from ganzoo.data.toys import CLOUDS4, GRID25, RING8
from ganzoo.evaluation import evaluate
from ganzoo.evaluation.extractors import PRETRAINED
from ganzoo.evaluation.stacked import protocol_size
from ganzoo.evaluation.vectors import POINTS
from ganzoo.generators.base import TrainedGenerator
from ganzoo.runs.doctor import COLLAPSED
from ganzoo.runs.measures import diversity, features
from ganzoo.util.errors import GanzooError

MIXTURES = {"ring8": RING8, "grid25": GRID25, "clouds4": CLOUDS4}
IMAGES = 2000
COMPARED = 256  # samples whose diversity is measured

Metrics = Mapping[str, float]


class Rule(NamedTuple):
    """A kind of failure: a metric below or above a limit."""

    kind: str
    metric: str
    side: Literal["below", "above"]
    limit: float

    def is_broken(self, metrics: Metrics) -> bool:
        value = metrics[self.metric]
        return value < self.limit if self.side == "below" else value > self.limit

    def __str__(self) -> str:
        return f"{self.kind} ({self.metric} {self.side} {self.limit:g})"


NOISE = "noise"
COLLAPSE = Rule("collapse", "diversity", "below", COLLAPSED)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How generators of a data set are evaluated, and when a training counts as failed.

    Attributes:
        number: of samples, those of the seeds 0, 1, ...
        worst: the metrics in the table, each with its worst value.
        score: the metric that ranks trials; lower is better.
        worst_score: of a failed trial without usable samples.
        rules: the kinds of failure; the first that applies counts. ``--bound`` sets the limit of the second.
    """

    number: int
    worst: Metrics
    score: str
    worst_score: float
    rules: tuple[Rule, ...]

    def with_bound(self, bound: float | None) -> Protocol:
        """The same protocol with another limit of the second rule; ``None`` keeps it."""
        collapse, bounded, *others = self.rules
        return self if bound is None else replace(self, rules=(collapse, bounded._replace(limit=bound), *others))

    def failure(self, metrics: Metrics) -> str:
        """The kind of failure; empty if the training succeeded. No metrics mean non-finite values."""
        if not metrics:
            return "non-finite"
        return next((rule.kind for rule in self.rules if rule.is_broken(metrics)), "")

    def score_of(self, metrics: Metrics) -> float:
        """The score. Noise gets the worst, since the divergence of a few stray points near modes means nothing."""
        if self.failure(metrics) in ("non-finite", NOISE):
            return self.worst_score
        return min(metrics[self.score], self.worst_score)

    @property
    def definition(self) -> str:
        """When a training counts as failed, in words."""
        return f"failed: non-finite, or {', or '.join(map(str, self.rules))}"


def protocol_for(data: Data) -> Protocol:
    """The protocol of a data set.

    Points are evaluated by the modes of 2,500 samples and stacked digits by those of 26 samples per mode (Srivastava et
    al., 2017; Lin et al., 2018), images by the Fréchet distance of 2,000 samples in a small network's features.

    Raises:
        GanzooError: there is none.
    """
    if data.name in MIXTURES or data.name in DIGITS:
        points = data.name in MIXTURES
        modes = len(MIXTURES[data.name].centres) if points else 10 ** DIGITS[data.name]
        noise = (Rule(NOISE, "high_quality", "below", 0.1),) if points else ()
        return Protocol(
            number=POINTS if points else protocol_size(data.name),
            worst={"modes": 0, **({"high_quality": 0} if points else {}), "reverse_kl": math.inf},
            score="reverse_kl",
            worst_score=math.log(modes),  # all samples in one mode
            rules=(COLLAPSE, *noise, Rule("missing", "modes", "below", modes if points else 0.9 * modes)),
        )
    if data.name in PRETRAINED:
        score = f"{PRETRAINED[data.name]}-fd"
        rules = (COLLAPSE, Rule("far", score, "above", 100.0))
        worst = {score: math.inf, "coverage": 0}
        return Protocol(number=IMAGES, worst=worst, score=score, worst_score=math.inf, rules=rules)
    known = ", ".join((*MIXTURES, *DIGITS, *PRETRAINED))
    raise GanzooError(f"a sweep cannot evaluate samples of '{data.name}'; choose {known}")


def measure(model: TrainedGenerator, data: Data, directory: str | None = None) -> tuple[Metrics, Metrics]:
    """The metrics of a generator and those of as many real samples; both are empty if a sample is not finite.

    They are those of :func:`ganzoo.evaluation.evaluate`, and the ``diversity`` of samples relative to the data's.
    """
    number = protocol_for(data).number
    samples = np.concatenate(list(model.sample_iter(number)))
    if not np.isfinite(samples).all():
        return {}, {}
    found = evaluate(model, data.name, number=number, directory=directory)
    return {**found.metrics, "diversity": relative_diversity(samples, data, model.value_range)}, found.references[
        "real"
    ]


def relative_diversity(samples: NDArray[Any], data: Data, value_range: tuple[float, float] | None = None) -> float:
    """The diversity of 256 samples relative to that of as many training samples; images are scaled to 0 to 255."""
    real = data.samples[np.random.default_rng(0).permutation(len(data))[:COMPARED]]
    scale = 255 / (value_range[1] - value_range[0]) if value_range else 1.0
    return diversity(features(scale * samples[:COMPARED]), features(real), np.zeros(len(real), np.int64))
