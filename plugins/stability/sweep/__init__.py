"""Sweeps: GANs x settings x seeds, each a trial, and how often they fail.

A plan says what is tried, :func:`sweep` plays what is missing of it, and :func:`summarise` reads the records::

    planned = plan(["simple", "r1"], "ring8", seeds=8, grid={"lr": ["1e-3", "1e-4"]})
    sweep(planned, folder)
    summary = summarise(planned, folder, metric_of(planned.data))
"""

from __future__ import annotations

from .metrics import Metric, metric_of
from .plan import Case, Plan, plan
from .run import Stopped, sweep
from .summary import Row, Summary, summarise
from .trials import Outcome, Trial

__all__ = [
    "Case", "Metric", "Outcome", "Plan", "Row", "Stopped", "Summary", "Trial",
    "metric_of", "plan", "summarise", "sweep",
]  # fmt: skip
