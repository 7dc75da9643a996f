"""Where the pictures of the laboratory go."""

from __future__ import annotations

from pathlib import Path

from ganzoo.util.errors import GanzooError


def ready(out: str | None, *kinds: str, option: str = "--out") -> None:
    """Refuse a file that could not be written, before anything is computed."""
    from ganzoo.util.files import require_folder

    if out:
        if Path(out).suffix not in kinds:
            raise GanzooError(
                f"cannot write '{Path(out).suffix}' files; {option} takes {', '.join(f'x{k}' for k in kinds)}"
            )
        require_folder(out)
