"""``ganzoo score``."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.data import load
from ganzoo.generators.weights import save_weights
from tests.support.anomaly import known, scoring_model

Text = Callable[[str], str]


@pytest.fixture
def weights(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("ganzoo.generators.weights.registry", known)
    save_weights("x.safetensors", scoring_model(load("one-class:mnist-10k,anomaly=1")))
    for place in range(30):
        folder = Path("bright" if place % 5 == 0 else "dark")
        folder.mkdir(exist_ok=True)
        level = 200 + place if place % 5 == 0 else place
        Image.fromarray(np.full((28, 28 + place % 2), level, np.uint8)).save(folder / f"{place:02}.png")
    return "x.safetensors"


def test_the_images_of_a_folder(ganzoo: Text, weights: str) -> None:
    said = ganzoo(f"score {weights} dark -o scores.csv")
    lines = said.splitlines()
    assert lines[0] == "12 images are not 28x28: they were cut to squares and scaled"
    assert lines[1:3] == ["     score  file", f"{29 / 127.5 - 1:10.4f}  29.png"]
    assert "... and 4 that are less unusual" in lines
    assert "24 images scored by scoring (x.safetensors); higher is more unusual" in lines
    assert lines[-1] == "written: scores.csv"
    rows = list(csv.DictReader(Path("scores.csv").read_text().splitlines()))
    assert [row["file"] for row in rows] == sorted(path.name for path in Path("dark").iterdir())
    assert float(rows[0]["score"]) == pytest.approx(1 / 127.5 - 1)
    assert rows[0].keys() == {"file", "score"}


def test_normal_and_unusual_images_in_two_folders(ganzoo: Text, weights: str) -> None:
    said = ganzoo(f"score {weights} dark bright -o scores.csv")
    assert "area under the ROC curve 1.0000, of 6 unusual and 24 normal images; 0.5 is chance" in said
    assert "of an isolation forest on the pixels of 9,000 training images" in said
    assert "of the distance from the most similar of 9,000 training images" in said
    assert ganzoo(f"score {weights} bright dark").count("area under the ROC curve 0.0000, of 24 unusual") == 1
    rows = list(csv.DictReader(Path("scores.csv").read_text().splitlines()))
    assert [row["label"] for row in rows] == ["0"] * 24 + ["1"] * 6


def test_labels_in_a_file(ganzoo: Text, weights: str) -> None:
    lines = ["file,label", *(f"{path.name},{int(path.name > '25')}" for path in Path("dark").iterdir()), "y.png,0"]
    Path("labels.csv").write_text("\n".join(lines))
    said = ganzoo(f"score {weights} dark --labels labels.csv")
    assert "1 lines of labels.csv are of other files, and are left out" in said
    assert "area under the ROC curve 1.0000, of 4 unusual and 20 normal images" in said
    Path("labels.csv").write_text("\n".join(["file,label", *(f"{path.name},0" for path in Path("dark").iterdir())]))
    assert "no area under the ROC curve: all images are normal" in ganzoo(f"score {weights} dark --labels labels.csv")


def test_the_test_split_is_the_default(ganzoo: Text, weights: str) -> None:
    said = ganzoo(f"score {weights}")
    assert "2,000 images scored" in said
    assert "of 200 unusual and 1,800 normal images" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-o scores.txt", r"cannot write scores.txt; --out takes x.csv"),
        ("-o here.csv", r"here.csv exists; replace it with --force"),
        ("dark bright --labels x.csv", "two folders have their labels; leave out --labels"),
        ("dark --labels x.csv", r"there is no file x.csv"),
        ("nowhere", "there is no folder, file or data set 'nowhere'"),
    ],
)
def test_what_cannot_be_scored(refused: Callable[[str], str], weights: str, arguments: str, message: str) -> None:
    Path("here.csv").touch()
    assert message.replace("\\", "") in refused(f"score {weights} {arguments}")
