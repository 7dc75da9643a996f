"""Decode image files from any source. Needs Pillow, so a data set imports this when it is loaded."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps

# Few formats on purpose: among the others that Pillow knows are some that start other programs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAX_PIXELS = 2**26  # of one file; photographs have fewer, files made to exhaust the memory more
DEPTHS = (8, 10, 12, 14, 16)
PHOTOMETRIC = 262  # TIFF tag: what the values mean; 0 for "0 is white"

log = logging.getLogger("ganzoo")


class Stored(NamedTuple):
    """How a file stores its pixels.

    Attributes:
        grey: whether all of them are grey.
        peak: the largest value of grey of more than 8 bits whose depth the file does not say; else ``None``.
    """

    grey: bool
    peak: int | None


def inspect(path: Path) -> Stored:
    """How a file stores its pixels. Pixels are read for palettes and for grey of more than 8 bits, else the header.

    Raises:
        Exception: of any kind that Pillow raises, if the file is no image, or is refused.
    """
    with _open(path) as image:
        if image.mode == "P":
            colours = np.asarray(_over_white(image).convert("RGB"))
            return Stored(bool((colours == colours[..., :1]).all()), None)
        deep = image.mode.startswith("I")
        if not deep or image.format == "PPM":  # Pillow scales PGM to 16 bits by the maximum in its header
            return Stored(deep or image.mode in ("1", "L", "LA"), None)
        values = np.asarray(image)
        low, high = int(values.min()), int(values.max())
    if low < 0 or high >= 2**16:
        raise ValueError(f"grey values from {low} to {high}, not within 0..65535")
    return Stored(True, high)


def bit_depth(files: Iterable[Stored]) -> int:
    """The bit depth of grey of more than 8 bits in these files; one warning says which.

    It is the smallest of 8, 10, 12, 14 and 16 bits that holds the largest value of all files.
    """
    peaks = [file.peak for file in files if file.peak is not None]
    if not peaks:
        return 16
    bits = next(bits for bits in DEPTHS if max(peaks) < 2**bits)
    log.warning(
        "%d images of more than 8 bits hold grey up to %d: read as %d bits, scaled to 8", len(peaks), max(peaks), bits
    )
    return bits


def square(path: Path, shape: tuple[int, int, int], bits: int = 16) -> NDArray[np.uint8]:
    """The file's largest centred square, over white and the right way up, scaled with antialiasing.

    Args:
        path: the file.
        shape: of the result, ``(1, size, size)`` for grey or ``(3, size, size)`` for RGB.
        bits: bit depth of grey of more than 8 bits, see :func:`bit_depth`.

    Returns:
        Pixels in 0..255, of this shape.

    Raises:
        Exception: of any kind that Pillow raises, if the file is no whole image, or is refused.
    """
    channels, height, width = shape
    with _open(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        flat = _flatten(image, channels, bits)
    # fit() crops before it scales: a long thin image would explode if its shorter side were scaled up first.
    pixels = np.asarray(ImageOps.fit(flat, (width, height), Image.Resampling.BICUBIC))
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)


def unscaled(path: Path, shape: tuple[int, ...], bits: int = 16) -> NDArray[np.uint8]:
    """The file's pixels as stored, over white, in grey or RGB.

    Args:
        path: the file.
        shape: of the result, ``(1, height, width)`` for grey or ``(3, height, width)`` for RGB.
        bits: bit depth of grey of more than 8 bits, see :func:`bit_depth`.

    Returns:
        Pixels in 0..255, of this shape.

    Raises:
        ValueError: the image has another size.
        Exception: of any kind that Pillow raises, if the file is no whole image, or is refused.
    """
    channels, height, width = shape
    with _open(path) as image:
        if image.size != (width, height):
            raise ValueError(f"it has {image.width}x{image.height} pixels, and the data have {width}x{height}")
        flat = _flatten(image, channels, bits)
    return np.asarray(flat).reshape(height, width, channels).transpose(2, 0, 1)


@contextmanager
def _open(path: Path) -> Iterator[ImageFile.ImageFile]:
    """An image file whose header is acceptable."""
    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels, more than {MAX_PIXELS}")
        if image.mode == "F":
            raise ValueError("floating-point pixels, whose range is not known")
        # Pillow inverts such files of 8 bits, but not those of 16
        if image.mode.startswith("I") and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0:
            raise ValueError("grey of more than 8 bits in which 0 is white")
        yield image


def _flatten(image: ImageFile.ImageFile, channels: int, bits: int) -> Image.Image:
    """An image over white, of 8 bits, in grey or RGB."""
    mode = "L" if channels == 1 else "RGB"
    if image.mode.startswith("I"):  # Pillow's own conversion clips at 255
        values = np.asarray(image).astype(np.int32)
        grey = (values >> (8 if image.format == "PPM" else bits - 8)).clip(0, 255)
        grey[values == image.info.get("transparency", -1)] = 255
        return Image.fromarray(grey.astype(np.uint8)).convert(mode)
    return _over_white(image).convert(mode)


def _over_white(image: Image.Image) -> Image.Image:
    transparent = image.info.get("transparency")
    if image.mode not in ("LA", "PA", "RGBA", "RGBa") and transparent is None:
        return image
    if image.mode == "RGB" and isinstance(transparent, tuple) and max(transparent) > 255:
        # of a PNG of 16 bits, of whose pixels Pillow keeps the upper 8
        image.info["transparency"] = tuple(value >> 8 for value in transparent)
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
