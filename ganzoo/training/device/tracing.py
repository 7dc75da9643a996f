"""An iteration as graphs of what is computed between its steps."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from itertools import chain
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing, make_fx
from torch.fx.passes.split_module import split_module
from torch.optim import Optimizer

from ganzoo.training.device.capture import Batch, Fetch, Play
from ganzoo.training.device.cuda_graph import Outputs
from ganzoo.training.device.guards import NoDataDependence, NoHostAccess

aten = torch.ops.aten
Steps = list[tuple[Optimizer, Sequence[Tensor]]]
_steps: ContextVar[Steps | None] = ContextVar("steps", default=None)


class TracedRound:
    """An iteration that is played once, without its steps, and can then be played with other batches.

    Tensors that it computes with and has not made (weights, statistics, the networks of a parent) are read and written
    where they are. Whoever traces an iteration puts back what that changes, and sees to it that they are still in use.

    Args:
        play: an iteration, which steps by :func:`take_step`.
        fetch: the next batch.
        batches: a list for the batches that it takes; they are there after an error too.

    Raises:
        RuntimeError: what it does depends on what is in a tensor.
    """

    def __init__(self, play: Play, fetch: Fetch, batches: list[Batch]) -> None:
        steps: Steps = []
        numbers, memory = NoDataDependence(), NoHostAccess()  # type: ignore[no-untyped-call]

        def kept() -> Batch:
            with disable_proxy_modes_tracing(), numbers.allowed(), memory.allowed():
                batches.append(fetch())
            return batches[-1]

        token = _steps.set(steps)
        try:
            with numbers, memory:
                graph = make_fx(lambda: play(kept))()
        finally:
            _steps.reset(token)
        places = {tensor: place for place, tensor in enumerate(chain(*batches))}
        self._batches = len(batches)
        self._inputs = [places.get(tensor, tensor) for tensor in lifted(graph)]
        self._iteration = cut_at_steps(graph, steps)

    def __call__(self, fetch: Fetch) -> Outputs:
        with torch.no_grad():
            losses, figures = self._iteration(*self._given(fetch))
        return losses, figures

    def _given(self, fetch: Fetch) -> list[Tensor]:
        batches = list(chain(*(fetch() for _ in range(self._batches))))
        return [batches[each] if isinstance(each, int) else each for each in self._inputs]

    def rehearse(self, fetch: Fetch) -> Rehearsal:
        """Play it without its steps, and see what comes of it."""
        rehearsal = Rehearsal(self._iteration)
        with torch.no_grad():
            rehearsal.run(*self._given(fetch))
        return rehearsal

    def compile(self) -> None:
        """Compile what is computed between two steps, each at its first call."""
        logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # that there is no GPU is no news
        options: dict[str, Any] = {
            "fallback_random": True
        }  # torch's own random numbers, as in an iteration that is played
        for name, part in self._iteration.named_children():
            if not isinstance(part, Step):
                setattr(self._iteration, name, torch.compile(part, dynamic=False, fullgraph=True, options=options))


class Rehearsal(fx.Interpreter):
    """Plays an iteration without its steps.

    Attributes:
        found: the gradients of each step, and last the losses and figures, as lists of tensors.
        shared: of each part, which results lie in the memory of which inputs.
    """

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.found: list[list[Tensor]] = []
        self.shared: list[set[tuple[int, int]]] = []

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if isinstance(self.fetch_attr(target), Step):
            self.found.append([gradient.clone() for gradient in args])
            return None
        results = super().call_module(target, args, kwargs)
        made = results if isinstance(results, tuple) else (results,)
        owners = {memory(tensor): place for place, tensor in enumerate(args)}
        self.shared.append({(n, owners[memory(tensor)]) for n, tensor in enumerate(made) if memory(tensor) in owners})
        return results

    def output(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        losses, figures = args[0]
        values = (*losses.values(), *figures.values())
        self.found.append([value.clone() for value in values if isinstance(value, Tensor)])
        return args[0]


def memory(tensor: Any) -> int | None:
    """Where a tensor lies; equal for a tensor and its views."""
    return tensor.untyped_storage().data_ptr() if isinstance(tensor, Tensor) else None


def take_step(optimizer: Optimizer, weights: Sequence[Tensor]) -> None:
    """Let an optimizer take its step; where an iteration is traced, note that it does."""
    steps = _steps.get()
    if steps is None:
        optimizer.step()
    else:
        torch.ops.ganzoo.step(len(steps), [weight.grad for weight in weights])
        steps.append((optimizer, weights))
    # fused optimizers do not tell autograd that weights have changed, and by that it refuses stale graphs
    torch.autograd.graph.increment_version(weights)


@torch.library.custom_op("ganzoo::step", mutates_args=())
def _(number: int, gradients: Sequence[Tensor | None]) -> None:
    """Where a step stands in a graph."""


def is_step(node: fx.Node) -> bool:
    return node.target is torch.ops.ganzoo.step.default


class Step(nn.Module):
    """A step of a player, in the place of the node that stands for it."""

    def __init__(self, node: fx.Node, steps: Steps) -> None:
        super().__init__()
        number, gradients = node.args
        self.optimizer, self.weights = steps[number]  # type: ignore[index]
        places = {place: index for index, place in enumerate(node.graph.find_nodes(op="placeholder"))}
        self.places = [places.get(gradient) for gradient in gradients]  # type: ignore[union-attr]

    def forward(self, *gradients: Tensor) -> None:
        for weight, place in zip(self.weights, self.places, strict=True):
            weight.grad = None if place is None else gradients[place]
        self.optimizer.step()


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
    return list(held)


def cut_at_steps(module: fx.GraphModule, steps: Steps) -> fx.GraphModule:
    """The same as a chain of modules: what is computed until a step, the step, what is computed from there on."""
    number, parts = 0, {}
    for node in module.graph.nodes:
        number += is_step(node)
        parts[node] = number
        number += is_step(node)
        if node.target in (aten.view.default, aten._unsafe_view.default):
            node.target = aten.reshape.default  # a compiler may lay out in another way what is viewed
    cut = split_module(module, module, parts.__getitem__, keep_original_order=True)
    for name, part in cut.named_children():
        for node in filter(is_step, part.graph.nodes):  # type: ignore[arg-type,union-attr]
            setattr(cut, name, Step(node, steps))
    return cut
