"""``ganzoo serve``: the real server, in a process of its own."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.onnx_files import saved, tiny

pytest.importorskip("uvicorn")
Text = Callable[[str], str]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    saved(tiny(), tmp_path / "dcgan.onnx")
    command = [sys.executable, "-m", "ganzoo", "serve", "dcgan.onnx", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_it_serves_until_it_is_stopped(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    line = server.stdout.readline()
    address = line.split(" at ")[1].split()[0]
    with urlopen(f"{address}image.png?seed=3", timeout=20) as answer:
        assert answer.read().startswith(b"\x89PNG")
    with urlopen(f"{address}about.json", timeout=20) as answer:
        assert json.load(answer)["gan"] in line
    server.send_signal(signal.SIGINT)
    out, err = server.communicate(timeout=20)
    assert (server.returncode, err) == (0, "")
    assert out == "Stopped after 2 requests and 1 images.\n"


def test_a_port_that_is_taken(refused: Text, tmp_path: Path) -> None:
    saved(tiny(), tmp_path / "dcgan.onnx")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}: " in refused(f"serve dcgan.onnx --port {port}")


def test_vectors_are_not_served(refused: Text, tmp_path: Path) -> None:
    saved(tiny(shape=(2,)), tmp_path / "x.onnx")
    assert "does not make images from seeds alone, so it cannot be served" in refused("serve x.onnx")
