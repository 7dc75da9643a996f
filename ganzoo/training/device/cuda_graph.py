"""CUDA graphs: the kernels of a whole iteration are launched at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import torch

from ganzoo.training.device.types import Results

SYNC_WARNING = "called a synchronizing CUDA operation"
"""Part of torch's warning where the CPU waits for the GPU."""

DEBUG_MODE_WARNING = "Synchronization debug mode"
"""Part of torch's warning about that warning."""


class Capture(Protocol):
    """Captures an iteration, so that it can be replayed."""

    def warm_up(self) -> AbstractContextManager[list[str]]:
        """A context for an iteration before the capture; gives a list of the places that waited for the device.

        The list is complete when the context is left. What waits cannot be captured.
        """
        ...

    def uncaptured(self) -> AbstractContextManager[Any]:
        """Within a warm-up, a context for what will not be captured, and may wait."""
        ...

    def __call__(self, iterate: Callable[[], Results]) -> Callable[[], Results]:
        """Capture a call without its effects, and return a replay that has them.

        Raises:
            RuntimeError: it cannot be captured.
        """
        ...


class CUDAGraphCapture:
    """Captures on one CUDA device. A replay launches the same kernels in the same order with equal random numbers."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @contextmanager
    def warm_up(self) -> Iterator[list[str]]:
        """Run on a side stream, as torch asks for before a capture: the default stream cannot be captured."""
        current = torch.cuda.current_stream(self.device)
        side = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        side.wait_stream(current)
        waits: list[str] = []
        with torch.cuda.stream(side), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            before = torch.cuda.get_sync_debug_mode()
            torch.cuda.set_sync_debug_mode("warn")
            try:
                yield waits
            finally:
                torch.cuda.set_sync_debug_mode(before)
        for one in caught:
            if SYNC_WARNING in str(one.message):
                waits.append(f"{one.filename}:{one.lineno}")
            elif DEBUG_MODE_WARNING not in str(one.message):  # the user's own warnings are passed on
                warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
        current.wait_stream(side)

    @contextmanager
    def uncaptured(self) -> Iterator[None]:
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("default")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)

    def __call__(self, iterate: Callable[[], Results]) -> Callable[[], Results]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self.device):
            try:
                with torch.cuda.graph(graph):
                    results = iterate()
            except RuntimeError:  # a capture that failed leaves the random generator in capture mode
                generator = torch.cuda.default_generators[torch.cuda.current_device()]
                generator.graphsafe_set_state(generator.clone_state())
                raise

        def replay() -> Results:
            graph.replay()
            return results

        return replay


def make_capturable(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Keep an optimizer's learning rates and step counters on the device, where a captured step reads them."""
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])  # read where it is a number, which waits for nothing
        group["lr"] = torch.tensor(group["lr"], device=device)
        if "capturable" in group:
            group["capturable"] = True
        elif "fused" in group:  # SGD, whose other implementations want the learning rate on the CPU
            group["fused"], group["foreach"] = True, False
