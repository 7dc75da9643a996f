"""skip-gan and skip-gan-tabular: their game, their priors, and what is left of a prior when weights are loaded."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils import all_estimators

from ganzoo.data import Data, Request
from ganzoo.data.tabular import friedman1
from ganzoo.parts.build import build, task_of
from ganzoo.parts.networks import Networks, load_state, state_tensors
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.registry.registry import registry
from ganzoo.training import device
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError

fitting = importlib.import_module("ganzoo_plugins.skip.fitting")
formula = importlib.import_module("ganzoo_plugins.skip.formula")

CPU = device.choose_device("cpu", "fp32")
REGRESSION = friedman1(Request(name="friedman1"))
FEW = Data(name="few", samples=REGRESSION.samples[:300], conditions=REGRESSION.conditions[:300])
RANDOM = np.random.default_rng(0)
IMAGES = Data(name="noise", samples=RANDOM.integers(0, 256, (200, 1, 8, 8), dtype=np.uint8))
POINTS = Data(name="points", samples=RANDOM.normal(3, 2, (200, 2)).astype(np.float32))
SMALL = {"generator.widths": "16", "discriminator.widths": "16", "batch_size": 16, "latent_dim": 8}

TABULAR = ["linear", "none", "Ridge", "RandomForestRegressor", "GradientBoostingRegressor", "formula:sin(x0) + x1**2"]
IMAGE = [{"prior": "pca"}, {"prior": "gaussian"}, {"prior": "parent", "parent": "simple", "parent.latent_dim": 9}]


def recipe_of(name: str, overrides: Mapping[str, Any]) -> Recipe:
    return resolve(registry().gan(name), overrides)


def parent_of(recipe: Recipe, data: Data) -> Networks | None:
    return build(recipe.parent, task_of(recipe.parent, data)).freeze() if recipe.parent else None


def networks(name: str, data: Data, **overrides: Any) -> tuple[Recipe, Task, Networks]:
    recipe = recipe_of(name, overrides)
    task = task_of(recipe, data, parent_of(recipe, data))
    return recipe, task, build(recipe, task).eval()


def inputs(nets: Networks, data: Data, count: int = 7) -> list[torch.Tensor]:
    latent = nets.generator.latent_dim
    assert isinstance(latent, int)
    z = torch.randn(count, latent, generator=torch.Generator().manual_seed(0))
    return [z] if data.conditions is None else [z, torch.tensor(data.conditions[:count])]


def predicted(prior: str, data: Data = FEW, depth: int = 8) -> tuple[np.ndarray[Any, Any], torch.nn.Module]:
    """What a prior says of the inputs in eval mode, and the prior."""
    assert data.conditions is not None
    task = Task(shape=(1,), range=None, latent_dim=1, condition=data.conditions.shape[1:], data=data)
    model = fitting.regressor(prior, task, depth).eval()
    with torch.no_grad():
        out = model(torch.tensor(data.conditions), torch.randn(len(data), model.latent_dim))
    assert out.shape == (len(data), 1)
    return out.numpy().ravel(), model


# the game


@pytest.mark.parametrize("overrides", IMAGE, ids=lambda overrides: overrides["prior"])
def test_w_is_logged_and_stays_a_share(overrides: dict[str, Any]) -> None:
    recipe = recipe_of("skip-gan", {**SMALL, **overrides, "iterations": 20, "lr": 0.3})
    training = Training(recipe, IMAGES, CPU, parent=parent_of(recipe, IMAGES))
    logged = [iteration.metrics["skip_weight"] for iteration in training]
    assert logged[0] == 0.5
    assert all(0 <= w <= 1 for w in logged)
    assert len({float(w) for w in logged}) > 1, "every iteration has a figure of its own"
    assert {0.0, 1.0} & {float(w) for w in logged}, "at this rate w runs into a wall"


def test_an_update_of_the_generator_changes_neither_prior_nor_parent() -> None:
    recipe = recipe_of("skip-gan", {**SMALL, **IMAGE[2], "iterations": 3})
    training = Training(recipe, IMAGES, CPU, parent=parent_of(recipe, IMAGES))
    before = {name: tensor.clone() for name, tensor in training.nets.generator.prior.state_dict().items()}
    list(training)
    after = training.nets.generator.prior.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_parent_has_to_be_trained_first() -> None:
    training = Training(recipe_of("skip-gan", {**SMALL, **IMAGE[2], "parent_training": "joint"}), IMAGES, CPU)
    with pytest.raises(GanzooError, match="parent_training=first"):
        next(training)


def test_the_trainer_needs_a_skip() -> None:
    training = Training(recipe_of("simple", {**SMALL, "trainer": "skip"}), IMAGES, CPU)
    with pytest.raises(GanzooError, match="skip weight"):
        next(training)


@pytest.mark.parametrize("overrides", [{"prior": "none"}, {"skip": "false"}])
def test_without_a_skip_the_output_is_the_networks_own(overrides: dict[str, str]) -> None:
    training = Training(recipe_of("skip-gan-tabular", {**overrides, "iterations": 3}), FEW, CPU)
    assert [float(iteration.metrics["skip_weight"]) for iteration in training] == [1, 1, 1]
    generator = training.nets.generator.eval()
    z, x = inputs(training.nets, FEW)
    t = generator.prior_sample(z, x)
    if overrides == {"prior": "none"}:
        assert torch.equal(t, z[:, :1])
    assert torch.equal(generator(z, x), generator.net(torch.cat([x, t], 1)))


def test_training_lowers_the_error_of_a_biased_prior() -> None:
    training = Training(recipe_of("skip-gan-tabular", {"bias": 1.5, "iterations": 250}), REGRESSION, CPU)
    list(training)
    assert REGRESSION.conditions is not None
    z, x = inputs(training.nets, REGRESSION, 2000)
    t = torch.tensor(REGRESSION.samples[:2000])
    generator = training.generator.eval()
    with torch.no_grad():
        error = (generator(z, x) - t).abs().mean()
        of_prior = (generator.prior_sample(z, x) - t).abs().mean()
    assert of_prior > 1.4
    assert error < 0.75 * of_prior


# priors of images


def test_the_gaussian_prior_has_the_pixels_own_moments() -> None:
    _, task, nets = networks("skip-gan", IMAGES, **SMALL, prior="gaussian")
    assert nets.generator.latent_dim == task.latent_dim + 64
    values = IMAGES.samples[:] / 127.5 - 1
    prior = nets.generator.prior
    np.testing.assert_allclose(prior.mean, values.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(prior.spread, values.std(axis=0), atol=1e-5)


def test_the_pca_prior_has_the_covariance_of_its_components() -> None:
    _, task, nets = networks("skip-gan", POINTS, **SMALL)
    assert nets.generator.latent_dim == task.latent_dim + 2, "no more components than features"
    axes = nets.generator.prior.axes.numpy()
    np.testing.assert_allclose(axes.T @ axes, np.cov(POINTS.samples[:].T), rtol=1e-4)
    z = np.float32([[0, 0], [1, -2]])
    drawn = nets.generator.prior(torch.tensor(z))
    np.testing.assert_allclose(drawn, POINTS.samples[:].mean(axis=0) + z @ axes, rtol=1e-5)


@pytest.mark.parametrize("pixels", ["signed", "unit"])
def test_images_stay_in_their_range(pixels: str) -> None:
    _, task, nets = networks("skip-gan", IMAGES, **SMALL, prior="gaussian", pixel_range=pixels, weight=0)
    assert task.range is not None
    with torch.no_grad():
        made = nets.generator(10 * inputs(nets, IMAGES, 50)[0])
    assert (float(made.min()), float(made.max())) == task.range


# priors of regressions


def test_all_named_regressors_are_scikit_learns() -> None:
    assert {*fitting.LINEAR, *fitting.TREES} <= dict(all_estimators(type_filter="regressor")).keys()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", fitting.LINEAR + fitting.TREES)
def test_a_regressor_predicts_as_scikit_learn_does(name: str) -> None:
    out, _ = predicted(name)
    model = fitting.fit(name, FEW, 8 if name in fitting.TREES else None)
    np.testing.assert_allclose(out, model.predict(FEW.conditions), atol=1e-5)


def test_a_tree_splits_between_neighbouring_floats_as_scikit_learn_does() -> None:
    x = np.float32(1)
    steps = np.array([x := np.nextafter(x, np.float32(2)) for _ in range(64)])[:, None]
    data = Data(name="steps", samples=RANDOM.normal(size=(64, 1)).astype(np.float32), conditions=steps)
    out, _ = predicted("DecisionTreeRegressor", data, depth=20)
    np.testing.assert_allclose(out, fitting.fit("DecisionTreeRegressor", data, 20).predict(steps), atol=1e-6)


def test_least_squares_are_sampled_in_training_alone() -> None:
    out, model = predicted("linear")
    assert FEW.conditions is not None
    X = np.column_stack([np.ones(len(FEW)), FEW.conditions]).astype(np.float64)
    t = FEW.samples[:].ravel()
    b = np.linalg.solve(X.T @ X, X.T @ t)
    np.testing.assert_allclose(out, X @ b, atol=1e-5)
    covariance = np.square(t - X @ b).sum() / (len(X) - X.shape[1]) * np.linalg.inv(X.T @ X)
    factor = model.factor.double().numpy()
    np.testing.assert_allclose(factor @ factor.T, covariance, atol=1e-8)
    z = torch.randn(len(FEW), 11)
    torch.manual_seed(0)
    noise = torch.randn(11).double().numpy()
    torch.manual_seed(0)
    sampled = model.train()(torch.tensor(FEW.conditions), z).numpy().ravel()
    np.testing.assert_allclose(sampled, X @ (b + factor @ noise), atol=1e-5)


@pytest.mark.parametrize("name", ["SVR", "HistGradientBoostingRegressor", "os.system", "", "DecisionTreeClassifier"])
def test_other_priors_are_refused_with_the_good_ones(name: str) -> None:
    with pytest.raises(GanzooError, match=r"cannot become part of a network; .*formula:EXPR.*Ridge") as error:
        predicted(name)
    assert "\n" not in str(error.value)


# formulas


def test_a_formula_agrees_with_numpy() -> None:
    out, _ = predicted("formula: 2*sin(pi*x0*x1) - -x2**2/3 + exp(-abs(x3))*cos(x4) + log(2 + x5**2)**.5 + sqrt(4)")
    assert FEW.conditions is not None
    x = FEW.conditions.astype(np.float64).T
    by_hand = 2 * np.sin(np.pi * x[0] * x[1]) + x[2] ** 2 / 3 + np.exp(-abs(x[3])) * np.cos(x[4])
    np.testing.assert_allclose(out, by_hand + np.log(2 + x[5] ** 2) ** 0.5 + 2, atol=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "x0.real",
        "().__class__",
        "open(x0)",
        "eval('1')",
        "sin(x0, x1)",
        "sin(x=x0)",
        "(lambda: 1)()",
        "[x0][0]",
        "x10",
        "x01",
        "'a'",
        "1j",
        "1e400",
        "9**9**9",
        "2**1000000",
        "x0**x1",
        "x0 if x1 else x2",
        "x0 // x1",
        "x0; x1",
        "x0\x00",
        "",
        "(" * 150,
        "~" * 190 + "x0",
        "x0 + " * 100 + "x0",
    ],
)
def test_a_formula_holds_nothing_else(text: str) -> None:
    with pytest.raises(GanzooError) as error:
        formula.Formula(text, 10)
    assert "\n" not in str(error.value)


def test_a_formula_has_a_value_everywhere_on_the_data() -> None:
    with pytest.raises(GanzooError, match="infinite or undefined"):
        predicted("formula:log(x0)")


# states and errors


@pytest.mark.parametrize(
    ("name", "data", "overrides"),
    [("skip-gan", IMAGES, SMALL | choice) for choice in IMAGE]
    + [("skip-gan", POINTS, SMALL)]
    + [("skip-gan-tabular", FEW, {"prior": prior}) for prior in TABULAR],
    ids=lambda value: value.get("prior") if isinstance(value, dict) else "",
)
def test_a_state_is_all_that_loading_takes(name: str, data: Data, overrides: dict[str, Any]) -> None:
    recipe, task, nets = networks(name, data, **overrides)
    for place in ("meta", "cpu"):
        with torch.device(place):
            fresh = build(recipe, replace(task, data=None, parent=parent_of(recipe, data)))
        load_state(fresh, state_tensors(nets), "the test's file")
    fresh.eval()
    condition = inputs(nets, data)
    with torch.no_grad():
        made = nets.generator(*condition)
        assert made.shape == (7, *data.shape)
        assert torch.equal(fresh.generator(*condition), made)
        assert torch.equal(nets.generator(*condition), made), "deterministic"
        single = torch.cat([nets.generator(*(one[n : n + 1] for one in condition)) for n in range(7)])
    torch.testing.assert_close(single, made)


@pytest.mark.parametrize(
    ("name", "data", "overrides", "message"),
    [
        ("skip-gan", IMAGES, {"prior": "parent"}, "--set parent=simple"),
        ("skip-gan", IMAGES, {"weight": 1.5}, "at least 0 and at most 1"),
        ("skip-gan", IMAGES, {"components": 0}, "at least 1"),
        ("skip-gan", replace(IMAGES, samples=IMAGES.samples[:20]), {}, "components=19"),
        ("skip-gan-tabular", POINTS, {}, "friedman1"),
        ("skip-gan-tabular", FEW, {"sigma": -1}, "it has to be at least 0"),
        ("skip-gan-tabular", FEW, {"prior": "DecisionTreeRegressor", "depth": 0}, "at least 1 and at most 32"),
    ],
)
def test_errors_say_what_to_do(name: str, data: Data, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message) as error:
        networks(name, data, **overrides)
    assert "\n" not in str(error.value)
