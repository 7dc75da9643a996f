"""Run folders that are written, not trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.run_folders import write_run

WriteRun = Callable[..., Path]


@pytest.fixture
def written_run(tmp_path: Path) -> WriteRun:
    """Write a run folder, by default ``run``; see :func:`tests.support.run_folders.write_run`."""

    def write(*, name: str = "run", **changes: Any) -> Path:
        return write_run(tmp_path / name, **changes)

    return write
