"""Which folder a new run uses."""

from __future__ import annotations

import re
from typing import Literal

from ganzoo.records.options import Options
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.gan import Overrides
from ganzoo.registry.recipe import format_value
from ganzoo.util.errors import GanzooError


def folder_name(gan: str, options: Options, overrides: Overrides) -> str:
    """The name of a run's folder, from its options: ``simple-mnist-10k-seed0-batch_size=32``."""
    chosen = [f"{key.removeprefix('loop.')}={format_value(value)}" for key, value in overrides.items()]
    size = [f"{options.image_size}px"] if options.image_size else []
    words = "-".join([gan, options.data, *size, f"seed{options.seed}", *chosen])
    return re.sub(r"[^\w.=,-]+", "_", words)[:200]


def require_free(folder: RunFolder, *, replace: bool) -> None:
    """Refuse a folder that is in use.

    Args:
        folder: of the new run.
        replace: whether the new run may replace an old one. Nothing else is ever replaced.

    Raises:
        GanzooError: the folder is in use.
    """
    path = folder.path
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if replace:
        in_the_way = [file for file in (*folder.files, folder.checkpoints) if file.exists()]
        if in_the_way and not folder.record_file.exists():
            raise GanzooError(
                f"{folder} is not a run folder, so its {in_the_way[0].name} is not replaced; name another with --out"
            )
        return
    resume = f"resume it with: ganzoo train --resume {folder.in_shell}, or " if folder.checkpoint.exists() else ""
    raise GanzooError(f"{folder} exists; {resume}replace it with --force, or name another with --out")


def left_by(command: str, folder: RunFolder) -> Literal["nothing", "record", "checkpoint", "finished run"]:
    """What an earlier start of the same command has left in a folder."""
    if not folder.record_file.is_file() or folder.read_record()["command"] != command:
        return "nothing"
    if not folder.checkpoint.is_file():
        return "record"
    return "finished run" if folder.is_finished and folder.has_report else "checkpoint"
