"""Data that do not fit on the device, sent there batch by batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Batch = tuple[Tensor, ...]


class Prefetcher:
    """Batches on a device, each read and sent while the device still works on the one before.

    To a GPU they go through pinned memory, on a stream of their own.

    Args:
        read: the batch of a draw, on the CPU.
        device: where it is sent.
    """

    def __init__(self, read: Callable[[int], Batch], device: torch.device) -> None:
        self.read, self.device = read, device
        self._sent: tuple[int, Batch] | None = None
        on_cuda = device.type == "cuda"
        self._beside = torch.cuda.Stream(device) if on_cuda else None  # type: ignore[no-untyped-call]

    def get(self, draw: int) -> Batch:
        """The batch of that draw; the next one is sent."""
        batch = self._sent[1] if self._sent and self._sent[0] == draw else self._send(draw)
        if self._beside:
            here = torch.cuda.current_stream(self.device)
            here.wait_stream(self._beside)
            for tensor in batch:
                tensor.record_stream(here)
        self._sent = draw + 1, self._send(draw + 1)
        return batch

    def _send(self, draw: int) -> Batch:
        batch = self.read(draw)
        if self._beside is None:
            return tuple(tensor.to(self.device) for tensor in batch)
        with torch.cuda.stream(self._beside):
            return tuple(tensor.pin_memory().to(self.device, non_blocking=True) for tensor in batch)
