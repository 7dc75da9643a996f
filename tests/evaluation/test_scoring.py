from __future__ import annotations

import numpy as np
import pytest

from ganzoo.data import Data, load
from ganzoo.evaluation import evaluate, scoring
from ganzoo.evaluation.scoring import scorer
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations, small_training


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "IMAGES", 40)


def test_the_score_is_that_of_the_evaluation() -> None:
    training = small_training("simple", "mnist-10k", iterations=2)
    run_iterations(training)
    name, score = scorer(load("mnist-10k"))
    found = evaluate(training.model(), number=40)
    assert name == found.score == "mnist-fd"
    assert score(training.model()) == pytest.approx(found.metrics[name], rel=1e-5)


def test_data_without_a_pretrained_extractor_have_no_score(tiny: Data) -> None:
    for data in (tiny, load("ring8")):
        with pytest.raises(GanzooError, match=f"extractor for {data.name}, .*; leave out --evaluate-every"):
            scorer(data)


def test_without_a_test_split_the_training_images_are_the_reference() -> None:
    data = load("emoji32")
    name, score = scorer(data)
    training = small_training("simple", data, iterations=1)
    run_iterations(training)
    assert name == "emoji32-fd"
    assert np.isfinite(score(training.model()))
