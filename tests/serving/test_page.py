"""The page of the service in a browser: its images, and what an address asks for."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ganzoo import GanzooError
from ganzoo.generators.onnx_session import Sampler
from ganzoo.serving.page import page_of_service
from tests.support.browser import Page, browsing
from tests.support.commands import invoke
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


def test_a_page_of_its_own_asks_the_service(page: Page, address: str, tmp_path: Path) -> None:
    done = invoke(f"demo {address} -o {tmp_path / 'page.html'}")
    assert (done.exit_code, done.stdout) == (0, f"The images of {address} in {tmp_path / 'page.html'}\n")
    sources = opened(page, f"file://{tmp_path / 'page.html'}#seed=3&label=1")
    assert sources[0] == f"{address}image.png?seed=3&v=v1&label=1"
    assert f"the service at {address}" in page.run("document.querySelector('header').textContent")
    assert page.run("document.getElementById('arrays').href").startswith(f"{address}images.npz?seeds=3-26")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("http://127.0.0.1:1/", "nothing answers at http://127.0.0.1:1/about.json: "),
        ('http://a"b/', "is no address of a service; write http://host:port/"),
        ("http://host;x/", "is no address of a service"),
        ("https://host/?a=1&b", "is no address of a service"),
        ("{address} --runtime cdn", "--runtime is for a page that runs the generator itself"),
        ("{address} -o page.png", "is a file such as page.html"),
        ("{address}nothing", "nothing answers at {address}nothing/about.json: status 404"),
    ],
)
def test_what_is_no_service_is_one_line(given: str, message: str, address: str, tmp_path: Path) -> None:
    line = given.format(address=address)
    done = invoke(shlex.join(["demo", *line.split(" ")]))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert message.format(address=address) in done.stderr


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 10**5,
        b'{"gan": "x"}',
        b'{"gan":"x","data":"y","version":"z","shape":[1,2],"classes":[],"settings":{}}',
    ],
)
def test_other_answers_are_no_service(answer: bytes) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        with pytest.raises(GanzooError, match="is no service of ganzoo; start one: ganzoo serve FILE"):
            page_of_service(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
