from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_squared_error

import ganzoo
from ganzoo.data import Data
from ganzoo.evaluation import evaluate
from ganzoo.evaluation.vectors import least_squares, regression_errors
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations


def test_errors_and_the_linear_model_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    inputs, targets = random.standard_normal((50, 3)), random.standard_normal((50, 1))
    queries, truth = random.standard_normal((20, 3)), random.standard_normal((20, 1))
    predictions = least_squares(inputs, targets, queries)
    np.testing.assert_allclose(predictions, LinearRegression().fit(inputs, targets).predict(queries), atol=1e-10)
    assert regression_errors(predictions, truth) == {
        "mae": pytest.approx(mean_absolute_error(truth, predictions)),
        "mse": pytest.approx(mean_squared_error(truth, predictions)),
    }


def test_a_regression_has_at_most_as_many_samples_as_test_rows() -> None:
    training = ganzoo.train("skip-gan-tabular", "diabetes", iterations=1, batch_size=8, device="cpu", threads=1)
    run_iterations(training)
    model = training.model()
    by_default, cut = evaluate(model, repeats=2), evaluate(model, number=5000)
    assert (by_default.number, by_default.seeds, by_default.notes) == (89, [(0, 88), (89, 177)], [])
    assert (cut.number, cut.notes) == (89, ["diabetes has 89 test rows, so 89 samples are evaluated"])
    assert evaluate(model, number=50).number == 50


def test_vectors_of_an_unknown_distribution_have_no_metrics(tmp_path: Path) -> None:
    points = np.zeros((30, 2), np.float32)
    np.savez(tmp_path / "x.npz", images=points)
    with pytest.raises(GanzooError, match=r"there is no metric for the vectors of mine; there are metrics for ring8"):
        evaluate(tmp_path / "x.npz", Data(name="mine", samples=points))
