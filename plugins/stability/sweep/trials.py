"""Trials and their records: one small JSON file for each, which is written at once or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ganzoo.evaluation.record import plain
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import write_text

RECORD = 2
"""Version of the record. Records of other versions are never read."""


@dataclass(frozen=True)
class Trial:
    """One training of a sweep. All attributes together identify it.

    Attributes:
        gan, data: their names.
        data_sha256: of the training data.
        tier: see :mod:`ganzoo_plugins.stability.sweep.tiers`.
        settings: all settings, as JSON values.
        seed: of all random numbers.
    """

    gan: str
    data: str
    data_sha256: str
    tier: str
    settings: Mapping[str, Any]
    seed: int

    def identity(self) -> dict[str, Any]:
        return {"record": RECORD, **asdict(self)}

    @property
    def file(self) -> str:
        """The file name of its record."""
        digest = hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()
        words = f"{self.gan}-{self.data}-{self.tier}-seed{self.seed}"
        return re.sub(r"[^\w.-]+", "_", words)[:150] + f"-{digest[:12]}.json"


@dataclass(frozen=True)
class Outcome:
    """The result of a trial.

    Attributes:
        metrics: of its generator; empty if a loss or a sample is not finite.
        real: the same metrics of real samples; empty likewise.
        cpu_seconds: of the training.
    """

    metrics: Mapping[str, float]
    real: Mapping[str, float]
    cpu_seconds: float


def save_outcome(folder: Path, trial: Trial, outcome: Outcome) -> None:
    """Write a record. JSON has no infinity, so infinite values are null."""
    entry = {"trial": trial.identity(), "outcome": plain(asdict(outcome))}
    versions = {"ganzoo": version("ganzoo-kit"), "torch": version("torch")}
    write_text(folder / trial.file, json.dumps(entry | versions, indent=1) + "\n")


def load_outcome(folder: Path, trial: Trial) -> Outcome | None:
    """The outcome of a trial; ``None`` if it is not finished.

    Raises:
        GanzooError: the file of its record holds something else.
    """
    path = folder / trial.file
    if not path.is_file():
        return None
    try:
        entry = json.loads(path.read_text())
        if entry["trial"] != trial.identity():
            raise ValueError("it belongs to another trial")
        outcome = entry["outcome"]
        return Outcome(numbers(outcome["metrics"]), numbers(outcome["real"]), float(outcome["cpu_seconds"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GanzooError(f"{path} is not the record of this trial ({error}); delete it to repeat the trial") from None


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Metrics from JSON; null is infinite."""
    return {str(name): math.inf if value is None else float(value) for name, value in values.items()}
