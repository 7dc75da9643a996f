"""A page that shows the motion of a Dirac-GAN in any browser, as one file."""

from __future__ import annotations

import html

import numpy as np

from ganzoo.pages.html import page_of, tagged, text_of

from .motion import Motion

PACKAGE = "ganzoo_plugins.stability"
MOST_STEPS = 2000
"""That a page holds; of more, they are evenly spaced."""


def page(motion: Motion) -> str:
    """The page, as HTML."""
    every = -(-len(motion.seen) // MOST_STEPS)
    seen = motion.seen[::every]
    radius = np.linalg.norm(seen, axis=(1, 2))
    values = {
        "gans": html.escape(", ".join(motion.gans)),
        "verdict": html.escape(motion.title.partition(": ")[2]),
        "facts": html.escape(f"Eigenvalues at rest: {motion.written}."),
        "motion": tagged(
            {
                "seen": [[[float(f"{x:.5g}") for x in plane] for plane in step] for step in seen.tolist()],
                "radius": [float(f"{r:.5g}") for r in radius],
                "lr": motion.lr * every,
            }
        ),
    }
    return page_of(PACKAGE, f"{motion.gans[0]} · Dirac-GAN", text_of(PACKAGE, "page.js"), values)
