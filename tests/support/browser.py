"""A headless Chromium, spoken to over a pipe in the Chrome DevTools Protocol."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
    # Nothing that a browser does on its own.
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-quic",
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),  # a camera, and the leave to use it
)
PATIENCE = 120  # seconds for one answer


class Page:
    """A page of the browser, with all that it logs, throws and asks the network for."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer
        self._buffer = b""
        self._count = 0
        self._session = ""
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, address: str, until: str = "window.ganzoo?.ready.then(() => true)") -> None:
        """Load a page and wait until a script says that it is ready."""
        self.complaints.clear()
        self.requests.clear()
        self.call("Page.navigate", url=address)
        end = time.monotonic() + PATIENCE
        while not self.run(f"document.readyState === 'complete' && ({until})"):
            assert time.monotonic() < end, self.complaints
            time.sleep(0.05)

    def run(self, script: str) -> Any:
        """The value of a script, awaited; :class:`RuntimeError` for what it throws."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(done["exceptionDetails"]["exception"].get("description", "thrown"))
        return done["result"].get("value")

    def screenshot(self, path: Path) -> None:
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers; what it reports meanwhile is kept."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._count:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._keep(answer.get("method", ""), answer.get("params", {}))

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reader], [], [], PATIENCE)
            assert ready, "the browser does not answer"
            received = os.read(self._reader, 2**20)
            assert received, "the browser is gone"
            self._buffer += received
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _keep(self, event: str, told: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"][:200])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"])[:2000])
        elif event == "Log.entryAdded" or (
            event == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning")
        ):
            self.complaints.append(json.dumps(told)[:2000])


@contextlib.contextmanager
def browsing(profile: Path) -> Iterator[Page]:
    """A fresh browser with one page."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the PATH")
    (their_reader, writer), (reader, their_writer) = os.pipe(), os.pipe()
    # The browser listens at descriptor 3 and answers at 4; a shell can put ours there whatever their numbers are.
    script = f'exec "$0" "$@" 3<&{their_reader} 4>&{their_writer}'
    process = subprocess.Popen(
        ["bash", "-c", script, CHROMIUM, *OPTIONS, f"--user-data-dir={profile}"],
        pass_fds=(their_reader, their_writer),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_reader)
    os.close(their_writer)
    try:
        yield Page(reader, writer)
    finally:
        process.kill()
        process.wait()
        os.close(reader)
        os.close(writer)
