"""Where runs lie, and what is in a folder already."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from ganzoo.pages import report
from ganzoo.registry.gan import Overrides
from ganzoo.registry.recipe import format_value
from ganzoo.runs.options import Options
from ganzoo.util.errors import GanzooError

FILES = (
    "run.json",
    "checkpoint.safetensors",
    "weights.safetensors",
    "best.safetensors",
    "metrics.jsonl",
    "evaluation.json",
)
"""Of a run, besides ``samples/iteration-*.png`` and what lies in :data:`KEPT`."""

KEPT = "checkpoints"
"""The folder of the checkpoints that are kept, ``iteration-000500.safetensors``."""


def claim(folder: Path, *, force: bool) -> None:
    """Make sure that a new run may use the folder; with ``force``, in place of an old run, but of nothing else.

    Raises:
        GanzooError: the folder is in use.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if force:
        ours = [name for name in (*FILES, *report.FILES, KEPT) if (folder / name).exists()]
        if ours and "run.json" not in ours:
            raise GanzooError(f"{folder} is no run's folder, so its {ours[0]} is not replaced; name another with --out")
        return
    begun = (folder / "checkpoint.safetensors").exists()
    again = f"resume it with: ganzoo train --resume {shlex.quote(str(folder))}, or " if begun else ""
    raise GanzooError(f"{folder} exists; {again}replace it with --force, or name another with --out")


def left_by(command: str, folder: Path) -> Literal["nothing", "record", "checkpoint", "whole run"]:
    """What an earlier start of the very same command has left in a folder."""
    if not (folder / "run.json").is_file() or read_record(folder)["command"] != command:
        return "nothing"
    if not (folder / "checkpoint.safetensors").is_file():
        return "record"
    return "whole run" if finished(folder) else "checkpoint"


def folder_name(gan: str, options: Options, overrides: Overrides) -> str:
    """The name of a run's folder, from its options: ``simple-mnist-10k-seed0-batch_size=32``."""
    chosen = [f"{key.removeprefix('loop.')}={format_value(value)}" for key, value in overrides.items()]
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
    except (OSError, ValueError, RecursionError):
        raise GanzooError(f"{path} cannot be read as the record of a run") from None
    if isinstance(record, dict):
        usual = {"evaluate_every": None, "keep_every": None, "compile": False, "graph": False, "ranks": 1}
        record = usual | record  # older runs have none
    for name, good in CHECKS.items():
        if not isinstance(record, dict) or name not in record:
            raise GanzooError(f"{path} cannot be read as the record of a run: it lacks '{name}'")
        if not good(record[name]):
            raise GanzooError(f"{path} cannot be read as the record of a run: '{name}' is {record[name]!r:.60}")
    return record  # type: ignore[no-any-return]


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The entries of ``metrics.jsonl`` in a folder; what is no entry, as a line cut short by a kill, is left out."""
    path = folder / "metrics.jsonl"
    entries = []
    for line in path.read_text(errors="replace").splitlines() if path.is_file() else []:
        with suppress(ValueError, RecursionError):
            if is_entry(entry := json.loads(line)):
                entries.append(entry)
    return entries


def keeping(folder: Path, number: int) -> Path:
    """Where a run keeps its checkpoint of that iteration."""
    return folder / KEPT / f"iteration-{number:06d}.safetensors"


def kept(folder: Path) -> dict[int, Path]:
    """The checkpoints that a run has kept, by iteration, the first one first."""
    found = {
        int(path.stem.removeprefix("iteration-")): path
        for path in folder.glob(f"{KEPT}/iteration-*.safetensors")
        if path.stem.removeprefix("iteration-").isdecimal()
    }
    return {number: path for number, path in sorted(found.items()) if path == keeping(folder, number)}


def forget(folder: Path, after: int) -> None:
    """Remove the checkpoints that a run has kept of later iterations than that, and their folder if nothing is left."""
    for number, path in kept(folder).items():
        if number > after:
            path.unlink()
    with suppress(OSError):
        (folder / KEPT).rmdir()


def finished(folder: Path) -> bool:
    """Whether the run in a folder has played all its iterations."""
    entries = read_metrics(folder)
    return bool(entries) and bool(entries[-1]["iteration"] == read_record(folder)["settings"]["loop.iterations"])


def cpu_seconds(folder: Path) -> float:
    """CPU time of a run so far, all its processes together."""
    return float(read_metrics(folder)[-1]["cpu_seconds"])


def is_entry(value: object) -> bool:
    """Whether that is an iteration with numbers, and perhaps with findings."""
    if not isinstance(value, dict) or not count(0, 10**12)(value.get("iteration")):
        return False
    findings = value.get("findings", [])
    return all(type(number) in (int, float) for name, number in value.items() if name != "findings") and (
        isinstance(findings, list) and all(map(is_finding, findings))
    )


def is_finding(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"kind", "iteration", "line"}
        and text(value["kind"])
        and count(0, 10**12)(value["iteration"])
        and text(value["line"])
    )


def text(value: object) -> bool:
    return isinstance(value, str)


def text_or_none(value: object) -> bool:
    return value is None or text(value)


def truth(value: object) -> bool:
    return isinstance(value, bool)


def count(least: int, most: int) -> Callable[[object], bool]:
    """Whether a value is a whole number in that range."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def count_or_none(value: object) -> bool:
    return value is None or count(1, 10**12)(value)


CHECKS: dict[str, Callable[[object], bool]] = {
    "gan": text,
    "settings": lambda value: isinstance(value, dict),
    "data": text,
    "data_sha256": text,
    "data_dir": text_or_none,
    "image_size": count_or_none,
    "seed": count(0, 2**63 - 1),
    "device": text,
    "precision": lambda value: value in ("fp32", "bf16"),
    "threads": count(1, 1024),
    "ranks": count(1, 10**4),
    "compile": truth,
    "graph": truth,
    "sample_every": count_or_none,
    "save_every": count_or_none,
    "evaluate_every": count_or_none,
    "keep_every": count_or_none,
    "command": text,
}
