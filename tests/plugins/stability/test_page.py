"""The page of a Dirac-GAN in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Page, browsing

RECORD = """
window.texts = [];
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
  texts.push(text);
  fill.call(this, text, ...place);
};
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("profile")) as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=RECORD)
        yield page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_planes_have_axes_a_start_and_a_direction(
    ganzoo: Callable[[str], str], page: Page, width: int, scheme: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.html"
    ganzoo(f"stability dirac --gan wgan --set clip=1 --steps 100 -o {path}")
    size: dict[str, Any] = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    page.call("Emulation.setDeviceMetricsOverride", **size)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open(path.as_uri(), until="document.querySelector('canvas') !== null")
    assert page.complaints == []
    assert page.run("document.documentElement.scrollWidth") <= width
    names = ["output of the generator (the data are 0)", "slope of the discriminator", "start"]
    assert set(page.run("texts")) == {*names, "\u22121", "0", "1"}
    label = page.run(
        "document.querySelector('canvas').ariaLabel ?? document.querySelector('canvas').getAttribute('aria-label')"
    )
    assert label.startswith(f"Trajectory in plane 1, {names[0]} and {names[1]}: from 1, 1 to ")
    before = page.run("document.querySelector('canvas').toDataURL()")
    page.run("step.value = 10; step.dispatchEvent(new Event('input'))")
    assert page.run("document.querySelector('canvas').toDataURL()") != before
    assert page.run("document.getElementById('label').textContent").startswith("t = 1.0, radius ")
