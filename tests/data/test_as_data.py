"""What is in memory becomes a data set: a guess is a note, and what can be read in two ways is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import ganzoo
from ganzoo.data import Data, as_data
from ganzoo.util.errors import GanzooError

COLOUR = np.random.default_rng(0).integers(256, size=(6, 8, 10, 3), dtype=np.uint8)  # NHWC
FIRST = np.ascontiguousarray(COLOUR.transpose(0, 3, 1, 2))
GREY = COLOUR[..., 0]
UNIT = FIRST.astype(np.float32) / 255
LABELS = np.array([0, 1, 2, 0, 1, 2])
NAMES = ["cat", "dog", "ant", "cat", "dog", "ant"]
SMALL = {"iterations": 2, "batch_size": 2, "device": "cpu", "latent_dim": 4}
DENSE = {"generator.widths": (4,), "discriminator.widths": (4,)}


class Frame:
    """What is asked of a table of pandas."""

    def __init__(self, **columns: list[Any]) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def select_dtypes(self, include: list[str]) -> Frame:
        assert include == ["number", "bool"]
        return Frame(**{name: each for name, each in self._columns.items() if not isinstance((each or [0])[0], str)})

    def to_numpy(self, dtype: Any, na_value: Any) -> NDArray[Any]:
        values = [[na_value if one is None else one for one in each] for each in self._columns.values()]
        return np.array(values, dtype).T


class Items(Dataset[Any]):
    def __init__(self, *items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> Any:
        return self.items[place]


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(())


def pillow(array: NDArray[Any] = COLOUR) -> list[Image.Image]:
    return [Image.fromarray(each) for each in array]


@pytest.mark.parametrize(
    "source",
    [
        COLOUR,
        FIRST,
        UNIT,
        UNIT.astype(np.float64),
        COLOUR.astype(np.int64),
        torch.from_numpy(FIRST),
        torch.from_numpy(UNIT * 2 - 1),
        torch.from_numpy(UNIT).requires_grad_(),
        list(COLOUR),
        list(torch.from_numpy(FIRST)),
        pillow(),
        TensorDataset(torch.from_numpy(UNIT)),
        Items(*pillow()),
    ],
    ids=lambda source: f"{type(source).__name__} {getattr(source, 'dtype', '')}",
)
def test_images_are_read_alike_whatever_holds_them(source: Any) -> None:
    data = as_data(source)
    assert data.samples.dtype == np.uint8
    np.testing.assert_array_equal(data.samples, FIRST)
    assert data.notes


@pytest.mark.parametrize(
    ("source", "notes"),
    [
        (COLOUR, ["axes (6, 8, 10, 3) are read as NHWC"]),
        (GREY, ["axes (6, 8, 10) are read as NHW"]),
        (UNIT, ["read as NCHW", "are read as 0 to 1", "float32 images become 8 bits"]),
        (UNIT * 2 - 1, ["are read as -1 to 1"]),
        (GREY > 100, ["are read as 0 to 1", "bool images become 8 bits"]),
        (pillow(), ["images of Pillow are read as RGB"]),
        ([[0, 1], [2, 5]], ["int64 values become float32", "vectors of 2 features, used as they are: 0 to 5"]),
        (Frame(a=[1, 2], b=[True, False], name=["x", "y"]), ["1 columns hold no numbers and are left out: name"]),
        (TensorDataset(torch.from_numpy(UNIT)), ["6 items of a TensorDataset are read once"]),
    ],
)
def test_what_was_guessed_is_said(source: Any, notes: list[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "ganzoo")
    data = as_data(source)
    for note in notes:
        assert note in "\n".join(data.notes)
        assert note in caplog.text


def test_what_the_caller_says_is_not_guessed() -> None:
    square = np.zeros((2, 3, 5, 3), np.uint16)
    square[0, 0] = 1000
    data = as_data(square, layout="NHWC", range=(0, 1000))
    assert data.shape == (3, 3, 5)
    assert (np.asarray(data.samples)[0, :, 0] == 255).all()
    assert data.notes == ("uint16 images become 8 bits, 0 to 255",)


def test_images_of_pillow_are_scaled_and_laid_over_white() -> None:
    data = as_data([Image.new("LA", (8, 6), (0, 0)), Image.new("L", (20, 20), 7)], size=4)
    assert data.shape == (1, 4, 4)
    assert np.unique(np.asarray(data.samples)[0]) == 255
    assert "largest centred square of each image is scaled to 4x4" in " ".join(data.notes)
    assert "1 images with transparency are laid over white" in data.notes


def test_a_folder_is_read_by_its_path(tmp_path: Path) -> None:
    for place, image in enumerate(pillow()):
        image.save(tmp_path / f"{place}.png")
    assert as_data(tmp_path, size=8).shape == (3, 8, 8)
    assert as_data(tmp_path, size=8).sha256 == as_data(f"folder:{tmp_path}", size=8).sha256
    with pytest.raises(GanzooError, match="there is no folder"):
        as_data(tmp_path / "none")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (COLOUR.astype(np.uint16), r"uint16 from \d+ to 255, more than 8 bits; .*range=\(0, 65535\)"),
        (FIRST.astype(np.int64) * 300, "int64 from 0 to 76500, more than 8 bits"),
        (FIRST.astype(np.float32), r"float32 from 0 to 255, neither 0 to 1 nor -1 to 1; .*range=\(0, 255\)"),
        (UNIT * 3 - 1.5, r"float32 from -1.5 to 1.5, neither"),
        (FIRST // 255, "hold only 0 and 1, which is black"),
        (np.where(UNIT > 0.99, np.nan, UNIT), "values that are not finite"),
        (np.zeros((5, 3, 8, 3), np.uint8), "either the first or the last axis .* layout='NHWC'"),
        (np.zeros((5, 8, 8, 2), np.uint8), "neither the first nor the last axis"),
        (COLOUR[0], "may be one image with its channels, .* images.None."),
        (COLOUR[0, 0, 0], r"shape \(3,\), which is a single vector"),
        (np.zeros((0, 8, 8), np.uint8), r"shape \(0, 8, 8\) are empty"),
        (np.zeros((2, 2, 8, 8, 3), np.uint8), "have 5 axes"),
        ([], "an empty list"),
        ([GREY[0], GREY[0, 1:]], r"2 shapes: \(8, 10\) \(1\), \(7, 10\) \(1\)"),
        ([[1, 2], [3]], "the samples have 2 shapes"),
        ([[1, None]], "hold Python objects"),
        (np.array([[1, "a"]], object), "hold Python objects .int, str."),
        (np.array([["a", "b"]]), "<U1, not numbers"),
        (np.array([[1 + 2j]]), "complex128, not numbers"),
        ([*pillow(), GREY[0]], "holds images of Pillow and other things"),
        ([Image.new("L", (3, 3)), Image.new("L", (4, 4))], "the images have 2 sizes: 3x3 .1., 4x4 .1.; .*size=64"),
        ([Image.new("I;16", (3, 3))], "in mode I;16 have more than 8 bits"),
        (["a.png", "b.png"], "texts or paths; for files, give the path of their folder"),
        ((GREY, LABELS), "a tuple is no array of samples; give the samples, and labels with labels="),
        (np.ma.masked_array(GREY), "a MaskedArray"),
        ({"images": GREY}, "the samples are a dict, not an array"),
        (3, "the samples are 3, not an array"),
        (None, "the samples are a NoneType, not an array"),
        ((each for each in GREY), "the samples are a generator, not an array"),
        (nn.Linear(2, 2), "the data are a Linear; the first argument is the GAN"),
        (ganzoo.get("simple"), "the samples are a GAN, not an array"),
        (DataLoader(TensorDataset(torch.from_numpy(UNIT))), "gives batches; .*loader.dataset"),
        (Stream(), "a Stream has no length"),
        (Items(), "the Items is empty"),
        (Items(GREY[0], (GREY[1], 1)), "some items of the Items have a label"),
        (Items((GREY[0], 1, 2)), "has 3 parts"),
        (Items((GREY[0], {"box": 1})), "is a dict, which is no label"),
        (Frame(a=[]), "the table has no rows"),
        (Frame(name=["x", "y"]), "no column of the table holds numbers: name"),
        (Frame(a=[1.0, None], b=[1.0, 2.0]), "without a finite number in each row: a;"),
        (np.array([[1e300]]), "too large for 32 bits"),
    ],
)
def test_what_cannot_be_read_is_one_line(source: Any, message: str) -> None:
    with pytest.raises(GanzooError, match=message) as caught:
        as_data(source)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_an_item_that_fails_is_named() -> None:
    class Broken(Items):
        def __getitem__(self, place: int) -> Any:
            raise OSError("gone\nfor good")

    with pytest.raises(GanzooError, match=r"item 0 of the Broken cannot be read: OSError: gone$"):
        as_data(Broken(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layout": "HWC"}, "layout='HWC' is none of NCHW, NHWC and NHW"),
        ({"layout": "NHW"}, "layout=NHW has 3 axes, and the samples have the shape"),
        ({"range": (1, 0)}, r"range=\(1, 0\) is no pair"),
        ({"range": (0, 100)}, r"from 0 to 255, beyond range=\(0, 100\)"),
        ({"size": 8}, "size= is for images of Pillow and folders"),
        ({"classes": ["a"]}, "names the classes of labels, and there are none"),
        ({"classes": ["a", "a"], "labels": LABELS}, "are not different names"),
    ],
)
def test_other_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        as_data(COLOUR, **arguments)


def test_arguments_that_change_nothing_are_refused() -> None:
    for source, argument in (("mnist-10k", "labels"), (as_data(GREY), "layout"), ("mnist-10k", "range")):
        with pytest.raises(GanzooError, match=f"{argument}= changes nothing for a"):
            as_data(source, **{argument: [1]})
    with pytest.raises(GanzooError, match=r"range=\(0, 1\) is for images"):
        as_data([[0, 1]], range=(0, 1))


# Labels


@pytest.mark.parametrize(
    ("labels", "classes", "expected", "names"),
    [
        (LABELS, None, LABELS, ("0", "1", "2")),
        (LABELS.tolist(), ["x", "y", "z"], LABELS, ("x", "y", "z")),
        (torch.from_numpy(LABELS), None, LABELS, ("0", "1", "2")),
        (LABELS.astype(np.float32), None, LABELS, ("0", "1", "2")),
        (LABELS[:, None], None, LABELS, ("0", "1", "2")),
        (NAMES, None, [1, 2, 0, 1, 2, 0], ("ant", "cat", "dog")),
        (np.array(NAMES, object), ["dog", "cat", "ant"], [1, 0, 2, 1, 0, 2], ("dog", "cat", "ant")),
    ],
)
def test_labels_are_numbers_or_names(labels: Any, classes: Any, expected: Any, names: tuple[str, ...]) -> None:
    data = as_data(GREY, labels, classes=classes)
    np.testing.assert_array_equal(data.labels, expected)
    assert data.classes == names


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (LABELS[:5], None, "6 samples and 5 labels"),
        (np.eye(3)[LABELS], None, r"shape \(6, 3\), .*labels.argmax\(1\)"),
        (LABELS - 1, None, "go from -1 to 1; give 0 to less than"),
        (LABELS, ["a", "b"], "go from 0 to 2; give 0 to 1 for 2 classes"),
        (LABELS + 0.5, None, "float64 and not whole, such as 0.5"),
        (np.where(LABELS > 1, np.nan, LABELS), None, "2 labels are not finite"),
        (NAMES, ["cat", "dog"], "labels that are no class: ant; the classes are cat, dog"),
        ([*NAMES[:5], None], None, "hold Python objects .NoneType, str."),
        ([*NAMES[:5], float("nan")], None, "hold Python objects .float, str."),
        ([], None, "6 samples and 0 labels"),
        (np.arange(6) * 10**6, None, "go from 0 to 5000000"),
        (nn.Linear(1, 1), None, "the labels are a network, Linear"),
        ({"a": 1}, None, "the labels are a dict"),
        ([[1], [2, 3]], None, "the labels make no array of one shape"),
    ],
)
def test_wrong_labels_are_one_line(labels: Any, classes: Any, message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        as_data(GREY, labels, classes=classes)


def test_a_dataset_brings_its_labels_and_classes() -> None:
    dataset = Items(*((each, torch.tensor(label)) for each, label in zip(UNIT, LABELS, strict=True)))
    dataset.classes = ["x", "y", "z"]  # type: ignore[attr-defined]
    data = as_data(dataset)
    np.testing.assert_array_equal(data.labels, LABELS)
    assert data.classes == ("x", "y", "z")
    with pytest.raises(GanzooError, match="have labels already"):
        as_data(dataset, LABELS)


def test_a_data_set_without_labels_gets_some() -> None:
    data = as_data(as_data(GREY), NAMES)
    assert data.classes == ("ant", "cat", "dog")
    with pytest.raises(GanzooError, match="has labels already"):
        as_data(data, NAMES)


def test_a_record_takes_tensors_and_lists_and_names_the_classes() -> None:
    data = Data(name="x", samples=torch.from_numpy(FIRST), labels=LABELS.tolist())  # type: ignore[arg-type]
    assert isinstance(data.samples, np.ndarray)
    assert data.classes == ("0", "1", "2")


# Training on it


@pytest.mark.parametrize("make", [lambda: GREY, lambda: UNIT, lambda: pillow(GREY), lambda: Frame(a=[1, 2, 3])])
def test_a_gan_is_trained_on_what_is_in_memory(make: Callable[[], Any]) -> None:
    training = ganzoo.train("simple", make(), **SMALL, **DENSE)
    assert len(list(training)) == 2
    assert training.data.name == "memory"
    assert training.data.notes


def test_a_conditional_gan_takes_labels() -> None:
    square = np.zeros((6, 8, 8), np.uint8)
    training = ganzoo.train("cgan", square + np.uint8(9), labels=NAMES, **SMALL)
    next(training)
    assert training.model().sample(2, labels="dog").shape == (2, 1, 8, 8)
    with pytest.raises(GanzooError, match="simple is not class-conditional; leave them out, or train cgan"):
        ganzoo.train("simple", square, labels=NAMES)
    with pytest.raises(GanzooError, match="needs labelled data"):
        ganzoo.train("cgan", square + np.uint8(9), **SMALL)


def test_sizes_that_a_gan_cannot_take_keep_their_error() -> None:
    with pytest.raises(GanzooError, match="fits images whose sides are 4, 5, 6 or 7 times a power of two"):
        ganzoo.train("dcgan", np.zeros((6, 50, 50), np.uint8) + np.uint8(9))


def test_data_of_arrays_have_no_files() -> None:
    with pytest.raises(GanzooError, match="given as arrays in Python"):
        ganzoo.data.load("memory")
