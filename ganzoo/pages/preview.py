"""The standard picture of a trained generator: a grid of images, or a scatter plot of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganzoo.generators.base import Labels, TrainedGenerator
from ganzoo.generators.images import Bytes, drawable, fitted, grid, scatter, side_by_side
from ganzoo.generators.metadata import Stage

if TYPE_CHECKING:
    from ganzoo.data import Data

POINTS = 2000  # in a scatter plot
MOST_CLASSES = 16  # that get a column or a row each


def default_seeds(model: TrainedGenerator) -> range:
    """The seeds of the standard picture: 64 images, or eight of each class; 2,000 vectors."""
    if model.value_range is None:
        return range(POINTS)
    classes = model.metadata.num_classes
    return range(8 * classes if 1 < classes <= MOST_CLASSES else 64)


def interpolation_rows(
    model: TrainedGenerator, seed_a: int, seed_b: int, steps: int, label: int | str | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
    """Latents and labels of a grid that interpolates from seed A to seed B in each row.

    There is one row, or for a class-conditional GAN one for ``label``, or for each of its first
    :data:`MOST_CLASSES` classes.

    Returns:
        float32 ``(R * steps, latent_dim)`` for R rows, and int64 ``(R * steps,)`` or ``None``.
    """
    z = model.interpolate(seed_a, seed_b, steps)
    classes = model.metadata.num_classes if label is None else 0
    if not classes:
        return z, model.labels(steps, label)
    rows = np.arange(min(classes, MOST_CLASSES))
    return np.tile(z, (len(rows), 1)), np.repeat(rows, steps)


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
    """Draw samples of a generator.

    Images form a grid, with one column for each class if the GAN is class-conditional. A child's images are drawn next
    to those of its parent, unless ``stage`` selects one of the two. Vectors are drawn by their first two features, on
    top of those of ``data``; predictions of a regression against the targets in ``data``. Images that are made from
    images are drawn below these, and above the right ones if the data are paired.

    Args:
        model: the generator.
        seeds: of the samples; :func:`default_seeds` by default.
        z: latents ``(N, latent_dim)``, instead of seeds.
        labels: see :meth:`ganzoo.generators.base.TrainedGenerator.sample`.
        stage: ``child`` or ``parent``.
        data: real samples; of a regression, its inputs and targets too.
        columns: of the grid.

    Returns:
        uint8 ``(height, width, C)``.
    """
    if z is None:
        z = model.latents(default_seeds(model) if seeds is None else seeds)
    if data is not None and data.conditions is not None and model.metadata.condition:
        count = min(len(z), len(data), len(data.conditions))
        predicted = model.decode(z[:count], conditions=data.conditions[:count])
        if model.metadata.condition_image:
            return translations(model, data, predicted, columns)
        return scatter(np.hstack([data.samples[:count], predicted.reshape(count, -1)])[:, :2])
    samples = model.decode(z, labels=labels, stage=stage or "child")
    if model.value_range is None or samples.ndim != 4:
        real = None if data is None else first_two_features(np.asarray(data.samples[:POINTS]))
        return scatter(first_two_features(samples), real)
    images = model.images(samples)
    if stage is None and model.has_parent:
        return side_by_side(model.images(model.decode(z, labels=labels, stage="parent")), images, columns=columns)
    classes = model.metadata.num_classes
    if columns is None and labels is None and 1 < classes <= MOST_CLASSES:
        columns = classes
    return grid(images, columns)


def translations(model: TrainedGenerator, data: Data, made: NDArray[Any], columns: int | None = None) -> Bytes:
    """Images that are made from images: the one that is given, the one that is made and, of paired data, the right one.

    Args:
        model: the generator.
        data: whose first conditions the images are made from.
        made: the images, as ``model`` gives them.
        columns: groups in a row.

    Returns:
        uint8 ``(height, width, C)``.
    """
    images = model.images(made)
    assert data.conditions is not None
    sets = [data.conditions[: len(made)], *([data.samples[: len(made)]] if data.paired else [])]
    given, *right = (np.moveaxis(np.asarray(each), 1, -1) for each in sets)
    drawn = [drawable(each) for each in (given, images, *right)]
    counts = {each.shape[-1] for each in drawn}
    shape = (*images.shape[1:3], max(3, *counts) if len(counts) > 1 else drawn[0].shape[-1])
    return side_by_side(*(fitted(each, shape) for each in drawn), columns=columns)


def first_two_features(vectors: NDArray[Any]) -> NDArray[Any]:
    """The first two features ``(N, 2)`` of samples ``(N, ...)``; a single feature is drawn against itself."""
    flat = vectors.reshape(len(vectors), -1)
    return flat[:, [0, min(1, flat.shape[1] - 1)]]
