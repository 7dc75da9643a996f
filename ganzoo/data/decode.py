"""Decode image files from any source.

Needs Pillow, and for some TIFF files tifffile, so a data set imports this when it is loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, features

from ganzoo.data import MODES, tiff
from ganzoo.data.tiff import HEIGHT, MAX_PIXELS, ORIENTATION, PHOTOMETRIC, WIDTH
from ganzoo.util.errors import GanzooError

HAS_AVIF = "avif" in features.modules and bool(features.check("avif"))
# Few formats on purpose: among the others that Pillow knows are some that start other programs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP", *(("AVIF",) if HAS_AVIF else ()))
DEPTHS = (8, 10, 12, 14, 16)
JPEG_TAIL = 64  # bytes in which a whole JPEG file has its end marker

log = logging.getLogger("ganzoo")

DARK = 64  # 16-bit colour whose upper 8 bits stay below holds 14 bits or fewer


class Stored(NamedTuple):
    """How a file stores its pixels.

    Attributes:
        grey: whether all of them are grey.
        peak: the largest value of grey or bands of more than 8 bits whose depth the file does not say; else ``None``.
        upper: the largest value of the upper 8 bits of 16-bit colour, or of 16-bit grey with alpha; else ``None``.
        transparent: whether the file has transparency.
        bands: the number of channels of a TIFF file that are neither grey nor colours; 0 of other files.
        further: whether a TIFF file has more images, which are left out.
    """

    grey: bool
    peak: int | None = None
    upper: int | None = None
    transparent: bool = False
    bands: int = 0
    further: bool = False


def inspect(path: Path) -> Stored:
    """How a file stores its pixels. Pixels are read for palettes and for more than 8 bits, else the header.

    Raises:
        GanzooError: see :func:`ganzoo.data.tiff.read`.
        Exception: of any kind that Pillow or tifffile raises, if the file is no image, or is refused.
    """
    how = tiff.layout(path)
    if how is None or how.by_pillow:
        return _inspect(path)._replace(further=how is not None and how.further)
    peak = int(tiff.read(path, how).max()) if how.bits > 8 or how.colour else 0
    if how.colour:
        return Stored(False, upper=peak >> 8, transparent=how.channels == 4, further=how.further)
    return Stored(False, peak if how.bits > 8 else None, bands=how.bands, further=how.further)


def _inspect(path: Path) -> Stored:
    """What Pillow says."""
    with _open(path) as image:
        transparent = _is_transparent(image)
        if image.mode in ("P", "PA"):
            colours = np.asarray(_over_white(image).convert("RGB"))
            return Stored(bool((colours == colours[..., :1]).all()), transparent=transparent)
        raw = _raw_mode(image)
        if ";16" in raw and raw != "BGR;16" and image.mode in ("LA", "RGB", "RGBA"):  # BGR;16 is 5, 6 and 5 bits
            grey = image.mode == "LA" or raw.startswith("LA")  # Pillow reads 16-bit grey with alpha as RGBA
            return Stored(grey, upper=int(np.asarray(image.convert("RGB")).max()), transparent=transparent)
        deep = image.mode.startswith("I")
        if not deep or image.format == "PPM":  # Pillow scales PGM to 16 bits by the maximum in its header
            return Stored(deep or image.mode in ("1", "L", "LA"), transparent=transparent)
        values = np.asarray(image)
        seen = values[values != image.info["transparency"]] if transparent else values
        low, high = (int(seen.min()), int(seen.max())) if seen.size else (0, 0)
    if low < 0 or high >= 2**16:
        raise ValueError(f"grey values from {low} to {high}, not within 0..65535")
    return Stored(True, high, transparent=transparent)


def verify(path: Path) -> None:
    """Raise if a file is cut off or damaged. PNG is read but not decoded, of JPEG the end; other formats are decoded.

    Raises:
        GanzooError: see :func:`ganzoo.data.tiff.read`.
        Exception: of any kind that Pillow or tifffile raises.
    """
    if how := _not_for_pillow(path):
        tiff.read(path, how)
        return
    with _open(path) as image:
        if image.format == "PNG":
            image.verify()
        elif image.format not in ("JPEG", "MPO") or not _has_jpeg_end(path):
            image.load()


def bit_depth(files: Collection[Stored]) -> int:
    """The bit depth of grey, or of bands, of more than 8 bits in these files.

    It is the smallest of 8, 10, 12, 14 and 16 bits that holds the largest value of all files.
    """
    peaks = [file.peak for file in files if file.peak is not None]
    return next(bits for bits in DEPTHS if max(peaks) < 2**bits) if peaks else 16


def warn_of_depth(files: Collection[Stored], *, scaled: bool = True) -> None:
    """Say how pixels of more than 8 bits are read, and ``scaled``, where a file does not say how many bits it holds."""
    if peaks := [file.peak for file in files if file.peak is not None]:
        what = "values" if any(file.bands for file in files) else "grey"
        log.warning(
            f"%d images of more than 8 bits hold %s up to %d: read as %d bits{', scaled to 8' if scaled else ''}",
            *(len(peaks), what, max(peaks), bit_depth(files)),
        )
    uppers = [file.upper for file in files if file.upper is not None]
    if uppers and max(uppers) < DARK:
        log.warning(
            "%d images of 16 bits in colour or with alpha are read by their upper 8 bits, which reach only %d of 255: "
            "if they hold fewer than 16 bits, convert them to 8, or they stay dark",
            *(len(uppers), max(uppers)),
        )


def sides(path: Path) -> tuple[int, int]:
    """Width and height of an image in pixels, the right way up; only the header is read.

    Raises:
        GanzooError: see :func:`ganzoo.data.tiff.layout`.
        Exception: of any kind that Pillow raises, if the file is no image, or is refused.
    """
    if how := _not_for_pillow(path):
        return how.sides
    with _open(path) as image:
        exif = Image.Image.getexif(image)  # that of PNG decodes all pixels, to find what may come after them
        width, height = image.size
        if image.format == "TIFF":  # Pillow, from some version on, gives the sides of the turned image
            width, height = (image.tag_v2[tag] for tag in (WIDTH, HEIGHT))  # type: ignore[attr-defined]
        return (height, width) if exif.get(ORIENTATION, 1) >= 5 else (width, height)


def square(
    path: Path, shape: tuple[int, int, int], bits: int = 16, half: Literal["left", "right"] | None = None
) -> NDArray[np.uint8]:
    """The file's largest centred square, the right way up, scaled with antialiasing.

    Args:
        path: the file.
        shape: of the result, ``(C, size, size)``: one channel for grey and three for RGB, both over white; four for
            RGBA, with 0 in all channels where a pixel is transparent; of bands as many as the file has.
        bits: bit depth of grey or bands of more than 8 bits, see :func:`bit_depth`.
        half: the half of the image whose square it is; the whole by default.

    Returns:
        Pixels in 0..255, of this shape.

    Raises:
        GanzooError: see :func:`ganzoo.data.tiff.read`.
        Exception: of any kind that Pillow or tifffile raises, if the file is no whole image, or is refused.
    """
    channels, height, width = shape

    def fitted(flat: Image.Image) -> Image.Image:
        if half:
            middle = flat.width // 2
            flat = flat.crop((0, 0, middle, flat.height) if half == "left" else (middle, 0, flat.width, flat.height))
        # fit() crops before it scales: a long thin image would explode if its shorter side were scaled up first.
        return ImageOps.fit(flat, (width, height), Image.Resampling.BICUBIC)

    return _channels_first([fitted(flat) for flat in _upright(path, channels, bits)], shape)


def unscaled(path: Path, shape: tuple[int, ...], bits: int = 16) -> NDArray[np.uint8]:
    """The file's pixels, the right way up but not scaled, in grey, RGB, RGBA or bands.

    Args:
        path: the file.
        shape: of the result, ``(C, height, width)``; see :func:`square`.
        bits: bit depth of grey or bands of more than 8 bits, see :func:`bit_depth`.

    Returns:
        Pixels in 0..255, of this shape.

    Raises:
        GanzooError: see :func:`ganzoo.data.tiff.read`.
        ValueError: the image has another size.
        Exception: of any kind that Pillow or tifffile raises, if the file is no whole image, or is refused.
    """
    channels, height, width = shape
    flat = _upright(path, channels, bits)
    if flat[0].size != (width, height):
        raise ValueError(f"it has {flat[0].width}x{flat[0].height} pixels, and the data have {width}x{height}")
    return _channels_first(flat, shape)


class Whole(NamedTuple):
    """A whole image, as a generator takes it.

    Attributes:
        values: float32 ``(C, height, width)`` in 0..1, transparency laid over white unless there are four channels.
        alpha: uint8 ``(height, width)`` of an image with transparency; else ``None``.
        bits: of a value, 8 or more.
        cut: whether they are the upper 8 bits of 16.
    """

    values: NDArray[np.float32]
    alpha: NDArray[np.uint8] | None
    bits: int
    cut: bool = False


def whole(path: Path, channels: int, bits: int = 16) -> Whole:
    """All pixels of an image, the right way up and not scaled.

    Grey and bands of more than 8 bits keep them, and so does RGB of TIFF files where tifffile is installed.

    Args:
        path: the file.
        channels: 1 for grey, 3 for RGB, 4 for RGBA, or the number of bands.
        bits: bit depth of grey or bands of more than 8 bits, see :func:`bit_depth`.

    Raises:
        GanzooError: see :func:`ganzoo.data.tiff.read`.
        Exception: of any kind that Pillow or tifffile raises, if the file is no whole image, or is refused.
    """
    how = tiff.layout(path)
    if how and how.bands:
        return _deep(_bands(path, how, channels), bits if how.bits > 8 else 8)
    is_deep = how is not None and how.colour and how.bits == 16
    if how and is_deep and how.channels == channels == 3 and tiff.is_installed():
        with suppress(GanzooError, ValueError):  # Pillow may know the compression
            return _deep(tiff.read(path, how), 16)
    with _colours(path, how) as image:
        is_cut = is_deep or (";16" in _raw_mode(image) and image.mode in ("LA", "RGB", "RGBA"))
        ImageOps.exif_transpose(image, in_place=True)
        shape = (channels, image.height, image.width)
        if image.mode.startswith("I") and image.format != "PPM" and not _is_transparent(image) and channels in (1, 3):
            return _deep(np.repeat(np.asarray(image)[None], channels, 0), bits)
        alpha = np.asarray(image.convert("RGBA"))[..., 3] if _is_transparent(image) else None
        pixels = _channels_first([_flatten(image, channels, bits)], shape)
    return Whole(pixels.astype(np.float32) / np.float32(255), alpha, 8, is_cut)


def _deep(pixels: NDArray[Any], bits: int) -> Whole:
    """An image of that bit depth."""
    return Whole((pixels.astype(np.float32) / np.float32(2**bits - 1)).clip(0, 1), None, bits)


def _not_for_pillow(path: Path) -> tiff.Layout | None:
    """The layout of a TIFF file that Pillow does not read, or not all of."""
    how = tiff.layout(path)
    return None if how is None or how.by_pillow else how


def _bands(path: Path, how: tiff.Layout, channels: int) -> tiff.Pixels:
    """The bands of a TIFF file, if there are so many."""
    if how.channels != channels:
        raise ValueError(f"it has {how.channels} channels, and {channels} are needed")
    return tiff.read(path, how)


def _upright(path: Path, channels: int, bits: int) -> list[Image.Image]:
    """A file's pixels of 8 bits, the right way up: one image, or one for each band."""
    how = tiff.layout(path)
    if how and how.bands:
        bands = _bands(path, how, channels)
        levels = bands if how.bits == 8 else (bands >> (bits - 8)).clip(0, 255).astype(np.uint8)
        return [Image.fromarray(band) for band in levels]
    with _colours(path, how) as image:
        ImageOps.exif_transpose(image, in_place=True)
        return [_flatten(image, channels, bits)]


@contextmanager
def _colours(path: Path, how: tiff.Layout | None) -> Iterator[Image.Image]:
    """A file in grey or colours. Of colours that Pillow does not read the upper 8 bits count, as of those it does."""
    if how and not how.by_pillow:
        yield Image.fromarray(np.moveaxis(tiff.read(path, how) >> 8, 0, -1).astype(np.uint8))
    else:
        with _open(path) as image:
            yield image


@contextmanager
def _open(path: Path) -> Iterator[ImageFile.ImageFile]:
    """An image file whose header is acceptable."""
    if path.suffix.lower() == ".avif" and not HAS_AVIF:
        raise ValueError("the installed Pillow reads no AVIF; run: pip install 'pillow>=11.3'")
    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels, more than {MAX_PIXELS}")
        if image.mode == "F":
            raise ValueError("floating-point pixels, whose range is not known")
        # Pillow inverts such files of 8 bits, but not those of 16
        if image.mode.startswith("I") and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0:
            raise ValueError("grey of more than 8 bits in which 0 is white")
        if image.format == "TIFF":  # Pillow maps uncompressed pixels into memory with the sides of the turned image
            image.filename = ""
        _scale_transparency(image)
        yield image


def _flatten(image: Image.Image, channels: int, bits: int) -> Image.Image:
    """An image of 8 bits: over white in grey or RGB, or as it is in RGBA."""
    if channels not in MODES:
        raise ValueError(f"it is grey or in colour, and {channels} channels are needed")
    mode = MODES[channels]
    if image.mode.startswith("I"):  # Pillow's own conversion clips at 255
        values = np.asarray(image).astype(np.int32)
        grey = (values >> (8 if image.format == "PPM" else bits - 8)).clip(0, 255).astype(np.uint8)
        seen = values != image.info.get("transparency", -1)
        if channels == 4:
            return Image.fromarray(np.dstack([grey, grey, grey, np.where(seen, 255, 0).astype(np.uint8)]))
        return Image.fromarray(np.where(seen, grey, 255).astype(np.uint8)).convert(mode)
    if image.mode == "LAB":  # Pillow has no other conversion of it
        return image.convert("RGB").convert(mode)
    return image.convert("RGBA") if channels == 4 else _over_white(image).convert(mode)


def _channels_first(images: Sequence[Image.Image], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """One image, or one for each band, as an array of that shape."""
    if len(images) > 1:
        return np.stack([np.asarray(image) for image in images])
    channels, height, width = shape
    pixels = np.asarray(images[0]).reshape(height, width, channels)
    if channels == 4:  # the colour of transparent pixels is arbitrary, and differs between programs
        pixels = np.where(pixels[:, :, 3:] == 0, np.uint8(0), pixels)
    return pixels.transpose(2, 0, 1)


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or image.info.get("transparency") is not None


def _scale_transparency(image: ImageFile.ImageFile) -> None:
    """Bring the transparent colour of a PNG to 8 bits, as Pillow does with the pixels of 2, 4 and 3 x 16 bits."""
    key, raw = image.info.get("transparency"), _raw_mode(image)
    if raw in ("L;2", "L;4") and isinstance(key, int):
        image.info["transparency"] = key * (85 if raw == "L;2" else 17)
    elif raw == "RGB;16B" and isinstance(key, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in key)


def _over_white(image: Image.Image) -> Image.Image:
    if not _is_transparent(image):
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))


def _raw_mode(image: Image.Image) -> str:
    """How the pixels are in the file, such as ``RGB;16B``; empty where Pillow does not say."""
    tile = getattr(image, "tile", None)
    arguments = tile[0][3] if tile else ""
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return raw if isinstance(raw, str) else ""


def _has_jpeg_end(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - JPEG_TAIL))
        return b"\xff\xd9" in file.read(JPEG_TAIL)
