"""Playing trials: by the loop that plays everything, in memory, and measured at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import torch

from ganzoo.data import Data
from ganzoo.parts.networks import Networks
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.registry.registry import registry
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError, first_line

from .abreast import Abreast, abreast
from .metrics import Metric
from .plan import Case
from .trials import Outcome

LOOK = 100  # iterations between two looks at the losses, each of which waits for the device

Tick = Callable[[int], object]
"""Is told how many iterations were played since it was told last; it may raise to end a training."""


def play(case: Case, seeds: Sequence[int], data: Data, metric: Metric, tick: Tick) -> Iterator[Outcome]:
    """Train a case with each of these seeds, abreast where that changes nothing, and measure the generators."""
    recipe = case.recipe
    together = joint(recipe, data, seeds, tick)
    if together is None:
        yield from (alone(recipe, data, seed, metric, tick) for seed in seeds)
        return
    clock = time.process_time()
    # What is not finite in one seed does not reach the others, and shows in its samples at the end.
    through(together, lambda count: tick(count * len(seeds)), early=False)
    seconds = (time.process_time() - clock) / len(seeds)
    for _, training in zip(seeds, together.apart(), strict=False):
        yield Outcome(metric.of(training.model()), seconds)


def joint(recipe: Recipe, data: Data, seeds: Sequence[int], tick: Tick) -> Abreast | None:
    """All seeds in one training, if they can be; a single one has a twin beside it, so that its bits are the same."""
    if data.is_images or recipe.parent is not None:
        return None
    each = seeds if len(seeds) > 1 else [seeds[0]] * 2
    return abreast(lambda: [begun(recipe, data, seed, tick) for seed in each])


def alone(recipe: Recipe, data: Data, seed: int, metric: Metric, tick: Tick) -> Outcome:
    """One trial."""
    clock = time.process_time()
    training = begun(recipe, data, seed, tick)
    finite = through(training, tick)
    seconds = time.process_time() - clock
    return Outcome(metric.of(training.model()) if finite else {}, seconds)


def begun(recipe: Recipe, data: Data, seed: int, tick: Tick) -> Training:
    """A training before its first iteration; a parent that comes first is trained here, with the same seed."""
    parent: Networks | None = None
    if recipe.parent and recipe.loop.parent_training == "first":
        first = begun(recipe.parent, data, seed, tick)
        through(first, tick)  # a child over what is not finite is not finite either
        parent = first.model().networks.freeze()
    return Training(recipe, data, choose_device("cpu", "fp32"), seed=seed, parent=parent)


def through(training: Training, tick: Tick, *, early: bool = True) -> bool:
    """Play all iterations, or end ``early`` when a loss is no longer finite; whether all were."""
    total, before = training.recipe.loop.iterations, 0
    for played in training:
        if played.number % LOOK and played.number < total:
            continue
        finite = bool(torch.stack([loss.float() for loss in played.losses.values()]).isfinite().all())
        over = early and not finite
        tick((total if over else played.number) - before)
        before = played.number
        if over:
            break
    return finite


def rehearse(case: Case, data: Data) -> bool:
    """Play one iteration of a case, so that what cannot be played is known before anything is trained.

    Returns:
        Whether its seeds can be trained abreast.

    Raises:
        GanzooError: its parts do not go together, or not with the data.
    """
    once = {key: 1 for key in case.settings if key.endswith("loop.iterations")}
    recipe = resolve(registry().gan(case.gan), {**case.settings, **once})
    try:
        next(begun(recipe, data, 0, lambda _: None))
        return joint(recipe, data, [0, 1], lambda _: None) is not None
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise GanzooError(f"{case.gan} cannot play an iteration on {data.name}: {first_line(error)}") from error
