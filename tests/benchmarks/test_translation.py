"""The reference code's way to learn images from images does what its papers say, and what ganzoo's trainers do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_plugins.super_resolution import load_published
from safetensors.torch import save_file
from torch import nn

import ganzoo
from ganzoo.data import Data
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from tests.benchmarks import enlarging, enlarging_ways, equal_time, startup, translation
from tests.benchmarks.baselines import translation_script as script
from tests.benchmarks.baselines import translators
from tests.benchmarks.baselines.not_installed import NotInstalled
from tests.benchmarks.baselines.rrdb import random_weights
from tests.support.narrow import narrow

gans = pytest.mark.parametrize("gan", translation.CASES)
WHOLE = {"trainer.mirror": False, "trainer.shift": 0, "generator.dropout": 0.0, "trainer.adversarial": 1.0}
"""Settings with which nothing is random but the weights, and losses are weighed as published."""


def pairs(count: int, *, paired: bool = True) -> Data:
    """Random colour images, which are their own conditions."""
    images = np.random.default_rng(0).integers(0, 256, (count, 3, 32, 32), np.uint8)
    return Data(name="pairs", samples=images, conditions=images, paired=paired)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reference networks of four channels."""
    monkeypatch.setattr(translators, "WIDTH", 4)


def test_the_reference_networks_are_those_of_the_papers(small: None) -> None:
    images = torch.rand(2, 3, 32, 32)
    net = translators.UNet(3, 1)
    assert net(images).shape == (2, 1, 32, 32)
    sizes = [features.shape[-1] for features in stages(net.down, images)]
    assert sizes == [16, 8, 4, 2, 1]
    assert sum(isinstance(module, nn.Dropout) for module in net.modules()) == 3
    assert translators.residual(3, 1)(images).shape == (2, 1, 32, 32)


def stages(layers: nn.ModuleList, images: torch.Tensor) -> Iterator[torch.Tensor]:
    for layer in layers:
        images = layer(images)
        yield images


def test_a_patch_has_sixteen_pixels(small: None) -> None:
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    logits = translators.patches(3, translators.batch_norm).eval()(images)
    assert logits.shape == (1, 1, 14, 14)
    (gradient,) = torch.autograd.grad(logits[0, 0, 7, 7], images)
    seen = gradient[0].abs().sum(0) > 0
    assert (seen.any(0).sum(), seen.any(1).sum()) == (16, 16)


def test_pairs_are_cut_alike_and_others_are_not() -> None:
    torch.manual_seed(0)
    (a, b), *_ = script.DataLoader(script.Pairs(pairs(4)), batch_size=4)
    assert torch.equal(a, b)
    assert a.shape == (4, 3, 32, 32)
    assert -1 <= a.amin() < -0.9 < 0.9 < a.amax() <= 1
    again = [script.Pairs(pairs(1, paired=False))[0] for _ in range(5)]
    assert any(not torch.equal(one, other) for one, other in again)


def test_the_pool_returns_older_images_once_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "POOL", 2)
    pool = script.Pool()
    returned = [pool(torch.full((1, 1), number)).item() for number in range(60)]
    assert returned[:2] == [0, 1]
    assert all(one <= number for number, one in enumerate(returned))
    fresh = sum(one == number for number, one in enumerate(returned[2:], 2))
    assert 10 < fresh < 50


@gans
def test_the_reference_trains_as_ganzoo_does(gan: str) -> None:
    """With ganzoo's networks and one batch, the first losses are the same; each code weighs and sums them its way."""
    case, data = translation.CASES[gan], pairs(4)
    recipe = case.recipe(10, **narrow(gan), **{key: WHOLE[key] for key in known(case)})
    training = Training(recipe, data, choose_device("cpu", "fp32"))
    batch = training.batches.normalize(training.batches._read(0))
    expected = next(training).losses
    loop: Any = translation.LOOPS[gan](translation.ours(case, recipe, data), data, 4, 10)
    losses = {name: loss.item() for name, loss in loop.iterate(batch[-1], batch[0]).items()}
    of_D = ("D of a", "D of b") if gan == "cyclegan" else ("made", "right")
    sums = {
        "discriminator": sum(losses[name] for name in of_D),
        "generator": sum(loss for name, loss in losses.items() if name not in of_D),
    }
    assert sums == pytest.approx({name: loss.item() for name, loss in expected.items()}, rel=1e-3)


def known(case: translation.Case) -> list[str]:
    flat = case.recipe(1).flat()
    return [key for key in WHOLE if key in flat]


@gans
def test_the_rate_is_constant_and_then_falls_to_zero(gan: str, small: None) -> None:
    contestant = translation.Reference(translation.CASES[gan], 4)
    rates = []
    for _ in range(4):
        contestant(1)
        rates.append([each.param_groups[0]["lr"] / script.LR for each in contestant.loop.adams])
    assert rates == [[1, 1], [1, 1], [1, 1], [0.5, 0.5]]


@gans
@pytest.mark.parametrize("row", translation.ROWS)
def test_every_row_trains_and_makes_images(gan: str, row: str, small: None) -> None:
    case = translation.CASES[gan]
    settings = narrow(gan) if row.startswith("ganzoo") else {}
    contestant = translation.ROWS[row](case, 1, **settings)  # type: ignore[call-arg]
    contestant(1)
    test = case.test()
    assert test.conditions is not None
    few = replace(test, samples=test.samples[:2], conditions=test.conditions[:2])
    for made in contestant.made(few).values():
        images = np.concatenate(list(made))
        assert images.shape == few.samples.shape
        assert images.dtype == np.uint8


def test_the_published_way_to_sample_differs_and_changes_nothing(small: None) -> None:
    case = translation.CASES["pix2pix"]
    few = replace(case.test(), samples=case.test().samples[:2], conditions=case.test().conditions[:2])  # type: ignore[index]
    contestant = translation.Reference(case, 1)
    before = {name: value.clone() for name, value in contestant.G.state_dict().items()}
    first, again = ({mode: np.concatenate(list(made)) for mode, made in contestant.made(few).items()} for _ in range(2))
    assert not np.array_equal(first["evaluation mode"], first["training mode"])
    for mode, images in first.items():
        np.testing.assert_array_equal(images, again[mode])
    assert all(torch.equal(before[name], value) for name, value in contestant.G.state_dict().items())
    assert contestant.G.training


class Counting:
    """A contestant that only counts."""

    batch = 1

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def __call__(self, iterations: int) -> None:
        self.log.extend([self.name] * iterations)

    def made(self, data: Data) -> dict[str, Any]:
        return {}


def test_contestants_train_in_turn_to_their_last_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equal_time, "SLICE", 0.0)
    log: list[str] = []
    used = equal_time.train({name: Counting(name, log) for name in "ab"}, {"a": 3, "b": 1})
    assert log == ["a", "b", "a", "a"]
    assert min(used.values()) > 0


def test_more_iterations_fit_into_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    monkeypatch.setattr(equal_time, "ROWS", {name: lambda case, _: Counting("x", log) for name in equal_time.ENTRANTS})
    case = translation.CASES["pix2pix"]
    less, more = (equal_time.fitting(case, seconds) for seconds in (0.1, 1.0))
    assert set(less) == set(equal_time.ENTRANTS)
    assert sum(more.values()) > 2 * sum(less.values())


def test_every_way_enlarges_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exported file is compared by ``ganzoo.export`` whenever it is written, and takes seconds; left out here."""
    save_file(random_weights(1, 8, 32), tmp_path / enlarging_ways.PUBLISHED)
    load_published(tmp_path / enlarging_ways.PUBLISHED).save(tmp_path / enlarging_ways.OWN)
    monkeypatch.delitem(enlarging_ways.WAYS, enlarging_ways.OURS)
    absent: dict[str, str] = {}
    ways = enlarging.present(tmp_path, absent)
    far = enlarging.differences(ways, 8)
    assert {name for name, difference in far.items() if difference > 1e-4} <= {"plain torch bf16, channels_last"}
    for way in ways.values():
        made = way.bytes(enlarging_ways.picture(8))
        assert (made.shape, made.dtype) == ((32, 32, 3), np.uint8)
    assert 1 < made.std() < 127


def test_without_spandrel_a_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(NotInstalled, match="pip install --no-deps spandrel einops"):
        enlarging_ways.spandrel(tmp_path)
    monkeypatch.setattr(enlarging, "WAYS", {"spandrel": enlarging_ways.spandrel})
    absent: dict[str, str] = {}
    assert enlarging.present(tmp_path, absent) == {}
    row = {"network": "x", "way": "y"}
    assert "left out: spandrel: " in enlarging.report({"rows": [row], "absent": absent})


def test_programs_make_their_first_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exported file takes seconds to write, so its program gets the weights, and refuses torch, which is here."""
    model = ganzoo.train("pix2pix", **narrow("pix2pix")).model()
    model.save(tmp_path / "x.safetensors")
    monkeypatch.setattr(ganzoo, "Sampler", lambda path, providers: model)
    in_onnxruntime, in_torch = startup.programs(tmp_path / "x.onnx", tmp_path / "x.safetensors", 32).values()
    exec(in_torch, {})
    with pytest.raises(AssertionError):
        exec(in_onnxruntime, {})
