from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ganzoo_plugins.began.networks import Autoencoder
from torch import nn

from ganzoo.data import Data, load
from ganzoo.evaluation.discriminator import evaluate_discriminator
from ganzoo.evaluation.reference import load_splits
from ganzoo.export import TOLERANCE, export
from ganzoo.parts.networks import Networks
from ganzoo.registry.registry import registry
from tests.support import differing, run_iterations, small_training, snapshot


def test_the_losses_are_those_of_the_paper() -> None:
    """Of two iterations, the second with a k above 0."""
    torch.manual_seed(0)
    real, z, G = torch.randn(5, 2), torch.randn(5, 3), nn.Linear(3, 2)
    D = Autoencoder(nn.Linear(2, 2), nn.Linear(2, 2))
    trainer: Any = registry().part("trainer", "began")

    def error(samples: torch.Tensor) -> torch.Tensor:
        """Of a pixel."""
        return (samples - D.decoder(D.encoder(samples))).abs().mean()

    k = 0.0
    for _ in range(2):
        (first, of_D), (second, of_G, metrics) = trainer(
            Networks(G, D, latent_dim=3), lambda: (real, z), gamma=2.0, k_rate=0.1
        )
        balance = (2.0 * error(real) - error(G(z))).item()
        assert (first, second) == (D, G)
        torch.testing.assert_close(of_D, error(real) - k * error(G(z)))
        torch.testing.assert_close(of_G, error(G(z)))
        assert float(metrics["convergence"]) == pytest.approx(error(real).item() + abs(balance))
        assert float(metrics["k"]) == pytest.approx(k)
        k = min(max(k + 0.1 * balance, 0), 1)
        assert float(D.k) == pytest.approx(k)
        assert k > 0


@pytest.mark.parametrize(("gamma", "limit"), [(1000.0, 1.0), (0.0, 0.0)])
def test_k_stays_between_0_and_1(gamma: float, limit: float) -> None:
    torch.manual_seed(0)
    real, z, G = torch.randn(5, 2), torch.randn(5, 3), nn.Linear(3, 2)
    D = Autoencoder(nn.Linear(2, 2), nn.Linear(2, 2))
    trainer: Any = registry().part("trainer", "began")
    list(trainer(Networks(G, D, latent_dim=3), lambda: (real, z), gamma=gamma, k_rate=1.0))
    assert float(D.k) == limit


def test_the_output_is_minus_the_error_of_each_sample() -> None:
    D = Autoencoder(
        nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (1, 2, 2)))
    )
    samples = torch.randn(5, 1, 2, 2)
    rebuilt = D.reconstruct(samples)
    assert rebuilt.shape == samples.shape
    torch.testing.assert_close(D(samples).flatten(), -(samples - rebuilt).abs().mean((1, 2, 3)))


def test_a_checkpoint_holds_k(tiny: Data) -> None:
    whole, first, second = (small_training("began", tiny, iterations=4, k_rate=10.0) for _ in range(3))
    run_iterations(first, 2)
    halfway = snapshot(first)
    assert halfway["networks.discriminator.k"] > 0
    second.load(halfway, "the checkpoint")
    run_iterations(whole)
    run_iterations(second)
    assert differing(whole.state(), second.state()) == []


def test_its_discriminator_is_evaluated_with_a_threshold_found_on_samples() -> None:
    training = small_training("began", "mnist-10k", iterations=2)
    run_iterations(training)
    model = training.model()
    model.networks.eval()
    found, notes = evaluate_discriminator(model, load_splits(load("mnist-10k")))
    assert not notes
    assert found["discriminator_threshold"] < 0


def test_an_exported_generator_makes_the_same(tiny: Data, tmp_path: Path) -> None:
    training = small_training("began", tiny, iterations=2)
    run_iterations(training)
    assert max(export(training.model(), tmp_path / "g.onnx").batches.values()) <= TOLERANCE
