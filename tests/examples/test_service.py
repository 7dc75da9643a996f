"""The service answers over ASGI, many requests with one run."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganzoo import GanzooError
from ganzoo.generators.onnx_session import Sampler
from tests.support import ROOT
from tests.support.onnx_files import saved, tiny

EXAMPLE = ROOT / "docs" / "examples" / "service"
Answer = tuple[int, str, bytes]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(EXAMPLE)
    import service

    return service


@pytest.fixture
def sampler(tmp_path: Path) -> Sampler:
    return Sampler(saved(tiny(num_classes=3), tmp_path / "cgan.onnx"), threads=1)


async def get(app: Any, target: str, method: str = "GET") -> Answer:
    path, _, query = target.partition("?")
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": path, "query_string": query.encode()}, None, send)
    start, body = sent
    headers = dict(start["headers"])
    assert int(headers[b"content-length"]) == len(body["body"])
    return start["status"], headers[b"content-type"].decode(), body["body"]


@pytest.fixture
def ask(example: Any, sampler: Sampler) -> Callable[..., list[Answer]]:
    """Send requests to one service, all at once."""

    def ask(*targets: str, **options: str) -> list[Answer]:
        async def all_of_them() -> list[Answer]:
            app = example.Service(sampler)
            return await asyncio.gather(*(get(app, target, **options) for target in targets))

        return asyncio.run(all_of_them())

    return ask


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))[:, :, None]


def test_one_image(ask: Callable[..., list[Answer]], sampler: Sampler) -> None:
    labelled, usual = ask("/image.png?seed=7&label=2", "/image.png?seed=7")
    assert labelled[:2] == usual[:2] == (200, "image/png")
    assert np.array_equal(pixels(labelled[2]), sampler.images(sampler.sample([7], labels=2))[0])
    assert np.array_equal(pixels(usual[2]), sampler.images(sampler.sample([7], labels=7 % 3))[0])


def test_several_images(ask: Callable[..., list[Answer]], sampler: Sampler) -> None:
    ((status, kind, body),) = ask("/images.json?seeds=5,4,9223372036854775807")
    answer = json.loads(body)
    assert (status, kind) == (200, "application/json")
    assert (answer["seeds"], answer["labels"]) == ([5, 4, 2**63 - 1], [2, 1, (2**63 - 1) % 3])
    expected = sampler.images(sampler.sample(answer["seeds"], labels=answer["labels"]))
    assert np.array_equal([pixels(base64.b64decode(image)) for image in answer["images"]], expected)


def test_the_generator_is_described(ask: Callable[..., list[Answer]]) -> None:
    ((status, _, body),) = ask("/")
    assert (status, json.loads(body)) == (200, {"gan": "tiny", "shape": [1, 4, 6], "num_classes": 3, "classes": []})


def test_simultaneous_requests_share_batches(
    ask: Callable[..., list[Answer]], sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = sampler.images(sampler.sample(range(300), labels=1))
    sizes: list[int] = []
    run = sampler.run
    monkeypatch.setattr(
        sampler, "run", lambda stage, z, *condition: (sizes.append(len(z)), run(stage, z, *condition))[1]
    )
    answers = ask(*(f"/image.png?seed={seed}&label=1" for seed in range(300)))
    assert len(sizes) <= 3
    assert sum(sizes) == 300
    assert all(np.array_equal(pixels(body), image) for (_, _, body), image in zip(answers, expected, strict=True))


def test_a_client_that_disconnects_does_not_affect_others(example: Any, sampler: Sampler) -> None:
    async def leave() -> Answer:
        app = example.Service(sampler)
        leaving = asyncio.create_task(get(app, "/image.png?seed=1"))
        staying = asyncio.create_task(get(app, "/image.png?seed=2"))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(leave())[0] == 200


def test_a_failure_reaches_the_waiting_requests_and_the_service_continues(
    example: Any, sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> Answer:
        app = example.Service(sampler)
        with monkeypatch.context() as patch:
            patch.setattr(sampler, "run", lambda *arguments: (_ for _ in ()).throw(GanzooError("out of memory")))
            failures = await asyncio.gather(*(get(app, "/image.png?seed=1") for _ in range(3)), return_exceptions=True)
        assert [str(failure) for failure in failures] == ["out of memory"] * 3, "the server answers with status 500"
        return await get(app, "/image.png?seed=2")

    assert asyncio.run(fail())[0] == 200


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("/none", 404, "there are /, /image.png and /images.json"),
        ("/image.png", 400, "give one whole number"),
        ("/image.png?seed=1,2", 400, "give one whole number"),
        ("/image.png?seed=-1", 400, "give one whole number"),
        ("/image.png?seed=1&seed=2", 400, "the query takes label and seed, each once"),
        ("/image.png?seed=1&size=9", 400, "the query takes label and seed, each once"),
        ("/image.png?seed=9223372036854775808", 400, "9223372036854775808 is too large"),
        ("/image.png?seed=1&label=3", 400, "there is no label 3; choose one of 0 to 2"),
        ("/images.json?seeds=" + ",".join(["1"] * 65), 400, "give 1 to 64 whole numbers, as in 7,8,9"),
        ("/images.json?seeds=" + "1" * 2000, 414, "the query has more than 2000 bytes"),
    ],
)
def test_bad_requests_get_the_reason(ask: Callable[..., list[Answer]], target: str, status: int, message: str) -> None:
    ((answered, kind, body),) = ask(target)
    assert (answered, kind) == (status, "application/json")
    assert json.loads(body)["error"].startswith(message)


def test_only_get_is_answered(ask: Callable[..., list[Answer]]) -> None:
    assert ask("/", method="POST")[0][0] == 405


def test_too_many_requests_get_status_503(
    example: Any, ask: Callable[..., list[Answer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example, "MAX_WAITING", 5)
    statuses = [status for status, _, _ in ask(*["/image.png?seed=1"] * 9)]
    assert statuses.count(503) == 4
    assert statuses.count(200) == 5


def test_the_file_is_named_by_the_environment(example: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL", str(saved(tiny(), tmp_path / "x.onnx")))
    assert example.app().sampler.metadata.gan == "tiny"
    monkeypatch.setenv("MODEL", str(saved(tiny(shape=[2], range=None), tmp_path / "y.onnx")))
    with pytest.raises(GanzooError, match="tiny cannot make images from seeds alone, so it cannot be served"):
        example.app()


def test_other_protocols_are_refused(example: Any, sampler: Sampler) -> None:
    with pytest.raises(NotImplementedError, match="http only, not websocket"):
        asyncio.run(example.Service(sampler)({"type": "websocket"}, None, None))
