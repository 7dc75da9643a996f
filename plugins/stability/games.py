"""The game of a run at each of its checkpoints: its networks, and their vector field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.generators.metadata import read_metadata
from ganzoo.generators.weights import read
from ganzoo.parts.build import frozen_parent
from ganzoo.parts.networks import load_state
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.training.batches import Batches, draw_latents
from ganzoo.training.device import choose_device
from ganzoo.training.initial import Initial
from ganzoo.training.loop import Training
from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError, first_line

from .field import Field

LISTED = 12
"""The most checkpoints that an error message lists."""


@dataclass(frozen=True)
class Game:
    """The game of a run at one of its checkpoints.

    Attributes:
        gan: name of the GAN.
        iterations: of training so far.
        optimizer: its name.
        rates: the learning rate of each player in the last iteration; at 0 iterations, in the first.
        field: v(w) on one batch; its start is the weights of the checkpoint.
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
    def relative_rates(self) -> Tensor:
        """The learning rate of each weight as a multiple of the generator's, ``(N,)``."""
        rates = torch.empty_like(self.field.start)
        for player, own in self.field.players.items():
            rates[own] = self.rates[player] / self.lr
        return rates


class Games:
    """The games of a run at its checkpoints, all on the same batch, in float64 on the CPU.

    Args:
        folder: of the run.
        batch_size: samples and latents of the field.

    Attributes:
        iterations: of the checkpoints that the run has kept, ascending; the last is that of the latest checkpoint.

    Raises:
        GanzooError: it is not a run folder, it has no checkpoint, or its data set has changed.
    """

    def __init__(self, folder: Path, batch_size: int) -> None:
        self._folder, self._batch_size = RunFolder(folder), batch_size
        self._record = self._folder.read_record()
        if not self._folder.checkpoint.is_file():
            raise GanzooError(f"{folder} holds no checkpoint yet; training writes one with each sample grid")
        last = read_metadata(self._folder.checkpoint).iterations
        kept = {number: path for number, path in self._folder.kept_checkpoints.items() if number <= last}
        self._paths = kept if last in kept else kept | {last: self._folder.checkpoint}
        self.iterations = tuple(self._paths)
        _, self._data = self._folder.load_data()

    def at(self, iteration: int) -> Game:
        """The game at the checkpoint of an iteration; :class:`GanzooError` if the run has kept none there."""
        self.require(iteration)
        training = self._training(iteration)
        recipe, device = training.recipe, training.device
        loop = replace(recipe.loop, batch_size=self._batch_size)
        with training.random_state.stream():
            z = draw_latents(self._batch_size, training.nets.latent_dim, loop.distribution, device.torch)
        batches = Batches(self._data, loop, training.seed, device, conditional=recipe.gan.conditional)
        real, *condition = batches.next()
        trainer = partial(recipe.train, iteration=iteration + 1)
        try:
            field = Field(training.nets, trainer, (real, z, *condition), seed=training.seed)
        except FOREIGN_ERRORS as error:
            raise GanzooError(f"the vector field of {self._folder} cannot be computed: {first_line(error)}") from error
        return Game(
            gan=recipe.gan.name,
            iterations=iteration,
            optimizer=recipe.names.get("optimizer", "its own optimizer"),
            rates={player: float(own.param_groups[0]["lr"]) for player, own in training.optimizers.items()},
            field=field,
        )

    def weights(self, iteration: int, field: Field) -> Tensor:
        """The weights ``(N,)`` at a checkpoint, in the order of a field. At 0 they can be rebuilt from the seed."""
        if iteration:
            self.require(iteration)
        return field.vector(self._training(iteration).nets)

    def require(self, iteration: int) -> None:
        """Raise GanzooError if the run has kept no checkpoint of that iteration."""
        if iteration in self._paths:
            return
        kept = [str(number) for number in self.iterations]
        if len(kept) > LISTED:
            kept = [*kept[: LISTED - 1], "...", kept[-1]]
        raise GanzooError(
            f"{self._folder} holds no checkpoint of iteration {iteration}; it holds those of {', '.join(kept)} "
            "(ganzoo train --keep-every N keeps more)"
        )

    def _training(self, iteration: int) -> Training:
        """The run's training with the networks and learning rates of an iteration."""
        settings, path = self._record["settings"], self._paths.get(iteration)
        if path:
            tensors, metadata = read(path)
            if metadata.iterations != iteration or self._folder.mismatch(metadata):
                raise GanzooError(f"{path} is not the checkpoint of iteration {iteration} of this run")
            settings = metadata.settings  # the learning rates are those of the run before it was extended
        recipe = resolve(registry().gan(self._record["gan"]), settings)
        parent = frozen_parent(recipe, self._data)
        initial = Initial(freeze=self._record["freeze"])
        device, seed = choose_device("cpu", "fp32"), self._record["seed"]
        training = Training(recipe, self._data, device, seed=seed, parent=parent, initial=initial)
        if path:
            prefix = "networks."
            networks = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
            load_state(training.nets, networks, str(path))
        training.iteration = max(iteration, 1) - 1
        training.set_learning_rates()
        return training
