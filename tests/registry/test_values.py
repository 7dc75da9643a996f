"""Ranges of settings: declared in annotations, shown, and refused beyond them; no setting is accepted and ignored."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ganzoo.registry.gan import PARTS
from ganzoo.registry.recipe import Setting, resolve, signature
from ganzoo.registry.registry import registry
from ganzoo.registry.values import Count, Decay, NonNegative, OutOfRangeError, Positive, Range, convert, describe_type
from ganzoo.util.errors import GanzooError


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Positive, [1e-9, 5], [0, -1]),
        (NonNegative, [0, 2.5], [-1e-9]),
        (Decay, [0, 0.999], [1, -0.1]),
        (Count, [1, 10**12], [0, 10**12 + 1]),
        (Annotated[float, Range(above=0, most=1)], [1, 0.1], [0, 1.01]),
    ],
)
def test_a_number_has_to_be_in_its_range(kind: Any, good: list[float], bad: list[float]) -> None:
    for number in good:
        assert convert(str(number), kind) == number
    for number in bad:
        with pytest.raises(OutOfRangeError):
            convert(number, kind)


def test_ranges_hold_within_lists_and_beside_none() -> None:
    assert convert("3,4", tuple[Count, ...]) == (3, 4)
    assert convert("none", Decay | None) is None
    with pytest.raises(OutOfRangeError):
        convert("3,0", tuple[Count, ...])
    with pytest.raises(OutOfRangeError):
        convert(2, Decay | None)


def test_a_range_in_words() -> None:
    assert describe_type(Decay) == "a number at least 0 and below 1"
    assert describe_type(Annotated[int, Range(above=0, most=2000)]) == "a whole number above 0 and at most 2,000"
    with pytest.raises(GanzooError, match=r"^lr=0 is out of range; it has to be above 0 \(optimizer.lr\)$"):
        Setting("optimizer", "lr", Positive, 1.0).accept(0)


PARTS_OF_OURS = [pytest.param(kind, name, id=f"{kind} {name}") for kind in PARTS for name in registry().parts[kind]]


@pytest.mark.parametrize(("kind", "name"), PARTS_OF_OURS)
def test_every_number_of_a_part_has_a_range_that_holds_its_default(kind: str, name: str) -> None:
    """``bias`` and ``gain`` may be any number."""
    for setting in signature(kind, registry().part(kind, name)).values():
        if isinstance(setting.default, int | float) and not isinstance(setting.default, bool):
            assert setting.accept(setting.default) == setting.default
            if setting.name not in ("bias", "gain"):
                assert setting.kind not in (int, float), setting.key


@pytest.mark.parametrize(
    ("gan", "key", "value"),
    [
        ("simple", "penalty", -1),
        ("simple", "lr", 0),
        ("simple", "lr", -1e-3),
        ("simple", "eps", 0),
        ("simple", "beta1", 1),
        ("simple", "beta2", 1),
        ("wgan", "alpha", 1),
        ("simple", "dropout", 1),
        ("simple", "generator.widths", "64,0"),
        ("dcgan", "generator.width", 0),
        ("cgan", "generator.embedding", 0),
        ("skip-gan-tabular", "repeats", 0),
        ("skip-gan-tabular", "sigma", -0.1),
        ("skip-gan", "components", 0),
        ("skip-gan", "weight", 1.1),
        ("pacgan", "packing", 0),
        ("privileged-v2", "reconstruction", -1),
        ("privileged-v2", "signal_weight", -1),
        ("wgan", "clip", 0),
        ("simple", "smoothing", 0.6),
    ],
)
def test_a_value_out_of_range_is_refused(gan: str, key: str, value: Any) -> None:
    with pytest.raises(GanzooError, match="is out of range; it has to be"):
        resolve(registry().gan(gan), {key: value})


@given(st.floats() | st.integers() | st.text() | st.none() | st.booleans() | st.lists(st.integers(), max_size=3))
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_value_is_converted_or_refused(value: Any) -> None:
    for kind in (Count, Positive, Decay, bool, str, tuple[Count, ...], Decay | None):
        try:
            found = convert(value, kind)
        except (ValueError, TypeError, LookupError, OverflowError):
            continue
        assert not isinstance(found, float) or math.isfinite(found)
