"""The trained weights of this version: their index, and their files, whose hashes are checked. Needs no torch.

The index names all of them. An installation has the files of some; the others are downloaded, see
:mod:`ganzoo.generators.download`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from ganzoo.generators import hub
from ganzoo.generators.hub import Kind
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import download_folder

FOLDER = Path(str(files("ganzoo_weights")))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One trained generator, as ``weights/index.json`` describes it.

    Attributes:
        name: of the entry.
        also: further names of it.
        gan, overrides: the GAN, and its settings that differ from the defaults.
        data, licence: the data set, and the licence of its samples.
        iterations, seed, cpu_seconds: of the training, on one thread, without that of a parent.
        command: that trains it, after the command of its parent if it has one.
        files: ``file``, ``bytes`` and ``sha256`` by kind.
        opset: version of the operators of the ONNX file.
        scores: metrics of the exported file by name.
        measured: how the scores were measured: samples, seeds, main score, data and extractor.
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
    opset: int
    scores: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)

    def found(self, kind: Kind, folder: Path = FOLDER) -> Path | None:
        """Where the file of that kind is, unchecked: in the installation, or downloaded; ``None`` if it is nowhere."""
        places = (place / str(self.files[kind]["file"]) for place in (folder, downloads()))
        return next((path for path in places if path.is_file()), None)

    def path(self, kind: Kind, folder: Path = FOLDER) -> Path:
        """The file of that kind, the one that was evaluated.

        Raises:
            GanzooError: it is missing, or its SHA-256 differs from that in the index.
        """
        path, command = self.found(kind, folder), f"ganzoo weights --get {self.name} --from FOLDER|URL|hf:user/name"
        if path is None:
            raise GanzooError(f"the weights of {self.name} are not in this installation; get them: {command}")
        if not self.is_right(kind, path):
            again = "install ganzoo again" if path.parent == folder else f"get it again: {command}"
            raise GanzooError(f"{path} is not the file that was evaluated: its SHA-256 differs; {again}")
        return path

    def is_right(self, kind: Kind, path: Path) -> bool:
        """Whether a file has the SHA-256 that the index states."""
        return hashlib.sha256(path.read_bytes()).hexdigest() == str(self.files[kind]["sha256"])


def downloads() -> Path:
    """The folder of the weights that were downloaded."""
    return download_folder() / "weights"


@cache
def index(folder: Path = FOLDER) -> dict[str, Entry]:
    """All entries by ``name``; :class:`GanzooError` if the index is damaged."""
    path = folder / "index.json"
    if not path.exists():
        return {}
    try:
        entries = [_entry(entry) for entry in json.loads(path.read_text(encoding="utf-8"))["weights"]]
        return {entry.name: entry for entry in entries}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise GanzooError(f"{path} is damaged; install ganzoo again") from error


def _entry(values: Mapping[str, Any]) -> Entry:
    """An entry of the index; ValueError if a value has the wrong type."""
    entry = Entry(**values)
    texts = (entry.name, entry.gan, entry.data, entry.licence, entry.command, *entry.also)
    files = [(file["file"], file["bytes"], file["sha256"]) for file in entry.files.values()]
    scores = [entry.cpu_seconds, *entry.scores.values()]
    if not (
        all(isinstance(text, str) for text in (*texts, *entry.overrides, *entry.measured))
        and isinstance(entry.also, list)
        and all(isinstance(each, dict) for each in (entry.overrides, entry.files, entry.scores, entry.measured))
        and {type(count) for count in (entry.iterations, entry.seed, entry.opset)} == {int}
        and all(type(score) in (int, float) for score in scores)
        and entry.files.keys() <= {*get_args(Kind)}
        and all((type(name), type(size), type(digest)) == (str, int, str) for name, size, digest in files)
        and all(Path(name).name == name for name, _, _ in files)
    ):
        raise ValueError(entry.name)
    if entry.scores and entry.measured.get("score") not in entry.scores:
        raise ValueError(entry.measured)
    return entry


def find(name: str) -> Entry | None:
    """The entry of that name, ``also`` included; ``None`` if there is none."""
    entries = index()
    return entries.get(name) or next((entry for entry in entries.values() if name in entry.also), None)


def exported(source: str | Path) -> Path:
    """The path of an ONNX file, or the ONNX file of an entry or an address on the Hub."""
    if hub.is_address(source):
        return hub.fetch(str(source), "onnx")
    entry = find(str(source)) if not Path(source).exists() else None
    return entry.path("onnx") if entry else Path(source)
