"""The result of an evaluation, and everything that it depends on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ganzoo.util.display import page, unless_it_fails

if TYPE_CHECKING:
    from ganzoo.evaluation.extractors import Extractor

Metrics = Mapping[str, float]


class Result(NamedTuple):
    """Metrics of generated samples and of references; :func:`ganzoo.evaluation.evaluate` makes the record of it.

    Attributes:
        blocks: metrics of each repetition.
        score: name of the main metric.
        references: see :class:`Evaluation`.
        extractor: network that images were compared with.
        classes, notes: see :class:`Evaluation`.
    """

    blocks: Sequence[Metrics]
    score: str
    references: Mapping[str, Metrics]
    extractor: Extractor | None = None
    classes: Mapping[str, Mapping[str, float]] = {}
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Metrics of generated samples, with everything that they depend on.

    Attributes:
        source: file or folder that was evaluated.
        generator: ``gan`` and ``iterations`` of a generator of ganzoo; ``None`` for other samples.
        data: ``name``, ``split``, ``number`` of samples and ``sha256`` of the real data.
        extractor: ``name``, ``sha256`` and ``accuracy`` of the network that images were compared with; else ``None``.
        number: generated samples in each repetition.
        seeds: first and last seed of each repetition; empty for samples from files, and without latents.
        score: name of the main metric.
        metrics: of the generated samples, means over the repetitions.
        spread: standard deviations over the repetitions; empty for one.
        references: the same metrics of other samples, such as ``real`` and ``noise``.
        classes: class frequencies of the generated samples and of the references.
        notes: remarks for the reader.
    """

    source: str
    generator: Mapping[str, Any] | None
    data: Mapping[str, Any]
    extractor: Mapping[str, Any] | None
    number: int
    seeds: Sequence[tuple[int, int]]
    score: str
    metrics: Metrics
    spread: Metrics
    references: Mapping[str, Metrics]
    classes: Mapping[str, Mapping[str, float]]
    notes: Sequence[str]

    @unless_it_fails
    def _repr_html_(self) -> str:
        rows = [("generated", self.metrics), *self.references.items()]
        facts = [
            (name, ", ".join(f"{which} {row[name]:.4g}" for which, row in rows if name in row)) for name in self.metrics
        ]
        about = f"{self.number:,} samples compared with {self.data['number']:,} of {self.data['name']}"
        return page(about, facts, lines=self.notes)

    def to_dict(self) -> dict[str, Any]:
        """The content of the JSON file; metrics that are not finite are ``None``."""
        return {"ganzoo": version("ganzoo-kit"), **plain(asdict(self))}


def mean(blocks: Sequence[Metrics]) -> dict[str, float]:
    """The mean of each metric over blocks."""
    return {name: float(np.mean([block[name] for block in blocks])) for name in blocks[0]}


def standard_deviation(blocks: Sequence[Metrics]) -> dict[str, float]:
    """The standard deviation of each metric over blocks, with Bessel's correction; empty for one block."""
    if len(blocks) < 2:
        return {}
    with np.errstate(invalid="ignore"):  # a divergence may be infinite
        return {name: float(np.std([block[name] for block in blocks], ddof=1)) for name in blocks[0]}


def plain(value: Any) -> Any:
    """A value for JSON: keys become strings, and numbers that are not finite become ``None``."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
