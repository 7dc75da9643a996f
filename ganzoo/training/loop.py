"""The training loop: the only place where networks are updated."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganzoo.data import Data
from ganzoo.generators.metadata import DataMetadata, Metadata
from ganzoo.generators.weights import Model
from ganzoo.parts.augmentation import has_few
from ganzoo.parts.build import augmentation, build, frozen_networks, task_of, untrained_parent
from ganzoo.parts.networks import Networks, fingerprint, load_state, state_tensors
from ganzoo.registry.recipe import Recipe
from ganzoo.training.augmented import Augmented
from ganzoo.training.batches import Batches, draw_latents
from ganzoo.training.device import Device, RandomState, flush_denormals
from ganzoo.training.device.types import NextBatch, Results, Step, optimizer_step
from ganzoo.training.distributed.ranks import current_ranks
from ganzoo.training.ema import EMA
from ganzoo.training.history import Kept
from ganzoo.training.initial import Initial, begin
from ganzoo.training.learning_rates import LearningRates, require_weights, set_options
from ganzoo.training.optimizer_state import load_optimizer_state, optimizer_state
from ganzoo.training.updates import Place, Updated, check_update, places
from ganzoo.util.display import page, unless_it_fails
from ganzoo.util.errors import GanzooError
from ganzoo.util.signals import interrupt_at_end

log = logging.getLogger("ganzoo")


@dataclass(frozen=True)
class Iteration:
    """One training iteration that is done.

    Attributes:
        number: counted from 1.
        losses: of the last update of each network or part, by name; scalars on the device. Reading one waits for it.
        metrics: what the trainer logs besides; scalars on the device.
    """

    number: int
    losses: dict[str, Tensor]
    metrics: dict[str, Tensor]


END = object()  # of an iteration


class Training(Iterator[Iteration]):
    """An iterator that runs one training iteration at each step, until the recipe's number of iterations.

    The caller's ``for`` decides when to log, save and stop. Nothing in an iteration waits for the device.

    Args:
        recipe: all parts and settings.
        data: the training data.
        device: where to train, in which precision; see :func:`ganzoo.training.device.choose_device`.
        seed: of all random numbers.
        parent: the trained, frozen networks of a parent; without them, a parent is trained jointly.
        initial: trained weights to begin with, and layers that are not trained; by default neither.

    Attributes:
        iteration: how many iterations are done.
        weights: the parameters that an update of each network changes, by name.
        initial: what the training began with, without the weights themselves.
        beginning: what was taken over of the initial weights, and which layers are not trained.
        augmented: what the discriminator sees in place of the images.
        kept: losses and metrics of the iterations so far, for :func:`ganzoo.history`.
        kept_back: places of the images that are not trained on, of few colour images; else ``None``.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        device: Device,
        *,
        seed: int = 0,
        parent: Networks | None = None,
        initial: Initial | None = None,
    ) -> None:
        self.recipe, self.data, self.seed = recipe, data, seed
        self.iteration, self._is_whole, self.ranks = 0, True, current_ranks()
        self.random_state = RandomState(seed, device.torch)
        with self.random_state.stream(), flush_denormals():
            if parent is None:
                parent = untrained_parent(recipe, data)
            self.task = task_of(recipe, data, parent)
            nets = build(recipe, self.task)
            nets.frozen = frozen_networks(recipe, self.task)
            few = recipe.values["augmentation"].get("few", 0)  # images, up to which a discriminator is watched
            self.augmented = Augmented(augmentation(recipe, self.task), watches=has_few(self.task, few))
        self.initial = replace(initial or Initial(), model=None)
        self.beginning = begin(nets, recipe, initial or Initial())
        self._fingerprints = {name: fingerprint(network) for name, network in nets.frozen.items()}
        self.device = device.suited_to(nets)
        self.kept_back = self.augmented.kept_back(data, nets.discriminator, 2 if self.task.num_classes else 1)
        self.batches = Batches(
            data, recipe.loop, seed, self.device, conditional=recipe.gan.conditional, kept_back=self.kept_back
        )
        self.nets = self.device.prepare_networks(nets).train()
        self.augmented.attach(self.nets.discriminator, self.device.torch)
        self.metadata().require_readable("this training")
        self.ema = EMA(nets.generator, recipe.ema_at(1))
        self.weights = {name: nets.parameters_of(name) for name in nets.trainable()}
        self.optimizers = {name: self._create_optimizer(name, weights) for name, weights in self.weights.items()}
        self._places = places(nets.trainable())
        self._rates: dict[str, LearningRates] = {}
        self._scheduled: list[str] = []  # networks whose optimizers have options that change
        self.set_learning_rates()
        self.kept = Kept()

    def __repr__(self) -> str:
        planned, data = self.recipe.loop.iterations, self.data
        facts = f"{self.recipe.gan.name}, iteration {self.iteration:,} of {planned:,}, on {self.device.torch}"
        return "\n".join([f"Training of {facts}", repr(data), *self.beginning.lines])

    @unless_it_fails
    def _repr_html_(self) -> str:
        shown = self.model()._repr_html_() if self.iteration else ""
        recipe = self.recipe
        facts = [("data", self.data.name), ("iteration", f"{self.iteration:,} of {recipe.loop.iterations:,}")]
        facts += [("device", f"{self.device.torch} {self.device.precision}"), ("seed", str(self.seed))]
        facts += [(key, value) for key, value in recipe.flat().items() if key != "loop.iterations"]
        lines = [*self.data.notes, *self.beginning.lines]
        return page(f"Training of {recipe.gan.name}", facts, lines=lines, pictures=shown or "")

    def _create_optimizer(self, name: str, weights: Sequence[nn.Parameter]) -> Optimizer:
        """An optimizer for a network, or for some of its weights: its own, or that of its GAN."""
        optimizer: Optimizer = self.recipe.of_network(name).optimizer(name.rpartition(".")[2], weights)
        return optimizer

    def _choose_runner(self) -> None:
        """Choose once how iterations run: eagerly by ``self.iterate(self.batches.fetch)``, compiled or captured.

        Each iteration of a trainer's period is compiled or captured by itself.
        """
        period = self.recipe.period if self.device.compile or self.device.graph else 1
        if period is None:
            raise GanzooError(
                f"the trainer of {self.recipe.gan.name} changes with the iteration, and has no attribute "
                "period, after how many it does the same again; leave out --compile and --graph"
            )
        runs = [
            self.device.runner(self.iterate, self.batches.fetch, self.nets, self.random_state) for _ in range(period)
        ]
        self._run = runs[0] if period == 1 else lambda: runs[self.iteration % period]()

    def __next__(self) -> Iteration:
        if self.iteration >= self.recipe.loop.iterations:
            raise StopIteration
        self._require_whole()
        self.set_learning_rates()
        self._set_changing()
        with interrupt_at_end(), self.random_state.stream(), self.ranks.global_batch(), flush_denormals():
            self._is_whole = False
            losses, metrics = self._run()
            self.iteration += 1
            self.ema.update(self.iteration)
            if self.augmented.is_due(self.iteration):
                accuracy = self.ranks.mean(metrics.get("discriminator_accuracy"))
                with self.device.forward():
                    metrics |= self.augmented.adapt(self.nets.discriminator, self.batches, self.iteration, accuracy)
            self._is_whole = True
        self.kept.add(self.iteration, losses, metrics)
        return Iteration(self.iteration, losses, metrics)

    def _require_whole(self) -> None:
        """Refuse to use half an iteration, which an error or a second Ctrl-C has left."""
        if not self._is_whole:
            raise GanzooError(
                f"iteration {self.iteration + 1} was broken off, so this training cannot continue; start a new one, or "
                "load a state from before it"
            )

    def iterate(self, next_batch: NextBatch, step: Step = optimizer_step) -> Results:
        """One iteration: the trainer yields what to update and its loss, and that is updated, until it ends.

        Args:
            next_batch: gives the next batch of the data set, as :meth:`Batches.fetch` does.
            step: takes the optimizer's step; a trace records it instead.
        """
        losses: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for update in self.updates(next_batch):
            check_update(update, self.recipe.gan.name)
            updated, loss, *logged = update
            name = self.update(updated, loss, step)
            losses[name] = loss.detach()
            metrics |= logged[0] if logged else {}
        if not losses:
            raise GanzooError(f"an iteration of {self.recipe.gan.name} updates no network; yield at least one loss")
        return losses, metrics

    def updates(self, next_batch: NextBatch) -> Iterator[Any]:
        """What the trainer yields in one iteration: ``(updated, loss)`` or ``(updated, loss, metrics)``."""

        def draw() -> tuple[Tensor, ...]:
            real, *condition = self.batches.normalize(next_batch())
            z = draw_latents(len(real), self.nets.latent_dim, self.recipe.loop.distribution, self.device.torch)
            return (real, z, *condition)

        trainer = self.recipe.train(self.nets, draw, self.iteration + 1)
        while True:
            with self.device.forward():  # the loss is computed while the trainer is resumed
                try:
                    update = next(trainer, END)
                except SystemExit as error:  # which would look like the end of the training
                    raise GanzooError(f"the trainer of {self.recipe.gan.name} ends the process: {error}") from error
            if update is END:
                return
            yield update

    def update(self, updated: Updated, loss: Tensor, step: Step = optimizer_step) -> str:
        """Update a network, a module within one, or several of them jointly.

        The gradient of the loss reaches their own weights alone. Each network's optimizer takes one step; it leaves
        alone what has no gradient.

        Returns:
            Their name, such as ``discriminator``, ``generator.encoder`` or ``generator+discriminator.q``.
        """
        modules = updated if isinstance(updated, tuple) else (updated,)
        found = [self.place_of(module) for module in modules]
        inside = {id(weight) for module in modules for weight in module.parameters()}
        networks = {place.network: self.weights[place.network] for place in found}
        for weight in chain(*networks.values()):
            weight.grad = None
        inputs = [weight for weight in chain(*networks.values()) if id(weight) in inside]
        if not inputs:
            names = "+".join(place.name for place in found)
            raise GanzooError(
                f"the trainer of {self.recipe.gan.name} updates {names}, of which no weight is trained; freeze less"
            )
        with self.device.backward():
            loss.backward(inputs=inputs)  # type: ignore[no-untyped-call]
        for network, weights in networks.items():
            self.ranks.average_gradients(weights)
            step(self.optimizers[network], weights)
        return "+".join(place.name for place in found)

    def place_of(self, module: nn.Module) -> Place:
        """Where a module is in the networks that are trained here; GanzooError for any other."""
        try:
            return self._places[id(module)]
        except KeyError:
            raise GanzooError(
                f"the trainer of {self.recipe.gan.name} yields a {type(module).__name__} that is not trained here; "
                f"the networks are: {', '.join(self.weights)}"
            ) from None

    def set_learning_rates(self) -> None:
        """Set the next iteration's learning rates by ``lr_schedule``; the discriminator's are multiplied by ``ttur``.

        They begin with the rate of an optimizer itself. What the caller or a scheduler of torch sets stays as it is;
        see :class:`ganzoo.training.learning_rates.LearningRates`. An optimizer may be replaced between two iterations.

        Raises:
            GanzooError: an optimizer was replaced by one of other weights.
        """
        if self._adopt_optimizers():
            self._choose_runner()  # what was compiled or captured has the old one
        for name, rates in self._rates.items():
            recipe = self.recipe.of_network(name)
            decay = recipe.schedules[recipe.loop.lr_schedule](self.iteration / self.recipe.loop.iterations)
            rates.set(decay * (recipe.loop.ttur if name.endswith("discriminator") else 1.0))

    def _set_changing(self) -> None:
        """Set what a schedule changes besides: options of the optimizers, the average and the augmentation."""
        number = self.iteration + 1
        for name in self._scheduled:
            set_options(self.optimizers[name], self._changing_options(name, number))
        self.ema.decay = self.recipe.ema_at(number)
        self.augmented.set(self.recipe.changing_at("augmentation", number))

    def _changing_options(self, network: str, number: int) -> dict[str, float]:
        """The options of a network's optimizer that change, in an iteration, counted from 1."""
        recipe = self.recipe.of_network(network)
        return recipe.changing_at(recipe.optimizer_part(network.rpartition(".")[2]), number)

    def _adopt_optimizers(self) -> bool:
        """Prepare optimizers that are new here; whether there were any."""
        new = [
            name
            for name, optimizer in self.optimizers.items()
            if name not in self._rates or self._rates[name].optimizer is not optimizer
        ]
        for name in new:
            optimizer, loop = self.optimizers[name], self.recipe.of_network(name).loop
            options = self._changing_options(name, 1)
            if name in self._rates:  # it was replaced
                require_weights(name, optimizer, self.weights[name])
                if name in self._scheduled:
                    self._scheduled.remove(name)
                    log.warning("the %s's optimizer was replaced, so %s no longer changes", name, ", ".join(options))
            elif options:
                if self.device.graph:
                    raise GanzooError(
                        f"the optimizer's {', '.join(options)} changes during the training, which a captured iteration "
                        "cannot follow; give one value, or leave out --graph"
                    )
                self._scheduled.append(name)
            self.device.prepare_optimizer(optimizer)
            changes = [f"lr_schedule={loop.lr_schedule}"] if loop.lr_schedule != "constant" else []
            changes += [f"ttur={loop.ttur:g}"] if name.endswith("discriminator") and loop.ttur != 1 else []
            self._rates[name] = LearningRates(name, optimizer, " and ".join(changes))
        return bool(new)

    @property
    def generator(self) -> nn.Module:
        """The generator that is sampled and saved: the moving average, in evaluation mode; a copy with ``ema=0``."""
        return self.ema.network

    def model(self) -> Model:
        """The averaged generator, ready to be sampled. It shares its weights with this training."""
        networks = Networks(self.generator, self.nets.discriminator, latent_dim=self.nets.latent_dim)
        return Model(networks, self.metadata(), self.recipe)

    def metadata(self) -> Metadata:
        """What a file with this training's networks holds besides them."""
        data, task = self.data, self.task
        return Metadata(
            gan=self.recipe.gan.name,
            settings=self.recipe.flat(),
            data=DataMetadata(name=data.name, sha256=data.sha256, licence=data.licence, classes=data.classes),
            shape=task.shape,
            range=task.range,
            num_classes=task.num_classes,
            condition_dim=task.condition_dim,
            condition_image=task.condition if len(task.condition) == 3 else (),
            free=bool(getattr(self.nets.generator, "free", False)),
            reach=getattr(self.nets.generator, "reach", None),
            multiple=getattr(self.nets.generator, "multiple", 1),
            latent_dim=self.nets.latent_dim,
            distribution=self.recipe.loop.distribution,
            iterations=self.iteration,
            seed=self.seed,
            ganzoo=version("ganzoo-kit"),
            torch=torch.__version__,
            frozen=self._fingerprints,
        )

    def state(self) -> dict[str, Tensor]:
        """All that the next iteration depends on, as tensors by name.

        Raises:
            GanzooError: half an iteration was done, or an optimizer remembers what these tensors cannot hold.
        """
        self._require_whole()
        parts = {
            "networks": state_tensors(self.nets),
            "average": state_tensors(self.ema.network),
            "augmentation": self.augmented.state(),
            "optimizer": optimizer_state(self.optimizers, self.weights, self._create_optimizer),
            "random": self.random_state.state(),
            "frozen": {name: torch.tensor(list(bytes.fromhex(text))) for name, text in self._fingerprints.items()},
        }
        tensors = {f"{part}.{name}": tensor for part, named in parts.items() for name, tensor in named.items()}
        return tensors | {"position": torch.tensor([self.iteration, self.batches.drawn])}

    def load(self, tensors: Mapping[str, Tensor], source: str) -> None:
        """Continue from what :meth:`state` gave.

        Raises:
            GanzooError: it is the state of another training, or damaged; the message names ``source``.
        """
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = tensor
        if missing := {"networks", "average", "random", "position"} - parts.keys():
            raise GanzooError(f"{source} is not a checkpoint: it lacks '{min(missing)}'")
        self._is_whole = False  # until all of it is loaded
        load_state(self.nets, parts["networks"], source)
        load_state(self.ema.network, parts["average"], source)
        self.augmented.load(parts.get("augmentation", {}), source)
        optimizers = parts.get("optimizer", {})
        load_optimizer_state(self.optimizers, self.weights, optimizers, self._create_optimizer, source)
        self.random_state.load(parts["random"], source)
        for name, text in self._fingerprints.items():
            was = parts.get("frozen", {}).get(name)
            if was is None or was.tolist() != list(bytes.fromhex(text)):
                raise GanzooError(f"{source} does not fit: the frozen network '{name}' has other weights now")
        position = parts["position"].get("")
        if position is None or position.dtype != torch.int64 or position.shape != (2,) or position.min() < 0:
            raise GanzooError(f"{source} does not fit: 'position' is not two whole numbers")
        self.iteration, self.batches.drawn = position.tolist()
        self.kept = Kept()
        self._is_whole = True
        self._choose_runner()  # what was compiled or captured belongs to the old state
        if self.iteration < self.recipe.loop.iterations:
            self.set_learning_rates()
