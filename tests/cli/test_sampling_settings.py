"""``--set`` of ``ganzoo sample`` and ``ganzoo export``, and ``--input``: settings of sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganzoo.data import Data
from ganzoo.generators.weights import save_weights
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import start_training
from tests.generators.test_sampling_settings import Truncated

Text = Callable[[str], str]


@pytest.fixture
def weights(tiny: Data, empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    gan = replace(registry().gan("simple"), name="truncated", generator=lambda task: Truncated(task.latent_dim))
    known = replace(registry(), gans={**registry().gans, gan.name: gan})
    monkeypatch.setattr("ganzoo.generators.weights.registry", lambda: known)
    training = start_training(resolve(gan, {"latent_dim": 8, "batch_size": 8, "discriminator.widths": (8,)}), tiny)
    save_weights("x.safetensors", training.model())
    return "x.safetensors"


def images(path: str) -> np.ndarray:
    with np.load(path) as arrays:
        found: np.ndarray = arrays["images"]
        return found


def test_a_setting_is_the_same_in_torch_and_in_a_file(ganzoo: Text, weights: str) -> None:
    ganzoo(f"sample {weights} -n 3 -o usual.npz")
    ganzoo(f"sample {weights} -n 3 -o calm.npz --set psi=0.5")
    ganzoo(f"export {weights} -o fixed.onnx --set psi=0.5")
    ganzoo(f"export {weights} -o open.onnx --input psi")
    ganzoo("sample fixed.onnx -n 3 -o fixed.npz")
    ganzoo("sample open.onnx -n 3 -o open.npz --set psi=0.5")
    ganzoo("sample open.onnx -n 3 -o default.npz")
    assert np.abs(images("usual.npz") - images("calm.npz")).max() > 1e-3
    for path, wanted in (("fixed.npz", "calm.npz"), ("open.npz", "calm.npz"), ("default.npz", "usual.npz")):
        np.testing.assert_allclose(images(path), images(wanted), atol=1e-5)
    assert 'sampling        {"psi": 0.5}' in " ".join(ganzoo("show fixed.onnx").splitlines())
    assert "input psi" in ganzoo("show open.onnx")


def test_show_lists_them(ganzoo: Text, weights: str) -> None:
    assert "Settings of sampling and their defaults" in (text := ganzoo(f"show {weights}"))
    assert "a number at least 0 and at most 2" in text


def test_a_wrong_one_is_one_line(refused: Text, weights: str) -> None:
    assert refused(f"sample {weights} --set trunc=0.5").startswith(
        "truncated has no setting 'trunc' of sampling; it has"
    )
    assert refused(f"export {weights} --input half").startswith("'half' is False")
