"""stylegan2: its networks against the published formulas, its lazy penalty, and psi."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from ganzoo_plugins.stylegan2 import lazy_r1, style_discriminator, style_generator
from ganzoo_plugins.stylegan2.networks import GAIN, Styled, StyleGenerator, spread
from torch import Tensor, nn

import ganzoo
from ganzoo import Sampler
from ganzoo.data import load
from ganzoo.export import TOLERANCE, export
from ganzoo.parts import Networks, Task
from tests.support import Bowl

TASK = Task(shape=(3, 16, 16), range=(-1.0, 1.0), latent_dim=8)


def generator(seed: int = 0) -> StyleGenerator:
    torch.manual_seed(seed)
    made = style_generator(TASK, width=4, style=12)
    assert isinstance(made, StyleGenerator)
    return made


def test_scaling_features_is_scaling_the_weights_of_each_sample() -> None:
    torch.manual_seed(0)
    layer = Styled(3, 5, 4, doubling="nearest")
    features, style = torch.randn(6, 3, 4, 4), torch.randn(6, 4)
    scale = layer.style(style)
    weights = layer.weight[None] * scale[:, None, :, None, None]
    weights = weights / (weights.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    large = features.repeat_interleave(2, 2).repeat_interleave(2, 3)
    each = [F.conv2d(one[None], weight, padding=1) for one, weight in zip(large, weights, strict=True)]
    expected = F.leaky_relu(torch.cat(each) * GAIN + layer.bias[:, None, None], 0.2)
    torch.testing.assert_close(layer(features, style), expected)


def test_variances_stay_of_one_order_from_layer_to_layer() -> None:
    torch.manual_seed(0)
    stds: list[float] = []
    made = style_generator(TASK, width=32)
    for module in made.modules():
        if isinstance(module, Styled):
            module.register_forward_hook(lambda *given: stds.append(given[2].square().mean().sqrt().item()))
    made(torch.randn(64, 8))
    assert len(stds) == 3
    assert all(0.6 < std < 1.6 for std in stds)


def test_the_spread_is_the_mean_deviation_within_groups_of_four() -> None:
    features = torch.randn(8, 5, 2, 3)
    made = spread(features)
    assert made.shape == (8, 1, 2, 3)
    for start in (0, 1):
        group = features[start::2].numpy()
        assert made[start].numpy() == pytest.approx(group.std(0).mean(), rel=1e-4)
    assert spread(features[:6])[0, 0, 0, 0].item() == pytest.approx(features[:6].numpy().std(0).mean(), rel=1e-4)
    assert spread(features[:1]).abs().max() < 1e-3


class Constant(nn.Module):
    """A generator whose samples are its weight."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.5, -1.0]))

    def forward(self, z: Tensor) -> Tensor:
        return self.w.expand(len(z), 2)


def losses(iteration: int, **settings: Any) -> tuple[list[Tensor], Tensor, Bowl]:
    real, z = torch.randn(5, 2, generator=torch.Generator().manual_seed(1)), torch.zeros(5, 3)
    D = Bowl()
    nets = Networks(Constant(), D, latent_dim=3)
    updates = lazy_r1(nets, lambda: (real.clone(), z), iteration, **settings)
    return [update[1].detach() for update in updates], real, D


@pytest.mark.parametrize(("iteration", "has_penalty"), [(1, True), (2, False), (4, False), (5, True)])
def test_the_penalty_is_taken_in_one_of_some_iterations_and_counts_as_often(iteration: int, has_penalty: bool) -> None:
    (of_D, of_G), real, D = losses(iteration, penalty=0.5, penalty_every=4)
    fake = torch.tensor([[0.5, -1.0]]).expand(5, 2)
    expected = F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()
    if has_penalty:
        expected = expected + 4 * 0.5 * D.squared_norms(real).mean()
    torch.testing.assert_close(of_D, expected.detach())
    torch.testing.assert_close(of_G, F.softplus(-D(fake)).mean().detach())


def test_every_iteration_has_a_penalty_if_one_in_one_has_it_and_none_without() -> None:
    every, none = ([losses(n, penalty=p, penalty_every=1)[0][0] for n in (1, 2)] for p in (0.5, 0.0))
    assert torch.equal(every[0], every[1])
    assert every[0] > none[0]


def test_the_mean_style_is_learned_in_training_alone() -> None:
    made = generator()
    z = torch.randn(16, 8)
    made.eval()
    made(z)
    assert made.mean_style.abs().max() == 0
    made.train()
    made(z)
    before = made.mean_style.clone()
    made(z)
    torch.testing.assert_close(made.mean_style, before * 1.995)


def test_psi_moves_styles_to_their_mean_in_evaluation() -> None:
    made = generator()
    z = torch.randn(6, 8)
    for _ in range(10):
        made(z)
    assert torch.equal(made(z, psi=0.3), made(z)), "training knows no psi"
    made.eval()
    assert not torch.equal(made(z, psi=0.5), made(z))
    styles: list[Tensor] = []
    made.first.register_forward_pre_hook(lambda module, given: styles.append(given[1]))
    made(z)
    made(z, psi=0.5)
    made(z, psi=0.0)
    torch.testing.assert_close(styles[1], (styles[0] + made.mean_style) / 2)
    torch.testing.assert_close(styles[2], made.mean_style.expand(6, 12))


def test_the_length_of_z_does_not_matter() -> None:
    made = generator().eval()
    z = torch.randn(3, 8)
    torch.testing.assert_close(made(z), made(7 * z))


@pytest.mark.parametrize(
    ("doubling", "side", "expected"),
    [
        ("auto", 32, ["nearest"] * 3),
        ("auto", 64, [*["nearest"] * 3, "bilinear"]),
        ("mixed", 16, ["nearest", "bilinear"]),
        ("bilinear", 16, ["bilinear"] * 2),
        ("nearest", 64, ["nearest"] * 4),
    ],
)
def test_large_images_are_doubled_smoothly_last(doubling: Any, side: int, expected: list[str]) -> None:
    made: Any = style_generator(replace(TASK, shape=(3, side, side)), width=2, doubling=doubling)
    assert [layer.doubling for layer in made.layers] == expected
    assert made.first.doubling == "none"


def test_sizes() -> None:
    for shape in ((1, 28, 28), (3, 16, 20), (4, 20, 24)):
        task = Task(shape=shape, range=(0.0, 1.0), latent_dim=8)
        images = style_generator(task, width=4, most=6)(torch.randn(4, 8))
        assert images.shape == (4, *shape)
        assert 0 <= images.min() <= images.max() <= 1
        assert style_discriminator(task, width=4, most=6)(images).shape == (4, 1)
    widths = [layer.weight.shape[0] for layer in style_generator(TASK, width=4, most=6).layers]  # type: ignore[union-attr,operator]
    assert widths == [6, 4]


def test_psi_is_a_setting_of_sampling_also_in_an_exported_file(tmp_path: Path) -> None:
    training = ganzoo.train(
        "stylegan2",
        load("emoji32"),
        iterations=2,
        batch_size=4,
        device="cpu",
        **{"generator.width": 2, "discriminator.width": 2},
    )
    for _ in training:
        pass
    model = training.model()
    assert not np.array_equal(model.sample(3, psi=0.2), model.sample(3))
    assert max(export(model, tmp_path / "g.onnx", inputs=("psi",)).batches.values()) <= TOLERANCE
    exported = Sampler(tmp_path / "g.onnx")
    np.testing.assert_allclose(exported.sample(3, psi=0.2), model.sample(3, psi=0.2), atol=1e-4)
    np.testing.assert_allclose(exported.sample(3), model.sample(3), atol=1e-4)
