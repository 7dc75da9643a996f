"""The random numbers of a training, kept apart from those of the process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ganzoo.util.errors import GanzooError

_generators = threading.RLock()
"""Held while torch's own generators have the state of one training."""


class RandomState:
    """The state of the random numbers of one training.

    Within :meth:`stream`, torch's own generators continue from this state. So nothing that draws random numbers between
    two iterations changes a run.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        with self.preserved():
            torch.manual_seed(seed)
            self._state = self._current()

    def _current(self) -> list[Tensor]:
        states = [torch.get_rng_state()]
        if self.device.type == "cuda":
            states.append(torch.cuda.get_rng_state(self.device))
        elif self.device.type == "mps":
            states.append(torch.mps.get_rng_state())
        return states

    def _set(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(states[1], self.device)
        elif self.device.type == "mps":
            torch.mps.set_rng_state(states[1])

    @contextmanager
    def preserved(self) -> Iterator[None]:
        """Restore torch's random state when the context is left."""
        with _generators:
            before = self._current()
            try:
                yield
            finally:
                self._set(before)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Draw from this training's random numbers within the context.

        torch's generators belong to the process, so trainings in several threads take turns.
        """
        with self.preserved():
            self._set(self._state)
            try:
                yield
            finally:
                self._state = self._current()

    def state(self) -> dict[str, Tensor]:
        """The state for a checkpoint: uint8 tensors on the CPU."""
        return {str(index): state for index, state in enumerate(self._state)}

    def load(self, state: dict[str, Tensor], source: str) -> None:
        """Continue from the state of a checkpoint; GanzooError if it is damaged, or from another kind of device."""
        message = f"{source} holds no random state for the device '{self.device}'"
        if len(state) != len(self._state):
            raise GanzooError(message)
        try:
            states = [state[str(index)].cpu() for index in range(len(self._state))]
            with self.preserved():
                self._set(states)
        except (KeyError, IndexError, RuntimeError, TypeError):
            raise GanzooError(message) from None
        self._state = states
