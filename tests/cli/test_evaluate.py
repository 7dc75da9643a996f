"""``ganzoo evaluate`` with every kind of source."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzoo as library
from ganzoo.data import load
from ganzoo.evaluation import images
from ganzoo.evaluation.extractors import HASHES
from ganzoo.evaluation.reference import Reference, Splits, reference_features
from ganzoo.util.optional import install_command
from tests.support import TRAIN, python
from tests.support.onnx_files import saved, tiny
from tests.test_imports import HEAVY, MISSING, RUN

Text = Callable[[str], str]
SMALL = "-n 40"

_computed: dict[tuple[Any, ...], Reference] = {}


@pytest.fixture(autouse=True)
def features_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute the features of real images once for all tests here."""

    @functools.wraps(reference_features)
    def cached(splits: Splits, extractor: Any, max_train: Any = None) -> Reference:
        key = splits.train.sha256, extractor.sha256, max_train
        if key not in _computed:
            _computed[key] = reference_features(splits, extractor, max_train)
        return _computed[key]

    monkeypatch.setattr(images, "reference_features", cached)


def result(path: str) -> dict[str, Any]:
    found = json.loads(Path(path).read_text())
    assert isinstance(found, dict)
    return found


def test_a_run_and_its_weights_have_the_same_metrics(ganzoo: Text, runs: Path) -> None:
    shutil.copytree(runs / "simple", "run")
    said = ganzoo(f"evaluate run {SMALL} -o a.json")
    assert "mnist-fd" in said
    assert "real" in said
    assert "noise" in said
    assert "run/weights.safetensors: simple after 6 iterations, 40 samples, seeds 0-39" in said
    assert "compared with 2,000 samples of mnist-10k (test split)" in said
    assert "extractor mnist bbfcdef14d5d, accuracy 99.5%" in said
    assert "written: run/evaluation.json" in said
    found = result("run/evaluation.json")
    assert found == result("a.json")
    assert found["score"] == "mnist-fd"
    assert found["generator"] == {"gan": "simple", "iterations": 6}
    assert found["data"]["sha256"] == load("mnist-10k", split="test").sha256
    assert (found["number"], found["seeds"], found["spread"], found["notes"]) == (40, [[0, 39]], {}, [])
    assert set(found["references"]) == {"real", "noise"}
    assert 0 <= found["metrics"]["discriminator_auc"] <= 1
    assert "label_accuracy" not in found["metrics"]
    shutil.copy("run/weights.safetensors", "w.safetensors")
    assert "evaluation.json" not in ganzoo(f"evaluate w.safetensors {SMALL} -o b.json")
    assert result("b.json")["metrics"] == found["metrics"]


def test_metrics_are_those_of_the_library(ganzoo: Text, runs: Path) -> None:
    ganzoo(f"evaluate {runs / 'cgan'} {SMALL} --seed 7 --repeats 2 -o x.json")
    found = library.evaluate(str(runs / "cgan"), number=40, seed=7, repeats=2)
    assert result("x.json") == json.loads(json.dumps(found.to_dict()))
    assert found.seeds == [(7, 46), (47, 86)]
    assert found.metrics.keys() >= found.spread.keys() >= {"mnist-fd", "label_accuracy"}
    one, other = (library.evaluate(str(runs / "cgan"), number=40, seed=seed).metrics for seed in (7, 47))
    assert found.metrics["mnist-fd"] == pytest.approx((one["mnist-fd"] + other["mnist-fd"]) / 2)
    assert found.spread["mnist-fd"] == pytest.approx(abs(one["mnist-fd"] - other["mnist-fd"]) / 2**0.5, rel=1e-3)


def test_the_same_samples_have_the_same_metrics_in_every_form(ganzoo: Text, runs: Path) -> None:
    run = runs / "cgan"
    ganzoo(f"sample {run} -n 40 --out x.npz")
    ganzoo(f"sample {run} -n 40 --out pictures")
    ganzoo(f"export {run} -o x.onnx")
    for name, source in {"run": run, "npz": "x.npz", "pictures": "pictures", "onnx": "x.onnx"}.items():
        ganzoo(f"evaluate {source} -n 40 --data mnist-10k -o {name}.json")
    run_metrics = result("run.json")["metrics"]
    assert 0 <= run_metrics["label_accuracy"] <= 1
    for name in ("npz", "pictures", "onnx"):
        found = result(f"{name}.json")
        for metric, value in found["metrics"].items():
            assert value == pytest.approx(run_metrics[metric], rel=1e-2, abs=1e-2), (name, metric)
        assert bool(found["seeds"]) == (name == "onnx")
        assert not any(metric.startswith("discriminator") for metric in found["metrics"])
        assert ("label_accuracy" in found["metrics"]) == (name != "pictures")


def test_a_name_means_the_newest_run(ganzoo: Text, runs: Path) -> None:
    shutil.copytree(runs / "simple", "runs/x")
    assert "written: runs/x/evaluation.json" in ganzoo(f"evaluate simple {SMALL}")


def test_a_child(ganzoo: Text, runs: Path) -> None:
    assert "discriminator_auc" in ganzoo(f"evaluate {runs / 'child'} {SMALL}")


def test_points(ganzoo: Text, runs: Path) -> None:
    said = ganzoo(f"evaluate {runs / 'ring'} --repeats 3 -o x.json")
    assert "high_quality" in said
    found = result("x.json")
    assert (found["number"], found["seeds"][2], found["extractor"]) == (2500, [5000, 7499], None)
    assert found["references"]["real"]["modes"] == 8
    assert found["references"]["real"]["high_quality"] == pytest.approx(0.989, abs=0.01)
    assert found["references"]["one Gaussian"]["high_quality"] < 0.1
    ganzoo(f"sample {runs / 'ring'} -n 2500 --out x.npz")
    ganzoo("evaluate x.npz --data ring8 -o y.json")
    first = library.evaluate(str(runs / "ring"))
    assert result("y.json")["metrics"] == json.loads(json.dumps(first.to_dict()))["metrics"]


def test_a_regression(ganzoo: Text) -> None:
    ganzoo("train skip-gan-tabular --iterations 3 --set batch_size=8 --seed 1 --data friedman1 --device cpu --out run")
    ganzoo("evaluate run -o x.json")
    found = result("x.json")
    assert (found["score"], found["number"], list(found["metrics"])) == ("mae", 1000, ["mae", "mse"])
    assert found["references"]["the mean"]["mse"] == pytest.approx(1, abs=0.15)
    assert found["references"]["least squares"]["mae"] < found["references"]["the mean"]["mae"]


def test_an_extractor_of_your_own(ganzoo: Text, runs: Path) -> None:
    from ganzoo.evaluation import train_extractor

    train_extractor.main("mnist-10k", "--out", "mine.safetensors", "--iterations", "2")
    said = ganzoo(f"evaluate {runs / 'simple'} {SMALL} --extractor mine.safetensors")
    assert "mnist-10k-fd" in said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nosuch", "no GAN named 'nosuch'"),
        ("x/y", "there is no run or file x/y"),
        ("cgan", "there are no trained weights of cgan here"),
        ("x.npz", "there is no file x.npz"),
        ("x.onnx", "there is no file x.onnx"),
        (".", ". holds neither weights.safetensors nor images"),
        ("good.npz", "good.npz does not name its data set; name one with --data"),
        ("good.npz --data nosuch", "no dataset named 'nosuch'"),
        ("good.npz --data emoji32", "good.npz holds images (1, 28, 28), and the data are (3, 32, 32)"),
        ("good.npz --data ring8", "good.npz holds samples (1, 28, 28), and the data are (2,)"),
        ("good.npz --data mnist-10k -n 31", "good.npz holds 30 samples, fewer than 31; ask for fewer"),
        ("good.npz --data mnist-10k --repeats 2", "holds samples, which have no seeds"),
        ("good.npz --data friedman1", "takes no inputs of friedman1"),
        (
            "good.npz --data mnist-10k --features inception --extractor x",
            "--features inception and --extractor exclude each other",
        ),
        ("good.npz --data mnist-10k --extractor x", "there is no file x"),
        ("good.npz --data mnist-10k --extractor good.npz", "is no readable safetensors file"),
        ("good.npz --data diabetes", "takes no inputs"),
        ("points.npz --data ring8 --features inception", "ring8 holds vectors, which need no extractor"),
        ("few.npz --data mnist-10k", "19 samples are too few; evaluate at least 20"),
        ("other.onnx", "holds samples (1, 4, 6), and the data are (1, 28, 28)"),
        ("good.npz --data mnist-10k -o /nosuch/x.json", "cannot write /nosuch/x.json"),
        ("good.npz -n 3", "Invalid value for '-n'"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(refused: Text, line: str, message: str) -> None:
    np.savez("good.npz", images=np.zeros((30, 1, 28, 28), np.uint8))
    np.savez("few.npz", images=np.zeros((19, 1, 28, 28), np.uint8))
    np.savez("points.npz", images=np.zeros((30, 2), np.float32))
    saved(tiny(data={"name": "mnist-10k", "classes": []}), Path("other.onnx"))
    assert message in refused(f"evaluate {line}")


def test_your_own_data_need_an_extractor(ganzoo: Text, refused: Text) -> None:
    from ganzoo.generators.images import write_png

    Path("mine").mkdir()
    for number in range(30):
        pixels = np.random.default_rng(number).integers(0, 256, (28, 28), np.uint8)
        write_png(f"mine/{number}.png", pixels)
    ganzoo(f"train simple {TRAIN} --data folder:mine --image-size 28 --out run")
    assert "there is no pretrained extractor for folder:mine; use --features inception, or train one" in refused(
        "evaluate run"
    )
    assert "leave out --evaluate-every" in refused(f"train simple {TRAIN} --data folder:mine --evaluate-every 2")


def test_your_own_colour_pictures_are_scored_and_the_best_weights_kept(ganzoo: Text, refused: Text) -> None:
    from ganzoo.generators.images import write_png

    Path("mine").mkdir()
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        write_png(f"mine/{number}.png", pixels)
    said = ganzoo(f"train simple {TRAIN} --data folder:mine --image-size 16 --evaluate-every 3 --out run")
    assert "Best weights: run/best.safetensors (pictures-fd" in said
    said = ganzoo(f"evaluate run {SMALL} -o x.json")
    assert f"extractor pictures {HASHES['pictures'][:12]}" in said
    assert "the extractor pictures has no classes: no pictures-score, class_kl" in said
    found = result("x.json")
    assert found["score"] == "pictures-fd"
    assert set(found["references"]) == {"real", "noise"}
    assert "--features pictures and --extractor exclude each other" in refused(
        "evaluate run --features pictures --extractor x"
    )


@pytest.mark.parametrize("name", ["torch_fidelity", "torch", "rich"])
def test_what_is_not_installed_is_named_with_its_extra(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "x.npz", images=np.zeros((30, 1, 28, 28), np.uint8))
    line = f"evaluate {tmp_path}/x.npz --data mnist-10k"
    done = python(RUN.format(before=MISSING.format(name=name), heavy=HEAVY), line)
    assert done.stderr == f"Error: this needs {name}, which is not installed; run: {install_command('eval')}\n"
    assert "exit code 2" in done.stdout
