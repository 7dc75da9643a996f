from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_plugins.infogan.networks import Coded
from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.export import TOLERANCE, export
from ganzoo.generators.latents import latents
from ganzoo.generators.weights import Model
from ganzoo.parts.networks import Networks
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.training.batches import draw_latents
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations, small_training


class Judge(nn.Module):
    """Two heads on the samples themselves."""

    def __init__(self, read: int) -> None:
        super().__init__()
        self.features, self.logits, self.q = nn.Identity(), nn.Linear(2, 1), nn.Linear(2, read)

    def forward(self, samples: Tensor) -> Tensor:
        logits: Tensor = self.logits(samples)
        return logits


def coded() -> Coded:
    """z has three categories, two continuous codes and one number of noise."""
    return Coded(nn.Linear(6, 2), categories=3, codes=2, latent_dim=6)


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_the_losses_are_those_of_the_paper(weight: float) -> None:
    torch.manual_seed(0)
    real, z, G, D = torch.randn(5, 2), torch.randn(5, 6), coded(), Judge(5)
    trainer: Any = registry().part("trainer", "infogan")
    (_, of_D, metrics), (_, of_G) = trainer(Networks(G, D, latent_dim=6), lambda: (real, z), information=weight)
    fake = G(z)
    category = [max(range(3), key=lambda place: float(row[place])) for row in z]
    read = D.q(fake)
    likelihood = read[:, :3].exp()[range(5), category] / read[:, :3].exp().sum(1)
    code = -likelihood.log().mean() + ((z[:, 3:5] - read[:, 3:]) ** 2).sum() / 2 / 5
    source = -(D(real).sigmoid().log() + (1 - D(fake).sigmoid()).log()).mean()
    torch.testing.assert_close(of_D, source + weight * code)
    torch.testing.assert_close(of_G, -D(fake).sigmoid().log().mean() + weight * code)
    assert metrics["category_accuracy"] == (read[:, :3].argmax(1) == torch.tensor(category)).float().mean()


def test_the_category_is_a_one_hot_vector_and_the_codes_are_as_they_are_drawn() -> None:
    net = nn.Identity()
    G = Coded(net, categories=3, codes=2, latent_dim=6)
    z = torch.tensor([[0.1, 0.3, -1.0, 7.0, 8.0, 9.0], [-0.2, -0.3, -0.1, 1.0, 2.0, 3.0]])
    assert G(z).tolist() == [[0, 1, 0, 7, 8, 9], [0, 0, 1, 1, 2, 3]]
    assert G(z, category=0).tolist() == [[1, 0, 0, 7, 8, 9], [1, 0, 0, 1, 2, 3]]
    category, codes = G.code(z)
    assert category.tolist() == [1, 2]
    assert codes.tolist() == [[7, 8], [1, 2]]
    for wrong in (-1, 3):
        with pytest.raises(GanzooError, match=f"category={wrong} is out of range; it is a whole number up to 2"):
            G(z, category=wrong)


@pytest.mark.parametrize("distribution", ["normal", "uniform", "sphere"])
def test_every_category_is_equally_probable(distribution: str) -> None:
    z = draw_latents(4000, 6, distribution, torch.device("cpu"))
    shares = coded().code(z)[0].bincount(minlength=3) / 4000
    assert (shares - 1 / 3).abs().max() < 0.03


@pytest.mark.parametrize("kind", ["infogan-dense", "infogan-conv"])
def test_z_is_longer_by_the_code(kind: str) -> None:
    task = Task(shape=(1, 8, 8), range=(-1.0, 1.0), latent_dim=6)
    recipe = resolve(registry().gan("infogan"), {"generator": kind, "discriminator": kind})
    G, D = recipe.call("generator", task), recipe.call("discriminator", task)
    assert G.latent_dim == 6 + 10 + 2
    assert D.q(D.features(G(torch.randn(3, 18)))).shape == (3, 12)


def test_a_head_of_another_size_is_refused(tiny: Data) -> None:
    with pytest.raises(GanzooError, match=r"a code of 5 categories and 2 values, .* set discriminator.code=7"):
        run_iterations(small_training("infogan", tiny, categories=5))
    run_iterations(small_training("infogan", tiny, iterations=1, categories=5, code=7))


def test_an_exported_generator_makes_the_same(tiny: Data, tmp_path: Path) -> None:
    training = small_training("infogan", tiny, iterations=2)
    run_iterations(training)
    assert max(export(training.model(), tmp_path / "g.onnx").batches.values()) <= TOLERANCE


def test_a_category_can_be_asked_for_when_sampling(tiny: Data) -> None:
    training = small_training("infogan", tiny, iterations=2)
    run_iterations(training)
    model = training.model()
    usual, third = model.sample(20), model.sample(20, category=3)
    z = torch.from_numpy(np.stack([latent(seed, model) for seed in range(20)]))
    drawn = model.networks.generator.code(z)[0] == 3  # type: ignore[operator]
    assert 0 < drawn.sum() < 20
    for same, one, other in zip(drawn, usual, third, strict=True):
        assert np.allclose(one, other, atol=1e-6) == bool(same)
    with pytest.raises(GanzooError, match="category=10 is out of range"):
        model.sample(2, category=10)


def latent(seed: int, model: Model) -> np.ndarray:
    return latents([seed], model.metadata.latent_dim)[0]
