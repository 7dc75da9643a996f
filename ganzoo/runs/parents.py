"""The parent of a GAN whose parent is trained first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ganzoo.generators.weights import Model, load
from ganzoo.records.options import Options
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.gan import Overrides
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.runs.folders import folder_name
from ganzoo.runs.run import Reporter, Run
from ganzoo.training.distributed.ranks import current_ranks
from ganzoo.util.errors import GanzooError


def trained_parent(
    recipe: Recipe,
    options: Options,
    root: Path,
    reporter: Reporter,
    say: Callable[[str], object],
    *,
    stop_on_collapse: bool = False,
) -> Model | None:
    """The trained parent of a recipe: taken from a run, continued, or trained now, with its own parent before it.

    Args:
        recipe: of the child.
        options: of the child; the parent is trained with the same.
        root: folder of the runs. One is taken if recipe, data and seed are the same.
        reporter: shows the progress.
        say: gets a line about which of the three it is.
        stop_on_collapse: see :meth:`ganzoo.runs.run.Run.train`.

    Returns:
        ``None`` if there is no parent, or it is trained jointly.

    Raises:
        GanzooError: the folder holds another run.
    """
    if recipe.parent is None or recipe.loop.parent_training == "joint":
        return None
    wanted, options = recipe.parent, options.of_parent()
    path = root / folder_name(wanted.gan.name, options, parent_overrides(wanted))
    folder = RunFolder(path)
    if current_ranks().on_rank_zero(folder.checkpoint.exists):
        record = folder.read_record()
        same = all(record[name] == getattr(options, name) for name in ("data", "image_size", "channels", "seed"))
        if not same or json.loads(json.dumps(wanted.flat())) != record["settings"]:
            raise GanzooError(
                f"{path} holds another {wanted.gan.name} than the parent that is needed; move it away, or name the "
                "parent with --parent"
            )
        run = Run.resume(path, data=options.data, data_dir=options.data_dir)
        say(f"parent {wanted.gan.name}: {'taken from' if run.is_complete else 'continued in'} {path}")
    else:
        say(f"parent {wanted.gan.name}: not trained yet, so it is trained first, in {path}")
        parent = trained_parent(wanted, options, root, reporter, say, stop_on_collapse=stop_on_collapse)
        # a run without a checkpoint was stopped before its first iteration
        run = Run.start(path, wanted, options, parent, replace=True)
    if not run.is_complete:
        run.train(reporter, stop_on_collapse=stop_on_collapse)
    return load(folder.weights)


def parent_overrides(recipe: Recipe) -> Overrides:
    """The settings in which a parent's recipe differs from the defaults of its GAN, for the name of its folder."""
    defaults = resolve(recipe.gan).flat()
    return {key: value for key, value in recipe.flat().items() if defaults.get(key) != value}
