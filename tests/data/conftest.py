from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Path:
    """A folder with the files of public data sets, in torchvision's layout."""
    if not (directory := os.environ.get("GANZOO_DATA_DIR")):
        pytest.skip("set GANZOO_DATA_DIR to the folder of MNIST's files")
    return Path(directory)
