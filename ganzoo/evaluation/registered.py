"""Metrics that plugins register: functions from generated and real samples to named numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data
from ganzoo.evaluation.record import Result
from ganzoo.evaluation.reference import Splits, image_batches, permutation, uniform_noise
from ganzoo.evaluation.sources import GeneratorSource, Source, finite, image_levels
from ganzoo.registry.metrics import measure
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError

MOST_REAL = 10_000  # real samples, which a function gets as one array

Samples = NDArray[Any]


class RegisteredMetrics:
    """Some metrics of plugins, with the real samples that they compare with.

    Args:
        names: of the metrics.
        splits: the real samples.
        number: how many samples will be generated; at most as many as there are conditions.

    Attributes:
        number: how many samples will be generated.
        notes: remarks for the reader.
    """

    def __init__(self, names: Sequence[str], splits: Splits, number: int) -> None:
        self.names, self.train, self.data = names, splits.train, splits.test or splits.train
        self.has_test = splits.test is not None
        self.number = number if self.data.conditions is None else min(number, len(self.data.conditions))
        self.notes = []
        if len(self.data) > MOST_REAL:
            self.notes = [f"metrics of plugins compare with {MOST_REAL:,} of the {len(self.data):,} real samples"]

    def of(self, source: Source, block: range) -> dict[str, float]:
        """The numbers of generated samples.

        Samples that are made from conditions are those of the first conditions. Where these are paired, the real
        samples are as many, and sample i belongs to real sample i.
        """
        generated = np.concatenate(list(generated_batches(source, self.data, block)))
        made_from = isinstance(source, GeneratorSource) and source.model.metadata.condition
        in_pairs = bool(made_from) and self.data.paired
        return self._measure(generated, rows(self.data, len(block) if in_pairs else MOST_REAL, in_order=in_pairs))

    def references(self) -> dict[str, dict[str, float]]:
        """The numbers of ``real`` samples, and of images also those of ``noise``.

        Real are those of the training, compared with those for testing; or one half with the other, without these.
        """
        real, train = rows(self.data, MOST_REAL), rows(self.train, self.number)
        if not self.has_test:
            half = len(real) // 2
            train, real = real[:half], real[half:]
        found = {"real": self._measure(train, real)}
        if self.train.is_images:
            noise = np.concatenate(list(uniform_noise(self.number, self.train.shape)))
            found["noise"] = self._measure(noise, real)
        return found

    def add_to(self, result: Result, source: Source, blocks: Sequence[range]) -> Result:
        """A result with these numbers too."""
        found = [self.of(source, block) for block in blocks]
        references = {name: {**numbers} for name, numbers in result.references.items()}
        for name, numbers in self.references().items():
            references[name] = references.get(name, {}) | numbers
        return result._replace(
            blocks=[{**numbers, **added} for numbers, added in zip(result.blocks, found, strict=True)],
            score=result.score or next(iter(found[0])),
            references=references,
            notes=[*result.notes, *self.notes],
        )

    def _measure(self, generated: Samples, real: Samples) -> dict[str, float]:
        numbers: dict[str, float] = {}
        for name in self.names:
            numbers |= measure(name, registry().part("metric", name), generated, real)
        return numbers


def generated_batches(source: Source, data: Data, block: range) -> Iterator[Samples]:
    """Samples of seeds as :meth:`Source.batches` gives them; of the first conditions, where they are made from some."""
    if not (isinstance(source, GeneratorSource) and source.model.metadata.condition):
        yield from source.batches(block, data.shape)
        return
    if data.conditions is None:
        raise GanzooError(f"{source.path} makes samples from conditions, which {data.name} has not; name other data")
    model, count = source.model, len(block)
    labels = data.labels[:count] if model.metadata.num_classes and data.labels is not None else None
    for samples in model.sample_iter(block, labels=labels, conditions=np.asarray(data.conditions[:count])):
        checked = finite(samples, source.path)
        yield image_levels(checked, model.value_range) if data.is_images else checked


def rows(data: Data, most: int, *, in_order: bool = False) -> Samples:
    """At most so many samples: the first ones, or those of a fixed permutation."""
    count = min(most, MOST_REAL, len(data))
    order = np.arange(count) if in_order else permutation(data)[:count]
    return np.concatenate(list(image_batches(data, order)))
