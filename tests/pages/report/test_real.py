from __future__ import annotations

from dataclasses import replace

import numpy as np

from ganzoo.data import Data
from ganzoo.generators.images import grid
from ganzoo.pages.report.real import real_images
from tests.pages.report.test_neighbours import TRAINED, Memorised


def images(index: np.ndarray) -> np.ndarray:
    return np.moveaxis(TRAINED[index], 1, -1)


def test_images_are_spread_over_the_data() -> None:
    expected = grid(images(np.arange(64) * 5000 // 64))
    assert np.array_equal(real_images(Memorised(), Data(name="noise", samples=TRAINED)), expected)
    few = real_images(Memorised(), Data(name="few", samples=TRAINED[:3]))
    assert np.array_equal(few, grid(images(np.arange(3)))), "each once"


def test_columns_have_the_classes_of_the_samples() -> None:
    model = Memorised()
    model.metadata = replace(Memorised.metadata, num_classes=3)
    labels = np.arange(5000) % 3
    picture = real_images(model, Data(name="noise", samples=TRAINED, labels=labels, classes=("a", "b", "c")))
    own = [np.flatnonzero(labels == label) for label in range(3)]
    index = np.stack([indices[np.arange(8) * len(indices) // 8] for indices in own], 1).ravel()
    assert np.array_equal(picture, grid(images(index), columns=3))
    missing = real_images(
        model, Data(name="noise", samples=TRAINED, labels=np.zeros(5000, int), classes=("a", "b", "c"))
    )
    assert np.array_equal(missing, grid(images(np.arange(24) * 5000 // 24))), "without columns if a class has no images"
