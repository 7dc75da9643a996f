"""What a run measures of its training for the doctor: gradient norms, and a few samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.data import Data
from ganzoo.evaluation.discriminator import auc, logits, takes_more
from ganzoo.generators.weights import Model
from ganzoo.parts.augmentation import KEPT_LEAST, shrunk
from ganzoo.parts.networks import Networks, evaluating
from ganzoo.records.metrics import Entry
from ganzoo.runs.measures import Copies, Values, distance, diversity, features
from ganzoo.runs.schedule import MEASUREMENTS
from ganzoo.training.ema import EMA
from ganzoo.training.loop import Training

SAMPLES, REAL = 64, 256
JUDGED = 256  # images that the discriminator is trained on, and as many that were kept back
COMPARED, LAZY = 3000, 500  # images that copies are looked for among; fewer where each is read from its file
CLASSES = 8  # whose samples are compared; fewer classes leave more samples for each


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
        self.real = features(self._in_range(data, chosen))
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
        """What can be measured of the samples and of the discriminator, by name.

        Returns:
            ``diversity`` of the trained generator's samples; ``distance`` of the averaged one's to the data; of images
            without conditions, ``copies`` of training images among them; where images were kept back,
            ``overfitting_gap``: how much more often the discriminator's output for an image that it is trained on is
            the larger one than that for an image that was kept back, from -1 (never) to 1 (always).
        """
        averaged = self.training.model()
        self.copy.update(self.training.iteration)
        networks = Networks(self.copy.network, averaged.networks.discriminator, latent_dim=averaged.networks.latent_dim)
        trained = replace(averaged, networks=networks)
        measures = {
            "diversity": diversity(self._sample(trained), self.real, self.classes),
            "distance": distance(self._sample(averaged), self.real),
        }
        if self.copies:
            samples = averaged.sample(REAL)
            measures["copies"] = self.copies.share(small_rows(samples))
        with evaluating(self.training.nets.discriminator):
            if self.judged and not takes_more(averaged):
                gap = 2 * auc(*(logits(averaged, *samples) for samples in self.judged)) - 1
                measures |= {} if np.isnan(gap) else {"overfitting_gap": gap}
        return measures

    @cached_property
    def copies(self) -> Copies | None:
        """Finds copies of the images that are trained on; ``None`` for vectors, and for images made from others."""
        data, places = self.training.data, self.training.batches.trained
        if not data.is_images or self.training.task.condition:
            return None
        most = COMPARED if isinstance(data.samples, np.ndarray) else LAZY
        rows = small_rows(self._in_range(data, places[:: -(-len(places) // most)]))
        return Copies(rows) if len(np.unique(rows, axis=0)) > 2 else None

    @cached_property
    def judged(self) -> list[tuple[NDArray[np.float32], NDArray[np.int64] | None]]:
        """Images that the discriminator is trained on, and some that were kept back, with labels; empty if too few."""
        data, kept = self.training.data, self.training.kept_back
        if kept is None or len(kept) < KEPT_LEAST:
            return []
        places = [np.random.default_rng(0).permutation(each)[:JUDGED] for each in (self.training.batches.trained, kept)]
        labels = None if data.labels is None else data.labels
        return [
            (self._in_range(data, each).astype(np.float32), None if labels is None else labels[each]) for each in places
        ]

    def _in_range(self, data: Data, places: NDArray[np.int64]) -> NDArray[Any]:
        """Some samples as the networks see them: images in the range of the task."""
        samples = np.asarray(data.samples[places])
        if not (self.training.task.range and data.is_images):
            return samples
        low, high = self.training.task.range
        return samples / 255 * (high - low) + low

    def _sample(self, model: Model) -> NDArray[np.float64]:
        return features(model.sample(self.count, **self.condition))

    def gradient_norms(self) -> dict[str, Tensor]:
        """The norm of each network's gradient in its last update, as scalars on the device."""
        norms = {}
        for name, weights in self.training.weights.items():
            if gradients := [weight.grad for weight in weights if weight.grad is not None]:
                norms[name] = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        return norms


def small_rows(images: NDArray[Any]) -> Values:
    """Small copies of images ``(N, C, H, W)`` as float64 ``(N, F)``."""
    return shrunk(images).reshape(len(images), -1).astype(np.float64)
