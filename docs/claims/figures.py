"""Tables and plots of the results of ``measure.py``."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from scipy.stats import spearmanr

HERE = Path(__file__).parent
Rows = list[dict[str, Any]]


def rows_of(claim: str) -> dict[str, Rows]:
    """The measured runs of a claim by variant."""
    path = HERE / f"{claim}.json"
    found: dict[str, Rows] = {}
    for row in json.loads(path.read_text()) if path.exists() else ():
        found.setdefault(row["variant"], []).append(row)
    return found


def spread(values: list[float], digits: int = 3) -> str:
    """Mean and standard deviation; one value if all are equal."""
    mean = f"{fmean(values):.{digits}g}"
    return mean if max(values) == min(values) else f"{mean}\u00a0±\u00a0{stdev(values):.2g}"


def summary(claim: str, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """A head and a line for each variant: seeds, iterations, CPU seconds, and the named metrics."""
    lines = [("variant", "seeds", "iterations", "CPU s", *(f"`{name}`" for name in names))]
    for variant, rows in rows_of(claim).items():
        iterations, seconds = (fmean(row[key] for row in rows) for key in ("iterations", "cpu_seconds"))
        metrics = (spread([row["metrics"][name] for row in rows]) for name in names)
        lines.append((variant, str(len(rows)), f"{iterations:,.0f}", f"{seconds:,.0f}", *metrics))
    return lines


def tracked(claim: str, one: str, other: str) -> list[tuple[str, ...]]:
    """A head, a line with two metrics for each evaluation of the runs, and the rank correlation of the two."""
    logs = {name: rows[0]["log"] for name, rows in rows_of(claim).items()}
    lines = [("iteration", *(f"{name}: `{metric}`" for name in logs for metric in (one, other)))]
    for index, iteration in enumerate(next(iter(logs.values()), {"iteration": []})["iteration"]):
        values = (f"{log[metric][index]:.3g}" for log in logs.values() for metric in (one, other))
        lines.append((f"{iteration:,}", *values))
    last = (text for log in logs.values() for text in (f"{correlation(log[one], log[other]):.2f}", ""))
    return [*lines, ("*rank correlation*", *last)]


def correlation(one: list[float], other: list[float]) -> float:
    """Rank correlation (Spearman, 1904), from -1 to 1."""
    return float(spearmanr(one, other).statistic)


def draw(claim: str, path: Path) -> None:
    """The score of every run as a dot, a line for each variant; lower is better."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams |= {"svg.hashsalt": claim, "font.size": 9}
    found = rows_of(claim)
    score = next(iter(found.values()))[0]["score"]
    figure, axes = pyplot.subplots(figsize=(7, 0.7 + 0.3 * len(found)))
    for height, rows in enumerate(reversed(found.values())):
        values = [row["metrics"][score] for row in rows]
        axes.plot(values, [height] * len(values), "o", color="#3567a8", alpha=0.7)
        axes.plot([fmean(values)], [height], "|", color="#c0392b", markersize=14)
    axes.set_yticks(range(len(found)), list(reversed(found)))
    axes.set_xscale("log")
    axes.set_xlabel(f"{score}, lower is better; a dot for each seed, a bar for their mean")
    axes.grid(axis="x", which="both", alpha=0.3)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
