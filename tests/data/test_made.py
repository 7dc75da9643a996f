"""Conditions that are made from samples."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzoo.data import Data, folder, load, made
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError

Image = pytest.importorskip("PIL.Image")

NAMES = ("grey", "outlines", "lowres", "masked")


def pictures(count: int, channels: int = 3, side: int = 8) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, channels, side, side), np.uint8)


@pytest.fixture(autouse=True)
def cats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    """Thirty images of 8x8 pixels in the folder cats."""
    monkeypatch.chdir(tmp_path)
    Path("cats").mkdir()
    images = pictures(30)
    for number, image in enumerate(images):
        Image.fromarray(image.transpose(1, 2, 0)).save(f"cats/{number:02}.png")
    return images


def conditions_of(data: Data) -> Any:
    assert data.conditions is not None
    assert data.conditions.shape[0] == len(data)
    assert data.paired
    assert data.labels is None
    return data.conditions[:]


def test_grey_is_that_of_pillow(cats: NDArray[np.uint8]) -> None:
    data = load("grey:cats,holdout=0%", size=8)
    np.testing.assert_array_equal(data.samples[:], cats)
    wanted = [np.asarray(Image.fromarray(image.transpose(1, 2, 0)).convert("L")) for image in cats]
    np.testing.assert_array_equal(conditions_of(data)[:, 0], wanted)


def test_outlines_are_dark_where_pixels_change() -> None:
    images = np.full((1, 3, 8, 8), 200, np.uint8)
    images[:, 2, :, 4:] = 140  # in one colour alone
    drawn = made.edges(images)
    assert drawn.shape == (1, 1, 8, 8)
    assert [set(column) for column in drawn[0, 0].T] == [{255}] * 3 + [{195}] * 2 + [{255}] * 3
    np.testing.assert_array_equal(made.edges(images.transpose(0, 1, 3, 2)), drawn.transpose(0, 1, 3, 2))
    assert made.edges(pictures(4)).min() < 100


@pytest.mark.parametrize(("name", "factor"), [("lowres:cats", 4), ("lowres:cats,factor=2", 2)])
def test_small_images_are_means_of_blocks(cats: NDArray[np.uint8], name: str, factor: int) -> None:
    small = conditions_of(load(f"{name},holdout=0%", size=8))
    assert small.shape == (30, 3, 8 // factor, 8 // factor)
    wanted = cats[..., :factor, :factor].astype(float).mean((2, 3))
    np.testing.assert_allclose(small[..., 0, 0], wanted, atol=0.51)


def test_noise_is_the_same_for_each_image_whenever_it_is_read() -> None:
    plain = conditions_of(load("lowres:cats,factor=2,holdout=0%", size=32)).astype(float)
    noisy = load("lowres:cats,factor=2,noise=5,holdout=0%", size=32)
    difference = conditions_of(noisy) - plain
    inside = (plain > 30) & (plain < 225)
    assert 4.5 < difference[inside].std() < 5.5
    images, places = pictures(3), np.array([7, 1, 7])
    images[2] = images[0]
    once = made.reduced(images, 2, 5, places)
    np.testing.assert_array_equal(once[0], once[2])
    np.testing.assert_array_equal(once[1], made.reduced(images[1:2], 2, 5, places[1:2])[0])


def test_transparent_colours_do_not_count() -> None:
    images = np.zeros((1, 4, 2, 2), np.uint8)
    images[0, :, 0, 0] = (200, 100, 50, 255)
    np.testing.assert_array_equal(made.reduced(images, 2)[0].ravel(), [200, 100, 50, 64])
    np.testing.assert_array_equal(made.over_white(images)[0, :, 0], [[200, 255], [100, 255], [50, 255]])


@pytest.mark.parametrize("side", [1, 2, 3, 7, 8])
def test_the_middle_quarter_is_hidden(side: int) -> None:
    images = pictures(2, 3, side)
    given = made.hidden(images)
    mask = given[:, 3:] > 0
    assert given.shape == (2, 4, side, side)
    assert set(given[:, 3].ravel()) <= {0, 255}
    assert mask[0].sum() == ((side + 1) // 2) ** 2
    assert (given[:, :3][np.broadcast_to(mask, images.shape)] == 128).all()
    outside = ~np.broadcast_to(mask, images.shape)
    np.testing.assert_array_equal(given[:, :3][outside], images[outside])
    if side % 4 == 0:
        np.testing.assert_array_equal(mask, mask[..., ::-1, ::-1])


@pytest.mark.parametrize("kind", NAMES)
def test_lazily_read_conditions_are_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{kind}:cats"
    whole = {split: load(name, split=split, size=8) for split in ("train", "test")}  # type: ignore[arg-type]
    monkeypatch.setattr(folder, "MAX_MEMORY", 0)
    for split, data in whole.items():
        lazy = load(name, split=split, size=8)  # type: ignore[arg-type]
        assert not isinstance(lazy.samples, np.ndarray)
        assert not isinstance(lazy.conditions, np.ndarray)
        index = np.array([1, 0, 1])
        np.testing.assert_array_equal(lazy.samples[index], data.samples[index])
        assert lazy.conditions is not None
        np.testing.assert_array_equal(lazy.conditions[index], conditions_of(data)[index])
        np.testing.assert_array_equal(lazy.conditions[:], conditions_of(data))
        assert lazy.sha256 == load(name, split=split, size=8).sha256 != data.sha256  # type: ignore[arg-type]


def test_a_batch_is_decoded_once_and_its_conditions_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_MEMORY", 0)
    data = load("grey:cats,holdout=0%", size=8)
    index = np.array([3, 1])
    samples = data.samples[index]
    for path in Path("cats").iterdir():
        path.write_bytes(b"broken")
    assert data.conditions is not None
    np.testing.assert_array_equal(data.conditions[index], made.luma(samples))
    with pytest.raises(GanzooError, match="30 images cannot be read any more"):
        data.conditions[index[:1]]


@pytest.mark.parametrize("kind", NAMES)
def test_registered_data_sets_keep_their_test_split(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ganzoo"):
        sizes = [len(load(f"{kind}:fluent32", split=split)) for split in ("train", "test")]  # type: ignore[arg-type]
    assert sizes == [1450, 139]
    assert caplog.messages == [
        f"{kind}:fluent32: 1,450 images for training, 139 for testing (a test split of its own)",
        f"{kind}:fluent32: the conditions of fluent32 are left out",
    ]


def test_registered_data_sets_without_a_test_split_get_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ganzoo"):
        train, test = (load("grey:emoji32", split=split) for split in ("train", "test"))  # type: ignore[arg-type]
    assert len(train) + len(test) == 3219
    assert 250 < len(test) < 400
    assert not {each.tobytes() for each in train.samples[:]} & {each.tobytes() for each in test.samples[:]}
    assert "grey:emoji32: the labels of emoji32 are left out" in caplog.messages
    assert "Apache" in train.licence


def test_lazy_registered_data_sets_stay_lazy(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load("masked:stacked2", split="test")
    assert not isinstance(data.samples, np.ndarray)
    assert not isinstance(data.conditions, np.ndarray)
    stacked = load("stacked2", split="test")

    def without_test(request: Any) -> Data:
        request.refuse_test()
        return Data(name=request.name, samples=stacked.samples, sha256="x")

    monkeypatch.setitem(registry().parts["dataset"], "mine", without_test)  # type: ignore[arg-type]
    train, test = (load("masked:mine", split=split) for split in ("train", "test"))  # type: ignore[arg-type]
    assert not isinstance(train.samples, np.ndarray)
    assert len(train) + len(test) == len(stacked)
    assert train.sha256 != test.sha256
    seen = {each.tobytes() for each in train.samples[:]}
    assert not seen & {each.tobytes() for each in test.samples[:]}
    np.testing.assert_array_equal(test.conditions[:3], made.hidden(test.samples[:3]))  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("grey:", "grey needs a data set or a folder of images; name one: --data grey:NAME"),
        ("grey", "grey needs a data set or a folder of images; name one: --data grey:NAME"),
        ("grey:dogs", "there is no folder or data set 'dogs'; see: ganzoo list datasets"),
        ("grey:./dogs", "there is no folder './dogs'; name one that exists: --data grey:PATH"),
        ("grey:mnist-10k", "grey:mnist-10k: the images are grey already; name a data set in colour"),
        ("masked:ring8", "ring8 holds no images; name a data set of images, or a folder"),
        ("lowres:cats,factor=3", "lowres:cats,factor=3: 32x32 pixels are not whole blocks of 3x3; choose another"),
        ("lowres:cats,factor=1", "factor=1 is not a whole number at least 2 and at most 64"),
        ("lowres:cats,factor=2.5", "factor=2.5 is not a whole number"),
        ("lowres:cats,noise=-1", "noise=-1 is not a number at least 0"),
        ("grey:cats,noise=1", "noise=1 is no setting of it; they are holdout="),
        ("grey:fluent32,holdout=5%", "grey:fluent32,holdout=5% has a test split of its own; leave out holdout=5%"),
    ],
)
def test_mistakes_are_one_line(name: str, message: str) -> None:
    with pytest.raises(GanzooError, match=re.escape(message)) as caught:
        load(name)
    assert "\n" not in str(caught.value)
