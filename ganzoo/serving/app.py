"""The application: routes, limits, caching, health and metrics. ``ganzoo serve`` runs it, or any other ASGI server.

An image depends on the generator, its seed, its label and the settings of sampling, and on nothing else. So answers
have an entity tag, and may be kept for good where the address names the version of the generator (``v=``).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.generators.base import CHUNK, TrainedGenerator
from ganzoo.generators.images import to_pil
from ganzoo.serving.batching import Batcher, BusyError, Bytes
from ganzoo.serving.page import about, page
from ganzoo.serving.parameters import MOST_SEEDS, Asked, RefusedError, openapi, parsed
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.optional import needs

with needs("serve"):
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, JSONResponse, Response
    from starlette.routing import Route

log = logging.getLogger("ganzoo")

FOREVER = "public, max-age=31536000, immutable"
A_WHILE = "public, max-age=300"
RETRY_AFTER = "1"  # seconds
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class Service:
    """What the routes share.

    Args:
        model: makes images from seeds.
        version: changes whenever its images do.
        most_waiting: images that may wait; further requests get status 503.
        timeout: seconds that a request may take; then it gets status 504.
        most_batch: images in a batch.

    Raises:
        GanzooError: the generator makes no images, or not from seeds alone.
    """

    def __init__(
        self,
        model: TrainedGenerator,
        version: str,
        *,
        most_waiting: int = 4096,
        timeout: float = 30.0,
        most_batch: int = CHUNK,
    ) -> None:
        if not model.metadata.is_image or model.metadata.condition:
            raise GanzooError(f"{model.metadata.gan} does not make images from seeds alone, so it cannot be served")
        self.model, self.version, self.timeout = model, version, timeout
        self.batcher = Batcher(model, most_waiting, most_batch)
        self.answers: Counter[tuple[str, int]] = Counter()
        self.times: Counter[float] = Counter()
        self.seconds = 0.0
        self.routes: Mapping[str, Callable[[Request], Awaitable[Response]]] = {
            "/": self.page,
            "/image.png": self.image,
            "/images.npz": self.arrays,
            "/images.json": self.encoded,
            "/about.json": self.about,
            "/health": self.health,
            "/metrics": self.metrics,
            "/openapi.json": self.described,
        }

    # Images.

    async def image(self, request: Request) -> Response:
        return await self._made(request, "seed", "image/png", lambda asked, images: png(images[0]))

    async def arrays(self, request: Request) -> Response:
        return await self._made(request, "seeds", "application/zip", npz)

    async def encoded(self, request: Request) -> Response:
        return await self._made(request, "seeds", "application/json", as_json)

    async def _made(self, request: Request, name: str, kind: str, encode: Callable[[Asked, Bytes], bytes]) -> Response:
        """The answer to a request for images, or that it has not changed."""
        asked = parsed(self.model, request.query_params.multi_items(), name)
        version = request.query_params.get("v")
        headers = {
            "ETag": self._tag(request.url.path, asked),
            "Cache-Control": FOREVER if version == self.version else A_WHILE,
        }
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        try:
            async with asyncio.timeout(self.timeout):
                images = await self.batcher.images(asked.seeds, asked.labels, asked.settings)
                content = await asyncio.to_thread(encode, asked, images)
        except BusyError:
            raise RefusedError("too many images are waiting; try again later", 503) from None
        except TimeoutError:
            raise RefusedError(f"the images took longer than {self.timeout:g} seconds", 504) from None
        return Response(content, media_type=kind, headers=headers)

    def _tag(self, path: str, asked: Asked) -> str:
        """The entity tag of an answer."""
        facts = (self.version, path, asked.seeds, asked.labels, sorted(asked.settings.items()))
        return f'"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"'

    # About the service.

    async def page(self, request: Request) -> Response:
        return HTMLResponse(page(about(self.model, self.version)), headers={"Cache-Control": A_WHILE})

    async def about(self, request: Request) -> Response:
        return JSONResponse(about(self.model, self.version) | {"most_seeds": MOST_SEEDS})

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "waiting": self.batcher.waiting})

    async def described(self, request: Request) -> Response:
        return JSONResponse(openapi(self.model, self.version))

    async def metrics(self, request: Request) -> Response:
        """Counts in the text format of Prometheus."""
        counts = self.batcher.counts
        lines = [
            "# TYPE ganzoo_requests_total counter",
            *(
                f'ganzoo_requests_total{{path="{path}",status="{status}"}} {count}'
                for (path, status), count in sorted(self.answers.items())
            ),
            "# TYPE ganzoo_request_seconds histogram",
            *(f'ganzoo_request_seconds_bucket{{le="{limit}"}} {self._within(limit)}' for limit in BUCKETS),
            f'ganzoo_request_seconds_bucket{{le="+Inf"}} {self.times.total()}',
            f"ganzoo_request_seconds_sum {self.seconds}",
            f"ganzoo_request_seconds_count {self.times.total()}",
            "# TYPE ganzoo_images_total counter",
            f"ganzoo_images_total {counts.images}",
            "# TYPE ganzoo_batches_total counter",
            f"ganzoo_batches_total {counts.batches}",
            "# TYPE ganzoo_generator_seconds_total counter",
            f"ganzoo_generator_seconds_total {counts.seconds}",
            "# TYPE ganzoo_waiting_images gauge",
            f"ganzoo_waiting_images {self.batcher.waiting}",
        ]
        return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

    def _within(self, limit: float) -> int:
        return sum(count for bucket, count in self.times.items() if bucket <= limit)

    def count(self, path: str, status: int, seconds: float) -> None:
        """Count an answer. Paths that there are not count as one, so that nobody can fill the memory."""
        self.answers[path if path in self.routes else "other", status] += 1
        if path.startswith("/image"):
            self.times[next((limit for limit in BUCKETS if seconds <= limit), float("inf"))] += 1
            self.seconds += seconds


def application(service: Service) -> Starlette:
    """The ASGI application of a service."""

    async def answer(request: Request) -> Response:
        begin = time.perf_counter()
        try:
            response = await service.routes[request.url.path](request)
        except RefusedError as error:
            response = refusal(str(error), error.status)
        except GanzooError as error:  # a setting whose value the generator does not take
            response = refusal(str(error), 400)
        except Exception as error:
            log.error("a request failed: %s", first_line(error))
            response = refusal("the generator failed", 500)
        service.count(request.url.path, response.status_code, time.perf_counter() - begin)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def unknown(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        service.count(request.url.path, status, 0.0)
        reasons = {404: f"there are {', '.join(service.routes)}", 405: "only GET and HEAD are answered"}
        response = refusal(reasons.get(status, "the request cannot be answered"), status)
        response.headers.update(getattr(error, "headers", None) or {})  # which methods are allowed
        return response

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await asyncio.to_thread(service.model.sample, 1)  # the first batch of a session is slow
        yield

    routes = [Route(path, answer, methods=["GET"]) for path in service.routes]
    return Starlette(routes=routes, exception_handlers={HTTPException: unknown}, lifespan=lifespan)


def refusal(reason: str, status: int) -> Response:
    """One line that says why."""
    headers = {"Retry-After": RETRY_AFTER} if status == 503 else {}
    return JSONResponse({"error": reason}, status, headers | {"Cache-Control": "no-store"})


def png(image: Bytes) -> bytes:
    """An image uint8 ``(H, W, C)`` as a PNG file."""
    file = io.BytesIO()
    to_pil(image).save(file, format="PNG")
    return file.getvalue()


def npz(asked: Asked, images: Bytes) -> bytes:
    """Images, seeds and labels as an npz file, whose bytes depend on them alone."""
    from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

    file = io.BytesIO()
    arrays: dict[str, NDArray[Any]] = {"images": images, "seeds": np.array(asked.seeds, np.int64)}
    arrays |= {} if asked.labels is None else {"labels": np.array(asked.labels, np.int64)}
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.save(part, array, allow_pickle=False)
            archive.writestr(ZipInfo(f"{name}.npy"), part.getvalue(), ZIP_DEFLATED)
    return file.getvalue()


def as_json(asked: Asked, images: Bytes) -> bytes:
    """Images as PNG files in base64, with their seeds and labels."""
    texts = [base64.b64encode(png(image)).decode() for image in images]
    return json.dumps({"seeds": asked.seeds, "labels": asked.labels, "images": texts}).encode()
