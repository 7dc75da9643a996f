"""Draw hero.png: seeds 0 to 59 of three generators that ship, all of them shown. Needs no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import ganzoo

PANELS = {
    "cgan": "digits: cgan, one class per column",
    "cgan-fashion-mnist": "clothes: cgan, one class per column",
    "stylegan2": "emoji: stylegan2, 32x32 RGB",
}
ROWS, COLUMNS, SIDE, GAP, CAPTION = 6, 10, 56, 32, 48


def panel(name: str) -> Image.Image:
    """The samples of one generator as a grid."""
    sampler = ganzoo.Sampler(name)
    pictures = sampler.images(sampler.sample(range(ROWS * COLUMNS)))
    grid = Image.new("RGB", (COLUMNS * SIDE, ROWS * SIDE))
    for at, picture in enumerate(pictures):
        tile = Image.fromarray(np.squeeze(picture)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        grid.paste(tile, (at % COLUMNS * SIDE, at // COLUMNS * SIDE))
    return grid


def main() -> None:
    """Write the panels next to each other, on a transparent ground that suits a light and a dark page."""
    width, height = COLUMNS * SIDE, ROWS * SIDE
    canvas = Image.new("RGBA", (len(PANELS) * (width + GAP) - GAP, height + CAPTION))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(26)
    for at, (name, caption) in enumerate(PANELS.items()):
        left = at * (width + GAP)
        canvas.paste(panel(name), (left, 0))
        draw.text((left + width / 2, height + CAPTION - 12), caption, font=font, fill="#808080", anchor="ms")
    canvas.quantize(255, Image.Quantize.FASTOCTREE).save(Path(__file__).with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    main()
