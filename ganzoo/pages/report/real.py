"""A picture of real data, arranged as the sample grids are."""

from __future__ import annotations

import numpy as np

from ganzoo.data import Data
from ganzoo.generators.base import TrainedGenerator
from ganzoo.generators.images import Bytes, grid
from ganzoo.pages.preview import MOST_CLASSES, default_seeds


def real_images(model: TrainedGenerator, data: Data) -> Bytes:
    """Training images at even distances in the data, as many as there are samples in a grid.

    Of a class-conditional generator each column has the class that it has in the sample grids.

    Args:
        model: a generator of images.
        data: images of the same shape.

    Returns:
        uint8 ``(height, width, C)``.
    """
    count, classes = len(default_seeds(model)), model.metadata.num_classes
    columns = None
    index = evenly(np.arange(len(data)), count)
    if data.labels is not None and 1 < classes <= MOST_CLASSES:
        of_class = [np.flatnonzero(np.asarray(data.labels) == label) for label in range(classes)]
        if all(len(own) for own in of_class):
            columns = classes
            index = np.stack([evenly(own, count // classes, repeat=True) for own in of_class], axis=1).ravel()
    return grid(np.moveaxis(np.asarray(data.samples[index]), 1, -1), columns)


def evenly(items: np.ndarray, count: int, *, repeat: bool = False) -> np.ndarray:
    """``count`` of the items at even distances; all, or some of them several times, if there are fewer."""
    count = count if repeat else min(count, len(items))
    return items[np.arange(count) * len(items) // count]
