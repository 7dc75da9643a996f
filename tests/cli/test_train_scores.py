"""``ganzoo train --evaluate-every``: scores in the log, the best weights, and not a bit of training changed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganzoo.evaluation import scoring
from ganzoo.generators.weights import load
from tests.cli.test_train import at
from tests.support import TRAIN, differing, tensors_of

Text = Callable[[str], str]
SCORED = f"train simple {TRAIN} --sample-every 1 --save-every 3"


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "IMAGES", 40)


TIMES = ("iterations_per_second", "cpu_seconds")


def log(folder: str) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in entry.items() if name not in TIMES} for entry in entries]


def scores(folder: str) -> dict[int, float]:
    return {entry["iteration"]: entry["mnist-fd"] for entry in log(folder) if "mnist-fd" in entry}


def test_a_training_is_the_same_with_and_without_scores(ganzoo: Text) -> None:
    ganzoo(f"{SCORED} --out plain")
    said = ganzoo(f"{SCORED} --evaluate-every 4 --out scored")
    assert not differing(tensors_of(Path("plain")), tensors_of(Path("scored")))
    found = scores("scored")
    assert list(found) == [4, 6], "every fourth, and the last"
    bare = [{name: value for name, value in entry.items() if name != "mnist-fd"} for entry in log("scored")]
    assert bare == log("plain")
    best = min(found, key=lambda number: found[number])
    assert f"Best weights: scored/best.safetensors (mnist-fd {found[best]:.4g}, iteration {best})" in said
    assert load("scored/best.safetensors").metadata.iterations == best
    assert not Path("plain/best.safetensors").exists()


@pytest.mark.parametrize("stop", [2, 3])
def test_a_resumed_run_has_the_same_scores(
    ganzoo: Text, stopped: Text, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    ganzoo(f"{SCORED} --evaluate-every 2 --out whole")
    with monkeypatch.context() as patch:
        at(stop, patch, lambda: os.kill(os.getpid(), signal.SIGINT))
        stopped(f"{SCORED} --evaluate-every 2 --out parts")
    said = ganzoo("train --resume parts")
    assert scores("parts") == scores("whole")
    assert list(scores("parts")) == [2, 4, 6]
    assert not differing(tensors_of(Path("parts")), tensors_of(Path("whole")))
    assert Path("parts/best.safetensors").read_bytes() == Path("whole/best.safetensors").read_bytes()
    assert "Best weights: parts/best.safetensors" in said


def test_a_new_run_does_not_keep_the_best_of_an_old_one(ganzoo: Text) -> None:
    ganzoo(f"{SCORED} --evaluate-every 3 --out x")
    ganzoo(f"{SCORED} --out x --force")
    assert not Path("x/best.safetensors").exists()


def test_a_run_of_an_older_version_is_resumed(ganzoo: Text) -> None:
    ganzoo(f"{SCORED} --out x")
    record = json.loads(Path("x/run.json").read_text())
    del record["evaluate_every"]
    Path("x/run.json").write_text(json.dumps(record))
    ganzoo("train --resume x --iterations 7")
