"""Pictures of samples: functions on arrays, and writers of PNG and npz files. Needs no torch.

``images`` are uint8 ``(N, H, W, C)``; a *picture* is one uint8 array ``(H, W, C)``, such as a grid of images. Pictures
show images of two channels as grey, by the first, and those of more than four as RGB, by the first three.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_2_0
from numpy.typing import NDArray

from ganzoo.util.errors import GanzooError
from ganzoo.util.files import atomic_write
from ganzoo.util.optional import needs

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Parts", "grid", "scatter", "side_by_side", "to_pil", "to_uint8", "write_npz", "write_png"]

Bytes = NDArray[np.uint8]

DRAWABLE = (1, 3, 4)
"""Numbers of channels that a picture can have; as ``ganzoo.data.MODES``, which sampling does not import."""
_TILE = 96
"""Pixels; images are enlarged by a whole factor while their longer side stays within it."""
_GREY = 128
"""The level between images, which differs from black digits and from white paper."""


def to_uint8(samples: NDArray[np.floating[Any]], range: tuple[float, float]) -> Bytes:
    """Samples as images: ``range`` is mapped to [0, 255], rounded half to even, and clipped.

    Args:
        samples: float ``(N, C, H, W)``.
        range: smallest and largest value that a sample can have.

    Returns:
        uint8 ``(N, H, W, C)``.

    Raises:
        GanzooError: a sample holds nan.
    """
    if np.isnan(samples).any():
        raise GanzooError(
            "the samples hold nan, so training has diverged; use earlier weights or a lower learning rate"
        )
    low, high = range
    levels = np.rint((np.asarray(samples, np.float64) - low) * (255 / (high - low)))
    return np.ascontiguousarray(levels.clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1))


def grid(images: Bytes, columns: int | None = None, gap: int = 2) -> Bytes:
    """All images in one picture, row by row, with ``gap`` pixels of grey around each. Small images are enlarged.

    Args:
        images: uint8 ``(N, H, W, C)``.
        columns: images in a row; by default, the picture is nearly square.
        gap: pixels between images, after the enlargement.

    Returns:
        uint8 ``(height, width, C)``.

    Raises:
        GanzooError: there is no image, or fewer than one column.
    """
    return _sheet(_enlarged(images), columns, gap)


def side_by_side(*images: Bytes, columns: int | None = None) -> Bytes:
    """Images in groups, such as the samples of a parent and of a child for the same latents.

    A thin grey line is between the images of a group, and broad ones between groups.

    Args:
        images: each uint8 ``(N, H, W, C)`` and of the same shape; the leftmost of every group come first.
        columns: groups in a row; by default, the picture is nearly square.

    Returns:
        uint8 ``(height, width, C)``.

    Raises:
        GanzooError: the shapes differ, there is no image, or fewer than one column.
    """
    if len({each.shape for each in images}) > 1:
        shapes = " and ".join(str(each.shape) for each in images)
        raise GanzooError(f"images of shapes {shapes} make no groups; give sets of one shape")
    enlarged = [_enlarged(each) for each in images]
    line = np.full_like(enlarged[0][:, :, :2], _GREY)
    line[..., 3:] = 255
    parts = [part for each in enlarged for part in (line, each)][1:]
    return _sheet(np.concatenate(parts, axis=2), columns, gap=12)


def fitted(images: Bytes, shape: tuple[int, ...]) -> Bytes:
    """Images as ones of another shape ``(H, W, C)``, to be drawn next to them: nearest pixels, grey in all colours."""
    height, width, channels = shape
    rows, columns = (
        np.arange(side) * old // side for side, old in zip((height, width), images.shape[1:3], strict=True)
    )
    images = drawable(images[:, rows][:, :, columns])
    if images.shape[-1] == 1 and channels > 2:
        images = images.repeat(3, -1)
    opaque = np.full((*images.shape[:3], max(0, channels - images.shape[-1])), 255, np.uint8)
    return np.ascontiguousarray(np.concatenate([images, opaque], -1)[..., :channels])


def scatter(
    points: NDArray[np.floating[Any]], real: NDArray[np.floating[Any]] | None = None, *, size: int = 512
) -> Bytes:
    """A scatter plot: ``points`` in blue, on top of ``real`` points in grey.

    Both axes have the same scale, and y points up. The real points, where given, set the frame, so that all pictures of
    a training show the same region. Points outside the frame are drawn on its edge; points that are not finite are left
    out.

    Args:
        points: ``(N, 2)``.
        real: ``(M, 2)``.
        size: height and width in pixels.

    Returns:
        uint8 ``(size, size, 3)``.

    Raises:
        GanzooError: no finite point is left to set the frame.
    """
    layers = [(real, (150, 150, 150)), (points, (20, 80, 200))]
    finite = [(layer[np.isfinite(layer).all(axis=1)], colour) for layer, colour in layers if layer is not None]
    frame = finite[0][0]
    if not len(frame):
        raise GanzooError("there is no point to draw; give at least one that is finite")
    low, high = frame.min(axis=0), frame.max(axis=0)
    side = 1.2 * float((high - low).max()) or 1.0
    corner = (low + high - side) / 2

    margin = 2
    y, x = np.mgrid[-margin : margin + 1, -margin : margin + 1]
    disc = np.stack([y, x], axis=-1)[y**2 + x**2 <= margin**2 + 1]
    picture: NDArray[np.float64] = np.full((size, size, 3), 255.0)
    for layer, colour in finite:
        unit = ((layer - corner) / side).clip(0, 1)
        centres = margin + np.rint(np.stack([1 - unit[:, 1], unit[:, 0]], axis=1) * (size - 1 - 2 * margin)).astype(int)
        rows, columns = (centres[:, None] + disc).reshape(-1, 2).T
        hits = np.bincount(rows * size + columns, minlength=size * size).reshape(size, size, 1)
        # Each point covers half of what is visible below it, so dense regions are darker.
        cover = 1 - 0.5**hits
        picture += cover * (np.array(colour) - picture)
    return np.rint(picture).astype(np.uint8)


def write_png(path: str | Path, picture: Bytes) -> None:
    """Write one picture as a PNG file, atomically.

    Args:
        path: of the file; its folder must exist.
        picture: uint8 ``(H, W)``, or ``(H, W, C)`` with 1 (grey), 3 (RGB) or 4 (RGBA) channels.

    Raises:
        GanzooError: the picture has another shape, the file cannot be written, or Pillow is not installed.
    """
    with atomic_write(path) as temporary:
        to_pil(picture).save(temporary, format="PNG")


def to_pil(picture: Bytes) -> Image:
    """One picture as an image of Pillow, in the mode L, RGB or RGBA.

    Args:
        picture: uint8 ``(H, W)``, or ``(H, W, C)`` with 1 (grey), 3 (RGB) or 4 (RGBA) channels.

    Raises:
        GanzooError: the picture has another shape, or Pillow is not installed.
    """
    with needs("sample"):
        from PIL.Image import fromarray
    if picture.ndim not in (2, 3) or picture.shape[2:] not in ((), (1,), (3,), (4,)):
        raise GanzooError(
            f"no PNG holds an array of shape {picture.shape}; give (H, W) or (H, W, C) with C = 1, 3 or 4"
        )
    return fromarray(picture[:, :, 0] if picture.shape[2:] == (1,) else picture)


@dataclass(frozen=True)
class Parts:
    """An array in parts along its first axis, with ``count`` rows in total."""

    count: int
    parts: Iterable[NDArray[Any]]


def write_npz(path: str | Path, /, **arrays: NDArray[Any] | Parts) -> None:
    """Write named arrays as a compressed npz file, atomically.

    Only one part of :class:`Parts` is in memory at a time, so an array can be larger than the memory.

    Raises:
        GanzooError: an array holds Python objects, which need pickle, or the file cannot be written.
    """
    with atomic_write(path) as temporary, ZipFile(temporary, "w", ZIP_DEFLATED) as file:
        for name, array in arrays.items():
            parts = iter(array.parts if isinstance(array, Parts) else (array,))
            first = next(parts)
            if first.dtype.hasobject:
                raise GanzooError(f"array {name!r} holds Python objects; give an array of numbers or strings")
            shape = (array.count, *first.shape[1:]) if isinstance(array, Parts) else first.shape
            header = {"descr": dtype_to_descr(first.dtype), "fortran_order": False, "shape": shape}
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                write_array_header_2_0(member, header)
                for part in chain((first,), parts):
                    member.write(np.ascontiguousarray(part).tobytes())


def drawable(images: Bytes) -> Bytes:
    """Images whose channels a picture can show: of two the first, as grey, and of more than four the first three."""
    channels = images.shape[-1]
    return images if channels in DRAWABLE else images[..., : 3 if channels > 4 else 1]


def _enlarged(images: Bytes) -> Bytes:
    if images.ndim != 4 or 0 in images.shape:
        raise GanzooError(f"an array of shape {images.shape} holds no images; give (N, H, W, C) with N of at least 1")
    factor = max(1, _TILE // max(images.shape[1:3]))
    images = drawable(images)
    return images.repeat(factor, axis=1).repeat(factor, axis=2)


def _sheet(tiles: Bytes, columns: int | None, gap: int) -> Bytes:
    count, height, width, channels = tiles.shape
    if columns is None:
        columns = min(count, round(np.ceil(np.sqrt(count * height / width))))
    if columns < 1:
        raise GanzooError(f"a grid cannot have {columns} columns; give at least 1")
    rows = -(-count // columns)
    grey = np.full(channels, _GREY, np.uint8)
    if channels == 4:
        grey[3] = 255  # between transparent images, an opaque grid
    cells = np.tile(grey, (rows * columns, gap + height, gap + width, 1))
    cells[:count, gap:, gap:] = tiles
    sheet = cells.reshape(rows, columns, gap + height, gap + width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * (gap + height), columns * (gap + width), channels)
    framed = np.tile(grey, (len(sheet) + gap, sheet.shape[1] + gap, 1))
    framed[: len(sheet), : sheet.shape[1]] = sheet
    return framed
