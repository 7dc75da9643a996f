"""From a GAN's record and a user's settings to a recipe, in which every part and setting is fixed.

Settings are the keyword-only arguments of the parts, so their defaults and types come from the signatures.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ganzoo.registry.gan import GAN, PARTS, Overrides
from ganzoo.registry.registry import Registry, registry
from ganzoo.registry.renamed import new_name, split_parents
from ganzoo.registry.values import Count, Decay, OutOfRangeError, Positive, Size, convert, describe_type
from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """The settings of the training loop itself.

    Attributes:
        iterations: number of training iterations.
        batch_size: samples in a batch.
        latent_dim: length of z.
        distribution: of z: normal N(0, 1), uniform in [-1, 1], or on the sphere of radius sqrt(latent_dim).
        pixel_range: range of images: signed [-1, 1] (tanh) or unit [0, 1] (sigmoid).
        ema: decay of the moving average of the generator that is sampled and saved; 0 for none.
        ttur: the discriminator's learning rate as a multiple of the generator's (Heusel et al., 2017).
        lr_schedule: of the learning rate: linear decay to 0, or constant.
        parent_training: for a GAN with a parent. ``first`` trains the parent to its end, then freezes it; ``joint``
            updates parent and child in every iteration.
    """

    iterations: Count = 5000
    batch_size: Size = 64
    latent_dim: Size = 64
    distribution: Literal["normal", "uniform", "sphere"] = "normal"
    pixel_range: Literal["signed", "unit"] = "signed"
    ema: Decay = 0.999
    ttur: Positive = 1.0
    lr_schedule: Literal["linear", "constant"] = "linear"
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


@dataclass(frozen=True)
class Recipe:
    """A GAN with every part and setting fixed.

    Attributes:
        gan: the record.
        names: names of the parts by kind; a part that is the record's own function has none.
        functions: the parts by kind.
        values: the settings by kind of part, or ``loop``, and name.
        parent: the recipe of the parent, for a GAN with one.
    """

    gan: GAN
    names: Mapping[str, str]
    functions: Mapping[str, Callable[..., Any]]
    values: Mapping[str, Mapping[str, Any]]
    parent: Recipe | None = None

    @functools.cached_property
    def loop(self) -> LoopSettings:
        return LoopSettings(**self.values["loop"])

    def call(self, part: str, *arguments: Any) -> Any:
        """Call a part with its settings.

        Raises:
            GanzooError: the part fails with these settings.
        """
        try:
            return self.functions[part](*arguments, **self.values[part])
        except FOREIGN_ERRORS as error:
            settings = ", ".join(f"{name}={value}" for name, value in self.values[part].items())
            name = self.names.get(part, self.gan.name)
            reason = str(error).partition("\n")[0]
            raise GanzooError(f"{part} '{name}' cannot be built with {settings}: {reason}") from error

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
    """The settings of one part by name: its keyword-only arguments."""
    found = {}
    for name, argument in inspect.signature(function).parameters.items():
        if argument.kind is inspect.Parameter.KEYWORD_ONLY:
            kind = argument.annotation
            if isinstance(kind, str):  # only these, since other annotations may name torch
                kind = eval(kind, vars(sys.modules[function.__module__]))
            found[name] = Setting(part, name, kind, argument.default)
    return found


def settings(functions: dict[str, Callable[..., Any]]) -> dict[str, dict[str, Setting]]:
    """All settings by part, or ``loop``, and name."""
    return {part: signature(part, function) for part, function in (functions | {"loop": LoopSettings}).items()}


def resolve(
    gan: GAN, overrides: Overrides | None = None, *, preset: str | None = None, among: Registry | None = None
) -> Recipe:
    """Fix every part and setting of a GAN.

    Later sources override earlier ones: the defaults of the parts, the record, the preset, ``overrides``. If one of
    them selects another part, the settings that earlier ones made for the old part are dropped.

    Args:
        gan: the record.
        overrides: the user's settings, as ``--set`` takes them.
        preset: one of the GAN's named sets of settings.
        among: the registry in which names are looked up; that of the installed plugins by default.

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
    own = {part: getattr(gan, part) for part in PARTS}
    for layer in (own, gan.settings, gan.presets[preset] if preset else {}, overrides or {}):
        for part in PARTS:
            if (choice := layer.get(part)) is not None:
                chosen = {key: value for key, value in chosen.items() if not key.startswith(f"{part}.")}
                names.pop(part, None)
                if isinstance(choice, str):
                    names[part] = choice
                    choice = among.part(part, choice)
                functions[part] = choice
        parent = layer.get("parent", parent)
        table = settings(functions)
        for key, value in layer.items():
            if key.startswith("parent."):
                for_parent[key.removeprefix("parent.")] = value
            elif key not in (*PARTS, "parent"):
                setting = lookup(gan, key, table)
                chosen[setting.key] = setting.accept(value)
    if for_parent and parent is None:
        key = f"parent.{next(iter(for_parent))}"
        raise GanzooError(f"{gan.name} has no parent, so '{key}' sets nothing (ganzoo show {gan.name})")
    if parent == gan.name:
        raise GanzooError(f"{gan.name} cannot be its own parent; name another GAN (ganzoo list)")
    table = settings(functions)
    values = {
        part: {name: chosen.get(setting.key, setting.default) for name, setting in arguments.items()}
        for part, arguments in table.items()
    }
    recipe = Recipe(
        gan, names, functions, values, resolve(among.gan(parent), for_parent, among=among) if parent else None
    )
    _ = recipe.loop  # its own checks
    if recipe.parent:
        check_parent(recipe, recipe.parent)
    return recipe


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
    """Refuse settings of a parent that would change nothing.

    Args:
        recipe: of the child.
        typed: the settings that the user gave.
        trained_parent: the parent is trained already.

    Raises:
        GanzooError: one of the settings is ignored in this training; the message names it.
    """
    for key in typed:
        parents, own = split_parents(key)
        if not parents:
            continue
        if trained_parent:
            raise GanzooError(f"'{key}' changes nothing, since the parent is trained already; leave it out")
        if recipe.loop.parent_training != "joint" or recipe.parent is None:
            continue
        parent = recipe.parent
        setting = None if own in (*PARTS, "parent") else lookup(parent.gan, own, settings(dict(parent.functions)))
        part, name = (own, "") if setting is None else (setting.part, setting.name)
        if part == "trainer" or (part == "loop" and name in IGNORED_IN_JOINT_TRAINING):
            raise GanzooError(
                f"'{key}' changes nothing with parent_training=joint, where parent and child share a trainer and its "
                "iterations; leave it out, or set it of the child"
            )


def lookup(gan: GAN, key: str, table: Mapping[str, Mapping[str, Setting]]) -> Setting:
    """The setting of a key, with its part (``generator.width``) or without."""
    part, _, name = key.rpartition(".")
    matches = [
        setting
        for owner, arguments in table.items()
        for setting in arguments.values()
        if setting.name == name and part in ("", owner)
    ]
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
