"""A picture that shows whether a generator has memorised its data: images and the training images nearest to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Samples
from ganzoo.generators.base import TrainedGenerator
from ganzoo.generators.images import Bytes, grid

COLUMNS = 12
MOST_READ = 10_000  # training images to compare, where each has to be read from a file
CHUNK = 2048


def neighbours(model: TrainedGenerator, data: Data) -> Bytes:
    """A picture of three rows: generated images, the training image nearest to each, and other training images.

    The generated images are those of the first seeds. The distance is Euclidean, of pixels. The training images of the
    last row are evenly spaced in the data. Of a data set that is read file by file, the first :data:`MOST_READ` images
    are compared.

    Args:
        model: a generator of images.
        data: images of the same shape.

    Returns:
        uint8 ``(height, width, C)``.
    """
    count = min(COLUMNS, len(data))
    generated = model.images(model.sample(count))
    closest = nearest(np.moveaxis(generated, -1, 1), data.samples)
    evenly_spaced = np.arange(count) * len(data) // count
    rows = [generated, *(np.moveaxis(data.samples[index], 1, -1) for index in (closest, evenly_spaced))]
    return grid(np.concatenate(rows), columns=count)


def nearest(queries: NDArray[np.uint8], samples: Samples) -> NDArray[np.int64]:
    """The index of the sample nearest to each query in Euclidean distance; the first of equally near ones.

    Args:
        queries: uint8 ``(N, C, H, W)``.
        samples: uint8 ``(M, C, H, W)``.

    Returns:
        int64 ``(N,)``.

    >>> images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1)
    >>> nearest(images[[4, 1]], images).tolist()
    [4, 1]
    """
    flat = queries.reshape(len(queries), -1).astype(np.float64)
    best, found = np.full(len(flat), np.inf), np.zeros(len(flat), np.int64)
    count = len(samples) if isinstance(samples, np.ndarray) else min(len(samples), MOST_READ)
    for start in range(0, count, CHUNK):
        chunk = samples[start : min(start + CHUNK, count)].reshape(-1, flat.shape[1]).astype(np.float64)
        distances = (chunk**2).sum(axis=1) - 2 * flat @ chunk.T  # plus |query|², the same for all
        index = distances.argmin(axis=1)
        smallest = distances[np.arange(len(flat)), index]
        is_closer = smallest < best
        best[is_closer], found[is_closer] = smallest[is_closer], start + index[is_closer]
    return found
