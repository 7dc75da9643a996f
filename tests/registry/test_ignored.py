"""No setting is accepted and ignored: it changes the recipe, or it is refused."""

from __future__ import annotations

import typing
from typing import Annotated, Any, Literal

import pytest

import ganzoo
from ganzoo.data import Data
from ganzoo.registry.recipe import IGNORED_IN_JOINT_TRAINING, Setting, refuse_ignored, resolve, settings
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError

JOINT = {"parent_training": "joint"}


def another(setting: Setting) -> Any:
    """A value that the setting accepts and does not have, or ``None``."""
    if setting.key == "loop.lr_schedule":
        return "cosine"
    kind = setting.kind
    while typing.get_origin(kind) is Annotated:
        kind = typing.get_args(kind)[0]
    candidates = (
        list(typing.get_args(kind)) if typing.get_origin(kind) is Literal else [2, 0.25, 3, True, False, "2,3", "x"]
    )
    for candidate in candidates:
        try:
            value = setting.accept(candidate)
        except GanzooError:
            continue
        if value != setting.default:
            return value
    return None


SETTINGS = [
    pytest.param(gan, setting, id=f"{gan} {setting.key}")
    for gan in registry().gans
    for part in settings(dict(resolve(registry().gan(gan)).functions)).values()
    for setting in part.values()
]


@pytest.mark.parametrize(("gan", "setting"), SETTINGS)
def test_any_accepted_setting_changes_the_recipe(gan: str, setting: Setting) -> None:
    record = registry().gan(gan)
    usual = resolve(record).flat()
    value = another(setting)
    if value == usual[setting.key]:
        value = setting.default
    try:
        changed = resolve(record, {setting.key: value})
    except GanzooError as error:
        assert "set both alike" in str(error)  # pixel_range and distribution of a child are those of its parent
        return
    assert changed.flat() != usual


@pytest.mark.parametrize(
    "key", ["trainer", "smoothing", "trainer.penalty", *IGNORED_IN_JOINT_TRAINING, "loop.iterations"]
)
def test_settings_of_a_parent_that_joint_training_ignores_are_refused(key: str) -> None:
    values = {"trainer": "lsgan", "parent_training": "joint"}
    typed = JOINT | {f"parent.{key}": values.get(key, 0.1 if "ema" in key or "smoothing" in key else 1)}
    typed |= {"parent.trainer": "least-squares"} if key == "trainer" else {}
    recipe = resolve(registry().gan("privileged-v1"), typed)
    with pytest.raises(GanzooError, match=f"'parent.{key}' changes nothing"):
        refuse_ignored(recipe, typed, trained_parent=False)


@pytest.mark.parametrize("setting", ["lr=1e-2", "beta1=0.9", "generator.widths=8", "ttur=2", "lr_schedule=constant"])
def test_settings_of_a_parent_that_joint_training_takes_have_an_effect(tiny: Data, setting: str) -> None:
    key, _, value = setting.partition("=")
    small = JOINT | {"iterations": 2, "batch_size": 8, "generator.widths": (8,), "discriminator.widths": (8,)}
    small |= {
        f"parent.{part}.widths": (8,) if part == "discriminator" else (16,) for part in ("generator", "discriminator")
    }
    states = []
    for chosen in ({}, {f"parent.{key}": value}):
        training = ganzoo.train("privileged-v1", tiny, device="cpu", precision="fp32", **small | chosen)
        for _ in training:
            pass
        states.append({name: tensor for name, tensor in training.state().items() if name.startswith("networks.parent")})
    assert any(
        not a.equal(b) for a, b in zip(*(state.values() for state in states), strict=True) if a.shape == b.shape
    ) or [tensor.shape for tensor in states[0].values()] != [tensor.shape for tensor in states[1].values()]


def test_settings_of_a_parent_that_is_trained_already_are_refused() -> None:
    recipe = resolve(registry().gan("privileged-v1"), {"parent.lr": 1})
    with pytest.raises(GanzooError, match=r"'parent.lr' changes nothing, since the parent is trained already"):
        refuse_ignored(recipe, {"parent.lr": 1}, trained_parent=True)


@pytest.mark.parametrize("gan", ["privileged-v2", "skip-gan-tabular"])
def test_a_latent_dim_that_the_generator_does_not_take_is_refused(gan: str) -> None:
    with pytest.raises(GanzooError, match="latent_dim=8 changes nothing: the generator"):
        ganzoo.train(gan, iterations=1, latent_dim=8, device="cpu", **(JOINT if gan == "privileged-v2" else {}))


@pytest.mark.parametrize(
    ("gan", "typed", "message"),
    [
        ("simple", {"parent_training": "joint"}, "simple has no parent, so 'parent_training' changes nothing"),
        ("privileged-v1", {"signal_weight": 2}, "'signal_weight' changes nothing with parent_signal=none"),
        ("privileged-v2", {"signal_weight": 2, "parent_signal": "offset"}, "changes nothing with parent_signal=offset"),
        ("skip-gan", {"prior": "gaussian", "components": 4}, "'components' changes nothing with prior=gaussian"),
        ("dcgan", {"norm": "none", "discriminator.gain": 2}, "'discriminator.gain' changes nothing with norm=none"),
        ("skip-gan-tabular", {"depth": 4}, "'depth' changes nothing with prior=linear"),
        ("skip-gan-tabular", {"depth": 4, "prior": "formula:x0"}, "'depth' changes nothing with prior=formula:x0"),
        ("skip-gan-tabular", {"prior": "none", "sigma": 1}, "'sigma' changes nothing with prior=none"),
        ("skip-gan-tabular", {"prior": "none", "bias": 1}, "'bias' changes nothing with prior=none"),
        (
            "skip-gan-tabular",
            {"skip": False, "generator.weight": 1},
            "'generator.weight' changes nothing with skip=fal",
        ),
        (
            "skip-gan",
            {"parent": "simple", "prior": "parent", "parent.parent_training": "joint"},
            "simple has no parent",
        ),
    ],
)
def test_settings_that_another_makes_meaningless_are_refused(gan: str, typed: dict[str, Any], message: str) -> None:
    recipe = resolve(registry().gan(gan), typed)
    with pytest.raises(GanzooError, match=message):
        refuse_ignored(recipe, typed, trained_parent=False)


@pytest.mark.parametrize(
    ("gan", "typed"),
    [
        ("privileged-v2", {"signal_weight": 2}),
        ("skip-gan", {"components": 4}),
        ("dcgan", {"discriminator.gain": 2}),
        ("skip-gan-tabular", {"depth": 4, "prior": "DecisionTreeRegressor", "sigma": 1, "bias": 1, "weight": 1}),
        ("privileged-v2", JOINT),
    ],
)
def test_settings_that_count_are_not_refused(gan: str, typed: dict[str, Any]) -> None:
    refuse_ignored(resolve(registry().gan(gan), typed), typed, trained_parent=False)


def test_a_range_of_images_is_refused_for_vectors() -> None:
    with pytest.raises(GanzooError, match="'pixel_range' changes nothing: ring8 holds vectors, not images"):
        ganzoo.train("simple", "ring8", iterations=1, pixel_range="unit", device="cpu")
