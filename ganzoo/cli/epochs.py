"""Epochs as iterations: how many batches one iteration takes is counted, because the trainer decides it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError, first_line

if TYPE_CHECKING:
    from ganzoo.data import Data
    from ganzoo.registry.recipe import Recipe

MOST_EPOCHS = 1_000_000


def iterations_of(epochs: float, recipe: Recipe, data: Data) -> tuple[int, str]:
    """How many iterations take that many epochs of a data set, rounded up, and a line that says how.

    Raises:
        GanzooError: the number of epochs is out of range, or the trainer cannot run or draws no batch.
    """
    if not 0 < epochs <= MOST_EPOCHS:
        raise GanzooError(f"--epochs {epochs:g} is out of range; it has to be above 0 and at most {MOST_EPOCHS:,}")
    batches = batches_per_iteration(recipe, data)
    batch_size = recipe.loop.batch_size
    iterations = math.ceil(round(epochs * len(data) / (batch_size * batches), 6))
    some = f"{batches} batch{'es' * (batches > 1)} of {batch_size:,}"
    return max(1, iterations), (
        f"{epochs:g} epoch{'s' * (epochs != 1)} of {data.name} ({len(data):,} samples), {some} in each iteration: "
        f"{max(1, iterations):,} iterations"
    )


def batches_per_iteration(recipe: Recipe, data: Data) -> int:
    """How many batches the trainer draws in one iteration. It runs once on networks that are not updated."""
    from ganzoo.parts.build import frozen_parent
    from ganzoo.training.device import choose_device
    from ganzoo.training.loop import Training

    training = Training(recipe, data, choose_device("cpu", "fp32"), parent=frozen_parent(recipe, data))
    count = 0

    def fetch() -> Any:
        nonlocal count
        count += 1
        return training.batches.fetch()

    try:
        with training.random_state.stream():
            for _ in training.updates(fetch):
                pass
    except FOREIGN_ERRORS as error:
        raise GanzooError(
            f"the batches of an iteration of {recipe.gan.name} cannot be counted: {first_line(error)}; use --iterations"
        ) from error
    if not count:
        raise GanzooError(f"an iteration of {recipe.gan.name} draws no batch of {data.name}; use --iterations")
    return count
