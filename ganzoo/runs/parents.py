"""The parent of a GAN that has one: trained first, unless a run has done so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ganzoo.generators.weights import Model, load
from ganzoo.registry.gan import Overrides
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.runs.folders import folder_name, read_record
from ganzoo.runs.options import Options
from ganzoo.runs.run import Reporter, Run
from ganzoo.training.distributed.ranks import current_ranks
from ganzoo.util.errors import GanzooError


def parent_of(
    recipe: Recipe,
    options: Options,
    root: Path,
    reporter: Reporter,
    say: Callable[[str], object],
    *,
    stop_on_collapse: bool = False,
) -> Model | None:
    """The parent, trained first under ``root`` if no run there has done so; ``say`` is told which.

    A run is taken if recipe, data and seed are the same; one that is not finished is continued.
    """
    if recipe.parent is None or recipe.loop.parent_training == "joint":
        return None
    wanted = recipe.parent
    folder = root / folder_name(wanted.gan.name, options, parent_overrides(wanted))
    weights = folder / "weights.safetensors"
    if current_ranks().on_rank_zero(
        (folder / "checkpoint.safetensors").exists
    ):  # without one, it was stopped before its first iteration
        record = read_record(folder)
        same = all(record[name] == getattr(options, name) for name in ("data", "image_size", "seed"))
        if not same or json.loads(json.dumps(wanted.flat())) != record["settings"]:
            raise GanzooError(
                f"{folder} holds another {wanted.gan.name} than the parent that is needed; move it away, or name the "
                "parent with --parent"
            )
        run = Run.resume(folder)
        left = run.training.recipe.loop.iterations - run.training.number
        say(f"parent {wanted.gan.name}: " + (f"continued in {folder}" if left else f"taken from {folder}"))
    else:
        say(f"parent {wanted.gan.name}: not trained yet, so it is trained first, in {folder}")
        parent = parent_of(wanted, options, root, reporter, say, stop_on_collapse=stop_on_collapse)
        run = Run.start(folder, wanted, options, parent)
        left = wanted.loop.iterations
    if left:
        run.play(reporter, stop_on_collapse=stop_on_collapse)
    return load(weights)


def parent_overrides(recipe: Recipe) -> Overrides:
    """What distinguishes a parent's recipe from its GAN's defaults, for the name of its folder."""
    usual = resolve(recipe.gan).flat()
    return {key: value for key, value in recipe.flat().items() if usual.get(key) != value}
