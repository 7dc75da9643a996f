"""Sliders in a notebook: a sample while its latent, its class and the settings of sampling change. Needs no torch."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from typing import Annotated, Any, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from ganzoo.generators.base import TrainedGenerator
from ganzoo.generators.images import Bytes
from ganzoo.registry.recipe import Setting
from ganzoo.registry.values import Range, format_value
from ganzoo.util.display import escaped, png
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

SEEDS = 1000  # from 0, on a slider
STEPS = 100  # from one seed to the other
SAMPLES = 256  # from which directions are found: a second for an image of 64 pixels
REACH = 4.0  # latents to either side of a direction; a normal latent has a standard deviation of 1 along each
FIXED = ("seed", "to seed", "interpolation", "class")


def explore(model: TrainedGenerator, *, seed: int = 0, directions: int = 2, side: int = 256) -> Explorer:
    """Sliders that change a sample, for the last line of a cell in a notebook.

    There is a slider for the seed, for the interpolation to another seed, for each of some directions, for the class of
    a class-conditional GAN and for each setting of sampling, such as ``psi``.

    Args:
        model: a generator of images from ``ganzoo.load``, ``training.model()`` or ``ganzoo.Sampler``.
        seed: where it begins, from 0 to 999.
        directions: how many directions in the latents, see :func:`directions_of`.
        side: pixels of the longer side of the picture. Small images are enlarged by a whole factor.

    Returns:
        The sliders and what they show. ``z``, ``label``, ``settings`` and ``image`` are those of the sample shown.

    Raises:
        GanzooError: the generator makes no images from latents alone, an argument is out of range, or ipywidgets is not
            installed.
    """
    with needs("notebook"):
        import ipywidgets
    if not isinstance(model, TrainedGenerator):
        raise GanzooError(
            f"cannot explore a {type(model).__name__}; give that of ganzoo.load, ganzoo.Sampler or training.model()"
        )
    about = model.metadata
    if not about.is_image or about.condition or not about.latent_dim:
        raise GanzooError(f"{about.gan} does not make images from latents alone, so there is nothing to explore")
    ranges = {"seed": (seed, 0, SEEDS - 1), "directions": (directions, 0, about.latent_dim), "side": (side, 16, 4096)}
    for name, (value, low, high) in ranges.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
            raise GanzooError(f"{name}={value!r:.60} is out of range; give a whole number from {low} to {high}")
    return Explorer(model, ipywidgets, int(seed), int(directions), int(side))


class Explorer:
    """What :func:`explore` returns.

    Attributes:
        model: the generator.
        sliders: the widgets by name; setting the ``value`` of one changes the sample.
        widget: all of them with the picture, a widget of ipywidgets.
        directions: those of the sliders, float32 ``(directions, latent_dim)``; see :func:`directions_of`.
        z: the latent of the sample shown, float32 ``(1, latent_dim)``, for ``model.decode``.
        label: its class; ``None`` if the GAN is not class-conditional.
        settings: the settings of sampling by name.
        image: the sample, uint8 ``(H, W, C)``.
    """

    z: NDArray[np.float32]
    label: int | None
    settings: dict[str, Any]
    image: Bytes

    def __init__(self, model: TrainedGenerator, ipywidgets: Any, seed: int, directions: int, side: int) -> None:
        self.model = model
        self._side = side
        self.directions = directions_of(model, directions)
        self._settings = {label_of(name): name for name in model.sampling_settings}
        self.sliders = sliders_of(model, ipywidgets, seed, directions)
        self._picture, self._message = ipywidgets.Image(format="png"), ipywidgets.HTML()
        self.draw()
        for each in self.sliders.values():
            each.observe(self._changed, "value")
        column = ipywidgets.VBox([*self.sliders.values(), self._message])
        self.widget = ipywidgets.HBox([ipywidgets.Box([self._picture]), column])

    def draw(self) -> None:
        """Make the sample of the sliders' values, and show it.

        Raises:
            GanzooError: a setting does not have that value.
        """
        values = {name: each.value for name, each in self.sliders.items()}
        settings = {name: values[label] for label, name in self._settings.items()}
        model = self.model.with_settings(**settings)
        z = model.interpolate(values["seed"], values["to seed"], STEPS + 1)[round(values["interpolation"] * STEPS)]
        lengths = [values[f"direction {number}"] for number in range(1, len(self.directions) + 1)]
        self.z = within(z + np.array(lengths, np.float32) @ self.directions, model.metadata.distribution)[None]
        self.label, self.settings = values.get("class"), settings
        self.image = model.images(model.decode(self.z, labels=self.label))[0]
        self._picture.value = png(enlarged(self.image, self._side), self._side)

    def _changed(self, _: object) -> None:
        try:
            self.draw()
        except GanzooError as error:  # ipywidgets would write it where nobody looks
            self._message.value = f"{escaped(error)}. The picture is that of before."
        else:
            self._message.value = ""

    def _repr_mimebundle_(self, include: Collection[str] | None = None, exclude: Collection[str] | None = None) -> Any:
        """The widgets, and the picture for a page on which no kernel runs."""
        bundle = dict(self.widget._repr_mimebundle_(include=include, exclude=exclude))
        return {**bundle, "text/plain": repr(self), "image/png": b64encode(self._picture.value).decode()}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name} {format_value(each.value)}" for name, each in self.sliders.items())
        return f"Explorer of {self.model.metadata.gan}: {shown}"


def sliders_of(model: TrainedGenerator, ipywidgets: Any, seed: int, directions: int) -> dict[str, Any]:
    """A widget for everything that changes a sample, by name."""
    found: dict[str, Any] = {
        "seed": ipywidgets.IntSlider(seed, 0, SEEDS - 1),
        "to seed": ipywidgets.IntSlider((seed + 1) % SEEDS, 0, SEEDS - 1),
        "interpolation": ipywidgets.FloatSlider(0.0, min=0.0, max=1.0, step=1 / STEPS),
    }
    for number in range(1, directions + 1):
        found[f"direction {number}"] = ipywidgets.FloatSlider(0.0, min=-REACH, max=REACH, step=REACH / 20)
    if classes := model.metadata.num_classes:
        found["class"] = ipywidgets.SelectionSlider(
            options=[(model.class_name(label), label) for label in range(classes)]
        )
    for name, setting in model.sampling_settings.items():
        found[label_of(name)] = widget_of(setting, model.sampling.get(name, setting.default), ipywidgets)
    for name, each in found.items():
        each.description, each.style.description_width = name, "7em"
    return found


def label_of(setting: str) -> str:
    """The name of a setting's widget: its own, unless another slider has it."""
    return f"{setting} (setting)" if setting in FIXED or setting.startswith("direction ") else setting


def widget_of(setting: Setting, value: Any, ipywidgets: Any) -> Any:
    """A box to tick for a boolean, a slider for a number, and a field for anything else."""
    kind, *limits = get_args(setting.kind) if get_origin(setting.kind) is Annotated else (setting.kind,)
    if kind is bool:
        return ipywidgets.Checkbox(value)
    if kind not in (int, float):
        return ipywidgets.Text(format_value(value), continuous_update=False)
    bounds = next((each for each in limits if isinstance(each, Range)), Range())
    low = next((each for each in (bounds.least, bounds.above) if each is not None), min(0, 2 * value))
    high = next((each for each in (bounds.most, bounds.below) if each is not None), None)
    high = max(low + 1, 2 * value) if high is None else high
    if kind is int:
        return ipywidgets.IntSlider(value, int(low), int(high))
    return ipywidgets.FloatSlider(value, min=low, max=high, step=(high - low) / STEPS)


def directions_of(model: TrainedGenerator, count: int) -> NDArray[np.float32]:
    """Directions in the latents along which samples change most, float32 ``(count, latent_dim)`` of length 1.

    The covariance of normal latents with samples is the mean derivative of the samples (Stein's lemma). These are its
    first singular vectors, from the samples of 256 seeds; the largest coordinate of each is positive.
    """
    z = model.latents(range(SAMPLES))
    samples = model.sample(SAMPLES).reshape(SAMPLES, -1).astype(np.float32)
    slopes = (z - z.mean(axis=0)).T @ (samples - samples.mean(axis=0))
    _, vectors = np.linalg.eigh(slopes @ slopes.T)
    found: NDArray[np.float32] = vectors.T[::-1][:count].astype(np.float32)
    largest = np.take_along_axis(found, np.abs(found).argmax(axis=1, keepdims=True), axis=1)
    return found * np.sign(largest)


def within(z: NDArray[np.float32], distribution: str) -> NDArray[np.float32]:
    """The nearest latent that the distribution can give."""
    if distribution == "uniform":
        return np.clip(z, np.float32(-1), np.float32(1))
    if distribution == "sphere":
        z = z * np.float32(np.sqrt(len(z)) / np.linalg.norm(z))
    return z


def enlarged(image: Bytes, side: int) -> Bytes:
    """An image ``(H, W, C)``, enlarged by the largest whole factor within ``side``."""
    factor = max(1, side // max(image.shape[:2]))
    return image.repeat(factor, axis=0).repeat(factor, axis=1)
