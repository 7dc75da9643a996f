"""Arrays of a data set: those of another type or shape would train on something else, or on nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ganzoo
from ganzoo.data import Data
from ganzoo.util.errors import GanzooError

IMAGES = np.random.default_rng(0).integers(256, size=(12, 1, 8, 8), dtype=np.uint8)
POINTS = np.ones((12, 2), np.float32)
LABELS = np.arange(12) % 3
ABC = ("a", "b", "c")
SMALL = {"iterations": 2, "batch_size": 4, "device": "cpu", "generator.widths": "4", "discriminator.widths": "4"}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"samples": IMAGES.astype(np.uint16)}, r"samples of x are uint16 \(12, 1, 8, 8\); give images as uint8"),
        ({"samples": IMAGES / np.float32(255)}, "samples of x are float32"),
        ({"samples": IMAGES > 9}, "samples of x are bool"),
        ({"samples": IMAGES[:, 0]}, "samples of x are uint8"),
        ({"samples": IMAGES[..., :0]}, "samples of x are uint8"),
        ({"samples": IMAGES.transpose(0, 2, 3, 1)}, "the channels seem to come last"),
        ({"samples": np.ma.masked_array(IMAGES)}, "a MaskedArray, not an array of numpy"),
        ({"samples": IMAGES.tolist()}, "a list, not an array of numpy"),
        ({"samples": POINTS.astype(float)}, "samples of x are float64"),
        ({"samples": POINTS.astype(">f4")}, "samples of x are >f4"),
        ({"samples": POINTS[:, 0]}, "samples of x are float32"),
        ({"samples": np.where(np.eye(12, 2) > 0, np.float32(np.nan), POINTS)}, "2 values that are not finite"),
        ({"samples": POINTS, "conditions": POINTS.astype(int)}, "conditions of x are int64"),
        ({"samples": POINTS, "conditions": POINTS + np.inf}, "conditions of x hold 24 values that are not finite"),
        ({"samples": IMAGES, "labels": LABELS + 0.5}, r"labels of x are float64 \(12,\)"),
        ({"samples": IMAGES, "labels": LABELS > 1}, "labels of x are bool"),
        ({"samples": IMAGES, "labels": [*LABELS.tolist()[1:], "b"]}, "labels of x hold Python objects"),
        ({"samples": IMAGES, "labels": LABELS, "classes": "abc"}, "classes of x are 'abc', not a list of texts"),
        ({"samples": IMAGES, "labels": LABELS[:5]}, r"labels of x are int64 \(5,\); .* of shape \(12,\)"),
        ({"samples": IMAGES, "labels": np.tile(LABELS, 2)}, r"labels of x are int64 \(24,\)"),
        ({"samples": IMAGES, "labels": LABELS - 1, "classes": ABC}, "go from -1 to 1; give 0 to 2, the last of its"),
        ({"samples": IMAGES, "labels": LABELS, "classes": ABC[:2]}, "go from 0 to 2; give 0 to 1, the last of its"),
    ],
)
def test_other_arrays_are_refused(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        Data(name="x", **arrays)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64, ">i8"])
def test_labels_of_any_whole_type_become_int64(dtype: Any) -> None:
    data = Data(name="x", samples=IMAGES, labels=LABELS.astype(dtype), classes=ABC)
    assert data.labels is not None
    assert data.labels.dtype == np.int64
    np.testing.assert_array_equal(data.labels, LABELS)


def test_how_an_array_lies_in_memory_does_not_count() -> None:
    wide = np.zeros((12, 1, 8, 16), np.uint8)
    wide[..., ::2] = IMAGES
    fixed = IMAGES.copy()
    fixed.flags.writeable = False
    losses = []
    for samples in (IMAGES, wide[..., ::2], fixed, IMAGES[::-1].copy()[::-1], np.asfortranarray(IMAGES)):
        *_, last = ganzoo.train("simple", Data(name="x", samples=samples), **SMALL)
        losses.append([float(loss) for loss in last.losses.values()])
    assert all(each == losses[0] for each in losses)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed=-1 is not a whole number"),
        ({"seed": 1.0}, "seed=1.0 is not a whole number"),
        ({"seed": True}, "seed=True is not a whole number"),
        ({"seed": 2**63}, "is not a whole number from 0"),
        ({"threads": 10_000}, "threads=10000 is not a whole number from 1 to "),
        ({"threads": 0}, "threads=0 is not a whole number from 1 to "),
        ({"threads": 10**9}, "threads=1000000000 is not"),
        ({"precision": "fp16"}, "precision='fp16' is not one of auto, fp32, bf16"),
        ({"data": 3}, "the samples are 3, not an array"),
        ({"data": ""}, "no dataset named"),
        ({"gan": 3}, "gan=3 is neither the name of a GAN nor a ganzoo.GAN"),
    ],
)
def test_other_arguments_of_train_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        ganzoo.train(**{"gan": "simple", "data": Data(name="x", samples=IMAGES)} | SMALL | arguments)


@pytest.mark.parametrize("number", [{"number": 0}, {"number": 20.5}, {"repeats": 1.5}, {"seed": -1}, {"number": "50"}])
def test_other_numbers_of_evaluate_are_refused(number: dict[str, Any]) -> None:
    with pytest.raises(GanzooError, match="is not a whole number of at least"):
        ganzoo.evaluate("simple", **number)
