from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ganzoo_plugins.vae_gan import divergence, sampled
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from ganzoo.data import Data
from ganzoo.export import TOLERANCE, export
from ganzoo.parts.modules import Encoded
from ganzoo.parts.networks import Networks
from ganzoo.registry.registry import registry
from tests.support import run_iterations, small_training


class Judge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features, self.logits = nn.Linear(2, 4), nn.Linear(4, 1)

    def forward(self, samples: Tensor) -> Tensor:
        logits: Tensor = self.logits(self.features(samples))
        return logits


def test_the_divergence_is_that_of_torch() -> None:
    torch.manual_seed(0)
    posterior = torch.randn(5, 6)
    q = Normal(posterior[:, :3], (posterior[:, 3:] / 2).exp())
    torch.testing.assert_close(divergence(posterior), kl_divergence(q, Normal(0, 1)).sum(1).mean())


def test_codes_are_samples_of_the_gaussian() -> None:
    torch.manual_seed(0)
    posterior = torch.tensor([[1.0, -2.0, 0.0, 2.0]]).expand(40_000, 4)
    codes = sampled(posterior)
    torch.testing.assert_close(codes.mean(0), torch.tensor([1.0, -2.0]), atol=0.05, rtol=0)
    torch.testing.assert_close(codes.std(0), torch.tensor([1.0, torch.e]), atol=0.05, rtol=0)


@pytest.mark.parametrize("content", [1.0, 0.3])
def test_the_losses_are_those_of_the_paper(content: float, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    noise = torch.randn(5, 3)
    monkeypatch.setattr(torch, "randn_like", lambda _: noise)
    x, z, G, D = torch.randn(5, 2), torch.randn(5, 3), Encoded(nn.Linear(3, 2), nn.Linear(2, 6), 3), Judge()
    trainer: Any = registry().part("trainer", "vae-gan")
    updates = list(trainer(Networks(G, D, latent_dim=3), lambda: (x, z), content=content, variance=0.2))
    posterior = G.encoder(x)
    rebuilt = G(posterior[:, :3] + (posterior[:, 3:] / 2).exp() * noise)
    fake = G(z)
    likeness = ((D.features(rebuilt) - D.features(x)) ** 2).sum() / (2 * 0.2) / 5
    logs = {name: D(each).sigmoid().log().mean() for name, each in {"rebuilt": rebuilt, "fake": fake}.items()}
    assert [update[0] for update in updates] == [G.encoder, G.decoder, D]
    of_E, of_G, of_D = (update[1] for update in updates)
    torch.testing.assert_close(of_E, divergence(posterior) + likeness)
    torch.testing.assert_close(of_G, content * likeness - logs["rebuilt"] - logs["fake"])
    minimax = D(x).sigmoid().log() + (1 - D(rebuilt).sigmoid()).log() + (1 - D(fake).sigmoid()).log()
    torch.testing.assert_close(of_D, -minimax.mean())


def test_each_update_changes_its_own_part_alone(tiny: Data) -> None:
    training = small_training("vae-gan", tiny, iterations=1)
    (losses,) = run_iterations(training)
    assert list(losses) == ["generator.encoder", "generator.decoder", "discriminator"]


def test_a_trained_generator_encodes_images_as_means(tiny: Data) -> None:
    training = small_training("vae-gan", tiny, iterations=2)
    run_iterations(training)
    G: Any = training.model().networks.generator
    x = torch.rand(3, 1, 8, 8)
    assert torch.equal(G.encode(x), G.encoder(x)[:, :8])


def test_an_exported_generator_makes_the_same(tiny: Data, tmp_path: Path) -> None:
    training = small_training("vae-gan", tiny, iterations=2)
    run_iterations(training)
    assert max(export(training.model(), tmp_path / "g.onnx").batches.values()) <= TOLERANCE
