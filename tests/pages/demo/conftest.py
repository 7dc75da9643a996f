from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ganzoo.generators.onnx_reader import read
from ganzoo.pages import demo
from tests.support.browser import Page, browsing
from tests.support.onnx_files import saved, tiny

Made = Callable[..., Path]
Opened = Callable[..., Page]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Write a small generator, with changes to its header, and return its path."""

    def make(**changes: Any) -> Path:
        return saved(tiny(**changes), tmp_path / "tiny.onnx")

    return make


@pytest.fixture(scope="session")
def runtime() -> Path:
    """The folder of onnxruntime-web, if it is installed somewhere."""
    folder = Path(os.environ.get("GANZOO_ORT_WEB", demo.RUNTIME)).resolve()
    if not folder.is_dir():
        pytest.skip("no onnxruntime-web: npm install onnxruntime-web, or set GANZOO_ORT_WEB to its folder dist")
    return folder


@pytest.fixture
def unreal(tmp_path: Path) -> Path:
    """What stands where onnxruntime-web should, for pages that nobody opens."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, runtime: Path) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def opened(page: Page, runtime: Path, tmp_path: Path) -> Opened:
    """Make a page of a generator and open it as a file."""

    def open_(model: Path, address: str = "") -> Page:
        target = tmp_path / "demo.html"
        target.write_text(demo.page(*read(model), str(runtime)), encoding="utf-8")
        page.open("about:blank", until="true")  # another address of the same page would not load it again
        page.open(target.as_uri() + address)
        return page

    return open_
