"""Folders in pairs, without pairs, and their splits."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from ganzoo.data import Data, NoTestSplit, absolute_name, absolute_paths, folder, load
from ganzoo.util.errors import GanzooError

Image = pytest.importorskip("PIL.Image")


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings; whether lines of the level INFO are kept depends on earlier tests."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def save(path: str, value: int, size: tuple[int, int] = (8, 8), *, colour: bool = False) -> None:
    """An image whose pixels have a level, or the colours ``(level, 0, 9)``."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB" if colour else "L", size, (value, 0, 9) if colour else value).save(path)


def both(name: str, size: int = 8, **how: Any) -> tuple[Data, Data]:
    return load(name, size=size, **how), load(name, split="test", size=size, **how)


def levels(images: Any) -> list[int]:
    """The first pixel of each image."""
    return [int(image[0, 0, 0]) for image in images[:]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def forty() -> None:
    """Forty pairs, whose files have different suffixes."""
    for number in range(40):
        save(f"a/{number}.png", number)
        save(f"b/{number}.bmp", number + 100, colour=True)


@pytest.mark.usefixtures("forty")
@pytest.mark.parametrize("lazy", [False, True])
def test_files_of_one_name_are_pairs_and_each_is_in_one_split(monkeypatch: pytest.MonkeyPatch, lazy: bool) -> None:
    if lazy:
        monkeypatch.setattr(folder, "MAX_MEMORY", 0)
    train, test = both("pairs:a,b")
    for data in (train, test):
        assert data.conditions is not None
        assert isinstance(data.samples, folder.Files) == isinstance(data.conditions, folder.Files) == lazy
        assert data.paired
        assert (data.shape, data.conditions.shape) == ((3, 8, 8), (len(data), 1, 8, 8))
        assert [level + 100 for level in levels(data.conditions)] == levels(data.samples)
    assert sorted(levels(train.conditions) + levels(test.conditions)) == list(range(40))
    assert 0 < len(test) < 12
    assert load("pairs:a,b", size=8).sha256 == train.sha256 != test.sha256


@pytest.mark.usefixtures("forty")
def test_the_split_does_not_depend_on_other_files() -> None:
    before = set(levels(load("pairs:a,b", split="test").conditions))
    for number in range(40, 60):
        save(f"a/{number}.png", number)
        save(f"b/{number}.bmp", number + 100, colour=True)
    after = set(levels(load("pairs:a,b", split="test").conditions))
    assert before == {level for level in after if level < 40}
    assert set(levels(load("pairs:a,b,holdout=0%").conditions)) == set(range(60))
    assert before < set(levels(load("pairs:a,b,holdout=30%", split="test").conditions))


@pytest.mark.usefixtures("forty")
def test_the_split_is_said_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ganzoo"):
        train, test = both("pairs:a,b,holdout=20%")
    assert caplog.messages == [
        f"pairs:a,b,holdout=20%: {len(train)} pairs for training, {len(test)} for testing (holdout=20%, by the hash of "
        "the names)"
    ]
    with pytest.raises(NoTestSplit, match=r"has 0 pairs for testing \(holdout=0%, by the hash of the names\)"):
        load("pairs:a,b,holdout=0%", split="test")


def test_what_has_no_partner_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(5):
        save(f"a/x/{number}.png", number)
    for number in range(2, 9):
        save(f"b/x/{number}.png", number)
    assert sorted(levels(load("pairs:a,b,holdout=0%").samples)) == [2, 3, 4]
    assert warned(caplog) == ["passed over 6 files without a partner of the same name: 2 in a, 4 in b"]


def test_pairs_of_other_shapes_and_broken_ones_are_skipped(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(6):
        save(f"a/{number}.png", number, (16, 12))
        save(f"b/{number}.png", number, (8, 6))
    save("b/1.png", 1, (8, 3))
    save("b/4.png", 4, (8, 6), colour=True)
    Path("a/4.png").write_bytes(b"broken")
    Path("b/5.png").write_bytes(Path("b/5.png").read_bytes()[:50])
    data = load("pairs:a,b,holdout=0%")
    assert levels(data.samples) == levels(data.conditions) == [0, 2, 3]
    assert data.shape == (1, 32, 32), "the partner of a broken file does not decide the colours"
    messages = warned(caplog)
    assert len(messages) == 2
    assert messages[0].startswith("skipped 2 of 6 images: 1 (16x12 and 8x3 pixels, which are no pair); 4 (")
    assert messages[1].startswith("skipped 1 of 4 images: 5.png (")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_the_sides_of_a_pair_are_those_the_right_way_up(suffix: str) -> None:
    save("a/0.png", 5, (16, 12))
    exif = Image.Exif()
    exif[0x0112] = 6
    Path("b").mkdir()
    Image.new("L", (12, 16), 90).save(f"b/0.{suffix}", exif=exif)
    assert len(load("pairs:a,b,holdout=0%")) == 1


def test_pairs_that_share_an_image_are_in_one_split() -> None:
    for number in range(60):
        save(f"a/{number}.png", number % 20)
        save(f"b/{number}.png", number)
    train, test = both("pairs:a,b,holdout=40%")
    assert not set(levels(train.conditions)) & set(levels(test.conditions))
    assert len(test) > 0


@pytest.mark.parametrize("lazy", [False, True])
def test_equal_files_are_in_one_split(monkeypatch: pytest.MonkeyPatch, lazy: bool) -> None:
    if lazy:
        monkeypatch.setattr(folder, "MAX_MEMORY", 0)
    for number in range(60):
        save(f"a/{number}.png", number % 20, colour=True)
    train, test = both("grey:a,holdout=40%")
    assert not set(levels(train.samples)) & set(levels(test.samples))
    assert len(train) + len(test) == 60
    assert len(test) > 0


def test_sub_folders_train_and_test_are_the_splits(caplog: pytest.LogCaptureFixture) -> None:
    for number, split in enumerate(["train", "train", "train", "val", "test", "test"]):
        save(f"a/{split}/{number}.png", number)
        save(f"b/{split}/{number}.png", number, colour=True)
    with caplog.at_level(logging.INFO, "ganzoo"):
        train, test = both("pairs:a,b")
    assert (levels(train.samples), levels(test.samples)) == ([0, 1, 2], [4, 5])
    assert (levels(train.conditions), levels(test.conditions)) == ([0, 1, 2], [4, 5])
    assert caplog.messages == [
        "a: 1 images in neither split are left out",
        "b: 1 images in neither split are left out",
        "pairs:a,b: 3 pairs for training, 2 for testing (a test split of its own)",
    ]
    with pytest.raises(GanzooError, match=r"pairs:a,b,holdout=5% has a test split of its own; leave out holdout=5%"):
        load("pairs:a,b,holdout=5%")


@pytest.mark.parametrize(("end", "first"), [("", "left"), (",from=left", "left"), (",from=right", "right")])
def test_double_images(end: str, first: Literal["left", "right"]) -> None:
    for number in range(5):
        image = Image.new("RGB", (20, 10), (number, 0, 0))
        image.paste((number + 50, 0, 0), (10, 0, 20, 10))
        Path("both").mkdir(exist_ok=True)
        image.save(f"both/{number}.png")
    data = load(f"pairs:both,holdout=0%{end}", size=4)
    left, right = (data.conditions, data.samples) if first == "left" else (data.samples, data.conditions)
    assert (levels(left), levels(right)) == ([0, 1, 2, 3, 4], [50, 51, 52, 53, 54])
    assert all(len(set(image[0].ravel())) == 1 for image in data.samples[:]), "no column of the other half"


def test_double_images_are_wide_and_of_an_even_width(caplog: pytest.LogCaptureFixture) -> None:
    for number, size in enumerate([(20, 10), (21, 10), (10, 10)]):
        save(f"both/{number}.png", number, size)
    assert levels(load("pairs:both,holdout=0%").samples) == [0]
    assert warned(caplog) == [
        "skipped 2 of 3 images: 1.png (21x10 pixels, so no two images side by side); 2.png (10x10 pixels, so no two "
        "images side by side)"
    ]


def test_the_channels_of_both_sides_can_be_chosen() -> None:
    save("a/0.png", 7, colour=True)
    save("b/0.png", 9, colour=True)
    data = load("pairs:a,b,holdout=0%,conditions=grey", channels="rgba")
    assert data.conditions is not None
    assert (data.samples.shape, data.conditions.shape) == ((1, 4, 32, 32), (1, 1, 32, 32))


def test_deep_grey_is_read_as_from_a_folder() -> None:
    for name in "ab":
        Path(name).mkdir()
        Image.fromarray(np.full((8, 8), 25600, np.uint16)).save(f"{name}/0.png")
    data = load("pairs:a,b,holdout=0%")
    assert levels(data.samples) == levels(data.conditions) == levels(load("folder:a").samples)


@pytest.mark.usefixtures("forty")
def test_a_pair_that_breaks_stops_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_MEMORY", 0)
    data = load("pairs:a,b,holdout=0%")
    Path("b/0.bmp").write_bytes(b"broken")
    assert data.conditions is not None
    assert data.conditions[:].shape == (40, 1, 32, 32)
    with pytest.raises(GanzooError, match=r"b/0.bmp cannot be read any more \(.*\), and it is half of a pair; restore"):
        data.samples[:]


@pytest.mark.usefixtures("forty")
def test_unpaired_folders_have_as_many_images_as_they_have() -> None:
    for number in range(40, 70):
        save(f"a/{number}.png", number)
    train, test = both("unpaired:a,b")
    assert not train.paired
    assert (train.conditions is not None, test.conditions is not None) == (True, True)
    assert len(train.conditions) + len(test.conditions) == 70  # type: ignore[arg-type]
    assert len(train) + len(test) == 40
    sides = [{level % 100 for level in levels(part)} for part in (train.samples, test.conditions)]
    assert not set.intersection(*sides), "images with one name are on one side"


def test_a_folder_of_two_kinds(caplog: pytest.LogCaptureFixture) -> None:
    for number, kind in enumerate(["trainA", "trainA", "trainB", "trainB", "trainB", "testA", "testB", "other"]):
        save(f"horses/{kind}/{number}.png", number)
    with caplog.at_level(logging.INFO, "ganzoo"):
        train, test = both("unpaired:horses")
    assert [levels(part) for part in (train.conditions, train.samples)] == [[0, 1], [2, 3, 4]]
    assert [levels(part) for part in (test.conditions, test.samples)] == [[5], [6]]
    assert "horses: 1 images outside trainA, trainB, testA and testB are left out" in caplog.messages
    assert "unpaired:horses: 2 and 3 images for training, 1 for testing (a test split of its own)" in caplog.messages
    with pytest.raises(GanzooError, match=r"other has no images in trainA; name two folders: --data unpaired:A,B, or"):
        save("other/0.png", 0)
        load("unpaired:other")


def test_the_images_of_a_data_set_in_pairs_without_its_pairs() -> None:
    train, pairs = load("unpaired:fluent32"), load("fluent32")
    assert not train.paired
    assert pairs.paired
    assert len(train) == len(pairs) == 1450
    assert train.sha256 != pairs.sha256
    assert len(load("unpaired:fluent32", split="test")) == 139


def test_unpaired_data_sets_and_folders() -> None:
    for number in range(20):
        save(f"a/{number}.png", number, colour=True)
    train, test = both("unpaired:a,fluent32", 32)
    assert (len(train), len(test)) == (1450, 139)
    assert len(train.conditions) + len(test.conditions) == 20  # type: ignore[arg-type]
    assert "Fluent" in train.licence


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pairs:a,nowhere", "there is no folder 'nowhere'; name one that exists: --data pairs:A,B, or pairs:FOLDER of"),
        ("pairs:", "there is no folder ''; name one that exists"),
        ("pairs:a,b,c", "pairs takes two folders, without a comma in their names, got 3; use: --data pairs:A,B, or"),
        ("pairs:a,./a", "pairs:a,./a names one folder twice; name another, or pairs:FOLDER of double images"),
        ("pairs:a,emoji32", "pairs takes the paths of folders, and 'emoji32' names a data set; use: --data pairs:A,B"),
        ("pairs:a,other", "a and other have no file name in common: the first are 0.png and x.png; give the two files"),
        ("pairs:a,twice", "twice holds both 0.bmp and 0.png, so partners are not clear; keep one of them"),
        ("pairs:a,shapes", "none of 1 files can be used: 0 (8x8 and 20x8 pixels, which are no pair)"),
        ("pairs:a,empty", "empty holds no readable image"),
        ("pairs:a", "none of 1 files can be used: 0.png (8x8 pixels, so no two images side by side)"),
        ("pairs:a,b,holdout=10", "pairs:a,b,holdout=10: holdout=10 is not a percentage from 0% to below 100%, such as"),
        ("pairs:a,b,holdout=100%", "holdout=100% is not a percentage from 0% to below 100%, such as 10%"),
        ("pairs:a,b,holdout=nan%", "holdout=nan% is not a percentage"),
        ("pairs:a,b,holdout=5%,holdout=5%", "holdout=5% is there twice; give it once"),
        ("pairs:a,b,size=3", "size=3 is no setting of it; they are holdout=, conditions="),
        ("pairs:a,b,conditions=red", "conditions=red is not one of grey, rgb, rgba"),
        ("pairs:a,b,from=right", "from=right is no setting of it; they are holdout=, conditions="),
        ("unpaired:a,b,c", "unpaired takes two folders or data sets, without a comma in their names, got 3; use:"),
        ("unpaired:", "unpaired takes two folders or data sets"),
        ("unpaired:a,nowhere", "there is no folder or data set 'nowhere'; see: ganzoo list datasets"),
        ("unpaired:mnist-10k,emoji32", "mnist-10k has 28x28 and emoji32 has 32x32 pixels; folders take --image-size"),
        ("unpaired:emoji32", "emoji32 has no pairs of images; name two: --data unpaired:A,B"),
        ("unpaired:ring8,emoji32", "ring8 holds no images; name a data set of images, or a folder"),
        (
            "unpaired:fluent32,holdout=5%",
            "holdout=5% takes no holdout=; it has the splits of fluent32",
        ),
        ("unpaired:emoji32,a,conditions=grey", "conditions= is for a folder A; leave it out"),
    ],
)
def test_mistakes_are_one_line(name: str, message: str) -> None:
    for path in ("a/0.png", "b/0.png", "other/x.png", "twice/0.png", "twice/0.bmp"):
        save(path, 0)
    save("shapes/0.png", 0, (20, 8))
    Path("empty").mkdir()
    with pytest.raises(GanzooError, match=re.escape(message)) as caught:
        load(name)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("forty")
def test_paths_become_absolute_and_names_stay(here: Path) -> None:
    Path("emoji32").mkdir()
    Path("x,y").mkdir()
    for name, absolute in (
        ("pairs:a,./b,holdout=5%", f"pairs:{here}/a,{here}/b,holdout=5%"),
        ("unpaired:emoji32,b", f"unpaired:emoji32,{here}/b"),
        ("grey:folder:a", f"grey:folder:{here}/a"),
        ("lowres:x,y,factor=2", f"lowres:{here}/x,y,factor=2"),
        ("masked:mnist", "masked:mnist"),
        ("folder:emoji32", f"folder:{here}/emoji32"),
        ("folder:x,y", f"folder:{here}/x,y"),
        ("mnist", "mnist"),
        ("a", f"folder:{here}/a"),
    ):
        assert absolute_name(name) == absolute
        assert absolute_paths(absolute) == re.findall(f"{re.escape(str(here))}(?:/x,y|[^,]*)", absolute)
    assert load(absolute_name("pairs:a,b")).sha256 == load("pairs:a,b").sha256
