"""The demo page of generators that make images from images, in a real browser, beside ``Sampler``."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.pages import demo
from ganzoo.util.errors import GanzooError
from tests.pages.demo.conftest import Opened
from tests.pages.demo.test_page import click, enter, image, settle, text
from tests.pages.demo.translators import KINDS, as_given, exported, picture
from tests.support.browser import Page
from tests.support.onnx_files import METADATA


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a kind of generator, which is made once."""
    folder, made = tmp_path_factory.mktemp("models"), dict[str, Path]()
    return lambda kind: made.get(kind) or made.setdefault(kind, exported(kind, folder))


@pytest.fixture(autouse=True)
def quiet(page: Page) -> Iterator[None]:
    """No page logs an error, and none makes a network request."""
    yield
    assert page.complaints == []
    assert [address for address in page.requests if not address.startswith(("file:", "blob:", "data:"))] == []


def drop(page: Page, content: bytes, name: str = "x.png") -> None:
    """Drop a file onto the page, and wait until something is made from it."""
    script = f"""(() => {{
      const bytes = Uint8Array.from(atob("{base64.b64encode(content).decode()}"), (each) => each.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], {json.dumps(name)}, {{ type: "image/png" }}));
      for (const type of ["dragover", "drop"]) {{
        document.body.dispatchEvent(new DragEvent(type, {{ dataTransfer: data, bubbles: true, cancelable: true }}));
      }}
    }})()"""
    page.run("document.getElementById('status').textContent = ''")
    page.run(script)
    until(page, "document.getElementById('status').textContent !== ''")
    settle(page)


def until(page: Page, script: str) -> None:
    end = time.monotonic() + 30
    while not page.run(script):
        assert time.monotonic() < end, script
        time.sleep(0.02)


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def mouse(page: Page, *points: tuple[float, float]) -> None:
    """Draw a line through points, in shares of the canvas."""
    page.run("document.getElementById('given').scrollIntoView({ block: 'center' })")
    box = page.run("(({ left, top, width, height }) => [left, top, width, height])(given.getBoundingClientRect())")
    kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 2), "mouseReleased"]
    for kind, (x, y) in zip(kinds, points, strict=True):
        place = {"x": box[0] + x * box[2], "y": box[1] + y * box[3]}
        page.call("Input.dispatchMouseEvent", type=kind, **place, button="left", buttons=1, clickCount=1)
    settle(page)


@pytest.mark.parametrize("opaque", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_dropped_picture_as_in_python(opened: Opened, files: Callable[[str], Path], kind: str, opaque: bool) -> None:
    page, sampler = opened(files(kind)), ganzoo.Sampler(files(kind), threads=1)
    dropped = picture(16, 16, opaque=opaque)
    drop(page, png(dropped))
    given = as_given(dropped, sampler.metadata.condition_image[0])
    assert np.abs(image(page, "#made").astype(int) - sampler.translate(given)).max() <= 3
    if given.shape[-1] < 4:
        for shown in ("#given", "#before"):
            assert np.abs(image(page, shown).astype(int) - given).max() <= 2
    assert text(page, "given-caption") == "x.png, 16×16 pixels"
    made = 32 if kind == "larger" else 16
    assert text(page, "made-caption") == f"Made, {made}×{made} pixels"


def test_a_class_a_seed_and_a_setting(opened: Opened, files: Callable[[str], Path]) -> None:
    page, sampler = opened(files("mixture")), ganzoo.Sampler(files("mixture"), threads=1)
    drop(page, png(picture(16, 16)))
    given = as_given(picture(16, 16), 1)
    for selector, value, event, options in (
        ("#class", "2", "change", {"label": 2}),
        ("#latent", str(2**60), "change", {"seed": 2**60}),
        ("#settings input[type=range]", "1.7", "input", {"psi": 1.7}),
        ("#settings input[type=number]", "4", "input", {"psi": 4}),
    ):
        enter(page, selector, value, event)
        chosen: dict[str, Any] = {"label": 2, "seed": 2**60 if event == "input" else 0, **options}
        assert np.abs(image(page, "#made").astype(int) - sampler.translate(given, **chosen)).max() <= 2
    enter(page, "#settings input[type=number]", "", "input")
    assert text(page, "status") == "psi=NaN is not a finite number"
    enter(page, "#latent", "-1")
    assert "is not a seed" in text(page, "status")


def test_settings_of_other_generators_are_sliders_too(opened: Opened, files: Callable[[str], Path]) -> None:
    page = opened(files("mixture"))
    sliders = "[...document.querySelectorAll('#settings input')].map(({ min, max, value }) => [min, max, value].join())"
    assert page.run(sliders) == ["0,2,1", ",,1"]


def test_a_large_picture_is_scaled_and_that_is_said(opened: Opened, files: Callable[[str], Path]) -> None:
    page, sampler = opened(files("outlines")), ganzoo.Sampler(files("outlines"), threads=1)
    large = picture(90, 300)
    drop(page, png(large), "large.png")
    assert image(page, "#made").shape == (5, 16, 3)
    assert text(page, "given-caption") == "large.png, 300×90 pixels, scaled to 16×5"
    sides = page.run("[...side.options].map((option) => option.text)")
    assert sides == ["16 pixels, as trained", "64 pixels", "128 pixels", "256 pixels", "300 pixels"]
    enter(page, "#side", "300")
    expected = sampler.translate(as_given(large, 1))
    assert np.abs(image(page, "#made").astype(int) - expected).max() <= 2
    assert text(page, "given-caption") == "large.png, 300×90 pixels"


def test_generators_that_enlarge_take_a_picture_as_it_is(opened: Opened, files: Callable[[str], Path]) -> None:
    page = opened(files("larger"))
    drop(page, png(picture(40, 60)))
    assert image(page, "#made").shape == (80, 120, 3)


def test_generators_of_one_size_take_the_middle(opened: Opened, files: Callable[[str], Path]) -> None:
    page = opened(files("mixture"))
    halves = Image.new("RGBA", (80, 40), "white")
    halves.paste("black", (20, 0, 60, 40))
    drop(page, png(halves))
    assert text(page, "given-caption") == "x.png, 80×40 pixels, its middle scaled to 16×16"
    assert image(page, "#before").max() == 0


def test_what_is_no_picture_is_said(opened: Opened, files: Callable[[str], Path]) -> None:
    page = opened(files("colours"))
    drop(page, b"no picture", "x.txt")
    assert text(page, "status") == "x.txt is no picture that this browser reads."
    assert page.run("result.hidden")


def test_a_chosen_file(opened: Opened, files: Callable[[str], Path], tmp_path: Path) -> None:
    page, sampler = opened(files("colours")), ganzoo.Sampler(files("colours"), threads=1)
    (tmp_path / "y.png").write_bytes(png(picture(16, 16)))
    root = page.call("DOM.getDocument")["root"]["nodeId"]
    node = page.call("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    page.call("DOM.setFileInputFiles", nodeId=node, files=[str(tmp_path / "y.png")])
    until(page, "!result.hidden")
    settle(page)
    assert text(page, "given-caption").startswith("y.png")
    expected = sampler.translate(as_given(picture(16, 16), 3))
    assert np.abs(image(page, "#made").astype(int) - expected).max() <= 2


def test_lines_are_drawn_rubbed_out_and_cleared(opened: Opened, files: Callable[[str], Path]) -> None:
    page, sampler = opened(files("outlines")), ganzoo.Sampler(files("outlines"), threads=1)
    assert image(page, "#given").min() == 255
    mouse(page, (0.1, 0.5), (0.5, 0.5), (0.9, 0.5), (0.9, 0.5))
    drawn = image(page, "#given")
    assert drawn[7:9, 3:13].max() < 200
    assert drawn[:5].min() == 255
    assert np.abs(image(page, "#made").astype(int) - sampler.translate(drawn[..., :1])).max() <= 2
    page.run("pen.value = 4; eraser.checked = true")
    mouse(page, (0, 0.5), (0.5, 0.5), (0.5, 0.5))
    rubbed = image(page, "#given")
    assert rubbed[7:9, :7].min() == 255
    assert rubbed[7:9, 11:13].max() < 200
    click(page, "#clear")
    assert image(page, "#given").min() == 255
    blank = np.full((16, 16, 1), 255, np.uint8)
    assert np.abs(image(page, "#made").astype(int) - sampler.translate(blank)).max() <= 2


def test_only_one_channel_is_drawn(opened: Opened, files: Callable[[str], Path]) -> None:
    page = opened(files("colours"))
    assert page.run("[given, clear, document.querySelector('#pen-field'), result].every((each) => each.hidden)")
    assert not page.run("document.querySelector('#empty').hidden")
    assert text(page, "status") == "Drop a picture, or choose one."


def test_the_camera(opened: Opened, files: Callable[[str], Path]) -> None:
    """A camera of the browser's own, which shows a moving green picture."""
    page = opened(files("colours"))
    click(page, "#camera")
    until(page, "!result.hidden")
    assert page.run("camera.textContent") == "Stop camera"
    page.run("window.first = given.toDataURL()")
    until(page, "given.toDataURL() !== first")
    click(page, "#camera")
    settle(page)
    assert page.run("camera.textContent") == "Camera"
    assert text(page, "given-caption").startswith("Camera, ")
    still = image(page, "#given")
    time.sleep(0.2)
    assert np.array_equal(image(page, "#given"), still)
    assert still.max() > 100
    enter(page, "#side", "64")
    assert max(image(page, "#made").shape) == 64


def test_the_slider_shows_both_sides(opened: Opened, files: Callable[[str], Path]) -> None:
    page = opened(files("colours"))
    drop(page, png(picture(16, 16)))
    for value, shown in ((0, "inset(0px 100% 0px 0px)"), (75, "inset(0px 25% 0px 0px)")):
        page.run(f"split.value = {value}; split.dispatchEvent(new Event('input'))")
        assert page.run("getComputedStyle(before).clipPath") in (shown, shown.replace("25%", "calc(25%)"))
        left, whole = page.run("[handle, compare].map((each) => each.getBoundingClientRect().toJSON())")
        assert left["left"] - whole["left"] == pytest.approx(value / 100 * whole["width"], abs=2)


def test_what_was_made_is_downloaded(opened: Opened, files: Callable[[str], Path], tmp_path: Path) -> None:
    page = opened(files("outlines"))
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    mouse(page, (0.1, 0.1), (0.9, 0.9), (0.9, 0.9))
    click(page, "#download")
    end = time.monotonic() + 30
    while not (tmp_path / "translation.png").is_file():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert np.array_equal(np.array(Image.open(tmp_path / "translation.png").convert("RGB")), image(page, "#made"))


@pytest.mark.parametrize("kind", ["outlines", "mixture"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_its_window(opened: Opened, files: Callable[[str], Path], width: int, dark: bool, kind: str) -> None:
    page = opened(files(kind))
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    try:
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        page.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 500
        )
        drop(page, png(picture(16, 16)))
        assert page.run("document.documentElement.scrollWidth") <= width
        given, made = page.run("[given, compare].map((each) => each.getBoundingClientRect().toJSON())")
        assert given["width"] == pytest.approx(made["width"], abs=1)
        assert (made["top"] >= given["bottom"]) == (width < 500)
    finally:
        page.call("Emulation.clearDeviceMetricsOverride")
        page.call("Emulation.setEmulatedMedia", features=[])


def test_an_encoder_has_no_page() -> None:
    metadata = replace(METADATA, entry="generator.encode", entry_inputs=("samples",), entry_shape=(8,))
    for make in (demo.parts, demo.page):
        with pytest.raises(GanzooError, match=r"generator\.encode of tiny, which makes no samples; export"):
            make(b"", metadata)
