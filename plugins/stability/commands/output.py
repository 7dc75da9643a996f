"""The output file of a command, checked before anything is computed."""

from __future__ import annotations

from pathlib import Path

from ganzoo.util.errors import GanzooError


def check_output(out: str | None, *suffixes: str, option: str = "--out") -> None:
    """Raise GanzooError if a file could not be written, because of its suffix or its folder; ``None`` is no file."""
    from ganzoo.util.files import require_folder

    if out:
        if Path(out).suffix not in suffixes:
            allowed = ", ".join(f"x{suffix}" for suffix in suffixes)
            raise GanzooError(f"cannot write '{Path(out).suffix}' files; {option} takes {allowed}")
        require_folder(out)
