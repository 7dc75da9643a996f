"""Scores of anomaly detection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from ganzoo.data import Data, load
from ganzoo.evaluation.anomaly import baselines, open_images, read_labels, score_images, scorer_of
from ganzoo.evaluation.discriminator import auc
from ganzoo.evaluation.sources import GeneratorSource
from ganzoo.export import export
from ganzoo.generators.onnx_session import Sampler
from ganzoo.generators.weights import Model
from ganzoo.util.errors import GanzooError
from tests.support import images, run_iterations, small_training
from tests.support.anomaly import scoring_model

GREY = images(1, 8, 8, 300)


@pytest.fixture(scope="module")
def source() -> GeneratorSource:
    return GeneratorSource(Path("x.safetensors"), scoring_model(GREY))


def test_each_image_has_its_score_in_any_batch(source: GeneratorSource) -> None:
    expected = GREY.samples[:].mean(axis=(1, 2, 3)) / 127.5 - 1
    np.testing.assert_allclose(score_images(source, GREY.samples), expected, atol=1e-6)


def test_an_exported_score_is_the_same(source: GeneratorSource, tmp_path: Path) -> None:
    assert isinstance(source.model, Model)
    export(source.model, tmp_path / "x.onnx", entry="generator.score")
    exported = GeneratorSource(tmp_path / "x.onnx", Sampler(tmp_path / "x.onnx"))
    np.testing.assert_allclose(score_images(exported, GREY.samples), score_images(source, GREY.samples), atol=1e-6)
    export(source.model, tmp_path / "g.onnx")
    with pytest.raises(GanzooError, match=r"scores no images; export its weights with --entry generator.score"):
        scorer_of(GeneratorSource(tmp_path / "g.onnx", Sampler(tmp_path / "g.onnx")))


def test_generators_without_a_score_are_refused(tiny: Data) -> None:
    training = small_training("simple", tiny, iterations=1)
    run_iterations(training)
    with pytest.raises(GanzooError, match="simple scores no images; train a GAN for anomaly detection, such as"):
        scorer_of(GeneratorSource(Path("x"), training.model()))


def test_scores_that_are_not_finite_are_refused(monkeypatch: pytest.MonkeyPatch, source: GeneratorSource) -> None:
    generator = source.model.networks.generator  # type: ignore[attr-defined]
    monkeypatch.setattr(type(generator), "score", lambda self, images: images.flatten(1).mean(1) * float("nan"))
    with pytest.raises(GanzooError, match="gives scores that are not finite; train it longer"):
        score_images(source, GREY.samples)
    monkeypatch.setattr(type(generator), "score", lambda self, images: images)
    with pytest.raises(GanzooError, match=r"gives scores \(256, 1, 8, 8\) for 256 images, not one for each"):
        score_images(source, GREY.samples)


def test_images_of_a_folder_a_file_and_two_folders(source: GeneratorSource, tmp_path: Path) -> None:
    for name, side in (("good/a.png", 8), ("good/b.png", 8), ("bad/c.png", 9)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, side), 100, np.uint8)).save(tmp_path / name)
    good, bad = str(tmp_path / "good"), str(tmp_path / "bad")
    found = open_images(source, [good])
    assert (list(found.names), found.labels, found.rescaled) == (["a.png", "b.png"], None, 0)
    found = open_images(source, [f"{good}/b.png"])
    assert list(found.names) == ["b.png"]
    found = open_images(source, [good, bad])
    assert list(found.names) == [f"{good}/a.png", f"{good}/b.png", f"{bad}/c.png"]
    assert found.labels is not None
    assert (found.labels.tolist(), found.rescaled) == ([0, 0, 1], 1)
    for names, message in ((["nothing"], "there is no folder, file or data set 'nothing'"), (["a"] * 3, "too many")):
        with pytest.raises(GanzooError, match=message):
            open_images(source, names)


def test_images_of_a_data_set(source: GeneratorSource) -> None:
    with pytest.raises(GanzooError, match=r"scores images \(1, 8, 8\), and mnist-10k has \(1, 28, 28\); name others"):
        open_images(source, ["mnist-10k"])
    digits = GeneratorSource(Path("x"), scoring_model(load("one-class:mnist-10k,anomaly=3")))
    found = open_images(digits, [])
    assert found.labels is not None
    assert (len(found.names), int(found.labels.sum())) == (2000, 200)
    assert open_images(digits, ["mnist-10k"]).labels is None
    with pytest.raises(GanzooError, match=r"emoji32 has no test split, .*; name a folder of images"):
        open_images(digits, ["emoji32"])


def test_labels_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("file,score,label\na.png,.5,1\nb.png,.2,normal\nc.png,.2,0\n")
    labels, others = read_labels(path, ["b.png", "a.png"])
    assert (labels.tolist(), others) == ([0, 1], 1)
    for text, message in (
        ("file,label\na.png,1\n", "has no label for b.png; add a line for each image"),
        ("file,label\n", r"has no label for b.png and 1 more; add"),
        ("file,label\na.png,2\n", "has no label '2'; give the columns file and label, with 0 or 1"),
        ("name,label\na.png,1\n", "has no label '1'; give the columns"),
        ("file,label\na.png,1\na.png,0\n", "has two labels for a.png; give one"),
    ):
        path.write_text(text)
        with pytest.raises(GanzooError, match=message):
            read_labels(path, ["b.png", "a.png"])
    path.write_bytes(b"file,label\n\xff,1\n")
    with pytest.raises(GanzooError, match="is no CSV file: UnicodeDecodeError"):
        read_labels(path, ["a.png"])
    with pytest.raises(GanzooError, match=r"there is no file"):
        read_labels(tmp_path / "y.csv", ["a.png"])


def test_the_forest_and_the_area_are_those_of_scikit_learn() -> None:
    train, test = images(1, 8, 8, 100), images(1, 8, 8, 20)
    scores, count = baselines(train, test.samples)
    forest = scores["an isolation forest on the pixels"]
    expected = IsolationForest(random_state=0).fit(train.samples[:].reshape(100, -1))
    np.testing.assert_allclose(forest, -expected.score_samples(test.samples[:].reshape(20, -1)))
    assert count == 100
    labels = np.arange(20) % 3 == 0
    assert auc(forest[labels], forest[~labels]) == pytest.approx(roc_auc_score(labels, forest))


def test_the_distance_from_the_most_similar_image_is_by_its_angle() -> None:
    train = Data(name="two", samples=np.array([[3, 4], [0, 200]], np.uint8).reshape(2, 1, 1, 2))
    test = np.array([[60, 80], [4, 3], [1, 0], [0, 0]], np.uint8).reshape(4, 1, 1, 2)
    scores, _ = baselines(train, test)
    np.testing.assert_allclose(scores["the distance from the most similar"], [0, 0.04, 0.4, 1], atol=1e-6)
