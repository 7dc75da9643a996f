"""Metrics of images that are made from images, on data whose answers are known."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from ganzoo.data import Data, load
from ganzoo.evaluation import evaluate, extractors, scoring
from ganzoo.evaluation.reference import Splits, load_splits
from ganzoo.evaluation.scoring import scorer
from ganzoo.evaluation.table import format_table
from ganzoo.evaluation.translation import (
    baselines,
    cells,
    mean_image,
    nearest_conditions,
    pair_metrics,
    right_colours,
    signed,
    ssim,
)
from ganzoo.generators.weights import Model
from ganzoo.registry.gan import GAN
from ganzoo.registry.recipe import resolve
from ganzoo.testing import start_training
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations
from tests.support.translation import PAIRS as NAMED
from tests.support.translation import TRANSLATION, Translator, pictures, smaller

PAIRS = replace(NAMED, name="forty")


def trained(data: Data, gan: GAN = TRANSLATION) -> Model:
    training = start_training(resolve(gan), data)
    run_iterations(training)
    model: Model = training.model()
    return model


@pytest.fixture(scope="module")
def model() -> Model:
    return trained(PAIRS)


@pytest.fixture(scope="module")
def colouring() -> Model:
    return trained(load("fluent32"))


def part(count: int) -> slice:
    return slice(0, count)


def wang(one: Any, other: Any) -> float:
    """The formula of Wang et al. (2004), one window of one channel at a time, with a range of 2."""
    offsets = np.arange(11) - 5
    weights = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    weights /= weights.sum()
    first, second, found = (0.01 * 2) ** 2, (0.03 * 2) ** 2, []
    for x, y in zip(one, other, strict=True):
        for top in range(x.shape[0] - 10):
            for left in range(x.shape[1] - 10):
                a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
                mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
                covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
                variances = (weights * (a - mean_a) ** 2).sum() + (weights * (b - mean_b) ** 2).sum()
                found.append(
                    (2 * mean_a * mean_b + first)
                    * (2 * covariance + second)
                    / ((mean_a**2 + mean_b**2 + first) * (variances + second))
                )
    return float(np.mean(found))


def test_the_structural_similarity_is_that_of_the_formula() -> None:
    one, other = signed(pictures(3, (3, 13, 17))), signed(pictures(3, (3, 13, 17), 1))
    mixed = 0.7 * one + 0.3 * other
    np.testing.assert_allclose(ssim(one, mixed), [wang(*pair) for pair in zip(one, mixed, strict=True)], rtol=1e-9)
    np.testing.assert_allclose(ssim(one, one), 1)


@pytest.mark.skipif(not importlib.util.find_spec("skimage"), reason="scikit-image is not installed")
def test_the_structural_similarity_is_that_of_scikit_image() -> None:
    from skimage.metrics import structural_similarity  # type: ignore[import-not-found]

    one, other = signed(pictures(1, (3, 32, 32)))[0], signed(pictures(1, (3, 32, 32), 1))[0]
    expected = structural_similarity(
        one, other, data_range=2, channel_axis=0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(one[None], other[None])[0] == pytest.approx(expected, abs=1e-6)


def test_right_images_have_perfect_metrics() -> None:
    found = pair_metrics([PAIRS.samples[:8], PAIRS.samples[8:20]], PAIRS)
    assert found == {
        "l1": 0,
        "psnr": pytest.approx(10 * np.log10(255**2 * 12)),
        "ssim": pytest.approx(1),
        "right_colours": 1,
        "sharpness": pytest.approx(1),
    }


def test_known_differences() -> None:
    right = np.full((2, 3, 16, 16), 100, np.uint8)
    right[:, :, :, ::2] = 110
    made = right.copy()
    made[1] += 51  # 0.4 in [-1, 1]
    found = pair_metrics([made], Data(name="x", samples=right))
    assert found["l1"] == pytest.approx(0.2)
    assert found["psnr"] == pytest.approx((58.92 + 10 * np.log10(4 / 0.16)) / 2, abs=0.01)
    assert found["right_colours"] == 0.5
    assert found["sharpness"] == pytest.approx(1)
    flat = np.full_like(right, 105)
    assert pair_metrics([flat], Data(name="x", samples=right))["sharpness"] == 0
    assert np.isnan(pair_metrics([right], Data(name="x", samples=flat))["sharpness"])


def test_right_colours_are_those_of_cells() -> None:
    errors = np.zeros((1, 3, 16, 16))
    errors[0, 1, :2, :2] = 0.21
    errors[0, 0, 2:4, :2] = 0.2
    errors[0, 0, 4, 0], errors[0, 0, 4, 1] = 0.9, -0.9  # whose mean is right
    assert right_colours(errors) == 63 / 64
    assert right_colours(np.ones((1, 1, 3, 5))) == 0
    values = np.random.default_rng(0).normal(size=(2, 1, 9, 20))
    assert cells(values, 4)[1, 0, 1, 2] == pytest.approx(values[1, 0, 2:4, 10:15].mean())


def test_images_smaller_than_the_window_have_no_structural_similarity() -> None:
    small = Data(name="small", samples=pictures(30, (3, 10, 12)), conditions=pictures(30, (1, 10, 12), 1))
    found = evaluate(trained(small), small)
    assert "ssim" not in found.metrics
    assert "no ssim: 10x12 pixels are smaller than its window of 11x11" in found.notes


def test_the_answers_of_baselines() -> None:
    samples, conditions, order = pictures(9, (3, 16, 16)), pictures(9, (3, 16, 16), 1), np.array([4, 0, 8])
    train = Data(name="a", samples=samples, conditions=conditions)
    test = Data(name="a", samples=samples[order], conditions=conditions[order])
    answers = baselines(Splits(train, test), 3)
    assert sorted(answers) == ["copy", "mean", "nearest pair"]
    np.testing.assert_array_equal(answers["nearest pair"](part(3)), samples[order])
    np.testing.assert_array_equal(answers["copy"](part(3)), conditions[order])
    expected = np.rint(samples.mean(axis=0))
    np.testing.assert_array_equal(answers["mean"](part(3)), np.broadcast_to(expected, (3, 3, 16, 16)))
    assert "copy" not in baselines(Splits(PAIRS, PAIRS), 4)


def test_small_conditions_are_enlarged() -> None:
    """A ramp stays one: bicubic enlargement is exact for it, but for the edges."""
    ramp = np.broadcast_to(np.arange(0, 128, 16).astype(np.uint8), (2, 1, 8, 8)).copy()
    data = Data(name="a", samples=np.zeros((2, 1, 32, 32), np.uint8), conditions=ramp)
    enlarged = baselines(Splits(data, data), 2)["bicubic"](part(2))
    assert enlarged.shape == (2, 1, 32, 32)
    np.testing.assert_allclose(enlarged[0, 0, 5, 8:24], np.arange(8, 24) * 4 - 6, atol=1)
    model = trained(smaller(PAIRS, 4))
    assert sorted(evaluate(model, smaller(PAIRS, 4)).references) == ["mean", "nearest pair"]


def test_the_nearest_condition_is_found_in_any_batch_and_at_any_size() -> None:
    known = pictures(300, (1, 40, 40))
    queries = known[[299, 0, 256]] // 8 * 8
    assert nearest_conditions(queries, known, 3).tolist() == [299, 0, 256]
    assert not (nearest_conditions(known, known, 300, itself=False) == np.arange(300)).any()
    assert mean_image(known).shape == (1, 40, 40)


def test_a_generator_of_pairs(colouring: Model) -> None:
    found = evaluate(colouring)
    assert (found.score, found.number, found.seeds, found.extractor) == ("l1", 139, [], None)
    assert (found.data["split"], found.data["number"]) == ("test", 139)
    assert list(found.metrics) == ["l1", "psnr", "ssim", "right_colours", "sharpness"]
    assert sorted(found.references) == ["mean", "nearest pair"]
    test = load("fluent32", split="test")
    assert test.conditions is not None
    samples = colouring.sample(len(test), conditions=test.conditions)
    assert found.metrics["l1"] == pytest.approx(np.abs(samples - signed(test.samples[:])).mean(), abs=2e-3)
    assert found.references["mean"]["sharpness"] < 0.5
    assert found.notes == []
    assert "nearest pair" in format_table(found, width=100)
    assert json.loads(json.dumps(found.to_dict()))["metrics"]["l1"] == found.metrics["l1"]


def test_fewer_pairs_and_too_many(colouring: Model) -> None:
    assert evaluate(colouring, number=30).number == 30
    found = evaluate(colouring, number=500)
    assert found.notes == ["fluent32 has 139 test rows, so 139 samples are evaluated"]


def test_settings_that_change_nothing_are_refused(model: Model) -> None:
    for settings in ({"repeats": 2}, {"seed": 3}):
        with pytest.raises(
            GanzooError, match="takes no latents, so seeds change nothing; leave out --repeats and --seed"
        ):
            evaluate(model, PAIRS, **settings)  # type: ignore[arg-type]
    with pytest.raises(GanzooError, match="forty has right answers, which need no extractor; leave out --features"):
        evaluate(model, PAIRS, features="inception")


def test_data_that_do_not_fit(model: Model) -> None:
    with pytest.raises(GanzooError, match=r"makes images from images, and emoji32 has no pairs; name some with --data"):
        evaluate(model, "emoji32")
    with pytest.raises(GanzooError, match=r"makes samples \(3, 16, 16\) from \(1, 16, 16\), and twemoji32 has"):
        evaluate(model, "twemoji32")
    with pytest.raises(GanzooError, match=r"and forty has \(3, 16, 16\) from \(1, 8, 8\)"):
        evaluate(model, smaller(PAIRS, 8))


def test_without_a_test_split_the_training_pairs_are_the_reference(model: Model) -> None:
    found = evaluate(model, PAIRS)
    assert found.notes == ["forty has no test split: images are compared with those of the training"]
    assert found.references["nearest pair"]["l1"] > 0


class ThereAndBack(Translator):
    """A translator that has a way back, which adds 0.5."""

    def __init__(self, channels: int, made: int, scale: int) -> None:
        super().__init__(channels, made, scale)
        self.back = Further()

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        return conditions


class Further(nn.Module):
    def forward(self, samples: Tensor) -> Tensor:
        return samples + 0.5


def there_and_back(task: Any) -> nn.Module:
    """Images from images, and back."""
    return ThereAndBack(task.condition[0], task.shape[0], 1)


UNPAIRED = Data(name="two", samples=pictures(60, (3, 16, 16)), conditions=pictures(25, (3, 16, 16), 1), paired=False)
GREY = replace(UNPAIRED, samples=UNPAIRED.samples[:, :1], conditions=pictures(25, (1, 16, 16), 1), sha256="")


def untrained(data: Data) -> Model:
    gan = replace(TRANSLATION, generator=there_and_back)
    model: Model = start_training(resolve(gan), data).model()
    return model


def test_unpaired_data_have_the_error_of_a_cycle_and_no_right_answers() -> None:
    found = evaluate(untrained(GREY), GREY)
    assert (found.score, found.number) == ("cycle", 25)
    assert found.metrics == {"cycle": pytest.approx(0.5)}
    assert found.notes[0] == "two has no pairs, so there are no right answers to compare with"
    assert "--features pictures or inception" in found.notes[-1]


def test_unpaired_colour_pictures_have_a_frechet_distance_too() -> None:
    model = untrained(UNPAIRED)
    found = evaluate(model, UNPAIRED)
    assert (found.score, found.number) == ("pictures-fd", 25)
    assert found.metrics["cycle"] == pytest.approx(0.5)
    assert found.metrics["pictures-fd"] > 0
    name, score = scorer(UNPAIRED)
    assert name == "pictures-fd"
    expected = found.metrics["pictures-fd"]
    assert score(model) == pytest.approx(expected, rel=1e-3), "of what is made from the conditions"


def test_unpaired_data_have_a_frechet_distance_where_an_extractor_is_named(tmp_path: Path) -> None:
    from ganzoo.evaluation.train_extractor import save, train

    labelled = Data(name="two", samples=UNPAIRED.samples, labels=np.arange(60) % 2, classes=("a", "b"))
    network, about = train(labelled, labelled, iterations=3)
    save(tmp_path / "x.safetensors", network, about)
    found = evaluate(untrained(UNPAIRED), UNPAIRED, extractor=str(tmp_path / "x.safetensors"))
    assert found.score == "two-fd"
    assert found.metrics["cycle"] == pytest.approx(0.5)
    assert {"two-fd", "coverage"} <= found.metrics.keys()
    assert "two has no pairs, so there are no right answers to compare with" in found.notes


def test_unpaired_data_without_any_metric_are_refused(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    unpaired = replace(PAIRS, name="two", paired=False, sha256="")
    monkeypatch.setattr(extractors, "MIN_SIDE", 17)
    with pytest.raises(GanzooError, match="there is no metric for two: it has no pairs and no extractor"):
        evaluate(model, unpaired)


def test_the_score_during_training_is_that_of_held_out_pairs(
    colouring: Model, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, score = scorer(load("fluent32"))
    assert name == "test-l1"
    assert score(colouring) == pytest.approx(evaluate(colouring).metrics["l1"])
    monkeypatch.setattr(scoring, "IMAGES", 30)
    _, score = scorer(load("fluent32"))
    assert score(colouring) == pytest.approx(evaluate(colouring, number=30).metrics["l1"])
    with pytest.raises(GanzooError, match=r"forty has no pairs for testing, .*; leave out --evaluate-every"):
        scorer(PAIRS)
    assert load_splits(PAIRS).test is None
