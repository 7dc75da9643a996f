"""What a notebook shows: facts and pictures, bounded, and never an error."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.data import Data, as_data
from ganzoo.evaluation import Evaluation
from ganzoo.generators.base import TrainedGenerator
from ganzoo.util.display import MOST_PICTURES, MOST_ROWS, page, pictures, plot, png
from tests.support import small_training

IMAGES = np.random.default_rng(0).integers(256, size=(30, 8, 8), dtype=np.uint8)
POINTS = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)
LARGEST = 200_000  # characters


def html(shown: Any) -> str:
    text = shown._repr_html_()
    assert isinstance(text, str)
    assert len(text) < LARGEST
    return text


def test_data_are_shown_with_what_was_guessed() -> None:
    labels = ["<b>", "dog"] * 15
    text = html(as_data(IMAGES, labels))
    assert text.count("<img") == MOST_PICTURES
    for fact in ("30 of 1x8x8", "axes (30, 8, 8) are read as NHW", "2 (&lt;b&gt;, dog)"):
        assert fact in text
    assert repr(as_data(IMAGES)).splitlines() == [
        "Data 'memory': images 30 of 1x8x8",
        "axes (30, 8, 8) are read as NHW",
    ]
    assert 400 < html(as_data(POINTS)).count("<circle") <= 500


def test_a_model_shows_samples(tiny: Data) -> None:
    training = small_training("simple", tiny, iterations=1)
    assert "<img" not in html(training), "it is not trained yet"
    list(training)
    for shown in (training, training.model()):
        assert html(shown).count("<img") == MOST_PICTURES
    with Image.open(io.BytesIO(training.model()._repr_png_())) as picture:
        assert max(picture.size) <= 512
    assert repr(training.model()).startswith("Generator of simple, samples ")
    assert "iteration 1 of 1" in repr(training)


def test_an_evaluation_shows_metrics_next_to_references() -> None:
    found = Evaluation(
        source="x",
        generator=None,
        data={"name": "<b>", "number": 2000},
        extractor=None,
        number=1000,
        seeds=(),
        score="fd",
        metrics={"fd": 39.3219, "copies": 0.0},
        spread={},
        references={"real": {"fd": 0.8485}, "noise": {"fd": 412.0}},
        classes={},
        notes=["few samples"],
    )
    text = html(found)
    for words in (
        "1,000 samples compared with 2,000 of &lt;b&gt;",
        "generated 39.32, real 0.8485, noise 412",
        "generated 0<",
        "few samples",
    ):
        assert words in text


def test_a_model_of_vectors_shows_a_plot() -> None:
    training = ganzoo.train("simple", POINTS, iterations=1, batch_size=8, **{"generator.widths": (4,)})
    list(training)
    assert "<circle" in html(training.model())
    assert training.model()._repr_png_()


@pytest.mark.parametrize("name", ["simple", "cyclegan", "privileged-v2"])
def test_a_record_shows_its_settings(name: str) -> None:
    text = html(ganzoo.get(name))
    assert ganzoo.get(name).summary[:20] in text
    assert "loop.batch_size" in text


def test_a_recipe_shows_its_settings(tiny: Data) -> None:
    assert "loop.iterations" in html(small_training("simple", tiny).recipe)


def test_without_pillow_the_facts_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    text = html(as_data(IMAGES))
    assert "<img" not in text
    assert "30 of 1x8x8" in text


def test_what_fails_shows_nothing(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("of the generator")

    model = small_training("simple", tiny, iterations=1).model()
    monkeypatch.setattr(TrainedGenerator, "sample", fail)
    assert model._repr_html_() is None
    assert model._repr_png_() is None
    assert replace(ganzoo.get("simple"), generator="missing")._repr_html_() is None


def test_pages_are_bounded_and_escaped() -> None:
    text = page("<x>", ((str(row), "y" * 1000) for row in range(10**6)))
    assert "&lt;x&gt;" in text
    assert text.count("<tr>") == MOST_ROWS + 1
    assert max(map(len, re.findall("y+", text))) < 200
    assert len(png(np.zeros((2000, 1000, 3), np.uint8))) < 1000
    assert pictures(np.zeros((100, 4, 4, 7), np.uint8)).count("<img") == MOST_PICTURES
    assert plot(np.zeros((3, 1))).count("<circle") == 3


# Names and metrics


def test_the_package_shows_its_public_names_alone() -> None:
    modules = {"data", "evaluation", "export", "parts", "testing"}
    assert set(dir(ganzoo)) == {*ganzoo.__all__, *modules}
    assert all(getattr(ganzoo, name) is not None for name in dir(ganzoo))
