"""The real images that generated ones are compared with, as an extractor sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, NoTestPart, load
from ganzoo.evaluation.extractors import Extractor, Images, Seen
from ganzoo.evaluation.manifold import nearest, neighbour
from ganzoo.generators.base import CHUNK
from ganzoo.util.errors import GanzooError


@dataclass(frozen=True)
class Real:
    """Real images as an extractor sees them.

    Attributes:
        data: the training part.
        test: the test part; ``None`` where there is none.
        order: of the training images in ``train``, drawn once for all.
        train: training images.
        reference: what generated images are compared with: the test part, or else the training images.
        distances: from fresh real images to the nearest training image; ``None`` where these are not all here.
    """

    data: Data
    test: Data | None
    order: NDArray[np.int64]
    train: Seen
    reference: Seen
    distances: NDArray[np.floating[Any]] | None


def real_images(data: Data, extractor: Extractor, directory: str | None = None, most: int | None = None) -> Real:
    """Real images of a data set, whose training part is given, through an extractor.

    Args:
        data: the training part.
        extractor: that looks at them.
        directory: where files of data sets lie.
        most: training images to look at, for an extractor that takes long; all by default.
    """
    test = held_out(data, directory)
    order = np.random.default_rng(0).permutation(len(data))
    if test is None:
        train = extractor.see(batches(data, order))
        return Real(data, None, order, train, train, neighbour(train.features, 1))
    order = order[:most]
    train = extractor.see(batches(data, order))
    reference = extractor.see(batches(test, np.random.default_rng(0).permutation(len(test))))
    distances = nearest(reference.features, train.features) if most is None else None
    return Real(data, test, order, train, reference, distances)


def held_out(data: Data, directory: str | None = None) -> Data | None:
    """The test part of a data set whose training part is given; ``None`` where there is none."""
    try:
        test = load(data.name, split="test", directory=directory, size=data.shape[-1])
    except NoTestPart:
        return None
    if not len(test) or test.shape != data.shape:
        raise GanzooError(f"the test part of {data.name} does not fit its training part: it has the shape {test.shape}")
    return test


def batches(data: Data, order: NDArray[np.int64] | None = None) -> Iterator[Images]:
    """The images of a data set, a batch at a time."""
    for start in range(0, len(data if order is None else order), CHUNK):
        part = slice(start, start + CHUNK)
        yield data.samples[part if order is None else order[part]]


def noise(number: int, shape: tuple[int, ...]) -> Iterator[Images]:
    """Images whose pixels are all random, evenly."""
    random = np.random.default_rng(0)
    for start in range(0, number, CHUNK):
        yield random.integers(0, 256, (min(CHUNK, number - start), *shape), np.uint8)
