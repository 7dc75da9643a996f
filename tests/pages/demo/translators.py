"""Small exported generators that make images from images, and pictures for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzoo.export import export
from ganzoo.registry.recipe import resolve
from ganzoo.testing import start_training
from tests.support import run_iterations
from tests.support.translation import MIXED, MIXTURE, PAIRS, TRANSLATION, pictures, smaller

COLOURS = replace(PAIRS, conditions=pictures(40, (3, 16, 16), 2), sha256="")
LAYERS = replace(PAIRS, conditions=pictures(40, (4, 16, 16), 2), sha256="")
KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "outlines": (TRANSLATION, PAIRS, {}),
    "larger": (TRANSLATION, smaller(PAIRS, 8), {"uint8": True}),
    "colours": (TRANSLATION, COLOURS, {}),
    "alpha": (TRANSLATION, LAYERS, {}),
    "mixture": (MIXTURE, MIXED, {"inputs": ["psi"]}),
}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def exported(kind: str, folder: Path) -> Path:
    """The ONNX file of a generator that was trained for some iterations."""
    gan, data, options = KINDS[kind]
    training = start_training(resolve(gan), data)
    run_iterations(training, 2)
    path = folder / f"{kind}.onnx"
    export(training.model(), path, **options)
    return path


def picture(height: int, width: int, *, opaque: bool = True) -> Image.Image:
    """A picture with smooth colours, a sharp square, and perhaps transparency."""
    y, x = np.mgrid[:height, :width]
    channels = np.stack([255 * x // width, 255 * y // height, (7 * x + 3 * y) % 256, 255 - 0 * x], -1).astype(np.uint8)
    channels[height // 4 : height // 2, width // 4 : width // 2, :3] = 20, 200, 90
    if not opaque:
        channels[..., 3] = np.where(x < width // 2, 255, 40 * (y % 6))
    return Image.fromarray(channels)


def as_given(image: Image.Image, channels: int) -> NDArray[np.uint8]:
    """The picture as :meth:`Sampler.translate` takes it: over white in grey or colours, or as it is."""
    if channels < 4:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    pixels = np.asarray(image.convert(MODES[channels])).reshape(image.height, image.width, channels)
    return np.where(pixels[..., 3:] == 0, np.uint8(0), pixels) if channels == 4 else pixels
