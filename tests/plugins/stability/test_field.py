"""The field is that of the training loop, its products are those of the dense Jacobian, and it has no side effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_plugins.stability.field import Field, Jacobian
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev

from ganzoo import data as datasets
from ganzoo.data import Data
from ganzoo.parts.losses import mean, zero_gradient_penalty
from ganzoo.parts.networks import Networks
from ganzoo.parts.trainers import non_saturating, wasserstein, wasserstein_gp
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import first_samples, start_training
from ganzoo.training.batches import draw_latents
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import images, snapshot

SMALLEST = {
    "widths": (4,),
    "width": 2,
    "hidden": "tanh",
    "latent_dim": 3,
    "embedding": 2,
    "components": 2,
    "repeats": 2,
    "critic_steps": 2,
    "batch_size": 5,
    "clip": 10.0,
    "reconstruction": 0.0,
    "l1": 0.0,
    "cycle": 0.0,
    "identity": 0.0,
    "blocks": 1,
    "growth": 2,
    "adversarial": 1.0,
    "feature_matching": 0.0,
    "flips": False,
}


def smallest(gan: str, **settings: Any) -> Recipe:
    """A registered GAN with a few smooth hidden units."""

    def shrunk(recipe: Recipe) -> dict[str, Any]:
        own = {
            f"{part}.{name}": SMALLEST[name]
            for part, values in recipe.values.items()
            for name in values.keys() & SMALLEST.keys()
        }
        return own | ({f"parent.{key}": value for key, value in shrunk(recipe.parent).items()} if recipe.parent else {})

    return resolve(registry().gan(gan), shrunk(resolve(registry().gan(gan), settings)) | settings)


def data_for(recipe: Recipe) -> Data:
    """Vectors ``(2,)``, or the GAN's own regression."""
    if recipe.gan.conditional and "skip" in recipe.gan.name:
        return first_samples(datasets.load(recipe.gan.data))
    random = np.random.default_rng(0)
    samples = random.normal(size=(45, 2)).astype(np.float32)
    return Data(name="vectors", samples=samples, labels=np.arange(45) % 3, classes=("a", "b", "c"))


def begun(recipe: Recipe) -> tuple[Training, tuple[Tensor, ...]]:
    """A training, and one batch for it."""
    noise = images(1, 8, 8)
    given = noise.samples[::-1]  # of the same size or smaller
    pairs = (replace(noise, conditions=each.copy(), sha256="") for each in (given, given[..., ::2, ::2]))
    labelled = replace(noise, labels=np.arange(len(noise)) % 3, classes=("a", "b", "c"))
    for data in (data_for(recipe), noise, labelled, *pairs, images(1, 16, 16)):
        try:
            made = start_training(recipe, data)
            break
        except GanzooError:  # its networks are made for images, or for images from images
            continue
    real, *condition = made.batches.next()
    torch.manual_seed(3)
    return made, (real, draw_latents(len(real), made.nets.latent_dim, "normal", torch.device("cpu")), *condition)


def field_of(recipe: Recipe) -> Field:
    made, batch = begun(recipe)
    return Field(made.nets, partial(recipe.train, iteration=1), batch)


def spectrum(matrix: Tensor) -> np.ndarray[Any, Any]:
    return np.sort_complex(torch.linalg.eigvals(matrix).numpy())


@pytest.mark.parametrize("gan", sorted(registry().gans))
def test_the_products_are_those_of_the_dense_jacobian(gan: str) -> None:
    field = field_of(smallest(gan))
    J = Jacobian(field, field.start)
    random = torch.Generator().manual_seed(0)
    u = torch.randn(J.size, dtype=torch.float64, generator=random)
    some = torch.randperm(J.size, generator=random)[:80]  # all, but of the convolutional ones
    dense = torch.autograd.functional.jacobian(lambda w: field(w)[some], field.start)
    s = torch.zeros_like(u)
    s[some] = u[some]
    assert J.size == len(field.start)
    assert J.v.abs().max() > 0
    assert ((J @ u)[some] - dense @ u).abs().max() < 1e-10 * dense.abs().max()
    assert (J.transposed(s) - dense.T @ s[some]).abs().max() < 1e-10 * dense.abs().max()


@pytest.mark.parametrize("gan", sorted(registry().gans))
def test_the_jacobian_is_the_derivative_of_the_field(gan: str) -> None:
    field = field_of(smallest(gan))
    aside, u = torch.randn(2, len(field.start), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    here = field.projected(field.start + 0.01 * aside)  # away from the kinks of units whose bias is 0
    step = 1e-7
    change = (field(here + step * u) - field(here - step * u)) / (2 * step)
    assert (Jacobian(field, here) @ u - change).norm() < 1e-5 * change.norm()


def test_losses_written_by_hand_have_the_same_field_and_jacobian() -> None:
    """By the transforms of torch.func, without autograd graphs."""
    made, (real, z) = begun(smallest("simple", **{"generator.norm": "none"}))
    real, z, nets = real.double(), z.double(), made.nets.double()
    field = Field(nets, non_saturating, (real, z))

    def logits(player: str, w: Tensor, *inputs: Tensor) -> Tensor:
        own = {name.removeprefix(f"{player}."): part for name, part in field.named(w).items() if player in name}
        return functional_call(nets.get_submodule(player), own, inputs)

    def loss(player: str, w: Tensor) -> Tensor:
        on_fake = logits("discriminator", w, logits("generator", w, z))
        if player == "generator":
            return nn.functional.softplus(-on_fake).mean()
        on_real = logits("discriminator", w, real)
        return nn.functional.softplus(-on_real).mean() + nn.functional.softplus(on_fake).mean()

    def by_hand(w: Tensor) -> Tensor:
        return -torch.cat([grad(partial(loss, player))(w)[own] for player, own in field.players.items()])

    assert torch.allclose(field(field.start), by_hand(field.start), rtol=0, atol=1e-12)
    dense = jacrev(by_hand)(field.start)
    assert (Jacobian(field, field.start).dense() - dense).abs().max() < 1e-10 * dense.abs().max()


@pytest.mark.parametrize("gan", ["simple", "wgan-gp", "privileged-v2", "skip-gan"])
def test_the_first_update_of_a_training_follows_the_field(gan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, batch = begun(smallest(gan, optimizer="sgd"))
    field = Field(made.nets, partial(made.recipe.train, iteration=1), batch, seed=4)
    before = field.vector(made.nets)
    torch.manual_seed(4)
    real, z, *condition = batch
    monkeypatch.setattr("ganzoo.training.loop.draw_latents", lambda *_: z)
    network, loss, *_ = next(made.updates(lambda: (real, *condition)))
    player = made.update(network, loss)
    change = (field.vector(made.nets) - before) / 1e-2
    expected = torch.zeros_like(change)
    expected[field.players[player]] = field(before)[field.players[player]]
    assert (change - expected).abs().max() < 1e-4 * expected.abs().max()


def test_weights_of_several_updates_follow_the_sum_of_their_gradients() -> None:
    def trainer(nets: Networks, draw: Any) -> Any:
        real, z = draw()
        yield nets.discriminator, nets.discriminator(real).square().mean()
        yield (nets.generator, nets.discriminator[1]), nets.discriminator(nets.generator(z)).mean()

    made, batch = begun(smallest("simple"))
    field = Field(made.nets, trainer, batch)
    w = field.start.clone().requires_grad_()
    losses = field.losses(w)
    assert list(losses) == ["discriminator", "generator+discriminator.1"]
    by_update = {name: torch.autograd.grad(loss, w, retain_graph=True)[0] for name, loss in losses.items()}
    expected = torch.zeros_like(field.start)
    D, G = field.players["discriminator"], field.players["generator"]
    expected[D] = by_update["discriminator"][D]
    part = {name for name, _ in made.nets.named_parameters() if name.startswith("discriminator.1.")}
    inside = torch.cat([torch.full((p.numel(),), n in part) for n, p in made.nets.named_parameters() if "discr" in n])
    expected[D] += by_update["generator+discriminator.1"][D] * inside
    expected[G] = by_update["generator+discriminator.1"][G]
    assert 0 < inside.sum() < len(inside)
    torch.testing.assert_close(field(field.start), -expected)


def test_the_field_of_the_discriminator_depends_on_the_generator() -> None:
    field = field_of(smallest("wgan-gp"))
    dense = Jacobian(field, field.start).dense()
    D, G = field.players["discriminator"], field.players["generator"]
    assert dense[D, G].abs().max() > 0.01
    assert dense[G, D].abs().max() > 0.01


@pytest.mark.parametrize("signal", ["none", "failures", "critic", "offset"])
def test_a_privileged_child_does_not_affect_its_parent(signal: str) -> None:
    settings = {"parent_training": "joint", "parent_signal": signal, "penalty": 0.3}
    field = field_of(smallest("privileged-v1", **settings))
    dense = Jacobian(field, field.start).dense()
    own = [place for player, places in field.players.items() for place in range(len(dense))[places]]
    assert own == list(range(len(dense)))
    end = field.players["parent.generator"].stop
    assert dense[:end, end:].eq(0).all()
    assert dense[end:, :end].abs().max() > 0
    union = np.sort_complex(np.concatenate([spectrum(dense[:end, :end]), spectrum(dense[end:, end:])]))
    assert np.abs(spectrum(dense) - union).max() < 1e-10


@pytest.mark.parametrize("gan", ["dcgan", "privileged-v1", "skip-gan"])
def test_it_has_no_side_effects_and_is_deterministic(gan: str) -> None:
    made, batch = begun(smallest(gan, **({"norm": "batch"} if gan == "dcgan" else {})))
    before = snapshot(made)
    outside = torch.get_rng_state()
    field = Field(made.nets, partial(made.recipe.train, iteration=1), batch)
    once = field(field.start)
    assert field.projected(field.start).equal(field.start)
    assert field(field.start).equal(once)
    assert all(tensor.equal(before[name]) for name, tensor in snapshot(made).items())
    assert torch.get_rng_state().equal(outside)


def test_dropout_is_off_and_random_targets_have_a_fixed_seed() -> None:
    made, batch = begun(smallest("simple", **{"discriminator.dropout": 0.5, "smoothing": 0.1}))
    with_dropout = Field(made.nets, partial(non_saturating, smoothing=0.1), batch)
    assert with_dropout(with_dropout.start).equal(with_dropout(with_dropout.start))
    for module in made.nets.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    without = Field(made.nets, partial(non_saturating, smoothing=0.1), batch)
    assert with_dropout(without.start).equal(without(without.start))


def test_weights_at_the_bound_of_a_clip_are_left_out() -> None:
    made, batch = begun(smallest("wgan"))
    clip = 0.1
    field = Field(made.nets, partial(wasserstein, clip=clip), batch)
    D = field.players["discriminator"]
    assert field.start[D].abs().max() == clip  # the initial weights are projected
    v, free = field(field.start), field.free(field.start)
    at = field.start.abs() == clip
    outwards = at & (v.sign() == field.start.sign())
    assert 0 < outwards[D].sum() < at[D].sum()
    assert free[D].equal(~outwards[D])
    assert free[field.players["generator"]].all()
    J = Jacobian(field, field.start)
    assert J.size == free.sum()
    assert J.v.equal(v[free])


def test_the_weight_of_a_skip_stays_within_its_bounds() -> None:
    field = field_of(smallest("skip-gan", weight=1.0))
    place = int(field.named(torch.arange(len(field.start)))["generator.weight"])
    beyond = field.start.clone()
    beyond[place] = 1.5
    assert field.projected(beyond)[place] == 1


def test_a_trainer_may_clip_in_any_way() -> None:
    def clipping(nets: Any, draw: Any) -> Iterator[Any]:
        for network, loss in updates(nets, draw):
            yield network, loss
            for weight in network.parameters():
                weight.data.clamp_(-0.2, 0.2)

    def updates(nets: Any, draw: Any) -> Iterator[Any]:
        yield from (update[:2] for update in wasserstein_gp(nets, draw, critic_steps=2))

    made, batch = begun(smallest("wgan-gp"))
    field = Field(made.nets, clipping, batch)
    assert field.start.abs().max() == 0.2
    J = Jacobian(field, field.start)
    assert 0 < J.size < len(field.start)


def test_a_weight_in_two_layers_counts_once() -> None:
    class Folded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(2, 2), nn.Linear(2, 2)
            self.last.weight = self.first.weight

        def forward(self, z: Tensor) -> Tensor:
            return self.last(self.first(z).tanh())  # type: ignore[no-any-return]

    def trainer(nets: Any, draw: Any) -> Iterator[Any]:
        real, z = draw()
        D, G = nets.discriminator, nets.generator
        yield D, mean(D(G(z))) - mean(D(real)) + zero_gradient_penalty(D, real)
        yield G, -mean(D(G(z)))

    torch.manual_seed(0)
    nets = Networks(Folded(), nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)), latent_dim=2)
    field = Field(nets, trainer, (torch.randn(6, 2), torch.randn(6, 2)))
    G = field.players["generator"]
    assert G.stop - G.start == 8
    change = field.start.clone()
    change[G] += 1e-7
    J = Jacobian(field, field.start)
    assert torch.allclose((field(change) - J.v) / 1e-7, J @ (change - field.start) / 1e-7, atol=1e-6)


def test_players_that_share_weights_are_refused() -> None:
    shared = nn.Linear(2, 2)
    nets = Networks(shared, nn.Sequential(shared, nn.Linear(2, 1)), latent_dim=2)
    with pytest.raises(GanzooError, match="share weights"):
        Field(nets, non_saturating, (torch.zeros(3, 2), torch.zeros(3, 2)))
