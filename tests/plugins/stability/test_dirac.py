"""Eigenvalues and trajectories of Dirac-GANs match theory: tables, and results in closed form."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_plugins.stability.dirac import Dirac
from ganzoo_plugins.stability.field import Jacobian
from ganzoo_plugins.stability.players import Line, Mixture, Point, Refined
from ganzoo_plugins.stability.schemes import SCHEMES, spectral_radius, step_limit, trajectory
from ganzoo_plugins.stability.simulation import simulate
from scipy.linalg import expm

from ganzoo.parts.networks import Networks
from ganzoo.parts.task import Task
from ganzoo.parts.trainers import least_squares, non_saturating, wasserstein, wasserstein_gp
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError
from tests.plugins.stability.games import (
    at,
    dirac_of,
    dirac_of_trainer,
    eigenvalues,
    field_of,
    flow,
    instance_noise,
    relativistic,
    saturating,
    wasserstein_family,
    wasserstein_r1,
    with_bias,
)


def near(found: Any, expected: list[complex], accuracy: float = 1e-9) -> bool:
    found = np.sort_complex(np.round(found, 7))
    return np.abs(found - np.sort_complex(np.round(np.array(expected, complex), 7))).max() < max(accuracy, 2e-7)


@pytest.mark.parametrize("gan", sorted(registry().gans))
def test_every_registered_gan_has_a_dirac_gan_that_matches_theory_or_needs_more_parts(gan: str) -> None:
    try:
        game = dirac_of(gan)
    except GanzooError as error:
        one_player = f"the trainer of {gan} does not update 'discriminator.psi' in its first iteration"
        assert str(error).startswith(one_player) or has_missing_part(gan, str(error)), error
        return
    assert len(game.eigenvalues()) == len(game.equilibrium)
    assert game.error() is None or game.error() < 1e-9


def has_missing_part(gan: str, said: str) -> bool:
    """Whether a GAN's own networks have the part, such as an encoder, that its trainer did not find."""
    begin, said = said.split(": ", 1)
    assert begin == f"the trainer of {gan} cannot train networks of one parameter"
    lacking = r"this trainer needs a network with '(?P<part>\w+)', and (?P<network>Point|Line) has none; .*"
    found = re.fullmatch(lacking, said) or re.fullmatch(
        r"AttributeError: '(?P<network>Point|Line)' object has no attribute '(?P<part>\w+)'", said
    )
    if not found:
        return False
    task = Task(shape=(1, 28, 28), range=(-1.0, 1.0), latent_dim=8, num_classes=3)
    kind = {"Point": "generator", "Line": "discriminator"}[found["network"]]
    try:
        network = resolve(registry().gan(gan)).call(kind, task)
    except GanzooError:  # it makes images from images
        network = resolve(registry().gan(gan)).call(kind, replace(task, num_classes=0, condition=task.shape))
    return hasattr(network, found["part"])


def test_a_trainer_that_updates_one_network_alone_has_no_dirac_gan() -> None:
    def alone(nets: Any, draw: Any) -> Any:
        _, z = draw()
        yield nets.generator, nets.generator(z).square().mean()

    with pytest.raises(GanzooError, match=r"simple does not update 'discriminator\.psi' in its first iteration"):
        dirac_of_trainer(alone)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.5j, -0.5j]),
        ({"penalty": 0.3}, [-0.15 + 0.47696960070847j, -0.15 - 0.47696960070847j]),
        ({"penalty": 1}, [-0.5, -0.5]),
        ({"penalty": 2}, [-0.13397459621556, -1.86602540378444]),
        ({"trainer": "least-squares"}, [2j, -2j]),
        ({"trainer": "wgan"}, [1j, -1j]),
        ({"trainer": "wgan-gp", "penalty": 0.1}, [-0.1 + 0.99498743710662j, -0.1 - 0.99498743710662j]),
        ({"trainer": "wgan-gp", "penalty": 0.5}, [-0.5 + 0.86602540378444j, -0.5 - 0.86602540378444j]),
        ({"trainer": "wgan-gp", "penalty": 10}, [-0.05012562893380, -19.9498743710662]),
    ],
)
def test_the_table_of_eigenvalues(settings: dict[str, Any], expected: list[complex]) -> None:
    game = dirac_of("simple", **settings)
    assert near(game.eigenvalues(), expected)
    assert game.theory is not None
    assert near(np.array(game.theory), expected)


@pytest.mark.parametrize(
    ("trainer", "settings", "expected"),
    [
        (saturating, {}, [0.5j, -0.5j]),
        (relativistic, {}, [0.5j, -0.5j]),
        (relativistic, {"penalty": 0.3}, [-0.3 + 0.4j, -0.3 - 0.4j]),
        (wasserstein_r1, {"penalty": 0.3}, [-0.15 + 0.98868599666426j, -0.15 - 0.98868599666426j]),
        (instance_noise, {"sd": 0.5}, [-0.0625 + 0.49607837082461j, -0.0625 - 0.49607837082461j]),
        (instance_noise, {"sd": 0.7}, [-0.1225 + 0.48476153931598j, -0.1225 - 0.48476153931598j]),
        (instance_noise, {"sd": 1.0}, [-0.25 + 0.43301270189222j, -0.25 - 0.43301270189222j]),
    ],
)
def test_trainers_of_others_have_a_dirac_gan(trainer: Any, settings: dict[str, float], expected: list[complex]) -> None:
    game = dirac_of_trainer(trainer, **settings)
    assert near(game.eigenvalues(), expected)
    assert game.theory is None
    assert game.error() is None


def test_a_bias_adds_an_eigenvalue() -> None:
    assert near(eigenvalues(field_of(with_bias(), non_saturating)), [0.5j, -0.5j, -0.5])
    assert near(eigenvalues(field_of(with_bias(), least_squares)), [2j, -2j, -4])
    assert near(eigenvalues(field_of(with_bias(), wasserstein, clip=1.0)), [1j, -1j, 0])


def test_rare_classes_rotate_slowest() -> None:
    expected = [sign * share * 0.5j for share in (1 / 2, 1 / 3, 1 / 6) for sign in (1, -1)]
    assert near(dirac_of("cgan").eigenvalues(), expected)


def test_the_step_limit() -> None:
    for penalty, limit, growth in ((0.3, 1.2, 0.98615415), (1, 4, 0.95)):
        found = dirac_of("simple", penalty=penalty).eigenvalues()
        assert step_limit(found) == pytest.approx(limit, abs=1e-6)
        assert spectral_radius(found, 0.1) == pytest.approx(growth, abs=1e-7)
    assert step_limit(dirac_of("simple").eigenvalues()) == 0


@pytest.mark.parametrize(
    ("scheme", "factor"),
    [
        ("simultaneous", lambda z: 1 + z),
        ("extragradient", lambda z: 1 + z + z**2),
        ("rk4", lambda z: 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24),
    ],
)
def test_the_factor_of_a_step(scheme: str, factor: Any) -> None:
    game, h = dirac_of("simple", penalty=0.3), 0.2
    assert near(np.linalg.eigvals(step_matrix(game, scheme, h)), [factor(h * z) for z in game.eigenvalues()])


@pytest.mark.parametrize(("discriminator_steps", "angle"), [(1, 0.10004171361), (5, 0.22407528530)])
def test_alternating_steps_rotate_at_a_constant_radius(discriminator_steps: int, angle: float) -> None:
    found = np.linalg.eigvals(step_matrix(dirac_of("simple"), "alternating", 0.2, discriminator_steps))
    assert np.abs(found) == pytest.approx(1, abs=1e-8)
    assert np.abs(np.angle(found)) == pytest.approx(angle, abs=1e-8)


def step_matrix(game: Dirac, scheme: str, h: float, discriminator_steps: int = 1) -> Any:
    """A step as a linear map, near the equilibrium."""
    size = 1e-5
    step = SCHEMES[scheme]
    columns = [step(game.field, size * e, h, discriminator_steps) / size for e in torch.eye(2, dtype=torch.float64)]
    return torch.stack(columns, 1).numpy()


# Trajectories. The order of the weights is that of the updates: psi, then theta.


def test_the_saturating_loss_conserves_the_radius() -> None:
    end = flow(field_of(at(0, 0), saturating), [1, 1], 30).y[:, -1]
    assert np.hypot(*end) == pytest.approx(math.sqrt(2), abs=1e-7)


def test_the_non_saturating_loss_converges_like_the_root_of_time() -> None:
    field = field_of(at(0, 0), non_saturating)
    assert np.hypot(*flow(field, [1, 1], 100, 1e-7).y[:, -1]) == pytest.approx(0.2783, abs=1e-4)
    late = np.hypot(*flow(field, [0.1, 0], 100, 1e-7).y[:, -1])
    assert late == pytest.approx((1 / 0.1**2 + 100 / 8) ** -0.5, rel=1e-3)


@pytest.mark.parametrize(("h", "measured"), [(0.1, 0.44709), (0.2, 0.63178)])
def test_simultaneous_steps_stall_on_a_circle(h: float, measured: float) -> None:
    field = field_of(at(0, 0), non_saturating)
    begin = torch.tensor([math.sqrt(2 * h), 0], dtype=torch.float64)
    path = trajectory(field, begin, "simultaneous", steps=500, lr=h)[-200:]
    radius = path.norm(dim=1).mean().item()
    assert radius == pytest.approx(math.sqrt(2 * h), rel=2e-3)
    assert radius == pytest.approx(measured, abs=2e-4)


def test_a_clipped_critic_ends_on_a_circle_with_the_radius_of_its_clip() -> None:
    game = dirac_of("wgan", clip=0.3)
    path = trajectory(game.field, game.start, "rk4", steps=300, lr=0.04)[-160:]
    assert path[:, 1].abs().max().item() == pytest.approx(0.3, rel=1e-3)
    assert path.norm(dim=1).min().item() == pytest.approx(0.3, rel=1e-3)


@pytest.mark.parametrize(
    ("scheme", "discriminator_steps", "largest"),
    [("simultaneous", 1, 1.170), ("alternating", 1, 1.0), ("alternating", 5, 0.447)],
)
def test_a_clipped_critic_in_steps(scheme: str, discriminator_steps: int, largest: float) -> None:
    game = dirac_of("wgan", clip=1)
    options: dict[str, Any] = {"steps": 150, "lr": 0.2, "discriminator_steps": discriminator_steps}
    path = trajectory(game.field, game.start, scheme, **options)[-60:]
    assert path[:, 1].abs().max().item() == pytest.approx(largest, abs=0.02)


@pytest.mark.parametrize("penalty", [0.35, 0.5])
def test_the_gradient_penalty_has_a_limit_cycle(penalty: float) -> None:
    """Where psi = 0, theta = +-c (1 + rho)/(1 - rho), with c twice the penalty."""
    c = 2 * penalty
    rho = math.exp(-math.pi * c / math.sqrt(4 - c**2))
    expected = c * (1 + rho) / (1 - rho)

    def crossing(_: float, w: Any) -> float:
        return float(w[0])

    crossing.terminal = False  # type: ignore[attr-defined]
    field = field_of(at(0, 1), wasserstein_gp, penalty=penalty, critic_steps=1)
    path = flow(field, [1e-9, -1.05 * expected], 11, 1e-6, events=crossing)
    x, y, z = np.abs(path.y_events[0][:3, 1])
    assert (z - y) / (y - x) == pytest.approx(rho, rel=1e-2)  # each half turn approaches the cycle by that factor
    assert z - (z - y) ** 2 / (z - 2 * y + x) == pytest.approx(expected, rel=1e-4)


# skip-GAN


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("w", [0.3, 0.5, 1.0])
def test_the_frequency_of_a_skip_gan(p: float, w: float) -> None:
    kappa = math.sqrt(w**2 + p**2 / w**2)
    game = dirac_of("skip-gan-tabular", bias=p, weight=w)
    assert near(game.eigenvalues(), [0, 0.5j * kappa, -0.5j * kappa])
    assert game.seen(game.equilibrium).abs().max() < 1e-7
    penalised = field_of(Networks(Mixture(w, p), Line(), latent_dim=1), non_saturating, penalty=3 * kappa)
    root = math.sqrt(9 / 4 - 1 / 4) * kappa
    assert near(eigenvalues(penalised), [0, -1.5 * kappa + root, -1.5 * kappa - root])


def test_a_constant_skip_only_slows_the_rotation() -> None:
    mixture = Mixture(0.3, 0.5)
    mixture.weight.requires_grad_(False)
    assert near(eigenvalues(field_of(Networks(mixture, Line(), latent_dim=1), non_saturating)), [0.15j, -0.15j])


def test_a_wrong_prior_with_a_small_weight_rotates_faster() -> None:
    game = dirac_of("skip-gan-tabular", bias=0.5, weight=0.3)
    assert np.abs(game.eigenvalues()).max() == pytest.approx(0.84672571977, abs=1e-6)


# privileged-GAN


def test_a_double_eigenvalue_is_no_miss_of_theory() -> None:
    """Rounding moves the two eigenvalues by its square root, and hardly their sum and product."""
    game = dirac_of("wgan-gp", penalty=1)
    assert game.theory == (-1, -1)
    assert np.abs(game.eigenvalues() + 1).max() > 1e-7
    assert game.error() is not None
    assert game.error() < 1e-9


JOINT = {"parent_training": "joint", "reconstruction": 0, "penalty": 0}


def test_a_child_resonates_with_its_parent() -> None:
    game = dirac_of("privileged-v1", **JOINT)
    J = Jacobian(game.field, game.equilibrium).dense().numpy()
    assert near(game.eigenvalues(), [0.5j, 0.5j, -0.5j, -0.5j], 1e-6)
    lengths = np.linalg.svd(J - 0.5j * np.eye(4), compute_uv=False)
    assert lengths[-1] < 1e-9  # the double eigenvalue has one eigenvector, so perturbations grow
    assert lengths[-2] > 0.1
    assert amplitude(J, 400) == pytest.approx(400 / 4, rel=5e-3)


def test_wasserstein_losses_resonate_twice_as_fast() -> None:
    parent = Networks(Point(), Line(), latent_dim=1)
    field = field_of(Networks(Refined(parent.generator), Line(), parent, latent_dim=1), wasserstein_family)
    J = Jacobian(field, field.start).dense().numpy()
    for time in (50, 100, 200, 400):
        assert amplitude(J, time) == pytest.approx(time / 2, rel=1e-2)


def test_a_penalty_removes_the_resonance() -> None:
    damped = dirac_of("privileged-v1", **JOINT | {"penalty": 0.3})
    J = Jacobian(damped.field, damped.equilibrium).dense().numpy()
    assert max(amplitude(J, time) for time in np.linspace(0, 400, 200)) < 4
    assert damped.error() is not None
    assert damped.error() < 1e-6


def amplitude(J: Any, time: float) -> float:
    """How far a child leaves its equilibrium when its parent starts at radius 1."""
    return float(np.linalg.norm((expm(J * time) @ [1, 0, 0, 0])[2:]))


def test_the_verdicts() -> None:
    def verdict(scheme: str, **settings: Any) -> str:
        return simulate(("simple",), dirac_of("simple", **settings), scheme, steps=400, lr=0.25).verdict

    assert verdict("alternating", trainer="wgan", clip=9) == "circles at radius 1.41"
    assert verdict("simultaneous", trainer="wgan", clip=9).startswith("limit cycle of radius")
    assert verdict("simultaneous", penalty=0.3).startswith("converges like exp(-0.1")
    assert verdict("alternating").startswith("converges like t^-0.4")
    assert verdict("simultaneous", trainer="wgan-gp", penalty=10).startswith("diverges")


def test_a_trainer_that_needs_other_networks_is_refused() -> None:
    def wide(nets: Any, draw: Any) -> Any:
        yield nets.generator, nets.generator.encoder(draw()[0]).mean()

    with pytest.raises(GanzooError, match="the trainer of simple cannot train networks of one parameter: Attr"):
        dirac_of_trainer(wide)
    with pytest.raises(GanzooError, match=r"weight=0\.0 switches off the generator"):
        dirac_of("skip-gan", weight=0)
