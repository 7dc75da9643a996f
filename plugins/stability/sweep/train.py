"""One trial: a training in memory, which is evaluated at its end."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from ganzoo.data import Data
from ganzoo.parts.networks import Networks
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.registry.registry import registry
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError, first_line

from .plan import Case
from .protocol import measure
from .trials import Outcome

CHECK_EVERY = 100  # iterations between two checks of the losses, each of which waits for the device

Progress = Callable[[int], object]
"""Receives the number of iterations since its last call. It may raise to stop a training."""


def run_trial(case: Case, data: Data, seed: int, progress: Progress, directory: str | None = None) -> Outcome:
    """Train a case with one seed, and evaluate its averaged generator."""
    clock = time.process_time()
    training = start(case.recipe, data, seed, progress)
    finite = train(training, progress)
    seconds = time.process_time() - clock
    metrics, real = measure(training.model(), data, directory) if finite else ({}, {})
    return Outcome(metrics, real, seconds)


def start(recipe: Recipe, data: Data, seed: int, progress: Progress) -> Training:
    """A training before its first iteration. A parent that comes first is trained here, with the same seed."""
    parent: Networks | None = None
    if recipe.parent and recipe.loop.parent_training == "first":
        first = start(recipe.parent, data, seed, progress)
        train(first, progress)  # if the parent is not finite, neither is its child
        parent = first.model().networks.freeze()
    return Training(recipe, data, choose_device("cpu", "fp32"), seed=seed, parent=parent)


def train(training: Training, progress: Progress) -> bool:
    """Train to the end, or until a loss is not finite; returns whether all losses were finite."""
    total, before = training.recipe.loop.iterations, 0
    for done in training:
        if done.number % CHECK_EVERY and done.number < total:
            continue
        finite = bool(torch.stack([loss.float() for loss in done.losses.values()]).isfinite().all())
        progress((done.number if finite else total) - before)
        before = done.number
        if not finite:
            return False
    return True


def check(case: Case, data: Data) -> None:
    """Run one iteration of a case, to find a case that cannot be trained before the sweep begins.

    Raises:
        GanzooError: its parts do not fit together, or do not fit the data.
    """
    once = {key: 1 for key in case.settings if key.endswith("loop.iterations")}
    recipe = resolve(registry().gan(case.gan), {**case.settings, **once})
    try:
        next(start(recipe, data, 0, lambda _: None))
    except FOREIGN_ERRORS as error:
        raise GanzooError(f"{case.gan} cannot be trained on {data.name}: {first_line(error)}") from error
