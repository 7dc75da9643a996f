"""The page of a run in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ganzoo.pages import report
from tests.pages.report.conftest import WriteRun
from tests.support.browser import Page, browsing
from tests.support.run_folders import HOSTILE, entry

Opened = Callable[[Path], Page]
SHOWN = "[...document.querySelectorAll('#frames img')].filter(image => image.checkVisibility()).map(image => image.alt)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def opened(page: Page) -> Iterator[Opened]:
    """Open the page of a run as a file; it logs no error and makes no request."""

    def open_(folder: Path) -> Page:
        page.open(report.write(folder).as_uri(), until="true")
        return page

    yield open_
    assert page.complaints == []
    assert [address for address in page.requests if not address.startswith(("file:", "data:"))] == []


def slide(page: Page, index: int) -> None:
    page.run(f"slider.value = {index}; slider.dispatchEvent(new Event('input'))")


def test_the_slider_changes_the_picture_and_the_curves(written_run: WriteRun, opened: Opened) -> None:
    page = opened(written_run())
    assert page.run(SHOWN) == ["Samples after iteration 40"]
    assert page.run("document.querySelectorAll('.legend output')[1].textContent") == "1.025"
    slide(page, 0)
    assert page.run(SHOWN) == ["Samples after iteration 10"]
    assert page.run("document.getElementById('iteration').textContent") == "iteration 10"
    assert page.run("slider.getAttribute('aria-valuetext')") == "iteration 10"
    assert page.run("document.querySelectorAll('.legend output')[1].textContent") == "1.101"
    assert page.run("document.querySelector('.cursor').getAttribute('d')") == "M250 0V300"
    assert page.run("[...document.images].every(image => image.naturalWidth > 0)")


def test_the_animation_ends_at_the_last_picture(written_run: WriteRun, opened: Opened) -> None:
    page = opened(written_run())
    page.run("play.click()")
    assert page.run("play.textContent") == "Pause"
    assert page.run(SHOWN) == ["Samples after iteration 10"]
    page.run("new Promise(done => setTimeout(done, 2500))")
    assert page.run(SHOWN) == ["Samples after iteration 40"]
    assert page.run("play.textContent") == "Play"


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_window(written_run: WriteRun, opened: Opened, page: Page, width: int, scheme: str) -> None:
    size: dict[str, Any] = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    page.call("Emulation.setDeviceMetricsOverride", **size)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    opened(written_run(record={"command": "ganzoo " + "x" * 500}, evaluation={"y" * 200: 1}))
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run("getComputedStyle(document.body).backgroundColor") == (
        "rgb(251, 250, 248)" if scheme == "light" else "rgb(23, 24, 27)"
    )


def test_commands_are_copied(written_run: WriteRun, opened: Opened) -> None:
    page = opened(written_run())
    buttons = "[...document.querySelectorAll('.copy')]"
    assert page.run(f"{buttons}.length") == 5, "four next steps, and the command of the run"
    assert page.run(f"{buttons}.every((button) => button.checkVisibility())")
    for write, said in (("window.copied = text", "Copied"), ("throw new Error('no')", "Selected")):
        page.run(f"navigator.clipboard.writeText = async (text) => {{ {write} }}")
        page.run(f"{buttons}.at(-1).click(); new Promise((done) => setTimeout(done, 20))")
        assert page.run(f"{buttons}.at(-1).textContent") == said
    assert page.run("window.copied") == "ganzoo train cgan --iterations 40"
    assert page.run("String(getSelection())").strip() == "ganzoo train cgan --iterations 40"


def test_explanations_open_within_the_window(written_run: WriteRun, opened: Opened, page: Page) -> None:
    size: dict[str, Any] = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.call("Emulation.setDeviceMetricsOverride", **size)
    opened(written_run(evaluation={"score": "mnist-fd", "metrics": {"mnist-fd": 3.5}}))
    page.run("for (const each of document.querySelectorAll('.about')) each.open = true")
    shown = "[...document.querySelectorAll('.about p')].map((text) => text.getBoundingClientRect().toJSON())"
    boxes = page.run(shown)
    assert len(boxes) == 2, "of the losses, and of the score"
    assert all(0 <= box["left"] < box["right"] <= 390 for box in boxes)
    assert page.run("document.documentElement.scrollWidth") <= 390


def test_nothing_hostile_runs(written_run: WriteRun, opened: Opened) -> None:
    metrics = [entry(number, **{HOSTILE: 1}) for number in range(1, 41)]
    data = {"name": HOSTILE, "licence": HOSTILE, "classes": [HOSTILE, HOSTILE]}
    record = {"gan": HOSTILE, "command": HOSTILE, "settings": {HOSTILE: HOSTILE}}
    page = opened(written_run(record=record, metadata={"data": data}, metrics=metrics, evaluation={HOSTILE: 1}))
    assert page.run("typeof window.evil") == "undefined"
    slide(page, 1)
    assert page.run(SHOWN) == ["Samples after iteration 20"]


def test_a_run_without_pictures_has_no_script_errors(written_run: WriteRun, opened: Opened) -> None:
    page = opened(written_run(iterations=(), metrics=[]))
    assert "no sample grids" in page.run("document.body.innerText")
