"""``ganzoo.evaluation.evaluate``: each split of a data set is loaded once, and all results are one kind of record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ganzoo.evaluation
from ganzoo.data import Data, Request, load
from ganzoo.evaluation import evaluate
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations, small_training


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, str]]:
    """How often each split of each data set is loaded."""
    count: Counter[tuple[str, str]] = Counter()
    loaders = registry().parts["dataset"]

    def counting(loader: Callable[[Request], Data]) -> Callable[[Request], Data]:
        def counted(request: Request) -> Data:
            count[request.name, request.split] += 1
            return loader(request)

        return counted

    for name in loaders:
        monkeypatch.setitem(loaders, name, counting(loaders[name]))
    return count


@pytest.mark.parametrize(
    ("gan", "data"),
    [
        ("simple", "mnist-10k"),
        ("simple", "emoji32"),
        ("simple", "stacked2"),
        ("simple", "ring8"),
        ("skip-gan-tabular", "diabetes"),
    ],
)
def test_each_split_is_loaded_once(loads: Counter[tuple[str, str]], gan: str, data: str) -> None:
    training = ganzoo.train(gan, data, iterations=1, batch_size=8, device="cpu", threads=1)
    run_iterations(training)
    loads.clear()
    found = evaluate(training.model(), data, number=20, repeats=2)
    assert dict(loads) == {(data, split): 1 for split in ("train", "test")}
    assert (found.source, found.generator) == ("memory", {"gan": gan, "iterations": 1})
    assert (found.number, found.seeds, found.data["name"]) == (20, [(0, 19), (20, 39)], data)
    assert found.score in found.metrics.keys() & found.spread.keys()


def test_a_loaded_data_set_is_not_loaded_again(loads: Counter[tuple[str, str]]) -> None:
    training = small_training("simple", "ring8", iterations=1)
    run_iterations(training)
    model, data = training.model(), load("ring8")
    loads.clear()
    found = evaluate(model, data)
    assert dict(loads) == {("ring8", "test"): 1}
    assert found == evaluate(model)


def test_training_data_other_than_those_of_the_evaluation_are_loaded_once(loads: Counter[tuple[str, str]]) -> None:
    """The discriminator is evaluated on the data that it was trained on."""
    training = small_training("simple", "stacked2", iterations=1)
    run_iterations(training)
    loads.clear()
    found = evaluate(training.model(), "stacked-mnist", number=20)
    assert dict(loads) == {(name, split): 1 for name in ("stacked-mnist", "stacked2") for split in ("train", "test")}
    assert "discriminator_auc" in found.metrics


def test_the_public_names() -> None:
    names = ["Evaluation", "Extractor", "Features", "density_coverage", "evaluate", "extractor_for", "fidelity"]
    assert ganzoo.evaluation.__all__ == names
    assert all(getattr(ganzoo.evaluation, name).__doc__ for name in names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "does not name its data set; name one with --data"),
        ({"data": "mnist-10k", "features": "vgg"}, "no features named 'vgg'; choose own, pictures or inception"),
        ({"data": "mnist-10k", "number": 31}, "holds 30 samples, fewer than 31; ask for fewer"),
        ({"data": "mnist-10k", "seed": 1}, "holds samples, which have no seeds; leave out --repeats and --seed"),
        ({"data": "mnist-10k", "number": 0}, "number=0 is not a whole number of at least 1"),
        ({"data": "ring8", "extractor": "x"}, "ring8 holds vectors, which need no extractor"),
    ],
)
def test_what_cannot_be_evaluated(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    np.savez(tmp_path / "x.npz", images=np.zeros((30, 1, 28, 28), np.uint8))
    with pytest.raises(GanzooError, match=message):
        evaluate(tmp_path / "x.npz", **arguments)  # type: ignore[arg-type]
