"""Whether a generator has learned its data by heart: its images beside the training images nearest to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Samples
from ganzoo.generators.base import TrainedGenerator
from ganzoo.generators.images import Bytes, grid

COLUMNS = 12
MOST_READ = 10_000  # training images that are compared where they have to be read from files
CHUNK = 2048


def neighbours(model: TrainedGenerator, data: Data) -> Bytes:
    """A picture of three rows: generated images, the training image nearest to each, and training images as they are.

    The images are those of the first seeds, nearness is the L2 distance of pixels, and the last row is spread evenly
    over the data. Of data that are read from files as they are needed, the first :data:`MOST_READ` are compared.

    Args:
        model: a generator of images.
        data: images of the same shape.

    Returns:
        uint8 ``(height, width, C)``.
    """
    count = min(COLUMNS, len(data))
    made = model.images(model.sample(range(count)))
    queries = np.moveaxis(made, -1, 1)
    close, even = nearest(queries, data.samples), np.arange(count) * len(data) // count
    rows = [made, *(np.moveaxis(data.samples[index], 1, -1) for index in (close, even))]
    return grid(np.concatenate(rows), columns=count)


def nearest(queries: NDArray[np.uint8], samples: Samples) -> NDArray[np.int64]:
    """The index of the sample nearest to each query in L2 distance; of equally near ones, the first.

    Args:
        queries: uint8 ``(N, C, H, W)``.
        samples: uint8 ``(M, C, H, W)``.

    Returns:
        int64 ``(N,)``.

    >>> images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1)
    >>> nearest(images[[4, 1]], images).tolist()
    [4, 1]
    """
    wanted = queries.reshape(len(queries), -1).astype(np.float64)
    best, found = np.full(len(wanted), np.inf), np.zeros(len(wanted), np.int64)
    count = len(samples) if isinstance(samples, np.ndarray) else min(len(samples), MOST_READ)
    for start in range(0, count, CHUNK):
        chunk = samples[start : min(start + CHUNK, count)].reshape(-1, wanted.shape[1]).astype(np.float64)
        distances = (chunk**2).sum(axis=1) - 2 * wanted @ chunk.T  # less |query|², which all have in common
        index = distances.argmin(axis=1)
        closer = (least := distances[np.arange(len(wanted)), index]) < best
        best[closer], found[closer] = least[closer], start + index[closer]
    return found
