"""Features of real digits, computed once for all tests."""

from __future__ import annotations

import pytest

from ganzoo.data import load
from ganzoo.evaluation.extractors import Extractor, pretrained
from ganzoo.evaluation.reference import Reference, load_splits, reference_features


@pytest.fixture(scope="session")
def digits() -> Extractor:
    return pretrained("mnist")


@pytest.fixture(scope="session")
def real(digits: Extractor) -> Reference:
    return reference_features(load_splits(load("mnist-10k")), digits)
