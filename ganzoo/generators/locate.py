"""The weights file for the argument RUN|FILE|NAME of a command. Needs no torch."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ganzoo.generators import hub, pretrained
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError


def find(source: str) -> Path:
    """The weights file of a run folder, a file, a name, or an address on the Hub such as ``hf:user/name``.

    A name is one of the weights that ship with ganzoo (``ganzoo weights``), or else the GAN of the newest run in
    ``runs/``.

    Raises:
        GanzooError: there is none; the message has the command that trains one.
    """
    if hub.is_address(source):
        return hub.fetch(source, "safetensors")
    path = Path(source)
    if path.is_dir() and not (source in registry().gans and not (path / "weights.safetensors").exists()):
        weights = path / "weights.safetensors"
        if weights.is_file():
            return weights
        raise GanzooError(f"{path} holds no weights.safetensors; is it a run's folder? (ganzoo train --resume {path})")
    if path.is_file():
        return path
    if path.suffix or os.sep in source:
        raise GanzooError(f"there is no run or file {source}")
    if entry := pretrained.find(source):
        return entry.path("safetensors")
    registry().gan(source)
    for run in sorted(filter(Path.is_file, Path("runs").glob("*/run.json")), key=modified, reverse=True):
        weights = run.parent / "weights.safetensors"
        try:
            if run.stat().st_size > MAX_RECORD:
                continue
            if weights.is_file() and run.is_file() and json.loads(run.read_text()).get("gan") == source:
                return weights
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
    raise GanzooError(f"there are no trained weights of {source} here; train them first: ganzoo train {source}")


MAX_RECORD = 2**22  # bytes; a larger run.json is not one of ganzoo's


def modified(path: Path) -> float:
    """When a file was modified; 0 if it is gone by now."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0


def gan_of(record: Path) -> object:
    """The GAN that a run's record names; ``None`` where it names none."""
    content = json.loads(record.read_text())
    return content.get("gan") if isinstance(content, dict) else None
