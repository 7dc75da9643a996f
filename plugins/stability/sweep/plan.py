"""The trials of a sweep: each GAN with every setting of a grid, each with several seeds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.data import Data, load
from ganzoo.registry.gan import PARTS
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.registry.registry import registry
from ganzoo.registry.values import format_value
from ganzoo.util.errors import GanzooError

from .tiers import OWN, TIERS, Tier, recipe_of
from .trials import Trial

MOST = 100_000  # trials

Grid = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Case:
    """A GAN with one setting of the grid.

    Attributes:
        gan: its name.
        values: its settings from the grid, as text.
        settings: all its settings, as JSON values.
    """

    gan: str
    values: Mapping[str, str]
    settings: Mapping[str, Any]

    @property
    def recipe(self) -> Recipe:
        return resolve(registry().gan(self.gan), self.settings)

    def __str__(self) -> str:
        return " ".join(f"{key}={value}" for key, value in self.values.items())


@dataclass(frozen=True)
class Plan:
    """A whole sweep.

    Attributes:
        data: the training split.
        directory: folder of downloaded data sets.
        tier: its name; ``own`` for images.
        seeds: how many; they are 0, 1, ...
        cases: GANs with settings; those of one GAN follow each other.
        notes: remarks for the user.
    """

    data: Data
    directory: str | None
    tier: str
    seeds: int
    cases: tuple[Case, ...]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """For folders and files: ``ring8-quick``."""
        return f"{self.data.name}-{self.tier}"

    def trials(self, case: Case) -> list[Trial]:
        """The trials of a case, one for each seed."""
        shared = (case.gan, self.data.name, self.data.sha256, self.tier, case.settings)
        return [Trial(*shared, seed) for seed in range(self.seeds)]


def plan(
    gans: Sequence[str],
    data: str,
    *,
    seeds: int = 5,
    grid: Grid | None = None,
    settings: Mapping[str, Any] | None = None,
    tier: str | None = None,
    iterations: int | None = None,
    directory: str | None = None,
) -> Plan:
    """Plan a sweep.

    Args:
        gans: names of GANs.
        data: name of a data set.
        seeds: how many trainings of each GAN with each setting.
        grid: values by setting. A GAN without such a setting is trained without it, and a note says so.
        settings: of all GANs that have them.
        tier: ``quick``, ``standard`` or ``paper`` for points, ``quick`` by default; images have none.
        iterations: of each training and its parent's, instead of those of the tier or the GAN.
        directory: folder of downloaded data sets.

    Raises:
        GanzooError: a GAN, setting or value does not exist or is not allowed in the tier.
    """
    grid, settings = grid or {}, dict(settings or {})
    if iterations is not None:
        settings["iterations"] = iterations
    loaded = load(data, directory=directory)
    budget = budget_for(loaded, tier)
    if budget and budget.name == "paper" and (wrong := (grid.keys() | settings.keys()) - {"packing"}):
        raise GanzooError(
            f"the tier paper is a published protocol, in which '{min(wrong)}' cannot be set; choose quick or standard"
        )
    if both := grid.keys() & settings.keys():
        raise GanzooError(f"'{min(both)}' is in the grid and among the settings; give it once")
    records = [registry().gan(name) for name in dict.fromkeys(gans)]
    parts = {key: value for key, value in settings.items() if key in PARTS}  # whose settings those of a GAN may be
    bases = [recipe_of(gan, budget, parts) for gan in records]
    notes = []
    for key in (*grid, *settings):
        without = [base.gan.name for base in bases if not has(base, key)]
        if len(without) == len(bases):
            resolve(
                records[0], {key: next(iter(grid.get(key, [settings.get(key)])))}
            )  # raises, and names the settings that exist
        elif without:
            notes.append(f"{', '.join(without)}: no setting '{key}', trained without it")
    cases: dict[tuple[str, str], Case] = {}
    for gan, base in zip(records, bases, strict=True):
        own = {key: value for key, value in settings.items() if has(base, key)}
        if iterations is not None and base.parent:
            own = {"parent.iterations": iterations} | own
        keys = [key for key in grid if has(base, key)]
        for values in itertools.product(*(grid[key] for key in keys)):
            chosen = dict(zip(keys, values, strict=True))
            flat = json.loads(json.dumps(recipe_of(gan, budget, own | chosen).flat()))
            shown = {key: format_value(value) for key, value in chosen.items()}
            cases.setdefault((gan.name, json.dumps(flat, sort_keys=True)), Case(gan.name, shown, flat))
    if len(cases) * seeds > MOST:
        raise GanzooError(f"{len(cases):,} settings with {seeds:,} seeds are more than {MOST:,} trials; choose fewer")
    return Plan(loaded, directory, budget.name if budget else OWN, seeds, tuple(cases.values()), tuple(notes))


def budget_for(data: Data, name: str | None) -> Tier | None:
    """The tier of that name; ``None`` for images, which have no tiers."""
    if data.is_images:
        if name is not None:
            raise GanzooError(
                f"tiers are networks for points, and {data.name} holds images; leave out --tier {name} (--iterations "
                "sets the length of a training)"
            )
        return None
    if name is not None and name not in TIERS:
        raise GanzooError(f"no tier named '{name}'; choose {', '.join(TIERS)}")
    return TIERS[name or "quick"]


def has(recipe: Recipe, key: str) -> bool:
    """Whether a recipe has a setting of that name."""
    if key.startswith("parent."):
        return recipe.parent is not None and has(recipe.parent, key.removeprefix("parent."))
    part, _, name = key.rpartition(".")
    return key in (*PARTS, "parent") or any(
        name in values and part in ("", owner) for owner, values in recipe.values.items()
    )


def iterations_of(recipe: Recipe) -> int:
    """All iterations of a trial, with those of a parent that is trained first."""
    first = iterations_of(recipe.parent) if recipe.parent and recipe.loop.parent_training == "first" else 0
    return first + recipe.loop.iterations
