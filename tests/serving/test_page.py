"""The page of the service in a browser: its images, and what an address asks for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganzoo.generators.onnx_session import Sampler
from tests.support.browser import Page, browsing
from tests.support.onnx_files import saved, tiny

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

from ganzoo.serving.app import Service, application  # noqa: E402

STATUS = "document.getElementById('status').textContent"
SOURCES = "[...document.querySelectorAll('#images img')].map((image) => image.getAttribute('src'))"
LOADED = "[...document.querySelectorAll('#images img')].every((image) => image.complete && image.naturalWidth)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of three classes on this machine."""
    path: Path = saved(tiny(num_classes=3), tmp_path_factory.mktemp("serving") / "cgan.onnx")
    app = application(Service(Sampler(path, threads=1), "v1"))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


def opened(page: Page, address: str) -> list[str]:
    """The sources of the images of an address, once all are loaded."""
    page.open("about:blank", until="true")
    page.open(address, until=LOADED)
    assert page.complaints == []
    sources: list[str] = page.run(SOURCES)
    return sources


def test_it_shows_images_of_the_service(page: Page, address: str) -> None:
    sources = opened(page, address)
    assert (len(sources), sources[:2]) == (24, ["image.png?seed=0&v=v1", "image.png?seed=1&v=v1"])
    assert page.run("location.hash") == "#seed=0"


def test_an_address_says_seed_and_class(page: Page, address: str) -> None:
    assert opened(page, f"{address}#seed=7&label=2")[0] == "image.png?seed=7&v=v1&label=2"
    assert page.run(STATUS) == ""
    page.run("document.getElementById('next').click()")
    assert page.run("location.hash") == "#seed=31&label=2"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("seed=x", "Of the address: 'x' is not a seed of this page."),
        ("seed=4&label=3", "Of the address: there is no label '3'."),
        ("label=-1&psi=1", "Of the address: there is no label '-1'; nothing reads 'psi'."),
    ],
)
def test_what_is_wrong_with_an_address_is_said(asked: str, said: str, page: Page, address: str) -> None:
    assert len(opened(page, f"{address}#{asked}")) == 24
    assert page.run(STATUS) == said
