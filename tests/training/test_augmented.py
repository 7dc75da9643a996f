"""What a discriminator sees in training: an augmentation, and images that are kept back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.data import Data
from ganzoo.parts import augmentable, bce, without_grad
from ganzoo.registry.registry import registry
from ganzoo.training.augmented import kept_back
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import DENSE, differing, run_iterations, small_training, snapshot


def pictures(count: int, shape: tuple[int, ...] = (3, 8, 8)) -> Data:
    return Data(name="pictures", samples=np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8))


FEW = pictures(60)


class Spy(nn.Module):
    """An augmentation that adds 100 and remembers what it is given."""

    about = "a constant"

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, ...]] = []

    def forward(self, samples: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        self.seen.append((samples.detach(), *others))
        return samples + 100, *others


def with_spy(name: str = "simple", **settings: Any) -> tuple[Training, Spy]:
    spy = Spy()
    training = small_training(replace(registry().gan(name), augmentation=lambda task: spy), FEW, **settings)
    return training, spy


def test_real_and_generated_images_are_augmented_in_training_alone() -> None:
    training, spy = with_spy()
    given: list[Tensor] = []
    training.nets.discriminator[0].register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    next(training)
    assert len(spy.seen) == 3, "real, generated, and generated again for G"
    assert all(inputs.min() > 90 for inputs in given)
    training.nets.discriminator.eval()
    training.nets.discriminator(torch.zeros(2, 3, 8, 8))
    assert given[-1].abs().max() == 0
    samples = training.model().sample(3)
    assert np.abs(samples).max() <= 1
    assert len(spy.seen) == 3


def test_a_gradient_penalty_is_of_the_images_before_the_augmentation() -> None:
    training, spy = with_spy("wgan-gp", critic_steps=1)
    next(training)
    assert len(spy.seen) == 4
    between = spy.seen[2][0]
    assert between.abs().max() <= 1, "what the penalty is taken at is no augmented image"


def test_heads_see_augmented_images_too() -> None:
    labelled = replace(FEW, labels=np.arange(60) % 2, classes=("a", "b"), sha256="")
    spy = Spy()
    gan = replace(registry().gan("acgan"), augmentation=lambda task: spy)
    settings: dict[str, Any] = {
        "generator": "cgan-dense",
        "discriminator": "acgan-dense",
        **DENSE,
        "batch_size": 8,
        "iterations": 2,
    }
    training = ganzoo.train(gan, labelled, device="cpu", precision="fp32", **settings)
    given: list[Tensor] = []
    training.nets.discriminator.features[0].register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    next(training)
    assert len(spy.seen) == len(given) >= 3
    assert all(inputs.min() > 90 for inputs in given)


def test_a_tenth_of_few_images_is_kept_back_and_never_trained_on() -> None:
    training = small_training("simple", FEW, augmentation="auto", iterations=40)
    kept = training.kept_back
    assert kept is not None
    assert len(kept) == 6
    assert training.batches.trained_on == 54
    seen = set()
    for _ in range(30):
        (batch,) = training.batches.fetch()
        seen |= {image.numpy().tobytes() for image in batch}
    assert seen == {image.tobytes() for place, image in enumerate(FEW.samples) if place not in kept}
    looked_at = training.batches.look(0, kept=True)[0]
    expected = torch.from_numpy(FEW.samples[kept]) / 127.5 - 1
    assert all(any(torch.allclose(one, other, atol=1e-6) for other in expected) for one in looked_at)


def test_how_many_are_kept_back() -> None:
    assert [len(kept_back(pictures(count))) for count in (20, 99, 6000)] == [2, 9, 500]
    assert np.array_equal(kept_back(pictures(99)), kept_back(pictures(99)))


def test_nothing_is_kept_back_of_other_data() -> None:
    for data in (pictures(60, (1, 8, 8)), pictures(15)):
        training = small_training("simple", data, augmentation="auto")
        assert training.kept_back is None
        assert training.augmented.module is None
        assert not training.nets.discriminator._forward_pre_hooks


def test_p_is_logged_every_fourth_iteration_saved_and_resumed_to_the_bit() -> None:
    settings: dict[str, Any] = {"augmentation.images": 300, "augmentation.target": 0.0, "iterations": 12}

    def start() -> Training:
        return small_training("simple", FEW, augmentation="auto", **settings)

    whole, first, second = start(), start(), start()
    logged = [(done.number, done.metrics) for done in whole]
    assert [number for number, metrics in logged if "augmentation_p" in metrics] == [4, 8, 12]
    assert {"augmentation_p", "augmentation_gap"} <= logged[3][1].keys()
    run_iterations(first, 5)
    second.load(snapshot(first), "the checkpoint")
    run_iterations(second)
    assert differing(snapshot(whole), snapshot(second)) == []
    assert "augmentation.p" in snapshot(whole)


def test_p_rises_when_a_discriminator_learns_few_images_by_heart() -> None:
    settings: dict[str, Any] = {"discriminator.widths": (64,), "batch_size": 16, "lr": 2e-3, "iterations": 120}
    training = small_training("simple", FEW, augmentation="auto", **settings, **{"augmentation.images": 1000})
    metrics = [done.metrics for done in training if "augmentation_gap" in done.metrics]
    p = [each["augmentation_p"].item() for each in metrics]
    assert p[0] < 0.1
    assert max(p) > 0.3
    assert max(each["augmentation_gap"].item() for each in metrics) > 0.3


def test_normalisation_statistics_do_not_see_images_that_are_kept_back() -> None:
    training = small_training("simple", FEW, augmentation="auto", **{"discriminator.norm": "batch"})
    run_iterations(training, 3)
    before = {name: buffer.clone() for name, buffer in training.nets.discriminator.named_buffers()}
    training.augmented.adapt(training.nets.discriminator, training.batches, 4, None)
    assert all(torch.equal(buffer, before[name]) for name, buffer in training.nets.discriminator.named_buffers())
    assert training.nets.discriminator.training


def parts_of_d(nets: Any, draw: Any) -> Any:
    G, D = nets.generator, nets.discriminator
    real, z = draw()
    fake = without_grad(G, z)
    yield D, bce(D[1:](D[0](real)), 1) + bce(D(fake), 0)
    yield G, bce(D(G(z)), 1)


def test_a_trainer_that_does_not_say_so_takes_none() -> None:
    gan = replace(registry().gan("simple"), trainer=parts_of_d, name="parts")
    assert small_training(gan, FEW).augmented.module is None, "auto is none then"
    with pytest.raises(GanzooError, match="the trainer of parts looks at more than the discriminator's output"):
        small_training(gan, FEW, augmentation="flip")


def test_check_finds_a_trainer_that_says_so_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganzoo.testing import ContractError, check

    wrong = augmentable(lambda nets, draw: parts_of_d(nets, draw))
    gan = replace(registry().gan("simple"), trainer=wrong, name="wrong", data="emoji32")
    with pytest.raises(ContractError, match="marked augmentable, and calls a Flatten within the discriminator"):
        check(gan, settings=DENSE)


@pytest.mark.parametrize("name", ["wgan-gp", "r3gan"])
def test_ada_is_refused_where_the_sign_of_a_logit_means_nothing(name: str) -> None:
    with pytest.raises(GanzooError, match="augmentation 'ada' follows the sign of logits, which means nothing"):
        ganzoo.train(name, FEW, augmentation="ada")


def test_transforms_do_not_show_in_samples() -> None:
    """Half of all images are made brighter or darker, and G learns the brightness of the data all the same."""
    grey = Data(name="grey", samples=np.full((64, 3, 4, 4), 150, np.uint8))
    settings: dict[str, Any] = {"augmentation.shift": 0.0, "augmentation.cutout": 0.0, "augmentation.target": 0.0}
    training = small_training(
        "simple", grey, augmentation="ada", iterations=400, batch_size=64, lr=2e-3, ema=0.98, **settings
    )
    module: Any = training.augmented.module
    module.p.fill_(0.5)
    module.images = 10**9  # p stays
    run_iterations(training)
    assert module.p.item() == pytest.approx(0.5, abs=0.01)
    samples = training.model().sample(256).mean((1, 2, 3))
    (seen,) = module(torch.full((256, 3, 4, 4), 150 / 127.5 - 1))
    assert seen.mean((1, 2, 3)).std() > 0.15, "what D sees of the data differs"
    assert samples.std() < seen.mean((1, 2, 3)).std() / 2
    assert samples.mean() == pytest.approx(150 / 127.5 - 1, abs=0.08)
