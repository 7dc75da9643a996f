"""The demo page in a real browser, compared with onnxruntime in Python."""

from __future__ import annotations

import base64
import functools
import json
import shutil
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.data import Data
from ganzoo.export import export
from ganzoo.generators.onnx_reader import read
from ganzoo.pages import demo
from tests.pages.demo.conftest import Made, Opened
from tests.pages.demo.test_demo import HOSTILE, command
from tests.support import ROOT, run_iterations
from tests.support.browser import Page

EXAMPLE = ROOT / "docs" / "examples" / "web"
SEEDS = [0, 7, 2**40 + 7, 2**63 - 1]


@pytest.fixture(autouse=True)
def quiet(page: Page, request: pytest.FixtureRequest) -> Any:
    """No page logs an error, and none makes a network request."""
    yield
    assert page.complaints == []
    if "server" not in request.fixturenames:
        assert [address for address in page.requests if not address.startswith(("file:", "blob:", "data:"))] == []


def samples(page: Page, labels: list[int] | None = None) -> np.ndarray:
    seeds = ", ".join(f"{seed}n" for seed in SEEDS)
    condition = json.dumps({"labels": labels} if labels else {})
    dims, data = page.run(f"ganzoo.sample([{seeds}], {condition}).then(({{ data, dims }}) => [dims, Array.from(data)])")
    return np.array(data).reshape(dims)


def image(page: Page, selector: str) -> np.ndarray:
    """What a canvas shows, uint8 ``(H, W, 3)``."""
    address = page.run(f"document.querySelector({json.dumps(selector)}).toDataURL()")
    return np.array(Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA"))[..., :3]


def enter(page: Page, selector: str, value: object, event: str = "change") -> None:
    """Give an input a value, and wait until all is drawn."""
    found = f"document.querySelector({json.dumps(selector)})"
    page.run(f"{found}.value = {json.dumps(value)}; {found}.dispatchEvent(new Event({json.dumps(event)}))")
    settle(page)


def click(page: Page, selector: str) -> None:
    page.run(f"document.querySelector({json.dumps(selector)}).click()")
    settle(page)


def settle(page: Page) -> None:
    while page.run("document.querySelector('main').ariaBusy") == "true":
        time.sleep(0.01)


def text(page: Page, name: str) -> str:
    return str(page.run(f"document.getElementById('{name}').textContent"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"uint8": True},
        {"shape": [3, 5, 4], "range": [0.0, 1.0]},
        {"num_classes": 3, "data": {"name": "letters", "classes": ["a", "b", "c"]}},
        {"distribution": "uniform"},
        {"distribution": "sphere", "num_classes": 20, "uint8": True, "shape": [3, 5, 4]},
    ],
    ids=str,
)
def test_the_same_seed_gives_the_same_image_as_in_python(opened: Opened, made: Made, changes: dict[str, Any]) -> None:
    model = made(**changes)
    page = opened(model)
    sampler = ganzoo.Sampler(model, threads=1)
    labels = [2, 1, 0, 2] if changes.get("num_classes") else None
    expected = sampler.sample(SEEDS, labels=labels)
    found = samples(page, labels)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= (1 if changes.get("uint8") else 1e-5)

    shown = sampler.images(sampler.sample(range(64)))
    for seed in (0, 5):
        pixels = image(page, f"#grid button:nth-child({seed + 1}) canvas").astype(int)
        assert np.abs(pixels - shown[seed]).max() <= 1
    assert np.abs(image(page, "#selected").astype(int) - shown[0]).max() <= 1


def test_convolutions_run_in_the_browser(opened: Opened, tiny: Data, tmp_path: Path) -> None:
    small = {"generator.width": 4, "discriminator.width": 4, "latent_dim": 8}
    training = ganzoo.train("dcgan", tiny, iterations=1, batch_size=8, device="cpu", precision="fp32", **small)
    run_iterations(training)
    model = tmp_path / "dcgan.onnx"
    export(training.model(), model)
    page = opened(model)
    assert np.abs(samples(page) - ganzoo.Sampler(model, threads=1).sample(SEEDS)).max() < 1e-4


def test_classes_are_switched(opened: Opened, made: Made) -> None:
    model = made(num_classes=3, data={"name": "letters", "classes": ["a", "b", "c"]})
    page = opened(model)
    sampler = ganzoo.Sampler(model, threads=1)
    assert page.run("[...document.querySelectorAll('#class option')].map((option) => option.textContent)") == [
        "all in turn",
        "a",
        "b",
        "c",
    ]
    enter(page, "#class", "2")
    expected = sampler.images(sampler.sample(range(64), labels=2))
    assert np.abs(image(page, "#grid button:nth-child(2) canvas").astype(int) - expected[1]).max() <= 1
    assert np.abs(image(page, "#selected").astype(int) - expected[0]).max() <= 1
    assert text(page, "selected-caption") == "seed 0, class c"


def test_seeds_are_entered_paged_and_clicked(opened: Opened, made: Made) -> None:
    page = opened(made())
    enter(page, "#first", str(2**62))
    assert text(page, "grid").startswith(str(2**62))
    click(page, "#next")
    assert text(page, "grid").startswith(str(2**62 + 64))
    click(page, "#grid button:nth-child(3)")
    assert text(page, "selected-caption") == f"seed {2**62 + 66}"
    for wrong in ("-1", "x", str(2**63), str(2**63 - 1)):
        enter(page, "#first", wrong)
        assert "is not a seed" in text(page, "status")
    click(page, "#previous")
    assert text(page, "grid").startswith(str(2**63 - 65))
    assert text(page, "status").startswith("Drawn in")


def test_sliders_shift_the_latent_and_interpolate_between_seeds(opened: Opened, made: Made) -> None:
    model = made()
    page = opened(model)
    before = image(page, "#selected")
    enter(page, "#directions input", "1.5", "input")
    assert np.abs(image(page, "#selected").astype(int) - before).max() > 8
    click(page, "#reset")
    assert np.array_equal(image(page, "#selected"), before)

    sampler = ganzoo.Sampler(model, threads=1)
    enter(page, "#to", "9")
    path = sampler.images(sampler.decode(sampler.interpolate(0, 9, 9)))
    for step in range(9):
        shown = image(page, f"#steps canvas:nth-child({step + 1})").astype(int)
        assert np.abs(shown - path[step]).max() <= 1
    enter(page, "#t", "1", "input")
    assert np.abs(image(page, "#interpolation").astype(int) - path[-1]).max() <= 1


def columns(page: Page) -> int:
    return len(page.run("getComputedStyle(grid).gridTemplateColumns").split())


def resize(page: Page, width: int) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 600)


@pytest.mark.parametrize(
    ("changes", "wide", "narrow", "count"),
    [
        ({}, 8, 4, 64),
        ({"num_classes": 10}, 10, 5, 60),
        ({"num_classes": 3}, 9, 3, 63),
        ({"num_classes": 7}, 7, 4, 56),
        ({"num_classes": 16}, 8, 4, 64),
        ({"num_classes": 31}, 8, 4, 64),
        ({"shape": [3, 64, 64]}, 6, 3, 48),
        ({"shape": [1, 130, 130]}, 4, 2, 16),
    ],
    ids=str,
)
def test_all_rows_are_full_and_tiles_can_be_tapped(
    opened: Opened, made: Made, changes: dict[str, Any], wide: int, narrow: int, count: int
) -> None:
    page = opened(made(**changes))
    try:
        for width, expected in ((1280, wide), (820, wide), (390, narrow)):
            resize(page, width)
            assert columns(page) == expected
            assert page.run("grid.children.length") == count
            assert count % expected == 0
            assert page.run("document.documentElement.scrollWidth") <= width
            tile = page.run("grid.children[0].getBoundingClientRect().toJSON()")
            assert min(tile["width"], tile["height"]) >= 44
        rendering = page.run("getComputedStyle(selected).imageRendering")
        assert rendering == ("auto" if changes.get("shape", [0, 0, 0])[2] >= 64 else "pixelated")
    finally:
        page.call("Emulation.clearDeviceMetricsOverride")


def test_classes_are_named_below_tiles(opened: Opened, made: Made) -> None:
    page = opened(made(num_classes=3, data={"name": "letters", "classes": ["a", "b", "<i>"]}))
    names = "[...document.querySelectorAll('#grid .class')].map((name) => name.textContent)"
    assert page.run(names)[:4] == ["a", "b", "<i>", "a"]
    enter(page, "#class", "1")
    assert set(page.run(names)) == {"b"}


def test_the_picked_sample_is_in_view_on_a_phone(opened: Opened, made: Made) -> None:
    page = opened(made(shape=[3, 8, 8]))
    try:
        resize(page, 390)
        page.run("grid.lastElementChild.scrollIntoView({ block: 'end' })")
        click(page, "#grid button:last-child")
        box, tile = page.run("[selected, grid.lastElementChild].map((each) => each.getBoundingClientRect().toJSON())")
        assert 0 <= box["top"] < box["bottom"] < tile["top"] < 844
        assert text(page, "selected-caption") == "seed 63"
        assert page.run("[...document.querySelectorAll('[aria-pressed=true]')].map((tile) => tile.dataset.seed)") == [
            "63"
        ]
    finally:
        page.call("Emulation.clearDeviceMetricsOverride")


CLASSES = {"num_classes": 3, "data": {"name": "letters", "classes": ["a", "b", "c d"]}}


@pytest.mark.parametrize("label", ["2", "c d"])
def test_an_address_shows_exactly_its_sample(opened: Opened, made: Made, label: str) -> None:
    model = made(**CLASSES)
    page = opened(model, f"#seed={2**63 - 1}&label={label}")
    sampler = ganzoo.Sampler(model, threads=1)
    expected = sampler.images(sampler.sample([2**63 - 1], labels=2))[0]
    assert np.abs(image(page, "#selected").astype(int) - expected).max() <= 1
    assert text(page, "selected-caption") == f"seed {2**63 - 1}, class c d"
    assert page.run("location.hash") == f"#seed={2**63 - 1}&label=2"
    assert not page.run("document.getElementById('address-problem').checkVisibility()")
    page.run("location.hash = '#seed=5&label=1&shift=1,0,0,-0.5,0'; new Promise((done) => setTimeout(done, 50))")
    settle(page)
    assert text(page, "selected-caption") == "seed 5, shifted, class b"
    moved = image(page, "#selected")
    click(page, "#grid button:nth-child(2)")
    assert page.run("location.hash") == "#seed=1&label=1&shift=1,0,0,-0.5,0"
    page = opened(model, "#seed=5&label=1&shift=1,0,0,-0.5,0")
    assert np.array_equal(image(page, "#selected"), moved)


def test_inputs_are_in_the_address(opened: Opened, made: Made) -> None:
    model = made(shape=[1], range=None, condition_dim=2)
    page = opened(model, "#seed=4&conditions=0.5,-1")
    assert page.run("[...conditions.querySelectorAll('input')].map((input) => input.value)") == ["0.5", "-1"]
    enter(page, "#conditions input", "0.9", "input")
    assert page.run("location.hash") == "#seed=4&conditions=0.9,-1"


@pytest.mark.parametrize(
    ("hash", "problem"),
    [
        ("seed=abc", "abc is not a seed; seeds are whole numbers from 0 to 2^63 - 1"),
        ("seed=9223372036854775808", "9223372036854775808 is not a seed; seeds are whole numbers from 0 to 2^63 - 1"),
        ("label=3", "there is no label '3'; labels are 0 to 2, or names of classes"),
        ("label=<b>", "there is no label '<b>'; labels are 0 to 2, or names of classes"),
        ("shift=1,2", "'1,2' is not 5 numbers, which shift is"),
        ("psi=1", "nothing reads 'psi'; there are: seed, label, shift"),
        ("seed=x&label=9", "x is not a seed; seeds are whole numbers from 0 to 2^63 - 1; there is no label '9'; "
         "labels are 0 to 2, or names of classes"),
    ],
)  # fmt: skip
def test_a_wrong_address_is_answered(opened: Opened, made: Made, hash: str, problem: str) -> None:
    page = opened(made(**CLASSES), f"#{hash}")
    assert text(page, "address-problem") == f"In the address of this page: {problem}."
    assert page.run("document.getElementById('address-problem').checkVisibility()")
    assert text(page, "selected-caption") == "seed 0, class a"


def test_the_link_of_the_picked_sample_is_copied(opened: Opened, made: Made) -> None:
    page = opened(made(**CLASSES))
    click(page, "#grid button:nth-child(6)")
    page.run("navigator.clipboard.writeText = async (link) => (window.link = link)")
    click(page, "#copy")
    assert page.run("window.link === location.href && location.hash") == "#seed=5&label=2"
    assert text(page, "copied").startswith("Copied")
    page.run("navigator.clipboard.writeText = async () => { throw new Error('no') }")
    click(page, "#copy")
    assert text(page, "copied").startswith("This browser does not let the page copy")


def test_the_picked_sample_is_downloaded(opened: Opened, made: Made, tmp_path: Path) -> None:
    model = made(shape=[3, 5, 4], **CLASSES)
    page = opened(model, "#seed=7&label=2")
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    sizes = page.run("[...document.querySelectorAll('#size option')].map((option) => option.textContent)")
    assert sizes == ["4×5", "16×20 (4×, sharp)", "32×40 (8×, sharp)", "64×80 (16×, sharp)"]
    sampler = ganzoo.Sampler(model, threads=1)
    expected = sampler.images(sampler.sample([7], labels=2))[0]
    for scale, name in ((1, "tiny-seed7-c_d.png"), (4, "tiny-seed7-c_d-x4.png")):
        enter(page, "#size", str(scale))
        click(page, "#save")
        end = time.monotonic() + 30
        while not (tmp_path / name).is_file():
            assert time.monotonic() < end
            time.sleep(0.05)
        saved = np.array(Image.open(tmp_path / name).convert("RGB")).astype(int)
        assert np.abs(saved - expected.repeat(scale, 0).repeat(scale, 1)).max() <= 1


def test_play_walks_from_the_picked_sample_until_it_is_paused(opened: Opened, made: Made) -> None:
    page = opened(made())
    before = image(page, "#selected")
    values = "[...document.querySelectorAll('#directions input')].map((input) => input.valueAsNumber)"
    click(page, "#play")
    end = time.monotonic() + 30
    while min(map(abs, page.run(values))) < 0.2:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert text(page, "play") == "Pause"
    assert page.run("location.hash") == "#seed=0", "the address does not change all the time"
    click(page, "#play")
    assert text(page, "play") == "Play"
    still = page.run(values)
    shown = image(page, "#selected")
    assert not np.array_equal(shown, before)
    time.sleep(0.1)
    assert page.run(values) == still
    shift = page.run("new URLSearchParams(location.hash.slice(1)).get('shift')")
    assert [float(part) for part in shift.split(",")] == still
    click(page, "#play")
    click(page, "#grid button:nth-child(3)")
    assert text(page, "play") == "Play", "another sample is picked"


def test_who_prefers_reduced_motion_is_asked(opened: Opened, made: Made) -> None:
    page = opened(made())
    reduced = {"name": "prefers-reduced-motion", "value": "reduce"}
    try:
        page.call("Emulation.setEmulatedMedia", features=[reduced])
        for answer, shown in (("false", "Play"), ("true", "Pause")):
            page.run(f"window.confirm = (question) => {{ window.question = question; return {answer}; }}")
            click(page, "#play")
            assert page.run("window.question") == "The picture will move. Play it?"
            assert text(page, "play") == shown
        click(page, "#play")
    finally:
        page.call("Emulation.setEmulatedMedia", features=[])


@pytest.mark.parametrize(
    "changes", [{"shape": [2], "range": None}, {"shape": [1], "range": None, "condition_dim": 2}], ids=str
)
def test_vectors_are_points(opened: Opened, made: Made, changes: dict[str, Any]) -> None:
    page = opened(made(**changes))
    for canvas in ("#cloud", "#selected", "#interpolation"):
        assert len(np.unique(image(page, canvas).reshape(-1, 3), axis=0)) > 10
    before = image(page, "#cloud")
    if changes.get("condition_dim"):
        enter(page, "#conditions input", "0.9", "input")
        assert not np.array_equal(image(page, "#cloud"), before)


def test_hostile_metadata_stay_text(opened: Opened, made: Made) -> None:
    page = opened(made(gan=HOSTILE, data={"name": HOSTILE, "classes": [HOSTILE] * 2}, num_classes=2))
    assert page.run("typeof window.evil") == "undefined"
    # The policy stops markup that gets into the page by another way.
    page.run("document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.evil = 1\"></b>')")
    page.run("document.querySelector('body > b').click()")
    assert page.run("typeof window.evil") == "undefined"
    assert len(page.complaints) == 1
    assert "Content Security Policy" in page.complaints.pop()
    assert page.run("document.querySelector('h1').textContent") == f"{HOSTILE} · {HOSTILE}"
    assert HOSTILE in page.run("document.querySelector('#class option:nth-child(2)').textContent")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()


@pytest.fixture
def server(tmp_path: Path) -> Any:
    """Serves a folder; returns its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize("honest", [True, False])
def test_the_runtime_from_a_cdn(
    page: Page, made: Made, server: str, runtime: Path, tmp_path: Path, honest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server on this machine stands in for the CDN. What it does not send unchanged is refused."""
    for name in demo._DIGESTS:
        shutil.copy(runtime / name, tmp_path)
    if not honest:
        (tmp_path / "ort.wasm.bundle.min.mjs").write_text("window.evil = 1")
    monkeypatch.setattr(demo, "CDN", server)
    target = tmp_path / "demo.html"
    target.write_text(demo.page(*read(made()), "cdn"), encoding="utf-8")
    page.open(target.as_uri(), "window.ganzoo?.ready.then(() => true, () => true)")
    assert page.run("typeof window.evil") == "undefined"
    assert text(page, "status").startswith("Drawn in" if honest else "The generator cannot run in this browser")
    if not honest:
        assert "integrity" in " ".join(page.complaints)
        page.complaints.clear()


def test_the_example(page: Page, made: Made, server: str, runtime: Path, tmp_path: Path) -> None:
    """The hand-written page of the documentation, with the parts that the command makes."""
    model = made(num_classes=3)
    shutil.copytree(EXAMPLE, tmp_path / "web", ignore=shutil.ignore_patterns("node_modules", "model"))
    assert command(model, "-o", tmp_path / "web" / "model").exit_code == 0
    (tmp_path / "web" / "node_modules" / "onnxruntime-web").mkdir(parents=True)
    (tmp_path / "web" / "node_modules" / "onnxruntime-web" / "dist").symlink_to(runtime)
    page.open(f"{server}web/", "/ ms$/.test(document.getElementById('status').textContent)")
    sampler = ganzoo.Sampler(model, threads=1)
    expected = sampler.images(sampler.sample(range(64), labels=0))
    assert page.run("document.querySelectorAll('#grid canvas').length") == 64
    assert np.abs(image(page, "#grid canvas:nth-child(6)").astype(int) - expected[5]).max() <= 1
    assert {address.startswith((server, "data:")) for address in page.requests} == {True}
