"""The real images that generated ones are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, NoTestSplit, channels_of, load
from ganzoo.evaluation.extractors import Extractor, Features, Images
from ganzoo.evaluation.manifold import Array, kth_neighbour_distances, nearest_distances
from ganzoo.generators.base import CHUNK
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError


class Splits(NamedTuple):
    """The splits of a data set, each loaded once; ``test`` is ``None`` if there is none."""

    train: Data
    test: Data | None


@dataclass(frozen=True)
class Reference:
    """Features of real images.

    Attributes:
        splits: the images.
        order: indices of the training images in ``train``, a fixed permutation.
        train: features of training images.
        reference: features that generated images are compared with: of the test split, or else of training images.
        distances: from each test image to the nearest training image; ``None`` if ``train`` is a part of them.
    """

    splits: Splits
    order: NDArray[np.int64]
    train: Features
    reference: Features
    distances: Array | None


def reference_features(splits: Splits, extractor: Extractor, max_train: int | None = None) -> Reference:
    """Features of the real images of a data set; of at most ``max_train`` training images, for a slow extractor."""
    order = permutation(splits.train)
    if splits.test is None:
        train = extractor.extract(image_batches(splits.train, order))
        return Reference(splits, order, train, train, kth_neighbour_distances(train.features, 1))
    order = order[:max_train]
    train = extractor.extract(image_batches(splits.train, order))
    reference = extractor.extract(image_batches(splits.test, permutation(splits.test)))
    distances = nearest_distances(reference.features, train.features) if max_train is None else None
    return Reference(splits, order, train, reference, distances)


def load_splits(train: Data, directory: str | None = None) -> Splits:
    """The training split of a data set with its test split, if there is one; of data in memory there is none."""
    if train.name.partition(":")[0] not in registry().parts["dataset"]:
        return Splits(train, None)
    try:
        test = load(
            train.name, split="test", directory=directory, size=train.shape[-1], channels=channels_of(train.shape)
        )
    except NoTestSplit:
        return Splits(train, None)
    if not len(test) or test.shape != train.shape:
        raise GanzooError(f"the test split of {train.name} has {len(test)} samples {test.shape}, not {train.shape}")
    return Splits(train, test)


def image_batches(data: Data, order: NDArray[np.int64] | None = None) -> Iterator[Images]:
    """The images of a data set in batches, all of them or those of ``order``."""
    for start in range(0, len(data if order is None else order), CHUNK):
        part = slice(start, start + CHUNK)
        yield data.samples[part if order is None else order[part]]


def uniform_noise(number: int, shape: tuple[int, ...]) -> Iterator[Images]:
    """Images of uniformly distributed pixels, in batches."""
    random = np.random.default_rng(0)
    for start in range(0, number, CHUNK):
        yield random.integers(0, 256, (min(CHUNK, number - start), *shape), np.uint8)


def permutation(data: Data) -> NDArray[np.int64]:
    """The fixed order in which real samples are taken."""
    return np.random.default_rng(0).permutation(len(data))
