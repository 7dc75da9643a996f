"""Devices: where to train, in which precision, and how iterations run there. What differs between devices is here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch.optim import Optimizer

from ganzoo.parts.networks import Networks
from ganzoo.parts.precision import bf16_matmul, bf16_matmul_supported
from ganzoo.training.device.capture import CapturedIterations
from ganzoo.training.device.compiling import TOLERANCE, CompiledIteration, require_compiler
from ganzoo.training.device.cuda_graph import CUDAGraphCapture, make_capturable
from ganzoo.training.device.layout import channels_last, is_dense
from ganzoo.training.device.rng import RandomState
from ganzoo.training.device.types import NextBatch, Results, Step
from ganzoo.util.errors import GanzooError

__all__ = [
    "Device",
    "RandomState",
    "choose_device",
    "configure_process",
    "cores",
    "default_threads",
    "flush_denormals",
    "has_bf16_units",
]


@dataclass(frozen=True)
class Device:
    """A device to train on, and how the work is done there.

    Attributes:
        torch: the device.
        bf16: matrix products and convolutions take bf16 factors.
        in_matmul: float32 factors are rounded to bf16 inside each product; otherwise autocast converts tensors.
        compile: iterations are compiled.
        graph: an iteration is captured once as a CUDA graph, and replayed.
    """

    torch: torch.device
    bf16: bool
    in_matmul: bool = False
    compile: bool = False
    graph: bool = False

    @property
    def precision(self) -> str:
        return "bf16" if self.bf16 else "fp32"

    def suited_to(self, nets: Networks) -> Device:
        """The same device with the way to bf16 that is faster: within products for dense networks on matrix tiles."""
        tiles = self.bf16 and self.torch.type == "cpu" and has_matrix_tiles()
        return replace(self, in_matmul=tiles and not self.compile and is_dense(nets) and bf16_matmul_supported())

    def forward(self) -> AbstractContextManager[Any]:
        """The precision in which losses are computed."""
        return bf16_matmul() if self.in_matmul else torch.autocast(self.torch.type, torch.bfloat16, enabled=self.bf16)

    def backward(self) -> AbstractContextManager[Any]:
        """The precision in which gradients are computed. After autocast they have the types of the forward pass."""
        return bf16_matmul() if self.in_matmul else nullcontext()

    def prepare_networks(self, nets: Networks) -> Networks:
        """Move networks to the device, in the memory layout that trains fastest there."""
        nets.to(self.torch)
        if self.bf16 or self.compile:
            for network in nets.trainable().values():
                channels_last(network)
        return nets

    def prepare_optimizer(self, optimizer: Optimizer) -> None:
        """Make an optimizer fit for a CUDA graph, where there will be one."""
        if self.graph:
            make_capturable(optimizer, self.torch)

    def runner(
        self,
        iterate: Callable[[NextBatch, Step], Results],
        fetch: NextBatch,
        nets: Networks,
        random_state: RandomState,
    ) -> Callable[[], Results]:
        """How iterations run here: each as it is written, compiled, or replayed from a capture.

        Args:
            iterate: one iteration, on the batches and with the optimizer steps that it is given.
            fetch: the next batch.
            nets: all that an iteration changes besides its optimizers.
            random_state: the random numbers that it draws.
        """
        run: Any = iterate
        if self.compile:
            run = CompiledIteration(iterate, nets, random_state, TOLERANCE[self.precision])
        if self.graph:
            return CapturedIterations(run, fetch, CUDAGraphCapture(self.torch))
        return lambda: run(fetch)

    def fits(self, size: int) -> bool:
        """Whether data of that many bytes may stay on the device for the whole training."""
        if self.torch.type != "cuda":
            return True  # an array is in this memory already
        free, _ = torch.cuda.mem_get_info(self.torch)
        return size < free // 2


Precision = Literal["auto", "fp32", "bf16"]
MOST_THREADS = 64  # or four for each core


def choose_device(
    name: str = "auto", precision: str = "auto", *, images: bool = True, compile: bool = False, graph: bool = False
) -> Device:
    """The device of that name.

    Args:
        name: ``auto`` (CUDA, MPS or the CPU, the first that is there), ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 for images where the device has units for it, else fp32. The
            eight bits of bf16's mantissa are coarser than clusters of points, so vectors are trained in fp32.
        images: whether the data are images.
        compile: compile iterations.
        graph: capture iterations as a CUDA graph.

    Raises:
        GanzooError: the device is not there, naming those that are; or it cannot compile or capture.
    """
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    there = [*(["cuda"] if cuda else []), *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]
    if name == "auto":
        name = there[0]
    if name not in (*there, *cuda):
        raise GanzooError(f"device '{name}' is not available here; available: auto, {', '.join([*there, *cuda])}")
    if precision not in get_args(Precision):
        raise GanzooError(f"precision={precision!r:.60} is not one of {', '.join(get_args(Precision))}")
    device = torch.device(name)
    if graph and device.type != "cuda":
        raise GanzooError(f"--graph captures iterations on CUDA alone, and the device is '{device}'; leave it out")
    if compile:
        require_compiler(device)
    bf16 = images and has_bf16_units(device) if precision == "auto" else precision == "bf16"
    return Device(device, bf16, compile=compile, graph=graph)


def has_bf16_units(device: torch.device) -> bool:
    """Whether the device has units for bf16 products: tensor cores, or a CPU's matrix tiles (AMX) or AVX-512 BF16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and (has_matrix_tiles() or cpu_supports("avx512_bf16"))


def has_matrix_tiles() -> bool:
    """Whether the CPU has matrix tiles (AMX)."""
    return cpu_supports("amx_tile")


def cpu_supports(feature: str) -> bool:
    """Whether the CPU has a feature, by torch's name for it; it has no public function for these."""
    supported = getattr(torch.cpu, f"_is_{feature}_supported", None)
    return supported is not None and bool(supported())


@contextmanager
def flush_denormals() -> Iterator[None]:
    """Denormal floats count as zero on the CPU: Adam's second moments decay into them, and they are slow."""
    before = bool((torch.tensor(1e-40) * 1.0) == 0)  # torch has no getter
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


SMALL = 2**22  # weights of a network


def default_threads(nets: Networks) -> int:
    """How many CPU threads train these networks: one if all are dense and small, else all cores of this process.

    Products of small matrices gain a few percent from a second thread while the machine is idle, and lose most of
    their speed to waiting for it while other work keeps the cores busy. Another number of threads may change the last
    bits of a result, so the rule looks at the networks alone, and nothing is timed.
    """
    networks = nets.trainable().values()
    is_small = all(sum(weight.numel() for weight in network.parameters()) <= SMALL for network in networks)
    return 1 if is_small and all(map(is_dense, networks)) else cores()


def configure_process(threads: int | None = None, nets: Networks | None = None) -> int:
    """Set the number of CPU threads of the whole process, and return it.

    The default is ``OMP_NUM_THREADS``, or else :func:`default_threads` of the networks to train, or all cores of this
    process where there are none.

    Raises:
        GanzooError: the number is no whole number from 1, or far more than there are cores: a process of too many
            threads is killed, or hangs.
    """
    most = max(MOST_THREADS, 4 * cores())
    if threads is not None and (type(threads) is not int or not 1 <= threads <= most):
        raise GanzooError(f"threads={threads!r:.60} is not a whole number from 1 to {most:,}, the most here")
    if threads is None and "OMP_NUM_THREADS" not in os.environ:
        threads = cores() if nets is None else default_threads(nets)
    if threads is not None:
        torch.set_num_threads(threads)
    return torch.get_num_threads()
