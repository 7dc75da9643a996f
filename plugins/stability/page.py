"""A page, as one HTML file, that animates the trajectory of a Dirac-GAN."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.pages.html import json_for_script, read_package_text, render_page

from .arrows import arrows
from .simulation import Simulation

PACKAGE = "ganzoo_plugins.stability"
ARROWS = 13
"""Of the field, along each side of a plane."""

MOST_STEPS = 2000
"""The most steps in a page; of a longer trajectory they are evenly spaced."""


def page(simulation: Simulation) -> str:
    """The page, as HTML."""
    every = -(-len(simulation.seen) // MOST_STEPS)
    seen = simulation.seen[::every]
    reach = [1.1 * max(float(np.abs(seen[:, plane]).max()), 1e-9) for plane in range(seen.shape[1])]
    fields = [arrows(simulation.game, plane, 0.95 * own, ARROWS) for plane, own in enumerate(reach)]
    radius = np.linalg.norm(seen, axis=(1, 2))
    values = {
        "gans": html.escape(", ".join(simulation.gans)),
        "verdict": html.escape(simulation.title.partition(": ")[2]),
        "facts": html.escape(f"Eigenvalues at equilibrium: {simulation.formatted_eigenvalues}."),
        "trajectory": json_for_script(
            {
                "seen": rounded(seen),
                "radius": rounded(radius),
                "reach": reach,
                "arrows": [{"points": rounded(points), "directions": rounded(ways)} for points, ways in fields],
                "lr": simulation.lr * every,
            }
        ),
    }
    return render_page(PACKAGE, f"{simulation.gans[0]} · Dirac-GAN", read_package_text(PACKAGE, "page.js"), values)


def rounded(values: NDArray[np.float64]) -> Any:
    """Numbers of five digits, in nested lists."""
    return np.vectorize(lambda value: float(f"{value:.5g}"), otypes=[float])(values).tolist() if values.size else []
