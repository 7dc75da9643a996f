"""How does the cost grow with the size? ``python -m tests.benchmarks scaling``

Trainings of the zoo on random images, each in its own process; one setting is varied at a time. Speed should follow
the work per sample, and memory the batch size. Neither should depend on the size of the data set, apart from the data
themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch

from tests.benchmarks.harness import launch, table

BATCHES = (32, 64, 128, 256, 512, 1024)
SIDES = (28, 32, 64, 128)
WIDTHS = (8, 16, 32, 64)
IMAGES = (10_000, 100_000, 1_000_000)
FEW = 2_000  # images, where their number is not what is varied


@dataclass(frozen=True)
class Point:
    """One training.

    Attributes:
        series: which setting is varied, and of what.
        value: of that setting.
    """

    series: str
    value: int
    gan: str
    settings: dict[str, Any] = field(default_factory=dict)
    images: int = FEW
    side: int = 28

    @property
    def as_json(self) -> str:
        return json.dumps({"gan": self.gan, "settings": self.settings, "images": self.images, "side": self.side})

    @property
    def data(self) -> int:
        """Bytes of the images."""
        return self.images * self.side**2


def points() -> Iterator[Point]:
    for gan in ("simple", "dcgan"):
        for batch in BATCHES:
            yield Point(f"batch size ({gan})", batch, gan, {"batch_size": batch})
    for side in SIDES:
        yield Point("image size (dcgan)", side, "dcgan", side=side)
    for width in WIDTHS:
        widths = {"generator.width": width, "discriminator.width": width}
        yield Point("width (dcgan)", width, "dcgan", widths)
    for images in IMAGES:
        yield Point("images in the data set (simple)", images, "simple", images=images)


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Images a second and peak memory of each point, and the size of the data."""
    known = list(points())
    taken: list[list[tuple[float, int]]] = [[] for _ in known]
    for _ in range(turns):
        for point, found in zip(known, taken, strict=True):
            words = ("-m", "tests.benchmarks.trial", "size", str(seconds), point.as_json)
            usage = launch(*words, threads=torch.get_num_threads())
            found.append((float(usage.output), usage.peak))
    rows = []
    for point, found in zip(known, taken, strict=True):
        rates, peaks = zip(*found, strict=True)
        rows.append(
            {
                "series": point.series,
                "value": point.value,
                "images/s": round(median(rates), 1),
                "peak MB": round(median(peaks) / 1024),
                "data MB": round(point.data / 2**20),
            }
        )
    return {"rows": rows}


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    return table(result["rows"])
