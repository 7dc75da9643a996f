"""One thread, so that tests neither disturb each other nor depend on the machine, and a data set made in no time."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; subprocesses inherit it

import numpy as np
import pytest

from ganzoo.data import Data
from ganzoo.training.device import configure_process

pytest_plugins = ["tests.support.commands"]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    configure_process(threads=1)


@pytest.fixture(scope="session")
def tiny() -> Data:
    """Forty-five random grey images of 8x8 in three classes."""
    random = np.random.default_rng(0)
    return Data(
        name="tiny",
        samples=random.integers(0, 256, (45, 1, 8, 8), dtype=np.uint8),
        labels=np.arange(45) % 3,
        classes=("a", "b", "c"),
    )
