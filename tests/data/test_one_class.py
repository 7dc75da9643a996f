from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.data import load
from ganzoo.data.source import Selected
from ganzoo.util.errors import GanzooError


def test_one_class_is_normal_or_the_only_anomaly() -> None:
    whole, test = load("mnist-10k"), load("mnist-10k", split="test")
    assert whole.labels is not None
    assert test.labels is not None
    for kind, is_normal in (("normal", whole.labels == 7), ("anomaly", whole.labels != 7)):
        name = f"one-class:mnist-10k,{kind}=7"
        train, found = load(name), load(name, split="test")
        np.testing.assert_array_equal(train.samples[:], whole.samples[is_normal])
        assert (train.name, train.labels, train.classes) == (name, None, ())
        np.testing.assert_array_equal(found.samples[:], test.samples[:])
        np.testing.assert_array_equal(found.labels, (test.labels == 7) == (kind == "anomaly"))
        assert found.classes == ("normal", "anomaly")


def test_a_class_of_a_folder_is_named(tmp_path: Path) -> None:
    for place, name in enumerate(("Cats", "dogs", "dogs")):
        (tmp_path / name).mkdir(exist_ok=True)
        image = Image.fromarray(np.full((8, 8, 3), 80 * place, np.uint8))
        image.save(tmp_path / name / f"{place}.png")
    for text in ("dogs", "Dogs", "1"):
        found = load(f"one-class:{tmp_path},normal={text}", size=8)
        assert np.unique(found.samples[:]).tolist() == [80, 160]
    with pytest.raises(GanzooError, match="there is no class 'birds'; there are Cats, dogs"):
        load(f"one-class:{tmp_path},normal=birds")
    with pytest.raises(GanzooError, match="has no test split"):
        load(f"one-class:{tmp_path},normal=dogs", split="test")


def test_lazily_read_samples_stay_so() -> None:
    stacked = load("one-class:stacked2,anomaly=42")
    assert isinstance(stacked.samples, Selected)
    assert len(stacked.sha256) == 64
    assert stacked.sha256 != load("one-class:stacked2,anomaly=43").sha256


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("", "needs a data set and one class; use: --data one-class:mnist-10k,normal=7, or anomaly=7"),
        ("mnist-10k", "needs a data set and one class"),
        ("mnist-10k,normal=1,anomaly=2", "needs a data set and one class"),
        ("mnist-10k,holdout=3%", "holdout=3% is no setting of it; they are normal=, anomaly="),
        ("mnist-10k,normal=12", "there is no class '12'; there are 0, 1, 2"),
        ("ring8,normal=12", "there is no class '12'"),
        ("fluent32,normal=1", "fluent32 is no data set with classes; see: ganzoo list datasets"),
    ],
)
def test_what_is_no_class(argument: str, message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        load(f"one-class:{argument}")
