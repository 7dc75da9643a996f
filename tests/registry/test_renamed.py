"""Settings that were renamed: files keep loading, and old names are answered with new ones."""

from __future__ import annotations

import pytest

import ganzoo
from ganzoo.registry.gan import PARTS
from ganzoo.registry.recipe import resolve, settings
from ganzoo.registry.registry import registry
from ganzoo.registry.renamed import RENAMED, new_name, rename_settings, split_parents
from ganzoo.util.errors import GanzooError


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3])


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_renamed_setting_exists_under_its_new_name_alone(old: str, new: object) -> None:
    gan = registry().gan("privileged-v2")
    known = {setting.key for part in settings(dict(resolve(gan).functions)).values() for setting in part.values()}
    assert RENAMED[old].name in known
    assert old not in known


@pytest.mark.parametrize(("old", "entry"), RENAMED.items())
def test_an_entry_is_removed_in_time(old: str, entry: object) -> None:
    assert version(ganzoo.__version__) < version(RENAMED[old].until), f"remove the renamed setting {old}"


def test_settings_of_an_old_file_resolve() -> None:
    old = {
        "loop.rounds": 7,
        "loop.batch": 3,
        "loop.schedule": "round",
        "parent.loop.decay": "constant",
        "parent": "simple",
    }
    recipe = resolve(registry().gan("privileged-v1"), rename_settings(old))
    assert (recipe.loop.iterations, recipe.loop.batch_size, recipe.loop.parent_training) == (7, 3, "joint")
    assert recipe.parent is not None
    assert recipe.parent.loop.lr_schedule == "constant"


def test_other_settings_stay_as_they_are() -> None:
    kept = {"generator.rounds": 1, "loop.ema": 0.5, "generator": "dense"}
    assert rename_settings(kept) == kept


@pytest.mark.parametrize(
    ("typed", "new"),
    [
        ("rounds", "iterations"),
        ("loop.batch", "batch_size"),
        ("parent.latent", "parent.latent_dim"),
        ("parent.parent.loop.pixels", "parent.parent.pixel_range"),
        ("lr", None),
    ],
)
def test_an_old_name_that_is_typed_has_a_new_one(typed: str, new: str | None) -> None:
    assert new_name(typed) == new


def test_an_old_name_that_is_typed_is_answered_with_the_new_one() -> None:
    with pytest.raises(GanzooError, match=r"'rounds' was renamed; use 'iterations' \(ganzoo show simple\)"):
        resolve(registry().gan("simple"), {"rounds": 5})


def test_parents_are_split_off() -> None:
    assert split_parents("parent.parent.loop.rounds") == ("parent.parent.", "loop.rounds")
    assert split_parents("loop.rounds") == ("", "loop.rounds")


def test_parts_are_not_settings() -> None:
    assert not set(PARTS) & {entry.name for entry in RENAMED.values()}
