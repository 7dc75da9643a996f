"""The contract of a plugin, proved on a GAN or a part: for the tests of its author, and for ``ganzoo check``.

>>> import ganzoo.testing
>>> ganzoo.testing.check("simple")
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ganzoo import data as datasets
from ganzoo.data import Data
from ganzoo.generators.weights import Model, load
from ganzoo.parts.build import frozen_parent
from ganzoo.parts.networks import state_tensors
from ganzoo.parts.trainers import AUGMENTABLE
from ganzoo.registry.gan import GAN, Overrides
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.registry.registry import Registry, registry
from ganzoo.testing.contract import ContractError, require
from ganzoo.testing.parts import check_part, loaded, part_claims
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError, first_line

__all__ = ["ContractError", "check", "check_part", "claims", "part_claims"]

SAMPLES, BATCH_SIZE, ITERATIONS = 256, 8, 4
MAX_UPDATES = 1000


def check(gan: str | GAN, *, settings: Overrides | None = None, among: Registry | None = None) -> None:
    """Prove every claim of the contract on a GAN and its own data, in seconds and on the CPU.

    Args:
        gan: a record, or the name of a registered one.
        settings: as ``--set`` takes them.
        among: the registry in which names are looked up; that of the installed plugins by default.

    Raises:
        ContractError: the first claim that fails.
        GanzooError: the GAN cannot be built at all.
    """
    for _ in claims(gan, settings=settings, among=among):
        pass


def claims(gan: str | GAN, *, settings: Overrides | None = None, among: Registry | None = None) -> Iterator[str]:
    """Prove the contract claim by claim, yielding each claim that holds; see :func:`check`."""
    among = among or registry()
    record = among.gan(gan) if isinstance(gan, str) else gan
    among = replace(among, gans={**among.gans, record.name: record})  # weights find their GAN by its name
    recipe = resolve(record, {"batch_size": BATCH_SIZE, "iterations": ITERATIONS, **(settings or {})}, among=among)
    name = datasets.dataset_name(record.data)
    data = first_samples(loaded(name, among.part("dataset", name.partition(":")[0])))

    def start() -> Training:
        return start_training(recipe, data)

    start()
    yield "builds its networks for its data"
    check_updates(start())
    yield "yields (network, loss), ends its iteration, and changes only the network that is updated"
    if recipe.functions["trainer"] in AUGMENTABLE:
        check_augmentable(start())
        yield "judges samples by the discriminator's forward pass, as its trainer says (augmentable)"
    check_same_bits(start(), start())
    yield "gives the same bits for the same seed"
    check_resuming(start)
    yield "resumes with the bits of an uninterrupted training"
    training = start()
    for _ in training:
        pass
    model = training.model()
    check_saving(model, data, among)
    yield "saves and loads identically"
    check_samples(model, data)
    yield "generates samples of the right shape and range, independent of the batch"
    check_export(model, data)
    yield "exports with any batch size"


def first_samples(data: Data) -> Data:
    """The first samples of a data set, with all its classes."""
    return Data(
        name=data.name,
        samples=data.samples[:SAMPLES],
        labels=None if data.labels is None else data.labels[:SAMPLES],
        classes=data.classes,
        conditions=None if data.conditions is None else data.conditions[:SAMPLES],
        paired=data.paired,
    )


def start_training(recipe: Recipe, data: Data) -> Training:
    """A training on the CPU in fp32, with an untrained parent if the GAN has one."""
    torch.manual_seed(1)
    return Training(recipe, data, choose_device("cpu", "fp32"), seed=0, parent=frozen_parent(recipe, data))


def copies(modules: dict[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
    return {
        name: {key: value.clone() for key, value in state_tensors(module).items()} for name, module in modules.items()
    }


def check_updates(training: Training) -> None:
    """Run an iteration update by update, and see what the trainer changes; then others, until all were updated."""
    networks = training.nets.trainable()
    frozen = {"parent": training.nets.parent} if training.nets.parent and training.nets.parent.is_frozen else {}
    trainable = {name: dict(training.nets.get_submodule(name).named_parameters()) for name in networks}
    frozen_before = copies(dict(frozen))
    updated: set[str] = set()
    for _ in range(ITERATIONS):
        updated |= check_iteration(training, trainable)
        if updated >= {"generator", "discriminator"}:
            break
        training.iteration += 1  # for a trainer that does something else later
    require(
        updated >= {"generator", "discriminator"},
        f"{ITERATIONS} iterations update {', '.join(sorted(updated)) or 'no network'} alone",
    )
    for name, tensors in copies(dict(frozen)).items():
        for key, value in tensors.items():
            require(torch.equal(value, frozen_before[name][key]), f"an iteration changed '{key}' of the frozen {name}")


def check_iteration(training: Training, trainable: dict[str, dict[str, nn.Parameter]]) -> set[str]:
    """Run an iteration update by update; returns the networks that it updates."""
    updates = training.updates(training.batches.fetch)
    last: set[str] = set()  # the networks of the last update
    updated: set[str] = set()
    for number in range(MAX_UPDATES + 1):
        before = {name: [weight.detach().clone() for weight in weights.values()] for name, weights in trainable.items()}
        update = next(updates, None)
        for name, weights in trainable.items():
            unchanged = all(torch.equal(a, b) for a, b in zip(before[name], weights.values(), strict=True))
            require(
                unchanged or any(name == one or overlap(trainable[one], weights) for one in last),
                f"the trainer changed the weights of the {name} out of turn; a trainer yields losses, and may change "
                "weights (to clip them, for example) only of the network that it yielded last",
            )
        if update is None:
            break
        require(number < MAX_UPDATES, f"the trainer did not end within {MAX_UPDATES} updates; it is one iteration")
        require(
            isinstance(update, tuple) and len(update) in (2, 3),
            f"the trainer yielded {type(update).__name__}; it has to yield (network, loss) or (network, loss, metrics)",
        )
        modules, loss, *metrics = update
        modules = modules if isinstance(modules, tuple) else (modules,)
        require(
            bool(modules) and all(isinstance(module, nn.Module) for module in modules),
            f"the trainer yielded {modules!r:.60}; it has to yield a network, a module within one, or a tuple of them",
        )
        try:
            found = [training.place_of(module) for module in modules]
        except GanzooError as error:
            raise ContractError(str(error)) from None
        names = "+".join(place.name for place in found)
        require(
            isinstance(loss, Tensor) and loss.dim() == 0 and bool(loss.isfinite()),
            f"the loss of the {names} is not a finite scalar tensor but "
            f"{loss.tolist() if isinstance(loss, Tensor) else loss!r:.60}",
        )
        for name, value in (metrics[0] if metrics else {}).items():
            require(
                isinstance(value, Tensor) and value.numel() == 1,
                f"the metric '{name}' is not a scalar tensor; a Python number would wait for the device",
            )
        last = {place.network for place in found}
        updated |= last
        training.update(modules, loss)
    return updated


def check_augmentable(training: Training) -> None:
    """Run an iteration, and see that no module within the discriminator is called from outside, its entry excepted."""
    D = training.nets.discriminator
    entry = getattr(D, "entry", D)
    running = passes = 0

    def begins(module: nn.Module, _: object) -> None:
        nonlocal running, passes
        require(
            running > 0 or module in (D, entry) or (passes > 0 and entry is not D),
            f"the trainer is marked augmentable, and calls a {type(module).__name__} within the discriminator, past "
            "its augmentation; leave the mark out, or name the first module as the discriminator's attribute entry",
        )
        running, passes = running + 1, passes + (module is entry)

    def ends(*_: object) -> None:
        nonlocal running
        running -= 1

    for module in D.modules():
        module.register_forward_pre_hook(begins)
        module.register_forward_hook(ends)
    for _ in training.updates(training.batches.fetch):
        pass
    require(passes > 0, "the trainer is marked augmentable, and never calls the discriminator")


def overlap(weights: dict[str, nn.Parameter], others: dict[str, nn.Parameter]) -> bool:
    """Whether two networks share weights, as a parent inside its child does."""
    return not {id(weight) for weight in weights.values()}.isdisjoint(id(weight) for weight in others.values())


def check_same_bits(one: Training, other: Training) -> None:
    for _ in one:
        pass
    for _ in other:
        torch.rand(1)  # random numbers that others draw must not matter
    compare(one, other, "two trainings with the same seed differ in")


def check_resuming(start: Callable[[], Training]) -> None:
    whole, first, second = start(), start(), start()
    for _ in range(ITERATIONS // 2):
        next(first)
    second.load({name: tensor.clone() for name, tensor in first.state().items()}, "the checkpoint")
    for _ in whole:
        pass
    for _ in second:
        pass
    compare(whole, second, "a resumed training differs from an uninterrupted one in")


def compare(one: Training, other: Training, complaint: str) -> None:
    theirs = other.state()
    for name, tensor in one.state().items():
        require(
            name in theirs and tensor.equal(theirs[name]),
            f"{complaint} '{name}'; all randomness has to come from torch's own generators, "
            "and all state has to be parameters or buffers",
        )


def check_saving(model: Model, data: Data, among: Registry) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        model.save(path)
        again = load(path, among=among)
    require(
        np.array_equal(sample(model, data), sample(again, data)),
        "the generator samples differently after saving and loading; all state has to be parameters or buffers",
    )


def sample(model: Model, data: Data, count: int = 7) -> np.ndarray:
    conditions = data.conditions[:count] if model.metadata.condition and data.conditions is not None else None
    return model.sample(range(count), conditions=conditions)


def check_samples(model: Model, data: Data) -> None:
    made = sample(model, data)
    expected = (len(made), *model.metadata.shape)
    require(made.shape == expected, f"the generator makes samples of shape {made.shape}, expected {expected}")
    require(made.dtype == np.float32, f"the generator makes {made.dtype}, expected float32")
    require(bool(np.isfinite(made).all()), "the generator makes samples that are not finite")
    if model.value_range:
        low, high = model.value_range
        require(
            bool((made >= low).all() and (made <= high).all()),
            f"the generator makes values from {made.min():.3g} to {made.max():.3g}, beyond {low}..{high}",
        )
    require(np.array_equal(made, sample(model, data)), "the generator is not deterministic in evaluation mode")
    alone = sample(model, data, 1)
    require(
        np.allclose(made[:1], alone, atol=1e-4),
        "a sample depends on the others in its batch in evaluation mode",
    )


def check_export(model: Model, data: Data) -> None:
    """torch.export, which ONNX export builds on, takes the generator with the batch as its only dynamic axis.

    Sides that are free are tried by the ONNX export itself.
    """
    generator = model.generator()
    kinds = [argument.kind for argument in inspect.signature(generator.forward).parameters.values()]
    require(
        inspect.Parameter.VAR_POSITIONAL not in kinds or isinstance(generator, nn.Sequential),
        "the generator's forward takes *args; name its inputs: forward(z), or forward(z, labels)",
    )
    count = 2
    arguments: tuple[Tensor, ...] = (torch.zeros(count, model.metadata.latent_dim),)
    if (labels := model.labels(count)) is not None:
        arguments += (torch.from_numpy(labels),)
    if model.metadata.condition:
        arguments += (torch.zeros(count, *model.metadata.condition),)
    batch = torch.export.Dim("batch")
    try:
        program = torch.export.export(generator, arguments, dynamic_shapes=tuple({0: batch} for _ in arguments))
        result = program.module()(*(argument.repeat(3, *[1] * (argument.dim() - 1)) for argument in arguments))
    except Exception as error:  # the exporter raises many kinds
        raise ContractError(f"the generator cannot be exported: {first_line(error)}") from error
    require(len(result) == 3 * count, "the exported generator fixes the batch size")
