"""From a recipe and data to networks."""

from __future__ import annotations

from ganzoo.data import Data
from ganzoo.parts.networks import Networks
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import Recipe


def build(recipe: Recipe, task: Task) -> Networks:
    """The networks of a recipe for a task, on torch's default device."""
    generator, discriminator = recipe.call("generator", task), recipe.call("discriminator", task)
    return Networks(generator, discriminator, task.parent, latent_dim=task.latent_dim)


def task_of(recipe: Recipe, data: Data, parent: Networks | None = None) -> Task:
    """The task of a recipe's networks on that data."""
    conditional = recipe.gan.conditional
    return Task(
        shape=data.shape,
        range=((-1.0, 1.0) if recipe.loop.pixel_range == "signed" else (0.0, 1.0)) if data.is_images else None,
        latent_dim=recipe.loop.latent_dim,
        num_classes=len(data.classes) if conditional and data.labels is not None else 0,
        # labels come first, as in a batch: one condition reaches the networks
        condition_dim=data.conditions.shape[1]
        if conditional and data.labels is None and data.conditions is not None
        else 0,
        parent=parent,
        data=data,
    )


def untrained_parent(recipe: Recipe, data: Data) -> Networks | None:
    """New networks for the parent of a recipe and its own parents; ``None`` where there is no parent."""
    if recipe.parent is None:
        return None
    return build(recipe.parent, task_of(recipe.parent, data, untrained_parent(recipe.parent, data)))


def frozen_parent(recipe: Recipe, data: Data) -> Networks | None:
    """New frozen networks into which the weights of a parent that was trained first are loaded.

    Returns:
        ``None`` where there is no parent, or it is trained jointly.
    """
    if recipe.loop.parent_training == "joint" or (parent := untrained_parent(recipe, data)) is None:
        return None
    return parent.without_parent().freeze()
