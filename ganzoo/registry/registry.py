"""The registry: the GANs, parts and data sets of the installed plugins, by name and without duplicates."""

from __future__ import annotations

import difflib
import functools
import inspect
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint
from typing import Any, TypeVar

import pluggy

from ganzoo.registry import hookspecs
from ganzoo.registry.gan import GAN, PARTS
from ganzoo.registry.installed import PLUGINS, chosen_entry_points, chosen_names, owner
from ganzoo.util.errors import GanzooError, first_line

DEFAULTS = ("images", "vectors")
"""What a GAN can be the default for."""
KINDS = (*PARTS, "schedule", "dataset", "logger", "metric")

log = logging.getLogger("ganzoo")
T = TypeVar("T")
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class Plugin:
    """An entry point of the group ``ganzoo``; ``error`` is the reason why it could not be loaded, if so."""

    name: str
    module: str
    distribution: str
    version: str
    error: str = ""

    def __str__(self) -> str:
        return f"plugin '{self.name}' of {self.distribution} {self.version}".rstrip()


@dataclass
class Registry:
    """All that is registered.

    Attributes:
        plugins: all that were found, with their errors.
        gans: by name.
        parts: makers, trainers and loaders by kind, see ``KINDS``, and name.
        owners: the plugin of each, by kind and name.
        conflicts: names that several plugins register, with these plugins. Such a name is an error when it is used;
            all others can be used.
    """

    plugins: list[Plugin] = field(default_factory=list)
    gans: dict[str, GAN] = field(default_factory=dict)
    parts: dict[str, dict[str, Callable[..., Any]]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    owners: dict[tuple[str, str], Plugin] = field(default_factory=dict)
    conflicts: dict[tuple[str, str], list[Plugin]] = field(default_factory=dict)

    def gan(self, name: str) -> GAN:
        """The GAN of that name; GanzooError with the nearest name if there is none."""
        self._refuse_conflict("GAN", name)
        return find("GAN", name, self.gans, "ganzoo list")

    def default_for(self, kind: str) -> GAN:
        """The GAN that is trained on ``images`` or ``vectors`` where none is named.

        Raises:
            GanzooError: no GAN is, or several are; the message names them.
        """
        found = [gan for gan in self.gans.values() if gan.default_for == kind]
        if len(found) == 1:
            return found[0]
        names = [f"{gan.name} (of {self.owners['GAN', gan.name]})" for gan in found[:4]]
        claimed = f"{len(found)} GANs are the default for {kind}: {', '.join(names)}"
        raise GanzooError(f"{claimed if found else f'no GAN is the default for {kind}'}; name one (ganzoo list)")

    def part(self, kind: str, name: str) -> Callable[..., Any]:
        """The part of that kind and name; GanzooError with the nearest name if there is none."""
        self._refuse_conflict(kind, name)
        return find(kind, name, self.parts[kind], f"ganzoo list {kind}s")

    def of(self, plugin: Plugin) -> list[tuple[str, str]]:
        """What a plugin registers and no other does, by kind and name."""
        return [key for key, owner in self.owners.items() if owner == plugin and key not in self.conflicts]

    def add(self, kind: str, name: str, item: Any, owner: Plugin) -> None:
        """Register something under a name; a name that is taken already becomes a conflict."""
        key = kind, name
        named = self.gans if kind == "GAN" else self.parts[kind]
        if key in self.owners:
            self.conflicts.setdefault(key, [self.owners[key]]).append(owner)
            named.pop(name, None)
        else:
            self.owners[key], named[name] = owner, item

    def status(self, plugin: Plugin) -> str:
        """Whether a plugin was loaded, and which of its names others register too."""
        if plugin.error:
            return plugin.error
        names = [f"{kind} '{name}'" for (kind, name), owners in self.conflicts.items() if plugin in owners]
        return f"loaded, but {', '.join(names)} is in another plugin too" if names else "loaded"

    def _refuse_conflict(self, kind: str, name: str) -> None:
        if owners := self.conflicts.get((kind, name)):
            each = ", ".join(f"one from {owner}" for owner in owners)
            raise GanzooError(f"{len(owners)} {kind}s are named '{name}': {each}; uninstall all but one")


def find(kind: str, name: str, known: Mapping[str, T], listing: str) -> T:
    """``known[name]``, or a GanzooError that suggests the nearest name and the command that lists all."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'? ({listing})" if near else f"list them with: {listing}"
    limit = f"; GANZOO_PLUGINS is {','.join(chosen)}" if (chosen := chosen_names()) else ""
    raise GanzooError(f"no {kind} named '{name}'; {hint}{limit}")


@functools.cache
def registry() -> Registry:
    """The registry of the installed plugins. A plugin that cannot be loaded is skipped with a warning of one line.

    The environment variable ``GANZOO_PLUGINS`` limits it to some of them.

    Raises:
        GanzooError: ``GANZOO_PLUGINS`` names a plugin that is not installed.
    """
    return collect(chosen_entry_points(PLUGINS))


def registry_with(module: str) -> tuple[Registry, Plugin]:
    """The registry with the plugin in a module, installed or not, and that plugin.

    Raises:
        GanzooError: the module cannot be loaded as a plugin.
    """
    others = [point for point in chosen_entry_points(PLUGINS) if point.value != module]
    result = collect([*others, EntryPoint(module, module, PLUGINS)])
    plugin = next(plugin for plugin in result.plugins if plugin.name == module)
    if plugin.error:
        raise GanzooError(f"module {module} cannot be loaded as a plugin: {plugin.error}")
    return result, plugin


def collect(found: Iterable[EntryPoint]) -> Registry:
    """Load plugins and gather their records.

    pluggy's own loader drops a second plugin of one name in silence and stops at the first import that fails, so
    the entry points are walked here.
    """
    result = Registry()
    manager = pluggy.PluginManager("ganzoo")
    manager.add_hookspecs(hookspecs)
    for number, point in enumerate(sorted(found, key=lambda point: point.name)):
        plugin = Plugin(point.name, point.value, *owner(point))
        module = f"{number} {point.name}"  # two plugins may have one name
        try:
            manager.register(point.load(), module)
            gans, parts = records(manager, module)
            if not (gans or any(parts.values())):
                raise LookupError("it registers nothing; do its hooks have @hookimpl, and return records?")
        except BaseException as error:  # whatever a third party raises, sys.exit included, must not stop the rest
            if manager.has_plugin(module):
                manager.unregister(name=module)
            plugin = replace(plugin, error=first_line(error))
            log.warning("%s cannot be loaded and is skipped: %s", plugin, plugin.error)
            gans, parts = [], {}
        result.plugins.append(plugin)
        for gan in gans:
            result.add("GAN", gan.name, gan, plugin)
        for kind, makers in parts.items():
            for name, make in makers.items():
                result.add(kind, name, make, plugin)
    for (kind, name), owners in result.conflicts.items():
        log.warning("%d %ss are named '%s', from %s", len(owners), kind, name, " and ".join(map(str, owners)))
    result.gans = dict(sorted(result.gans.items()))
    result.parts = {kind: dict(sorted(makers.items())) for kind, makers in result.parts.items()}
    return result


def records(manager: pluggy.PluginManager, plugin: str) -> tuple[list[GAN], dict[str, hookspecs.Parts]]:
    """What one registered plugin returns from its hooks, by kind; a hook that does not exist is an error."""
    manager.check_pending()
    found: dict[str, Any] = {
        hook.name: implementation.function()
        for hook in manager.get_hookcallers(manager.get_plugin(plugin)) or ()
        for implementation in hook.get_hookimpls()
        if implementation.plugin_name == plugin
    }
    gans = list(found.get("ganzoo_gans", ()))
    for gan in gans:
        if not isinstance(gan, GAN):
            raise TypeError(f"ganzoo_gans has to return GANs, not {gan!r:.60}")
        check_record(gan)
    parts: dict[str, hookspecs.Parts] = {kind: dict(found.get(f"ganzoo_{kind}s", {})) for kind in KINDS}
    for kind, makers in parts.items():
        for name, make in makers.items():
            check_name(kind, name)
            check_function(f"{kind} '{name}'", make)
    return gans, parts


def check_record(gan: GAN) -> None:
    """Refuse a GAN whose fields are of other types; TypeError or ValueError that names the field."""
    check_name("GAN", gan.name)
    for name in ("summary", "paper", "data"):
        if not isinstance(value := getattr(gan, name), str):
            raise TypeError(f"{name} of GAN '{gan.name}' is not text but {value!r:.60}")
    if gan.default_for not in ("", *DEFAULTS):
        raise ValueError(f"default_for of GAN '{gan.name}' is {gan.default_for!r:.60}, not {' or '.join(DEFAULTS)}")
    if not isinstance(gan.conditional, bool):
        raise TypeError(f"conditional of GAN '{gan.name}' is not True or False but {gan.conditional!r:.60}")
    for name in ("frozen", "settings", "presets"):
        if not isinstance(value := getattr(gan, name), Mapping) or not all(isinstance(key, str) for key in value):
            raise TypeError(f"{name} of GAN '{gan.name}' is not a mapping from names but {value!r:.60}")
    for preset, settings in gan.presets.items():
        check_name("preset", preset)
        if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings):
            raise TypeError(f"preset '{preset}' of GAN '{gan.name}' is not a mapping from names but {settings!r:.60}")
    parts = {part: getattr(gan, part) for part in PARTS}
    for values in (parts, gan.settings, *gan.presets.values()):
        for part in PARTS:
            if not isinstance(value := values.get(part, ""), str):
                check_function(f"{part} of GAN '{gan.name}'", value)
        if (parent := values.get("parent", gan.parent)) is not None:
            check_name("parent", parent)


def check_function(what: str, function: object) -> None:
    """Refuse a part without a signature, from which its settings are read; TypeError."""
    if not callable(function):
        raise TypeError(f"{what} is neither a name nor a function but {function!r:.60}")
    try:
        inspect.signature(function)
    except ValueError:  # as of some functions that are built in
        raise TypeError(f"{what} has no signature to read settings from: {function!r:.60}") from None


def check_name(kind: str, name: object) -> None:
    """Refuse a name that could not be typed, or be part of a file's name; ValueError."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"the name of a {kind} is {name!r:.60}; a name has letters, digits, and later also - . _")
