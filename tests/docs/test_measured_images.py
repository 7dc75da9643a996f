"""The test images that the published scores were measured on can be found among the official ones."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ganzoo.data import Data, load
from ganzoo.util.errors import GanzooError
from tests.support import ROOT


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "claims"))
    return importlib.import_module("measured_images")


def test_the_lists_have_5000_images_each(images: ModuleType) -> None:
    assert {name: len(images.published(name)) for name in images.SHA256} == {"mnist": 5000, "fashion-mnist": 5000}
    inside = images.hashes(load("mnist-10k", split="test"))
    assert set(inside) < images.published("mnist")


def test_the_hashes_are_those_of_the_published_scores(images: ModuleType) -> None:
    weights = json.loads((ROOT / "weights" / "index.json").read_text("utf-8"))["weights"]
    found = {(each["measured"]["data"]["name"], each["measured"]["data"]["sha256"]) for each in weights}
    assert {pair for pair in found if pair[0] in images.SHA256} == set(images.SHA256.items())
    text = (ROOT / "docs" / "evaluating.md").read_text("utf-8")
    assert all(f"`{sha256[:12]}...`" in text for sha256 in images.SHA256.values())


def test_images_are_selected_in_their_order(
    images: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = replace(load("mnist-10k", split="test"), name="mnist")
    others = load("mnist-10k").samples[:2000]
    assert right.labels is not None
    official = Data(
        name="mnist",
        samples=np.stack([right.samples[:], others], axis=1).reshape(-1, *right.shape),
        labels=np.repeat(right.labels, 2),
    )
    with pytest.raises(GanzooError, match="2,000 images of the test split of mnist match, and not the right 5,000"):
        images.select(official)
    monkeypatch.setitem(images.SHA256, "mnist", right.sha256)
    found = images.select(official)
    assert found.sha256 == right.sha256
    images.write(found, tmp_path / "MNIST" / "raw", tmp_path)
    assert load("mnist", split="test", directory=tmp_path).sha256 == right.sha256
