"""Two measures of a few samples that notice failures of a training: diversity, and distance to the data. No torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

MOST_FEATURES = 4096


def features(samples: NDArray[Any]) -> Values:
    """Samples as float64 ``(N, F)``: their values, or of large samples the same 4,096 randomly chosen ones of each."""
    flat = samples.reshape(len(samples), -1)
    if flat.shape[1] > MOST_FEATURES:
        flat = flat[:, np.random.default_rng(0).choice(flat.shape[1], MOST_FEATURES, replace=False)]
    return flat.astype(np.float64)


def pairwise_distances(a: Values, b: Values) -> Values:
    """Euclidean distances ``(N, M)`` between the rows of ``(N, F)`` and ``(M, F)``."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    distances: Values = np.sqrt(squares.clip(0))
    return distances


def mean_distance(samples: Values, classes: NDArray[np.int64]) -> float:
    """Mean distance between two different samples of the same class; 0 if no class has two."""
    pairs = (classes[:, None] == classes) & ~np.eye(len(classes), dtype=bool)
    return float(pairwise_distances(samples, samples)[pairs].mean()) if pairs.any() else 0.0


def diversity(samples: Values, real: Values, classes: NDArray[np.int64]) -> float:
    """Mean distance between two samples, divided by that between two of the data: 0 if all are alike, about 1 if not.

    Args:
        samples: ``(N, F)``, of the classes of the first N of the data.
        real: ``(M, F)``, data.
        classes: ``(M,)``, of the data; all equal if the GAN is not class-conditional.
    """
    expected = mean_distance(real, classes)
    return mean_distance(samples, classes[: len(samples)]) / expected if expected else 1.0


def distance(a: Values, b: Values) -> float:
    """Energy distance between two samples, divided by its largest value for their cross distances: 0 (alike) to 1.

    1 - (E |x - x'| + E |y - y'|) / (2 E |x - y|), see Székely & Rizzo (2013). It is never negative, and of the order
    of 1/N for two samples of the same distribution.

    Args:
        a, b: ``(N, F)`` and ``(M, F)``.
    """
    within_a, within_b, between = (pairwise_distances(x, y).mean() for x, y in ((a, a), (b, b), (a, b)))
    return float(1 - (within_a + within_b) / (2 * between)) if between else 0.0
