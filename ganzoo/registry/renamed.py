"""Settings that have been renamed. Files keep loading, and old names that are typed are answered with the new ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Renamed:
    """A setting that has another name now.

    Attributes:
        name: the new name.
        until: the version of ganzoo from which on files with the old name need not be read. A test fails once it is
            reached, so that the entry is removed.
        values: new values by old ones, where these were renamed too.
    """

    name: str
    until: str
    values: Mapping[Any, Any] = field(default_factory=dict)


RENAMED: Mapping[str, Renamed] = {
    "loop.rounds": Renamed("loop.iterations", "1.0"),
    "loop.batch": Renamed("loop.batch_size", "1.0"),
    "loop.latent": Renamed("loop.latent_dim", "1.0"),
    "loop.pixels": Renamed("loop.pixel_range", "1.0"),
    "loop.decay": Renamed("loop.lr_schedule", "1.0"),
    "loop.schedule": Renamed("loop.parent_training", "1.0", {"sequential": "first", "round": "joint"}),
}
"""By the old key, ``part.name``, as files hold it."""


def rename_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a file holds, under today's names.

    Args:
        settings: values by ``part.name``, where ``parent.`` may come first, any number of times.
    """
    renamed = {}
    for key, value in settings.items():
        parents, own = split_parents(key)
        if new := RENAMED.get(own):
            key, value = parents + new.name, new.values.get(value, value)
        renamed[key] = value
    return renamed


def new_name(key: str) -> str | None:
    """Today's name of a setting that somebody typed under its old one, ``rounds`` or ``loop.rounds``; else ``None``."""
    parents, own = split_parents(key)
    new = RENAMED.get(own) or RENAMED.get(f"loop.{own}")
    return None if new is None else parents + new.name.removeprefix("loop.")


def split_parents(key: str) -> tuple[str, str]:
    """``parent.parent.loop.rounds`` as ``("parent.parent.", "loop.rounds")``."""
    parents = re.match(r"(?:parent\.)*", key)[0]  # type: ignore[index]
    return parents, key[len(parents) :]
