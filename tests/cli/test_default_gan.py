"""``ganzoo train --data NAME`` without a GAN."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ganzoo.cli.default_gan import default_gan
from ganzoo.data import Data
from ganzoo.generators.images import write_png
from ganzoo.util.errors import GanzooError
from tests.support import TRAIN, images

Text = Callable[[str], str]


def test_vectors_get_their_default(ganzoo: Text) -> None:
    said = ganzoo(f"train --data ring8 {TRAIN}")
    assert said.startswith(
        "No GAN is named: simple, the default for vectors (ganzoo list names others)\nTraining simple "
    )
    (run,) = Path("runs").iterdir()
    assert run.name.startswith("simple-ring8-")
    assert json.loads((run / "run.json").read_text())["gan"] == "simple"
    ganzoo(f"train --resume {run} --iterations 8")


def test_a_folder_of_images_gets_theirs_and_is_read_once(ganzoo: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    from ganzoo.data import load

    Path("cats").mkdir()
    for number in range(8):
        write_png(Path(f"cats/{number}.png"), np.full((40, 50, 3), 20 * number, np.uint8))
    read: list[str] = []
    monkeypatch.setattr("ganzoo.data.load", lambda name, **how: read.append(name) or load(name, **how))
    sizes = "--set generator.width=2 --set discriminator.width=2 --batch-size 4 --device cpu --iterations 1"
    said = ganzoo(f"train --data folder:cats {sizes} --dry-run")
    assert (
        "No GAN is named: stylegan2, the default for images (ganzoo list names others)\nstylegan2 on folder:cats"
        in said
    )
    assert read == ["folder:cats"]


def test_images_of_a_size_that_the_default_does_not_take_get_that_of_vectors() -> None:
    gan, line = default_gan(images(3, 28, 16))
    assert (gan.name, line) == (
        "stylegan2",
        "No GAN is named: stylegan2, the default for images (ganzoo list names others)",
    )
    gan, line = default_gan(images(1, 20, 30))
    assert gan.name == "simple"
    assert line == (
        "No GAN is named: simple, the default for vectors, since stylegan2, that for images, does not take 20x30 "
        "pixels (ganzoo list names others)"
    )


def test_data_with_conditions_take_a_name() -> None:
    data = Data(name="pairs", samples=np.zeros((4, 2), np.float32), conditions=np.zeros((4, 1), np.float32))
    with pytest.raises(GanzooError, match=r"pairs has conditions, for which no GAN is the default; name one"):
        default_gan(data)


def test_a_gan_data_or_a_run_has_to_be_named(refused: Text) -> None:
    message = "name either a GAN (ganzoo list) or a run to resume (--resume RUN)"
    assert refused("train") == message
    assert refused("train --iterations 5") == message
    assert refused("train simple --resume x") == message
