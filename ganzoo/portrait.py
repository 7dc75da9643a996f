"""The standard picture of a trained generator: a grid of images, or a cloud of points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganzoo.data import Data
from ganzoo.images import Bytes, grid, scatter, side_by_side, to_uint8
from ganzoo.sampling import Labels, Sampling, Stage

POINTS = 2000  # in a picture of vectors


def seeds_of(model: Sampling) -> range:
    """The seeds of the standard picture: 64 images (or eight rows with every class once), or a cloud of points."""
    if model.limits is None:
        return range(POINTS)
    return range(8 * model.header["labels"] if 1 < model.header["labels"] <= 16 else 64)


def portrait(
    model: Sampling,
    seeds: ArrayLike | None = None,
    *,
    labels: Labels | None = None,
    stage: Stage | None = None,
    data: Data | None = None,
) -> Bytes:
    """A picture, uint8 ``(height, width, channels)``, of what a model makes of ``seeds``.

    Images stand in a grid, with one column for each class if the GAN is told classes; a child stands beside its parent
    unless ``stage`` names one of them. Vectors are drawn by their first two features, above those of ``data``;
    predictions of a regression against the targets in ``data``, which holds the inputs too.
    """
    seeds = seeds_of(model) if seeds is None else np.asarray(seeds)
    if data is not None and data.conditions is not None and model.header["conditions"]:
        count = min(len(seeds), len(data))
        predicted = model.sample(seeds[:count], conditions=data.conditions[:count])
        return scatter(np.hstack([data.samples[:count], predicted.reshape(count, -1)])[:, :2])
    samples = model.sample(seeds, labels=labels, stage=stage or "child")
    if model.limits is None or samples.ndim != 4:
        real = None if data is None else plane(np.asarray(data.samples[:POINTS]))
        return scatter(plane(samples), real)
    images = to_uint8(samples, model.limits)
    if stage is None and model.has_parent:
        return side_by_side(to_uint8(model.sample(seeds, stage="parent"), model.limits), images)
    classes = model.header["labels"]
    return grid(images, columns=classes if labels is None and 1 < classes <= 16 else None)


def plane(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors ``(N, features)`` by their first two features; a single one is drawn against itself."""
    flat = vectors.reshape(len(vectors), -1)
    return flat[:, [0, min(1, flat.shape[1] - 1)]]
