"""From a GAN's record and a user's settings to a recipe, in which every part and setting is fixed.

Settings are the keyword-only arguments of the parts, so their defaults and types come from the signatures.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ganzoo.registry.gan import GAN, OWN_OPTIMIZERS, PARTS, Overrides
from ganzoo.registry.registry import Registry, registry
from ganzoo.registry.renamed import new_name, split_parents
from ganzoo.registry.values import (
    Count,
    OutOfRangeError,
    Positive,
    ScheduledDecay,
    Size,
    Unless,
    convert,
    describe_type,
    format_value,
    ramp,
)
from ganzoo.util.display import page, unless_it_fails
from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError, first_line

CHANGING = ("trainer", "optimizer", "augmentation")
"""Parts of which a setting may change during a training."""
MOST_PARENTS = 16
"""Of parents of parents. GANs that are each other's parents have no end."""


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """The settings of the training loop itself.

    Attributes:
        iterations: number of training iterations.
        batch_size: samples in a batch.
        latent_dim: length of z.
        distribution: of z: normal N(0, 1), uniform in [-1, 1], or on the sphere of radius sqrt(latent_dim).
        pixel_range: range of images: signed [-1, 1] (tanh) or unit [0, 1] (sigmoid).
        ema: decay of the moving average of the generator that is sampled and saved; 0 for none. A schedule changes its
            half-life, as ``cosine:0..0.999``.
        ttur: the discriminator's learning rate as a multiple of the generator's (Heusel et al., 2017).
        lr_schedule: of the learning rate, by name (ganzoo list schedules): linear decay to 0, constant, ...
        parent_training: for a GAN with a parent. ``first`` trains the parent to its end, then freezes it; ``joint``
            updates parent and child in every iteration.
    """

    iterations: Count = 5000
    batch_size: Size = 64
    latent_dim: Size = 64
    distribution: Literal["normal", "uniform", "sphere"] = "normal"
    pixel_range: Literal["signed", "unit"] = "signed"
    ema: ScheduledDecay = 0.999
    ttur: Positive = 1.0
    lr_schedule: str = "linear"
    parent_training: Literal["first", "joint"] = "first"


@dataclass(frozen=True)
class Setting:
    """One setting: a keyword-only argument of a part.

    Attributes:
        part: kind of the part, or ``loop``.
        name: of the argument.
        kind: its annotation.
        default: its default.
    """

    part: str
    name: str
    kind: Any
    default: Any

    @property
    def key(self) -> str:
        return f"{self.part}.{self.name}"

    def accept(self, value: Any) -> Any:
        """The value in the setting's own type.

        Raises:
            GanzooError: it cannot be converted, or is out of range.
        """
        try:
            return convert(value, self.kind)
        except OutOfRangeError as error:
            raise GanzooError(f"{self.name}={value} is out of range; it has to be {error} ({self.key})") from None
        except (ValueError, TypeError, LookupError, OverflowError):
            text = repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:60]}..."
            raise GanzooError(f"{self.name}={text} is not {describe_type(self.kind)} ({self.key})") from None


Schedule = Callable[[float], float]
"""A function of the progress of a training, from 0 to 1."""


@dataclass(frozen=True)
class Recipe:
    """A GAN with every part and setting fixed.

    Attributes:
        gan: the record.
        names: names of the parts by kind; a part that is the record's own function has none.
        functions: the parts by kind.
        values: the settings by kind of part, or ``loop``, and name.
        schedules: those that the settings name.
        parent: the recipe of the parent, for a GAN with one.
    """

    gan: GAN
    names: Mapping[str, str]
    functions: Mapping[str, Callable[..., Any]]
    values: Mapping[str, Mapping[str, Any]]
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    parent: Recipe | None = None

    @unless_it_fails
    def _repr_html_(self) -> str:
        facts = [(key, format_value(value)) for key, value in self.flat().items()]
        return page(f"{self.gan.name}: {self.gan.summary}", facts)

    @functools.cached_property
    def loop(self) -> LoopSettings:
        return LoopSettings(**self.values["loop"])

    def call(self, part: str, *arguments: Any) -> Any:
        """Call a part with its settings; of those that change, with the first value.

        Raises:
            GanzooError: the part fails with these settings.
        """
        try:
            return self.functions[part](*arguments, **self.values_at(part, 1))
        except (*FOREIGN_ERRORS, SystemExit) as error:
            settings = ", ".join(f"{name}={value}" for name, value in self.values[part].items())
            name = self.names.get(part, self.gan.name)
            reason = str(error).partition("\n")[0]
            raise GanzooError(f"{part} '{name}' cannot be built with {settings}: {reason}") from error

    def optimizer(self, network: str, weights: Any) -> Any:
        """A new optimizer for weights of the ``generator`` or the ``discriminator``: its own, or that of both."""
        return self.call(self.optimizer_part(network), weights)

    def optimizer_part(self, network: str) -> str:
        """The part that optimizes a network: ``discriminator.optimizer`` if it has its own, else ``optimizer``."""
        own = f"{network}.optimizer"
        return own if own in self.functions else "optimizer"

    @property
    def takes_iteration(self) -> bool:
        """Whether the trainer takes the number of the iteration, as its third argument."""
        return self._trainer_arguments > 2

    @functools.cached_property
    def _trainer_arguments(self) -> int:
        """How many arguments the trainer takes; kept, since finding out takes 20 microseconds of each iteration."""
        return max(2, positional_arguments(self.functions["trainer"]))

    @property
    def period(self) -> int | None:
        """After how many iterations the trainer does the same again: its attribute ``period``, or 1 where it
        does not take their number; ``None`` where it does, and has no such attribute, or where a setting changes."""
        if self._ramps["trainer"]:
            return None
        period: int | None = getattr(self.functions["trainer"], "period", None) if self.takes_iteration else 1
        return period

    def train(self, nets: Any, draw: Callable[[], Any], iteration: int) -> Iterator[Any]:
        """Begin one iteration of the trainer, with its settings.

        Args:
            nets: the networks.
            draw: draws a batch.
            iteration: its number, counted from 1, for a trainer that takes it; one may also take how many there are.
        """
        arguments = (nets, draw, iteration, self.loop.iterations)[: self._trainer_arguments]
        updates: Iterator[Any] = self.functions["trainer"](*arguments, **self.values_at("trainer", iteration))
        return updates

    def values_at(self, part: str, iteration: int) -> dict[str, Any]:
        """The settings of a part in an iteration, counted from 1."""
        return dict(self.values[part]) | self.changing_at(part, iteration)

    def changing_at(self, part: str, iteration: int) -> dict[str, float]:
        """Those settings of a part that change during the training, in an iteration, counted from 1."""
        return {
            name: last + (first - last) * self._factor(schedule, iteration)
            for name, (schedule, first, last) in self._ramps[part].items()
        }

    def ema_at(self, iteration: int) -> float:
        """The decay of the moving average in an iteration, counted from 1. A schedule changes the half-life."""
        if "ema" not in self._ramps["loop"]:
            return float(self.values["loop"]["ema"])
        schedule, *decays = self._ramps["loop"]["ema"]
        first, last = (math.log(0.5) / math.log(decay) if decay else 0.0 for decay in decays)
        half_life = last + (first - last) * self._factor(schedule, iteration)
        return 0.5 ** (1 / half_life) if half_life > 0 else 0.0

    @functools.cached_property
    def _ramps(self) -> dict[str, dict[str, tuple[str, float, float]]]:
        """The settings that change, by part and name: schedule, first and last value. Each iteration asks for them."""
        return {
            part: {
                name: found for name, value in values.items() if (found := ramp(value)) and found[0] in self.schedules
            }
            for part, values in self.values.items()
        }

    def _factor(self, schedule: str, iteration: int) -> float:
        return self.schedules[schedule]((iteration - 1) / self.loop.iterations)

    def of_network(self, name: str) -> Recipe:
        """The recipe that a network belongs to: ``parent.generator`` to that of the parent."""
        if name.startswith("parent.") and self.parent:
            return self.parent.of_network(name.removeprefix("parent."))
        return self

    def flat(self) -> dict[str, Any]:
        """All settings by key. :func:`resolve` turns them into this recipe again, even if defaults have changed."""
        flat: dict[str, Any] = dict(self.names)
        flat |= {f"{part}.{name}": value for part, values in self.values.items() for name, value in values.items()}
        if self.parent:
            flat["parent"] = self.parent.gan.name
            flat |= {f"parent.{key}": value for key, value in self.parent.flat().items()}
        return flat


def signature(part: str, function: Callable[..., Any]) -> dict[str, Setting]:
    """The settings of one part by name: its keyword-only arguments.

    Raises:
        GanzooError: the type of one is a text that names nothing.
    """
    found = {}
    for name, argument in inspect.signature(function).parameters.items():
        if argument.kind is inspect.Parameter.KEYWORD_ONLY:
            kind = argument.annotation
            if isinstance(kind, str):  # only these, since other annotations may name torch
                try:
                    kind = eval(kind, vars(sys.modules[function.__module__]))
                except Exception as error:  # whatever is written there
                    raise GanzooError(f"the type of '{name}' of a {part} cannot be read: {first_line(error)}") from None
            found[name] = Setting(part, name, kind, argument.default)
    return found


def positional_arguments(function: Callable[..., Any]) -> int:
    """How many arguments are not keyword-only, without ``*args``."""
    kinds = [each.kind for each in inspect.signature(function).parameters.values()]
    return sum(kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)


def settings(functions: dict[str, Callable[..., Any]]) -> dict[str, dict[str, Setting]]:
    """All settings by part, or ``loop``, and name."""
    return {part: signature(part, function) for part, function in (functions | {"loop": LoopSettings}).items()}


def resolve(
    gan: GAN,
    overrides: Overrides | None = None,
    *,
    preset: str | None = None,
    among: Registry | None = None,
    children: tuple[str, ...] = (),
) -> Recipe:
    """Fix every part and setting of a GAN.

    Later sources override earlier ones: the defaults of the parts, the record, the preset, ``overrides``. If one of
    them selects another part, the settings that earlier ones made for the old part are dropped.

    Args:
        gan: the record.
        overrides: the user's settings, as ``--set`` takes them.
        preset: one of the GAN's named sets of settings.
        among: the registry in which names are looked up; that of the installed plugins by default.
        children: names of the GANs whose parent this is.

    Raises:
        GanzooError: an unknown preset, part, setting or value; the message names those that exist.
    """
    among = among or registry()
    if preset is not None and preset not in gan.presets:
        known = ", ".join(sorted(gan.presets)) or "none"
        raise GanzooError(f"{gan.name} has no preset '{preset}'; its presets: {known} (ganzoo show {gan.name})")
    names: dict[str, str] = {}
    functions: dict[str, Callable[..., Any]] = {}
    chosen: dict[str, Any] = {}
    parent, for_parent = gan.parent, dict[str, Any]()
    parts = {part: getattr(gan, part) for part in PARTS}
    layers = (parts, gan.settings, gan.presets[preset] if preset else {}, overrides or {})
    keys = {key for layer in layers for key in layer}
    own_optimizers = [part for part in OWN_OPTIMIZERS if any(f"{key}.".startswith(f"{part}.") for key in keys)]
    named: set[str] = set()
    for layer in layers:
        for part in (*PARTS, *own_optimizers):
            if (choice := layer.get(part)) is not None:
                named.add(part)
            elif part in own_optimizers and part not in named:
                choice = layer.get("optimizer")
            if choice is not None:
                chosen = {key: value for key, value in chosen.items() if key.rpartition(".")[0] != part}
                names.pop(part, None)
                if isinstance(choice, str):
                    names[part] = choice
                    choice = among.part(part.rpartition(".")[2], choice)
                functions[part] = choice
        parent = layer.get("parent", parent)
        table = settings(functions)
        for key, value in layer.items():
            if key.startswith("parent."):
                for_parent[key.removeprefix("parent.")] = value
            elif key not in (*PARTS, *OWN_OPTIMIZERS, "parent"):
                setting = lookup(gan, key, table)
                chosen[setting.key] = setting.accept(value)
    if for_parent and parent is None:
        key = f"parent.{next(iter(for_parent))}"
        raise GanzooError(f"{gan.name} has no parent, so '{key}' sets nothing (ganzoo show {gan.name})")
    if parent == gan.name:
        raise GanzooError(f"{gan.name} cannot be its own parent; name another GAN (ganzoo list)")
    if len(children) == MOST_PARENTS:
        raise GanzooError(f"{children[0]} has more than {MOST_PARENTS} parents: {', '.join((*children[1:], gan.name))}")
    table = settings(functions)
    for part in own_optimizers:  # what is not said of one network's optimizer is said of both
        for name, setting in table[part].items():
            if setting.key not in chosen and f"optimizer.{name}" in chosen:
                chosen[setting.key] = setting.accept(chosen[f"optimizer.{name}"])
    values = {
        part: {name: chosen.get(setting.key, setting.default) for name, setting in arguments.items()}
        for part, arguments in table.items()
    }
    above = None
    if parent:
        above = resolve(among.gan(parent), for_parent, among=among, children=(*children, gan.name))
    recipe = Recipe(gan, names, functions, values, schedules_of(values, among), above)
    if recipe.loop.ttur != 1 and "discriminator.optimizer.lr" in chosen:
        raise GanzooError(
            f"ttur={recipe.loop.ttur:g} and discriminator.optimizer.lr both set the discriminator's learning rate; "
            "leave one out"
        )
    if recipe.parent:
        check_parent(recipe, recipe.parent)
    return recipe


def resolve_recorded(gan: GAN, settings: Overrides, *, among: Registry | None = None) -> Recipe:
    """The recipe of a record or a file, as :meth:`Recipe.flat` wrote its settings.

    What was trained before there were augmentations says nothing of them. It had none, and kept no images back.
    """
    without = {"augmentation": "none", "augmentation.few": 1}
    is_older = isinstance(gan.augmentation, str) and "augmentation" not in settings
    return resolve(gan, (without if is_older else {}) | dict(settings), among=among)


def schedules_of(values: Mapping[str, Mapping[str, Any]], among: Registry) -> dict[str, Schedule]:
    """The schedules that settings name; GanzooError for one that is not registered, or a setting that cannot change."""
    names = {values["loop"]["lr_schedule"]}
    for part, settings in values.items():
        for name, value in settings.items():
            if (changing := ramp(value)) is not None:
                if part.rpartition(".")[2] not in CHANGING and (part, name) != ("loop", "ema"):
                    raise GanzooError(f"{part}.{name} cannot change during a training; give one value, not {value}")
                names.add(changing[0])
    return {name: among.part("schedule", name) for name in names}


def check_parent(child: Recipe, parent: Recipe) -> None:
    """Make sure that parent and child have the same latents and range of images; GanzooError otherwise."""
    if parent.gan.conditional:
        raise GanzooError(f"{parent.gan.name} is conditional, so it cannot be the parent of {child.gan.name}")
    for name in ("pixel_range", "distribution"):
        ours, theirs = getattr(child.loop, name), getattr(parent.loop, name)
        if ours != theirs:
            raise GanzooError(
                f"{child.gan.name} has {name}={ours} and its parent {parent.gan.name} {name}={theirs}; set both alike "
                f"(--set {name}=... --set parent.{name}=...)"
            )


IGNORED_IN_JOINT_TRAINING = ("iterations", "batch_size", "ema", "parent_training")
"""Settings of a parent's loop that its child's take the place of."""


def refuse_ignored(recipe: Recipe, typed: Overrides, *, trained_parent: bool) -> None:
    """Refuse settings that would change nothing.

    Args:
        recipe: of the child.
        typed: the settings that the user gave.
        trained_parent: the parent is trained already.

    Raises:
        GanzooError: one of the settings is ignored in this training; the message names it.
    """
    for key in typed:
        refuse_without_effect(recipe, key)
        parents, own = split_parents(key)
        if not parents:
            continue
        if trained_parent:
            raise GanzooError(f"'{key}' changes nothing, since the parent is trained already; leave it out")
        if recipe.loop.parent_training != "joint" or recipe.parent is None:
            continue
        parent = recipe.parent
        setting = (
            None
            if own in (*PARTS, *OWN_OPTIMIZERS, "parent")
            else lookup(parent.gan, own, settings(dict(parent.functions)))
        )
        part, name = (own, "") if setting is None else (setting.part, setting.name)
        if part in ("trainer", "augmentation") or (part == "loop" and name in IGNORED_IN_JOINT_TRAINING):
            raise GanzooError(
                f"'{key}' changes nothing with parent_training=joint, where parent and child share a trainer and its "
                "iterations; leave it out, or set it of the child"
            )


def refuse_without_effect(recipe: Recipe, key: str) -> None:
    """Refuse a setting that changes nothing with the other settings of its part; GanzooError then."""
    parents, own = split_parents(key)
    for _ in range(parents.count(".")):
        recipe = recipe.parent or recipe
    if own in (*recipe.functions, "parent"):
        return
    setting = lookup(recipe.gan, own, settings(dict(recipe.functions)))
    if setting.key == "loop.parent_training" and recipe.parent is None:
        raise GanzooError(f"{recipe.gan.name} has no parent, so '{key}' changes nothing; leave it out")
    for other in get_args(setting.kind)[1:]:
        value = recipe.values[setting.part][other.setting] if isinstance(other, Unless) else None
        if isinstance(other, Unless) and value in other:
            cause = f"{other.setting}={format_value(value)}"
            raise GanzooError(
                f"'{key}' changes nothing with {cause}; leave one of them out (ganzoo show {recipe.gan.name})"
            )


def lookup(gan: GAN, key: str, table: Mapping[str, Mapping[str, Setting]]) -> Setting:
    """The setting of a key, with its part (``generator.width``) or without."""
    part, _, name = key.rpartition(".")
    matches = [
        setting
        for owner, arguments in table.items()
        for setting in arguments.values()
        if setting.name == name and (part == owner or (part == "" and owner not in OWN_OPTIMIZERS))
    ]
    if len(matches) > 1:  # an augmentation is a choice of the user, who may say so
        matches = [match for match in matches if match.part != "augmentation"]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise GanzooError(f"'{key}' is a setting of more than one part; say {' or '.join(m.key for m in matches)}")
    if renamed := new_name(key):
        raise GanzooError(f"'{key}' was renamed; use '{renamed}' (ganzoo show {gan.name})")
    everything = sorted({name for arguments in table.values() for name in arguments})
    near = difflib.get_close_matches(name, everything, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise GanzooError(
        f"{gan.name} has no setting '{key}'; {hint}it has: {', '.join(everything)} (ganzoo show {gan.name})"
    )


def parse_assignments(assignments: Iterator[str] | tuple[str, ...]) -> dict[str, str]:
    """``("width=32", "lr=1e-3")`` as a dictionary; values stay text until their type is known.

    Raises:
        GanzooError: an assignment is not of the form KEY=VALUE, or a key is there twice with different values.
    """
    parsed: dict[str, str] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise GanzooError(f"--set takes KEY=VALUE, not '{assignment}'; for example --set batch_size=128")
        if parsed.setdefault(key.strip(), value.strip()) != value.strip():
            raise GanzooError(f"--set {key.strip()} is given twice, as {parsed[key.strip()]} and as {value.strip()}")
    return parsed
