"""Pairs of one data set of images: the conditions are made from the samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request, Samples, fingerprint
from ganzoo.data.arguments import Percent, convert_settings, split_argument
from ganzoo.data.source import Source, open_source, parted
from ganzoo.registry.values import NonNegative, Range
from ganzoo.util.errors import GanzooError, printable

CHUNK = 256  # images that are made at a time
HIDDEN = 128  # level of hidden pixels

Make = Callable[[NDArray[np.uint8], NDArray[np.int64]], NDArray[np.uint8]]
"""Makes conditions from samples ``(n, C, h, w)`` and their places ``(n,)``."""


def grey(request: Request) -> Data:
    """Colour images from grey ones, as grey:NAME of a data set or folder.

    The conditions are the luma of ITU-R BT.601, transparency over white. Without a test split of its own, 10 % are for
    testing; ``grey:cats,holdout=20%`` changes that. See :func:`ganzoo.data.source.parted`.

    Returns:
        Samples uint8 ``(N, 3, h, w)`` or ``(N, 4, h, w)``, conditions uint8 ``(N, 1, h, w)``, in 0..255; no labels.

    Raises:
        GanzooError: there is no such data set or folder, its images are not in colour, or a setting is wrong.
    """
    source, settings = _open(request, {})
    if source.shape[0] == 1:
        raise GanzooError(f"{printable(request.name, 200)}: the images are grey already; name a data set in colour")
    if source.bands or source.shape[0] not in (3, 4):
        raise GanzooError(
            f"{printable(request.name, 200)}: the images have {source.shape[0]} channels, which are no colours; name a "
            "data set in colour"
        )
    return _made(request, source, settings, (1, *source.shape[1:]), lambda images, _: luma(images))


def outlines(request: Request) -> Data:
    """Images from their outlines, as outlines:NAME of a data set or folder.

    A condition is 255, white, minus the magnitude of the gradient by Sobel's 3x3 masks, divided by 4 and cut at 255; of
    several channels the largest counts. The border is continued. Transparency is laid over white. ``holdout`` as of
    grey:NAME. Source: Sobel & Feldman, 1968.

    Returns:
        Samples uint8 ``(N, C, h, w)``, conditions uint8 ``(N, 1, h, w)``, in 0..255; no labels.

    Raises:
        GanzooError: there is no such data set or folder, or a setting is wrong.
    """
    source, settings = _open(request, {})
    return _made(request, source, settings, (1, *source.shape[1:]), lambda images, _: edges(images, bands=source.bands))


def lowres(request: Request) -> Data:
    """Images from ones of a quarter of their sides, as lowres:NAME of a data set or folder.

    A condition is the mean of each 4x4 block; ``lowres:cats,factor=2,noise=5`` takes 2x2 blocks and adds Gaussian noise
    of a standard deviation of 5 levels, which is the same whenever an image is read. Of RGBA, colours count by their
    opacity. ``holdout`` as of grey:NAME.

    Returns:
        Samples uint8 ``(N, C, h, w)``, conditions uint8 ``(N, C, h / factor, w / factor)``, in 0..255; no labels.

    Raises:
        GanzooError: there is no such data set or folder, its sides are no multiples of the factor, or a setting is
            wrong.
    """
    source, settings = _open(request, {"factor": Annotated[int, Range(least=2, most=64)], "noise": NonNegative})
    factor, noise = settings.get("factor", 4), settings.get("noise", 0.0)
    channels, height, width = source.shape
    if height % factor or width % factor:
        raise GanzooError(
            f"{printable(request.name, 200)}: {height}x{width} pixels are not whole blocks of {factor}x{factor}; "
            "choose another factor= or --image-size"
        )
    shape = channels, height // factor, width // factor
    return _made(
        *(request, source, settings, shape),
        lambda images, places: reduced(images, factor, noise, places, bands=source.bands),
        f"{factor} {noise}",
    )


def masked(request: Request) -> Data:
    """Images from ones whose middle quarter is hidden, as masked:NAME of a data set or folder.

    The hidden square, of half the height and width, has the level 128. A further channel of the condition is 255 there,
    and 0 elsewhere. ``holdout`` as of grey:NAME. Source: Pathak et al., 2016.

    Returns:
        Samples uint8 ``(N, C, h, w)``, conditions uint8 ``(N, C + 1, h, w)``, in 0..255; no labels.

    Raises:
        GanzooError: there is no such data set or folder, or a setting is wrong.
    """
    source, settings = _open(request, {})
    channels, *sides = source.shape
    return _made(request, source, settings, (channels + 1, *sides), lambda images, _: hidden(images))


def luma(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey ``(N, 1, h, w)`` of RGB or RGBA, as Pillow's."""
    red, green, blue = over_white(images).astype(np.uint32).transpose(1, 0, 2, 3)
    level: NDArray[np.uint8] = ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).astype(np.uint8)
    return level[:, None]


def edges(images: NDArray[np.uint8], *, bands: bool = False) -> NDArray[np.uint8]:
    """Dark edges on white ``(N, 1, h, w)``; see :func:`outlines`. Of bands, a fourth is no opacity."""
    padded = np.pad(
        (images if bands else over_white(images)).astype(np.float32), ((0, 0), (0, 0), (1, 1), (1, 1)), "edge"
    )
    across = padded[..., 2:] - padded[..., :-2]
    down = padded[..., 2:, :] - padded[..., :-2, :]
    x = across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]
    y = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    strength = np.sqrt(x**2 + y**2).max(axis=1, keepdims=True) / 4
    drawn: NDArray[np.uint8] = (255 - strength.round().clip(0, 255)).astype(np.uint8)
    return drawn


def reduced(
    images: NDArray[np.uint8],
    factor: int,
    noise: float = 0,
    places: NDArray[np.int64] | None = None,
    *,
    bands: bool = False,
) -> NDArray[np.uint8]:
    """The mean of each block of ``factor x factor`` pixels, with noise whose seed is the place of the image.

    Of RGBA, colours count by their opacity; of bands, a fourth is none.
    """
    count, channels, height, width = images.shape
    blocks = images.reshape(count, channels, height // factor, factor, width // factor, factor).astype(np.float32)
    if channels == 4 and not bands:
        opacity = blocks[:, 3:].sum((3, 5))
        colours = (blocks[:, :3] * blocks[:, 3:]).sum((3, 5)) / np.maximum(opacity, 1)
        means = np.concatenate([colours, opacity / factor**2], axis=1)
    else:
        means = blocks.mean((3, 5))
    if noise and places is not None:
        means += noise * np.stack([np.random.default_rng(place).standard_normal(means.shape[1:]) for place in places])
    return means.round().clip(0, 255).astype(np.uint8)


def hidden(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The images with a hidden middle, and its mask as one more channel; see :func:`masked`."""
    count, _, height, width = images.shape
    mask = np.zeros((count, 1, height, width), np.uint8)
    rows, columns = (slice(side // 4, side // 4 + (side + 1) // 2) for side in (height, width))
    mask[..., rows, columns] = 255
    return np.concatenate([np.where(mask, np.uint8(HIDDEN), images), mask], axis=1)


def over_white(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGBA over white, as RGB; other images as they are."""
    if images.shape[1] != 4:
        return images
    opacity = images[:, 3:].astype(np.uint32)
    return ((images[:, :3] * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)


class Made:
    """Conditions that are made when a batch of them is read.

    Args:
        samples: from which they are made.
        shape: of a condition.
        make: makes them.
    """

    dtype: np.dtype[Any] = np.dtype(np.uint8)

    def __init__(self, samples: Samples, shape: tuple[int, ...], make: Make) -> None:
        self.shape = (len(samples), *shape)
        self._samples, self._make = samples, make

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        places = np.arange(len(self))[index]
        images = self._make(self._samples[places.reshape(-1)], places.reshape(-1))
        return images.reshape(*places.shape, *self.shape[1:])


class LastBatch:
    """Lazily read samples that keep the last batch, so that the conditions of a batch are made from what was read."""

    def __init__(self, samples: Samples) -> None:
        self.shape, self.dtype = samples.shape, samples.dtype
        self._samples = samples
        self._last: tuple[NDArray[np.int64], NDArray[Any]] | None = None

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        places = np.arange(len(self))[index]
        last = self._last  # another thread may replace it
        if last is None or not np.array_equal(last[0], places):
            self._last = last = places, self._samples[places]
        return last[1]


def _open(request: Request, kinds: Mapping[str, Any]) -> tuple[Source, dict[str, Any]]:
    """The images under the name in a request, and the settings after it."""
    kind = request.name.partition(":")[0]
    names, given = split_argument(request.argument)
    settings = convert_settings(request.name, given, {**kinds, "holdout": Percent})
    if not (name := ",".join(names)):
        raise GanzooError(f"{kind} needs a data set or a folder of images; name one: --data {kind}:NAME")
    return open_source(name, request, request.channels), settings


def _made(
    request: Request,
    source: Source,
    settings: Mapping[str, Any],
    shape: tuple[int, ...],
    make: Make,
    how: str = "",
) -> Data:
    [source] = parted(request, [source], settings.get("holdout"), "images")
    conditions: Samples
    samples, sha256 = source.samples, ""
    if isinstance(samples, np.ndarray):
        lazy = Made(samples, shape, make)
        conditions = np.concatenate([lazy[start : start + CHUNK] for start in range(0, len(lazy), CHUNK)])
    else:
        samples = LastBatch(samples)
        conditions = Made(samples, shape, make)
        what = f"{request.name.partition(':')[0]} {how} {source.sha256}"
        sha256 = fingerprint(np.frombuffer(what.encode(), np.uint8))
    return Data(name=request.name, samples=samples, conditions=conditions, sha256=sha256, licence=source.licence)
