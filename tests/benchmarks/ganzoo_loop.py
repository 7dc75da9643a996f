"""ganzoo's rows: its loop with the default settings, and with each of its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ganzoo.registry.recipe import resolve
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from tests.benchmarks.cases import Case
from tests.benchmarks.harness import Repeat

MIDDLE = 1000  # iterations that count as done: the moving average is cheaper after the first of them


@dataclass(frozen=True)
class Configuration:
    """Options of ganzoo's loop.

    Attributes:
        device: what :func:`ganzoo.training.device.choose_device` is given.
        settings: overrides, as for ``--set``.
        own: ganzoo's own trainer in place of the script's.
    """

    device: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    own: bool = False


CONFIGURATIONS = {
    "ganzoo fp32": Configuration({"precision": "fp32"}),
    "ganzoo": Configuration(),
    "ganzoo fp32, compiled": Configuration({"precision": "fp32", "compile": True}),
    "ganzoo, compiled": Configuration({"compile": True}),
    "ganzoo, own trainer": Configuration(own=True),
}


def training(case: Case, configuration: Configuration, trainer: Any = None) -> Training:
    """A training of that case; ``trainer`` replaces its own."""
    record = case.record(own=configuration.own)
    record = replace(record, trainer=trainer) if trainer else record
    found = Training(resolve(record, configuration.settings), case.data(), choose_device("cpu", **configuration.device))
    found.iteration = MIDDLE
    return found


def repeat(case: Case, configuration: Configuration) -> Repeat:
    iterations = training(case, configuration)

    def run(times: int) -> None:
        for _ in range(times):
            next(iterations)

    return run
