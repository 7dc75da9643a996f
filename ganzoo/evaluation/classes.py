"""Class frequencies. Pure functions on classes ``(N,)`` and frequencies ``(K,)``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def frequencies(classes: NDArray[np.integer[Any]], num_classes: int) -> NDArray[np.float64]:
    """The relative frequency of each class, ``(num_classes,)``."""
    return np.bincount(classes, minlength=num_classes) / max(1, len(classes))


def reverse_kl(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """KL(p || q) in nats, p being the generated frequencies; classes with p = 0 contribute 0."""
    present = p > 0
    with np.errstate(divide="ignore"):
        return float((p[present] * np.log(p[present] / q[present])).sum())
