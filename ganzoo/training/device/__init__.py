"""Devices: which one, and how the work is done there. All that differs between them is in this package."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.optim import Optimizer

from ganzoo.parts.networks import Networks
from ganzoo.parts.precision import bf16_matmul, bf16_matmul_supported
from ganzoo.training.device.capture import Play
from ganzoo.training.device.compiling import NEAR, CompiledRounds, needs_compiler
from ganzoo.training.device.cuda_graph import Capture, CUDAGraphCapture, make_capturable
from ganzoo.training.device.layout import channels_last, is_dense
from ganzoo.training.device.rng import RandomState
from ganzoo.util.errors import GanzooError

__all__ = ["Device", "RandomState", "choose_device", "configure_process", "cores", "has_bf16_units"]


@dataclass(frozen=True)
class Device:
    """A place to train, and how the work is done there.

    Attributes:
        torch: the place.
        bf16: factors of matrix products and convolutions are bf16.
        within: they are rounded to it within products of float32, and not before, under autocast.
        compile: iterations are compiled.
        graph: an iteration is recorded once as a CUDA graph, and replayed.
    """

    torch: torch.device
    bf16: bool
    within: bool = False
    compile: bool = False
    graph: bool = False

    @property
    def precision(self) -> str:
        return "bf16" if self.bf16 else "fp32"

    def suited(self, nets: Networks) -> Device:
        """The same device with the form of bf16 that is faster for these networks."""
        on_cpu = self.bf16 and self.torch.type == "cpu" and has_bf16_units(self.torch)
        return replace(self, within=on_cpu and not self.compile and is_dense(nets) and bf16_matmul_supported())

    def forward(self) -> AbstractContextManager[Any]:
        """Within it, losses are computed in this precision."""
        return bf16_matmul() if self.within else torch.autocast(self.torch.type, torch.bfloat16, enabled=self.bf16)

    def backward(self) -> AbstractContextManager[Any]:
        """Within it, gradients are; a backward pass has the types of its forward pass, but iterations as it is told."""
        return bf16_matmul() if self.within else nullcontext()

    def place(self, nets: Networks) -> Networks:
        """Move networks here, in the layout and the form in which they are trained fastest."""
        nets.to(self.torch)
        if self.bf16 or self.compile:
            for player in nets.trainable().values():
                channels_last(player)
        return nets

    def iterations(self, play: Play, nets: Networks, randomness: RandomState) -> Play:
        """How iterations are played here: as they are, or compiled."""
        return CompiledRounds(play, nets, randomness, NEAR[self.precision]) if self.compile else play

    def prepare(self, optimizer: Optimizer) -> None:
        """Make an optimizer fit for what :meth:`recorder` gives."""
        if self.graph:
            make_capturable(optimizer, self.torch)

    def recorder(self) -> Capture | None:
        """What records an iteration here, or None where each is played anew."""
        return CUDAGraphCapture(self.torch) if self.graph else None

    def fits(self, size: int) -> bool:
        """Whether data of that many bytes may rest on the device for the whole training."""
        if self.torch.type != "cuda":
            return True  # an array is in this memory already
        free, _ = torch.cuda.mem_get_info(self.torch)
        return size < free // 2


def choose_device(
    name: str = "auto", precision: str = "auto", *, images: bool = True, compile: bool = False, graph: bool = False
) -> Device:
    """The device of that name; ``auto`` takes CUDA, MPS or the CPU, and for images bf16 where it is made for that.

    Vectors are trained in fp32 unless bf16 is named: its eight bits of mantissa are coarser than their clusters.

    Raises:
        GanzooError: the device is not there, naming those that are; or it cannot compile, or record.
    """
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    there = [*(["cuda"] if cuda else []), *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]
    if name == "auto":
        name = there[0]
    if name not in (*there, *cuda):
        raise GanzooError(f"device '{name}' is not available here; available: auto, {', '.join([*there, *cuda])}")
    device = torch.device(name)
    if graph and device.type != "cuda":
        raise GanzooError(f"--graph records iterations on CUDA alone, and the device is '{device}'; leave it out")
    if compile:
        needs_compiler(device)
    bf16 = images and has_bf16_units(device) if precision == "auto" else precision == "bf16"
    return Device(device, bf16, compile=compile, graph=graph)


def has_bf16_units(device: torch.device) -> bool:
    """Whether the device has units for bf16 products: tensor cores, or a CPU's matrix tiles."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)  # torch has no public question for it
    return device.type == "cpu" and tiles is not None and bool(tiles())


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def configure_process(threads: int | None = None) -> int:
    """Set what the whole process shares, and return the number of CPU threads.

    That is all that this process may use, unless ``OMP_NUM_THREADS`` or the caller says otherwise. Another number may
    change the last bits of a result, so it is not chosen by timing. Where other work keeps the cores busy, one thread
    is faster than two that wait for each other.
    """
    torch.set_flush_denormal(True)  # Adam's second moments decay into denormals, which a CPU handles slowly
    if threads is None and "OMP_NUM_THREADS" not in os.environ:
        threads = cores()
    if threads is not None:
        torch.set_num_threads(threads)
    return torch.get_num_threads()
