"""The contract of a plugin, proved on a GAN: for its author's tests, and for ``ganzoo check``.

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
from ganzoo.parts.build import untrained_parent
from ganzoo.parts.networks import state_tensors
from ganzoo.registry.gan import GAN, Overrides
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.registry.registry import Registry, registry
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError, first_line

SAMPLES, BATCH, ITERATIONS = 256, 8, 4
MOST_MOVES = 1000


class ContractError(GanzooError):
    """A GAN does not keep the contract; the message says which claim fails, and how."""


def check(gan: str | GAN, *, settings: Overrides | None = None, among: Registry | None = None) -> None:
    """Prove every claim of the contract on a GAN and its own data, in seconds and on the CPU.

    Args:
        gan: a record, or the name of a registered one.
        settings: overrides, as ``--set`` takes them.
        among: the zoo in which names are looked up; that of the installed plugins by default.

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
    among = replace(among, gans={**among.gans, record.name: record})  # its weights are looked up by its name
    recipe = resolve(record, {"batch_size": BATCH, "loop.iterations": ITERATIONS, **(settings or {})}, among=among)
    data = small(datasets.load(record.data))

    def begin() -> Training:
        return training(recipe, data)

    begin()
    yield "builds its networks for its data"
    moves(begin())
    yield "yields (network, loss), ends its iteration, and changes nothing but the network that moved"
    same_bits(begin(), begin())
    yield "gives the same bits for the same seed"
    resumes(begin)
    yield "resumes with the bits of an uninterrupted run"
    last = begin()
    for _ in last:
        pass
    model = last.model()
    saves(model, data, among)
    yield "saves and loads identically"
    samples(model, data)
    yield "samples in shape and range, the same whatever the batch"
    exports(model, data)
    yield "exports with any batch size"


def require(condition: bool, complaint: str) -> None:
    if not condition:
        raise ContractError(complaint)


def small(data: Data) -> Data:
    """The first few samples of a data set, its classes and all."""
    return Data(
        name=data.name,
        samples=data.samples[:SAMPLES],
        labels=None if data.labels is None else data.labels[:SAMPLES],
        classes=data.classes,
        conditions=None if data.conditions is None else data.conditions[:SAMPLES],
    )


def training(recipe: Recipe, data: Data) -> Training:
    """A training on the CPU at full precision, over an untrained parent if the GAN has one."""
    torch.manual_seed(1)
    parent = untrained_parent(recipe, data) if recipe.loop.parent_training == "first" else None
    if parent:
        parent = parent.without_parent().freeze()
    return Training(recipe, data, choose_device("cpu", "fp32"), seed=0, parent=parent)


def copies(modules: dict[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
    return {
        name: {key: value.clone() for key, value in state_tensors(module).items()} for name, module in modules.items()
    }


def moves(training: Training) -> None:
    """One iteration by hand, with an eye on what the trainer touches."""
    players = training.nets.trainable()
    frozen = {"parent": training.nets.parent} if training.nets.parent and training.nets.parent.frozen else {}
    names = {id(network): name for name, network in players.items()}
    trainable = {name: dict(training.nets.get_submodule(name).named_parameters()) for name in players}
    before_frozen = copies(dict(frozen))
    round_ = training.updates()
    mover: str | None = None
    moved: set[str] = set()
    for number in range(MOST_MOVES + 1):
        before = {name: [weight.detach().clone() for weight in weights.values()] for name, weights in trainable.items()}
        move = next(round_, None)
        for name, weights in trainable.items():
            untouched = all(torch.equal(a, b) for a, b in zip(before[name], weights.values(), strict=True))
            require(
                untouched or mover == name or (mover is not None and shares(trainable[mover], weights)),
                f"the trainer changed the weights of the {name}, whose move it was not; a trainer yields losses and "
                "may constrain a network only after that network's own move",
            )
        if move is None:
            break
        require(
            number < MOST_MOVES, f"the iteration did not end within {MOST_MOVES} moves; a trainer plays one iteration"
        )
        require(
            isinstance(move, tuple) and len(move) in (2, 3),
            f"the trainer yielded {type(move).__name__}; a move is (network, loss) or (network, loss, figures)",
        )
        network, loss, *figures = move
        require(
            id(network) in names,
            f"the trainer moved a network that is not a player; the players are {', '.join(names.values())}",
        )
        require(
            isinstance(loss, Tensor) and loss.dim() == 0 and bool(loss.isfinite()),
            f"the loss of the {names[id(network)]} is not one finite number but "
            f"{loss.tolist() if isinstance(loss, Tensor) else loss!r:.60}",
        )
        for name, value in (figures[0] if figures else {}).items():
            require(
                isinstance(value, Tensor) and value.numel() == 1,
                f"the figure '{name}' is not a tensor with one number; reading one here would wait for the device",
            )
        mover = names[id(network)]
        moved.add(mover)
        training.step(mover, loss)
    require(
        {"generator", "discriminator"} <= moved, f"only {', '.join(sorted(moved)) or 'nobody'} moved in an iteration"
    )
    for name, tensors in copies(dict(frozen)).items():
        for key, value in tensors.items():
            require(torch.equal(value, before_frozen[name][key]), f"the iteration changed '{key}' of the frozen {name}")


def shares(weights: dict[str, nn.Parameter], others: dict[str, nn.Parameter]) -> bool:
    """Whether one network stands inside the other."""
    return not {id(weight) for weight in weights.values()}.isdisjoint(id(weight) for weight in others.values())


def same_bits(one: Training, other: Training) -> None:
    for _ in one:
        pass
    for _ in other:
        torch.rand(1)  # what happens outside must not matter
    compare(one, other, "two trainings with one seed differ in")


def resumes(begin: Callable[[], Training]) -> None:
    whole, first, second = begin(), begin(), begin()
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


def saves(model: Model, data: Data, among: Registry) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        model.save(path)
        again = load(path, among=among)
    require(
        np.array_equal(draw(model, data), draw(again, data)),
        "the generator samples otherwise after saving and loading; all state has to be parameters or buffers",
    )


def draw(model: Model, data: Data, count: int = 7) -> np.ndarray:
    conditions = None if not model.header["condition_dim"] or data.conditions is None else data.conditions[:count]
    return model.sample(range(count), conditions=conditions)


def samples(model: Model, data: Data) -> None:
    made = draw(model, data)
    expected = (len(made), *model.header["shape"])
    require(made.shape == expected, f"the generator makes samples of shape {made.shape}, expected {expected}")
    require(made.dtype == np.float32, f"the generator makes {made.dtype}, expected float32")
    require(bool(np.isfinite(made).all()), "the generator makes samples that are not finite")
    if model.limits:
        low, high = model.limits
        require(
            bool((made >= low).all() and (made <= high).all()),
            f"the generator makes values from {made.min():.3g} to {made.max():.3g}, beyond {low}..{high}",
        )
    require(np.array_equal(made, draw(model, data)), "the generator is not deterministic in evaluation mode")
    alone = draw(model, data, 1)
    require(
        np.allclose(made[:1], alone, atol=1e-4),
        "a sample depends on the others in its batch in evaluation mode",
    )


def exports(model: Model, data: Data) -> None:
    """torch.export, on which ONNX export stands, takes the graph with the batch as its only dynamic axis."""
    generator = model.generator()
    kinds = [argument.kind for argument in inspect.signature(generator.forward).parameters.values()]
    require(
        inspect.Parameter.VAR_POSITIONAL not in kinds or isinstance(generator, nn.Sequential),
        "the generator's forward takes *args; name its inputs: forward(z), or forward(z, labels)",
    )
    count = 2
    arguments: tuple[Tensor, ...] = (torch.zeros(count, model.header["latent_dim"]),)
    if (labels := model.labels(count)) is not None:
        arguments += (torch.from_numpy(labels),)
    elif model.header["condition_dim"]:
        arguments += (torch.zeros(count, model.header["condition_dim"]),)
    batch = torch.export.Dim("batch")
    try:
        program = torch.export.export(generator, arguments, dynamic_shapes=tuple({0: batch} for _ in arguments))
        result = program.module()(*(argument.repeat(3, *[1] * (argument.dim() - 1)) for argument in arguments))
    except Exception as error:  # whatever the exporter raises, it is the generator's forward that it cannot take
        raise ContractError(f"the generator cannot be exported: {first_line(error)}") from error
    require(len(result) == 3 * count, "the exported generator fixes the batch size")
