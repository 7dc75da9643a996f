"""The trained weights that come with ganzoo: their index, and files that are what it says. Nothing here needs torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from ganzoo.util.errors import GanzooError

Kind = Literal["safetensors", "onnx"]
FOLDER = Path(str(files("ganzoo_weights")))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One trained generator, as ``weights/index.json`` describes it.

    Attributes:
        name: by which it is asked for.
        also: further names that mean the same.
        gan, overrides: what was trained, and which settings differ from its defaults.
        data, licence: the data set that it saw, and whose terms apply to that.
        iterations, seed, cpu_seconds: how long it was trained, the parent not counted; one thread.
        command: makes it anew; that of the parent, if it has one, comes first.
        files: name, size in bytes and SHA-256 by kind.
        scores: figures of the exported path by name.
        measured: with how many samples, what and how the scores were measured.
    """

    name: str
    also: tuple[str, ...] = ()
    gan: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    data: str
    licence: str
    iterations: int
    seed: int
    cpu_seconds: float
    command: str
    files: Mapping[Kind, Mapping[str, Any]]
    scores: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)

    def path(self, kind: Kind, folder: Path = FOLDER) -> Path:
        """The file of that kind, whose bytes are those that were measured.

        Raises:
            GanzooError: it is missing, or is another file than the index says.
        """
        path = folder / str(self.files[kind]["file"])
        if not path.is_file():
            raise GanzooError(f"{path} is missing from this installation; install ganzoo again")
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.files[kind]["sha256"]:
            raise GanzooError(f"{path} is not the file that was shipped: its SHA-256 differs; install ganzoo again")
        return path


@cache
def index(folder: Path = FOLDER) -> dict[str, Entry]:
    """All entries by name, ``also`` not counted; :class:`GanzooError` if the index is damaged."""
    path = folder / "index.json"
    if not path.exists():
        return {}
    try:
        entries = [Entry(**entry) for entry in json.loads(path.read_text())["weights"]]
        for entry in entries:
            for file in entry.files.values():
                if Path(file["file"]).name != file["file"]:
                    raise ValueError(file["file"])
        return {entry.name: entry for entry in entries}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise GanzooError(f"{path} is damaged; install ganzoo again") from error


def find(name: str) -> Entry | None:
    """The entry that a name means, if there is one."""
    entries = index()
    return entries.get(name) or next((entry for entry in entries.values() if name in entry.also), None)


def exported(source: str | Path) -> Path:
    """The ONNX file that a path is, or that a name of these weights means."""
    entry = find(str(source)) if not Path(source).exists() else None
    return entry.path("onnx") if entry else Path(source)
