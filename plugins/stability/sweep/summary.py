"""The results of a sweep: pure functions on outcomes."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.evaluation.record import plain
from ganzoo.util.errors import GanzooError

from .plan import Plan, iterations_of
from .protocol import Metrics, Protocol, protocol_for
from .tiers import PUBLISHED, SOURCE, Published
from .trials import load_outcome

Z = statistics.NormalDist().inv_cdf(0.975)


class Spread(NamedTuple):
    """Median and quartiles."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table: a GAN with one setting, or with the whole grid.

    Attributes:
        gan: its name.
        setting: of the grid; ``all`` for a GAN's whole grid.
        iterations: of each trial.
        trials: how many.
        failures: how many of each kind.
        interval: the 95 % interval of the failure rate, see :func:`wilson`.
        metrics: median and quartiles of each.
        scores: of the single trials, lower is better; see :meth:`Protocol.score_of`.
        best: expected best score of k trials, see :func:`best_of`.
        robust: of a whole grid: in how many settings fewer than half of the trials fail, and the number of settings.
        published: results of a paper for the same setting.
    """

    gan: str
    setting: str
    iterations: int
    trials: int
    failures: Mapping[str, int]
    interval: tuple[float, float]
    metrics: Mapping[str, Spread]
    scores: Sequence[float]
    best: float
    robust: tuple[int, int] | None = None
    published: Published | None = None

    @property
    def rate(self) -> float:
        return sum(self.failures.values()) / self.trials


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A sweep's results.

    Attributes:
        data, tier: their names.
        score: the metric that ranks trials; lower is better.
        k: the number of trials whose best score is expected.
        number: of samples that evaluate a trial.
        real: the metrics of as many real samples, for comparison; empty if all trials are non-finite.
        rows: of GANs with settings; a GAN with several settings has a last row for all of them.
        definition: of a failure.
        cpu_seconds: of all trainings.
        source: of published results; empty if there are none.
    """

    data: str
    tier: str
    score: str
    k: int
    number: int
    real: Metrics
    rows: tuple[Row, ...]
    definition: str
    cpu_seconds: float
    source: str

    def entry(self) -> dict[str, Any]:
        """Everything, for JSON; infinite values become ``None``."""
        entry: dict[str, Any] = plain(asdict(self))
        return entry


def summarise(plan: Plan, folder: Path, protocol: Protocol | None = None) -> Summary:
    """Read the records of a plan.

    Args:
        plan: the trials.
        folder: of their records.
        protocol: with the limits of failures; by default that of the data set.

    Raises:
        GanzooError: some records are missing.
    """
    protocol = protocol or protocol_for(plan.data)
    rows: list[Row] = []
    real: Metrics = {}
    seconds = 0.0
    k = min(plan.seeds, 3)
    grouped: dict[str, list[tuple[Row, list[Metrics]]]] = {}
    for case in plan.cases:
        trials = plan.trials(case)
        outcomes = [outcome for trial in trials if (outcome := load_outcome(folder, trial)) is not None]
        if len(outcomes) < len(trials):
            raise GanzooError(f"{len(trials) - len(outcomes)} trials of {case.gan} in {folder} are not finished")
        found = [outcome.metrics for outcome in outcomes]
        real = next((outcome.real for outcome in outcomes if outcome.real), real)
        seconds += sum(outcome.cpu_seconds for outcome in outcomes)
        packing = int(case.settings.get("discriminator.packing", 1))
        published = PUBLISHED.get(plan.data.name, {}).get((case.gan, packing)) if plan.tier == "paper" else None
        one = row(case.gan, str(case), iterations_of(case.recipe), found, protocol, k, published=published)
        grouped.setdefault(case.gan, []).append((one, found))
    for gan, cases in grouped.items():
        rows += [one for one, _ in cases]
        if len(cases) > 1:
            robust = (sum(one.rate < 0.5 for one, _ in cases), len(cases))
            every = [metrics for _, found in cases for metrics in found]
            rows.append(row(gan, "all", cases[0][0].iterations, every, protocol, k, robust=robust))
    return Summary(
        data=plan.data.name,
        tier=plan.tier,
        score=protocol.score,
        k=k,
        number=protocol.number,
        real={name: real[name] for name in protocol.worst if name in real},
        rows=tuple(rows),
        definition=protocol.definition,
        cpu_seconds=seconds,
        source=SOURCE if any(one.published for one in rows) else "",
    )


def row(
    gan: str,
    setting: str,
    iterations: int,
    outcomes: Sequence[Metrics],
    protocol: Protocol,
    k: int,
    *,
    robust: tuple[int, int] | None = None,
    published: Published | None = None,
) -> Row:
    """The row of some trials. Non-finite trials count with the worst values."""
    failures = Counter(kind for metrics in outcomes if (kind := protocol.failure(metrics)))
    values = {name: [metrics.get(name, worst) for metrics in outcomes] for name, worst in protocol.worst.items()}
    scores = [protocol.score_of(metrics) for metrics in outcomes]
    return Row(
        gan=gan,
        setting=setting,
        iterations=iterations,
        trials=len(outcomes),
        failures=dict(failures.most_common()),
        interval=wilson(failures.total(), len(outcomes)),
        metrics={name: spread(each) for name, each in values.items()},
        scores=scores,
        best=best_of(scores, k),
        robust=robust,
        published=published,
    )


def wilson(failures: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson, 1927), which is valid for few trials and for rates of 0 and 1.

    >>> [round(bound, 3) for bound in wilson(0, 10)]
    [0.0, 0.278]
    """
    rate, share = failures / trials, Z**2 / trials
    centre = (rate + share / 2) / (1 + share)
    half = math.sqrt(rate * (1 - rate) * share + share**2 / 4) / (1 + share)
    return max(0.0, centre - half), min(1.0, centre + half)


def best_of(scores: Iterable[float], k: int) -> float:
    """The expected minimum of k of these scores, drawn without replacement: the best of k trainings.

    Order statistics, sum over i of s_(i) C(n-i, k-1) / C(n, k): unbiased, for k at most n. Lucic et al. (2018) and
    Dodge et al. (2019) report such curves; Tang et al. (2020) correct the bias of the latter.

    >>> best_of([3.0, 1.0, 2.0], 2)
    1.3333333333333333
    """
    ordered = sorted(scores)
    n = len(ordered)
    weights = [math.comb(n - i, k - 1) / math.comb(n, k) for i in range(1, n + 1)]
    return sum(weight * score for weight, score in zip(weights, ordered, strict=True) if weight)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles. Quartiles are not interpolated, since some values may be infinite."""
    ordered = sorted(values)
    low, high = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.25, 0.75))
    return Spread(statistics.median(ordered), low, high)
