"""Every preset of every family builds its networks as large as they are, and plays an iteration on a small batch."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import images, parent_for, run_iterations

LABELLED = replace(images(1, 28, 28), labels=np.arange(12) % 3, classes=("a", "b", "c"))
TRANSLATED = replace(images(3, 32, 32), conditions=images(3, 32, 32).samples[::-1].copy(), sha256="")
ENLARGED = replace(images(3, 16, 16), conditions=images(3, 4, 4).samples, sha256="")
PRESETS = [
    (name, preset)
    for name, gan in registry().gans.items()
    for preset in gan.presets
    if not name.startswith("skip-gan")  # whose data are of another kind
]


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_a_preset_builds_and_trains(name: str, preset: str) -> None:
    gan = registry().gan(name)
    usual = resolve(gan, preset=preset)
    few = {key: 1 for key in ("generator_steps", "critic_steps", "adversarial") if key in usual.values["trainer"]}
    recipe = resolve(gan, {"batch_size": 4, "iterations": 1} | few, preset=preset)
    data = {"pix2pix": TRANSLATED, "cyclegan": TRANSLATED, "esrgan": ENLARGED}.get(name, LABELLED)
    parent = parent_for(recipe, data) if recipe.parent and recipe.loop.parent_training == "first" else None
    training = Training(recipe, data, choose_device("cpu", "fp32"), parent=parent.networks if parent else None)
    (losses,) = run_iterations(training)
    assert {network for name in losses for network in training.weights if network in name} == set(training.weights)
    assert all(math.isfinite(loss) for loss in losses.values())


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_a_preset_says_something_new(name: str, preset: str) -> None:
    gan = registry().gan(name)
    assert resolve(gan, preset=preset).flat() != resolve(gan).flat()


@pytest.mark.parametrize("name", sorted(registry().parts["trainer"]))
def test_a_trainer_without_the_networks_that_it_needs_is_one_line(name: str) -> None:
    recipe = resolve(registry().gan("simple"), {"trainer": name, "batch_size": 4, "iterations": 1})
    with suppress(GanzooError):
        run_iterations(Training(recipe, LABELLED, choose_device("cpu", "fp32")))
