"""What a trainer may update: a network, a module within one, or several jointly; and by which optimizer."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

import pytest
import torch
from torch import Tensor, nn

import ganzoo.testing
from ganzoo.data import Data
from ganzoo.registry.gan import GAN
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.registry.values import Range, Scheduled
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import differing, run_iterations, small_training, snapshot


class Autoencoder(nn.Module):
    """A generator with an encoder beside it."""

    def __init__(self, latent_dim: int, pixels: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, pixels), nn.Tanh(), nn.Unflatten(1, shape))

    def forward(self, z: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(z)
        return decoded


def autoencoder(task: Any) -> nn.Module:
    """An encoder and a decoder."""
    return Autoencoder(task.latent_dim, math.prod(task.shape), task.shape)


def of_parts(nets: Any, draw: Any) -> Iterator[Any]:
    """Updates the encoder, the decoder, and then the decoder jointly with the discriminator's last layer."""
    G, D = nets.generator, nets.discriminator
    real, z = draw()
    yield D, D(real).square().mean() - D(G(z).detach()).mean()
    yield G.encoder, (G.decoder(G.encoder(real)) - real).square().mean()
    yield G.decoder, (G.decoder(G.encoder(real)) - real).square().mean()
    yield (G.decoder, D[-1]), D(G(z)).square().mean()


OF_PARTS = replace(registry().gan("simple"), name="of-parts", generator=autoencoder, trainer=of_parts)


def training_of(gan: GAN, data: Data, **settings: Any) -> Training:
    recipe = resolve(
        gan, {"batch_size": 8, "latent_dim": 8, "iterations": 3, "discriminator.widths": (16,), **settings}
    )
    return ganzoo.testing.start_training(recipe, data)


def changed(before: dict[str, Tensor], nets: nn.Module) -> set[str]:
    return {name.rpartition(".")[0] for name, tensor in nets.named_parameters() if not tensor.equal(before[name])}


def test_an_update_changes_that_part_alone(tiny: Data) -> None:
    training = training_of(OF_PARTS, tiny)
    found = []
    for updated, loss in training.updates(training.batches.fetch):
        before = {name: tensor.detach().clone() for name, tensor in training.nets.named_parameters()}
        name = training.update(updated, loss)
        found.append((name, changed(before, training.nets)))
    D = {
        f"discriminator.{name}" for name, each in training.nets.discriminator.named_modules() if list(each._parameters)
    }
    last = {f"discriminator.{len(training.nets.discriminator) - 1}"}  # type: ignore[arg-type]
    assert found == [
        ("discriminator", D),
        ("generator.encoder", {"generator.encoder.1"}),
        ("generator.decoder", {"generator.decoder.0"}),
        (f"generator.decoder+{next(iter(last))}", {"generator.decoder.0"} | last),
    ]


def test_losses_are_logged_under_the_names_of_the_parts(tiny: Data) -> None:
    (losses, *_) = run_iterations(training_of(OF_PARTS, tiny))
    assert list(losses)[:3] == ["discriminator", "generator.encoder", "generator.decoder"]


def test_a_joint_update_is_one_step_of_each_optimizer(tiny: Data) -> None:
    training = training_of(OF_PARTS, tiny, optimizer="sgd", **{"optimizer.lr": 0.5, "lr_schedule": "constant"})
    G, D = training.nets.generator, training.nets.discriminator
    weights = [G.decoder[0].weight, D[-1].weight]
    _, z = training.batches.normalize(training.batches.fetch()), torch.randn(8, 8)
    loss = D(G(z)).square().mean()
    expected = [
        w - 0.5 * g for w, g in zip(weights, torch.autograd.grad(loss, weights, retain_graph=True), strict=True)
    ]
    training.set_learning_rates()
    training.update((G.decoder, D[-1]), loss)
    for weight, wanted in zip(weights, expected, strict=True):
        torch.testing.assert_close(weight.detach(), wanted)


def test_a_training_of_parts_resumes_to_the_bit(tiny: Data) -> None:
    whole, first, second = (training_of(OF_PARTS, tiny) for _ in range(3))
    run_iterations(first, 1)
    second.load(snapshot(first), "the checkpoint")
    run_iterations(second)
    run_iterations(whole)
    assert differing(whole.state(), second.state()) == []


def test_a_module_of_neither_network_is_refused(tiny: Data) -> None:
    def trainer(nets: Any, draw: Any) -> Iterator[Any]:
        yield nn.Linear(2, 2), draw()[0].mean()

    with pytest.raises(
        GanzooError, match="yields a Linear that is not trained here; the networks are: generator, disc"
    ):
        run_iterations(training_of(replace(OF_PARTS, trainer=trainer), tiny))


# Optimizers


def optimizers(training: Training) -> dict[str, tuple[str, float]]:
    return {name: (type(one).__name__, one.param_groups[0]["lr"]) for name, one in training.optimizers.items()}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"discriminator.optimizer.lr": 4e-4}, {"generator": ("Adam", 1e-3), "discriminator": ("Adam", 4e-4)}),
        ({"generator.optimizer": "rmsprop"}, {"generator": ("RMSprop", 1e-3), "discriminator": ("Adam", 1e-3)}),
        (
            {"optimizer": "sgd", "lr": 0.5, "discriminator.optimizer": "adam", "generator.optimizer.lr": 0.25},
            {"generator": ("SGD", 0.25), "discriminator": ("Adam", 0.5)},
        ),
    ],
)
def test_each_network_may_have_an_optimizer_of_its_own(tiny: Data, settings: Any, expected: Any) -> None:
    training = small_training("simple", tiny, iterations=2, **{"lr": 1e-3} | settings)
    assert optimizers(training) == expected
    recipe = training.recipe
    assert resolve(recipe.gan, recipe.flat()) == recipe


def test_what_is_not_said_of_one_optimizer_is_that_of_both(tiny: Data) -> None:
    training = small_training("simple", tiny, **{"beta2": 0.9, "discriminator.optimizer.lr": 4e-4})
    assert [each.param_groups[0]["betas"][1] for each in training.optimizers.values()] == [0.9] * 2


def test_another_optimizer_drops_what_was_set_of_the_old_one() -> None:
    record = replace(registry().gan("simple"), settings={"discriminator.optimizer.beta2": 0.5})
    assert resolve(record).values["discriminator.optimizer"]["beta2"] == 0.5
    assert "beta2" not in resolve(record, {"optimizer": "sgd"}).values["discriminator.optimizer"]


def test_an_own_learning_rate_beside_ttur_is_refused() -> None:
    with pytest.raises(GanzooError, match=r"ttur=2 and discriminator\.optimizer\.lr both set the discriminator's"):
        resolve(registry().gan("simple"), {"ttur": 2, "discriminator.optimizer.lr": 1e-4})


def test_an_optimizer_that_is_put_in_keeps_its_rate(tiny: Data) -> None:
    training = small_training("simple", tiny, iterations=4, lr_schedule="linear")
    training.optimizers["generator"] = torch.optim.SGD(training.weights["generator"], lr=0.5)
    rates = [training.optimizers["generator"].param_groups[0]["lr"] for _ in training]
    assert rates == [0.5, 0.375, 0.25, 0.125]


# The number of the iteration


def numbered(nets: Any, draw: Any, iteration: int) -> Iterator[Any]:
    """A penalty in every second iteration."""
    real, z = draw()
    D = nets.discriminator
    loss = D(real).mean() - D(nets.generator(z)).mean()
    yield D, loss + D(real).square().mean() if iteration % 2 else loss, {"number": torch.tensor(iteration)}
    yield nets.generator, D(nets.generator(z)).mean()


def test_a_trainer_is_told_the_iteration_if_it_asks(tiny: Data) -> None:
    training = training_of(replace(registry().gan("simple"), trainer=numbered), tiny)
    assert [int(each.metrics["number"]) for each in training] == [1, 2, 3]


def test_a_trainer_is_told_how_many_iterations_there_are_if_it_asks(tiny: Data) -> None:
    def halves(nets: Any, draw: Any, iteration: int, iterations: int) -> Iterator[Any]:
        for network, loss, *_ in numbered(nets, draw, iteration):
            yield network, loss, {"second_half": torch.tensor(2 * iteration > iterations)}

    training = training_of(replace(registry().gan("simple"), trainer=halves), tiny, iterations=4)
    assert [bool(each.metrics["second_half"]) for each in training] == [False, False, True, True]


def test_it_is_not_compiled_unless_it_has_a_period(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.training.device.tracing.TracedIteration.compile", lambda self: None)
    monkeypatch.setattr("ganzoo.training.device.require_compiler", lambda device: None)

    def train(**settings: Any) -> Training:
        return small_training(replace(registry().gan("simple"), trainer=lazy), tiny, iterations=6, **settings)

    def lazy(nets: Any, draw: Any, iteration: int) -> Iterator[Any]:
        for network, loss, *_ in numbered(nets, draw, iteration):
            yield network, loss

    with pytest.raises(GanzooError, match="changes with the iteration, and has no attribute period"):
        train(compile=True)
    lazy.period = 2  # type: ignore[attr-defined]
    compiled, eager = train(compile=True), train()
    assert run_iterations(compiled) == run_iterations(eager)
    assert differing(compiled.state(), eager.state()) == []


ODD: dict[str, Any] = {
    "yields 3;": lambda D, loss: 3,
    "yields None;": lambda D, loss: None,
    "yields 'ab';": lambda D, loss: "ab",
    "it has to yield": lambda D, loss: (D, 1.0),
    "(network, loss, metrics)": lambda D, loss: (D, loss, [1]),
    "the loss that is not a tensor of one number": lambda D, loss: (D, loss * torch.ones(3)),
    "a that is not a tensor of one number": lambda D, loss: (D, loss, {"a": 1.0}),
    "b that is not a tensor of one number": lambda D, loss: (D, loss, {"b": torch.zeros(3)}),
    "c that is not a tensor of one number": lambda D, loss: (D, loss, {"c": torch.tensor(1j)}),
    "a metric named 3;": lambda D, loss: (D, loss, {3: loss}),
    "a metric named 'findings';": lambda D, loss: (D, loss, {"findings": loss}),
    "a metric named 'iteration';": lambda D, loss: (D, loss, {"iteration": loss}),
    r"a metric named 'a\\n\\x1b';": lambda D, loss: (D, loss, {"a\n\x1b": loss}),
}


@pytest.mark.parametrize("message", ODD)
def test_what_is_no_update_is_refused(message: str, tiny: Data) -> None:
    def trainer(nets: Any, draw: Any) -> Iterator[Any]:
        loss = nets.discriminator(draw()[0]).mean()
        yield nets.discriminator, loss, {"fine": loss.detach()}
        yield ODD[message](nets.discriminator, nets.discriminator(draw()[0]).mean())

    training = training_of(replace(registry().gan("simple"), trainer=trainer), tiny)
    with pytest.raises(GanzooError, match=message) as refused:
        next(training)
    assert str(refused.value).isprintable()


# Schedules


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1]),
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, 0.853553, 0.5, 0.146447]),
        ("late-linear", [1, 1, 1, 0.5]),
    ],
)
def test_the_learning_rate_follows_its_schedule(tiny: Data, schedule: str, expected: list[float]) -> None:
    training = small_training("simple", tiny, iterations=4, lr=0.5, lr_schedule=schedule)
    rates = [training.optimizers["generator"].param_groups[0]["lr"] for _ in training]
    assert rates == pytest.approx([0.5 * factor for factor in expected], abs=1e-6)


def test_an_unknown_schedule_is_one_line() -> None:
    with pytest.raises(GanzooError, match="no schedule named 'exponential'"):
        resolve(registry().gan("simple"), {"lr_schedule": "exponential"})


def changing(nets: Any, draw: Any, *, gamma: Annotated[Scheduled, Range(least=0)] = 1.0) -> Iterator[Any]:
    real, z = draw()
    D = nets.discriminator
    yield D, gamma * D(real).square().mean() - D(nets.generator(z)).mean(), {"gamma": torch.tensor(float(gamma))}
    yield nets.generator, D(nets.generator(z)).mean()


CHANGING = replace(registry().gan("simple"), name="changing", trainer=changing)


def test_a_setting_of_a_trainer_may_change(tiny: Data) -> None:
    training = training_of(CHANGING, tiny, iterations=4, gamma="linear:8..0.0")
    assert training.recipe.values["trainer"]["gamma"] == "linear:8.0..0.0"
    assert [float(each.metrics["gamma"]) for each in training] == [8, 6, 4, 2]
    assert resolve(CHANGING, training.recipe.flat()) == training.recipe
    assert [float(each.metrics["gamma"]) for each in training_of(CHANGING, tiny, gamma=3)] == [3, 3, 3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"gamma": "linear:8..-1"},
            r"gamma=linear:8\.\.-1 is out of range; it has to be at least 0 \(tr",
        ),
        ({"gamma": "slow:8..1"}, "no schedule named 'slow'"),
        ({"gamma": "linear:8"}, r"gamma='linear:8' is not a number at least 0, or as it changes: cosine:2\.\.0\.2"),
        ({"gamma": "linear:a..b"}, "gamma='linear:a..b' is not a number"),
        ({"lr": "linear:8..1"}, "lr='linear:8..1' is not a number"),
    ],
)
def test_a_wrong_change_is_one_line(settings: Any, message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        resolve(CHANGING, settings)


def test_a_training_that_changes_is_not_compiled(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.training.device.require_compiler", lambda device: None)
    with pytest.raises(GanzooError, match="the trainer of changing changes with the iteration"):
        small_training(CHANGING, tiny, compile=True, gamma="linear:2..1")


def test_a_part_that_ends_the_process_is_refused(tiny: Data) -> None:
    def leaves(*_: Any) -> Any:
        raise SystemExit(0)
        yield

    def leaves_at_once(*_: Any) -> Any:
        raise SystemExit(0)

    simple = registry().gan("simple")
    with pytest.raises(GanzooError, match="the trainer of simple ends the process: 0"):
        next(training_of(replace(simple, trainer=leaves), tiny))
    with pytest.raises(GanzooError, match="generator 'simple' cannot be built with"):
        training_of(replace(simple, generator=leaves_at_once), tiny)


# Frozen networks


def features(task: Any) -> nn.Module:
    """Fixed random features."""
    torch.manual_seed(7)
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(task.shape), 4), nn.BatchNorm1d(4))


def with_features(nets: Any, draw: Any) -> Iterator[Any]:
    real, z = draw()
    D, F = nets.discriminator, nets.frozen["features"]
    yield D, D(real).square().mean() - D(nets.generator(z)).mean()
    yield nets.generator, (F(nets.generator(z)).mean(0) - F(real).mean(0)).square().mean()


WITH_FEATURES = replace(registry().gan("simple"), name="x", trainer=with_features, frozen={"features": features})


def test_a_frozen_network_is_neither_trained_nor_saved(tiny: Data) -> None:
    training = training_of(WITH_FEATURES, tiny)
    network = training.nets.frozen["features"]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    run_iterations(training)
    assert all(tensor.equal(before[name]) for name, tensor in network.state_dict().items())
    assert not network.training
    assert not [name for name in training.state() if "features" in name and not name.startswith("frozen.")]
    assert list(training.metadata().frozen) == ["features"]
    assert len(training.metadata().frozen["features"]) == 64
    metadata = training.metadata()
    assert type(metadata).from_json(json.loads(json.dumps(metadata.to_json())), "x").frozen == metadata.frozen


def test_it_does_not_change_the_weights_that_a_seed_gives(tiny: Data) -> None:
    plain = training_of(replace(WITH_FEATURES, frozen={}), tiny)
    assert differing(plain.nets.state_dict(), training_of(WITH_FEATURES, tiny).nets.state_dict()) == []


def test_resuming_needs_the_same_frozen_network(tiny: Data) -> None:
    def others(task: Any) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(task.shape), 4))

    whole, first, second = (training_of(WITH_FEATURES, tiny) for _ in range(3))
    run_iterations(first, 1)
    second.load(snapshot(first), "the checkpoint")
    run_iterations(second)
    run_iterations(whole)
    assert differing(whole.state(), second.state()) == []
    third = training_of(replace(WITH_FEATURES, frozen={"features": others}), tiny)
    with pytest.raises(GanzooError, match="x does not fit: the frozen network 'features' has other weights now"):
        third.load(snapshot(first), "x")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda task: 3, "the maker of the frozen network 'features' returned int, no module"),
        (lambda task: 1 / 0, "the frozen network 'features' cannot be built: "),
    ],
)
def test_what_is_no_network_is_one_line(tiny: Data, make: Any, message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        training_of(replace(WITH_FEATURES, frozen={"features": make}), tiny)
