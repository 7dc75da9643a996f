"""The contract of what a plugin registers besides GANs, and the networks and trainers in them."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganzoo.data import Data, Request
from ganzoo.loggers import LoggedRun, Logger
from ganzoo.parts.task import Task
from ganzoo.registry.metrics import MetricFailed, measure
from ganzoo.registry.registry import Registry, registry
from ganzoo.testing.contract import ContractError, require
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.files import download_folder

Part = Callable[..., Any]


def check_part(kind: str, name: str, *, among: Registry | None = None) -> None:
    """Prove every claim of the contract on a registered part, in seconds and on the CPU.

    Args:
        kind: ``optimizer``, ``augmentation``, ``schedule``, ``dataset``, ``logger`` or ``metric``. Generators,
            discriminators and trainers are checked within a GAN, by :func:`ganzoo.testing.check`.
        name: under which it is registered; of a data set also ``NAME:ARGUMENT``.
        among: the registry in which it is looked up; that of the installed plugins by default.

    Raises:
        ContractError: the first claim that fails.
        GanzooError: there is no such part, or it cannot be used here.
    """
    for _ in part_claims(kind, name, among=among):
        pass


def part_claims(kind: str, name: str, *, among: Registry | None = None) -> Iterator[str]:
    """Prove the contract claim by claim, yielding each claim that holds; see :func:`check_part`."""
    if kind not in CLAIMS:
        raise GanzooError(f"a part of the kind {kind!r:.60} is not checked alone; take {', '.join(CLAIMS)}")
    part = (among or registry()).part(kind, name.partition(":")[0])
    try:
        yield from CLAIMS[kind](name, part)
    except (GanzooError, KeyboardInterrupt):
        raise
    except (Exception, SystemExit) as error:  # whatever the part raises
        raise ContractError(f"{kind} '{name}' fails: {first_line(error)}") from error


# Optimizers.


def optimizer_claims(name: str, make: Part) -> Iterator[str]:
    def start() -> tuple[nn.Parameter, Any]:
        weight = nn.Parameter(torch.arange(6.0).reshape(2, 3) / 10)
        return weight, make([weight])

    def step(weight: nn.Parameter, optimizer: Any, number: int) -> None:
        weight.grad = torch.linspace(-1, 1, 6).reshape(2, 3) * number
        optimizer.step()

    weight, optimizer = start()
    require(isinstance(optimizer, torch.optim.Optimizer), f"optimizer '{name}' makes a {type(optimizer).__name__}")
    require(
        all(isinstance(group.get("lr"), float | Tensor) for group in optimizer.param_groups),
        f"optimizer '{name}' has a parameter group without 'lr', which the loop sets",
    )
    yield "makes an optimizer of torch, whose learning rate the loop can set"
    before = weight.detach().clone()
    for number in range(1, 4):
        step(weight, optimizer, number)
    require(not weight.equal(before), f"optimizer '{name}' leaves the weights as they are")
    require(bool(weight.isfinite().all()), f"optimizer '{name}' makes weights that are not finite")
    yield "updates the weights"
    other, again = start()
    for number in range(1, 3):
        step(other, again, number)
    resumed = make([other])
    resumed.load_state_dict(copy.deepcopy(again.state_dict()))
    step(other, resumed, 3)
    require(weight.equal(other), f"optimizer '{name}' differs when it is resumed; all state has to be in state_dict()")
    yield "resumes with the bits of an uninterrupted training"


# Augmentations.


def augmentation_claims(name: str, make: Part) -> Iterator[str]:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 3, 16, 16), np.uint8)
    data = Data(name="noise", samples=pixels)
    task = Task(shape=data.shape, range=(-1.0, 1.0), latent_dim=8, data=data)
    module = make(task)
    if module is None:
        yield "makes no augmentation for colour images of 16x16"
        return
    require(isinstance(module, nn.Module), f"augmentation '{name}' makes a {type(module).__name__}, not a module")
    yield "makes a module"
    samples = torch.from_numpy(pixels[:8]).float().div(127.5).sub(1).requires_grad_()
    for given in ((samples,), (samples, samples.detach().clone())):
        made = module.train()(*given)
        require(
            isinstance(made, tuple | list) and len(made) == len(given),
            f"augmentation '{name}' makes {made!r:.60} of {len(given)} tensors; return as many, as a tuple",
        )
        shapes = [tuple(each.shape) for each in made]
        require(shapes == [tuple(each.shape) for each in given], f"augmentation '{name}' changes shapes to {shapes}")
        require(all(bool(each.isfinite().all()) for each in made), f"augmentation '{name}' makes what is not finite")
    yield "maps samples, and samples with conditions, to as many tensors of the same shapes"
    made = module(samples)[0]
    require(made.requires_grad, f"augmentation '{name}' stops the gradient of the samples")
    made.sum().backward()
    require(samples.grad is not None, f"augmentation '{name}' stops the gradient of the samples")
    yield "lets gradients through"


# Schedules.


def schedule_claims(name: str, schedule: Part) -> Iterator[str]:
    factors = [schedule(step / 100) for step in range(101)]
    wrong = [factor for factor in factors if isinstance(factor, bool) or not isinstance(factor, int | float)]
    require(not wrong, f"schedule '{name}' gives {wrong[:1]!r:.60}, not a number")
    require(all(0 <= factor <= 1 for factor in factors), f"schedule '{name}' leaves [0, 1]: {max(factors):.3g}")
    require(factors[0] > 0, f"schedule '{name}' begins at 0, so nothing is learned")
    yield "gives factors from 0 to 1"
    require(factors == [schedule(step / 100) for step in range(101)], f"schedule '{name}' depends on earlier calls")
    yield "depends on the progress alone"


# Data sets.


def dataset_claims(name: str, load: Part) -> Iterator[str]:
    data = loaded(name, load)
    require(len(data) > 0, f"data set '{name}' is empty")
    kind = "images" if data.is_images else "vectors"
    yield f"loads {len(data):,} {kind} {data.shape}"
    again = loaded(name, load)
    require(again.sha256 == data.sha256, f"data set '{name}' differs each time that it is loaded")
    yield "loads the same data each time"
    part = np.asarray(data.samples[np.arange(min(3, len(data)))])
    require(
        part.shape[1:] == data.shape and part.dtype == data.samples.dtype,
        f"data set '{name}' gives {part.dtype} {part.shape} for its first samples",
    )
    yield "gives samples at indices"


def loaded(name: str, load: Part) -> Data:
    """The training split of a data set."""
    data = load(Request(name=name, argument=name.partition(":")[2], directory=download_folder()))
    if not isinstance(data, Data):
        raise ContractError(f"the loader of data set '{name}' returned {type(data).__name__}, not ganzoo.data.Data")
    return data


# Loggers.


def logger_claims(name: str, make: Part) -> Iterator[str]:
    logger = make()
    require(isinstance(logger, Logger), f"logger '{name}' is a {type(logger).__name__}, not a ganzoo.loggers.Logger")
    yield "is made without arguments"
    with tempfile.TemporaryDirectory() as folder:
        run_of_four(logger, Path(folder), begin=0)
        yield "takes a run from its start to its end"
        run_of_four(make(), Path(folder), begin=2)
        yield "takes the same run as it is resumed from a checkpoint"


def run_of_four(logger: Logger, folder: Path, *, begin: int) -> None:
    """What a run of four iterations hands to a logger that begins after some of them."""
    logger.start(
        LoggedRun(
            id="0" * 31 + "1", name="check", folder=folder.resolve(), gan="simple", iteration=begin, iterations=4,
            settings={"loop.iterations": 4, "generator.widths": [8, 8], "loop.lr_schedule": "linear"},
            facts={"data": "noise", "seed": 0, "image_size": None, "command": "ganzoo train | tee"},
        )
    )  # fmt: skip
    random = np.random.default_rng(0)
    for iteration in range(begin + 1, 5):
        values = {"loss.generator+discriminator.q": 1 / iteration, "discriminator_accuracy": 0.5, "cpu_seconds": 1.0}
        logger.metrics(iteration, values)
        logger.scores(iteration, {"mnist-fd": 10.0 / iteration})
        logger.samples(iteration, random.integers(0, 256, (8, 12, 1 + 2 * (iteration % 2)), np.uint8))
    logger.end("finished" if begin else "stopped")


# Metrics.


def metric_claims(name: str, function: Part) -> Iterator[str]:
    random = np.random.default_rng(0)

    def images(count: int) -> NDArray[Any]:
        return random.integers(0, 256, (count, 3, 16, 16), np.uint8)

    def vectors(count: int) -> NDArray[Any]:
        return random.standard_normal((count, 2)).astype(np.float32)

    refused = []
    for kind, samples in (("images", images), ("vectors", vectors)):
        generated, real = samples(60), samples(40)
        try:
            found = measure(name, function, generated, real)
        except MetricFailed as error:
            raise ContractError(str(error)) from error
        except GanzooError as error:
            refused.append(str(error))
            continue
        require(all(map(np.isfinite, found.values())), f"metric '{name}' is not finite for random {kind}: {found}")
        yield f"returns named numbers for {kind}: {', '.join(found)}"
        again = measure(name, function, generated.copy(), real.copy())
        require(found == again, f"metric '{name}' gives other numbers for the same {kind}")
        other = measure(name, function, samples(30), real)
        require(list(found) == list(other), f"metric '{name}' gives other names for other {kind}: {', '.join(other)}")
        yield f"gives the same numbers for the same {kind}, and the same names for others"
    require(len(refused) < 2, f"metric '{name}' takes neither images nor vectors: {'; '.join(refused)}")
    for reason in refused:
        yield f"refuses others in one line ({reason})"


CLAIMS: Mapping[str, Callable[[str, Part], Iterator[str]]] = {
    "optimizer": optimizer_claims,
    "augmentation": augmentation_claims,
    "schedule": schedule_claims,
    "dataset": dataset_claims,
    "logger": logger_claims,
    "metric": metric_claims,
}
