"""A page, as one HTML file, that animates the trajectory of a Dirac-GAN."""

from __future__ import annotations

import html

import numpy as np

from ganzoo.pages.html import json_for_script, read_package_text, render_page

from .simulation import Simulation

PACKAGE = "ganzoo_plugins.stability"
MOST_STEPS = 2000
"""The most steps in a page; of a longer trajectory they are evenly spaced."""


def page(simulation: Simulation) -> str:
    """The page, as HTML."""
    every = -(-len(simulation.seen) // MOST_STEPS)
    seen = simulation.seen[::every]
    radius = np.linalg.norm(seen, axis=(1, 2))
    values = {
        "gans": html.escape(", ".join(simulation.gans)),
        "verdict": html.escape(simulation.title.partition(": ")[2]),
        "facts": html.escape(f"Eigenvalues at equilibrium: {simulation.formatted_eigenvalues}."),
        "trajectory": json_for_script(
            {
                "seen": [[[float(f"{x:.5g}") for x in plane] for plane in step] for step in seen.tolist()],
                "radius": [float(f"{r:.5g}") for r in radius],
                "lr": simulation.lr * every,
            }
        ),
    }
    return render_page(PACKAGE, f"{simulation.gans[0]} · Dirac-GAN", read_package_text(PACKAGE, "page.js"), values)
