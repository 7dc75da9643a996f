"""What all tests share: one thread, one seed for torch, a small data set, and the order of a parallel run."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; subprocesses inherit it
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # subprocesses would compile what they import each time

import numpy as np
import pytest
import torch

from ganzoo.data import Data

pytest_plugins = ["tests.support.commands"]


LONGEST = ("test_torchrun.py", "test_compiling.py", "test_train.py", "test_export.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that none of them is left to one worker at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Results do not depend on the number of cores, and parallel tests do not wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def interrupts_are_heard() -> None:
    """A shell that starts the tests in the background has them ignore Ctrl-C, and some tests press it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def one_table_of_operators() -> None:
    """torch reads the source of its 500 ONNX operators again for each export: half the time of a small one."""
    with suppress(ImportError):  # these names are torch's own, and may move
        from torch.onnx._internal._lazy_import import onnxscript_apis as operators

        operators.get_torchlib_ops = functools.cache(operators.get_torchlib_ops)


@contextmanager
def tracing_paused() -> Iterator[None]:
    """Leave the lines that run here out of coverage, whose tracer slows torch's exporter and compiler down by far."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


@pytest.fixture
def untraced() -> Iterator[None]:
    """For a test that repeats for each GAN what another test traces for one."""
    with tracing_paused():
        yield


@pytest.fixture(scope="session", autouse=True)
def exporter_is_not_traced() -> None:
    """None of its lines are counted."""
    for owner in (torch.onnx, torch.export):
        setattr(owner, "export", tracing_paused()(owner.export))  # noqa: B010


@pytest.fixture(autouse=True)
def seed() -> None:
    """Tests do not depend on their order."""
    torch.manual_seed(0)


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
