"""Other ends of the networks, called and exported: encoders, the way back, discriminators."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.export import check, export, verify
from ganzoo.generators.onnx_session import Sampler
from ganzoo.generators.weights import Model
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import start_training
from ganzoo.util.errors import GanzooError
from tests.support.translation import PAIRS, TRANSLATION, Translator, pictures


class WithEncoder(nn.Module):
    """A generator whose samples can be encoded."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, latent_dim))

    def forward(self, z: Tensor) -> Tensor:
        samples: Tensor = self.decoder(z)
        return samples

    def encode(self, x: Tensor) -> Tensor:
        codes: Tensor = self.encoder(x)
        return codes

    def mix(self, z: Tensor, strength: Tensor) -> Tensor:
        return z * strength


class Both(Translator):
    """A translator with a way back."""

    def back(self, conditions: Tensor) -> Tensor:
        return torch.tanh(conditions.mean(1, keepdim=True))


@pytest.fixture(scope="module")
def model(tiny: Data) -> Model:
    gan = replace(registry().gan("simple"), generator=lambda task: WithEncoder(task.latent_dim))
    return start_training(resolve(gan, {"latent_dim": 5, "discriminator.widths": (8,)}), tiny).model()


def test_an_encoder_is_called(model: Model) -> None:
    images = pictures(3, (1, 8, 8))
    codes = model.call("generator.encode", images)
    assert codes.shape == (3, 5)
    floats = images.astype(np.float32) / np.float32(127.5) - 1
    np.testing.assert_allclose(model.call("generator.encoder", floats), codes, atol=1e-5)
    assert model.call("discriminator", images).shape == (3, 1)


@pytest.mark.parametrize("entry", ["generator.encode", "discriminator", "generator.encoder"])
def test_it_is_exported(model: Model, entry: str, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    export(model, path, entry=entry)
    metadata = check(path)
    assert metadata.entry == entry
    assert [one.name for one in metadata.inputs] == ["samples"]
    verify(path, model)
    images = pictures(4, (1, 8, 8))
    np.testing.assert_allclose(Sampler(path).call(images), model.call(entry, images), atol=1e-5)
    with pytest.raises(GanzooError, match="which makes no samples; use call"):
        Sampler(path).sample(3)


def test_the_way_back_takes_any_size(tmp_path: Path) -> None:
    gan = replace(TRANSLATION, generator=lambda task: Both(task.condition[0], task.shape[0], 1))
    model, path = start_training(resolve(gan), PAIRS).model(), tmp_path / "x.onnx"
    export(model, path, entry="generator.back")
    assert check(path).output.shape == ("N", 1, "H", "W")
    images = pictures(2, (1, 21, 30))
    np.testing.assert_allclose(Sampler(path).call(images), model.call("generator.back", images), atol=1e-5)


@pytest.mark.parametrize(
    "entry",
    ["generator.none", "encode", "generator.__init__", "generator.forward", "generator.train", "networks", "", "a b"],
)
def test_what_is_no_entry_is_one_line(model: Model, entry: str) -> None:
    with pytest.raises(GanzooError, match=r"to call; name a method such as generator\.encode, or discriminator$"):
        model.call(entry, pictures(1, (1, 8, 8)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entry": "generator.mix"}, r"generator\.mix takes 'strength', which simple has not"),
        ({"entry": "generator.encode", "uint8": True}, "generator.encode makes no samples; leave out --uint8"),
        ({"entry": "generator.encoder.1"}, r"generator\.encoder\.1 of simple fails with these inputs"),
        ({"entry": "generator.none"}, r"there is no 'generator\.none' to call"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    model: Model, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(GanzooError, match=message):
        export(model, tmp_path / "x.onnx", **changes)
    assert not list(tmp_path.iterdir())


def test_inputs_that_do_not_fit_are_one_line(model: Model, tmp_path: Path) -> None:
    export(model, tmp_path / "x.onnx", entry="generator.encode")
    with pytest.raises(GanzooError, match=r"generator\.encode of simple fails with these inputs: "):
        model.call("generator.encode", pictures(1, (1, 9, 8)))
    with pytest.raises(GanzooError, match=r"x\.onnx cannot be run: "):
        Sampler(tmp_path / "x.onnx").call(pictures(1, (1, 9, 8)))
    with pytest.raises(GanzooError, match=r"generator\.encode takes samples, not 2 inputs"):
        Sampler(tmp_path / "x.onnx").call(pictures(1, (1, 8, 8)), pictures(1, (1, 8, 8)))
