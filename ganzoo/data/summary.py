"""What is in a data set, before anything is trained on it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ganzoo.data import Data, Samples
from ganzoo.data.folder import Images
from ganzoo.data.source import contents
from ganzoo.util.optional import needs

Sides = tuple[int, int]


class OriginalSizes(NamedTuple):
    """The sizes of files, before their images are scaled.

    Attributes:
        smallest, largest: width and height of the images with the fewest and the most pixels.
        enlarged: how many have a shorter side than the images that are trained on.
    """

    smallest: Sides
    largest: Sides
    enlarged: int


def duplicates(samples: Samples) -> list[list[int]]:
    """The places of samples that are equal, in groups of two or more.

    Images of files are compared as they are read, so after they are scaled.
    """
    groups: dict[str, list[int]] = {}
    for place, key in enumerate(contents(samples)):
        groups.setdefault(key, []).append(place)
    return [group for group in groups.values() if len(group) > 1]


def original_sizes(images: Images) -> OriginalSizes:
    """The sizes of the files of a folder, from their headers."""
    with needs():
        from ganzoo.data import decode
    sides = [decode.sides(images.root / name) for name in images.names]
    by_pixels = sorted(sides, key=lambda each: each[0] * each[1])
    return OriginalSizes(by_pixels[0], by_pixels[-1], sum(min(each) < images.shape[-1] for each in sides))


def class_counts(data: Data) -> list[tuple[str, int]]:
    """How many samples each class has, by its name, or its number where it has none; empty without labels."""
    if data.labels is None:
        return []
    counts = np.bincount(data.labels, minlength=len(data.classes))
    names = data.classes or tuple(map(str, range(len(counts))))
    return list(zip(names, counts.tolist(), strict=True))


def evenly_spread(count: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Places ``(n,)`` of at most ``count`` of ``size`` samples, at even distances."""
    chosen = min(count, size)
    return np.arange(chosen, dtype=np.int64) * size // max(1, chosen)
