"""The standard picture of a trained generator: a grid of images, or a cloud of points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganzoo.generators.base import Labels, Stage, TrainedGenerator
from ganzoo.generators.images import Bytes, grid, scatter, side_by_side

if TYPE_CHECKING:
    from ganzoo.data import Data

POINTS = 2000  # in a picture of vectors
MOST_CLASSES = 16  # that get a column or a row each


def seeds_of(model: TrainedGenerator) -> range:
    """The seeds of the standard picture: 64 images (or eight rows with every class once), or a cloud of points."""
    if model.limits is None:
        return range(POINTS)
    return range(8 * model.header["num_classes"] if 1 < model.header["num_classes"] <= MOST_CLASSES else 64)


def way(
    model: TrainedGenerator, first: int, last: int, number: int, label: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
    """Latents and labels on the way from one seed to another.

    If the GAN is told classes, the way is gone once for every class, or for ``label`` alone; beyond
    :data:`MOST_CLASSES` classes for the first ones.

    Returns:
        float32 ``(R * number, latent)`` for R ways, and int64 ``(R * number,)`` or ``None``.
    """
    z = model.between(first, last, number)
    classes = model.header["num_classes"] if label is None else 0
    if not classes:
        return z, model.labels(number, label)
    rows = np.arange(min(classes, MOST_CLASSES))
    return np.tile(z, (len(rows), 1)), np.repeat(rows, number)


def preview(
    model: TrainedGenerator,
    seeds: ArrayLike | None = None,
    *,
    z: NDArray[np.float32] | None = None,
    labels: Labels | None = None,
    stage: Stage | None = None,
    data: Data | None = None,
    columns: int | None = None,
) -> Bytes:
    """A picture, uint8 ``(height, width, channels)``, of what a model makes of ``seeds``, or of latents ``z``.

    Images stand in a grid, with one column for each class if the GAN is told classes; a child stands beside its parent
    unless ``stage`` names one of them. Vectors are drawn by their first two features, above those of ``data``;
    predictions of a regression against the targets in ``data``, which holds the inputs too.
    """
    if z is None:
        z = model.latents(seeds_of(model) if seeds is None else seeds)
    if data is not None and data.conditions is not None and model.header["condition_dim"]:
        count = min(len(z), len(data))
        predicted = model.decode(z[:count], conditions=data.conditions[:count])
        return scatter(np.hstack([data.samples[:count], predicted.reshape(count, -1)])[:, :2])
    samples = model.decode(z, labels=labels, stage=stage or "child")
    if model.limits is None or samples.ndim != 4:
        real = None if data is None else plane(np.asarray(data.samples[:POINTS]))
        return scatter(plane(samples), real)
    images = model.images(samples)
    if stage is None and model.has_parent:
        return side_by_side(model.images(model.decode(z, labels=labels, stage="parent")), images, columns)
    classes = model.header["num_classes"]
    if columns is None and labels is None and 1 < classes <= MOST_CLASSES:
        columns = classes
    return grid(images, columns)


def plane(vectors: NDArray[Any]) -> NDArray[Any]:
    """Vectors ``(N, features)`` by their first two features; a single one is drawn against itself."""
    flat = vectors.reshape(len(vectors), -1)
    return flat[:, [0, min(1, flat.shape[1] - 1)]]
