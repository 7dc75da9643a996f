from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from ganzoo.data import Data, load
from ganzoo.evaluation import extractors, train_extractor
from ganzoo.evaluation.extractors import HASHES, PRETRAINED, Extractor, extractor_for, pretrained
from ganzoo.evaluation.lenet import LeNet
from ganzoo.evaluation.reference import Reference
from ganzoo.generators.weights import write
from ganzoo.util.errors import GanzooError

TRAINED = Path(str(files("ganzoo.evaluation"))) / "trained"


@pytest.mark.parametrize("name", HASHES)
def test_pretrained_extractors_are_small_and_have_their_hashes(name: str) -> None:
    assert pretrained(name).sha256 == HASHES[name]
    assert (TRAINED / f"{name}.safetensors").stat().st_size < 1_000_000


def test_there_are_no_other_files() -> None:
    assert {path.stem for path in TRAINED.iterdir()} == set(HASHES) == {*PRETRAINED.values(), "pictures"}


def test_the_accuracy_of_the_extractor_of_digits_on_held_out_digits(digits: Extractor, real: Reference) -> None:
    test = load("mnist-10k", split="test")
    order = np.random.default_rng(0).permutation(len(test))
    assert test.labels is not None
    assert (real.reference.logits.argmax(axis=1) == test.labels[order]).mean() >= 0.99
    assert digits.accuracy is not None
    assert digits.accuracy >= 0.99
    assert digits.score == "mnist-fd"


def test_the_scale_of_the_features(real: Reference) -> None:
    assert np.abs(real.train.features.mean(axis=0)).mean() < 0.1
    assert real.train.features.var(axis=0).mean() == pytest.approx(1, abs=0.05)
    assert real.train.features.min() < -1, "taken before the activation"


def test_a_changed_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HASHES, "mnist", "0" * 64)
    with pytest.raises(GanzooError, match="the file of the extractor mnist has changed; install ganzoo-kit again"):
        pretrained("mnist")


def test_data_without_an_extractor(tiny: Data) -> None:
    message = "no pretrained extractor for tiny; use --features inception, or train one with .*train_extractor tiny"
    with pytest.raises(GanzooError, match=message):
        extractor_for(tiny)


def test_an_extractor_of_your_own(tmp_path: Path, tiny: Data) -> None:
    """Two trainings give the same bits, and the file holds everything."""
    for name in ("one", "other"):
        network, about = train_extractor.train(tiny, tiny, iterations=3)
        train_extractor.save(tmp_path / f"{name}.safetensors", network, about)
    one, other = (extractor_for(tiny, path=tmp_path / f"{name}.safetensors") for name in ("one", "other"))
    assert one.sha256 == other.sha256
    assert (one.name, one.score, one.shape, one.classes) == ("tiny", "tiny-fd", (1, 8, 8), ("a", "b", "c"))
    images = torch.from_numpy(np.asarray(tiny.samples))
    for mine, theirs in zip(one.network(images), network(images), strict=True):
        torch.testing.assert_close(mine, theirs)
    with pytest.raises(GanzooError, match=r"takes images \(1, 8, 8\), and mnist-10k has \(1, 28, 28\)"):
        extractor_for(load("mnist-10k"), path=tmp_path / "one.safetensors")


def test_the_training_of_an_extractor_needs_labelled_images() -> None:
    for name in ("ring8", "circle"):
        with pytest.raises(GanzooError, match="no labelled images"):
            train_extractor.train(load(name), load(name))


def test_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.safetensors"
    train_extractor.main("emoji32", "--out", str(out), "--iterations", "2")
    assert "on 321 held-out images" in capsys.readouterr().out
    assert extractors.load(out).classes == load("emoji32").classes
    with pytest.raises(SystemExit, match="Error: no dataset named 'emoji33'"):
        train_extractor.main("emoji33", "--out", str(out))


HEADER = {"format": 1, "extractor": "x", "shape": [1, 8, 8], "classes": ["a", "b"], "accuracy": 0.5}


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [1, 8]},
        {"shape": [1, 8, 3]},
        {"shape": [1, 8, -8]},
        {"shape": [4096, 4096, 4096]},
        {"shape": [1, 8, True]},
        {"classes": []},
        {"classes": [1, 2]},
        {"classes": None},
        {"extractor": 7},
        {"accuracy": "high"},
    ],
)
def test_invalid_metadata_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "x.safetensors"
    write(path, LeNet((1, 8, 8), 2).state_dict(), HEADER | change)
    with pytest.raises(GanzooError, match="is no extractor; train one"):
        extractors.load(path)


def test_metadata_that_claim_more_than_the_file_holds_allocate_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write(path, LeNet((1, 8, 8), 2).state_dict(), HEADER | {"shape": [4, 4096, 4096]})
    with pytest.raises(GanzooError, match="does not fit"):
        extractors.load(path)


def test_inception_takes_grey_as_rgb(monkeypatch: pytest.MonkeyPatch) -> None:
    """With random weights, since the trained ones would have to be downloaded."""
    from torch_fidelity import feature_extractor_inceptionv3 as theirs

    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: {})
    monkeypatch.setattr(theirs.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
    extractor = extractors.inception()
    assert (extractor.score, extractor.shape, extractor.classes) == ("fid", None, ())
    grey = np.random.default_rng(0).integers(0, 256, (2, 1, 28, 28), np.uint8)
    found, repeated = extractor.extract([grey]), extractor.extract([grey.repeat(3, axis=1)])
    assert (found.features.shape, found.logits.shape) == ((2, 2048), (2, 1008))
    np.testing.assert_array_equal(found.features, repeated.features)


def test_inception_needs_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(GanzooError, match=r"Inception's weights cannot be downloaded: .*; connect to a network"):
        extractors.inception()
