"""Decoding image files that nobody vouches for. Needs Pillow, so it is imported when a data set needs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

# Few formats on purpose: among the others that Pillow knows are some that start other programs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N")
MOST_PIXELS = 2**26  # of one file; photographs have fewer, files made to exhaust the memory more


def is_grey(path: Path) -> bool:
    """Whether the file is stored as grey; only its header is read.

    Raises:
        Exception: of any kind that Pillow raises, if the file is no image, or is refused.
    """
    with Image.open(path, formats=FORMATS) as image:
        _check(image)
        return image.mode in GREY_MODES


def square(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The file's largest centred square, over white and the right way up, scaled with antialiasing.

    Args:
        path: the file.
        shape: of the result, ``(1, size, size)`` for grey or ``(3, size, size)`` for RGB.

    Returns:
        Pixels in 0..255, of this shape.

    Raises:
        Exception: of any kind that Pillow raises, if the file is no whole image, or is refused.
    """
    channels, height, width = shape
    with Image.open(path, formats=FORMATS) as image:
        _check(image)
        upright = ImageOps.exif_transpose(image)
    flat = _over_white(_to_8_bits(upright)).convert("L" if channels == 1 else "RGB")
    # fit() cuts before it scales: a long thin image would explode if its shorter side were scaled up first.
    pixels = np.asarray(ImageOps.fit(flat, (width, height), Image.Resampling.BICUBIC))
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)


def pixels(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The file's pixels as they are, over white, in grey or RGB: nothing is scaled.

    Args:
        path: the file.
        shape: of the result, ``(1, height, width)`` for grey or ``(3, height, width)`` for RGB.

    Returns:
        Pixels in 0..255, of this shape.

    Raises:
        ValueError: the image has another size.
        Exception: of any kind that Pillow raises, if the file is no whole image, or is refused.
    """
    channels, height, width = shape
    with Image.open(path, formats=FORMATS) as image:
        _check(image)
        if image.size != (width, height):
            raise ValueError(f"it has {image.width}x{image.height} pixels, and the data have {width}x{height}")
        flat = _over_white(_to_8_bits(image)).convert("L" if channels == 1 else "RGB")
    return np.asarray(flat).reshape(height, width, channels).transpose(2, 0, 1)


def _check(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(f"{image.width}x{image.height} pixels, more than {MOST_PIXELS}")
    if image.mode == "F":
        raise ValueError("floating-point pixels, whose range is not known")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey, which Pillow's own conversion may clip."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode not in ("LA", "PA", "RGBA", "RGBa") and "transparency" not in image.info:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
