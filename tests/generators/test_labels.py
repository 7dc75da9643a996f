from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzoo.generators.base import TrainedGenerator
from ganzoo.generators.metadata import DataMetadata, Stage
from ganzoo.util.errors import GanzooError
from tests.support.onnx_files import METADATA


class Generator(TrainedGenerator):
    def run(self, stage: Stage, z: NDArray[np.float32], *condition: NDArray[Any]) -> NDArray[Any]:
        return condition[0]


def generator(classes: Sequence[str]) -> Generator:
    model = Generator()
    model.metadata = replace(METADATA, num_classes=len(classes), data=DataMetadata(name="x", classes=tuple(classes)))
    return model


def test_a_class_can_be_named() -> None:
    """Where classes are numbers in another order, the name counts."""
    classes = ("1", "2", "Cat", "cat", "Dog", "a\nb")
    model = generator(classes)
    found = {name: model.label(name) for name in ("1", "2", "0", "5", "Cat", "cat", "dog", "a\nb")}
    assert found == {"1": 0, "2": 1, "0": 0, "5": 5, "Cat": 2, "cat": 3, "dog": 4, "a\nb": 5}
    labels = model.labels(2, "dog")
    assert labels is not None
    assert labels.tolist() == [4, 4]
    assert model.sample(2, labels="cat").tolist() == [3, 3]
    assert [model.class_name(label) for label in (4, 5, 9)] == ["Dog", "a?b", "9"]
    names = "tiny has 0..5: 0 1, 1 2, 2 Cat, 3 cat, 4 Dog, 5 a?b"
    for name, message in (
        ("CAT", "there is no class 'CAT'; "),
        ("6", "label 6 is out of range; "),
        ("1_0", "there is no class '1_0'; "),
    ):
        with pytest.raises(GanzooError, match=re.escape(message)) as refused:
            model.labels(1, name)
        assert str(refused.value).endswith(names)
    with pytest.raises(GanzooError, match=r"0 0000, .*, 19 0019, \.\.\.$"):
        generator([f"{number:04}" for number in range(30)]).labels(1, "x")


@pytest.mark.parametrize("labels", [[1.0, 2.0], 1.7, True, [True, False], [np.nan, 1], ["1", "2"], [None, 1], 1j])
def test_labels_that_are_no_whole_numbers_are_refused(labels: Any) -> None:
    """They would be cut off."""
    with pytest.raises(GanzooError, match=r"is no label; tiny has 0\.\.1"):
        generator("ab").labels(2, labels)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300, 1j, "1", True, None])
def test_latents_that_are_no_finite_numbers_are_refused(value: Any) -> None:
    z = np.full((2, METADATA.latent_dim), value)
    with pytest.raises(GanzooError, match="is no array of finite numbers"):
        generator("ab").decode(z)


@pytest.mark.parametrize("steps", [2.5, "3", None])
def test_steps_that_are_no_whole_number_are_refused(steps: Any) -> None:
    with pytest.raises(GanzooError, match="is not a whole number"):
        generator("ab").interpolate(1, 2, steps)
