"""Images made from images by a trained generator: whole, or in tiles where these give the same."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.generators.metadata import Metadata
from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from ganzoo.generators.base import Labels, TrainedGenerator

log = logging.getLogger("ganzoo")


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


def translated(
    model: TrainedGenerator,
    given: NDArray[Any],
    *,
    seed: int = 0,
    label: Labels | None = None,
    tile: int | None = None,
) -> NDArray[Any]:
    """Images made from images of one size.

    Args:
        model: a generator with :attr:`~ganzoo.generators.metadata.Metadata.condition_image`.
        given: images ``(N, c, h, w)``: uint8, or float32 in the range of the samples.
        seed: of the latents, where there are any.
        label: of a class-conditional generator.
        tile: height and width of the parts that are made one by one, for images that do not fit into memory.

    Returns:
        N samples: float32 ``(N, C, H, W)``, or uint8 ``(N, H, W, C)`` from a file exported with ``uint8``.

    Raises:
        GanzooError: the generator takes no such images, or tiles would differ from the whole image.
    """
    require_translator(model.metadata)
    seeds = [seed] * len(given)
    if tile is None:
        return model.sample(seeds, labels=label, conditions=given)
    require_tiles(model.metadata, tile)
    made = None
    scale, axes = model.metadata.scale, (2, 3)
    for read, inner, place in tiles(given.shape[2:], tile, model.metadata):
        part = model.sample(seeds, labels=label, conditions=given[:, :, *read])
        if made is None:  # bytes have their channels last
            axes = (1, 2) if part.dtype == np.uint8 else axes
            shape = list(part.shape)
            for axis, side in zip(axes, given.shape[2:], strict=True):
                shape[axis] = side * scale
            made = np.empty(shape, part.dtype)
        here = [slice(None)] * (axes[0])
        made[(*here, *scaled(place, scale))] = part[(*here, *scaled(inner, scale))]
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
