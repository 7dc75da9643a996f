"""What a run's doctor looks at besides the losses: gradients, and a handful of samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo.data import Data
from ganzoo.generators.weights import Model
from ganzoo.parts.networks import Networks
from ganzoo.runs.doctor import History, distance, diversity, features
from ganzoo.training.ema import EMA
from ganzoo.training.loop import Training

SAMPLES, REAL = 64, 256
CLASSES = 8  # that samples are made of; enough of one class have to be there to be compared
TIMES = 40  # in a run, at most


class Checkup:
    """Measures of a training between two iterations. Nothing in the training is changed by them.

    The generator that is trained is sampled as a copy in evaluation mode: in training mode its normalisation
    statistics would move.
    """

    def __init__(self, training: Training, data: Data) -> None:
        self.training = training
        self.copy = EMA(training.nets.generator, 0.0)
        labels = data.labels if training.task.num_classes and data.labels is not None else np.zeros(len(data), np.int64)
        pool = np.flatnonzero(np.isin(labels, np.unique(labels)[:CLASSES]))
        chosen = np.random.default_rng(0).choice(pool, min(REAL, len(pool)), replace=False)
        real = np.asarray(data.samples[chosen])
        if training.task.range and data.is_images:
            low, high = training.task.range
            real = real / 255 * (high - low) + low
        self.real = features(real)
        self.classes = labels[chosen]
        count = min(SAMPLES, len(chosen))
        self.told: dict[str, Any] = {"labels": self.classes[:count]} if training.task.num_classes else {}
        if training.task.condition_dim and data.conditions is not None:
            self.told = {"conditions": data.conditions[chosen[:count]]}
        self.seeds = range(count)

    def due(self, history: History) -> bool:
        """Whether samples are to be measured again, given what was logged."""
        last = next((entry["iteration"] for entry in reversed(history) if "diversity" in entry), 0)
        return self.training.number - last >= self.training.recipe.loop.iterations / TIMES

    def samples(self) -> dict[str, float]:
        """Diversity of the trained generator's samples, and distance to the data of the averaged one's."""
        average = self.training.model()
        self.copy.update(self.training.number)
        networks = Networks(self.copy.network, average.networks.discriminator, latent_dim=average.networks.latent_dim)
        trained = self._sample(replace(average, networks=networks))
        return {
            "diversity": diversity(trained, self.real, self.classes),
            "distance": distance(self._sample(average), self.real),
        }

    def _sample(self, model: Model) -> np.ndarray[Any, np.dtype[np.float64]]:
        return features(model.sample(self.seeds, **self.told))

    def gradients(self) -> dict[str, Tensor]:
        """The norm of each player's gradient in its last move, a scalar on the device."""
        norms = {}
        for player, weights in self.training.players.items():
            if gradients := [weight.grad for weight in weights if weight.grad is not None]:
                norms[player] = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        return norms
