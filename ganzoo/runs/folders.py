"""Where runs lie, and what is in a folder already."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ganzoo.runs.options import Options
from ganzoo.settings import written
from ganzoo.spec import GanzooError, Overrides


def claim(folder: Path, *, force: bool) -> None:
    """Make sure that a new run may use the folder; with ``force``, in place of an old one.

    Raises:
        GanzooError: the folder is in use.
    """
    if force or not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    begun = (folder / "checkpoint.safetensors").exists()
    again = f"resume it with: ganzoo train --resume {folder}, or " if begun else ""
    raise GanzooError(f"{folder} exists; {again}replace it with --force, or name another with --out")


def folder_name(gan: str, options: Options, overrides: Overrides) -> str:
    """The name of a run's folder, from its options: ``simple-mnist-10k-seed0-batch=32``."""
    chosen = [f"{key.removeprefix('loop.')}={written(value)}" for key, value in overrides.items()]
    size = [f"{options.image_size}px"] if options.image_size else []
    words = "-".join([gan, options.data, *size, f"seed{options.seed}", *chosen])
    return re.sub(r"[^\w.=,-]+", "_", words)[:200]


def read_record(folder: Path) -> dict[str, Any]:
    """``run.json`` of a folder; :class:`GanzooError` if it is not there or not a run's."""
    path = folder / "run.json"
    if not path.is_file():
        raise GanzooError(f"{folder} is no run's folder: it holds no run.json")
    try:
        record = json.loads(path.read_text())
        missing = sorted({"gan", "settings", "threads", "data_sha256", *Options.__dataclass_fields__} - record.keys())
        if not isinstance(record.get("settings", {}), dict):
            raise ValueError
    except (OSError, ValueError, AttributeError):
        raise GanzooError(f"{path} cannot be read as the record of a run") from None
    if missing:
        raise GanzooError(f"{path} cannot be read as the record of a run: it lacks '{missing[0]}'")
    return record  # type: ignore[no-any-return]
