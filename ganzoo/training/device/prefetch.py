"""Batches that are sent to the device one ahead."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ganzoo.training.device.types import Batch


class Prefetcher:
    """Reads and sends the next batch while the device still works on the current one.

    Batches go to a GPU through pinned memory, on a stream of their own.

    Args:
        read: the batch at a place in the stream, on the CPU.
        device: where it is sent.
    """

    def __init__(self, read: Callable[[int], Batch], device: torch.device) -> None:
        self.read, self.device = read, device
        self._sent: tuple[int, Batch] | None = None
        self._copy_stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def get(self, place: int) -> Batch:
        """The batch at that place; the next one is sent."""
        batch = self._sent[1] if self._sent and self._sent[0] == place else self._send(place)
        if self._copy_stream:
            current = torch.cuda.current_stream(self.device)
            current.wait_stream(self._copy_stream)
            for tensor in batch:
                tensor.record_stream(current)
        self._sent = place + 1, self._send(place + 1)
        return batch

    def _send(self, place: int) -> Batch:
        batch = self.read(place)
        if self._copy_stream is None:
            return tuple(tensor.to(self.device) for tensor in batch)
        with torch.cuda.stream(self._copy_stream):
            return tuple(tensor.pin_memory().to(self.device, non_blocking=True) for tensor in batch)
