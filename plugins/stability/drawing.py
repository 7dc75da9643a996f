"""Pictures of the laboratory, as PNG or SVG by the name of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ganzoo.util.files import atomic_write

from .dirac import Dirac
from .moment import Moment
from .motion import Motion
from .path import Path as Way

INK, SOFT, LINE, ACCENT = "#1d1f24", "#60646e", "#d9d7d2", "#1a56c4"
ARROWS = 15
"""Along each side of a portrait."""


@contextmanager
def drawn(path: Path, title: str, panels: int = 1, height: float = 5.2) -> Iterator[list[Axes]]:
    """Axes side by side, written to the file when all is drawn."""
    figure = Figure(figsize=(5.2 * panels, height), layout="constrained")
    axes = [figure.add_subplot(1, panels, 1 + panel) for panel in range(panels)]
    for own in axes:
        own.spines[:].set_color(LINE)
        own.tick_params(colors=SOFT)
    figure.suptitle(title, color=INK, fontsize=11, wrap=True)
    yield axes
    plain = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with atomic_write(path) as temporary, rc_context({"svg.hashsalt": "ganzoo"}):  # the same picture, the same bytes
        figure.savefig(temporary, dpi=150, metadata=plain)


def portrait(motion: Motion, path: Path) -> None:
    """The trajectory over the field; each plane of several is cut through the place of rest."""
    planes = motion.seen.shape[1]
    with drawn(path, motion.title, planes) as axes:
        for plane, own in enumerate(axes):
            x, y = motion.seen[:, plane].T
            reach = 1.15 * max(float(np.abs(motion.seen[:, plane]).max()), 1e-9)
            arrows(own, motion.game, plane, reach)
            own.plot(x, y, color=ACCENT, linewidth=1)
            own.plot(x[:1], y[:1], "o", color=ACCENT, markerfacecolor="white", markersize=6)
            own.plot(x[-1:], y[-1:], "o", color=ACCENT, markersize=6)
            own.set(xlabel="what is generated (the data are 0)", ylabel="slope of the discriminator")
            own.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


def arrows(axes: Axes, game: Dirac, plane: int, reach: float) -> None:
    """The directions of the field in a plane through the place of rest."""
    number, slope = game.axes[plane]
    side = np.linspace(-reach, reach, ARROWS)
    places, ways = [], []
    for dx in side:
        for y in side:
            w = game.rest.clone()
            w[number] += dx
            w[slope] = y
            if not torch.equal(game.field.projected(w), w):
                continue  # beyond a clip there is no field
            way = game.seen(game.field.projected(w + 1e-6 * game.field(w))) - game.seen(w)
            places.append(game.seen(w)[plane].tolist())
            ways.append((way[plane] / way[plane].norm().clamp_min(1e-300)).tolist())
    if places:
        axes.quiver(
            *zip(*places, strict=True), *zip(*ways, strict=True), color=LINE, pivot="mid", scale=24, width=0.004
        )


def plane(moments: Sequence[Moment], title: str, path: Path) -> None:
    """Eigenvalues in the complex plane, of several moments by colour; what is right of the line grows."""
    values = np.concatenate([moment.spectrum.eigenvalues for moment in moments])
    iterations = np.repeat([m.iterations for m in moments], [len(m.spectrum.eigenvalues) for m in moments])
    with drawn(path, title) as (axes,):
        axes.axvline(0, color=LINE)
        axes.axhline(0, color=LINE)
        if len(moments) == 1:
            axes.plot(values.real, values.imag, "o", color=ACCENT, markersize=4)
        else:
            points = axes.scatter(values.real, values.imag, c=iterations, cmap="viridis_r", s=12, zorder=2)
            axes.figure.colorbar(points, ax=axes, label="iteration")
        axes.set(xlabel="Re: below 0 it returns, above 0 it leaves", ylabel="Im: how fast it turns")


def line(met: Way, ends: tuple[int, int], title: str, path: Path) -> None:
    """Path-angle and path-norm between the weights of two iterations."""
    with drawn(path, title, 2) as (left, right):
        left.axhline(0, color=LINE)
        left.plot(met.a, met.angle, color=ACCENT)
        right.plot(met.a, met.norm, color=ACCENT)
        for axes, label in ((left, "path-angle"), (right, "path-norm |v|")):
            axes.axvline(0, color=LINE)
            axes.axvline(1, color=LINE)
            axes.set(xlabel=f"0: iteration {ends[0]:,}, 1: iteration {ends[1]:,}", ylabel=label)
        right.set_yscale("log")
