"""Commands run in an empty folder, without the weights that come with ganzoo."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def in_empty_folder(empty_folder: Path) -> Path:
    return empty_folder
