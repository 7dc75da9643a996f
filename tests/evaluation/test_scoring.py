from __future__ import annotations

import numpy as np
import pytest

from ganzoo.data import Data, load
from ganzoo.evaluation import evaluate, scoring
from ganzoo.evaluation.scoring import scorer
from ganzoo.util.errors import GanzooError
from tests.support import begin, play


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "NUMBER", 40)


def test_a_score_is_that_of_the_evaluation() -> None:
    training = begin("simple", "mnist-10k", iterations=2)
    play(training)
    name, score = scorer(load("mnist-10k"))
    found = evaluate(training.model(), number=40)
    assert name == found.score == "mnist-fd"
    assert score(training.model()) == pytest.approx(found.figures[name], rel=1e-5)


def test_what_cannot_be_scored_says_so(tiny: Data) -> None:
    for data in (tiny, load("ring8")):
        with pytest.raises(GanzooError, match=f"no extractor for {data.name} ships .* leave out --evaluate-every"):
            scorer(data)


def test_data_without_a_test_part_are_scored_against_themselves() -> None:
    data = load("emoji32")
    name, score = scorer(data)
    training = begin("simple", data, iterations=1)
    play(training)
    assert name == "emoji32-fd"
    assert np.isfinite(score(training.model()))
