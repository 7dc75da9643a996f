from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_plugins.ganomaly.networks import Autoencoder
from torch import Tensor, nn

from ganzoo.data import Data, subset
from ganzoo.export import export
from ganzoo.generators.onnx_session import Sampler
from ganzoo.parts.networks import Networks
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import start_training
from ganzoo.training.loop import Training
from tests.support import images, run_iterations

SMALL = {"generator.width": 4, "discriminator.width": 4, "latent_dim": 8, "batch_size": 8}
NORMAL = images(1, 28, 28, 40)


def training(iterations: int, data: Data = NORMAL, **settings: Any) -> Training:
    return start_training(resolve(registry().gan("ganomaly"), SMALL | {"iterations": iterations} | settings), data)


class Judge(nn.Module):
    """A discriminator with features, with the mean of each batch subtracted, as batch normalisation does."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.logits = nn.Linear(2, 4), nn.Linear(4, 1)

    def features(self, samples: Tensor) -> Tensor:
        found: Tensor = self.first(samples)
        return found - found.mean(0)

    def forward(self, samples: Tensor) -> Tensor:
        logits: Tensor = self.logits(self.features(samples))
        return logits


@pytest.mark.parametrize(("adversarial", "pixels", "codes"), [(1.0, 50.0, 1.0), (2.0, 3.0, 0.5)])
def test_the_losses_are_those_of_the_paper(adversarial: float, pixels: float, codes: float) -> None:
    torch.manual_seed(0)
    x, D = torch.randn(6, 2), Judge()
    G = Autoencoder(nn.Linear(2, 3), nn.Linear(3, 2), nn.Linear(2, 3), 3)
    trainer: Any = registry().part("trainer", "ganomaly")
    given = {"adversarial": adversarial, "pixels": pixels, "codes": codes}
    of_G, of_D = trainer(Networks(G, D, latent_dim=3), lambda: (x, torch.randn(6, 3)), **given)
    code = x @ G.encoder.weight.T + G.encoder.bias
    rebuilt = G.decoder(code)
    seen, made = (D.first(each) - D.first(each).mean(0) for each in (x, rebuilt))
    expected = adversarial * ((seen - made) ** 2).sum() / 24
    expected += pixels * (x - rebuilt).abs().sum() / 12
    expected += codes * ((code - G.second(rebuilt)) ** 2).sum() / 18
    assert (of_G[0], of_D[0]) == (G, D)
    torch.testing.assert_close(of_G[1], expected)
    real, fake = D(x).sigmoid(), D(rebuilt).sigmoid()
    torch.testing.assert_close(of_D[1], -(real.log().mean() + (1 - fake).log().mean()) / 2)


def test_the_discriminator_judges_the_reconstructions_of_before_the_generators_update() -> None:
    torch.manual_seed(0)
    x, D = torch.randn(6, 2), Judge()
    G = Autoencoder(nn.Linear(2, 3), nn.Linear(3, 2), nn.Linear(2, 3), 3)
    updates = registry().part("trainer", "ganomaly")(Networks(G, D, latent_dim=3), lambda: (x, x))
    before = G.rebuild(x)
    next(updates)
    with torch.no_grad():
        for weight in G.parameters():
            weight += 1.0
    loss = next(updates)[1]
    expected = -(D(x).sigmoid().log().mean() + (1 - D(before).sigmoid()).log().mean()) / 2
    torch.testing.assert_close(loss, expected)


def test_the_encoders_have_weights_of_their_own_and_all_are_trained() -> None:
    started = training(1)
    G: Any = started.nets.generator
    before = {name: weight.detach().clone() for name, weight in G.named_parameters()}
    assert not before["encoder.0.weight"].equal(before["second.0.weight"])
    run_iterations(started)
    same = [name for name, weight in G.named_parameters() if weight.equal(before[name])]
    assert not [name for name in same if name.endswith("weight")]


def test_the_score_is_the_mean_square_of_the_paper_and_that_of_one_image_is_the_same() -> None:
    started = training(3)
    run_iterations(started)
    model = started.model()
    G: Any = model.networks.generator
    x = torch.from_numpy(NORMAL.samples[:6] / np.float32(127.5) - 1)
    with torch.inference_mode():
        difference = G.encoder(x) - G.second(G.rebuild(x))
    expected = (difference**2).sum(1) / 8
    assert float(expected.min()) > 0
    np.testing.assert_allclose(model.call("generator.score", NORMAL.samples[:6]), expected, rtol=1e-4)
    np.testing.assert_allclose(model.call("generator.score", NORMAL.samples[2:3]), expected[2:3], rtol=1e-4)


def test_z_is_in_units_of_the_codes_of_the_training() -> None:
    """With the momentum of batch normalisation, a tenth of each batch."""
    G = Autoencoder(nn.Identity(), nn.Identity(), nn.Identity(), 2)
    codes = torch.tensor([[10.0, 0.0], [14.0, 2.0]])
    G.observe(codes)
    centre, variance = torch.tensor([1.2, 0.1]), torch.tensor([0.9 + 0.8, 0.9 + 0.2])
    z = torch.tensor([[0.0, 0.0], [1.0, -1.0]])
    torch.testing.assert_close(G(z), centre + z * variance.sqrt())


def test_the_score_can_be_exported(tmp_path: Path) -> None:
    started = training(1)
    run_iterations(started)
    model = started.model()
    export(model, tmp_path / "score.onnx", entry="generator.score")
    scores = Sampler(tmp_path / "score.onnx").call(NORMAL.samples[:5])
    np.testing.assert_allclose(scores, model.call("generator.score", NORMAL.samples[:5]), rtol=1e-4, atol=1e-7)


def test_images_that_it_learned_have_a_low_score() -> None:
    """Of two kinds of images, dark and bright, one is trained on."""
    levels = np.repeat([[60], [200]], 32, axis=1).reshape(-1, 1, 1, 1)
    noise = np.random.default_rng(0).integers(0, 20, (64, 1, 28, 28))
    both = Data(name="both", samples=(levels + noise).astype(np.uint8))
    started = training(100, subset(both, np.arange(32)), lr=2e-3, ema=0.9)
    run_iterations(started)
    scores = started.model().call("generator.score", both.samples[:])
    assert scores[:32].max() < scores[32:].min()
