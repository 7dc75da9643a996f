"""The vector field of a game: where all its players want to go at once, and how that changes with where they stand.

With the weights w = (w1, w2, ...) of all players and their losses L1, L2, ..., the field is v(w) = (-dL1/dw1, -dL2/dw2,
...). The game rests where v(w) = 0, and whether it returns there is written in the eigenvalues of the Jacobian
J = v'(w) (Mescheder et al., 2017; Mescheder et al., 2018; Berard et al., 2020).

The losses are those of the trainer that trains: it is resumed without taking steps. Since a trainer may use autograd
itself, as gradient penalties do, the products with J differentiate twice instead of transforming the function.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrize import ParametrizationList
from torch.overrides import TorchFunctionMode

from ganzoo.parts.losses import cross_terms
from ganzoo.parts.networks import Networks
from ganzoo.training.device import RandomState
from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from ganzoo.parts.trainers import Draw, Updates

FAR = 1e3
"""Weights of this size are beyond whatever bounds a trainer keeps; if it leaves them alone, it has none."""

NUDGE = 1e-6
"""How far weights are pushed along the field to see which of them the trainer holds back."""

ROWS = 16
"""Of a matrix of derivatives, so many are computed together."""

TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
QUIET = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    ParametrizationList,
)
"""What is in evaluation mode."""


class Field:
    """v(w) of a game on one fixed batch, in float64: a pure function of the weights.

    Normalisation takes the statistics of the batch, and its running ones stay as they are; dropout is off; what is
    random in a trainer is drawn from the same seed each time. The discriminator's loss knows that its fakes depend on
    the generator (see :func:`ganzoo.parts.losses.cross_terms`); a gradient that a method stops, as between parent and child,
    stays stopped. Of a player with several moves in an iteration the first one counts, since nobody steps in between.

    Args:
        nets: the players; they are copied, and where they stand is :attr:`start`.
        trainer: with its numbers, such as ``functools.partial(wasserstein, clip=0.1)``.
        batch: what every draw gives: real samples ``(n, *shape)``, latents ``(n, latent)``, and labels or inputs.
        seed: of what the trainer draws itself.

    Attributes:
        start: the weights of all players in one vector ``(N,)``, within what the trainer allows.
        players: which part of that vector is whose, in the order in which they move.

    Raises:
        GanzooError: two players share weights, so that there is no such field.
    """

    def __init__(
        self, nets: Networks, trainer: Callable[[Networks, Draw], Updates], batch: tuple[Tensor, ...], *, seed: int = 0
    ) -> None:
        self._nets, self._trainer = settled(nets), trainer
        self._batch = tuple(doubled(tensor) for tensor in batch)
        self._randomness = RandomState(seed, batch[0].device)
        self._stage = Stage(self._nets)
        tensors = {
            f"{place}.{name}": tensor
            for place, module in self._stage.named_modules()
            for name, tensor in chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False))
        }
        with self._rules():
            movers = dict.fromkeys(player for player, _ in self._moves(lambda: clones(tensors)))
        weights = {player: self._nets.parameters_of(player) for player in movers}
        every = [weight for own in weights.values() for weight in own]
        if len(set(every)) < len(every):
            raise GanzooError("two players of this game share weights, so their field cannot be told apart")
        names = {weight: name for name, weight in self._nets.named_parameters()}
        self._shapes = {names[weight]: weight.shape for weight in every}
        self._places = {place: names[tensor] for place, tensor in tensors.items() if tensor in set(every)}
        self._others = {place: tensor for place, tensor in tensors.items() if place not in self._places}
        ends = [0, *accumulate(sum(weight.numel() for weight in own) for own in weights.values())]
        self.players = {player: slice(*own) for player, own in zip(weights, pairwise(ends), strict=True)}
        far = FAR * torch.randn(ends[-1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        self._bounded = True
        self._bounded = not self.projected(far).equal(far)
        self.start = self.projected(self.vector(nets))

    def __call__(self, w: Tensor) -> Tensor:
        """v(w), ``(N,)``; differentiable if ``w`` requires gradients."""
        return self._slopes(w, list(self.players))

    def of(self, player: str, w: Tensor) -> Tensor:
        """One player's part of v(w)."""
        return self._slopes(w, [player])

    def losses(self, w: Tensor, wanted: Collection[str] = ()) -> dict[str, Tensor]:
        """What players minimise in their first moves, all at the same weights; of all, or of those that are wanted."""
        left = set(wanted or self.players)
        found: dict[str, Tensor] = {}
        with self._rules():
            for player, loss in self._moves(lambda: self._lent(w)):
                if player in left:
                    found[player] = loss
                    left.remove(player)
                if not left:
                    break
        return found

    def _slopes(self, w: Tensor, wanted: Sequence[str]) -> Tensor:
        with torch.enable_grad():
            here = w if w.requires_grad else w.detach().requires_grad_()
            parts = {player: here[own] for player, own in self.players.items()}
            losses = self.losses(torch.cat(tuple(parts.values())), wanted)
            slopes = [
                torch.autograd.grad(
                    losses[player],
                    parts[player],
                    retain_graph=True,
                    create_graph=w.requires_grad,
                    materialize_grads=True,
                )[0]
                for player in wanted
            ]
        return -torch.cat(slopes)

    def projected(self, w: Tensor) -> Tensor:
        """The weights as an iteration without steps leaves them: within what the trainer allows, such as a critic's clip."""
        if not self._bounded:
            return w
        lent = self._lent(w.detach())
        with self._rules():
            for _ in self._moves(lambda: lent):
                pass
        after = {name: lent[place] for place, name in self._places.items()}
        return torch.cat([after[name].detach().flatten() for name in self._shapes])

    def vector(self, nets: Networks) -> Tensor:
        """The weights of such networks ``(N,)``, in the order of this field."""
        weights = dict(nets.named_parameters())
        return torch.cat([weights[name].detach().double().flatten() for name in self._shapes])

    def named(self, w: Tensor) -> dict[str, Tensor]:
        """Views of the weights ``(..., N)`` by name, each ``(..., *shape)``."""
        parts = torch.split(w, [shape.numel() for shape in self._shapes.values()], -1)
        return {
            name: part.reshape((*part.shape[:-1], *shape))
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }

    def free(self, w: Tensor) -> Tensor:
        """Which weights can follow the field, ``(N,)``: not those at a bound that it pushes them beyond."""
        pushed = w.detach() + NUDGE * self(w.detach()).sign()
        return self.projected(pushed) == pushed

    def _moves(self, lend: Callable[[], dict[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
        """One iteration without steps. The trainer is lent weights anew at each move, so that it may clip the last ones."""
        names = {id(network): player for player, network in self._nets.trainable().items()}
        moves = self._trainer(self._nets, lambda: self._batch)
        while (move := functional_call(self._stage, lend(), (moves,), tie_weights=False)) is not None:
            yield names[id(move[0])], move[1]

    def _lent(self, w: Tensor) -> dict[str, Tensor]:
        """All tensors of the stage by their places, in memory of their own; one that stands in two places is one."""
        lent = clones(self.named(w))
        return {place: lent[name] for place, name in self._places.items()} | clones(self._others)

    @contextmanager
    def _rules(self) -> Iterator[None]:
        """What makes an iteration of the trainer a function: the same random numbers, all terms, and all digits."""
        with copy.copy(self._randomness).stream(), cross_terms(), Exactly():  # a copy, since a stream goes on
            yield


class Jacobian:
    """J = v'(w) at fixed weights, by its products, which cost a few backward passes each.

    Weights at a bound that the field pushes them beyond are left out: they do not move.

    Attributes:
        free: which weights those are not, ``(N,)``.
        v: the field there, ``(size,)``.
        size: how many weights are free.
    """

    def __init__(self, field: Field, w: Tensor) -> None:
        self.free = field.free(w)
        self._w = w.detach().requires_grad_()
        self._v = field(self._w)
        self._cotangent = torch.zeros_like(self._v, requires_grad=True)
        (self._pulled,) = torch.autograd.grad(self._v, self._w, self._cotangent, create_graph=True)
        self.v = self._v.detach()[self.free]
        self.size = len(self.v)

    def transposed(self, u: Tensor) -> Tensor:
        """J' u, ``(size,)``: one pass. It has the eigenvalues of J, and is the cheaper product."""
        (product,) = torch.autograd.grad(self._v, self._w, self._whole(u), retain_graph=True)
        return product[self.free]

    def __matmul__(self, u: Tensor) -> Tensor:
        """J u, ``(size,)``: J' s is linear in s, and its own transpose is J."""
        (product,) = torch.autograd.grad(self._pulled, self._cotangent, self._whole(u), retain_graph=True)
        return product[self.free]

    def dense(self) -> Tensor:
        """All of J, ``(size, size)``, row by row."""
        return matrix(self._v, self._w, self.free)

    def _whole(self, u: Tensor) -> Tensor:
        whole = torch.zeros_like(self._v)
        whole[self.free] = u
        return whole


def matrix(v: Tensor, w: Tensor, free: Tensor) -> Tensor:
    """dv/dw of the free places of both, ``(size, size)``; so many rows in one pass that their graphs stay small."""
    rows = torch.eye(len(v), dtype=v.dtype)[free]
    parts = [
        torch.autograd.grad(v, w, some, retain_graph=True, is_grads_batched=True, materialize_grads=True)[0]
        for some in torch.split(rows, ROWS)
    ]
    return torch.cat(parts)[:, free]


class Stage(nn.Module):
    """Where a trainer is resumed: a module, so that the players can be lent other weights meanwhile."""

    def __init__(self, nets: Networks) -> None:
        super().__init__()
        self.nets = nets

    def forward(self, moves: Iterator[Any]) -> Any:
        """The next move; ``None`` when the iteration is over."""
        return next(moves, None)


class Exactly(TorchFunctionMode):
    """Within it, ``x.float()`` leaves float64 as it is, and what torch cannot differentiate three times is replaced."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.float:  # losses are computed in float32 or better
            func = Tensor.double
        elif func in TRANSPOSED and len(args) > 5 and any(args[5]):
            return without_output_padding(func, *args)
        return func(*args, **(kwargs or {}))


def without_output_padding(
    convolve: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, more: Any, *rest: Any
) -> Tensor:
    """A transposed convolution whose last rows and columns come from one more of zeros, of which too many are cut."""
    wider = F.pad(x, (0, 1) * len(more))
    made: Tensor = convolve(wider, weight, bias, stride, padding, (0,) * len(more), *rest)
    for axis, (step, kept) in enumerate(zip(stride, more, strict=True), start=2):
        made = made.narrow(axis, 0, made.shape[axis] - step + kept)
    return made


def settled(nets: Networks) -> Networks:
    """A copy in float64, with all that acts in training but dropout and the power iterations of spectral norms."""
    nets = copy.deepcopy(nets).double().train()
    for module in nets.modules():
        if isinstance(module, QUIET):
            module.eval()
    return nets


def doubled(tensor: Tensor) -> Tensor:
    """In float64, if it holds numbers with a fraction; labels stay as they are."""
    return tensor.double() if tensor.is_floating_point() else tensor


def clones(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}
