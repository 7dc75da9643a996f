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
from ganzoo.parts.networks import Networks, load_state, state
from ganzoo.registry.recipe import Recipe
from ganzoo.training.batches import Feed
from ganzoo.training.device import Device, Randomness
from ganzoo.training.device.cuda_graph import Outputs
from ganzoo.training.device.rounds import Fetch, Rounds
from ganzoo.training.device.tracing import take_step
from ganzoo.training.distributed.ranks import here
from ganzoo.training.ema import Average
from ganzoo.util.errors import GanzooError


@dataclass(frozen=True)
class Round:
    """One round that was played.

    Attributes:
        number: counted from 1.
        losses: of each network's last move, scalars on the device; reading one waits for the device.
        figures: what the trainer logs besides, likewise.
    """

    number: int
    losses: dict[str, Tensor]
    figures: dict[str, Tensor]


class Training(Iterator[Round]):
    """An iterator that plays one round at each step, until the recipe's number of rounds.

    The caller's ``for`` decides when to log, save and stop. Nothing in a round waits for the device.
    """

    def __init__(self, recipe: Recipe, data: Data, device: Device, *, seed: int = 0, parent: Networks | None = None):
        self.recipe, self.data, self.seed = recipe, data, seed
        self.number, self.ranks = 0, here()
        self.randomness = Randomness(seed, device.torch)
        with self.randomness.stream():
            if parent is None:  # one that is trained side by side begins here
                parent = untrained_parent(recipe, data)
            self.task = task_of(recipe, data, parent)
            nets = build(recipe, self.task)
        self.device = device = device.suited(nets)
        self.feed = Feed(data, recipe.loop.batch, seed, device, recipe.loop.pixels, told=recipe.gan.conditional)
        self._seat(device.place(nets).train())

    def _seat(self, nets: Networks) -> None:
        """Give each player its optimizer, and the generator its average."""
        self.nets = nets
        self.average = Average(nets.generator, self.recipe.loop.ema)
        self.players = {player: nets.parameters_of(player) for player in nets.players()}
        self.optimizers = {player: self.recipe.call("optimizer", weights) for player, weights in self.players.items()}
        self._names = {id(network): player for player, network in nets.players().items()}
        self._rates = {player: rate(optimizer) for player, optimizer in self.optimizers.items()}
        for optimizer in self.optimizers.values():
            self.device.prepare(optimizer)
        self._begin()

    def _begin(self) -> None:
        """Forget what was recorded: the next rounds are rehearsed anew."""
        self._fetch = self.feed.fetch
        play = self.device.rounds(self._play, self.nets, self.randomness)
        self._rounds = Rounds(play, self.feed.fetch, self.device.recorder())

    def __next__(self) -> Round:
        if self.number >= self.recipe.loop.rounds:
            raise StopIteration
        self.schedule()
        with self.randomness.stream(), self.ranks.whole():
            losses, figures = self._rounds()
        self.number += 1
        self.average.update(self.number)
        return Round(self.number, losses, figures)

    def _play(self, fetch: Fetch) -> Outputs:
        """One round of the game: each move's loss, and a step of its player."""
        losses: dict[str, Tensor] = {}
        figures: dict[str, Tensor] = {}
        self._fetch = fetch
        try:
            for network, loss, *more in self.moves():
                player = self._player(network)
                self.step(player, loss)
                losses[player] = loss.detach()
                figures |= more[0] if more else {}
        finally:
            self._fetch = self.feed.fetch
        if not losses:
            raise GanzooError(f"a round of {self.recipe.gan.name} has no moves; give it at least one step")
        return losses, figures

    def step(self, player: str, loss: Tensor) -> None:
        """One player's move: gradients of its loss reach its own weights alone."""
        weights = self.players[player]
        for weight in weights:
            weight.grad = None
        with self.device.backward():
            loss.backward(inputs=weights)  # type: ignore[no-untyped-call]
        self.ranks.average(weights)
        take_step(self.optimizers[player], weights)

    def moves(self) -> Iterator[Any]:
        """The trainer's moves in one round. Losses are computed while it is resumed, so precision is set there."""
        moves = self.recipe.functions["trainer"](self.nets, self._draw, **self.recipe.values["trainer"])
        while True:
            with self.device.forward():
                move = next(moves, None)
            if move is None:
                return
            yield move

    def _draw(self) -> tuple[Tensor, ...]:
        real, *given = self.feed.made(self._fetch())
        z = noise(len(real), self.nets.latent, self.recipe.loop.distribution, self.device.torch)
        return (real, z, *given)

    def _player(self, network: nn.Module) -> str:
        try:
            return self._names[id(network)]
        except KeyError:
            raise GanzooError(
                f"the trainer of {self.recipe.gan.name} moved a network that is not one of the players: "
                f"{', '.join(self.players)}"
            ) from None

    def schedule(self) -> None:
        """Set the learning rates of the next round."""
        loop = self.recipe.loop
        factor = 1 - self.number / loop.rounds if loop.decay == "linear" else 1.0
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
        networks = Networks(self.generator, self.nets.discriminator, latent=self.nets.latent)
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
            "labels": task.classes,
            "conditions": task.conditions,
            "latent": self.nets.latent,
            "distribution": self.recipe.loop.distribution,
            "rounds": self.number,
            "seed": self.seed,
            "ganzoo": version("ganzoo-kit"),
            "torch": torch.__version__,
        }

    def state(self) -> dict[str, Tensor]:
        """All that the next round depends on, as tensors by name."""
        tensors = {f"networks.{name}": tensor for name, tensor in state(self.nets).items()}
        tensors |= {f"average.{name}": tensor for name, tensor in state(self.average.network).items()}
        for player, optimizer in self.optimizers.items():
            for index, weight in enumerate(self.players[player]):
                for name, value in optimizer.state[weight].items():
                    tensors[f"optimizer.{player}.{index}.{name}"] = torch.as_tensor(value)
        tensors |= {f"random.{name}": tensor for name, tensor in self.randomness.state().items()}
        return tensors | {"position": torch.tensor([self.number, self.feed.draws])}

    def load(self, tensors: dict[str, Tensor], source: str) -> None:
        """Go on from what :meth:`state` gave; :class:`GanzooError` if it is of another training."""
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
