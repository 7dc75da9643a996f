"""A round as graphs of what is computed between its steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing, make_fx
from torch.fx.passes.split_module import split_module
from torch.optim import Optimizer

from ganzoo.device.graphs import Outputs
from ganzoo.device.rounds import Batch, Fetch, Play


class TracedRound:
    """A round that is played once, without its steps, and can then be played with other batches.

    Tensors that it computes with and has not made (weights, statistics, the networks of a parent) are read and written
    where they are. Whoever traces a round puts back what that changes.

    Args:
        play: a round, which steps by :func:`step`; RuntimeError if its course depends on numbers on the device.
        fetch: the next batch.

    Attributes:
        batches: those that it took.
        sizes: losses and norms of gradients, of the last time without steps.
    """

    def __init__(self, play: Play, fetch: Fetch) -> None:
        self.batches: list[Batch] = []
        self.sizes: list[Tensor] = []
        self._optimizers: list[tuple[Optimizer, Sequence[Tensor]]] = []
        self._steps = False

        def kept() -> Batch:
            with disable_proxy_modes_tracing():
                self.batches.append(fetch())
            return self.batches[-1]

        def played() -> Outputs:
            losses, figures = play(kept)
            self.sizes += losses.values()
            return losses, figures

        with self._current():
            graph = make_fx(played)()
        places = {tensor: place for place, tensor in enumerate(chain(*self.batches))}
        self._inputs = [places.get(tensor, tensor) for tensor in lifted(graph)]
        self._round = cut_at_steps(graph)

    def __call__(self, fetch: Fetch, *, steps: bool = True) -> Outputs:
        given = list(chain(*(fetch() for _ in self.batches)))
        inputs = (given[each] if isinstance(each, int) else each for each in self._inputs)
        self._steps, self.sizes = steps, []
        with self._current(), torch.no_grad():
            losses, figures = self._round(*inputs)
        if not steps:
            self.sizes += losses.values()
        return losses, figures

    def compile(self) -> None:
        """Compile what is computed between two steps, each at its first call."""
        options: dict[str, Any] = {"fallback_random": True}  # torch's own random numbers, as in a round that is played
        for name, part in self._round.named_children():
            if isinstance(part, fx.GraphModule) and not any(map(is_step, part.graph.nodes)):
                setattr(self._round, name, torch.compile(part, dynamic=False, fullgraph=True, options=options))

    def note(self, optimizer: Optimizer, weights: Sequence[Tensor]) -> None:
        """Here in the round is a step, with the gradients that the weights have."""
        self._optimizers.append((optimizer, weights))
        torch.ops.ganzoo.step(len(self._optimizers) - 1, [weight.grad for weight in weights])

    def reach(self, number: int, gradients: Sequence[Tensor | None]) -> None:
        """The round has come to a step."""
        optimizer, weights = self._optimizers[number]
        if self._steps:
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
            optimizer.step()
        else:
            self.sizes += torch._foreach_norm([gradient for gradient in gradients if gradient is not None])

    @contextmanager
    def _current(self) -> Iterator[None]:
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[TracedRound | None] = ContextVar("current", default=None)


def step(optimizer: Optimizer, weights: Sequence[Tensor]) -> None:
    """Let an optimizer take its step; where a round is traced, note that it does."""
    if round := _current.get():
        round.note(optimizer, weights)
    else:
        optimizer.step()
    # fused optimizers do not tell autograd that weights have changed, and by that it refuses stale graphs
    torch.autograd.graph.increment_version(weights)


@torch.library.custom_op("ganzoo::step", mutates_args=())
def noted(number: int, gradients: Sequence[Tensor | None]) -> None:
    """A step in a graph."""
    round = _current.get()
    assert round is not None
    round.reach(number, gradients)


def is_step(node: fx.Node) -> bool:
    return node.target is torch.ops.ganzoo.step.default


def lifted(module: fx.GraphModule) -> list[Tensor]:
    """Make inputs of the tensors that a graph holds, and return them."""
    graph = module.graph
    held: dict[Tensor, list[fx.Node]] = {}
    for node in graph.find_nodes(op="get_attr"):
        held.setdefault(getattr(module, node.target), []).append(node)
    with graph.inserting_before(next(iter(graph.nodes))):
        inputs = [graph.placeholder(f"held_{number}") for number in range(len(held))]
    for place, nodes in zip(inputs, held.values(), strict=True):
        for node in nodes:
            node.replace_all_uses_with(place)
            graph.erase_node(node)
    module.recompile()
    return list(held)


def cut_at_steps(module: fx.GraphModule) -> fx.GraphModule:
    """The same as a chain of modules: what is computed until a step, the step, what is computed from there on."""
    number, parts = 0, {}
    for node in module.graph.nodes:
        number += is_step(node)
        parts[node] = number
        number += is_step(node)
        if node.target in (torch.ops.aten.view.default, torch.ops.aten._unsafe_view.default):
            node.target = torch.ops.aten.reshape.default  # a compiler may lay out in another way what is viewed
    return split_module(module, module, parts.__getitem__, keep_original_order=True)
