"""Regressions of scikit-learn, for conditional GANs: the condition is the input, the sample is the target."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request
from ganzoo.util.optional import needs

COUNT = 5_000  # of each Friedman problem
SEED = 0


def friedman1(request: Request) -> Data:
    """Regression of 10 inputs, 5 of them without effect; 4,000 rows and 1,000 for testing.

    y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)² + 10 x4 + 5 x5 + N(0, 1). Source: Friedman, 1991; Breiman, 1996.

    Returns:
        Targets as samples float32 ``(N, 1)`` and inputs as conditions float32 ``(N, p)``, both unbounded and
        standardised by the mean and standard deviation of the training split.

    Raises:
        GanzooError: the name has an argument, or scikit-learn is missing.
    """
    with needs():
        from sklearn.datasets import make_friedman1
    return _split(request, *make_friedman1(COUNT, noise=1.0, random_state=SEED))


def friedman2(request: Request) -> Data:
    """Regression of 4 inputs, the impedance of a circuit; 4,000 rows and 1,000 for testing.

    y = sqrt(x1² + (x2 x3 - 1/(x2 x4))²) + N(0, 125²); the signal has three times the standard deviation of
    the noise. Source: Friedman, 1991; Breiman, 1996. Returns and raises as :func:`friedman1`.
    """
    with needs():
        from sklearn.datasets import make_friedman2
    return _split(request, *make_friedman2(COUNT, noise=125.0, random_state=SEED))


def friedman3(request: Request) -> Data:
    """Regression of 4 inputs, the phase of a circuit; 4,000 rows and 1,000 for testing.

    y = atan((x2 x3 - 1/(x2 x4)) / x1) + N(0, 0.1²); the signal has three times the standard deviation of the
    noise. Source: Friedman, 1991; Breiman, 1996. Returns and raises as :func:`friedman1`.
    """
    with needs():
        from sklearn.datasets import make_friedman3
    return _split(request, *make_friedman3(COUNT, noise=0.1, random_state=SEED))


def diabetes(request: Request) -> Data:
    """Regression of 10 inputs, how diabetes progressed in a year; 353 patients and 89 for testing.

    Source: Efron, Hastie, Johnstone & Tibshirani, 2004. Returns and raises as :func:`friedman1`.
    """
    with needs():
        from sklearn.datasets import load_diabetes
    return _split(request, *load_diabetes(return_X_y=True))


def _split(request: Request, inputs: NDArray[np.float64], targets: NDArray[np.float64]) -> Data:
    """The requested split of a fixed random 80/20 split."""
    request.refuse_argument()
    order = np.random.default_rng(SEED).permutation(len(targets))
    train, test = np.split(order, [len(order) * 4 // 5])
    rows = test if request.split == "test" else train

    def standardised(columns: NDArray[np.float64]) -> NDArray[np.float32]:
        known = columns[train]
        scores: NDArray[np.float64] = (columns[rows] - known.mean(axis=0)) / known.std(axis=0)
        return scores.astype(np.float32)

    return Data(name=request.name, samples=standardised(targets[:, None]), conditions=standardised(inputs))
