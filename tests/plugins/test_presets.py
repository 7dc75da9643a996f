"""Every preset of every family builds its networks as large as they are, and plays an iteration on a small batch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from tests.support import images, parent_for, run_iterations

TOLD = replace(images(1, 28, 28), labels=np.arange(12) % 3, classes=("a", "b", "c"))
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
    few = {key: 1 for key in ("generator_steps", "critic_steps") if key in usual.values["trainer"]}
    recipe = resolve(gan, {"batch_size": 4, "iterations": 1} | few, preset=preset)
    parent = parent_for(recipe, TOLD) if recipe.parent and recipe.loop.parent_training == "first" else None
    training = Training(recipe, TOLD, choose_device("cpu", "fp32"), parent=parent.networks if parent else None)
    (losses,) = run_iterations(training)
    assert {network for name in losses for network in training.weights if network in name} == set(training.weights)
    assert all(math.isfinite(loss) for loss in losses.values())


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_a_preset_says_something_new(name: str, preset: str) -> None:
    gan = registry().gan(name)
    assert resolve(gan, preset=preset).flat() != resolve(gan).flat()
