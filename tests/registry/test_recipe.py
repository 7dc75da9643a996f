from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Literal

import pytest

from ganzoo.registry.gan import GAN
from ganzoo.registry.recipe import LoopSettings, Recipe, Setting, parse_assignments, resolve, signature
from ganzoo.registry.registry import registry
from ganzoo.registry.values import convert, describe_type
from ganzoo.util.errors import GanzooError


def maker(task: object, *, width: int = 4, rate: float = 0.5, mode: Literal["a", "b"] = "a") -> None:
    """A part with settings of its own."""


def other(task: object, *, depth: int = 2, width: int = 8) -> None:
    """Another part, one setting of which has the same name."""


def trainer(nets: object, draw: object, *, steps: int = 1, fast: bool = False, cap: float | None = None) -> None:
    """A trainer."""


TOY = GAN(name="toy", summary="", generator=maker, discriminator=other, trainer=trainer)


def changed(recipe: Recipe) -> dict[str, Any]:
    """All settings that differ from the parts' own defaults, but those of the loop."""
    usual = resolve(TOY).flat()
    return {key: value for key, value in recipe.flat().items() if usual.get(key) != value}


def test_a_signature_is_its_keyword_only_arguments() -> None:
    found = signature("generator", maker)
    assert [(s.key, s.kind, s.default) for s in found.values()] == [
        ("generator.width", int, 4),
        ("generator.rate", float, 0.5),
        ("generator.mode", Literal["a", "b"], "a"),
    ]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("3", int, 3),
        (3.0, int, 3),
        ("1e-3", float, 0.001),
        (2, float, 2.0),
        ("16,32", tuple[int, ...], (16, 32)),
        ("16", tuple[int, ...], (16,)),
        ("", tuple[int, ...], ()),
        ([16, 32], tuple[int, ...], (16, 32)),
        (".5,1", tuple[float, ...], (0.5, 1.0)),
        ("TRUE", bool, True),
        ("no", bool, False),
        ("0", bool, False),
        (True, bool, True),
        ("b", Literal["a", "b"], "b"),
        ("none", int | None, None),
        (None, int | None, None),
        ("5", int | None, 5),
        ("x=y", str, "x=y"),
    ],
)
def test_values_are_converted_to_the_type_of_their_setting(value: Any, kind: Any, expected: Any) -> None:
    converted = convert(value, kind)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        ("x", int, "a whole number"),
        ("3.5", int, "a whole number"),
        (3.5, int, "a whole number"),
        (True, int, "a whole number"),
        ("9" * 5000, int, "a whole number"),
        (float("inf"), int, "a whole number"),
        ("nan", float, "a number"),
        ("inf", float, "a number"),
        ("1e999", float, "a number"),
        (10**400, float, "a number"),
        (None, float, "a number"),
        ([1], float, "a number"),
        ("none", tuple[int, ...], "a list like 64,128 of: a whole number"),
        (5, tuple[int, ...], "a list like 64,128 of: a whole number"),
        ("1,x", tuple[int, ...], "a list like 64,128 of: a whole number"),
        ("64,,32", tuple[int, ...], "a list like 64,128 of: a whole number"),
        ("1_0", int, "a whole number"),
        ("1_0.5", float, "a number"),
        (5, str, "a text"),
        ("maybe", bool, "true or false"),
        (2, bool, "true or false"),
        ("c", Literal["a", "b"], "one of a, b"),
        (["a"], Literal["a", "b"], "one of a, b"),
        ("x", int | None, "a whole number or none"),
    ],
)
def test_a_value_of_another_type_is_refused(value: Any, kind: Any, wanted: str) -> None:
    with pytest.raises(GanzooError) as caught:
        Setting("generator", "k", kind, None).accept(value)
    text = repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:60]}..."
    assert str(caught.value) == f"k={text} is not {wanted} (generator.k)"
    assert describe_type(kind) == wanted


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"widht": 3}, "toy has no setting 'widht'; did you mean 'width'? it has: accuracy, alpha"),
        ({"zzz": 3}, "toy has no setting 'zzz'; it has: "),
        ({"trainer.width": 3}, "toy has no setting 'trainer.width'; did you mean 'width'?"),
        ({"width": 3}, "'width' is a setting of more than one part; say generator.width or discriminator.width"),
        ({"parent.width": 3}, "toy has no parent, so 'parent.width' sets nothing (ganzoo show toy)"),
        ({"trainer": "wgn"}, "no trainer named 'wgn'; did you mean 'wgan'?"),
        ({"iterations": 0}, "iterations=0 is out of range; it has to be at least 1 and at most 1,000,000,000,000"),
        ({"batch_size": "-3"}, "batch_size=-3 is out of range"),
        ({"latent_dim": "0"}, "latent_dim=0 is out of range"),
        ({"ttur": 0}, "ttur=0 is out of range; it has to be above 0 (loop.ttur)"),
        ({"ema": 1}, "ema=1 is out of range; it has to be at least 0 and below 1"),
        ({"ema": "-0.1"}, "ema=-0.1 is out of range"),
        ({"rate": "nan"}, "rate='nan' is not a number (generator.rate)"),
        ({"pixel_range": "x"}, "pixel_range='x' is not one of signed, unit (loop.pixel_range)"),
    ],
)
def test_a_wrong_setting_is_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError) as caught:
        resolve(replace(TOY, optimizer="rmsprop"), overrides)
    assert message in str(caught.value)


@pytest.mark.parametrize("steps", ["0", "-1"])
def test_zero_updates_of_a_network_are_refused(steps: str) -> None:
    with pytest.raises(GanzooError, match=f"critic_steps={steps} is out of range; it has to be at least 1"):
        resolve(registry().gan("wgan"), {"critic_steps": steps})


def test_zero_is_accepted_for_other_settings_called_steps() -> None:
    def warm(
        nets: object, draw: object, *, warmup_steps: int = 0, log_steps: bool = True, steps_steps: str = "a"
    ) -> None:
        """A trainer."""

    given = {"warmup_steps": 0, "log_steps": "false", "steps_steps": "b"}
    found = resolve(replace(TOY, trainer=warm), given).values["trainer"]
    assert found == {"warmup_steps": 0, "log_steps": False, "steps_steps": "b"}


def test_later_sources_override_earlier_ones() -> None:
    gan = replace(TOY, settings={"rate": 1, "steps": 2, "depth": 3}, presets={"p": {"steps": 4, "depth": 5}})
    recipe = resolve(gan, {"depth": "6"}, preset="p")
    assert changed(recipe) == {"generator.rate": 1.0, "trainer.steps": 4, "discriminator.depth": 6}


def test_an_unknown_preset_names_those_that_exist() -> None:
    with pytest.raises(GanzooError, match="toy has no preset 'q'; its presets: none"):
        resolve(TOY, preset="q")
    with pytest.raises(GanzooError, match="its presets: a, b"):
        resolve(replace(TOY, presets={"b": {}, "a": {}}), preset="q")


@pytest.mark.parametrize("choose", [{"generator": other}, {"generator": "dense"}])
def test_settings_of_a_replaced_part_are_dropped(choose: dict[str, Any]) -> None:
    gan = replace(TOY, settings={"rate": 1, "steps": 2}, presets={"p": choose})
    recipe = resolve(gan, preset="p")
    assert "rate" not in recipe.values["generator"]
    assert recipe.values["trainer"]["steps"] == 2
    with pytest.raises(GanzooError, match="toy has no setting 'rate'"):
        resolve(gan, {"rate": 1}, preset="p")


def test_a_new_part_with_a_setting_of_the_same_name_has_its_own_default() -> None:
    recipe = resolve(replace(TOY, settings={"generator.width": 99}), {"generator": other})
    assert recipe.values["generator"]["width"] == 8


def test_settings_reach_the_parent() -> None:
    gan = registry().gan("privileged-v1-ann")
    recipe = resolve(gan, {"parent.lr": "0.25", "parent.generator": "dcgan", "parent.generator.width": 8})
    assert recipe.parent
    assert recipe.parent.names["generator"] == "dcgan"
    assert recipe.parent.values["generator"]["width"] == 8
    assert recipe.parent.values["optimizer"]["lr"] == 0.25
    assert recipe.values["optimizer"]["lr"] != 0.25
    with pytest.raises(GanzooError, match="simple has no setting 'lrr'; did you mean 'lr'"):
        resolve(gan, {"parent.lrr": 1})


def test_another_parent_can_be_chosen() -> None:
    recipe = resolve(registry().gan("privileged-v1-ann"), {"parent": "dcgan", "parent.generator.width": 8})
    assert recipe.parent
    assert recipe.parent.gan.name == "dcgan"


EVERY = [(name, preset) for name, gan in registry().gans.items() for preset in (None, *gan.presets)]


@pytest.mark.parametrize(("name", "preset"), EVERY)
def test_flat_settings_are_the_whole_recipe(name: str, preset: str | None) -> None:
    gan = registry().gan(name)
    recipe = resolve(gan, {"batch_size": 3}, preset=preset)
    again = resolve(gan, json.loads(json.dumps(recipe.flat())))
    assert again == recipe
    bare = replace(gan, settings={}, presets={})  # whatever the defaults become
    assert replace(resolve(bare, recipe.flat()), gan=gan) == recipe


def test_a_part_that_fails_with_its_settings_is_one_line() -> None:
    def fails(task: object, *, width: int = 4) -> None:
        raise ValueError

    def explains(task: object, *, width: int = 4) -> None:
        raise OverflowError("too wide\nby far")

    with pytest.raises(GanzooError, match=r"generator 'toy' cannot be built with width=4: $"):
        resolve(replace(TOY, generator=fails)).call("generator", None)
    with pytest.raises(GanzooError, match=r"generator 'toy' cannot be built with width=4: too wide$"):
        resolve(replace(TOY, generator=explains)).call("generator", None)


def test_assignments_are_keys_and_texts() -> None:
    assert parse_assignments(("a=1", "b.c = x=y ", "a=1", "d=")) == {"a": "1", "b.c": "x=y", "d": ""}


def test_a_setting_with_two_values_is_refused() -> None:
    with pytest.raises(GanzooError, match="--set a is given twice, as 1 and as 2"):
        parse_assignments(("a=1", "a=2"))


@pytest.mark.parametrize("assignment", ["a", "=1", ""])
def test_an_assignment_without_a_key_is_refused(assignment: str) -> None:
    with pytest.raises(GanzooError, match=f"--set takes KEY=VALUE, not '{assignment}'"):
        parse_assignments((assignment,))


def test_the_settings_of_the_loop() -> None:
    assert set(signature("loop", LoopSettings)) == set(LoopSettings.__dataclass_fields__)


def test_gans_that_are_each_others_parents_are_refused() -> None:
    among = replace(registry(), gans={"a": replace(TOY, name="a", parent="b"), "b": replace(TOY, name="b", parent="a")})
    with pytest.raises(GanzooError, match=r"a has more than 16 parents: b, a, b, "):
        resolve(among.gan("a"), among=among)


def test_a_type_that_names_nothing_is_one_line() -> None:
    def odd(task: object, *, width: nowhere.Count = 4) -> None:  # type: ignore[name-defined]  # noqa: F821
        """Cannot be resolved."""

    with pytest.raises(GanzooError, match="the type of 'width' of a generator cannot be read: NameError"):
        resolve(replace(TOY, generator=odd))
