from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.data import Data
from ganzoo.export import TOLERANCE, export
from ganzoo.parts.networks import Networks
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from tests.support import run_iterations, small_training


class Inverted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(2, 3), nn.Linear(3, 2)

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.decoder(z)
        return made


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(5, 1)

    def forward(self, samples: Tensor, z: Tensor) -> Tensor:
        logits: Tensor = self.net(torch.cat([samples, z], 1))
        return logits


def test_the_losses_are_those_of_the_paper() -> None:
    """V = E log D(x, E(x)) + E log(1 - D(G(z), z)); E and G change the targets instead of minimising V."""
    torch.manual_seed(0)
    x, z, G, D = torch.randn(5, 2), torch.randn(5, 3), Inverted(), Pair()
    trainer: Any = registry().part("trainer", "bigan")
    (first, of_D, _), (second, of_G) = trainer(Networks(G, D, latent_dim=3), lambda: (x, z))
    real, fake = D(x, G.encoder(x)).sigmoid(), D(G(z), z).sigmoid()
    assert (first, second) == (D, G)
    torch.testing.assert_close(of_D, -(real.log() + (1 - fake).log()).mean())
    torch.testing.assert_close(of_G, -((1 - real).log() + fake.log()).mean())


def test_the_gradient_reaches_generator_and_encoder() -> None:
    torch.manual_seed(0)
    x, z, G, D = torch.randn(5, 2), torch.randn(5, 3), Inverted(), Pair()
    trainer: Any = registry().part("trainer", "bigan")
    *_, (_, loss) = trainer(Networks(G, D, latent_dim=3), lambda: (x, z))
    loss.backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in G.parameters())


def test_the_discriminator_judges_the_latent_too() -> None:
    task = Task(shape=(1, 8, 8), range=(-1.0, 1.0), latent_dim=6)
    D = resolve(registry().gan("bigan")).call("discriminator", task)
    image = torch.rand(1, 1, 8, 8).expand(4, 1, 8, 8)
    assert len(D(image, torch.randn(4, 6)).unique()) == 4


def test_a_trained_generator_encodes_images(tiny: Data, tmp_path: Path) -> None:
    training = small_training("bigan", tiny, iterations=2)
    run_iterations(training)
    model = training.model()
    model.save(tmp_path / "w.safetensors")
    x = torch.rand(3, 1, 8, 8)
    loaded: Any = ganzoo.load(tmp_path / "w.safetensors").networks.generator  # type: ignore[union-attr]
    code = loaded.encode(x)
    assert code.shape == (3, 8)
    assert torch.equal(code, model.networks.generator.encode(x))  # type: ignore[operator]
    assert loaded(code).shape == x.shape


def test_the_exported_generator_is_without_its_encoder(tiny: Data, tmp_path: Path) -> None:
    training = small_training("bigan", tiny, iterations=2)
    run_iterations(training)
    assert max(export(training.model(), tmp_path / "g.onnx").batches.values()) <= TOLERANCE
    weights = sum(weight.numel() for weight in training.nets.generator.decoder.parameters())  # type: ignore[union-attr]
    assert (tmp_path / "g.onnx").stat().st_size < 4 * weights + 8000
