"""Small runs that print nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ganzoo
from ganzoo.records.options import Options
from ganzoo.registry.gan import GAN
from ganzoo.registry.recipe import resolve
from ganzoo.runs.doctor import Finding, findings_in
from ganzoo.runs.pace import Remaining
from ganzoo.runs.run import Run
from ganzoo.training.loop import Training

TINY = {"generator.widths": (32, 32), "discriminator.widths": (32, 32), "latent_dim": 2}


class SilentReporter:
    """Keeps the findings that it is given."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def start(self, training: Training, folder: Path) -> None:
        pass

    def log(self, training: Training, entry: Mapping[str, Any], remaining: Remaining | None) -> None:
        self.findings += findings_in([entry])

    def stop(self) -> None:
        pass


def run(folder: Path, gan: str | GAN = "simple", data: str = "ring8", replace: bool = False, **settings: Any) -> Run:
    """A new run with small networks on the CPU."""
    record = ganzoo.get(gan) if isinstance(gan, str) else gan
    options = Options(data=data, device="cpu", precision="fp32", command="ganzoo train")
    return Run.start(folder, resolve(record, TINY | settings), options, replace=replace)
