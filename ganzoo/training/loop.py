"""The loop: the only place where networks take steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.generators.header import FORMAT
from ganzoo.generators.weights import Model
from ganzoo.parts.build import build, task_of, untrained_parent
from ganzoo.parts.networks import Networks, load_state, state_tensors
from ganzoo.registry.recipe import Recipe
from ganzoo.training.batches import Batches
from ganzoo.training.device import Device, RandomState
from ganzoo.training.device.capture import Fetch, Iterations
from ganzoo.training.device.cuda_graph import Outputs
from ganzoo.training.device.tracing import take_step
from ganzoo.training.distributed.ranks import current_ranks
from ganzoo.training.ema import EMA
from ganzoo.util.errors import GanzooError


@dataclass(frozen=True)
class Iteration:
    """One iteration that was played.

    Attributes:
        number: counted from 1.
        losses: of each network's last move, scalars on the device; reading one waits for the device.
        figures: what the trainer logs besides, likewise.
    """

    number: int
    losses: dict[str, Tensor]
    figures: dict[str, Tensor]


class Training(Iterator[Iteration]):
    """An iterator that plays one iteration at each step, until the recipe's number of iterations.

    The caller's ``for`` decides when to log, save and stop. Nothing in an iteration waits for the device.
    """

    def __init__(self, recipe: Recipe, data: Data, device: Device, *, seed: int = 0, parent: Networks | None = None):
        self.recipe, self.data, self.seed = recipe, data, seed
        self.number, self.ranks = 0, current_ranks()
        self.randomness = RandomState(seed, device.torch)
        with self.randomness.stream():
            if parent is None:  # one that is trained side by side begins here
                parent = untrained_parent(recipe, data)
            self.task = task_of(recipe, data, parent)
            nets = build(recipe, self.task)
        self.device = device = device.suited(nets)
        self.feed = Batches(
            data, recipe.loop.batch_size, seed, device, recipe.loop.pixel_range, told=recipe.gan.conditional
        )
        self._seat(device.place(nets).train())

    def _seat(self, nets: Networks) -> None:
        """Give each player its optimizer, and the generator its average."""
        self.nets = nets
        self.average = EMA(nets.generator, self.recipe.loop.ema)
        self.players = {player: nets.parameters_of(player) for player in nets.trainable()}
        self.optimizers = {player: self.recipe.call("optimizer", weights) for player, weights in self.players.items()}
        self._names = {id(network): player for player, network in nets.trainable().items()}
        self._rates = {player: rate(optimizer) for player, optimizer in self.optimizers.items()}
        for optimizer in self.optimizers.values():
            self.device.prepare(optimizer)
        self._begin()

    def _begin(self) -> None:
        """Forget what was recorded: the next iterations are rehearsed anew."""
        self._fetch = self.feed.fetch
        play = self.device.iterations(self._play, self.nets, self.randomness)
        self._iterations = Iterations(play, self.feed.fetch, self.device.recorder())

    def __next__(self) -> Iteration:
        if self.number >= self.recipe.loop.iterations:
            raise StopIteration
        self.schedule()
        with self.randomness.stream(), self.ranks.global_batch():
            losses, figures = self._iterations()
        self.number += 1
        self.average.update(self.number)
        return Iteration(self.number, losses, figures)

    def _play(self, fetch: Fetch) -> Outputs:
        """One iteration of the game: each move's loss, and a step of its player."""
        losses: dict[str, Tensor] = {}
        figures: dict[str, Tensor] = {}
        self._fetch = fetch
        try:
            for network, loss, *more in self.updates():
                player = self._player(network)
                self.step(player, loss)
                losses[player] = loss.detach()
                figures |= more[0] if more else {}
        finally:
            self._fetch = self.feed.fetch
        if not losses:
            raise GanzooError(f"an iteration of {self.recipe.gan.name} has no moves; give it at least one step")
        return losses, figures

    def step(self, player: str, loss: Tensor) -> None:
        """One player's move: gradients of its loss reach its own weights alone."""
        weights = self.players[player]
        for weight in weights:
            weight.grad = None
        with self.device.backward():
            loss.backward(inputs=weights)  # type: ignore[no-untyped-call]
        self.ranks.average_gradients(weights)
        take_step(self.optimizers[player], weights)

    def updates(self) -> Iterator[Any]:
        """The trainer's moves in one iteration. Losses are computed while it is resumed, so precision is set there."""
        moves = self.recipe.functions["trainer"](self.nets, self._draw, **self.recipe.values["trainer"])
        while True:
            with self.device.forward():
                move = next(moves, None)
            if move is None:
                return
            yield move

    def _draw(self) -> tuple[Tensor, ...]:
        real, *condition = self.feed.made(self._fetch())
        z = noise(len(real), self.nets.latent_dim, self.recipe.loop.distribution, self.device.torch)
        return (real, z, *condition)

    def _player(self, network: nn.Module) -> str:
        try:
            return self._names[id(network)]
        except KeyError:
            raise GanzooError(
                f"the trainer of {self.recipe.gan.name} moved a network that is not one of the players: "
                f"{', '.join(self.players)}"
            ) from None

    def schedule(self) -> None:
        """Set the learning rates of the next iteration."""
        loop = self.recipe.loop
        factor = 1 - self.number / loop.iterations if loop.lr_schedule == "linear" else 1.0
        for player, optimizer in self.optimizers.items():
            scale = factor * (loop.ttur if player.endswith("discriminator") else 1.0)
            for group, base in zip(optimizer.param_groups, self._rates[player], strict=True):
                if isinstance(group["lr"], Tensor):  # a recording reads it there
                    group["lr"].fill_(base * scale)
                else:
                    group["lr"] = base * scale

    @property
    def generator(self) -> nn.Module:
        """What is sampled and saved: the averaged generator; with ``ema=0`` it is a copy, in evaluation mode."""
        return self.average.network

    def model(self) -> Model:
        """The generator as it stands, ready to be sampled; it goes on changing with this training."""
        networks = Networks(self.generator, self.nets.discriminator, latent_dim=self.nets.latent_dim)
        return Model(networks, self.header(), self.recipe)

    def header(self) -> dict[str, Any]:
        """What a file with this training's networks says of them."""
        data, task = self.data, self.task
        return {
            "format": FORMAT,
            "gan": self.recipe.gan.name,
            "settings": self.recipe.flat(),
            "data": {"name": data.name, "sha256": data.sha256, "licence": data.licence, "classes": list(data.classes)},
            "shape": list(task.shape),
            "range": list(task.range) if task.range else None,
            "num_classes": task.num_classes,
            "condition_dim": task.condition_dim,
            "latent_dim": self.nets.latent_dim,
            "distribution": self.recipe.loop.distribution,
            "iterations": self.number,
            "seed": self.seed,
            "ganzoo": version("ganzoo-kit"),
            "torch": torch.__version__,
        }

    def state(self) -> dict[str, Tensor]:
        """All that the next iteration depends on, as tensors by name."""
        tensors = {f"networks.{name}": tensor for name, tensor in state_tensors(self.nets).items()}
        tensors |= {f"average.{name}": tensor for name, tensor in state_tensors(self.average.network).items()}
        for player, optimizer in self.optimizers.items():
            for index, weight in enumerate(self.players[player]):
                for name, value in optimizer.state[weight].items():
                    tensors[f"optimizer.{player}.{index}.{name}"] = torch.as_tensor(value)
        tensors |= {f"random.{name}": tensor for name, tensor in self.randomness.state().items()}
        return tensors | {"position": torch.tensor([self.number, self.feed.draws])}

    def load(self, tensors: dict[str, Tensor], source: str) -> None:
        """Go on from what :meth:`state_tensors` gave; :class:`GanzooError` if it is of another training."""
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = tensor
        if missing := {"networks", "average", "random", "position"} - parts.keys():
            raise GanzooError(f"{source} is no checkpoint: it lacks '{min(missing)}'")
        load_state(self.nets, parts["networks"], source)
        load_state(self.average.network, parts["average"], source)
        self._load_optimizers(parts.get("optimizer", {}), source)
        self.randomness.load(parts["random"], source)
        position = parts["position"].get("")
        if position is None or position.dtype != torch.int64 or position.shape != (2,) or position.min() < 0:
            raise GanzooError(f"{source} does not fit: 'position' is not two whole numbers")
        self.number, self.feed.draws = position.tolist()
        self._begin()

    def _load_optimizers(self, tensors: dict[str, Tensor], source: str) -> None:
        """All weights of a player have the same kinds of state: a step counter, and tensors of the weight's shape."""
        left = dict(tensors)
        for player, optimizer in self.optimizers.items():
            kinds = {name.rpartition(".")[2] for name in tensors if name.startswith(f"{player}.0.")}
            for index, weight in enumerate(self.players[player]):
                for kind in sorted(kinds):
                    tensor = left.pop(name := f"{player}.{index}.{kind}", None)
                    shape = () if kind == "step" else weight.shape
                    if tensor is None or tensor.shape != shape or tensor.dtype != torch.float32:
                        raise GanzooError(f"{source} does not fit: 'optimizer.{name}' is missing or of another shape")
                    # beside the weight, where fused optimizers keep their step counter too, and in its layout
                    place = torch.empty_like(weight if shape else tensor, device=weight.device, requires_grad=False)
                    optimizer.state[weight][kind] = place.copy_(tensor)
        if left:
            raise GanzooError(f"{source} does not fit: there is no weight for 'optimizer.{min(left)}'")


def rate(optimizer: torch.optim.Optimizer) -> list[float]:
    """The learning rates that an optimizer was made with, by group."""
    return [group["lr"] for group in optimizer.param_groups]


def noise(count: int, length: int, distribution: str, device: torch.device) -> Tensor:
    """Latents ``(count, length)``: normal N(0, 1), uniform U(-1, 1), or on the sphere of radius sqrt(length)."""
    if distribution == "uniform":
        return torch.rand(count, length, device=device) * 2 - 1
    z = torch.randn(count, length, device=device)
    return z * (length**0.5 / z.norm(dim=1, keepdim=True)) if distribution == "sphere" else z
