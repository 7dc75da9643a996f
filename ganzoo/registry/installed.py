"""Entry points in the metadata of installed distributions. Metadata that cannot be read stop no other distribution."""

from __future__ import annotations

import functools
import importlib.metadata
import logging
from importlib.metadata import Distribution, EntryPoint

from ganzoo.util.errors import first_line, printable

log = logging.getLogger("ganzoo")


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
