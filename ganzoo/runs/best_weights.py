"""The weights of a run that scored best so far."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganzoo.data import Data
from ganzoo.evaluation import scoring
from ganzoo.evaluation.reference import load_splits
from ganzoo.evaluation.registered import RegisteredMetrics
from ganzoo.evaluation.scoring import has_score, scorer
from ganzoo.evaluation.sources import GeneratorSource
from ganzoo.generators.weights import Model, save_weights
from ganzoo.records.run_folder import RunFolder
from ganzoo.util.errors import GanzooError

log = logging.getLogger("ganzoo")


class BestWeights:
    """Scores a generator at intervals, and keeps the weights with the best score.

    Scoring changes nothing in the training: it samples fixed seeds from the averaged generator.

    Args:
        folder: of the run, whose best weights these are.
        data: the training data.
        directory: folder for files of downloaded data sets.
        metrics: names of metrics of plugins, which are computed too. For data without a score of ganzoo, the first
            number of the first of them is the score.

    Attributes:
        path: of the weights file.
        name: of the score; lower is better.
        value, iteration: best score so far and its iteration; infinite, and 0, before the first.
    """

    def __init__(self, folder: RunFolder, data: Data, directory: str | None, metrics: Sequence[str] = ()) -> None:
        self.folder, self.path = folder, folder.best_weights
        self._metrics = PluginMetrics(data, directory, metrics) if metrics else None
        self._score: Callable[[Model], float] | None = None
        if self._metrics and not has_score(data):
            self.name = self._metrics.first
        else:
            self.name, self._score = scorer(data, directory)
        self.value, self.iteration = float("inf"), 0

    def restore(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Take the best score from the log of a run that is resumed."""
        for entry in entries:
            if entry.get(self.name, float("inf")) < self.value:
                self.value, self.iteration = entry[self.name], entry["iteration"]

    def score(self, model: Model) -> dict[str, float]:
        """Score a generator, for the log, and save its weights if they are the best.

        Raises:
            GanzooError: the folder was moved or replaced.
        """
        scores = {} if self._score is None else {self.name: self._score(model)}
        scores |= self._metrics.of(model) if self._metrics else {}
        if (value := scores.get(self.name, float("inf"))) < self.value:
            self.folder.require_unmoved()
            save_weights(self.path, model)
            self.value, self.iteration = value, model.metadata.iterations
        return scores


class PluginMetrics:
    """Metrics of plugins during a training. One that fails is left out, and the training continues.

    Attributes:
        first: name of the first number of the first metric.

    Raises:
        GanzooError: a metric fails on real samples, before the training.
    """

    def __init__(self, data: Data, directory: str | None, names: Sequence[str]) -> None:
        splits = load_splits(data, directory)
        self._each = {name: RegisteredMetrics((name,), splits, scoring.IMAGES) for name in names}
        found = [number for metric in self._each.values() for number in metric.references()["real"]]
        self.first = found[0]

    def of(self, model: Model) -> dict[str, float]:
        """The numbers of the metrics that have not failed."""
        numbers: dict[str, float] = {}
        for name, metric in list(self._each.items()):
            try:
                numbers |= metric.of(GeneratorSource(Path("memory"), model), range(metric.number))
            except GanzooError as error:
                del self._each[name]
                log.warning("%s; it is left out of this training from here on", error)
        return numbers
