"""Images of an exported generator over HTTP: an ASGI application without a framework.

    MODEL=cgan.onnx uvicorn --factory service:app

Requests that arrive while the generator runs are answered together by its next batch.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from PIL import Image

from ganzoo import GanzooError, Sampler
from ganzoo.generators.base import CHUNK

MAX_SEEDS = 64
"""Seeds in one request."""
MAX_WAITING = 1024
"""Requests; further ones get status 503."""
MAX_QUERY = 2000


class RequestError(Exception):
    """A bad request, with the HTTP status of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Request:
    """Seeds, their labels, and a future for their PNGs."""

    seeds: list[int]
    labels: list[int] | None
    images: asyncio.Future[list[bytes]]


class Service:
    """The application. Its paths:

    * ``/``: a description of the generator;
    * ``/image.png?seed=7&label=3``: one image;
    * ``/images.json?seeds=7,8,9&label=3``: several images, as PNGs in base64.

    Without a label, a class-conditional GAN makes the class ``seed mod num_classes``.
    """

    def __init__(self, sampler: Sampler) -> None:
        if not sampler.metadata.is_image or sampler.metadata.condition_dim:
            raise GanzooError(f"{sampler.metadata.gan} cannot make images from seeds alone, so it cannot be served")
        self.sampler = sampler
        self._waiting: deque[Request] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"this application serves http only, not {scope['type']}")
        status, kind, body = 200, "application/json", b""
        try:
            kind, body = await self._answer(scope["method"], scope["path"], scope["query_string"])
        except RequestError as error:
            status, body = error.status, json.dumps({"error": str(error)}).encode()
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def images(self, seeds: list[int], label: int | None = None) -> list[bytes]:
        """One PNG for each seed."""
        if len(self._waiting) >= MAX_WAITING:
            raise RequestError(503, "too many requests are waiting; try again later")
        labels = self._labels(seeds, label)
        request = Request(seeds, labels, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await request.images

    async def _answer(self, method: str, path: str, query: bytes) -> tuple[str, bytes]:
        if method != "GET":
            raise RequestError(405, "only GET is answered")
        if path == "/":
            metadata = self.sampler.metadata
            about = {"gan": metadata.gan, "shape": metadata.shape, "num_classes": metadata.num_classes}
            return "application/json", json.dumps(about | {"classes": metadata.data.classes}).encode()
        names = {"/image.png": "seed", "/images.json": "seeds"}
        if path not in names:
            raise RequestError(404, "there are /, /image.png and /images.json")
        values = parsed(query, {names[path], "label"})
        seeds = numbers(values.get(names[path], ""), most=1 if path == "/image.png" else MAX_SEEDS)
        label = numbers(values["label"], most=1)[0] if "label" in values else None
        pngs = await self.images(seeds, label)
        if path == "/image.png":
            return "image/png", pngs[0]
        texts = [base64.b64encode(png).decode() for png in pngs]
        answer = {"seeds": seeds, "labels": self._labels(seeds, label), "images": texts}
        return "application/json", json.dumps(answer).encode()

    def _labels(self, seeds: list[int], label: int | None) -> list[int] | None:
        classes = self.sampler.metadata.num_classes
        if label is not None and label >= classes:
            good = f"choose one of 0 to {classes - 1}" if classes else "this generator is not class-conditional"
            raise RequestError(400, f"there is no label {label}; {good}")
        if not classes:
            return None
        return [seed % classes if label is None else label for seed in seeds]

    async def _work(self) -> None:
        """Answer the waiting requests, as many at a time as fit into one batch."""
        try:
            while self._waiting:
                batch = [self._waiting.popleft()]
                size = len(batch[0].seeds)
                while self._waiting and (size := size + len(self._waiting[0].seeds)) <= CHUNK:
                    batch.append(self._waiting.popleft())
                await self._run([request for request in batch if not request.images.done()])  # a client may have left
        finally:
            self._worker = None

    async def _run(self, batch: list[Request]) -> None:
        seeds = [seed for request in batch for seed in request.seeds]
        labels = [label for request in batch for label in request.labels or ()] or None
        if not seeds:
            return
        try:
            pngs = iter(await asyncio.to_thread(self._pngs, seeds, labels))
        except Exception as error:
            for request in batch:
                if not request.images.done():
                    request.images.set_exception(error)
            return
        for request in batch:
            images = [next(pngs) for _ in request.seeds]
            if not request.images.done():
                request.images.set_result(images)

    def _pngs(self, seeds: list[int], labels: list[int] | None) -> list[bytes]:
        return [png(image) for image in self.sampler.images(self.sampler.sample(seeds, labels=labels))]


def app() -> Service:
    """The application for the file in the environment variable MODEL."""
    return Service(Sampler(os.environ["MODEL"]))


def parsed(query: bytes, names: set[str]) -> dict[str, str]:
    """The values of a query, each given once."""
    if len(query) > MAX_QUERY:
        raise RequestError(414, f"the query has more than {MAX_QUERY} bytes")
    found = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    if found.keys() - names or any(len(values) > 1 for values in found.values()):
        raise RequestError(400, f"the query takes {' and '.join(sorted(names))}, each once")
    return {name: value for name, (value,) in found.items()}


def numbers(text: str, most: int) -> list[int]:
    """The whole numbers below 2**63 in a text, separated by commas; at most ``most``."""
    if not re.fullmatch(r"[0-9]{1,19}(,[0-9]{1,19})*", text) or text.count(",") >= most:
        raise RequestError(400, f"give 1 to {most} whole numbers, as in 7,8,9" if most > 1 else "give one whole number")
    values = [int(word) for word in text.split(",")]
    if max(values) >= 2**63:
        raise RequestError(400, f"{max(values)} is too large; numbers go from 0 to 2**63 - 1")
    return values


def png(image: Any) -> bytes:
    """An image, uint8 ``(H, W, C)`` with C = 1 or 3, as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(file, format="PNG")
    return file.getvalue()
