"""Recordings of an iteration: as a CUDA graph, the kernels of a whole iteration are launched at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor

Outputs = tuple[dict[str, Tensor], dict[str, Tensor]]
"""Losses and figures of an iteration."""

WAITS = "called a synchronizing CUDA operation"
"""What torch warns of where the CPU waits for the GPU."""

MODE = "Synchronization debug mode"
"""What torch says of those warnings themselves."""


class Capture(Protocol):
    """What records an iteration."""

    def rehearse(self) -> AbstractContextManager[list[str]]:
        """Surroundings for an iteration that is played before the recording; gives the list of what waited for the device.

        The list is complete when the surroundings are left. What waits cannot be recorded.
        """
        ...

    def aside(self) -> AbstractContextManager[Any]:
        """Within a rehearsal, surroundings for what will not be recorded, and may wait."""
        ...

    def __call__(self, play: Callable[[], Outputs]) -> Callable[[], Outputs]:
        """Record a call without its effects, and return what has them; RuntimeError if it cannot be recorded."""
        ...


class CUDAGraphCapture:
    """Records on one CUDA device. The kernels, their order and their random numbers are those of the call itself."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @contextmanager
    def rehearse(self) -> Iterator[list[str]]:
        """Play on a stream beside the default one, which is not allowed to take part in a recording."""
        outside = torch.cuda.current_stream(self.device)
        beside = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        beside.wait_stream(outside)
        waits: list[str] = []
        with torch.cuda.stream(beside), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            before = torch.cuda.get_sync_debug_mode()
            torch.cuda.set_sync_debug_mode("warn")
            try:
                yield waits
            finally:
                torch.cuda.set_sync_debug_mode(before)
        for one in caught:
            if WAITS in str(one.message):
                waits.append(f"{one.filename}:{one.lineno}")
            elif MODE not in str(one.message):  # the user's own
                warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
        outside.wait_stream(beside)

    @contextmanager
    def aside(self) -> Iterator[None]:
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("default")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)

    def __call__(self, play: Callable[[], Outputs]) -> Callable[[], Outputs]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self.device):
            try:
                with torch.cuda.graph(graph):
                    outputs = play()
            except RuntimeError:  # a recording that was broken off leaves the random numbers in recording mode
                generator = torch.cuda.default_generators[torch.cuda.current_device()]
                generator.graphsafe_set_state(generator.clone_state())
                raise

        def replay() -> Outputs:
            graph.replay()
            return outputs

        return replay


def make_capturable(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Keep an optimizer's rates and step counters on the device, where a recording finds those of the moment."""
    for group in optimizer.param_groups:
        group["lr"] = torch.tensor(group["lr"], device=device)
        if "capturable" in group:
            group["capturable"] = True
        elif "fused" in group:  # gradient descent, whose other forms want the rate on the CPU
            group["fused"], group["foreach"] = True, False
