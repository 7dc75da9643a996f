"""What a notebook shows of an object: facts in a table, and small pictures. It is bounded in size, and never fails."""

from __future__ import annotations

import functools
import html
import io
from base64 import b64encode
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_ROWS, LONGEST = 80, 160  # rows of a table, and characters of a text in it
MOST_PICTURES, SIDE = 16, 96  # pictures, and pixels of the longer side of each
MOST_POINTS, PLOT = 500, 240  # points of a plot, and its height and width in pixels

T = TypeVar("T")


def unless_it_fails(method: Callable[[T], Any]) -> Callable[[T], Any]:
    """A method of an object that a notebook calls to show it: ``None`` if it fails, so that the plain text is shown."""

    @functools.wraps(method)
    def shown(self: T) -> Any:
        try:
            return method(self)
        except Exception:  # an object that cannot be shown must not break a cell
            return None

    return shown


def page(title: str, facts: Iterable[tuple[str, object]] = (), *, lines: Iterable[str] = (), pictures: str = "") -> str:
    """HTML of an object.

    Args:
        title: what it is.
        facts: rows of a table, of which the first :data:`MOST_ROWS` are shown.
        lines: below the table.
        pictures: HTML of :func:`pictures` or :func:`plot`.
    """
    rows = list(islice(facts, MOST_ROWS + 1))
    more = [("...", "")] if len(rows) > MOST_ROWS else []
    cells = "".join(
        f'<tr><td style="text-align:left">{escaped(name)}</td><td style="text-align:left">{escaped(value)}</td></tr>'
        for name, value in (*rows[:MOST_ROWS], *more)
    )
    notes = "".join(f"<div>{escaped(line)}</div>" for line in islice(lines, MOST_ROWS))
    return f"<div><b>{escaped(title)}</b><table>{cells}</table>{notes}{pictures}</div>"


def escaped(value: object) -> str:
    """A value as a text of HTML, cut to :data:`LONGEST`."""
    text = str(value)
    return html.escape(text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}...")


def pictures(images: NDArray[np.uint8]) -> str:
    """HTML of the first :data:`MOST_PICTURES` images, uint8 ``(N, H, W, C)``; empty without Pillow."""
    try:
        import PIL  # noqa: F401
    except ModuleNotFoundError:
        return ""
    tags = [
        f'<img alt="" style="width:{SIDE}px;margin:1px;image-rendering:pixelated" '
        f'src="data:image/png;base64,{b64encode(png(image)).decode()}">'
        for image in images[:MOST_PICTURES]
    ]
    return f'<div style="display:flex;flex-wrap:wrap;max-width:{4 * (SIDE + 8)}px">{"".join(tags)}</div>'


def png(image: NDArray[np.uint8], side: int = SIDE) -> bytes:
    """A PNG file of an image, uint8 ``(H, W, C)``, scaled down to ``side`` pixels; needs Pillow.

    Of two channels the first is shown, as grey, and of more than four the first three.
    """
    from PIL import Image

    channels = image.shape[-1]
    pixels = image if channels in (3, 4) else image[..., :3] if channels > 4 else image[..., 0]
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def plot(points: NDArray[Any]) -> str:
    """HTML of a scatter plot of the first two columns of ``(N, features)``; of one feature, against its place."""
    shown = points[:: max(1, len(points) // MOST_POINTS)][:MOST_POINTS].astype(float)
    x, y = (shown[:, 0], shown[:, 1]) if shown.shape[1] > 1 else (range(len(shown)), shown[:, 0])
    across, down = scaled(x), scaled(y)
    dots = "".join(f'<circle cx="{a:.1f}" cy="{PLOT - d:.1f}" r="2"/>' for a, d in zip(across, down, strict=True))
    return f'<svg width="{PLOT}" height="{PLOT}" fill="#1450c8" fill-opacity="0.5">{dots}</svg>'


def scaled(values: Iterable[float]) -> list[float]:
    """Values as places on an axis of a plot."""
    numbers = list(map(float, values))
    low, high, margin = min(numbers), max(numbers), 0.05 * PLOT
    return [margin + (each - low) / ((high - low) or 1.0) * (PLOT - 2 * margin) for each in numbers]
