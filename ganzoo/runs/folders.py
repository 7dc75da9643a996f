"""Which folder a new run uses."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from ganzoo.records.options import Options
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.gan import Overrides
from ganzoo.registry.values import format_value
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import LONGEST_NAME


def folder_name(gan: str, options: Options, overrides: Overrides) -> str:
    """The name of a run's folder, from its options: ``simple-mnist-10k-seed0-batch_size=32``.

    Where it would be too long, the beginning of the data's name is cut, then the end of the settings. The name then
    ends in a hash of the whole, so that two runs do not share a folder.
    """
    chosen = [f"{key.removeprefix('loop.')}={format_value(value)}" for key, value in overrides.items()]
    chosen += [f"init={options.init}"] if options.init else []
    chosen += [f"freeze={','.join(options.freeze)}"] if options.freeze else []
    size = [*([f"{options.image_size}px"] if options.image_size else []), *filter(None, [options.channels])]
    start, data, end = (
        re.sub(r"[^\w.=,-]+", "_", words).encode()
        for words in (f"{gan}-", options.data, "-".join(["", *size, f"seed{options.seed}", *chosen]))
    )
    if len(start + data + end) > LONGEST_NAME:
        unique = b"-" + hashlib.sha256(start + data + end).hexdigest()[:8].encode()
        data = data[-max(20, LONGEST_NAME - len(start + end + unique)) :]
        end = end[: LONGEST_NAME - len(start + data + unique)] + unique
    return (start + data + end).decode(errors="ignore")


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
