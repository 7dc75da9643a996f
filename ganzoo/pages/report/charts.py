"""Curves as inline SVG. The drawing stretches with the page, so the text around it is HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ganzoo.pages.report.meanings import meaning_of
from ganzoo.records.metrics import Curve
from ganzoo.records.text import format_number, one_line

Values = NDArray[np.float64]

WIDTH, HEIGHT = 1000, 300  # of the drawing's own units
MOST_POINTS = 800  # in one line
MOST_LINES = 6  # in one chart, each with its own colour
STRAIGHT = 2e-3  # of a line's range that its points may be off a straight line
HIDDEN = ("cpu_seconds",)  # nearly a straight line; the facts have it
NETWORK_OF = {
    "discriminator_accuracy": "discriminator",
    "overfitting_gap": "discriminator",
    "diversity": "generator",
    "distance": "generator",
    "copies": "generator",
}
"""Whose colour the line of a metric has, besides those that name a network."""
FEW = 12  # or fewer points are drawn as dots, and not smoothed

TITLES = {
    "loss": "Losses",
    "gradient": "Gradient norms",
    "discriminator_accuracy": "Accuracy of the discriminator",
    "diversity": "Diversity of samples",
    "distance": "Distance of samples to the data",
    "copies": "Copies of training images among the samples",
    "overfitting_gap": "How much more often D prefers an image that it is trained on to one that was kept back",
    "augmentation_p": "Probability of an augmentation",
    "iterations_per_second": "Speed, iterations per second",
}


Points = list[dict[str, list[float]]]


def charts(curves: Sequence[Curve], iterations: int, *, has_parent: bool = False) -> tuple[str, list[Points]]:
    """Draw curves. Those whose names agree up to a dot, such as ``loss.generator``, share a chart.

    A network has the same colour in all charts. What would be a straight line is a sentence below them.

    Args:
        curves: to draw.
        iterations: at the right end of the charts, at least.
        has_parent: name the networks that are not the parent's as the child's.

    Returns:
        The HTML, and for each chart the points of its lines, from which the page's script reads values.
    """
    groups: dict[str, list[Curve]] = {}
    for curve in curves:
        if curve.name in HIDDEN:
            continue
        name = curve.name.partition(".")[0]
        names = (name, *(f"{name} ({count})" for count in range(2, 99)))
        title = next(key for key in names if len(groups.get(key, ())) < MOST_LINES)
        groups.setdefault(title, []).append(curve)
    for lines in groups.values():
        lines.sort(key=lambda curve: curve.name)
    networks = sorted({line_name(curve.name) for curve in curves} - {""})
    colours = {name: index % MOST_LINES for index, name in enumerate(networks)}
    order = sorted(groups, key=lambda group: (group == "iterations_per_second") - (group == "loss"))
    drawn, sentences = [], []
    for group in order:
        if all(straight(curve) for curve in groups[group]):
            sentences += [sentence(curve, group, has_parent) for curve in groups[group]]
        else:
            drawn.append(chart(group, groups[group], iterations, colours, has_parent))
    listed = "".join(f"<li>{html.escape(text)}</li>" for text in sentences)
    parts = "\n".join(text for text, _ in drawn)
    return parts + (f'\n<ul class="sentences">{listed}</ul>' if listed else ""), [points for _, points in drawn]


def line_name(name: str) -> str:
    """What names the colour of a line: the part after the dot, or a network; empty for what belongs to none."""
    return name.partition(".")[2] or NETWORK_OF.get(name, "")


def straight(curve: Curve) -> str:
    """A curve in words if it is a straight line, or has at most two points; else empty."""
    x, y = curve.iterations, curve.values
    first, last = (format_number(float(f"{value:.4g}")) for value in (y[0], y[-1]))
    if len(y) == 1:
        return f"{first} in iteration {int(x[0]):,}, the only entry"
    if np.ptp(y) <= 1e-9 * np.abs(y).max():
        return f"{first} throughout"
    line = y[0] + (y[-1] - y[0]) * (x - x[0]) / max(x[-1] - x[0], 1e-9)
    if len(y) == 2 or np.abs(y - line).max() <= STRAIGHT * np.ptp(y):
        return f"from {first} to {last} in a straight line"
    return ""


def sentence(curve: Curve, group: str, has_parent: bool) -> str:
    """``Copies of training images among the samples: 0 throughout.``"""
    name = label(curve.name, group, has_parent) if "." in curve.name else ""
    return f"{', '.join(filter(None, (heading(group), name)))}: {straight(curve)}."


def heading(group: str) -> str:
    return TITLES.get(group) or title_case(one_line(group, 80).replace("_", " "))


def chart(
    group: str, curves: Sequence[Curve], iterations: int, colours: Mapping[str, int], has_parent: bool
) -> tuple[str, Points]:
    """One chart, and the points of its lines."""
    title = heading(group)
    smooth = [running_mean(curve.values) for curve in curves]
    low, high, steps = axis(
        [bound for curve, line in zip(curves, smooth, strict=True) for bound in bounds(curve.values, line)]
    )
    end = max([float(iterations), 1.0, *(float(curve.iterations[-1]) for curve in curves)])

    def path(xs: Values, ys: Values) -> str:
        x, y = WIDTH * xs / end, HEIGHT * ((high - ys) / (high - low)).clip(0, 1)
        return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))

    lines, legend, points, descriptions = [], [], [], []
    taken: set[int] = set()
    for curve, line in zip(curves, smooth, strict=True):
        name = label(curve.name, group, has_parent)
        wanted = colours.get(line_name(curve.name))
        index = "n" if wanted is None else next(own for own in (wanted, *range(MOST_LINES)) if own not in taken)
        taken |= {index} if isinstance(index, int) else set()
        few = len(line) <= FEW
        if not few:
            raw = extremes(curve.values)
            lines.append(f'<path class="raw c{index}" d="{path(curve.iterations[raw], curve.values[raw])}"/>')
        kept = evenly_spaced(len(line))
        xs, ys = curve.iterations[kept], line[kept]
        lines.append(f'<path class="line c{index}" d="{path(xs, ys)}"/>')
        if few:
            dots = "".join(f"{path(xs[i : i + 1], ys[i : i + 1])}h0" for i in range(len(xs)))
            lines.append(f'<path class="dots c{index}" d="{dots}"/>')
        points.append({"x": xs.tolist(), "y": [float(f"{y:.5g}") for y in ys]})
        last = format_number(float(f"{ys[-1]:.4g}"))
        key = f'<span class="key c{index}"></span>{html.escape(name)} ' if len(curves) > 1 else ""
        legend.append(f"<li>{key}<output>{last}</output></li>")
        descriptions.append(f"{name} from {format_number(float(f'{ys[0]:.4g}'))} to {last}")
    summary = html.escape(f"{title} by iteration: {'; '.join(descriptions)}.")
    grid = "".join(f'<path class="grid" d="M0 {HEIGHT * i / steps:.1f}H{WIDTH}"/>' for i in range(steps + 1))
    meaning = about(meaning_of(group.partition(" (")[0]))
    heights = "".join(f"<span>{text}</span>" for text in ticks(low, high, steps))
    return (
        f'<figure class="chart{" wide" if group == "loss" else ""}" data-end="{end:.15g}">\n'
        f"<figcaption><h3>{html.escape(title)}</h3>{meaning}"
        f'<ul class="legend">{"".join(legend)}</ul></figcaption>\n'
        f'<div class="plot"><div class="heights" aria-hidden="true">{heights}</div>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{summary}">'
        f'{grid}{"".join(lines)}<path class="cursor" d=""/></svg>'
        f'<div class="widths" aria-hidden="true"><span>0</span><span>{format_number(round(end / 2))}</span>'
        f"<span>{format_number(round(end))} iterations</span></div></div>\n</figure>",
        points,
    )


def title_case(name: str) -> str:
    """A name as a title. Short ones, such as ``fd``, are abbreviations."""
    return name.upper() if len(name) <= 3 else name[:1].upper() + name[1:]


def about(meaning: str) -> str:
    """A text that is shown when its question mark is pressed; nothing without one."""
    if not meaning:
        return ""
    return f'<details class="about"><summary title="What this means">?</summary><p>{html.escape(meaning)}</p></details>'


def label(name: str, group: str, has_parent: bool = False) -> str:
    """A curve's name within its chart."""
    own = name.partition(".")[2]
    if has_parent and own in ("generator", "discriminator"):
        return f"child's {own}"
    if own.startswith("parent.") and own[7:] in ("generator", "discriminator"):
        return f"parent's {own[7:]}"
    return one_line(name.removeprefix(f"{group.partition(' (')[0]}.") or name, 60).replace("_", " ").replace(".", " ")


def running_mean(values: Values) -> Values:
    """The centred running mean over a twentieth of the points; :data:`FEW` points stay as they are."""
    if len(values) <= FEW:
        return values
    half = max(1, len(values) // 40)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    first, last = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    means: Values = (sums[last] - sums[first]) / (last - first)
    return means


def bounds(values: Values, line: Values) -> tuple[float, float]:
    """The range to draw: all of the smooth line, and of the raw values the 1st to the 99th percentile."""
    low, high = np.percentile(values, [1, 99])
    return float(min(low, line.min())), float(max(high, line.max()))


def axis(values: Iterable[float]) -> tuple[float, float, int]:
    """Lower and upper end of an axis that covers all values, at round numbers, and its number of equal steps."""
    values = list(values)
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        room = abs(low) / 10 or 1.0
        low, high = low - room, high + room
    rough = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return first * step, last * step, last - first


def ticks(low: float, high: float, steps: int) -> list[str]:
    """The labels of an axis from top to bottom, all with the same number of decimals."""
    values = [high - (high - low) * index / steps for index in range(steps + 1)]
    step, largest = (high - low) / steps, max(abs(low), abs(high))
    if not (step >= 1e-4 and largest < 1e6):
        return [format_number(float(f"{value:.6g}") + 0.0).replace("-", "−") for value in values]
    decimals = next(count for count in range(8) if abs(step * 10**count - round(step * 10**count)) < 1e-6)
    return [f"{round(value, decimals) + 0.0:,.{decimals}f}".replace("-", "−") for value in values]


def extremes(values: Values) -> NDArray[np.int64]:
    """Indices of the points to draw of a long line: the lowest and highest of each stretch, so that spikes stay."""
    if len(values) <= MOST_POINTS:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), MOST_POINTS // 2 + 1).astype(int)
    kept = [
        start + offset
        for start, stop in pairwise(edges)
        for offset in {int(values[start:stop].argmin()), int(values[start:stop].argmax())}
    ]
    return np.array(sorted(kept))


def evenly_spaced(count: int) -> NDArray[np.int64]:
    """Indices of the points to draw of a smooth line of ``count`` points."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(np.int64))
