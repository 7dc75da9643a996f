"""The registry: the GANs, parts and data sets of the installed plugins, by name and without duplicates."""

from __future__ import annotations

import difflib
import functools
import importlib.metadata
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pluggy

from ganzoo.registry import hookspecs
from ganzoo.registry.gan import GAN, PARTS
from ganzoo.util.errors import GanzooError, first_line

KINDS = (*PARTS, "dataset")

log = logging.getLogger("ganzoo")
T = TypeVar("T")


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
    """All that is registered: ``gans`` by name, ``parts`` by kind (see ``KINDS``) and name, and their ``owners``."""

    plugins: list[Plugin] = field(default_factory=list)
    gans: dict[str, GAN] = field(default_factory=dict)
    parts: dict[str, dict[str, Callable[..., Any]]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    owners: dict[tuple[str, str], Plugin] = field(default_factory=dict)

    def gan(self, name: str) -> GAN:
        """The GAN of that name; GanzooError with the nearest name if there is none."""
        return find("GAN", name, self.gans, "ganzoo list")

    def part(self, kind: str, name: str) -> Callable[..., Any]:
        """The part of that kind and name; GanzooError with the nearest name if there is none."""
        return find(kind, name, self.parts[kind], f"ganzoo list {kind}s")

    def add(self, kind: str, name: str, owner: Plugin) -> None:
        """Register a name for a plugin; GanzooError naming both owners if it is taken."""
        if first := self.owners.get((kind, name)):
            raise GanzooError(f"two {kind}s named '{name}': one from {first}, one from {owner}; uninstall one of them")
        self.owners[kind, name] = owner


def find(kind: str, name: str, known: Mapping[str, T], listing: str) -> T:
    """``known[name]``, or a GanzooError that suggests the nearest name and the command that lists all."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'? ({listing})" if near else f"list them with: {listing}"
    raise GanzooError(f"no {kind} named '{name}'; {hint}")


@functools.cache
def registry() -> Registry:
    """The registry of the installed plugins. A plugin that cannot be loaded is skipped with a warning of one line.

    The environment variable ``GANZOO_PLUGINS``, names joined by commas, limits it to those plugins.

    Raises:
        GanzooError: ``GANZOO_PLUGINS`` names a plugin that is not installed.
    """
    points = {point.name: point for point in importlib.metadata.entry_points(group="ganzoo")}
    if chosen := os.environ.get("GANZOO_PLUGINS"):
        names = [name.strip() for name in chosen.split(",") if name.strip()]
        return collect(find("plugin", name, points, "unset GANZOO_PLUGINS; ganzoo list plugins") for name in names)
    return collect(importlib.metadata.entry_points(group="ganzoo"))


def registry_with(module: str) -> tuple[Registry, list[str]]:
    """The registry with the plugin in a module, installed or not, and the names of that module's GANs.

    Raises:
        GanzooError: the module cannot be loaded as a plugin, or has no GAN.
    """
    others = [point for point in importlib.metadata.entry_points(group="ganzoo") if point.value != module]
    result = collect([*others, importlib.metadata.EntryPoint(module, module, "ganzoo")])
    plugin = next(plugin for plugin in result.plugins if plugin.name == module)
    if plugin.error:
        raise GanzooError(f"module {module} cannot be loaded as a plugin: {plugin.error}")
    names = [name for name in result.gans if result.owners["GAN", name] == plugin]
    if not names:
        raise GanzooError(f"module {module} registers no GAN; its hook ganzoo_gans has to return some")
    return result, names


def collect(entry_points: Iterable[importlib.metadata.EntryPoint]) -> Registry:
    """Load plugins and gather their records.

    pluggy's own loader drops a second plugin of one name in silence and stops at the first import that fails, so
    the entry points are walked here.
    """
    result = Registry()
    manager = pluggy.PluginManager("ganzoo")
    manager.add_hookspecs(hookspecs)
    for point in sorted(entry_points, key=lambda point: point.name):
        plugin = Plugin(
            point.name,
            point.value,
            point.dist.name if point.dist else "unknown distribution",
            point.dist.version if point.dist else "",
        )
        result.add("plugin", plugin.name, plugin)
        try:
            manager.register(point.load(), plugin.name)
            gans, parts = records(manager, plugin.name)
            if not (gans or any(parts.values())):
                raise LookupError("it registers nothing; do its hooks have @hookimpl, and return records?")
        except Exception as error:  # a third party's import may fail in any way, and must not stop the rest
            manager.unregister(name=plugin.name)
            reason = first_line(error)
            plugin = Plugin(plugin.name, plugin.module, plugin.distribution, plugin.version, reason)
            log.warning("%s cannot be loaded and is skipped: %s", plugin, reason)
            gans, parts = [], {}
        result.plugins.append(plugin)
        for gan in gans:
            result.add("GAN", gan.name, plugin)
            result.gans[gan.name] = gan
        for kind, makers in parts.items():
            for name, make in makers.items():
                result.add(kind, name, plugin)
                result.parts[kind][name] = make
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
    if strangers := [gan for gan in gans if not isinstance(gan, GAN)]:
        raise TypeError(f"ganzoo_gans has to return GANs, not {strangers[0]!r:.60}")
    return gans, {kind: dict(found.get(f"ganzoo_{kind}s", {})) for kind in KINDS}
