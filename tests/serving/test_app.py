"""The service answers over ASGI: images, limits, caching, counts, and whatever a client may send."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganzoo import GanzooError
from ganzoo.generators.onnx_session import Sampler
from tests.support.onnx_files import saved, tiny

httpx = pytest.importorskip("httpx")
pytest.importorskip("starlette")

from ganzoo.serving.app import FOREVER, Service, application  # noqa: E402
from ganzoo.serving.batching import Batcher, BusyError  # noqa: E402
from ganzoo.serving.parameters import LONGEST  # noqa: E402

Ask = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def sampler(tmp_path_factory: pytest.TempPathFactory) -> Sampler:
    return Sampler(saved(tiny(num_classes=3), tmp_path_factory.mktemp("serving") / "cgan.onnx"), threads=1)


def ask(service: Service, *targets: str, method: str = "GET", **options: Any) -> list[Any]:
    """Send requests to a service, all at once."""

    async def all_of_them() -> list[Any]:
        transport = httpx.ASGITransport(app=application(service), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await asyncio.gather(*(client.request(method, target, **options) for target in targets))

    return asyncio.run(all_of_them())


@pytest.fixture
def service(sampler: Sampler) -> Service:
    return Service(sampler, "v1")


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_images_are_those_of_the_generator(service: Service, sampler: Sampler) -> None:
    one, arrays, encoded = ask(
        service, "/image.png?seed=5&label=2", "/images.npz?seeds=0-2,7", "/images.json?seeds=1,5&label=0"
    )
    wanted = sampler.images(sampler.sample([5], labels=2))[0]
    np.testing.assert_array_equal(pixels(one.content), wanted[:, :, 0])
    assert (one.headers["content-type"], one.headers["x-content-type-options"]) == ("image/png", "nosniff")
    found = np.load(io.BytesIO(arrays.content), allow_pickle=False)
    assert found["seeds"].tolist() == [0, 1, 2, 7] and found["labels"].tolist() == [0, 1, 2, 1]
    np.testing.assert_array_equal(found["images"], sampler.images(sampler.sample([0, 1, 2, 7], labels=[0, 1, 2, 1])))
    values = encoded.json()
    assert (values["seeds"], values["labels"]) == ([1, 5], [0, 0])
    texts = [pixels(base64.b64decode(text)) for text in values["images"]]
    np.testing.assert_array_equal(texts, sampler.images(sampler.sample([1, 5], labels=0))[..., 0])


def test_requests_that_wait_share_batches(service: Service) -> None:
    answers = ask(service, *(f"/image.png?seed={seed}" for seed in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert service.batcher.counts.images == 100
    assert service.batcher.counts.batches <= 3, "one for the first request, and one or two for all others"
    alone = ask(service, "/image.png?seed=41")
    assert alone[0].content == answers[41].content, "an image does not depend on its batch"


def test_settings_of_sampling(sampler: Sampler) -> None:
    class Scaled(Sampler):
        """Stands for a file with an input psi."""

        def __init__(self) -> None:
            self.__dict__.update(sampler.__dict__)
            self.seen: list[Any] = []

        @property
        def sampling_settings(self) -> Any:
            from ganzoo.registry.recipe import Setting

            return {"psi": Setting("sampling", "psi", float, 1.0)}

        def sample(self, seeds: Any = 64, **options: Any) -> Any:
            self.seen.append((len(list(seeds)) if not isinstance(seeds, int) else seeds, options.pop("psi", None)))
            return sampler.sample(seeds, **options)

    model = Scaled()
    targets = ["/image.png?seed=1", *(f"/image.png?seed={seed}&psi={psi}" for seed in range(4) for psi in (0.5, 0.7))]
    answers = ask(Service(model, "v1"), *targets)
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(model.seen[1:]) == [(4, 0.5), (4, 0.7)], "images of one batch have the same settings"
    (refused,) = ask(Service(model, "v1"), "/image.png?seed=1&psi=inf")
    assert (refused.status_code, refused.json()) == (400, {"error": "psi is a number, as in 0.7"})


def test_answers_may_be_kept_for_good_where_the_version_is_named(service: Service) -> None:
    named, other, plain = ask(service, "/image.png?seed=5&v=v1", "/image.png?seed=5&v=v0", "/image.png?seed=5")
    assert named.headers["cache-control"] == FOREVER
    assert other.headers["cache-control"] == plain.headers["cache-control"] == "public, max-age=300"
    tag = plain.headers["etag"]
    assert tag == named.headers["etag"]
    made = service.batcher.counts.images
    same, changed = ask(service, "/image.png?seed=5", "/image.png?seed=6", headers={"If-None-Match": tag})
    assert (same.status_code, same.content, changed.status_code) == (304, b"", 200)
    assert service.batcher.counts.images == made + 1, "what has not changed is not made again"
    (newer,) = ask(Service(service.model, "v2"), "/image.png?seed=5")
    assert newer.headers["etag"] != tag


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("/image.png", 400, "seeds are whole numbers; give one, as in 7"),
        ("/image.png?seed=x", 400, "seeds are whole numbers"),
        ("/image.png?seed=1,2", 400, "too many seeds; give one, as in 7"),
        ("/image.png?seed=9223372036854775808", 400, "seeds go from 0 to 9223372036854775807"),
        ("/images.npz?seeds=9-3", 400, "a range from its smallest to its largest"),
        ("/images.npz?seeds=0-64", 400, "too many seeds; give 1 to 64 of them"),
        ("/images.npz?seeds=0-9223372036854775807", 400, "too many seeds"),
        ("/image.png?seed=1&label=3", 400, "no such label; give a number from 0 to 2, or the name of a class"),
        ("/image.png?seed=1&label=", 400, "no such label"),
        ("/image.png?seed=1&seed=2", 400, "a name is given twice"),
        ("/image.png?seed=1&psi=1", 400, "there is no 'psi' here; a query takes seed, label, v"),
        (f"/image.png?seed={'1' * LONGEST}", 414, f"a query has at most {LONGEST} characters"),
        ("/nothing", 404, "there are /, /image.png"),
    ],
)
def test_bad_requests_have_a_reason(target: str, status: int, message: str, service: Service) -> None:
    (answer,) = ask(service, target)
    assert answer.status_code == status
    assert message in answer.json()["error"]
    assert answer.headers["cache-control"] == "no-store"
    (posted,) = ask(service, "/image.png?seed=1", method="POST")
    assert (posted.status_code, posted.json()["error"]) == (405, "only GET and HEAD are answered")
    assert posted.headers["allow"] in ("GET, HEAD", "HEAD, GET")


class Slow(Sampler):
    """A generator that takes its time, or fails."""

    def __init__(self, sampler: Sampler, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.__dict__.update(sampler.__dict__)
        self.seconds, self.error = seconds, error

    def sample(self, seeds: Any = 64, **options: Any) -> Any:
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        return super().sample(seeds, **options)


def test_too_many_and_too_slow(sampler: Sampler) -> None:
    answers = ask(Service(Slow(sampler, 0.2), "v1", most_waiting=8), *(f"/image.png?seed={seed}" for seed in range(20)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(503) and statuses.count(200) >= 8 and set(statuses) == {200, 503}
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert (busy.json()["error"], busy.headers["retry-after"]) == ("too many images are waiting; try again later", "1")
    (late,) = ask(Service(Slow(sampler, 0.3), "v1", timeout=0.05), "/image.png?seed=1")
    assert (late.status_code, late.json()["error"]) == (504, "the images took longer than 0.05 seconds")


def test_a_failing_generator_is_not_the_end(sampler: Sampler, caplog: pytest.LogCaptureFixture) -> None:
    model = Slow(sampler, error=ValueError("broken\nsecret"))
    service = Service(model, "v1")
    (failed,) = ask(service, "/image.png?seed=1")
    assert (failed.status_code, failed.json()) == (500, {"error": "the generator failed"})
    assert "ValueError: broken" in caplog.text and "secret" not in caplog.text
    model.error = None
    assert ask(service, "/image.png?seed=1")[0].status_code == 200


def test_clients_that_leave_are_not_worked_for(sampler: Sampler) -> None:
    async def leave() -> Batcher:
        batcher = Batcher(Slow(sampler, 0.1))
        first = asyncio.create_task(batcher.images([1], [0]))
        await asyncio.sleep(0.02)
        others = [asyncio.create_task(batcher.images([seed], [0])) for seed in range(5)]
        await asyncio.sleep(0.02)
        for task in others[1:]:
            task.cancel()
        await asyncio.gather(first, *others, return_exceptions=True)
        return batcher

    assert asyncio.run(leave()).counts.images == 2


def test_a_full_queue_is_busy(sampler: Sampler) -> None:
    async def fill() -> None:
        await Batcher(sampler, most_waiting=3).images([1, 2, 3, 4], [0] * 4)

    with pytest.raises(BusyError):
        asyncio.run(fill())


def test_health_counts_and_description(service: Service) -> None:
    ask(service, "/image.png?seed=1", "/image.png?seed=x", "/nothing", "/nothing2")
    health, about, metrics, openapi, page = ask(service, "/health", "/about.json", "/metrics", "/openapi.json", "/")
    assert health.json() == {"status": "ok", "waiting": 0}
    assert (about.json()["version"], about.json()["num_classes"]) == ("v1", 3)
    assert 'ganzoo_requests_total{path="/image.png",status="200"} 1' in metrics.text
    assert 'ganzoo_requests_total{path="other",status="404"} 2' in metrics.text
    assert 'ganzoo_request_seconds_bucket{le="+Inf"} 2' in metrics.text and "ganzoo_images_total 1" in metrics.text
    assert set(openapi.json()["paths"]) == set(service.routes) - {"/"}
    assert "default-src 'none'" in page.text and "img-src 'self'" in page.text


def test_what_cannot_be_served(tmp_path: Path) -> None:
    vectors = Sampler(saved(tiny(shape=(2,)), tmp_path / "vectors.onnx"), threads=1)
    with pytest.raises(GanzooError, match="does not make images from seeds alone, so it cannot be served"):
        Service(vectors, "v1")


TEXTS = (
    st.text(max_size=30) | st.integers().map(str) | st.sampled_from(["0-5", "1,2", "-1", "1e3", "\0", "%00", "0-0,0-0"])
)
NAMES = st.sampled_from(["seed", "seeds", "label", "v", "psi", "", "a"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["/", "/image.png", "/images.npz", "/images.json", "/metrics", "/x", "//", "/image.png/"]),
    pairs=st.lists(st.tuples(NAMES, TEXTS), max_size=4),
    method=st.sampled_from(["GET", "HEAD", "POST", "DELETE"]),
)
def test_whatever_is_asked_has_a_documented_answer(
    path: str, pairs: Sequence[tuple[str, str]], method: str, service: Service
) -> None:
    (answer,) = ask(service, path, method=method, params=list(pairs))
    assert answer.status_code in (200, 304, 307, 400, 404, 405, 414)
    if answer.status_code >= 400 and method != "HEAD":
        error = json.loads(answer.text)["error"]
        assert error and "\n" not in error and len(error) < 300
