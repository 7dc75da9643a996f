from __future__ import annotations

import numpy as np
import pytest

from ganzoo.evaluation.classes import frequencies, reverse_kl


def test_frequencies_and_the_divergence() -> None:
    found = frequencies(np.array([0, 0, 2, 3]), 5)
    assert found.tolist() == [0.5, 0, 0.25, 0.25, 0]
    assert reverse_kl(found, np.full(5, 0.2)) == pytest.approx(np.log(5) - 1.5 * np.log(2))
    assert reverse_kl(found, found) == 0
    assert reverse_kl(found, np.array([0, 1.0, 0, 0, 0])) == np.inf


def test_one_class_of_ten_has_the_largest_divergence() -> None:
    only = frequencies(np.ones(100, np.int64), 10)
    assert reverse_kl(only, np.full(10, 0.1)) == pytest.approx(np.log(10))
