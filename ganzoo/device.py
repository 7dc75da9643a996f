"""Devices: which one, in which precision, and its random numbers. All that differs between them is here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ganzoo.spec import GanzooError

Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True)
class Device:
    """A place to train, with the precision of its matrix products."""

    torch: torch.device
    bf16: bool

    @property
    def precision(self) -> str:
        return "bf16" if self.bf16 else "fp32"

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision for whatever runs within, or nothing at fp32."""
        return torch.autocast(self.torch.type, torch.bfloat16, enabled=self.bf16)

    def fits(self, size: int) -> bool:
        """Whether data of that many bytes may rest on the device for the whole training."""
        if self.torch.type != "cuda":
            return True  # an array is in this memory already
        free, _ = torch.cuda.mem_get_info(self.torch)
        return size < free // 2


def choose(name: str = "auto", precision: str = "auto", *, images: bool = True) -> Device:
    """The device of that name; ``auto`` takes CUDA, MPS or the CPU, and for images bf16 where it is made for that.

    Vectors are trained in fp32 unless bf16 is named: its eight bits of mantissa are coarser than their clusters.

    Raises:
        GanzooError: the device is not there, naming those that are.
    """
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    there = [*(["cuda"] if cuda else []), *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]
    if name == "auto":
        name = there[0]
    if name not in (*there, *cuda):
        raise GanzooError(f"device '{name}' is not available here; available: auto, {', '.join([*there, *cuda])}")
    device = torch.device(name)
    return Device(device, images and made_for_bf16(device) if precision == "auto" else precision == "bf16")


def made_for_bf16(device: torch.device) -> bool:
    """Whether the device has units for bf16 products: tensor cores, or a CPU's matrix tiles."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)  # torch has no public question for it
    return device.type == "cpu" and tiles is not None and bool(tiles())


def prepare(threads: int | None = None) -> int:
    """Set what the whole process shares, and return the number of CPU threads.

    That is all that this process may use, unless ``OMP_NUM_THREADS`` or the caller says otherwise. Another number may
    change the last bits of a result, so it is not chosen by timing. Where other work keeps the cores busy, one thread
    is faster than two that wait for each other.
    """
    torch.set_flush_denormal(True)  # Adam's second moments decay into denormals, which a CPU handles slowly
    if threads is None and "OMP_NUM_THREADS" not in os.environ:
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if threads is not None:
        torch.set_num_threads(threads)
    return torch.get_num_threads()


class Randomness:
    """The random numbers of one training, apart from those of the process.

    Within ``with randomness:`` torch's own generators run on this training's stream, so nothing that happens between
    two rounds changes a run.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        with self._swapped_out():
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
    def _swapped_out(self) -> Iterator[None]:
        outside = self._current()
        try:
            yield
        finally:
            self._set(outside)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Run on this training's random numbers."""
        with self._swapped_out():
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
            with self._swapped_out():
                self._set(states)
        except (KeyError, IndexError, RuntimeError, TypeError):
            raise GanzooError(f"{source} holds no random state for the device '{self.device}'") from None
        self._state = states
