from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.export import TOLERANCE, export
from ganzoo.parts.networks import Networks
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations, small_training


class Judge(nn.Module):
    """Two heads on the samples themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.logits, self.classes = nn.Identity(), nn.Linear(2, 1), nn.Linear(2, 3)

    def forward(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.logits(samples)
        return logits


class PerClass(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Embedding(3, 2)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        shifted: Tensor = z + self.shift(labels)
        return shifted


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_the_losses_are_those_of_the_paper(weight: float) -> None:
    torch.manual_seed(0)
    real, z, labels = torch.randn(5, 2), torch.randn(5, 2), torch.tensor([0, 2, 1, 1, 0])
    G, D = PerClass(), Judge()
    trainer: Any = registry().part("trainer", "acgan")
    nets = Networks(G, D, latent_dim=2)
    (_, of_D, metrics), (_, of_G) = trainer(nets, lambda: (real, z, labels), class_weight=weight)
    fake = G(z, labels)

    def likelihood(samples: Tensor) -> Tensor:
        """Of the right class."""
        return D.classes(samples).exp()[range(5), labels] / D.classes(samples).exp().sum(1)

    source = -(D.logits(real).sigmoid().log() + (1 - D.logits(fake).sigmoid()).log()).mean()
    classes = -(likelihood(real).log() + likelihood(fake).log()).mean()
    torch.testing.assert_close(of_D, source + weight * classes)
    torch.testing.assert_close(of_G, -D.logits(fake).sigmoid().log().mean() - weight * likelihood(fake).log().mean())
    assert metrics["class_accuracy"] == (D.classes(real).argmax(1) == labels).float().mean()


def test_the_penalty_is_half_the_squared_gradient_at_real_samples() -> None:
    torch.manual_seed(0)
    batch = torch.randn(5, 2), torch.randn(5, 2), torch.tensor([0, 2, 1, 1, 0])
    nets = Networks(PerClass(), Judge(), latent_dim=2)
    trainer: Any = registry().part("trainer", "acgan")
    without, with_penalty = (next(trainer(nets, lambda: batch, penalty=penalty))[1] for penalty in (0.0, 3.0))
    weight = nets.discriminator.get_parameter("logits.weight")
    torch.testing.assert_close(with_penalty - without, 3 / 2 * weight.square().sum())


@pytest.mark.parametrize("kind", ["acgan-dense", "acgan-conv"])
def test_the_discriminator_does_not_get_the_class(kind: str) -> None:
    task = Task(shape=(1, 8, 8), range=(-1.0, 1.0), latent_dim=6, num_classes=4)
    D = resolve(registry().gan("acgan"), {"discriminator": kind}).call("discriminator", task).eval()
    image = torch.rand(4, 1, 8, 8)
    assert torch.equal(D(image, torch.arange(4)), D(image, torch.zeros(4, dtype=torch.int64)))
    assert D.classes(D.features(image)).shape == (4, 4)


def test_data_without_labels_are_refused() -> None:
    with pytest.raises(GanzooError, match="needs labelled data, and this data set has no labels"):
        small_training("acgan", "circle")


def test_an_exported_generator_makes_the_same(tiny: Data, tmp_path: Path) -> None:
    training = small_training("acgan", tiny, iterations=2)
    run_iterations(training)
    assert max(export(training.model(), tmp_path / "g.onnx").batches.values()) <= TOLERANCE
