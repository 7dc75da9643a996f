"""The games of a run: its networks where each of its checkpoints left them, and where they began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.generators.header import check, of_file
from ganzoo.generators.weights import read
from ganzoo.parts.build import untrained_parent
from ganzoo.parts.networks import load_state
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.runs.folders import kept, read_record
from ganzoo.runs.options import Options
from ganzoo.runs.run import lasting
from ganzoo.training.batches import Batches
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training, noise
from ganzoo.util.errors import GanzooError, first_line

from .field import Field

NAMED = 12
"""So many iterations are named where another one was asked for."""


@dataclass(frozen=True)
class Game:
    """The game of a run at one of its checkpoints.

    Attributes:
        gan: its name.
        iterations: how many were played.
        optimizer: its name.
        rates: the learning rates of the players in the last iteration that was played, or in the first one before it.
        field: v(w) on one batch, standing where the checkpoint is.
    """

    gan: str
    iterations: int
    optimizer: str
    rates: Mapping[str, float]
    field: Field

    @property
    def lr(self) -> float:
        """The learning rate of the generator."""
        return self.rates["generator"]

    @property
    def shares(self) -> Tensor:
        """The learning rate of each weight as a multiple of the generator's, ``(N,)``."""
        shares = torch.empty_like(self.field.start)
        for player, own in self.field.players.items():
            shares[own] = self.rates[player] / self.lr
        return shares


class Games:
    """All games of a run: on the same samples of its data and latents of its seed, in float64 on the CPU.

    Args:
        folder: of the run.
        batch: how many samples and latents.

    Attributes:
        iterations: after which it has kept a checkpoint, ascending; the last one is where the run stands.

    Raises:
        GanzooError: there is no such run, it has no checkpoint, or its data have changed.
    """

    def __init__(self, folder: Path, batch: int) -> None:
        self._folder, self._batch, self._record = folder, batch, read_record(folder)
        checkpoint = folder / "checkpoint.safetensors"
        if not checkpoint.is_file():
            raise GanzooError(f"{folder} holds no checkpoint yet; it comes with the first pictures of a training")
        header = of_file(checkpoint)
        check(header, checkpoint)
        last = header["iterations"]
        held = {number: path for number, path in kept(folder).items() if number <= last}
        self._paths = held if last in held else held | {last: checkpoint}  # what is kept stays while a run goes on
        self.iterations = tuple(self._paths)
        options = Options(**{name: self._record[name] for name in Options.__dataclass_fields__})
        self._data = options.load_data()
        if self._data.sha256 != self._record["data_sha256"]:
            raise GanzooError(f"data set {options.data} has changed since the run in {folder}")

    def at(self, number: int) -> Game:
        """The game after so many iterations; :class:`GanzooError` if the run has kept no such checkpoint."""
        self.require(number)
        training = self._training(number)
        recipe, device = training.recipe, training.device
        with training.randomness.stream():
            z = noise(self._batch, training.nets.latent_dim, recipe.loop.distribution, device.torch)
        feed = Batches(
            self._data, self._batch, training.seed, device, recipe.loop.pixel_range, told=recipe.gan.conditional
        )
        real, *condition = feed.next()
        trainer = partial(recipe.functions["trainer"], **recipe.values["trainer"])
        try:
            field = Field(training.nets, trainer, (real, z, *condition), seed=training.seed)
        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise GanzooError(f"the game of {self._folder} has no field: {first_line(error)}") from error
        return Game(
            gan=recipe.gan.name,
            iterations=number,
            optimizer=recipe.names.get("optimizer", "its own optimizer"),
            rates={player: float(own.param_groups[0]["lr"]) for player, own in training.optimizers.items()},
            field=field,
        )

    def weights(self, number: int, field: Field) -> Tensor:
        """The weights after so many iterations, in the order of a field; the first ones are built anew if need be."""
        if number:
            self.require(number)
        return field.vector(self._training(number).nets)

    def require(self, number: int) -> None:
        """Refuse an iteration of which the run has kept no checkpoint."""
        if number in self._paths:
            return
        few = (
            self.iterations
            if len(self.iterations) <= NAMED
            else (*self.iterations[: NAMED - 1], "...", self.iterations[-1])
        )
        raise GanzooError(
            f"{self._folder} holds no checkpoint of iteration {number}; it holds those of {', '.join(map(str, few))} "
            "(ganzoo train --keep-every N keeps more)"
        )

    def _training(self, number: int) -> Training:
        """The run's training, its networks and learning rates as they were in that iteration."""
        settings, networks, path = self._record["settings"], {}, self._paths.get(number)
        if path:
            tensors, header = read(path)
            check(header, path)
            if header["iterations"] != number or lasting(header) != lasting(self._record):
                raise GanzooError(f"{path} is no checkpoint of iteration {number} of this run (any more)")
            settings = header["settings"]  # a run that was made longer has had other learning rates
            networks = {
                name.removeprefix("networks."): t for name, t in tensors.items() if name.startswith("networks.")
            }
        recipe = resolve(registry().gan(self._record["gan"]), settings)
        parent = untrained_parent(recipe, self._data)
        if parent and recipe.loop.parent_training == "first":
            parent = parent.without_parent().freeze()
        training = Training(recipe, self._data, choose_device("cpu", "fp32"), seed=self._record["seed"], parent=parent)
        if path:
            load_state(training.nets, networks, str(path))
        training.number = max(number, 1) - 1
        training.schedule()
        return training
