"""Pictures damaged in ten known ways, each in three strengths, to see whether a distance notices."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzoo.data import load

Pictures = NDArray[np.uint8]


def rounded(values: NDArray[np.floating]) -> Pictures:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def blurred(images: Pictures, sigma: float) -> Pictures:
    """By a Gaussian of so many pixels."""
    from scipy.ndimage import gaussian_filter

    return rounded(gaussian_filter(images.astype(np.float32), (0, 0, sigma, sigma)))


def noisy(images: Pictures, deviation: float) -> Pictures:
    """With Gaussian noise of so many levels in each pixel and channel."""
    return rounded(images + np.random.default_rng(1).normal(0, deviation, images.shape))


def with_digits(images: Pictures, share: float) -> Pictures:
    """With so large a share replaced by handwritten digits."""
    mixed, count, side = images.copy(), round(share * len(images)), images.shape[-1]
    for place, digit in enumerate(load("mnist-10k").samples[:count, 0]):
        mixed[place] = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BILINEAR))
    return mixed


def tinted(images: Pictures, levels: float) -> Pictures:
    """Redder and less blue by so many levels."""
    return rounded(images + np.array([levels, 0, -levels])[:, None, None])


def chequered(images: Pictures, levels: float) -> Pictures:
    """With a pattern of so many levels, of alternate sign in neighbouring pixels."""
    return rounded(images + levels * (np.indices(images.shape[2:]).sum(axis=0) % 2 * 2 - 1))


def of_few(images: Pictures, share: float) -> Pictures:
    """As many, drawn from so small a share of them."""
    return images[np.random.default_rng(1).integers(0, max(1, round(share * len(images))), len(images))]


def compressed(images: Pictures, quality: float) -> Pictures:
    """As JPEG of that quality."""
    done = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(file, "JPEG", quality=int(quality))
        done.append(np.asarray(Image.open(file)).transpose(2, 0, 1))
    return np.stack(done)


def moved(images: Pictures, share: float) -> Pictures:
    """Down and to the right by so large a share of the sides; the edges are repeated."""
    by = round(share * images.shape[-1])
    return np.pad(images, ((0, 0), (0, 0), (by, 0), (by, 0)), mode="edge")[:, :, :-by, :-by]


def cut_out(images: Pictures, share: float) -> Pictures:
    """With a grey square of so large a share of the sides, anywhere."""
    holed, side = images.copy(), images.shape[-1]
    size, random = round(share * side), np.random.default_rng(1)
    for image in holed:
        top, left = random.integers(0, side - size + 1, 2)
        image[:, top : top + size, left : left + size] = 128
    return holed


def faded(images: Pictures, share: float) -> Pictures:
    """With so much less contrast."""
    return rounded((images - 128.0) * (1 - share) + 128)


DAMAGES: dict[str, tuple[Callable[[Pictures, float], Pictures], tuple[float, float, float]]] = {
    "blur": (blurred, (0.4, 0.7, 1.2)),
    "noise": (noisy, (4, 10, 25)),
    "digits": (with_digits, (0.02, 0.1, 0.3)),
    "tint": (tinted, (8, 20, 50)),
    "chequered": (chequered, (3, 8, 20)),
    "few": (of_few, (0.5, 0.1, 0.02)),
    "JPEG": (compressed, (90, 60, 20)),
    "moved": (moved, (1 / 32, 3 / 32, 6 / 32)),
    "cut out": (cut_out, (0.15, 0.25, 0.5)),
    "faded": (faded, (0.05, 0.15, 0.4)),
}
"""Ways to damage pictures uint8 ``(N, 3, S, S)``, and three strengths, from a weak one on."""


def distances(distance: Callable[[Pictures], float], images: Pictures) -> dict[str, list[float]]:
    """The distance of images in each damage and strength."""
    return {
        name: [distance(damage(images, strength)) for strength in strengths]
        for name, (damage, strengths) in DAMAGES.items()
    }


def rank_correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Spearman's correlation of values without ties."""
    return float(np.corrcoef(one.argsort().argsort(), other.argsort().argsort())[0, 1])
