"""Compiled iterations: the forward and backward passes between two optimizer steps are one graph of few kernels.

Experimental.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from ganzoo.training.device.rng import RandomState
from ganzoo.training.device.tracing import TracedIteration
from ganzoo.training.device.types import Batch, Iterate, NextBatch, Results, Step, optimizer_step
from ganzoo.util.errors import GanzooError, first_line

COMPILERS = ("g++", "clang++", "cl")
TOLERANCE = {"fp32": 1e-2, "bf16": 0.25}
"""The largest relative difference of a compiled iteration. Rounding is far below it, and mistakes are above."""


def require_compiler(device: torch.device) -> None:
    """Make sure that torch.compile has what it builds with: a C++ compiler, and on CUDA also Triton.

    Raises:
        GanzooError: something is missing, naming it.
    """
    if not any(map(shutil.which, filter(None, (os.environ.get("CXX"), *COMPILERS)))):
        raise GanzooError(
            f"--compile needs a C++ compiler, and none of {', '.join(COMPILERS)} is on the PATH; install one, name it "
            "in CXX, or start a run without --compile"
        )
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise GanzooError("--compile on CUDA needs Triton; run: pip install triton, or start a run without --compile")


class CompiledIteration:
    """Runs iterations compiled.

    The first call traces an iteration, compiles it and compares the two. Networks and random numbers are then restored,
    so that every iteration of a training is a compiled one, wherever it starts. If that fails, iterations run eagerly,
    and a warning says why.

    Args:
        iterate: one iteration, which takes optimizer steps by the function that it is given.
        nets: all that it changes besides its optimizers.
        random_state: the random numbers that it draws.
        tolerance: the largest difference of the two, relative to the largest value of each kind.
    """

    def __init__(
        self,
        iterate: Callable[[NextBatch, Step], Results],
        nets: nn.Module,
        random_state: RandomState,
        tolerance: float,
    ) -> None:
        self.eager, self.nets, self.random_state, self.tolerance = iterate, nets, random_state, tolerance
        self._iterate: Iterate | None = None

    def __call__(self, fetch: NextBatch) -> Results:
        if self._iterate:
            return self._iterate(fetch)
        batches: list[Batch] = []
        try:
            self._iterate = self._compiled(fetch, batches)
        except GanzooError:
            raise
        except Exception as error:  # one of the iteration itself comes up again when it runs eagerly
            warnings.warn(f"iterations cannot be compiled, and run eagerly: {first_line(error)}", stacklevel=4)
            self._iterate = lambda fetch: self.eager(fetch, optimizer_step)
        return self._iterate(chain(batches, iter(fetch, None)).__next__)

    def _compiled(self, fetch: NextBatch, batches: list[Batch]) -> Iterate:
        with self._restored():
            traced = TracedIteration(self.eager, fetch, batches)
        with self._restored() as eager_state:
            eager = traced.dry_run(iter(batches).__next__)
        traced.compile()
        with self._restored() as compiled_state:
            compiled = traced.dry_run(iter(batches).__next__)
        if any(one - other for one, other in zip(compiled.shared, eager.shared, strict=True)):
            raise RuntimeError("the compiler takes a copy of a tensor for the tensor itself")
        values = zip([*compiled.values, compiled_state], [*eager.values, eager_state], strict=True)
        differences = torch.tensor([relative_difference(one, other) for one, other in values])
        if not (largest := differences.max()) <= self.tolerance:  # NaN is refused too
            raise RuntimeError(f"gradients, losses or statistics would differ by {largest:.2g} of the largest")
        return traced

    @contextmanager
    def _restored(self) -> Iterator[list[Tensor]]:
        """Restore networks and random numbers when the context is left; gives what the networks had become."""
        tensors: dict[str, Tensor] = dict(chain(self.nets.named_parameters(), self.nets.named_buffers()))
        storage = {name: tensor.detach() for name, tensor in tensors.items()}
        before = {name: values.clone() for name, values in storage.items()}
        became: list[Tensor] = []
        replaced = []
        with self.random_state.preserved():
            try:
                yield became
            finally:
                for name, tensor in tensors.items():
                    owner, _, leaf = name.rpartition(".")
                    module = self.nets.get_submodule(owner)
                    now = getattr(module, leaf)
                    if now is not tensor or now.data_ptr() != storage[name].data_ptr():
                        replaced.append(name)
                        setattr(module, leaf, tensor)
                        tensor.data = storage[name]
                    became.append(storage[name].clone())
                    if not storage[name].equal(before[name]):
                        storage[name].copy_(before[name])
        if replaced:
            raise RuntimeError(f"it replaces the tensor '{replaced[0]}' instead of changing it in place")


def relative_difference(some: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """The largest difference of floating-point tensors, relative to the largest value of the second ones."""
    pairs = [(a.float(), b.float()) for a, b in zip(some, others, strict=True) if a.is_floating_point() and a.numel()]
    if not pairs:
        return 0.0
    difference = torch.stack([(a - b).abs().max() for a, b in pairs]).max()
    return float(difference / torch.stack([b.abs().max() for _, b in pairs]).max().clamp(min=1e-30))
