"""Sweeps: train GANs with several settings and seeds, and count failures.

A plan lists the trials, :func:`sweep` runs those that have no record yet, and :func:`summarise` reads the records::

    planned = plan(["simple", "r1"], "ring8", seeds=8, grid={"lr": ["1e-3", "1e-4"]})
    sweep(planned, folder)
    summary = summarise(planned, folder)
"""

from __future__ import annotations

from .plan import Case, Plan, plan
from .protocol import Protocol, protocol_for
from .run import Stopped, sweep
from .summary import Row, Summary, summarise
from .trials import Outcome, Trial

__all__ = [
    "Case", "Outcome", "Plan", "Protocol", "Row", "Stopped", "Summary", "Trial",
    "plan", "protocol_for", "summarise", "sweep",
]  # fmt: skip
