"""An iteration as graphs of what is computed between its optimizer steps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing, make_fx
from torch.fx.passes.split_module import split_module
from torch.optim import Optimizer

from ganzoo.training.device.guards import NoDataDependence, NoHostAccess
from ganzoo.training.device.types import Batch, NextBatch, Results, Step

aten = torch.ops.aten
Steps = list[tuple[Optimizer, Sequence[Tensor]]]


class TracedIteration:
    """An iteration that is run once without its optimizer steps, and can then be run with other batches.

    Tensors that it uses and has not made (weights, statistics, the networks of a parent) are read and written where
    they are. The caller restores what tracing changes, and makes sure that they are still in use.

    Args:
        iterate: one iteration, which takes optimizer steps by the function that it is given.
        fetch: the next batch.
        batches: a list to which the batches that it takes are added, also if it fails.

    Raises:
        RuntimeError: its control flow depends on the values of a tensor.
    """

    def __init__(self, iterate: Callable[[NextBatch, Step], Results], fetch: NextBatch, batches: list[Batch]) -> None:
        steps: Steps = []
        no_data_dependence, no_host_access = NoDataDependence(), NoHostAccess()  # type: ignore[no-untyped-call]

        def fetched() -> Batch:
            with disable_proxy_modes_tracing(), no_data_dependence.lifted(), no_host_access.lifted():
                batches.append(fetch())
            return batches[-1]

        def record_step(optimizer: Optimizer, weights: Sequence[Tensor]) -> None:
            torch.ops.ganzoo.step(len(steps), [weight.grad for weight in weights])
            steps.append((optimizer, weights))
            torch.autograd.graph.increment_version(weights)

        with no_data_dependence, no_host_access:
            graph = make_fx(lambda: iterate(fetched, record_step))()
        places = {tensor: place for place, tensor in enumerate(chain(*batches))}
        self._batches = len(batches)
        self._inputs = [places.get(tensor, tensor) for tensor in lift_constants(graph)]
        self._graph = split_at_steps(graph, steps)

    def __call__(self, fetch: NextBatch) -> Results:
        with torch.no_grad():
            losses, metrics = self._graph(*self._arguments(fetch))
        return losses, metrics

    def _arguments(self, fetch: NextBatch) -> list[Tensor]:
        batches = list(chain(*(fetch() for _ in range(self._batches))))
        return [batches[each] if isinstance(each, int) else each for each in self._inputs]

    def dry_run(self, fetch: NextBatch) -> DryRun:
        """Run it without its optimizer steps, and keep what it computes."""
        run = DryRun(self._graph)
        with torch.no_grad():
            run.run(*self._arguments(fetch))
        return run

    def compile(self) -> None:
        """Compile the graph between two steps, each part at its first call."""
        logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns that there is no GPU
        options: dict[str, Any] = {"fallback_random": True}  # torch's own random numbers, as in an eager iteration
        for name, part in self._graph.named_children():
            if not isinstance(part, OptimizerStep):
                setattr(self._graph, name, torch.compile(part, dynamic=False, fullgraph=True, options=options))


class DryRun(fx.Interpreter):
    """Runs the graph of an iteration without its optimizer steps.

    Attributes:
        values: the gradients of each step, and last the losses and metrics, as lists of tensors.
        shared: for each part, which results share the memory of which inputs.
    """

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.values: list[list[Tensor]] = []
        self.shared: list[set[tuple[int, int]]] = []

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if isinstance(self.fetch_attr(target), OptimizerStep):
            self.values.append([gradient.clone() for gradient in args])
            return None
        results = super().call_module(target, args, kwargs)
        each = results if isinstance(results, tuple) else (results,)
        owners = {storage(tensor): place for place, tensor in enumerate(args)}
        self.shared.append({(n, owners[storage(tensor)]) for n, tensor in enumerate(each) if storage(tensor) in owners})
        return results

    def output(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        losses, metrics = args[0]
        values = (*losses.values(), *metrics.values())
        self.values.append([value.clone() for value in values if isinstance(value, Tensor)])
        return args[0]


def storage(tensor: Any) -> int | None:
    """The address of a tensor's memory, which is the same for a tensor and its views."""
    return tensor.untyped_storage().data_ptr() if isinstance(tensor, Tensor) else None


@torch.library.custom_op("ganzoo::step", mutates_args=())
def _(number: int, gradients: Sequence[Tensor | None]) -> None:
    """Marks an optimizer step in a graph."""


def is_step(node: fx.Node) -> bool:
    return node.target is torch.ops.ganzoo.step.default


class OptimizerStep(nn.Module):
    """An optimizer step, in the place of the node that marks it."""

    def __init__(self, node: fx.Node, steps: Steps) -> None:
        super().__init__()
        number, gradients = node.args
        self.optimizer, self.weights = steps[number]  # type: ignore[index]
        inputs = {place: index for index, place in enumerate(node.graph.find_nodes(op="placeholder"))}
        self.inputs = [inputs.get(gradient) for gradient in gradients]  # type: ignore[union-attr]

    def forward(self, *gradients: Tensor) -> None:
        for weight, place in zip(self.weights, self.inputs, strict=True):
            weight.grad = None if place is None else gradients[place]
        self.optimizer.step()


def lift_constants(module: fx.GraphModule) -> list[Tensor]:
    """Turn the tensors that a graph holds into inputs, and return them."""
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


def split_at_steps(module: fx.GraphModule, steps: Steps) -> fx.GraphModule:
    """The same graph as a chain of modules: what comes before a step, the step, what comes after it."""
    number, parts = 0, {}
    for node in module.graph.nodes:
        number += is_step(node)
        parts[node] = number
        number += is_step(node)
        if node.target in (aten.view.default, aten._unsafe_view.default):
            node.target = aten.reshape.default  # a compiler may choose another layout for what is viewed
    split = split_module(module, module, parts.__getitem__, keep_original_order=True)
    for name, part in split.named_children():
        for node in filter(is_step, part.graph.nodes):  # type: ignore[arg-type,union-attr]
            setattr(split, name, OptimizerStep(node, steps))
    return split
