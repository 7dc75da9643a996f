"""Errors of a regression: pure functions on targets ``(N, 1)``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Targets = NDArray[np.floating[Any]]


def errors(drawn: Targets, targets: Targets) -> dict[str, float]:
    """``mae`` and ``mse``: mean absolute and mean squared error of one draw for each row."""
    off = np.asarray(drawn, np.float64) - targets
    return {"mae": float(np.abs(off).mean()), "mse": float(np.square(off).mean())}


def least_squares(inputs: Targets, targets: Targets, asked: Targets) -> Targets:
    """What a linear model with an intercept, fitted to inputs ``(N, p)`` and targets, says of other inputs."""
    columns = np.column_stack([inputs, np.ones(len(inputs))])
    fitted, *_ = np.linalg.lstsq(columns.astype(np.float64), targets.astype(np.float64), rcond=None)
    return np.column_stack([asked, np.ones(len(asked))]) @ fitted
