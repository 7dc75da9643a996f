"""The weights of a run that scored best so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ganzoo.data import Data
from ganzoo.evaluation.scoring import scorer
from ganzoo.generators.weights import Model, save_weights


class BestWeights:
    """Scores a generator at intervals, and keeps the weights with the best score.

    Scoring changes nothing in the training: it samples fixed seeds from the averaged generator.

    Args:
        path: of the weights file.
        data: the training data.
        directory: folder for files of downloaded data sets.

    Attributes:
        name: of the score; lower is better.
        value, iteration: best score so far and its iteration; infinite, and 0, before the first.
    """

    def __init__(self, path: Path, data: Data, directory: str | None) -> None:
        self.path = path
        self.name, self._score = scorer(data, directory)
        self.value, self.iteration = float("inf"), 0

    def restore(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Take the best score from the log of a run that is resumed."""
        for entry in entries:
            if entry.get(self.name, float("inf")) < self.value:
                self.value, self.iteration = entry[self.name], entry["iteration"]

    def score(self, model: Model) -> dict[str, float]:
        """Score a generator, for the log, and save its weights if they are the best."""
        value = self._score(model)
        if value < self.value:
            save_weights(self.path, model)
            self.value, self.iteration = value, model.metadata.iterations
        return {self.name: value}
