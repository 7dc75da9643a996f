from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ganzoo.data import Data, Request, tabular

pytest.importorskip("sklearn")


@pytest.mark.parametrize(
    ("load", "inputs", "rows"),
    [
        (tabular.friedman1, 10, (4000, 1000)),
        (tabular.friedman2, 4, (4000, 1000)),
        (tabular.friedman3, 4, (4000, 1000)),
        (tabular.diabetes, 10, (353, 89)),
    ],
)
def test_regressions_are_standardised_by_the_training_split(
    load: Callable[[Request], Data], inputs: int, rows: tuple[int, int]
) -> None:
    train, test = load(Request(name="x")), load(Request(name="x", split="test"))
    assert train.conditions is not None
    assert test.conditions is not None
    assert (len(train), len(test)) == rows
    assert train.samples.shape == (rows[0], 1)
    assert test.conditions.shape == (rows[1], inputs)
    for columns in (train.samples[:], train.conditions):
        assert columns.dtype == np.float32
        np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(columns.std(axis=0), 1, atol=1e-4)
    assert 0 < abs(test.samples[:].mean()) < 0.3, "the test split is not standardised by itself"
    assert load(Request(name="x")).sha256 == train.sha256
    shared = {row.tobytes() for row in train.conditions} & {row.tobytes() for row in test.conditions}
    assert not shared


def test_the_noise_of_friedman1_is_what_a_fit_of_its_formula_leaves() -> None:
    data = tabular.friedman1(Request(name="friedman1"))
    assert data.conditions is not None
    x = data.conditions / np.sqrt(12) + 0.5  # back to about 0..1
    formula = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    explained = np.corrcoef(formula, data.samples[:, 0])[0, 1] ** 2
    assert explained == pytest.approx(1 - 1 / formula.var(), abs=0.02)
