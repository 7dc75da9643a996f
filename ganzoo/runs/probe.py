"""What a run measures of its training for the doctor: gradient norms, and a few samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.data import Data
from ganzoo.generators.weights import Model
from ganzoo.parts.networks import Networks
from ganzoo.records.metrics import Entry
from ganzoo.runs.measures import distance, diversity, features
from ganzoo.training.ema import EMA
from ganzoo.training.loop import Training

SAMPLES, REAL = 64, 256
CLASSES = 8  # whose samples are compared; fewer classes leave more samples for each
MEASUREMENTS = 40  # in a run, at most


class TrainingProbe:
    """Measures a training between two iterations, and changes nothing in it.

    The generator in training is sampled as a copy in evaluation mode, because a forward pass in training mode would
    change its batch statistics.

    Args:
        training: to measure.
        data: real samples to compare with; of a regression, other ones than those it is trained on.
    """

    def __init__(self, training: Training, data: Data) -> None:
        self.training, task = training, training.task
        self.copy = EMA(training.nets.generator, 0.0)
        labels = data.labels if task.num_classes and data.labels is not None else np.zeros(len(data), np.int64)
        pool = np.flatnonzero(np.isin(labels, np.unique(labels)[:CLASSES]))
        chosen = np.random.default_rng(0).choice(pool, min(REAL, len(pool)), replace=False)
        real = np.asarray(data.samples[chosen])
        if task.range and data.is_images:
            low, high = task.range
            real = real / 255 * (high - low) + low
        self.real = features(real)
        self.classes = labels[chosen]
        self.count = min(SAMPLES, len(chosen))
        self.condition: dict[str, Any] = {"labels": self.classes[: self.count]} if task.num_classes else {}
        if task.condition and data.conditions is not None:
            self.condition["conditions"] = data.conditions[chosen[: self.count] if data.paired else slice(self.count)]

    def is_due(self, entries: Sequence[Entry]) -> bool:
        """Whether samples should be measured again, given the log so far."""
        last = next((entry["iteration"] for entry in reversed(entries) if "diversity" in entry), 0)
        return self.training.iteration - last >= self.training.recipe.loop.iterations / MEASUREMENTS

    def sample_measures(self) -> dict[str, float]:
        """``diversity`` of the trained generator's samples, and ``distance`` of the averaged one's to the data."""
        averaged = self.training.model()
        self.copy.update(self.training.iteration)
        networks = Networks(self.copy.network, averaged.networks.discriminator, latent_dim=averaged.networks.latent_dim)
        trained = replace(averaged, networks=networks)
        return {
            "diversity": diversity(self._sample(trained), self.real, self.classes),
            "distance": distance(self._sample(averaged), self.real),
        }

    def _sample(self, model: Model) -> NDArray[np.float64]:
        return features(model.sample(self.count, **self.condition))

    def gradient_norms(self) -> dict[str, Tensor]:
        """The norm of each network's gradient in its last update, as scalars on the device."""
        norms = {}
        for name, weights in self.training.weights.items():
            if gradients := [weight.grad for weight in weights if weight.grad is not None]:
                norms[name] = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        return norms
