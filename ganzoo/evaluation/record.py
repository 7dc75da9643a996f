"""What an evaluation found, and on what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

Figures = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Figures of generated samples, with all that they depend on.

    Attributes:
        source: the file or folder that was evaluated.
        generator: ``gan`` and ``iterations`` of training, where the samples are of a generator of ganzoo; else ``None``.
        data: ``name``, ``split``, ``number`` of samples and ``sha256`` of the real data.
        extractor: ``name``, ``sha256`` and ``accuracy`` of the network that images were compared in; else ``None``.
        number: generated samples in a block.
        seeds: first and last seed of each block; empty for samples from files.
        score: the name of the figure to go by.
        figures: of the generated samples, means over the blocks.
        spread: their standard deviations over the blocks, where there are several.
        references: the same figures of others than the generated samples, such as ``real`` and ``noise``.
        classes: share of each class, of the generated samples and of the references.
        notes: what a reader should know besides.
    """

    source: str
    generator: Mapping[str, Any] | None
    data: Mapping[str, Any]
    extractor: Mapping[str, Any] | None
    number: int
    seeds: Sequence[tuple[int, int]]
    score: str
    figures: Figures
    spread: Figures
    references: Mapping[str, Figures]
    classes: Mapping[str, Mapping[str, float]]
    notes: Sequence[str]

    def entry(self) -> dict[str, Any]:
        """As JSON holds it; figures that are no finite numbers become ``None``."""
        return {"ganzoo": version("ganzoo-kit"), **plain(asdict(self))}


def means(blocks: Sequence[Figures]) -> dict[str, float]:
    """The mean of each figure over blocks."""
    return {name: float(np.mean([block[name] for block in blocks])) for name in blocks[0]}


def spreads(blocks: Sequence[Figures]) -> dict[str, float]:
    """The standard deviation of each figure over blocks; empty for a single one."""
    if len(blocks) < 2:
        return {}
    with np.errstate(invalid="ignore"):  # a divergence may be infinite
        return {name: float(np.std([block[name] for block in blocks], ddof=1)) for name in blocks[0]}


def plain(value: Any) -> Any:
    """What JSON can hold: keys are texts, and what is no finite number is ``None``."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
