"""Random numbers of a training, apart from those of the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ganzoo.util.errors import GanzooError


class RandomState:
    """The random numbers of one training, apart from those of the process.

    Within ``with randomness:`` torch's own generators run on this training's stream, so nothing that happens between
    two iterations changes a run.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        with self.apart():
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
    def apart(self) -> Iterator[None]:
        """Within it, torch's random numbers begin as they are, and afterwards they are as they were."""
        outside = self._current()
        try:
            yield
        finally:
            self._set(outside)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Run on this training's random numbers."""
        with self.apart():
            self._set(self._state)
            try:
                yield
            finally:
                self._state = self._current()

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps: uint8 tensors on the CPU."""
        return {str(index): state for index, state in enumerate(self._state)}

    def load(self, state: dict[str, Tensor], source: str) -> None:
        """Go on from a checkpoint's state; :class:`GanzooError` if it is none, or of another kind of device."""
        if len(state) != len(self._state):
            raise GanzooError(f"{source} holds no random state for the device '{self.device}'")
        try:
            states = [state[str(index)].cpu() for index in range(len(self._state))]
            with self.apart():
                self._set(states)
        except (KeyError, IndexError, RuntimeError, TypeError):
            raise GanzooError(f"{source} holds no random state for the device '{self.device}'") from None
        self._state = states
