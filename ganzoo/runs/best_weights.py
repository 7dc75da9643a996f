"""The best weights of a run so far, by the score of what they generate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ganzoo.data import Data
from ganzoo.evaluation.scoring import scorer
from ganzoo.generators.weights import Model, save_weights


class Best:
    """Scores a generator now and then, and keeps the weights that scored best in ``best.safetensors``.

    Nothing of a training is touched: latents are those of seeds, and the averaged generator is in evaluation mode.

    Attributes:
        name: of the score; lower is better.
        value, iteration: the best so far and its iteration; infinite, and 0, before the first.
    """

    def __init__(self, folder: Path, data: Data, directory: str | None) -> None:
        self.path = folder / "best.safetensors"
        self.name, self._score = scorer(data, directory)
        self.value, self.iteration = float("inf"), 0

    def recall(self, history: Iterable[Mapping[str, Any]]) -> None:
        """Go on from what a run has logged."""
        for entry in history:
            if entry.get(self.name, float("inf")) < self.value:
                self.value, self.iteration = entry[self.name], entry["iteration"]

    def consider(self, model: Model) -> dict[str, float]:
        """The score of a generator, for the log; its weights are kept if they are the best."""
        value = self._score(model)
        if value < self.value:
            save_weights(self.path, model)
            self.value, self.iteration = value, model.header["iterations"]
        return {self.name: value}
