"""The results of a sweep as a table in text, and as a plot."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from pathlib import Path

from ..drawing import ACCENT, INK, LINE, SOFT, panels
from .summary import Row, Spread, Summary

REAL = "real data"


def lines(summary: Summary) -> Iterator[tuple[str, ...]]:
    """The rows of the table: the head, real data if they are known, and the GANs."""
    names = list(summary.rows[0].metrics)
    paper = [f"{name}, published" for name in names] if summary.source else []
    best = f"best of {summary.k}"
    yield "GAN", "setting", "tier", "failed", "95 %", "kinds", *names, best, "robust", *paper
    if summary.real:
        yield REAL, "", "", "", "", "", *(number(value) for value in summary.real.values())
    for row in summary.rows:
        robust = "" if row.robust is None else f"{row.robust[0]} of {row.robust[1]}"
        one = row.published
        theirs = (one.modes, one.high_quality + " %", one.reverse_kl) if one else ("",) * len(paper)
        yield (
            row.gan,
            row.setting,
            label(summary, row),
            f"{sum(row.failures.values())} of {row.trials}",
            "{:.0%} to {:.0%}".format(*row.interval),
            ", ".join(f"{kind} {count}" for kind, count in row.failures.items()),
            *(format_spread(each) for each in row.metrics.values()),
            number(row.best),
            robust,
            *theirs,
        )


def label(summary: Summary, row: Row) -> str:
    """The tier with the iterations, since these can be set."""
    return f"{summary.tier}, {row.iterations:,} iterations"


def format_spread(spread: Spread) -> str:
    """The median, and the quartiles if they differ."""
    median = number(spread.median)
    low, high = number(spread.low), number(spread.high)
    return median if low == median == high else f"{median} ({low} to {high})"


def number(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}" if math.isfinite(value) else "infinite"


def legend(summary: Summary) -> Iterator[str]:
    """An explanation of the columns."""
    yield summary.definition
    yield (
        f"metrics: medians (quartiles) over seeds, from {summary.number:,} samples each; {summary.score}: lower is "
        f"better; best of {summary.k}: expected smallest {summary.score} of {summary.k} trials; robust: settings in "
        "which fewer than half of the trials fail"
    )
    if summary.source:
        yield f"published: {summary.source}"


def plot(summary: Summary, path: Path) -> None:
    """Failure rates with their intervals, and the scores of the trials with their median and the score of real data."""
    rows = [row for row in summary.rows if row.robust is None]
    names = [f"{row.gan} {row.setting}".strip() for row in rows]
    places = range(len(rows))
    finite = [score for row in rows for score in row.scores if 0 < score < math.inf]
    real = summary.real.get(summary.score)
    worst = 2 * max([*finite, real or 0, 1e-3])  # where infinite scores are drawn
    title = f"{summary.data}, {summary.tier}: {', '.join(sorted({f'{row.iterations:,}' for row in rows}))} iterations"
    with panels(path, title, 2, height=1.5 + 0.3 * len(rows)) as (left, right):
        for place, row in zip(places, rows, strict=True):
            left.plot(row.interval, (place, place), color=SOFT)
            left.plot(row.rate, place, "o", color=ACCENT)
            scores = [min(score, worst) for score in row.scores]
            right.plot(scores, [place] * len(scores), "o", color=ACCENT, alpha=0.5, markeredgewidth=0)
            right.plot(statistics.median(scores), place, "|", color=INK, markersize=14)
        left.set(xlim=(-0.03, 1.03), xlabel="failure rate, with its 95 % interval")
        left.set_yticks(places, names)
        if real is not None:
            right.axvline(real, color=LINE)
        right.set(xscale="log", xlabel=f"{summary.score} of each trial, the median (bar), and of real data (line)")
        right.set_yticks(places, [])
        for axes in (left, right):
            axes.set_ylim(len(rows) - 0.5, -0.5)
