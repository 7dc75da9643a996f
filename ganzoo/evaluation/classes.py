"""Which classes samples are of: pure functions on classes ``(N,)`` and shares ``(K,)``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def shares(classes: NDArray[np.integer[Any]], count: int) -> NDArray[np.float64]:
    """The share ``(count,)`` of each class."""
    return np.bincount(classes, minlength=count) / max(1, len(classes))


def reverse_kl(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """KL(p || q) in nats, where p are generated shares; classes that p lacks count nothing."""
    here = p > 0
    with np.errstate(divide="ignore"):
        return float((p[here] * np.log(p[here] / q[here])).sum())
