"""What a sweep has found: pure functions on outcomes."""

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

from .metrics import Figures, Metric
from .plan import Plan, iterations_of
from .tiers import PUBLISHED, SOURCE, Published
from .trials import kept

Z = statistics.NormalDist().inv_cdf(0.975)


class Spread(NamedTuple):
    """Median and quartiles."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line: a GAN with a setting, or with all of the grid.

    Attributes:
        gan: its name; empty for real data.
        setting: what the grid sets; ``all`` for a GAN's whole grid.
        iterations: of each trial; 0 for real data.
        trials: how many.
        failures: how many of each kind.
        interval: of the failure rate, 95 %, see :func:`wilson`.
        figures: spread of each.
        scores: of the single trials, lower is better; see :meth:`Metric.scored`.
        best: expected best score of k trials, see :func:`best_of`.
        robust: in how many settings fewer than half of the trials fail, and in how many more do; of whole grids.
        published: what a paper reports for the same.
    """

    gan: str
    setting: str
    iterations: int
    trials: int
    failures: Mapping[str, int]
    interval: tuple[float, float]
    figures: Mapping[str, Spread]
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
        score: the figure that is to be small.
        k: of how many trials the best is expected.
        number: of samples that a trial is judged by.
        real: the row of a perfect generator: real data through the same metric.
        rows: of GANs with settings; a GAN with several has a last one for all of them.
        definition: of a failure.
        cpu_seconds: of all trainings.
        source: of what is published; empty where nothing is.
    """

    data: str
    tier: str
    score: str
    k: int
    number: int
    real: Row
    rows: tuple[Row, ...]
    definition: str
    cpu_seconds: float
    source: str

    def entry(self) -> dict[str, Any]:
        """As JSON holds it; what is infinite becomes ``None``."""
        entry: dict[str, Any] = plain(asdict(self))
        return entry


def summarise(plan: Plan, folder: Path, metric: Metric) -> Summary:
    """Read the records of a plan.

    Raises:
        GanzooError: some are missing.
    """
    rows: list[Row] = []
    seconds = 0.0
    k = min(plan.seeds, 3)
    grouped: dict[str, list[tuple[Row, list[Figures]]]] = {}
    for case in plan.cases:
        outcomes = [kept(folder, trial) for trial in plan.trials(case)]
        found = [outcome.figures for outcome in outcomes if outcome is not None]
        if len(found) < len(outcomes):
            raise GanzooError(f"{len(outcomes) - len(found)} trials of {case.gan} in {folder} are not finished")
        seconds += sum(outcome.cpu_seconds for outcome in outcomes if outcome is not None)
        packing = int(case.settings.get("discriminator.packing", 1))
        published = PUBLISHED.get(plan.data.name, {}).get((case.gan, packing)) if plan.tier == "paper" else None
        one = row(case.gan, str(case), iterations_of(case.recipe), found, metric, k, published=published)
        grouped.setdefault(case.gan, []).append((one, found))
    for gan, cases in grouped.items():
        rows += [one for one, _ in cases]
        if len(cases) > 1:
            robust = (sum(one.rate < 0.5 for one, _ in cases), len(cases))
            every = [figures for _, found in cases for figures in found]
            rows.append(row(gan, "all", cases[0][0].iterations, every, metric, k, robust=robust))
    return Summary(
        data=plan.data.name,
        tier=plan.tier,
        score=metric.score,
        k=k,
        number=metric.number,
        real=row("", "", 0, list(metric.real()), metric, 1),
        rows=tuple(rows),
        definition=metric.definition,
        cpu_seconds=seconds,
        source=SOURCE if any(one.published for one in rows) else "",
    )


def row(
    gan: str,
    setting: str,
    iterations: int,
    outcomes: Sequence[Figures],
    metric: Metric,
    k: int,
    *,
    robust: tuple[int, int] | None = None,
    published: Published | None = None,
) -> Row:
    """The row of some trials, of which those that are not finite have the worst figures."""
    failures = Counter(kind for figures in outcomes if (kind := metric.failure(figures)))
    values = {name: [figures.get(name, worst) for figures in outcomes] for name, worst in metric.figures.items()}
    scores = [metric.scored(figures) for figures in outcomes]
    return Row(
        gan=gan,
        setting=setting,
        iterations=iterations,
        trials=len(outcomes),
        failures=dict(failures.most_common()),
        interval=wilson(failures.total(), len(outcomes)),
        figures={name: spread(each) for name, each in values.items()},
        scores=scores,
        best=best_of(scores, k),
        robust=robust,
        published=published,
    )


def wilson(failures: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson, 1927), which is right for few trials and for rates of 0 and 1.

    >>> [round(bound, 3) for bound in wilson(0, 10)]
    [0.0, 0.278]
    """
    rate, share = failures / trials, Z**2 / trials
    centre = (rate + share / 2) / (1 + share)
    half = math.sqrt(rate * (1 - rate) * share + share**2 / 4) / (1 + share)
    return max(0.0, centre - half), min(1.0, centre + half)


def best_of(scores: Iterable[float], k: int) -> float:
    """The expected smallest of k of these scores, drawn without replacement: what k trainings would give at best.

    Order statistics, sum over i of s_(i) C(n-i, k-1) / C(n, k): unbiased, for k at most n. Lucic et al. (2018) and
    Dodge et al. (2019) report such curves, the latter in a biased form that Tang et al. (2020) mend.

    >>> best_of([3.0, 1.0, 2.0], 2)
    1.3333333333333333
    """
    ordered = sorted(scores)
    n = len(ordered)
    weights = [math.comb(n - i, k - 1) / math.comb(n, k) for i in range(1, n + 1)]
    return sum(weight * score for weight, score in zip(weights, ordered, strict=True) if weight)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles; quartiles are values that occur, since some may be infinite."""
    ordered = sorted(values)
    low, high = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.25, 0.75))
    return Spread(statistics.median(ordered), low, high)
