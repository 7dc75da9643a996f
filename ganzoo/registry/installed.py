"""Entry points in the metadata of installed distributions. Metadata that cannot be read stop no other distribution.

``GANZOO_PLUGINS``, an environment variable of names joined by commas, limits them to some plugins.
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import os
from importlib.metadata import Distribution, EntryPoint

from ganzoo.util.errors import GanzooError, first_line, printable

PLUGINS, COMMANDS = "ganzoo", "ganzoo.commands"
"""The groups of entry points."""
OURS = "ganzoo-kit"
SHARED = ("core", "datasets", "loggers")
"""Plugins of ours that all others count on: optimizers, data sets, loggers. They are never left out."""

log = logging.getLogger("ganzoo")


def chosen_names() -> list[str]:
    """The names in ``GANZOO_PLUGINS``; none where it is not set."""
    return [name.strip() for name in os.environ.get("GANZOO_PLUGINS", "").split(",") if name.strip()]


def chosen_entry_points(group: str) -> list[EntryPoint]:
    """The entry points of a group, of the plugins that ``GANZOO_PLUGINS`` names: by their own name, or all of a
    distribution by the name of that.

    Raises:
        GanzooError: it names one that is not installed.
    """
    names = chosen_names()
    if not names:
        return entry_points(group)
    known = {name for each in (PLUGINS, COMMANDS) for point in entry_points(each) for name in names_of(point)}
    if unknown := [name for name in names if name not in known]:
        from difflib import get_close_matches

        near = get_close_matches(unknown[0], known, n=1)
        meant = f"did you mean '{near[0]}'? " if near else ""
        raise GanzooError(
            f"no plugin named '{unknown[0]}' in GANZOO_PLUGINS; {meant}(unset GANZOO_PLUGINS; ganzoo list plugins)"
        )
    return [point for point in entry_points(group) if is_shared(point) or not names_of(point).isdisjoint(names)]


def names_of(point: EntryPoint) -> set[str]:
    """The names that choose an entry point: its own, and that of its distribution."""
    return {point.name, owner(point)[0]}


def is_shared(point: EntryPoint) -> bool:
    """Whether an entry point is one of those that are never left out."""
    return point.group == PLUGINS and point.name in SHARED and owner(point)[0] == OURS


def entry_points(group: str) -> list[EntryPoint]:
    """The entry points of a group. A distribution whose entry points cannot be read is skipped with a warning."""
    try:
        return list(importlib.metadata.entry_points(group=group))
    except Exception:  # it reads the files of all distributions, and stops at the first that is damaged
        return [point for point in readable_entry_points() if point.group == group]


@functools.cache
def readable_entry_points() -> tuple[EntryPoint, ...]:
    """All entry points that can be read; of two distributions of one name, those of the first."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for distribution in importlib.metadata.distributions():
        name, version = described(distribution)
        if name in found:
            continue
        try:
            found[name] = tuple(distribution.entry_points)
        except Exception as error:
            found[name] = ()
            log.warning(
                "the entry points of %s %s cannot be read and are skipped: %s", name, version, first_line(error)
            )
    return tuple(point for points in found.values() for point in points)


def owner(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution that declares an entry point."""
    return described(point.dist) if point.dist else ("an unknown distribution", "")


def described(distribution: Distribution) -> tuple[str, str]:
    """Name and version of a distribution; its folder where the metadata have no name."""
    place = str(getattr(distribution, "_path", "an unknown distribution"))
    try:
        name, version = distribution.name or place, distribution.version or ""
    except Exception:  # the file is no text
        name, version = place, ""
    return printable(name, 200), printable(version, 100)
