"""The gradient vector field of a GAN, and its derivatives.

The weights of all players are one vector w = (w1, w2, ...), and L1, L2, ... are their losses. The field is v(w) =
(-dL1/dw1, -dL2/dw2, ...). An equilibrium is a w with v(w) = 0. It is locally stable if all eigenvalues of the Jacobian
J = v'(w) have negative real parts (Mescheder et al., 2017; Mescheder et al., 2018; Berard et al., 2020).

The losses come from the trainer itself, which is resumed without optimizer steps. A trainer may use autograd, as
gradient penalties do. So the products with J differentiate twice instead of transforming a function.
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
from ganzoo.training.updates import places
from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from ganzoo.parts.trainers import Draw, Updates

LARGE = 1e3
"""Scale of the weights that reveal whether a trainer bounds its weights at all."""

NUDGE = 1e-6
"""How far weights are moved along the field to see which of them a bound holds back."""

ROWS = 16
"""Rows of a matrix of derivatives that are computed together."""

TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
EVAL_MODE = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    ParametrizationList,
)
"""Modules in evaluation mode: dropout, and parametrizations such as spectral normalisation."""


class Field:
    """v(w) of a GAN on one fixed batch, in float64: a pure function of the weights.

    Normalisation uses the statistics of the batch and does not update the running ones. Dropout is off. A trainer's
    own random numbers come from the same seed at each evaluation. The discriminator's loss depends on the generator
    through the fake samples (see :func:`ganzoo.parts.losses.cross_terms`); a gradient that a method stops, as between
    parent and child, stays stopped. If a trainer updates the same modules several times in an iteration, the first loss
    counts. A weight that several updates change, of a network and of a part of it, follows the sum of their gradients.

    Args:
        nets: the players. They are copied; :attr:`start` holds their weights.
        trainer: with its settings, such as ``functools.partial(wasserstein, clip=0.1)``.
        batch: the result of every draw: real samples ``(n, *shape)``, latents ``(n, latent_dim)``, and labels or
            regression inputs if the GAN is conditional.
        seed: of the trainer's own random numbers.

    Attributes:
        start: the weights of all players ``(N,)``, within the trainer's bounds.
        players: the slice of each player in that vector, in the order of their updates.

    Raises:
        GanzooError: two players share weights, so that the field is not defined.
    """

    def __init__(
        self, nets: Networks, trainer: Callable[[Networks, Draw], Updates], batch: tuple[Tensor, ...], *, seed: int = 0
    ) -> None:
        self._nets, self._trainer = deterministic_copy(nets), trainer
        self._batch = tuple(to_double(tensor) for tensor in batch)
        self._random_state = RandomState(seed, batch[0].device)
        self._resume = Resume(self._nets)
        tensors = {
            f"{place}.{name}": tensor
            for place, module in self._resume.named_modules()
            for name, tensor in chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False))
        }
        with self._deterministic():
            self._updated = {name: modules for name, modules, _ in self._updates(lambda: clones(tensors))}
        where = places(self._nets.trainable())
        players = dict.fromkeys(where[id(module)].network for modules in self._updated.values() for module in modules)
        weights = {player: self._nets.parameters_of(player) for player in players}
        every = [weight for own in weights.values() for weight in own]
        if len(set(every)) < len(every):
            raise GanzooError("two players of this GAN share weights, so its vector field is not defined")
        names = {weight: name for name, weight in self._nets.named_parameters()}
        self._shapes = {names[weight]: weight.shape for weight in every}
        self._weights_at = {place: names[tensor] for place, tensor in tensors.items() if tensor in set(every)}
        self._constants = {place: tensor for place, tensor in tensors.items() if place not in self._weights_at}
        ends = [0, *accumulate(sum(weight.numel() for weight in own) for own in weights.values())]
        self.players = {player: slice(*own) for player, own in zip(weights, pairwise(ends), strict=True)}
        self._masks = {name: self._mask(modules) for name, modules in self._updated.items()}
        large = LARGE * torch.randn(ends[-1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        self._bounded = True
        self._bounded = not self.projected(large).equal(large)
        self.start = self.projected(self.vector(nets))

    def __call__(self, w: Tensor) -> Tensor:
        """v(w), ``(N,)``; differentiable if ``w`` requires gradients."""
        return self._negative_gradients(w, list(self.players))

    def of(self, player: str, w: Tensor) -> Tensor:
        """One player's part of v(w)."""
        return self._negative_gradients(w, [player])

    def _mask(self, modules: Sequence[nn.Module]) -> Tensor:
        """Which weights ``(N,)`` an update of these modules changes: those of their own networks within them."""
        where = places(self._nets.trainable())
        networks = {where[id(module)].network for module in modules}
        inside = {weight for module in modules for weight in module.parameters()}
        masks = [
            torch.full((weight.numel(),), player in networks and weight in inside)
            for player in self.players
            for weight in self._nets.parameters_of(player)
        ]
        return torch.cat(masks)

    def losses(self, w: Tensor, updates: Collection[str] = ()) -> dict[str, Tensor]:
        """The losses of updates by their names, all at the same weights; by default of all in an iteration."""
        left = set(updates or self._updated)
        losses: dict[str, Tensor] = {}
        with self._deterministic():
            for name, _, loss in self._updates(lambda: self._tensors(w)):
                if name in left:
                    losses[name] = loss
                    left.remove(name)
                if not left:
                    break
        return losses

    def _negative_gradients(self, w: Tensor, players: Sequence[str]) -> Tensor:
        with torch.enable_grad():
            leaf = w if w.requires_grad else w.detach().requires_grad_()
            parts = {player: leaf[own] for player, own in self.players.items()}
            of = {
                player: [n for n, mask in self._masks.items() if mask[self.players[player]].any()] for player in players
            }
            losses = self.losses(torch.cat(tuple(parts.values())), list(chain(*of.values())))
            gradients = []
            for player in players:
                total: Tensor | None = None
                for name in of[player]:
                    (gradient,) = torch.autograd.grad(
                        losses[name],
                        parts[player],
                        retain_graph=True,
                        create_graph=w.requires_grad,
                        materialize_grads=True,
                    )
                    mask = self._masks[name][self.players[player]]
                    gradient = gradient if mask.all() else gradient * mask
                    total = gradient if total is None else total + gradient
                assert total is not None
                gradients.append(total)
        return -torch.cat(gradients)

    def projected(self, w: Tensor) -> Tensor:
        """The weights ``(N,)`` within the trainer's bounds, such as a clip: an iteration without optimizer steps."""
        if not self._bounded:
            return w
        tensors = self._tensors(w.detach())
        with self._deterministic():
            for _ in self._updates(lambda: tensors):
                pass
        after = {name: tensors[place] for place, name in self._weights_at.items()}
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
        """Which weights can follow the field, ``(N,)``: all but those that it pushes beyond a bound."""
        pushed = w.detach() + NUDGE * self(w.detach()).sign()
        return self.projected(pushed) == pushed

    def _updates(self, tensors: Callable[[], dict[str, Tensor]]) -> Iterator[tuple[str, Sequence[nn.Module], Tensor]]:
        """The updates of one iteration: name, modules and loss. ``tensors`` is called for each.

        A trainer may clip the weights of one update when it is resumed for the next, so each update has its own.
        """
        where = places(self._nets.trainable())
        updates = self._trainer(self._nets, lambda: self._batch)
        while (update := functional_call(self._resume, tensors(), (updates,), tie_weights=False)) is not None:
            modules = update[0] if isinstance(update[0], tuple) else (update[0],)
            yield "+".join(where[id(module)].name for module in modules), modules, update[1]

    def _tensors(self, w: Tensor) -> dict[str, Tensor]:
        """Copies of all tensors for ``functional_call``; a shared weight is the same copy in each of its places."""
        weights = clones(self.named(w))
        return {place: weights[name] for place, name in self._weights_at.items()} | clones(self._constants)

    @contextmanager
    def _deterministic(self) -> Iterator[None]:
        """Make an iteration of the trainer a function of the weights: same random numbers, cross terms, float64."""
        with copy.copy(self._random_state).stream(), cross_terms(), Float64Mode():  # a copy, since a stream advances
            yield


class Derivative:
    """dv/dw of the free weights, by its products: a vector v that was computed from w, both ``(N,)``.

    Attributes:
        free: which weights can move, ``(N,)``; see :meth:`Field.free`. The others are left out.
        v: the free part of v, ``(size,)``.
        size: the number of free weights.
    """

    def __init__(self, v: Tensor, w: Tensor, free: Tensor) -> None:
        self._v, self._w, self.free = v, w, free
        self.v = v.detach()[free]
        self.size = len(self.v)

    def transposed(self, u: Tensor) -> Tensor:
        """The product of the transposed derivative and u, ``(size,)``: one backward pass."""
        return self._vjp(self._v, self._w, u)

    def dense(self) -> Tensor:
        """The matrix ``(size, size)``. Few rows are computed together, so that their graphs stay small."""
        rows = torch.eye(len(self._v), dtype=self._v.dtype)[self.free]
        parts = [
            torch.autograd.grad(
                self._v, self._w, some, retain_graph=True, is_grads_batched=True, materialize_grads=True
            )[0]
            for some in torch.split(rows, ROWS)
        ]
        return torch.cat(parts)[:, self.free]

    def _vjp(self, outputs: Tensor, inputs: Tensor, u: Tensor) -> Tensor:
        cotangent = torch.zeros_like(self._v)
        cotangent[self.free] = u
        (product,) = torch.autograd.grad(outputs, inputs, cotangent, retain_graph=True, materialize_grads=True)
        return product[self.free]


class Jacobian(Derivative):
    """J = v'(w) of a field at fixed weights. ``transposed`` is the cheaper product, and J' has the eigenvalues of J."""

    def __init__(self, field: Field, w: Tensor) -> None:
        leaf = w.detach().requires_grad_()
        super().__init__(field(leaf), leaf, field.free(w))
        self._cotangent = torch.zeros_like(self._v, requires_grad=True)
        (self._pulled,) = torch.autograd.grad(self._v, self._w, self._cotangent, create_graph=True)

    def __matmul__(self, u: Tensor) -> Tensor:
        """J u, ``(size,)``: the transposed product J' s is linear in s, and its own transpose is J."""
        return self._vjp(self._pulled, self._cotangent, u)


class Hessian(Derivative):
    """The Hessian H of a player's loss in its own weights. The diagonal blocks of J are -H. Here v is dL/dw."""

    def __init__(self, field: Field, player: str, w: Tensor) -> None:
        own, fixed = field.players[player], w.detach()
        leaf = fixed[own].clone().requires_grad_()
        gradient = -field.of(player, torch.cat([fixed[: own.start], leaf, fixed[own.stop :]]))
        super().__init__(gradient, leaf, field.free(w)[own])

    def __matmul__(self, u: Tensor) -> Tensor:
        """H u, ``(size,)``; H is symmetric."""
        return self.transposed(u)


class Resume(nn.Module):
    """Resumes a trainer, as a module that holds the networks: so ``functional_call`` can replace their weights."""

    def __init__(self, nets: Networks) -> None:
        super().__init__()
        self.nets = nets

    def forward(self, updates: Iterator[Any]) -> Any:
        """The next update; ``None`` when the iteration is over."""
        return next(updates, None)


class Float64Mode(TorchFunctionMode):
    """Keeps ``x.float()`` in float64, and replaces operations that torch cannot differentiate three times."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.float:  # losses are computed in float32 or better
            func = Tensor.double
        elif func in TRANSPOSED and len(args) > 5 and any(args[5]):
            return without_output_padding(func, *args)
        return func(*args, **(kwargs or {}))


def without_output_padding(
    convolve: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, extra: Any, *rest: Any
) -> Tensor:
    """A transposed convolution with output padding, from one with a padded input whose surplus is cut off."""
    wider = F.pad(x, (0, 1) * len(extra))
    result: Tensor = convolve(wider, weight, bias, stride, padding, (0,) * len(extra), *rest)
    for axis, (step, kept) in enumerate(zip(stride, extra, strict=True), start=2):
        result = result.narrow(axis, 0, result.shape[axis] - step + kept)
    return result


def deterministic_copy(nets: Networks) -> Networks:
    """A copy in float64 and training mode, with dropout off and without power iterations of spectral norms."""
    nets = copy.deepcopy(nets).double().train()
    for module in nets.modules():
        if isinstance(module, EVAL_MODE):
            module.eval()
    return nets


def to_double(tensor: Tensor) -> Tensor:
    """A floating-point tensor in float64; labels stay integers."""
    return tensor.double() if tensor.is_floating_point() else tensor


def clones(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}
