"""Settings of sampling: the keyword-only arguments of a generator's forward, in torch and in an exported file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

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
from ganzoo.registry.values import Range
from ganzoo.testing import start_training
from ganzoo.util.errors import GanzooError


class Truncated(nn.Module):
    """A generator with a truncation of its hidden vector, and a choice of its first half."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.mapping = nn.Linear(latent_dim, 16)
        self.image = nn.Linear(16, 64)

    def forward(
        self,
        z: Tensor,
        *,
        psi: Annotated[float, Range(least=0, most=2)] = 1.0,
        half: bool = False,
        code: int | None = None,
    ) -> Tensor:
        w = self.mapping(z) * psi
        if half:
            w = w * torch.cat([torch.ones(8), torch.zeros(8)])
        if code is not None:
            w = w + code
        return torch.tanh(self.image(w)).reshape(-1, 1, 8, 8)


@pytest.fixture(scope="module")
def model(tiny: Data) -> Model:
    gan = replace(registry().gan("simple"), generator=lambda task: Truncated(task.latent_dim))
    training = start_training(resolve(gan, {"latent_dim": 8, "batch_size": 8, "discriminator.widths": (8,)}), tiny)
    return training.model()


def test_a_setting_changes_the_samples(model: Model) -> None:
    usual, other = model.sample(4), model.sample(4, psi=0.5)
    assert np.abs(usual - other).max() > 1e-3
    np.testing.assert_array_equal(model.sample(4, psi=1), usual)
    np.testing.assert_array_equal(model.with_settings(psi="0.5").sample(4), other)
    np.testing.assert_array_equal(model.with_settings(psi=0.5).decode(model.latents(range(4))), other)
    assert model.sampling == {}


def test_settings_add_up(model: Model) -> None:
    both = model.with_settings(psi=0.5).with_settings(half=True)
    assert both.sampling == {"psi": 0.5, "half": True}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trunc": 0.5}, "simple has no setting 'trunc' of sampling; it has: psi, half, code"),
        ({"psi": 3}, "psi=3 is out of range; it has to be at least 0 and at most 2 (sampling.psi)"),
        ({"psi": "much"}, "psi='much' is not a number at least 0 and at most 2 (sampling.psi)"),
        ({"half": 2}, "half=2 is not true or false (sampling.half)"),
    ],
)
def test_wrong_settings_are_one_line(model: Model, settings: Any, message: str) -> None:
    with pytest.raises(GanzooError) as caught:
        model.sample(2, **settings)
    assert str(caught.value) == message


@pytest.mark.parametrize("settings", [{"psi": 0.5}, {"psi": 0.5, "half": True}, {"code": 2}])
def test_a_file_may_have_fixed_settings(model: Model, settings: Any, tmp_path: Path) -> None:
    chosen, path = model.with_settings(**settings), tmp_path / "x.onnx"
    export(chosen, path)
    assert check(path).sampling == settings
    verify(path, model)
    sampler = Sampler(path)
    np.testing.assert_allclose(sampler.sample(5), chosen.sample(5), atol=1e-5)
    message = "simple has no setting 'psi' of sampling; it has: none; a file has those of ganzoo export RUN --input psi"
    with pytest.raises(GanzooError, match=message):
        sampler.sample(5, psi=0.7)


def test_a_file_may_have_a_setting_as_an_input(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    export(model.with_settings(half=True), path, inputs=["psi"])
    sampler = Sampler(path)
    assert sampler.metadata.to_json()["inputs"][-1] == {"name": "psi", "dtype": "float32", "shape": [], "default": 1.0}
    for settings in ({}, {"psi": 0.25}, {"psi": 1.5}):
        wanted = model.sample(5, half=True, **settings)
        np.testing.assert_allclose(sampler.sample(5, **settings), wanted, atol=1e-5)
    verify(path, model)


@pytest.mark.parametrize(
    ("chosen", "inputs", "message"),
    [
        ({}, ["trunc"], "simple has no setting 'trunc' of sampling"),
        ({"psi": 0.5}, ["psi"], "'psi' has the fixed value 0.5; leave that out, or the input"),
        ({}, ["half"], "'half' is False by default, and an input is a number like 0.5; fix it"),
    ],
)
def test_wrong_inputs_are_refused(model: Model, chosen: Any, inputs: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match=message):
        export(model.with_settings(**chosen), tmp_path / "x.onnx", inputs=inputs)
    assert not list(tmp_path.iterdir())
