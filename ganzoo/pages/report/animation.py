"""The sample grids of a run: a selection, compressed for a page, and as an animation."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ganzoo.util.errors import GanzooError
from ganzoo.util.files import atomic_write
from ganzoo.util.optional import needs

if TYPE_CHECKING:
    from PIL import Image

MOST_FRAMES = 60
LONGEST_SIDE = 1200  # pixels, in a page
LARGEST_PNG = 300_000  # bytes; larger ones are compressed
LARGEST_FILE = 2**24  # bytes; larger ones are not read
MOST_PIXELS = 36_000_000  # in a picture; larger ones are not decoded
NO_PICTURE = f"not a PNG file of at most {MOST_PIXELS / 1e6:.0f} million pixels and {LARGEST_FILE // 2**20} MiB"
LARGEST_ANIMATION = 2_000_000  # bytes
_SIZES = ((640, 80), (480, 75), (360, 70), (280, 60), (200, 50), (120, 40))
"""Longest side in pixels and WebP quality of an animation, tried in turn until one is small enough."""
_CAPTION = 28  # pixels in height
_SECONDS, _LAST = 6.0, 1.5  # of an animation, and of its last picture
_PAPER, _INK, _SOFT, _ACCENT = (23, 24, 27), (233, 232, 229), (58, 60, 66), (138, 180, 255)

T = TypeVar("T")


@dataclass(frozen=True)
class Frame:
    """A picture in a page.

    Attributes:
        iteration: after which it was drawn.
        width, height: in pixels.
        source: the picture as a ``data:`` URL.
    """

    iteration: int
    width: int
    height: int
    source: str


def evenly_spaced(items: Sequence[T], most: int = MOST_FRAMES) -> list[T]:
    """At most ``most`` items at even distances, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def frames(pictures: Mapping[int, Path]) -> list[Frame]:
    """Pictures by iteration as ``data:`` URLs: small PNG files unchanged, others as WebP.

    Files that are not pictures, or too large ones, are left out.
    """
    return [frame for number, path in evenly_spaced(list(pictures.items())) if (frame := frame_of(number, path))]


def left_out(pictures: Mapping[int, Path], shown: Sequence[Frame]) -> str:
    """How many pictures of a selection are not shown, as a sentence; empty where all are."""
    count = min(len(pictures), MOST_FRAMES) - len(shown)
    which, what = ("grids are", "each is") if count > 1 else ("grid is", "it is")
    return f"{count:,} sample {which} left out: {what} {NO_PICTURE}." if count else ""


def frame_of(number: int, path: Path) -> Frame | None:
    image = read_png(path, LONGEST_SIDE)
    if image is None:
        return None
    content, kind = path.read_bytes(), "png"
    if len(content) > LARGEST_PNG or max(image.size) == LONGEST_SIDE:  # it was larger
        content, kind = to_webp(image), "webp"
    return Frame(number, *image.size, f"data:image/{kind};base64,{base64.b64encode(content).decode()}")


def animate(path: Path, pictures: Mapping[int, Path], iterations: int) -> bool:
    """Write an animated WebP of at most :data:`LARGEST_ANIMATION` bytes, with the iteration below each picture.

    Args:
        path: of the file.
        pictures: by iteration.
        iterations: of the whole run, at the end of the progress bar.

    Returns:
        Whether there are two pictures of one size. If not, nothing is written.

    Raises:
        GanzooError: the animation would be larger.
    """
    largest = _SIZES[0][0]
    found = [(number, read_png(picture, largest)) for number, picture in evenly_spaced(list(pictures.items()))]
    images = [(number, image) for number, image in found if image is not None]
    images = [(number, image) for number, image in images if image.size == images[-1][1].size]
    if len(images) < 2:
        return False
    step = round(1000 * max(0.08, min(0.6, _SECONDS / len(images))))
    times = [step] * (len(images) - 1) + [round(1000 * _LAST)]
    for side, quality in _SIZES:
        first, *others = (with_progress(image, number, iterations, side) for number, image in images)
        buffer = BytesIO()
        first.save(
            buffer, "WEBP", save_all=True, append_images=others, duration=times, loop=0, quality=quality, method=2
        )
        if buffer.tell() <= LARGEST_ANIMATION:
            with atomic_write(path) as temporary:
                temporary.write_bytes(buffer.getvalue())
            return True
    raise GanzooError(f"{len(images)} pictures make an animation of more than {LARGEST_ANIMATION:,} bytes")


def with_progress(image: Image.Image, number: int, iterations: int, side: int) -> Image.Image:
    """A picture of at most ``side`` pixels, above its iteration and a progress bar."""
    from PIL import Image, ImageDraw, ImageFont

    image = image.copy()
    image.thumbnail((side, side))
    width, height = image.size
    frame = Image.new("RGB", (width, height + _CAPTION), _PAPER)
    frame.paste(image, (0, 0))
    draw = ImageDraw.Draw(frame)
    text, middle = f"iteration {number:,}", height + _CAPTION // 2
    draw.text((8, middle), text, fill=_INK, font=ImageFont.load_default(14), anchor="lm")
    left, right = 128, width - 10
    if right - left > 40:
        draw.line((left, middle, right, middle), fill=_SOFT, width=3)
        draw.line((left, middle, left + (right - left) * min(1, number / max(1, iterations)), middle), _ACCENT, width=3)
    return frame


def read_png(path: Path, side: int) -> Image.Image | None:
    """The picture in a PNG file as RGB, over white, of at most ``side`` pixels in width and height.

    ``None`` if the file is not a picture, or too large. Its size is checked before it is decoded.
    """
    with needs("sample"):
        from PIL import Image
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_FILE:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG"]) as image:
                if image.width * image.height > MOST_PIXELS:
                    return None
                # made smaller before it is converted, which takes a copy; other modes cannot be scaled
                small: Image.Image = image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB")
                small.thumbnail((side, side))
                if small.mode != "RGBA":
                    return small.convert("RGB")
                return Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def to_webp(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=85, method=4)
    return buffer.getvalue()
