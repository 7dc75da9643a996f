"""Images made from images by a trained generator: whole, or in tiles where these give the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.generators.metadata import Metadata
from ganzoo.util.errors import GanzooError


def require_translator(metadata: Metadata) -> None:
    """Refuse a generator that makes no images from images."""
    if not metadata.condition_image:
        raise GanzooError(f"{metadata.gan} makes no images from images; leave these out, or train pix2pix")


def require_tiles(metadata: Metadata, tile: int) -> None:
    """Refuse tiles with a generator for which they would differ from the whole image, or that are too small."""
    if not metadata.free:
        raise GanzooError(f"{metadata.gan} takes images of one size, so there are no tiles; leave out the tiles")
    if metadata.reach is None:
        raise GanzooError(
            f"each pixel of {metadata.gan} depends on the whole image, so tiles would differ; leave out the tiles"
        )
    if tile < metadata.multiple or tile % metadata.multiple:
        raise GanzooError(f"tiles of {tile} pixels do not fit {metadata.gan}; give a multiple of {metadata.multiple}")


def in_tiles(
    make: Callable[[NDArray[Any]], NDArray[Any]], given: NDArray[Any], tile: int, metadata: Metadata
) -> NDArray[Any]:
    """Images made from images tile by tile, for those that do not fit into memory.

    Args:
        make: makes samples from images ``(N, c, h, w)``.
        given: the images.
        tile: height and width of a tile.
        metadata: of the generator.

    Returns:
        What ``make`` gives for the whole images.

    Raises:
        GanzooError: tiles would differ from that; see :func:`require_tiles`.
    """
    require_tiles(metadata, tile)
    made, scale = None, metadata.scale
    for read, inner, place in tiles(given.shape[2:], tile, metadata):
        part = make(given[:, :, *read])
        first = 1 if part.dtype == np.uint8 else 2  # bytes have their channels last
        if made is None:
            shape = list(part.shape)
            shape[first : first + 2] = [side * scale for side in given.shape[2:]]
            made = np.empty(shape, part.dtype)
        before = [slice(None)] * first
        made[(*before, *scaled(place, scale))] = part[(*before, *scaled(inner, scale))]
    assert made is not None
    return made


Area = tuple[slice, slice]


def tiles(sides: tuple[int, ...], tile: int, metadata: Metadata) -> Iterator[tuple[Area, Area, Area]]:
    """The tiles of an image: what is read of it, which part of that is kept, and where that is in the image.

    Each is read with as many pixels around it as a pixel reaches. Both begin at multiples of ``metadata.multiple``,
    since a generator that halves the sides treats other places differently.
    """
    assert metadata.reach is not None
    around = math.ceil(metadata.reach / metadata.multiple) * metadata.multiple
    for top in range(0, sides[0], tile):
        for left in range(0, sides[1], tile):
            place = tuple(slice(start, min(start + tile, side)) for start, side in zip((top, left), sides, strict=True))
            read = tuple(
                slice(max(0, one.start - around), min(one.stop + around, side))
                for one, side in zip(place, sides, strict=True)
            )
            inner = tuple(
                slice(one.start - whole.start, one.stop - whole.start) for one, whole in zip(place, read, strict=True)
            )
            yield (read[0], read[1]), (inner[0], inner[1]), (place[0], place[1])


def scaled(area: Area, scale: int) -> Area:
    """The same area of an image that is so many times as large."""
    rows, columns = (slice(one.start * scale, one.stop * scale) for one in area)
    return rows, columns


def resized(images: NDArray[np.float32], sides: tuple[int, int]) -> NDArray[np.float32]:
    """Images ``(N, C, H, W)`` of another height and width, by Pillow's bicubic filter with antialiasing."""
    from PIL import Image

    height, width = sides
    return np.stack(
        [
            [
                np.asarray(Image.fromarray(channel, "F").resize((width, height), Image.Resampling.BICUBIC))
                for channel in image
            ]
            for image in images
        ]
    )
