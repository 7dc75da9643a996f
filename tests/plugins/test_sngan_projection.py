"""sngan-projection: its networks by hand, in the published sizes and as an exported file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from ganzoo_plugins.sngan_projection.networks import ConditionalNorm, Discriminator, Generator
from torch import Tensor, nn

from ganzoo.export import export
from ganzoo.generators.onnx_session import Sampler
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import check, start_training
from ganzoo.util.errors import GanzooError
from tests.support import images, run_iterations

GAN = "sngan-projection"
SMALL: dict[str, Any] = {"generator.width": 8, "discriminator.width": 8}
LABELLED = replace(images(3, 16, 16), labels=np.arange(12) % 3, classes=("a", "b", "c"))


def task(**changes: Any) -> Task:
    return replace(Task(shape=(3, 32, 32), range=(-1.0, 1.0), latent_dim=128, num_classes=10), **changes)


def test_the_published_sizes_have_the_published_number_of_weights() -> None:
    recipe = resolve(registry().gan(GAN), preset="published")
    G, D = (recipe.call(part, task()) for part in ("generator", "discriminator"))
    counts = [sum(weight.numel() for weight in net.parameters()) for net in (G, D)]
    # G: linear; blocks of two convolutions, a shortcut and gains and shifts of 10 classes; normalisation; the last
    block = 2 * (256 * 256 * 9 + 256) + 256 * 256 + 256 + 4 * 10 * 256
    assert counts[0] == 129 * 256 * 16 + 3 * block + 2 * 256 + 256 * 3 * 9 + 3
    assert 4.2e6 < counts[0] < 4.4e6
    assert 1.0e6 < counts[1] < 1.1e6
    assert recipe.values["trainer"]["discriminator_steps"] == 5


def test_gain_and_shift_are_those_of_the_class_and_the_statistics_those_of_all() -> None:
    torch.manual_seed(0)
    norm = ConditionalNorm(2, 3)
    features, labels = torch.randn(8, 2, 4, 4) * 3 + 1, torch.arange(8) % 3
    mean, variance = features.mean((0, 2, 3), keepdim=True), features.var((0, 2, 3), keepdim=True, correction=0)
    plain = (features - mean) / (variance + 2e-5).sqrt()
    torch.testing.assert_close(norm(features, labels), plain)
    nn.init.normal_(norm.gain.weight)
    nn.init.normal_(norm.shift.weight)
    for index, label in enumerate(labels):
        right = plain[index] * norm.gain.weight[label][:, None, None] + norm.shift.weight[label][:, None, None]
        torch.testing.assert_close(norm(features, labels)[index], right)


def test_logits_are_those_of_the_projection() -> None:
    torch.manual_seed(0)
    D = Discriminator(3, 4, 6).eval()
    x, labels = torch.randn(5, 3, 12, 16), torch.tensor([0, 3, 1, 1, 2])

    def conv(layer: Any, features: Tensor) -> Tensor:
        return F.conv2d(features, layer.weight, layer.bias, padding=layer.weight.shape[-1] // 2)

    h = x
    for number, block in enumerate(D.blocks):
        inner = conv(block.conv2, F.relu(conv(block.conv1, F.relu(h) if number else h)))
        h = F.avg_pool2d(inner, 2) + conv(block.shortcut, F.avg_pool2d(h, 2)) if number < 2 else h + inner
    assert h.shape == (5, 6, 3, 4)
    h = F.relu(h).sum((2, 3))
    right = torch.stack(
        [h[i] @ D.linear.weight[0] + h[i] @ D.embedding.weight[label] for i, label in enumerate(labels)]
    )
    torch.testing.assert_close(D(x, labels), right[:, None])


def test_every_layer_of_the_discriminator_is_normalised() -> None:
    torch.manual_seed(0)
    D = Discriminator(3, 4, 6).train()
    for _ in range(100):
        D(torch.randn(2, 3, 8, 8), torch.tensor([0, 1]))
    layers = [layer for layer in D.modules() if isinstance(layer, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert len(layers) == 4 * 2 + 2 + 2
    for layer in layers:
        assert float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) == pytest.approx(1, abs=0.02)
    assert D.linear.bias is None


def test_the_generator_has_no_spectral_normalisation() -> None:
    G = Generator(task(), 10, 4, 3, (4, 4))
    assert not [name for name, _ in G.named_modules() if "parametrizations" in name]
    assert G(torch.randn(2, 128), torch.tensor([0, 9])).shape == (2, 3, 32, 32)


@pytest.mark.parametrize("part", ["generator", "discriminator"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_classes": 0}, "is class-conditional, and this data set has no labels; try --data emoji32"),
        ({"condition": (3,)}, "takes labels alone, and this data set also has conditions"),
        ({"shape": (7,)}, "fits images whose sides|takes images of at least 4x4 pixels, not 7"),
    ],
)
def test_other_data_are_refused(part: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        resolve(registry().gan(GAN), SMALL).call(part, task(**change))


def test_it_keeps_the_contract() -> None:
    check(GAN, settings=SMALL | {"discriminator_steps": 2})


def test_an_exported_file_makes_the_same(tmp_path: Path) -> None:
    settings = SMALL | {"iterations": 2, "batch_size": 4, "discriminator_steps": 1}
    training = start_training(resolve(registry().gan(GAN), settings), LABELLED)
    run_iterations(training)
    model, path = training.model(), tmp_path / "x.onnx"
    export(model, path)
    sampler = Sampler(path)
    made = [sampler.sample(6, labels=label) for label in "abc"]
    for label, one in zip("abc", made, strict=True):
        np.testing.assert_allclose(one, model.sample(6, labels=label), atol=1e-5)
    assert np.abs(made[0] - made[1]).max() > 1e-4
