"""Trained weights that are not in the installation: from a folder and a web server, with what can go wrong there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ganzoo.generators import download, pretrained
from ganzoo.generators.pretrained import Entry
from ganzoo.util.errors import GanzooError

Text = Callable[[str], str]
CONTENT = {"safetensors": b"weights" * 1000, "onnx": b"graph" * 1000}


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """An entry whose files are nowhere; downloads go into a folder of the test."""
    monkeypatch.setenv("GANZOO_DATA_DIR", str(tmp_path / "cache"))
    files = {
        kind: {"file": f"tiny.{kind}", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for kind, content in CONTENT.items()
    }
    return Entry(
        name="tiny", gan="simple", data="mnist", licence="free", iterations=1, seed=0, cpu_seconds=1.0,
        command="ganzoo train simple", files=files, opset=13,
    )  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder that has the files."""
    folder = tmp_path / "source"
    folder.mkdir()
    for kind, content in CONTENT.items():
        (folder / f"tiny.{kind}").write_bytes(content)
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def address(source: Path) -> Iterator[str]:
    """A web server of that folder."""
    yield from serving(partial(Quiet, directory=str(source)))


@pytest.fixture
def cut() -> Iterator[str]:
    """A web server that closes each connection in the middle of a file."""

    class Cut(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "7000")
            self.end_headers()
            self.wfile.write(b"weights" * 10)
            self.close_connection = True

    yield from serving(Cut)


def test_files_come_from_a_folder_once(entry: Entry, source: Path, tmp_path: Path) -> None:
    with pytest.raises(
        GanzooError, match=r"tiny are not in this installation; get them: ganzoo weights --get tiny --from"
    ):
        entry.path("onnx")
    paths = download.get(entry, str(source))
    assert paths == [tmp_path / "cache" / "weights" / f"tiny.{kind}" for kind in CONTENT]
    assert [entry.path(kind).read_bytes() for kind in entry.files] == list(CONTENT.values())
    assert download.get(entry, str(source)) == []
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(path.name for path in paths)


def test_files_come_from_a_web_server(entry: Entry, address: str) -> None:
    for url in (address, f"{address}/"):
        (first, _) = download.get(entry, url)
        first.with_name("tiny.onnx").unlink()
        first.unlink()
    download.get(entry, address)
    assert entry.path("safetensors").read_bytes() == CONTENT["safetensors"]


def test_only_the_damaged_file_is_copied_again(entry: Entry, source: Path) -> None:
    download.get(entry, str(source))
    damaged = pretrained.downloads() / "tiny.onnx"
    damaged.write_bytes(b"graphs")
    with pytest.raises(GanzooError, match=r"its SHA-256 differs; get it again: ganzoo weights"):
        entry.path("onnx")
    assert download.get(entry, str(source)) == [damaged]
    assert entry.path("onnx").read_bytes() == CONTENT["onnx"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"graphs" * 1000, "not that of this version of ganzoo: its SHA-256 differs"),
        (b"graph" * 999 + b"grape", "not that of this version of ganzoo: its SHA-256 differs"),
        (b"graph" * 999, "ends after 4,995 of 5,000 bytes; try again"),
        (b"", "ends after 0 of 5,000 bytes"),
    ],
)
def test_another_file_of_that_name_is_refused(content: bytes, message: str, entry: Entry, source: Path) -> None:
    (source / "tiny.onnx").write_bytes(content)
    with pytest.raises(GanzooError, match=message):
        download.get(entry, str(source))
    assert [path.name for path in pretrained.downloads().iterdir()] == ["tiny.safetensors"]


def test_a_file_without_end_is_read_to_its_size(entry: Entry, source: Path) -> None:
    (source / "tiny.onnx").unlink()
    (source / "tiny.onnx").symlink_to("/dev/zero")
    with pytest.raises(GanzooError, match="SHA-256 differs"):
        download.get(entry, str(source))


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", r"there is no tiny.safetensors in nowhere; name the folder that holds it"),
        ("ftp://host/weights", "has a scheme that is not read; use a folder, http://, https:// or hf:"),
        ("file:///etc", "has a scheme that is not read"),
        ("http://127.0.0.1:1/weights", "cannot read tiny.safetensors from http://127.0.0.1:1/weights: .*refused"),
        ("http://[::1/weights", "cannot read tiny.safetensors from"),
        ("hf:nonsense", "is no address on the Hub"),
        ("a\0b", "cannot read tiny.safetensors"),
        ("~nobody-of-that-name/x", "there is no home folder"),
    ],
)
def test_wrong_sources_are_one_line(place: str, message: str, entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match=message) as caught:
        download.get(entry, place)
    assert "\n" not in str(caught.value)


def test_what_a_server_lacks_or_breaks_off_is_one_line(entry: Entry, address: str, cut: str, source: Path) -> None:
    (source / "tiny.safetensors").unlink()
    with pytest.raises(GanzooError, match=f"cannot read tiny.safetensors from {address}: .*404"):
        download.get(entry, address)
    with pytest.raises(GanzooError, match=f"tiny.safetensors from {cut}"):
        download.get(entry, cut)
    assert list(pretrained.downloads().iterdir()) == []


def test_the_command_says_what_was_copied(ganzoo: Text, refused: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZOO_DATA_DIR", "cache")
    assert ganzoo("weights --get dcgan --get dcgan --from somewhere") == "1/1 dcgan: already here\n"
    assert "yes" in ganzoo("weights").splitlines()[1]
    assert "no trained generator named 'dcgna'; did you mean 'dcgan'?" in refused("weights --get dcgna --from x")
    assert "say where the weights come from: --from FOLDER" in refused("weights --get dcgan")
    assert "name them too: ganzoo weights --get NAME" in refused("weights --from x")
