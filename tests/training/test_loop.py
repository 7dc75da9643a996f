from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.parts.losses import bce, gradient_norms, without_grad
from ganzoo.parts.networks import state_tensors
from ganzoo.registry.registry import registry
from ganzoo.runs.signals import interruptible
from ganzoo.training.batches import draw_latents
from ganzoo.util.errors import GanzooError
from tests.support import differing, run_iterations, small_training, snapshot

SEED, ITERATIONS, BATCH, LATENT, RATE = 3, 5, 8, 8, 1e-3


def ones(logits: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def zeros(logits: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))


def goodfellow(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    real_logits, fake_logits = D(torch.cat([real, fake])).chunk(2)
    return ones(real_logits) + zeros(fake_logits)


def gulrajani(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    real_logits, fake_logits = D(torch.cat([real, fake])).chunk(2)
    loss = -(real_logits.mean() - fake_logits.mean())
    u = torch.rand(len(real), 1, 1, 1)
    between = (u * real + (1 - u) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
    norm = (slope.flatten(1).square().sum(1) + 1e-12).sqrt()
    return loss + 10 * (norm - 1).square().mean()


def by_hand(data: Data, D_steps: int, D_loss: Any, G_loss: Any) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    """What the library does, written by hand for one GAN."""
    torch.manual_seed(SEED)
    G = nn.Sequential(
        nn.Linear(LATENT, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 64), nn.Unflatten(1, (1, 8, 8)), nn.Tanh()
    )
    D = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    average = {name: value.clone() for name, value in G.state_dict().items()}
    G_step = torch.optim.Adam(G.parameters(), RATE, (0.5, 0.999), fused=True)
    D_step = torch.optim.Adam(D.parameters(), RATE, (0.5, 0.999), fused=True)
    images = torch.from_numpy(np.asarray(data.samples)) / 127.5 - 1
    draws = ITERATIONS * (D_steps + 1)
    epochs = range(1 + draws * BATCH // len(data))
    order = np.concatenate([np.random.default_rng((SEED, number)).permutation(len(data)) for number in epochs])
    batches = iter(images[order].split(BATCH))

    losses = []
    for number in range(ITERATIONS):
        for optimizer in (G_step, D_step):
            optimizer.param_groups[0]["lr"] = RATE * (1 - number / ITERATIONS)
        for _ in range(D_steps):
            real, z = next(batches), torch.randn(BATCH, LATENT)
            loss_of_D = D_loss(D, real, G(z).detach())
            D_step.zero_grad()
            loss_of_D.backward()
            D_step.step()
        next(batches)
        loss_of_G = G_loss(D(G(torch.randn(BATCH, LATENT))))
        G_step.zero_grad()
        loss_of_G.backward()
        G_step.step()
        losses.append({"discriminator": loss_of_D.item(), "generator": loss_of_G.item()})
        decay = min(0.999, (2 + number) / (11 + number))
        for name, value in G.state_dict().items():
            if value.is_floating_point():
                average[name].lerp_(value, 1 - decay)
            else:
                average[name].copy_(value)
    tensors = {f"networks.generator.{name}": value for name, value in G.state_dict().items()}
    tensors |= {f"networks.discriminator.{name}": value for name, value in D.state_dict().items()}
    return losses, tensors | {f"average.{name}": value for name, value in average.items()}


@pytest.mark.parametrize(
    ("gan", "D_steps", "D_loss", "G_loss"),
    [("simple", 1, goodfellow, ones), ("wgan-gp", 3, gulrajani, lambda logits: -logits.mean())],
)
def test_the_loop_is_the_one_written_by_hand(tiny: Data, gan: str, D_steps: int, D_loss: Any, G_loss: Any) -> None:
    steps = {"critic_steps": D_steps} if gan == "wgan-gp" else {}
    adam = {"lr": RATE, "beta1": 0.5, "beta2": 0.999}
    training = small_training(
        gan, tiny, seed=SEED, iterations=ITERATIONS, batch_size=BATCH, latent_dim=LATENT, **adam, **steps
    )
    expected_losses, expected = by_hand(tiny, D_steps, D_loss, G_loss)
    assert run_iterations(training) == expected_losses
    assert differing({name: training.state()[name] for name in expected}, expected) == []


VARIED = {
    "noise in the loss and in the networks": ("simple", {"smoothing": 0.1, "discriminator.dropout": 0.3}),
    "several updates": ("simple", {"generator_steps": 3, "discriminator_steps": 2}),
    "penalty": ("wgan-gp", {}),
    "clipping, rmsprop": ("wgan", {}),
    "momentum": ("simple", {"optimizer": "sgd", "momentum": 0.9}),
    "no average": ("simple", {"ema": 0}),
    "labels": ("cgan", {}),
    "four networks": (
        "privileged-v2-ann",
        {"parent_training": "joint"} | {f"parent.{part}.widths": (16,) for part in ("generator", "discriminator")},
    ),
}


@pytest.mark.parametrize("case", VARIED)
def test_resuming_anywhere_changes_no_bit(tiny: Data, case: str) -> None:
    gan, settings = VARIED[case]
    whole = small_training(gan, tiny, iterations=4, **settings)
    checkpoints = [snapshot(whole)]
    losses = []
    for _ in range(4):
        losses += run_iterations(whole, 1)
        checkpoints.append(snapshot(whole))
    for number, checkpoint in enumerate(checkpoints):
        resumed = small_training(gan, tiny, iterations=4, **settings)
        resumed.load(checkpoint, "the checkpoint")
        assert run_iterations(resumed) == losses[number:]
        assert differing(resumed.state(), checkpoints[-1]) == []


def interrupting(times: int, seen: list[str]) -> Any:
    """The trainer of ``simple`` that presses Ctrl-C between its two updates, in the second iteration."""
    trainer = registry().part("trainer", "non-saturating")

    @wraps(trainer)
    def train(nets: Any, draw: Any, **settings: Any) -> Iterator[Any]:
        seen.append("iteration")
        updates = trainer(nets, draw, **settings)
        yield next(updates)
        for _ in range(times if len(seen) == 2 else 0):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)  # for Python to call its handler
        yield from updates

    return train


def test_an_interrupt_waits_for_the_end_of_the_iteration(tiny: Data) -> None:
    """As in a notebook: the cell is stopped between two updates, and run again."""
    before = signal.getsignal(signal.SIGINT)
    whole = small_training("simple", tiny, iterations=4)
    losses = run_iterations(whole)
    gan = replace(registry().gan("simple"), trainer=interrupting(1, []))
    training = small_training(gan, tiny, iterations=4)
    assert run_iterations(training, 1) == losses[:1]
    with pytest.raises(KeyboardInterrupt):
        next(training)
    assert signal.getsignal(signal.SIGINT) is before is signal.default_int_handler
    assert training.iteration == 2
    assert run_iterations(training) == losses[2:]
    assert differing(training.state(), whole.state()) == []


def test_a_second_interrupt_does_not_wait_and_its_training_cannot_continue(tiny: Data) -> None:
    seen: list[str] = []
    training = small_training(replace(registry().gan("simple"), trainer=interrupting(2, seen)), tiny, iterations=4)
    next(training)
    saved = snapshot(training)
    with pytest.raises(KeyboardInterrupt):
        next(training)
    assert training.iteration == 1
    for use in (lambda: next(training), training.state):
        with pytest.raises(GanzooError, match="iteration 2 was broken off, so this training cannot continue"):
            use()
    training.load(saved, "the checkpoint")
    whole = small_training("simple", tiny, iterations=4)
    losses = run_iterations(whole)
    assert run_iterations(training) == losses[1:]
    assert differing(training.state(), whole.state()) == []


def test_other_handlers_and_other_threads_keep_their_interrupts(tiny: Data) -> None:
    """That of ``ganzoo train`` is called at once, and a second Ctrl-C leaves at once, even one iteration later."""
    training = small_training(replace(registry().gan("simple"), trainer=interrupting(1, [])), tiny, iterations=4)
    with interruptible() as stop_requested:
        run_iterations(training, 2)
        assert stop_requested.is_set()
        again = small_training(replace(registry().gan("simple"), trainer=interrupting(1, [])), tiny, iterations=4)
        next(again)
        with pytest.raises(KeyboardInterrupt):
            next(again)
        assert again.iteration == 1
    other = small_training("simple", tiny, iterations=2)
    with ThreadPoolExecutor() as threads:
        assert threads.submit(run_iterations, other).result() == run_iterations(
            small_training("simple", tiny, iterations=2)
        )


def test_a_state_holds_everything_that_changes(tiny: Data) -> None:
    training = small_training("simple", tiny, iterations=1)
    before = snapshot(training)
    run_iterations(training)
    still = before.keys() - differing(training.state(), before)
    assert still == set(), "every tensor changes in an iteration, so none is forgotten when it is not saved"


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tiny: Data) -> None:
    one, same, other = (small_training("simple", tiny, iterations=3, seed=seed) for seed in (1, 1, 2))
    assert run_iterations(one) == run_iterations(same)
    assert differing(one.state(), same.state()) == []
    run_iterations(other)
    assert len(differing(one.state(), other.state())) > 10


def test_random_numbers_between_two_iterations_change_nothing(tiny: Data) -> None:
    alone = [small_training(gan, tiny, iterations=3, seed=1, smoothing=0.1) for gan in ("simple", "cgan")]
    expected = [run_iterations(training) for training in alone]
    simple, cgan = (small_training(gan, tiny, iterations=3, seed=1, smoothing=0.1) for gan in ("simple", "cgan"))
    losses: list[list[dict[str, float]]] = [[], []]
    for _ in range(3):
        losses[0] += run_iterations(simple, 1)
        torch.rand(5)
        np.random.seed(0)
        losses[1] += run_iterations(cgan, 1)
        simple.model().sample(range(3))
    assert losses == expected
    assert differing(simple.state(), alone[0].state()) == []
    assert differing(cgan.state(), alone[1].state()) == []


def test_a_training_leaves_the_random_numbers_of_the_process_alone(tiny: Data) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    run_iterations(small_training("simple", tiny, iterations=2))
    assert torch.equal(torch.rand(3), expected)


def test_more_iterations_at_a_constant_rate_are_the_longer_training(tiny: Data) -> None:
    short, longer = (
        small_training("simple", tiny, iterations=iterations, lr_schedule="constant") for iterations in (2, 5)
    )
    run_iterations(short)
    raised = small_training("simple", tiny, iterations=5, lr_schedule="constant")
    raised.load(snapshot(short), "the checkpoint")
    run_iterations(raised)
    run_iterations(longer)
    assert differing(raised.state(), longer.state()) == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda tensors: tensors.pop("position"), "is not a checkpoint: it lacks 'position'"),
        (lambda tensors: tensors.pop("networks.generator.0.bias"), "it lacks 'generator.0.bias'"),
        (lambda tensors: tensors.update({"networks.more": torch.ones(1)}), "the network has no 'more'"),
        (lambda tensors: tensors.update({"average.0.bias": torch.ones(3)}), r"'0.bias' has the shape \(3,\), expected"),
        (lambda tensors: tensors.update({"optimizer.nobody.0.step": torch.ones(1)}), "no weight for 'optimizer.nobody"),
        (lambda tensors: tensors.update({"optimizer.generator.99.step": torch.ones(1)}), "no weight for"),
    ],
)
def test_the_checkpoint_of_another_training_is_refused(tiny: Data, spoil: Any, message: str) -> None:
    training = small_training("simple", tiny, iterations=2)
    run_iterations(training, 1)
    tensors = snapshot(training)
    spoil(tensors)
    with pytest.raises(GanzooError, match=f"the checkpoint .*{message}"):
        small_training("simple", tiny, iterations=2).load(tensors, "the checkpoint")


def test_a_training_that_took_half_a_checkpoint_does_not_continue(tiny: Data) -> None:
    first, second = (small_training("simple", tiny, iterations=3) for _ in range(2))
    run_iterations(first, 1)
    whole = snapshot(first)
    with pytest.raises(GanzooError, match=r"'0.bias' has the shape"):
        second.load(whole | {"average.0.bias": torch.ones(3)}, "the checkpoint")
    for use in (second.state, lambda: next(second)):
        with pytest.raises(GanzooError, match="this training cannot continue"):
            use()
    second.load(whole, "the checkpoint")
    assert run_iterations(second) == run_iterations(first)


def test_learning_rates_fall_to_zero_and_the_discriminator_has_its_own(tiny: Data) -> None:
    training = small_training("simple", tiny, iterations=4, lr=0.8, ttur=0.5)
    rates = []
    for _ in training:
        rates.append([training.optimizers[name].param_groups[0]["lr"] for name in ("generator", "discriminator")])
    assert np.allclose(rates, [[0.8, 0.4], [0.6, 0.3], [0.4, 0.2], [0.2, 0.1]])


@pytest.mark.parametrize(("distribution", "check"), [("normal", 1), ("uniform", 1 / 3), ("sphere", 1)])
def test_noise_has_the_second_moment_of_its_distribution(distribution: str, check: float) -> None:
    torch.manual_seed(0)
    z = draw_latents(2000, 9, distribution, torch.device("cpu"))
    assert float(z.square().mean()) == pytest.approx(check, abs=0.03)
    if distribution == "uniform":
        assert z.abs().max() <= 1
    if distribution == "sphere":
        assert torch.allclose(z.norm(dim=1), torch.tensor(3.0))


def test_without_an_average_the_generator_itself_is_sampled_in_evaluation_mode(tiny: Data) -> None:
    training = small_training("simple", tiny, ema=0, iterations=2)
    run_iterations(training)
    model = training.model()
    assert differing(state_tensors(model.networks.generator), state_tensors(training.nets.generator)) == []
    before = snapshot(training)
    model.sample(range(3))
    assert differing(before, snapshot(training)) == []


# What a plugin's trainer can rely on, and the errors when it breaks the rules.


def gan_with(trainer: Any) -> Any:
    return replace(registry().gan("simple"), name="mine", trainer=trainer)


def test_gradients_reach_the_updated_network_alone(tiny: Data) -> None:
    gradients = []

    def generator_first(nets: Any, draw: Any) -> Iterator[Any]:
        _, z = draw()
        yield nets.generator, bce(nets.discriminator(nets.generator(z)), 1)
        gradients.append([weight.grad for weight in nets.discriminator.parameters()])

    training = small_training(gan_with(generator_first), tiny, iterations=1)
    before = snapshot(training)
    run_iterations(training)
    assert gradients == [[None] * 4]
    assert not any(name.startswith("networks.disc") for name in differing(training.state(), before))


def test_losses_are_computed_under_autocast_and_penalties_are_not(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.training.device.has_matrix_tiles", lambda: False)
    types: list[torch.dtype] = []

    def watched(nets: Any, draw: Any) -> Iterator[Any]:
        G, D = nets.generator, nets.discriminator
        for _ in range(2):  # the second loss is computed when the trainer is resumed
            real, z = draw()
            logits = D(real)
            hook = D.register_forward_hook(lambda *call: types.append(call[-1].dtype))
            penalty = gradient_norms(D, real).mean()
            hook.remove()
            types.extend([logits.dtype, penalty.dtype])
            yield D, bce(logits, 1) + bce(D(without_grad(G, z)), 0) + penalty
        yield G, bce(D(G(z)), 1)
        types.append(D(real).dtype)

    full, half = torch.float32, torch.bfloat16
    run_iterations(small_training(gan_with(watched), tiny, iterations=1, precision="bf16"))
    assert types == [full, half, full] * 2 + [half]


def test_bf16_trains_weights_that_are_float32(tiny: Data) -> None:
    # small products are not worth rounding, and are left as they are
    wide = {"generator.widths": (256,), "discriminator.widths": (256,), "batch_size": 64}
    training = small_training("wgan-gp", tiny, iterations=3, precision="bf16", **wide)
    losses = run_iterations(training)
    assert np.isfinite([list(loss.values()) for loss in losses]).all()
    assert {weight.dtype for weight in training.nets.parameters()} == {torch.float32}
    assert losses != run_iterations(small_training("wgan-gp", tiny, iterations=3, **wide))


def test_two_losses_before_the_first_update_fail_loudly(tiny: Data) -> None:
    def hasty(nets: Any, draw: Any) -> Iterator[Any]:
        real, z = draw()
        fake = nets.generator(z)
        loss_of_D = bce(nets.discriminator(real), 1) + bce(nets.discriminator(fake.detach()), 0)
        loss_of_G = bce(nets.discriminator(fake), 1)
        yield nets.discriminator, loss_of_D
        yield nets.generator, loss_of_G

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        run_iterations(small_training(gan_with(hasty), tiny, iterations=1))


def test_a_network_that_is_not_trained_here_is_refused(tiny: Data) -> None:
    def foreign(nets: Any, draw: Any) -> Iterator[Any]:
        stranger = nn.Linear(1, 1)
        yield stranger, stranger(torch.ones(1, 1)).mean()

    with pytest.raises(GanzooError, match="yields a Linear that is not trained here; the networks are: generator"):
        run_iterations(small_training(gan_with(foreign), tiny, iterations=1))


def test_a_missing_parent_is_one_line(tiny: Data) -> None:
    with pytest.raises(GanzooError, match=r"has the parent simple: train that first and pass parent=ganzoo.load"):
        small_training("privileged-v1-ann", tiny)


def test_dense_gans_take_vectors(tiny: Data) -> None:
    training = small_training("simple", "ring8", iterations=2)
    run_iterations(training)
    model = training.model()
    assert model.value_range is None
    assert model.sample(range(5)).shape == (5, 2)


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("optimizer.generator.0.exp_avg", torch.zeros(1), "missing or of another shape"),
        ("optimizer.generator.0.exp_avg", None, "there is no weight|missing or of another shape"),
        ("optimizer.generator.99.step", torch.zeros(()), "there is no weight for"),
        ("position", torch.zeros(1, dtype=torch.int64), "not two whole numbers"),
        ("position", torch.tensor([-1, 0]), "not two whole numbers"),
        ("random.0", torch.zeros(3, dtype=torch.uint8), "no random state"),
    ],
)
def test_a_checkpoint_that_was_tampered_with_is_refused(
    tiny: Data, name: str, tensor: Tensor | None, message: str
) -> None:
    training = small_training("simple", tiny, iterations=2)
    run_iterations(training, 1)
    tensors = snapshot(training)
    if tensor is None:
        del tensors[name]
    else:
        tensors[name] = tensor
    with pytest.raises(GanzooError, match=message):
        small_training("simple", tiny, iterations=2).load(tensors, "x")


def test_a_parent_that_does_not_go_with_the_child_is_refused(tiny: Data) -> None:
    with pytest.raises(GanzooError, match="set both alike"):
        small_training("privileged-v1", tiny, parent_training="joint", pixel_range="unit")
    parent = small_training("simple", tiny, iterations=1).model()
    with pytest.raises(GanzooError, match="trains its own parent"):
        small_training("privileged-v1", tiny, parent_training="joint", parent=parent)
    with pytest.raises(GanzooError, match="the data have"):
        small_training("privileged-v1", "mnist-10k", parent=parent)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "x" * 1001}, "this training has bad metadata: 'data' is {'name': 'xxx"),
        ({"classes": ("a", "b", "c" * 1001)}, "this training has bad metadata: 'data' is {'name': 'tiny'"),
        (
            {"classes": tuple(f"{number:0900}" for number in range(1200)), "labels": np.arange(45)},
            r"this training has metadata of 1,08\d,\d{3} bytes; at most 1,048,576 are read",
        ),
    ],
)
def test_what_no_file_could_hold_is_not_trained(tiny: Data, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError, match=f"^{message}"):
        small_training("simple", replace(tiny, **changes))
