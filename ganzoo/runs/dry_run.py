"""What a training would be: everything before its first iteration is checked, and a few iterations are timed."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ganzoo.generators.weights import Model, with_parent
from ganzoo.parts.build import frozen_parent
from ganzoo.records.options import Options
from ganzoo.registry.recipe import Recipe
from ganzoo.runs.loggers import Loggers
from ganzoo.runs.pace import duration_in_words
from ganzoo.runs.run import first_iteration, new_training
from ganzoo.training.distributed.ranks import current_ranks
from ganzoo.training.initial import read_initial
from ganzoo.training.loop import Training

SECONDS, MOST_TIMED = 1.0, 20  # of timing, whichever is over first


def try_training(recipe: Recipe, options: Options, parent: Model | None = None) -> tuple[Training, float]:
    """A training that is thrown away, and the seconds that an iteration of it takes.

    Nothing is written. A parent that is still to be trained is represented by untrained networks.

    Raises:
        GanzooError: the recipe does not fit the data, the parent or the device.
    """
    Loggers().make(options.log_to)
    data = current_ranks().rank_zero_first(options.load_data)
    recipe = with_parent(recipe, parent, data.shape)
    networks = parent.networks if parent else frozen_parent(recipe, data)
    training = new_training(recipe, data, options, networks, read_initial(options.init, options.freeze))
    return training, seconds_per_iteration(training)


def seconds_per_iteration(training: Training) -> float:
    """The time of an iteration, a mean of a few; the first one is slower, and counts only if it is the only one."""
    start = time.perf_counter()
    done = first_iteration(training)
    times = 0
    while done is not None:
        for loss in done.losses.values():
            loss.item()  # waits for the device
        seconds = time.perf_counter() - start
        if times == 0:
            first, start = seconds, time.perf_counter()
        if times == MOST_TIMED or (times and seconds > SECONDS):
            break
        done = next(training, None)
        times += done is not None
    return seconds / times if times else first


def parents_to_train(recipe: Recipe) -> Iterator[Recipe]:
    """The parents that are trained before a child, the nearest first."""
    while recipe.parent is not None and recipe.loop.parent_training == "first":
        recipe = recipe.parent
        yield recipe


def describe(training: Training, seconds: float) -> Iterator[tuple[str, str]]:
    """What was checked, by name."""
    data, loop = training.data, training.recipe.loop
    channels, *sides = data.shape if data.is_images else (0,)
    size = f"{'x'.join(map(str, sides))} pixels" if data.is_images else f"{' x '.join(map(str, data.shape))} features"
    colours = f"{channels} channel{'s' * (channels > 1)}"
    classes = f"{len(data.classes):,} classes" if data.classes else "no classes"
    yield "data", ", ".join([f"{data.name}: {len(data):,} samples", size, *([colours] * data.is_images), classes])
    for name, network in training.nets.trainable().items():
        yield name, f"{sum(weight.numel() for weight in network.parameters()):,} parameters"
    yield from training.beginning.layers
    duration = duration_in_words(seconds * loop.iterations)
    yield "time", f"about {duration} for {loop.iterations:,} iterations, at {1 / seconds:.3g} iterations/s"
