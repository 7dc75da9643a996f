"""Sliders in a notebook: each changes the sample in its own way, for torch and for an exported file."""

from __future__ import annotations

import sys
from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from typing import Annotated, Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import ganzoo
from ganzoo import GanzooError, Sampler
from ganzoo.data import Data
from ganzoo.export import export
from ganzoo.generators.base import TrainedGenerator
from ganzoo.generators.weights import Model
from ganzoo.pages.explore import Explorer, directions_of, explore, within
from ganzoo.parts import Range
from tests.support import small_training


class Brightness(nn.Module):
    """Its first latent is the brightness of the whole image, and its second, weaker, that of the left half."""

    def __init__(self, task: ganzoo.Task) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(
        self,
        z: Tensor,
        *,
        psi: Annotated[float, Range(least=0, most=2)] = 1.0,
        shift: float = 0.0,
        inverted: bool = False,
        seed: int = 1,
        columns: tuple[int, ...] = (0, 4),
    ) -> Tensor:
        left = torch.zeros(8)
        left[columns[0] : columns[1]] = 1
        rows = z[:, :1] + 0.5 * z[:, 1:2] * left
        image = torch.tanh(self.weight * psi * rows / 2 + shift)[:, None, None].expand(-1, 1, 8, 8)
        return -image if inverted else image


def trained(tiny: Data, **settings: Any) -> Model:
    gan = replace(ganzoo.get("simple"), generator=Brightness)
    training = ganzoo.train(
        gan, tiny, iterations=1, batch_size=8, latent_dim=8, device="cpu", **{"discriminator.widths": (8,)} | settings
    )
    return training.model()


@pytest.fixture(scope="module")
def model(tiny: Data) -> Model:
    return trained(tiny)


@pytest.fixture(scope="module")
def conditional(tiny: Data) -> Model:
    return small_training("cgan", tiny, iterations=1).model()


@pytest.fixture(scope="module")
def sampler(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Sampler:
    path = tmp_path_factory.mktemp("explore") / "model.onnx"
    export(model, path, inputs=("psi",))
    return Sampler(path)


def changed(shown: Explorer, name: str, value: Any) -> bool:
    """Whether a slider changes the picture, as one sees it."""
    before = shown.widget.children[0].children[0].value
    shown.sliders[name].value = value
    return bool(shown.widget.children[0].children[0].value != before)


def picture_of(shown: Explorer) -> np.ndarray[Any, Any]:
    with Image.open(BytesIO(b64decode(shown._repr_mimebundle_()["image/png"]))) as image:
        return np.asarray(image)


def test_it_begins_with_the_sample_of_its_seed(model: Model) -> None:
    shown = explore(model, seed=3)
    np.testing.assert_array_equal(shown.image, model.images(model.sample([3]))[0])
    np.testing.assert_array_equal(shown.z, model.latents([3]))
    assert shown.label is None
    np.testing.assert_array_equal(picture_of(shown), shown.image[:, :, 0].repeat(32, axis=0).repeat(32, axis=1))


@pytest.mark.parametrize("which", ["model", "sampler"])
def test_each_slider_changes_the_picture(which: str, request: pytest.FixtureRequest) -> None:
    generator: TrainedGenerator = request.getfixturevalue(which)
    shown = ganzoo.explore(generator)
    assert changed(shown, "seed", 7)
    np.testing.assert_array_equal(shown.image, generator.images(generator.sample([7]))[0])
    assert not changed(shown, "to seed", 12)
    assert changed(shown, "interpolation", 0.5)
    np.testing.assert_array_equal(shown.z, generator.interpolate(7, 12, 3)[1:2])
    assert changed(shown, "interpolation", 1.0)
    np.testing.assert_array_equal(shown.z, generator.latents([12]))
    assert changed(shown, "direction 1", 2.0)
    np.testing.assert_allclose(shown.z, generator.latents([12]) + 2 * shown.directions[:1], rtol=1e-6)
    assert changed(shown, "psi", 0.25)
    assert shown.settings["psi"] == 0.25
    same = generator.with_settings(**shown.settings).decode(shown.z)
    np.testing.assert_array_equal(generator.images(same)[0], shown.image)


def test_classes_have_a_slider_with_their_names(conditional: Model) -> None:
    shown = explore(conditional)
    assert shown.sliders["class"].options == (("a", 0), ("b", 1), ("c", 2))
    assert changed(shown, "class", 2)
    assert shown.label == 2
    np.testing.assert_array_equal(shown.image, conditional.images(conditional.sample([0], labels="c"))[0])


def test_settings_have_widgets_of_their_type(model: Model) -> None:
    shown = explore(model.with_settings(psi=0.5), directions=0)
    kinds = {name: type(widget).__name__ for name, widget in shown.sliders.items()}
    assert kinds == {
        "seed": "IntSlider",
        "to seed": "IntSlider",
        "interpolation": "FloatSlider",
        "psi": "FloatSlider",
        "shift": "FloatSlider",
        "inverted": "Checkbox",
        "seed (setting)": "IntSlider",
        "columns": "Text",
    }
    psi, shift = shown.sliders["psi"], shown.sliders["shift"]
    assert (psi.value, psi.min, psi.max) == (0.5, 0, 2)
    assert (shift.value, shift.min, shift.max) == (0, 0, 1)
    assert changed(shown, "inverted", True)
    assert changed(shown, "columns", "0,8")
    assert shown.settings["seed"] == 1


def test_a_value_that_is_refused_is_said(model: Model) -> None:
    shown = explore(model)
    before = shown.image
    assert not changed(shown, "columns", "<b>")
    message = shown.widget.children[1].children[-1]
    assert message.value.startswith("columns=&#x27;&lt;b&gt;&#x27; is not ")
    assert shown.image is before
    shown.sliders["columns"].value = "0,4"
    assert message.value == ""


def test_directions_are_those_along_which_samples_change_most(model: Model) -> None:
    first, second = directions_of(model, 2)
    assert first[0] > 0.95
    assert abs(second[1]) > 0.8
    np.testing.assert_allclose(np.linalg.norm([first, second], axis=1), 1, rtol=1e-5)


def test_latents_stay_within_their_distribution(tiny: Data) -> None:
    z = np.float32([3, -0.5, 0, 0])
    assert within(z, "normal") is z
    assert within(z, "uniform").tolist() == [1, -0.5, 0, 0]
    assert np.linalg.norm(within(z, "sphere")) == pytest.approx(2)
    shown = explore(trained(tiny, distribution="uniform"))
    shown.sliders["direction 1"].value = 4.0
    assert np.abs(shown.z).max() == 1


def test_a_page_without_a_kernel_shows_the_picture(model: Model) -> None:
    bundle = explore(model)._repr_mimebundle_()
    assert bundle.keys() == {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/plain"].startswith("Explorer of simple: seed 0, to seed 1, interpolation 0.0, direction 1 0.0,")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": 1000}, "seed=1000 is out of range; give a whole number from 0 to 999"),
        ({"seed": 0.5}, "seed=0.5 is out of range"),
        ({"directions": 9}, "directions=9 is out of range; give a whole number from 0 to 8"),
        ({"side": 4}, "side=4 is out of range"),
    ],
)
def test_arguments_are_checked(model: Model, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        explore(model, **arguments)


def test_only_generators_of_images_are_explored() -> None:
    points = small_training("simple", "ring8", iterations=1).model()
    with pytest.raises(GanzooError, match="simple does not make images from latents alone"):
        explore(points)
    with pytest.raises(GanzooError, match="cannot explore a str; give that of"):
        explore("simple")  # type: ignore[arg-type]


def test_a_missing_ipywidgets_is_one_line(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(GanzooError, match=r"this needs ipywidgets.*; run: pip install 'ganzoo-kit\[notebook\]'"):
        explore(model)
