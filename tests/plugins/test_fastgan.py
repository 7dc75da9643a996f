"""fastgan: its networks and losses by hand, and as an exported file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from ganzoo_plugins.fastgan import difference, margins
from ganzoo_plugins.fastgan.networks import Discriminator, Down, Excitation, Generator, gated, quarter
from torch import Tensor, nn

from ganzoo.export import TOLERANCE, export
from ganzoo.parts.networks import Networks
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import check, start_training
from ganzoo.util.errors import GanzooError
from tests.support import images, run_iterations

SMALL: dict[str, Any] = {"generator.width": 4, "discriminator.width": 4}
TINY = SMALL | {"batch_size": 4, "latent_dim": 8, "iterations": 2}


def task(size: int = 32, channels: int = 3, **changes: Any) -> Task:
    return replace(Task(shape=(channels, size, size), range=(-1.0, 1.0), latent_dim=8), **changes)


def networks(size: int = 32, width: int = 4, channels: int = 3) -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    recipe = resolve(registry().gan("fastgan"), {"generator.width": width, "discriminator.width": width})
    return tuple(recipe.call(part, task(size, channels)) for part in ("generator", "discriminator"))  # type: ignore[return-value]


# The networks.


def test_a_gated_layer_is_half_times_the_sigmoid_of_the_other_half() -> None:
    torch.manual_seed(0)
    layer, x = gated(3, 2), torch.randn(4, 3, 3, 5)
    inner = F.conv2d(x.repeat_interleave(2, 2).repeat_interleave(2, 3), layer[1].weight, padding=1)
    inner = (inner - inner.mean((0, 2, 3), keepdim=True)) / (
        inner.var((0, 2, 3), keepdim=True, correction=0) + 1e-5
    ).sqrt()
    torch.testing.assert_close(layer(x), inner[:, :2] * inner[:, 2:].sigmoid())


def test_a_small_map_scales_the_channels_of_a_large_one() -> None:
    torch.manual_seed(0)
    excite, small, large = Excitation(3, 5, 2, (4, 4)), torch.randn(2, 3, 8, 8), torch.randn(2, 5, 32, 32)
    pooled = small.unflatten(2, (4, 2)).unflatten(4, (4, 2)).mean((3, 5))
    inner = torch.einsum("nchw,ochw->no", pooled, excite.factors[1].weight)
    factors = torch.einsum("ni,oi->no", inner * inner.sigmoid(), excite.factors[3].weight[:, :, 0, 0]).sigmoid()
    torch.testing.assert_close(excite(small, large), large * factors[:, :, None, None])


def test_a_halving_is_the_mean_of_two_ways() -> None:
    torch.manual_seed(0)
    down, x = Down(3, 4).eval(), torch.randn(2, 3, 8, 8)

    def way(features: Tensor, *layers: Any) -> Tensor:
        for layer in layers:
            features = F.conv2d(features, layer.weight, stride=layer.stride, padding=layer.padding)
            features = F.leaky_relu(features / (1 + 1e-5) ** 0.5, 0.2)
        return features

    main, direct = way(x, down.main[0], down.main[3]), way(F.avg_pool2d(x, 2), down.direct[1])
    torch.testing.assert_close(down(x), (main + direct) / 2)


@pytest.mark.parametrize(
    ("size", "doubled", "of_G", "of_D"),
    [
        (28, [2, 1], [16, 8, 4], [32, 64]),
        (32, [2, 1, 2], [16, 8, 4, 2], [16, 32, 64]),
        (64, [2, 1, 2, 1], [16, 8, 4, 2, 2], [8, 16, 32, 64]),
        (128, [2, 1, 2, 1, 2], [16, 8, 4, 2, 2, 1], [4, 8, 16, 32, 64]),
    ],
)
def test_sizes_and_channels_are_those_of_the_paper(
    size: int, doubled: list[int], of_G: list[int], of_D: list[int]
) -> None:
    G, D = networks(size, width=8)
    convs = [[part for part in layer.modules() if isinstance(part, nn.Conv2d)] for layer in G.layers]
    assert [len(layers) for layers in convs] == doubled
    assert [G.first[1].out_channels // 16, *(layers[0].out_channels // 16 for layers in convs)] == of_G
    assert [D.begin[0].out_channels, *(down.main[0].out_channels for down in D.down)] == of_D
    assert len(D.excitations) == max(0, len(of_D) - 3)
    made, side = G.sizes(torch.randn(2, 8))
    assert made.shape == side.shape == (2, 3, size, size)
    assert torch.equal(F.avg_pool2d(side, 2).repeat_interleave(2, 2).repeat_interleave(2, 3), side), "half the sides"
    logits, maps = D.judge(made, side)
    last = {28: 14}.get(size, 8)
    assert [tuple(features.shape[1:]) for features in maps] == [
        (64, last, last),
        (32, last, last),
        (32, *(2 * last,) * 2),
    ]
    assert logits.shape == (2, 2 * (last - 3) ** 2)
    assert D(made).shape == (2, 1)
    quarters = torch.tensor([1, 2])
    for rebuilt, target in zip(D.rebuild(maps, quarters), D.targets(made, quarters), strict=True):
        assert rebuilt.shape == target.shape == (2, 3, size // 2, size // 2)
        assert rebuilt.abs().max() <= 1


def test_the_smallest_maps_scale_the_largest() -> None:
    G, _ = networks(64)
    seen: list[tuple[int, int]] = []
    for excite in G.excitations:
        excite.register_forward_hook(lambda _, given, made: seen.append((given[0].shape[2], given[1].shape[2])))
    G(torch.randn(2, 8))
    assert seen == [(4, 32), (8, 64)]
    _, D = networks(128)
    seen.clear()
    for excite in D.excitations:
        excite.register_forward_hook(lambda _, given, made: seen.append((given[0].shape[2], given[1].shape[2])))
    D(torch.randn(2, 3, 128, 128))
    assert seen == [(128, 16), (64, 8)]


def test_every_convolution_of_the_discriminator_is_normalised_and_none_of_the_generator() -> None:
    G, D = networks(16)
    for _ in range(40):
        D.rebuild(D.judge(*torch.randn(2, 2, 3, 16, 16))[1], torch.tensor([0, 1]))
    for layer in D.modules():
        if isinstance(layer, nn.Conv2d):
            assert float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) == pytest.approx(1, abs=0.05)
            assert layer.bias is None
    assert not [name for name, _ in G.named_modules() if "parametrizations" in name]


def test_a_quarter_is_cut_out_of_each_image() -> None:
    x = torch.arange(4 * 16.0).reshape(4, 1, 4, 4)
    right = [x[0, :, :2, :2], x[1, :, :2, 2:], x[2, :, 2:, :2], x[3, :, 2:, 2:]]
    assert torch.equal(quarter(x, torch.arange(4)), torch.stack(right))


def test_images_are_within_their_range_in_evaluation_alone() -> None:
    G, _ = networks()
    for layer in G.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # so that the statistics of evaluation mode are those of this batch
    with torch.no_grad():
        G.image.weight.mul_(100)
    z = torch.randn(4, 8)
    assert G(z).abs().max() > 1
    assert G.eval()(z).abs().max() == 1
    assert torch.equal(G(z), G.sizes(z)[0].clamp(-1, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (2,), "range": None}, "fastgan makes images, and this data set has none; take a dense GAN"),
        ({"shape": (1, 12, 12)}, "fastgan makes images of at least 16x16 pixels, not 1x12x12; try --image-size 32"),
        ({"shape": (1, 30, 30)}, "fastgan fits images whose sides"),
    ],
)
@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_other_data_are_refused(part: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        resolve(registry().gan("fastgan"), SMALL).call(part, task(**change))


# The losses.


def test_margins_are_drawn_for_each_logit() -> None:
    torch.manual_seed(0)
    drawn = margins(torch.zeros(40, 50))
    assert 0.8 <= float(drawn.min()) < 0.801
    assert 0.999 < float(drawn.max()) <= 1
    assert float(drawn.mean()) == pytest.approx(0.9, abs=0.005)


def test_images_are_compared_at_three_sizes() -> None:
    torch.manual_seed(0)
    one, other = torch.randn(2, 2, 3, 8, 8)
    gap = one - other
    of_two, of_four = (gap.unflatten(2, (-1, by)).unflatten(4, (-1, by)).mean((3, 5)) for by in (2, 4))
    right = (gap.abs().mean() + of_two.abs().mean() + of_four.abs().mean()) / 3
    torch.testing.assert_close(difference(one, other), right)


class Recording(nn.Module):
    """A discriminator whose logits are the images themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.entry, self.judged = nn.Parameter(torch.ones(())), nn.Identity(), list[tuple[Tensor, Tensor]]()

    def judge(self, images: Tensor, side: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        self.judged.append((images, side))
        return self.w * images.flatten(1), (images, images, images)

    def rebuild(self, maps: tuple[Tensor, ...], quarters: Tensor) -> tuple[Tensor, ...]:
        return tuple(1 + self.w * features for features in maps)

    def targets(self, images: Tensor, quarters: Tensor) -> tuple[Tensor, ...]:
        return (images, images, images)


class Sides(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(()))

    def sizes(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self.w * z.unflatten(1, (1, 4, 4)), 2 * self.w * z.unflatten(1, (1, 4, 4))


def test_the_losses_are_those_of_the_paper() -> None:
    torch.manual_seed(0)
    real, z, D, G = torch.randn(5, 1, 4, 4), torch.randn(5, 16), Recording(), Sides()
    updates = registry().part("trainer", "fastgan")(
        Networks(G, D, latent_dim=16), lambda: (real, z), reconstruction=2.0
    )
    torch.manual_seed(1)
    updated, of_D, _ = next(updates)
    assert updated is D
    torch.manual_seed(1)
    of_real, of_fake = (0.8 + 0.2 * torch.rand(5, 16) for _ in range(2))
    hinge = F.relu(of_real - real.flatten(1)).mean() + F.relu(of_fake + z).mean()
    torch.testing.assert_close(of_D, hinge + 2 * 3 * torch.ones(()))  # three images that are 1 off at every pixel
    updated, of_G = next(updates)
    assert updated is G
    torch.testing.assert_close(of_G, -z.mean())
    (_, _), (first, first_side), (second, second_side) = D.judged
    assert torch.equal(first, second), "the same samples"
    assert torch.equal(first_side, second_side)
    assert not first.requires_grad
    assert second.requires_grad
    assert next(updates, None) is None


def test_both_updates_see_the_same_augmentation_and_real_images_are_rebuilt_as_they_are_seen() -> None:
    settings = TINY | {"augmentation": "diffaugment", "iterations": 1}
    training = start_training(resolve(registry().gan("fastgan"), settings), images(3, 32, 32))
    D = training.nets.discriminator
    given: list[Tensor] = []
    seen: list[Tensor] = []
    targets: list[Tensor] = []
    D.entry.register_forward_hook(lambda _, inputs, made: seen.append(made))
    plain_targets, plain_judge = D.targets, D.judge
    D.targets = lambda x, quarters: (targets.append(x), plain_targets(x, quarters))[1]
    D.judge = lambda x, side: (given.append(x), plain_judge(x, side))[1]
    run_iterations(training)
    assert len(seen) == 3, "real images, and generated ones in two sizes"
    assert targets[0] is seen[0]
    real, first, second = given
    assert real is seen[0]
    assert torch.equal(first, second)
    assert second is seen[1]


def test_without_reconstruction_decoders_are_not_trained() -> None:
    training = start_training(resolve(registry().gan("fastgan"), TINY | {"reconstruction": 0}), images(3, 32, 32))
    before = [weight.clone() for weight in training.nets.discriminator.decoders.parameters()]
    run_iterations(training)
    after = list(training.nets.discriminator.decoders.parameters())
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_statistics_are_averaged_with_the_weights() -> None:
    training = start_training(resolve(registry().gan("fastgan"), TINY | {"iterations": 1}), images(3, 32, 32))
    start = training.ema.network.first[2].running_var.clone()
    run_iterations(training)
    trained = training.nets.generator.first[2].running_var
    torch.testing.assert_close(training.ema.network.first[2].running_var, start.lerp(trained, 1 - 2 / 11))


def test_it_keeps_the_contract() -> None:
    check("fastgan", settings=SMALL | {"latent_dim": 8})


def test_an_exported_file_makes_the_same(tmp_path: Path) -> None:
    training = start_training(resolve(registry().gan("fastgan"), TINY), images(3, 28, 28))
    run_iterations(training)
    report = export(training.model(), tmp_path / "g.onnx")
    assert max(report.batches.values()) <= TOLERANCE
    assert np.isfinite(training.model().sample(2)).all()
