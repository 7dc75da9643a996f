"""How many images a second does a service give? ``python -m tests.benchmarks serving``

Two services of the same generator run in processes of their own: one makes the images of requests that wait together,
one makes each alone. A client with :data:`CLIENTS` connections asks each for images of seeds that nobody asked for
before, in turns of :data:`REQUESTS` requests. Client and services share the machine. Every answer is checked: it is a
PNG, and no request is lost.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from statistics import median
from typing import Any

from ganzoo.generators.base import CHUNK
from tests.benchmarks.harness import table

CLIENTS = 64
REQUESTS, FEW = 2000, 100
NAMES = ("simple", "dcgan", "stylegan2")
ROWS = {"together": CHUNK, "one by one": 1}
PNG = b"\x89PNG\r\n"


def serve(name: str, most_batch: int, listening: socket.socket) -> None:
    """Run a service until the process ends."""
    import uvicorn

    from ganzoo.generators.onnx_session import Sampler
    from ganzoo.serving.app import Service, application

    service = Service(Sampler(name), "1", most_batch=most_batch)
    config = uvicorn.Config(application(service), log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def running(name: str, most_batch: int) -> Iterator[int]:
    """The port of a service."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(name, most_batch, listening), daemon=True
        )
        process.start()
        try:
            yield listening.getsockname()[1]
        finally:
            process.terminate()
            process.join(10)


async def ask(port: int, seeds: Iterator[int], requests: int) -> dict[str, float]:
    """Ask for so many images, and measure how long each takes."""
    times: list[float] = []
    left = iter(range(requests))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            begin = time.perf_counter()
            writer.write(f"GET /image.png?seed={next(seeds)} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            content = await reader.readexactly(int(length[1]) if length else 0)
            if not (head.startswith(b"HTTP/1.1 200 ") and content.startswith(PNG)):
                raise RuntimeError(f"a request was lost: {head[:40]!r}")
            times.append(time.perf_counter() - begin)
        writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    seconds = time.perf_counter() - begin
    times.sort()
    if len(times) != requests:
        raise RuntimeError(f"{requests - len(times)} requests were lost")
    return {
        "requests/s": requests / seconds,
        "p50 ms": 1000 * times[len(times) // 2],
        "p99 ms": 1000 * times[len(times) * 99 // 100],
    }


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Medians of the turns for each generator and service."""
    requests = REQUESTS if seconds >= 0.5 else FEW
    rows = []
    for name in NAMES:
        with running(name, ROWS["together"]) as first, running(name, ROWS["one by one"]) as second:
            seeds, found = count(), {row: [] for row in ROWS}
            for port in (first, second):  # their first answers wait until they have started
                asyncio.run(ask(port, seeds, FEW))
            for _ in range(turns):
                for row, port in zip(ROWS, (first, second), strict=True):
                    found[row].append(asyncio.run(ask(port, seeds, requests)))
        for row, turn in found.items():
            rows.append(
                {"generator": name, "service": row}
                | {key: round(median(one[key] for one in turn), 1) for key in turn[0]}
            )
    return {"requests": requests * turns, "clients": CLIENTS, "rows": rows}


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    head = f"{result['clients']} connections, {result['requests']:,} requests to each service, none lost"
    return f"{head}\n\n{table(result['rows'])}"
