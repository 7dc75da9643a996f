"""Plots of the laboratory, as PNG or SVG by the suffix of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ganzoo.util.files import atomic_write

from .analysis import CheckpointAnalysis
from .arrows import arrows
from .dirac import Dirac
from .path import LinePath
from .simulation import Simulation

INK, SOFT, LINE, ACCENT = "#1d1f24", "#60646e", "#d9d7d2", "#1a56c4"
ARROWS = 15
"""Along each side of a phase portrait."""


@contextmanager
def panels(path: Path, title: str, count: int = 1, height: float = 5.2) -> Iterator[list[Axes]]:
    """Axes from left to right; the file is written when the context is left."""
    figure = Figure(figsize=(5.2 * count, height), layout="constrained")
    axes = [figure.add_subplot(1, count, 1 + panel) for panel in range(count)]
    for own in axes:
        own.spines[:].set_color(LINE)
        own.tick_params(colors=SOFT)
    figure.suptitle(title, color=INK, fontsize=11, wrap=True)
    yield axes
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with atomic_write(path) as temporary, rc_context({"svg.hashsalt": "ganzoo"}):  # reproducible bytes
        figure.savefig(temporary, dpi=150, metadata=metadata)


def draw_portrait(simulation: Simulation, path: Path) -> None:
    """The trajectory on the directions of the field; each plane contains the equilibrium."""
    planes = simulation.seen.shape[1]
    with panels(path, simulation.title, planes) as axes:
        for plane, own in enumerate(axes):
            x, y = simulation.seen[:, plane].T
            reach = 1.15 * max(float(np.abs(simulation.seen[:, plane]).max()), 1e-9)
            draw_arrows(own, simulation.game, plane, reach)
            own.plot(x, y, color=ACCENT, linewidth=1)
            own.plot(x[:1], y[:1], "o", color=ACCENT, markerfacecolor="white", markersize=6)
            own.plot(x[-1:], y[-1:], "o", color=ACCENT, markersize=6)
            own.set(xlabel="output of the generator (the data are 0)", ylabel="slope of the discriminator")
            own.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


def draw_arrows(axes: Axes, game: Dirac, plane: int, reach: float) -> None:
    """The directions of the field in a plane through the equilibrium."""
    points, directions = arrows(game, plane, reach, ARROWS)
    if len(points):
        axes.quiver(*points.T, *directions.T, color=LINE, pivot="mid", scale=24, width=0.004)


def draw_eigenvalues(analyses: Sequence[CheckpointAnalysis], title: str, path: Path) -> None:
    """Eigenvalues in the complex plane; the colour is the checkpoint."""
    spectra = [analysis.jacobian.values for analysis in analyses]
    values = np.concatenate(spectra)
    iterations = np.repeat([analysis.iterations for analysis in analyses], [len(own) for own in spectra])
    with panels(path, title) as (axes,):
        axes.axvline(0, color=LINE)
        axes.axhline(0, color=LINE)
        if len(analyses) == 1:
            axes.plot(values.real, values.imag, "o", color=ACCENT, markersize=4)
        else:
            points = axes.scatter(values.real, values.imag, c=iterations, cmap="viridis_r", s=12, zorder=2)
            axes.figure.colorbar(points, ax=axes, label="iteration")
        axes.set(xlabel="Re: below 0 decay, above 0 growth", ylabel="Im: rotation")


def draw_path(line: LinePath, ends: tuple[int, int], title: str, path: Path) -> None:
    """Path-angle and path-norm between the weights of two iterations."""
    with panels(path, title, 2) as (left, right):
        left.axhline(0, color=LINE)
        left.plot(line.a, line.angle, color=ACCENT)
        right.plot(line.a, line.norm, color=ACCENT)
        for axes, label in ((left, "path-angle"), (right, "path-norm |v|")):
            axes.axvline(0, color=LINE)
            axes.axvline(1, color=LINE)
            axes.set(xlabel=f"0: iteration {ends[0]:,}, 1: iteration {ends[1]:,}", ylabel=label)
        right.set_yscale("log")
