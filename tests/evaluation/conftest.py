"""Real digits through the extractor that ships, once for all tests."""

from __future__ import annotations

import pytest

from ganzoo.data import load
from ganzoo.evaluation.extractors import Extractor, shipped
from ganzoo.evaluation.reference import Real, real_images


@pytest.fixture(scope="session")
def digits() -> Extractor:
    return shipped("mnist")


@pytest.fixture(scope="session")
def real(digits: Extractor) -> Real:
    return real_images(load("mnist-10k"), digits)
