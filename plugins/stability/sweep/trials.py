"""Trials and their records: small JSON files, one for each, which appear whole or not at all."""

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

RECORD = 1
"""Version of the record: figures of two versions never meet in a table."""


@dataclass(frozen=True)
class Trial:
    """A GAN, all its settings and a seed: what is trained once. All of it together is its identity.

    Attributes:
        gan, data: their names.
        data_sha256: of the training data.
        tier: see :mod:`ganzoo_plugins.stability.sweep.tiers`.
        settings: all of them, as JSON holds them.
        seed: of all that is random.
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
        """The name of its record."""
        digest = hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()
        words = f"{self.gan}-{self.data}-{self.tier}-seed{self.seed}"
        return re.sub(r"[^\w.-]+", "_", words)[:150] + f"-{digest[:12]}.json"


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        figures: of its generator; empty if a loss or a sample is no longer finite.
        cpu_seconds: that the training took; its share, if seeds were trained abreast.
    """

    figures: Mapping[str, float]
    cpu_seconds: float


def keep(folder: Path, trial: Trial, outcome: Outcome) -> None:
    """Write a record. JSON has no infinity, so that is null."""
    entry = {"trial": trial.identity(), "outcome": plain(asdict(outcome))}
    versions = {"ganzoo": version("ganzoo-kit"), "torch": version("torch")}
    write_text(folder / trial.file, json.dumps(entry | versions, indent=1) + "\n")


def kept(folder: Path, trial: Trial) -> Outcome | None:
    """The outcome of a trial that is finished; ``None`` for any other.

    Raises:
        GanzooError: its file holds something else.
    """
    path = folder / trial.file
    if not path.is_file():
        return None
    try:
        entry = json.loads(path.read_text())
        if entry["trial"] != trial.identity():
            raise ValueError("it is of another trial")
        outcome = entry["outcome"]
        figures = {str(name): math.inf if value is None else float(value) for name, value in outcome["figures"].items()}
        return Outcome(figures, float(outcome["cpu_seconds"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GanzooError(f"{path} is no record of this trial ({error}); delete it, and it is trained anew") from None
