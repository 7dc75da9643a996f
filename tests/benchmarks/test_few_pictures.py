"""The scripts that learn from few pictures do what their descriptions say, and the suite judges what they make."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.benchmarks import few_pictures
from tests.benchmarks.baselines import dcgan_script, lightweight_networks, lightweight_script
from tests.benchmarks.baselines.pictures import prepared
from tests.support.narrow import narrow


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """All contestants with narrow networks, on 300 pictures, judged by 30 samples."""
    monkeypatch.setattr(dcgan_script, "WIDTH", 4)
    monkeypatch.setattr(lightweight_networks, "HEADS", 2)
    monkeypatch.setattr(lightweight_networks, "HEAD", 4)
    rows: dict[str, Any] = {}
    for row, make in few_pictures.ROWS.items():
        assert isinstance(make, partial)
        narrowed = narrow(make.args[0] if make.args else "stylegan2") if row.startswith("ganzoo") else {}
        narrowed |= {"most": 16} if row.startswith("lightweight") else {}
        rows[row] = partial(make.func, *make.args, **make.keywords | without_iterations(narrowed))
    monkeypatch.setattr(few_pictures, "ROWS", rows)
    monkeypatch.setattr(few_pictures, "CASES", (few_pictures.few,))
    monkeypatch.setattr(few_pictures, "FEWER", 30)


def without_iterations(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "iterations"}


@pytest.fixture(scope="module")
def case() -> few_pictures.Case:
    return few_pictures.few()


def weights(net: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


@pytest.mark.parametrize("side", [32, 64])
def test_the_tutorials_networks_lack_their_widest_layer_for_32_pixels(side: int) -> None:
    with torch.device("meta"):
        G, D = dcgan_script.generator(side), dcgan_script.discriminator(side)
        assert G(torch.empty(2, 100, 1, 1)).shape == (2, 3, side, side)
        assert D(torch.empty(2, 3, side, side)).shape == (2, 1, 1, 1)
    widths = (64, 128, 256) if side == 32 else (64, 128, 256, 512)
    assert weights(G) == 16 * sum(map(math.prod, pairwise((3, *widths, 100)))) + 2 * sum(widths)
    assert weights(D) == 16 * sum(map(math.prod, pairwise((3, *widths, 1)))) + 2 * sum(widths[1:])


def test_images_of_64_pixels_are_halved_for_the_second_network_of_lightweight_gan() -> None:
    G, D = lightweight_networks.Generator(16, 64), lightweight_networks.Discriminator(16, 64, attention=False)
    images = G(torch.randn(2, 256))
    assert images.shape == (2, 3, 64, 64)
    _, small, features = D(images)
    assert features.shape == (2, 16, 8, 8)
    torch.testing.assert_close(small, D.small(images[:, :, ::2, ::2]).flatten())
    assert D.decoder(features).shape == (2, 3, 128, 128)
    with pytest.raises(NotImplementedError, match="32x32"):
        lightweight_networks.Discriminator(16, 64, attention=True)


def test_the_networks_of_lightweight_gan_have_as_many_weights_as_published() -> None:
    with torch.device("meta"):
        G, D = lightweight_networks.Generator(512), lightweight_networks.Discriminator(512, attention=True)
        images = G(torch.empty(2, 256))
        assert images.shape == (2, 3, 32, 32)
        logits, small, features = D(images)
        assert logits.shape == small.shape == (2,)
        assert D.decoder(features).shape == (2, 3, 128, 128)
    assert (weights(G), weights(D)) == (21_254_918, 10_904_588)


def test_attention_is_to_the_nearest_pixels_and_to_all() -> None:
    """By its definition: neighbours that are copied, with zeros around the map, and a sum over all pixels."""
    net = lightweight_networks.Attention(6)
    features = torch.randn(2, 6, 4, 5)
    query, (key, value) = net.near_query(features), net.near(features).chunk(2, 1)
    heads, head = lightweight_networks.HEADS, lightweight_networks.HEAD
    query = query.reshape(2, heads, head, 1, 20)
    key, value = (F.unfold(each, 3, padding=1).reshape(2, heads, head, 9, 20) for each in (key, value))
    shares = ((query * key).sum(2, keepdim=True) / head**0.5).softmax(3)
    expected = (shares * value).sum(3).reshape(2, heads * head, 4, 5)
    torch.testing.assert_close(net.nearby(features), expected)
    query = net.far_query(features).reshape(2, heads, head, 20).softmax(2) / head**0.5
    key, value = (each.reshape(2, heads, head, 20) for each in net.far(features).chunk(2, 1))
    expected = torch.einsum("bhcm,bhcn,bhdn->bhdm", query, key.softmax(3), value).reshape(2, heads * head, 4, 5)
    torch.testing.assert_close(net.everywhere(features), expected)


def test_a_hole_has_half_the_sides_and_a_shift_is_at_most_an_eighth() -> None:
    torch.manual_seed(0)
    holes = 1 - lightweight_script.cut(torch.ones(500, 1, 32, 32))
    rows, columns = holes.amax(3).sum((1, 2)), holes.amax(2).sum((1, 2))
    assert torch.equal(holes.sum((1, 2, 3)), rows * columns)
    assert (rows.amin(), rows.amax(), columns.amin(), columns.amax()) == (8, 16, 8, 16)
    point = torch.zeros(500, 2, 32, 32)
    point[:, :, 1, 20] = 1
    moved = lightweight_script.shifted(point)
    assert torch.equal(moved[:, 0], moved[:, 1])
    _, top, left = moved[:, 0].nonzero().unbind(1)
    assert (top.amin(), top.amax(), left.amin(), left.amax()) == (0, 5, 16, 24)
    assert 0 < (moved.sum((1, 2, 3)) == 0).sum() < 500  # out of the image, over its upper edge


@pytest.mark.parametrize(("images", "expected"), [(300, 0.2991), (3219, 0.290343), (10**6, 0.0)])
def test_fewer_images_are_augmented_more_often(images: int, expected: float) -> None:
    assert lightweight_script.probability(images) == pytest.approx(expected)


def test_the_penalty_is_in_every_fourth_iteration(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    images = few_pictures.few().data.samples
    script = lightweight_script.LightweightGAN(images, most=8, accumulated=1, attention=False)
    penalised: list[bool] = []

    def step(is_penalised: bool) -> float:
        penalised.append(is_penalised)
        return 0.0

    monkeypatch.setattr(script, "step_D", step)
    script(5)
    assert penalised == [True, False, False, False, True]


def test_the_penalty_is_the_squared_gradient_of_both_kinds_of_images(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = lightweight_script.LightweightGAN(few_pictures.few().data.samples, most=8, accumulated=1, attention=False)

    class Sums(torch.nn.Module):
        """Its logits are the sums of 3072 values times weights of 0.001 and 0.002."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor([0.001, 0.002]))

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            total = images.flatten(1).sum(1)
            return self.weight[0] * total, self.weight[1] * total, images

        def rebuilding(self, features: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
            return features.new_zeros(())

    script.D, script.probability = Sums(), 0.0
    batch = torch.rand(10, 3, 32, 32)
    script.batches = iter([batch.clone(), batch.clone()])
    monkeypatch.setattr(script, "G", lambda z: batch.clone())
    with_penalty, without = script.step_D(True), script.step_D(False)
    assert with_penalty - without == pytest.approx(10 * 3072 * 0.003**2, rel=1e-3)


def test_few_pictures_are_without_the_largest_category(case: few_pictures.Case) -> None:
    assert case.others is not None
    assert (len(case.data), len(case.others)) == (300, 3219 - 1934 - 300)
    assert "People & Body" not in {case.data.classes[label] for label in case.data.labels}  # type: ignore[union-attr]
    given, others = ({image.tobytes() for image in images} for images in (case.data.samples, case.others))
    assert not given & others
    np.testing.assert_array_equal(few_pictures.few().data.samples, case.data.samples)


def test_the_finest_octave_is_what_the_means_of_2x2_pixels_lack() -> None:
    board = (255 * (np.indices((8, 8)).sum(0) % 2)).astype(np.uint8)[None, None]
    assert few_pictures.fine(board) == 127.5**2
    assert few_pictures.fine(board.repeat(2, 2).repeat(2, 3)) == 0


def test_the_pictures_themselves_are_copies(case: few_pictures.Case) -> None:
    found = case.judged(case.data.samples)
    assert found["emoji32-fd"] == pytest.approx(0, abs=0.02)
    assert found["to others"] > 1
    assert (found["coverage"], found["copies"], found["grain"]) == (1, 1, 1)
    assert case.others is not None
    others = case.judged(case.others)
    assert others["to others"] == pytest.approx(0, abs=0.02)
    assert (others["nearer"], others["copies"]) == (pytest.approx(0.5, abs=0.01), pytest.approx(0.01, abs=0.002))


def test_of_the_whole_set_copies_are_nearer_than_its_pictures_are_to_each_other() -> None:
    case = few_pictures.whole()
    images = case.data.samples[:200]
    few_of_it = few_pictures.Case("few", replace(case.data, samples=images, labels=None, sha256=""), None)
    found = few_of_it.judged(images)
    assert (found["copies"], found["to others"]) == (1, "")
    assert few_of_it.judged(255 - images)["copies"] < 0.5


def test_trained_weights_begin_a_training_of_pictures_by_another_designer() -> None:
    case = few_pictures.similar()
    assert case.others is not None
    assert (len(case.data), len(case.others), case.init) == (300, 1439 - 19 - 300, "stylegan2")
    given, others = ({image.tobytes() for image in images} for images in (case.data.samples, case.others))
    assert not given & others
    for make in few_pictures.INIT_ROWS.values():
        contestant = make(case, 0, 1)
        assert isinstance(contestant, few_pictures.Ours)
        assert contestant.training.beginning is not None


def test_larger_pictures_are_judged_by_the_means_of_2x2_pixels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 64, 64), np.uint8)
    means = few_pictures.halved(images)
    assert means.shape == (3, 3, 32, 32)
    assert means[0, 0, 0, 0] == round(images[0, 0, :2, :2].mean())
    case = few_pictures.larger()
    assert case.features(images).features.tolist() == case.features(means).features.tolist()


def test_bytes_reach_both_limits() -> None:
    images = np.array([0, 255], np.uint8)[None, None, None]
    assert prepared(images, (-1, 1)).flatten().tolist() == [-1, 1]
    assert prepared(images, (0, 1)).flatten().tolist() == [0, 1]


def test_every_contestant_trains_and_makes_different_pictures(small: None, case: few_pictures.Case) -> None:
    for make in few_pictures.ROWS.values():
        contestant = make(case, 0, 2)
        contestant(2)
        assert set(contestant.losses) == {"generator", "discriminator"}
        assert all(math.isfinite(loss) for loss in contestant.losses.values())
        images = contestant.sampled(12)
        assert (images.shape, images.dtype) == ((12, 3, 32, 32), np.uint8)
        assert (images != images[:1]).any()
        np.testing.assert_array_equal(contestant.sampled(12), images)


def test_a_seed_begins_the_same_training(small: None, case: few_pictures.Case) -> None:
    for make in few_pictures.ROWS.values():
        losses = []
        for seed in (0, 0, 1):
            contestant = make(case, seed, 1)
            contestant(1)
            losses.append({name: float(loss) for name, loss in contestant.losses.items()})
        assert losses[0] == losses[1] != losses[2]


def test_a_short_check_reports_all(small: None, capsys: pytest.CaptureFixture[str]) -> None:
    result = few_pictures.measure(1, 0.0)
    rows = [row["row"] for row in result["rows"]]
    assert rows == [*few_pictures.ROWS, "the pictures"]
    assert [row["row"] for row in result["medians"]] == rows
    assert result["samples"] == 30
    assert all(row["iterations"] >= 2 for row in result["rows"][:-1])
    text = few_pictures.report(result)
    assert text.count("300 of emoji32") == 2 * len(rows)
    assert "ganzoo: stylegan2" in capsys.readouterr().err


def test_medians_are_over_seeds() -> None:
    blank = dict.fromkeys((*few_pictures.COUNTED, *few_pictures.METRICS), "")
    rows = [
        {"pictures": "x", "row": "y", "seed": seed} | blank | {"grain": grain} for seed, grain in enumerate((1, 5, 2))
    ]
    shown = dict.fromkeys(few_pictures.SHOWN, "")
    assert few_pictures.medians(rows) == [{"pictures": "x", "row": "y"} | shown | {"grain": 2}]
