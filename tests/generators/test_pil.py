"""Samples as images of Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.util.errors import GanzooError
from tests.support.onnx_files import saved, tiny


@pytest.mark.parametrize("uint8", [False, True])
@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_samples_are_images_that_can_be_saved(channels: int, mode: str, uint8: bool, tmp_path: Path) -> None:
    sampler = ganzoo.Sampler(saved(tiny(shape=[channels, 4, 6], uint8=uint8), tmp_path / "x.onnx"))
    samples = sampler.sample(3)
    pictures = sampler.pil(samples)
    assert [(picture.mode, picture.size) for picture in pictures] == [(mode, (6, 4))] * 3
    pictures[1].save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as file:
        assert file.mode == mode
        assert np.array_equal(np.asarray(file).reshape(4, 6, channels), sampler.images(samples)[1])


def test_models_and_samplers_have_the_same_images() -> None:
    model, sampler = ganzoo.load("dcgan"), ganzoo.Sampler("dcgan")
    ours, theirs = model.pil(model.sample(2)), sampler.pil(sampler.sample(2))
    assert np.abs(np.asarray(ours[0]).astype(int) - np.asarray(theirs[0])).max() <= 1


def test_vectors_are_no_images(tmp_path: Path) -> None:
    sampler = ganzoo.Sampler(saved(tiny(shape=[2], range=None), tmp_path / "x.onnx"))
    with pytest.raises(GanzooError, match="makes vectors, not images"):
        sampler.pil(sampler.sample(2))
