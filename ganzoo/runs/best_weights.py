"""The weights of a run that scored best so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ganzoo.data import Data
from ganzoo.evaluation.scoring import scorer
from ganzoo.generators.weights import Model, save_weights
from ganzoo.records.run_folder import RunFolder


class BestWeights:
    """Scores a generator at intervals, and keeps the weights with the best score.

    Scoring changes nothing in the training: it samples fixed seeds from the averaged generator.

    Args:
        folder: of the run, whose best weights these are.
        data: the training data.
        directory: folder for files of downloaded data sets.

    Attributes:
        path: of the weights file.
        name: of the score; lower is better.
        value, iteration: best score so far and its iteration; infinite, and 0, before the first.
    """

    def __init__(self, folder: RunFolder, data: Data, directory: str | None) -> None:
        self.folder, self.path = folder, folder.best_weights
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
        value = self._score(model)
        if value < self.value:
            self.folder.require_unmoved()
            save_weights(self.path, model)
            self.value, self.iteration = value, model.metadata.iterations
        return {self.name: value}
