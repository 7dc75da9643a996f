"""From a recipe and data to networks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from ganzoo.data import Data
from ganzoo.parts.augmentation import has_few
from ganzoo.parts.networks import Networks
from ganzoo.parts.task import Task
from ganzoo.parts.trainers import AUGMENTABLE, CRITICS, PAIRED
from ganzoo.registry.gan import Overrides
from ganzoo.registry.recipe import Recipe, lookup, settings
from ganzoo.registry.renamed import split_parents
from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError, first_line
from ganzoo.util.optional import nn, torch


def build(recipe: Recipe, task: Task) -> Networks:
    """The networks of a recipe for a task, on torch's default device."""
    generator, discriminator = recipe.call("generator", task), recipe.call("discriminator", task)
    return Networks(generator, discriminator, task.parent, latent_dim=task.latent_dim)


def frozen_networks(recipe: Recipe, task: Task) -> dict[str, nn.Module]:
    """The networks of a GAN that are never trained, by name: in evaluation mode and without gradients.

    Raises:
        GanzooError: a maker fails, or returns no module.
    """
    found = {}
    for name, make in recipe.gan.frozen.items():
        try:
            network = make(task)
        except FOREIGN_ERRORS as error:
            raise GanzooError(f"the frozen network '{name}' cannot be built: {first_line(error)}") from error
        if not isinstance(network, nn.Module):
            raise GanzooError(f"the maker of the frozen network '{name}' returned {type(network).__name__}, no module")
        found[name] = network.requires_grad_(False).eval()
    return found


def task_of(recipe: Recipe, data: Data, parent: Networks | None = None) -> Task:
    """The task of a recipe's networks on that data."""
    conditional = recipe.gan.conditional
    return Task(
        shape=data.shape,
        range=((-1.0, 1.0) if recipe.loop.pixel_range == "signed" else (0.0, 1.0)) if data.is_images else None,
        latent_dim=recipe.loop.latent_dim,
        num_classes=len(data.classes) if conditional and data.labels is not None else 0,
        condition=tuple(data.conditions.shape[1:]) if conditional and data.conditions is not None else (),
        parent=parent,
        data=data,
    )


def augmentation(recipe: Recipe, task: Task) -> nn.Module | None:
    """What a discriminator sees in place of the images; ``None`` for the images as they are.

    Raises:
        GanzooError: the trainer takes no augmentation, or not this one.
    """
    name, trainer = recipe.names.get("augmentation", ""), recipe.functions["trainer"]
    if name == "auto" and trainer not in AUGMENTABLE:
        return None
    module: nn.Module | None = recipe.call("augmentation", task)
    if module is None:
        return None
    if trainer not in AUGMENTABLE:
        raise GanzooError(
            f"the trainer of {recipe.gan.name} looks at more than the discriminator's output, so it takes no "
            "augmentation; use --augment none"
        )
    by_sign = hasattr(module, "adapt") and not getattr(module, "keeps_back", False)
    if by_sign and trainer in CRITICS | PAIRED:
        raise GanzooError(
            f"augmentation '{name}' follows the sign of logits, which means nothing with the trainer of "
            f"{recipe.gan.name}; use --augment auto"
        )
    return module


def refuse_ignored_with(data: Data, recipe: Recipe, typed: Overrides) -> None:
    """Refuse a range of images for vectors, settings of an augmentation that these data do not get, and a length of z
    that the generator does not take.

    A child has the length of its parent.

    Raises:
        GanzooError: such a setting is among those that the user typed, and changes nothing.
    """
    table = settings(dict(recipe.functions))
    is_none = cache(lambda: augmentation(recipe, task_of(recipe, data)) is None)  # once, since it looks at the data
    for key in typed:
        parents, own = split_parents(key)
        if not data.is_images and own in ("pixel_range", "loop.pixel_range"):
            raise GanzooError(f"'{key}' changes nothing: {data.name} holds vectors, not images; leave it out")
        if parents or own in (*recipe.functions, "parent") or lookup(recipe.gan, own, table).part != "augmentation":
            continue
        if own.rpartition(".")[2] == "few":  # which also says of how many images some are kept back
            if recipe.parent or not has_few(task_of(recipe, data), len(data)):
                raise GanzooError(f"'{key}' changes nothing: of {data.name}, no images are kept back; leave it out")
            continue
        if is_none():
            name = recipe.names.get("augmentation", "its own")
            raise GanzooError(
                f"'{key}' changes nothing: with {data.name}, augmentation '{name}' of {recipe.gan.name} is none; leave "
                "it out, or choose another (ganzoo list augmentations)"
            )
    if not {"latent_dim", "loop.latent_dim"} & typed.keys():
        return
    longer = {**recipe.values, "loop": {**recipe.values["loop"], "latent_dim": recipe.loop.latent_dim + 1}}
    lengths = {blank(each, data).latent_dim for each in (recipe, replace(recipe, values=longer))}
    if len(lengths) == 1:
        where = "; set parent.latent_dim" if recipe.parent else ""
        raise GanzooError(
            f"latent_dim={recipe.loop.latent_dim} changes nothing: the generator of {recipe.gan.name} takes latents of "
            f"length {lengths.pop()} whatever it is{where}"
        )


def blank(recipe: Recipe, data: Data) -> Networks:
    """Networks without memory or values, which have all shapes (torch's meta device)."""
    with torch.device("meta"):
        parent = blank(recipe.parent, data) if recipe.parent else None
        return build(recipe, replace(task_of(recipe, data, parent), data=None))


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
