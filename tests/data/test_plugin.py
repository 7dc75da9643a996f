"""The built-in data sets."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from ganzoo.data import Request
from ganzoo.util.errors import GanzooError

datasets = pytest.importorskip("ganzoo_plugins.datasets")

LOADERS = datasets.ganzoo_datasets()
WITHOUT_TEST = ("emoji32", "folder")
WITH_ARGUMENT = ("folder", "pairs", "unpaired", "grey", "outlines", "lowres", "masked", "one-class")


def test_the_plugin_imports_no_heavy_library() -> None:
    heavy = {"torch", "torchvision", "sklearn", "PIL"}
    code = f"import sys, ganzoo_plugins.datasets as d; d.ganzoo_datasets(); print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", LOADERS)
def test_every_loader_has_a_summary_of_one_line(name: str) -> None:
    first, *rest = LOADERS[name].__doc__.splitlines()
    assert 20 < len(first) <= 110
    assert first.endswith(".")
    assert not rest or rest[0] == ""


@pytest.mark.parametrize("name", [name for name in LOADERS if name not in WITH_ARGUMENT])
def test_loaders_refuse_an_argument_before_they_look_for_files(name: str) -> None:
    with pytest.raises(GanzooError, match=f"{name} takes no argument after a colon, got 'x'"):
        LOADERS[name](Request(name=f"{name}:x", argument="x"))


@pytest.mark.parametrize("name", WITHOUT_TEST)
def test_data_sets_without_a_test_split_refuse_it(name: str) -> None:
    with pytest.raises(GanzooError, match="no test split"):
        LOADERS[name](Request(name=name, split="test"))


@pytest.mark.parametrize(
    ("name", "split", "shape", "sha256"),
    [
        ("mnist-10k", "train", (10_000, 1, 28, 28), "00d01916"),
        ("mnist-10k", "test", (2_000, 1, 28, 28), "4ef77c8c"),
        ("emoji32", "train", (3_219, 3, 32, 32), "6c648db9"),
        ("fluent32", "train", (1_450, 3, 32, 32), "226ec45e"),
        ("fluent32", "test", (139, 3, 32, 32), "d537fa50"),
        ("fluent64", "train", (1_450, 3, 64, 64), "92703062"),
        ("fluent64", "test", (139, 3, 64, 64), "61909b53"),
        ("twemoji32", "train", (1_439, 3, 32, 32), "0d1f4f3b"),
        ("twemoji32", "test", (170, 3, 32, 32), "1c159a20"),
    ],
)
def test_embedded_data_are_complete(name: str, split: str, shape: tuple[int, ...], sha256: str) -> None:
    data = LOADERS[name](Request(name=name, split=split))
    assert data.samples.shape == shape
    assert data.is_images
    assert data.licence
    assert data.sha256.startswith(sha256)
    if data.labels is None:
        return
    counts = np.bincount(data.labels, minlength=len(data.classes))
    assert counts.min() > 0
    assert len(counts) == len(data.classes)
    if name == "mnist-10k":
        assert len(set(counts)) == 1


def test_embedded_data_have_their_licences() -> None:
    folder = files("ganzoo.data") / "embedded"
    assert "CC BY-SA 3.0" in (folder / "LICENSE-mnist.txt").read_text("utf-8")
    emoji = (folder / "LICENSE-emoji32.txt").read_text("utf-8")
    assert "Noto Emoji" in emoji
    assert "END OF TERMS AND CONDITIONS" in emoji
    fluent = (folder / "LICENSE-fluent32.txt").read_text("utf-8")
    assert "Copyright (c) Microsoft Corporation" in fluent
    assert "Permission is hereby granted" in fluent
    twemoji = (folder / "LICENSE-twemoji32.txt").read_text("utf-8")
    assert "Copyright 2020 Twitter, Inc and other contributors" in twemoji
    assert "https://creativecommons.org/licenses/by/4.0/" in twemoji


@pytest.mark.parametrize(("name", "channels", "shared"), [("fluent32", 1, 3), ("twemoji32", 3, 0)])
def test_embedded_pairs_share_no_image_between_the_splits(name: str, channels: int, shared: int) -> None:
    splits: list[set[bytes]] = []
    given: list[set[bytes]] = []
    for split in ("train", "test"):
        data = LOADERS[name](Request(name=name, split=split))
        assert data.conditions is not None
        assert (data.conditions.shape, data.conditions.dtype) == ((len(data), channels, 32, 32), np.uint8)
        assert data.paired
        splits.append({image.tobytes() for image in data.samples[:]})
        given.append({image.tobytes() for image in data.conditions[:]})
    assert not set.intersection(*splits)
    assert len(set.intersection(*given)) == shared, "outlines of hair in another colour"


@pytest.mark.parametrize("split", ["train", "test"])
def test_fluent64_are_the_images_of_fluent32_at_twice_the_sides(split: Any) -> None:
    large, small = (LOADERS[name](Request(name=name, split=split)).samples[:] for name in ("fluent64", "fluent32"))
    means = large.reshape(len(large), 3, 32, 2, 32, 2).astype(float).mean((3, 5))
    assert np.abs(means - small).max() < 1


def test_the_conditions_of_twemoji32_are_emoji32() -> None:
    noto = {image.tobytes() for image in LOADERS["emoji32"](Request(name="emoji32")).samples[:]}
    for split in ("train", "test"):
        conditions = LOADERS["twemoji32"](Request(name="twemoji32", split=split)).conditions
        assert {image.tobytes() for image in conditions[:]} <= noto
