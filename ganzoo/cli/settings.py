"""Settings from the command line: options for the common ones, ``--set`` for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ganzoo.cli.hints import setting_hint
from ganzoo.registry.gan import GAN, OWN_OPTIMIZERS, PARTS
from ganzoo.registry.recipe import Recipe, parse_assignments, resolve
from ganzoo.registry.renamed import new_name, split_parents
from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from ganzoo.registry.gan import Overrides

OPTIONS = {
    "generator": "generator",
    "discriminator": "discriminator",
    "trainer": "trainer",
    "augment": "augmentation",
    "iterations": "loop.iterations",
    "epochs": "loop.iterations",
    "batch_size": "loop.batch_size",
    "lr": "lr",
}
"""Settings that have an option of their own, by its parameter."""


def overrides_from(options: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """The settings that were typed, by key.

    Args:
        options: values of :data:`OPTIONS`; ``None`` for those that were not typed.
        assignments: what ``--set`` got, ``KEY=VALUE``.

    Raises:
        GanzooError: an assignment has no ``=``, or a setting was typed twice.
    """
    typed = [(f"--{name.replace('_', '-')}", key, options[name]) for name, key in OPTIONS.items()]
    for assignment in assignments:
        typed += [(f"--set {key}", key, value) for key, value in parse_assignments((assignment,)).items()]
    overrides: dict[str, Any] = {}
    flags: dict[str, str] = {}
    for flag, key, value in typed:
        if value is None:
            continue
        for other in overrides:
            if is_same_setting(key, other):
                raise GanzooError(f"{flags[other]} and {flag} are the same setting; leave one out")
        overrides[key], flags[key] = value, flag
    return overrides


def is_same_setting(one: str, other: str) -> bool:
    """Whether two keys are one setting: ``lr`` and ``optimizer.lr``, but not ``lr`` and ``parent.lr``."""
    (parents, own), (other_parents, other_own) = split_parents(one), split_parents(other)
    if own.startswith(OWN_OPTIMIZERS) or other_own.startswith(OWN_OPTIMIZERS):
        return one == other
    return parents == other_parents and (
        own == other_own or own.endswith(f".{other_own}") or other_own.endswith(f".{own}")
    )


def resolve_typed(gan: GAN, overrides: Overrides, preset: str | None) -> Recipe:
    """The recipe of typed settings; for an unknown key, the error says what the setting is called here.

    Raises:
        GanzooError: see :func:`ganzoo.registry.recipe.resolve`.
    """
    try:
        return resolve(gan, overrides, preset=preset)
    except GanzooError:
        parts = {key: value for key, value in overrides.items() if key in (*PARTS, *OWN_OPTIMIZERS, "parent")}
        split = [split_parents(key) for key in resolve(gan, parts, preset=preset).flat()]
        for key in overrides:
            parents, own = split_parents(key)
            known = [name for above, name in split if above == parents]
            if own in (*PARTS, *OWN_OPTIMIZERS, "parent") or any(
                name == own or name.endswith(f".{own}") for name in known
            ):
                continue
            if new := new_name(key):
                raise GanzooError(f"the setting '{key}' was renamed to '{new}'; use --set {new}=VALUE") from None
            if hint := setting_hint(key, [*known, *PARTS]):
                raise GanzooError(f"{gan.name} has no setting '{key}'; use {hint} (ganzoo show {gan.name})") from None
        raise
