"""The game of a run: its networks where its checkpoint left them, and where they began."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from ganzoo.device import choose
from ganzoo.feed import Feed
from ganzoo.header import check
from ganzoo.networks import load_state
from ganzoo.runs.folders import read_record
from ganzoo.runs.options import Options
from ganzoo.settings import resolve
from ganzoo.spec import GanzooError, told
from ganzoo.stability.field import Field
from ganzoo.training import Training, noise, untrained_parent
from ganzoo.weights import read
from ganzoo.zoo import zoo


@dataclass(frozen=True)
class Game:
    """The game of a run.

    Attributes:
        gan: its name.
        rounds: how many were played.
        lr: the learning rate with which the optimizer began.
        optimizer: its name.
        field: v(w) on one batch, standing where the checkpoint is.
        first: the weights before the first round, built anew from the seed.
    """

    gan: str
    rounds: int
    lr: float
    optimizer: str
    field: Field
    first: Tensor


def of_run(folder: Path, batch: int) -> Game:
    """Read a run's game, on so many samples of its data and as many latents of its seed; in float64 on the CPU.

    Raises:
        GanzooError: there is no such run, it has no checkpoint, or its data have changed.
    """
    record = read_record(folder)
    checkpoint = folder / "checkpoint.safetensors"
    if not checkpoint.is_file():
        raise GanzooError(f"{folder} holds no checkpoint yet; it comes with the first pictures of a training")
    tensors, header = read(checkpoint)
    check(header, checkpoint)
    recipe = resolve(zoo().gan(record["gan"]), record["settings"])
    data = Options(**{name: record[name] for name in Options.__dataclass_fields__}).load_data()
    if data.sha256 != record["data_sha256"]:
        raise GanzooError(f"data set {record['data']} has changed since the run in {folder}")
    device = choose("cpu", "fp32")
    parent = untrained_parent(recipe, data)
    if parent and recipe.loop.schedule == "sequential":
        parent = parent.alone().freeze()
    training = Training(recipe, data, device, seed=record["seed"], parent=parent)
    untrained = copy.deepcopy(training.nets)
    networks = {
        name.removeprefix("networks."): tensor for name, tensor in tensors.items() if name.startswith("networks.")
    }
    load_state(training.nets, networks, str(checkpoint))
    with training.randomness.stream():
        z = noise(batch, training.nets.latent, recipe.loop.distribution, device.torch)
    real, *given = Feed(data, batch, training.seed, device, recipe.loop.pixels, told=recipe.gan.conditional).next()
    trainer = partial(recipe.functions["trainer"], **recipe.values["trainer"])
    try:
        field = Field(training.nets, trainer, (real, z, *given), seed=training.seed)
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise GanzooError(f"the game of {folder} has no field: {told(error)}") from error
    return Game(
        gan=recipe.gan.name,
        rounds=header["rounds"],
        lr=recipe.values["optimizer"].get("lr", float("nan")),
        optimizer=recipe.names.get("optimizer", "its own optimizer"),
        field=field,
        first=field.vector(untrained),
    )
