from __future__ import annotations

import numpy as np
import pytest

from ganzoo.data import Request, embedded, stacked

TRAIN = stacked.stacked_mnist(Request(name="stacked-mnist"))


def test_each_channel_is_a_digit_of_mnist_10k_that_the_label_names() -> None:
    digits = embedded.mnist_10k(Request(name="mnist-10k"))
    assert digits.labels is not None
    assert TRAIN.labels is not None
    known = {image.tobytes(): label for image, label in zip(digits.samples, digits.labels, strict=True)}
    for image, label in zip(TRAIN.samples[:50], TRAIN.labels[:50], strict=True):
        assert f"{label:03}" == "".join(str(known[plane.tobytes()]) for plane in image)
        assert TRAIN.classes[label] == f"{label:03}"


def test_images_are_composed_when_they_are_read() -> None:
    assert (len(TRAIN), TRAIN.shape) == (128_000, (3, 28, 28))
    assert not isinstance(TRAIN.samples, np.ndarray), "they would take 300 MB"
    index = np.array([5, 3, 5])
    batch = TRAIN.samples[index]
    assert (batch.shape, batch.dtype) == ((3, 3, 28, 28), np.uint8)
    np.testing.assert_array_equal(batch, TRAIN.samples[:6][index])
    assert TRAIN.samples[4].shape == (3, 28, 28)


def test_all_modes_are_equally_likely() -> None:
    counts = np.bincount(TRAIN.labels, minlength=1000)
    assert counts.shape == (1000,)
    assert counts.min() > 0
    assert ((counts - 128) ** 2 / 128).sum() == pytest.approx(1000, abs=200), "chi-squared"


def test_each_load_is_the_same_and_the_splits_differ() -> None:
    again, test = (stacked.stacked_mnist(Request(name="stacked-mnist", split=split)) for split in ("train", "test"))
    assert again.sha256 == TRAIN.sha256
    np.testing.assert_array_equal(again.samples[:9], TRAIN.samples[:9])
    assert test.sha256 != TRAIN.sha256
    assert len(test) == 26_000
    assert {image.tobytes() for image in test.samples[:100][:, 0]}.isdisjoint(
        image.tobytes() for image in embedded.mnist_10k(Request(name="mnist-10k")).samples
    )


def test_stacked2_has_two_digits_and_no_blue() -> None:
    train, test = (stacked.stacked2(Request(name="stacked2", split=split)) for split in ("train", "test"))
    assert (len(train), len(test), train.shape) == (12_800, 2_600, (3, 28, 28))
    assert len(train.classes) == len(np.unique(train.labels)) == 100
    assert train.sha256 != test.sha256
    digits = embedded.mnist_10k(Request(name="mnist-10k"))
    assert digits.labels is not None
    assert train.labels is not None
    known = {image.tobytes(): label for image, label in zip(digits.samples, digits.labels, strict=True)}
    for image, label in zip(train.samples[:50], train.labels[:50], strict=True):
        assert f"{label:02}" == "".join(str(known[plane.tobytes()]) for plane in image[:2])
        assert not image[2].any()


def test_the_fingerprint_of_stacked_mnist_is_pinned() -> None:
    assert TRAIN.sha256.startswith("be0109c6ae5e")
