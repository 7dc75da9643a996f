from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_squared_error

from ganzoo.evaluation.regression import errors, least_squares


def test_errors_and_the_linear_model_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    inputs, targets = random.standard_normal((50, 3)), random.standard_normal((50, 1))
    asked, truth = random.standard_normal((20, 3)), random.standard_normal((20, 1))
    said = least_squares(inputs, targets, asked)
    np.testing.assert_allclose(said, LinearRegression().fit(inputs, targets).predict(asked), atol=1e-10)
    assert errors(said, truth) == {
        "mae": pytest.approx(mean_absolute_error(truth, said)),
        "mse": pytest.approx(mean_squared_error(truth, said)),
    }
