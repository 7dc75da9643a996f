"""Compiled iterations: what is computed between two steps, forward and backward, is one graph and becomes few kernels."""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from ganzoo.training.device.capture import Batch, Fetch, Play
from ganzoo.training.device.cuda_graph import Outputs
from ganzoo.training.device.rng import RandomState
from ganzoo.training.device.tracing import TracedRound
from ganzoo.util.errors import GanzooError, first_line

COMPILERS = ("g++", "clang++", "cl")
NEAR = {"fp32": 1e-2, "bf16": 0.25}
"""How near a compiled iteration has to come to one that is played. Rounding is far below it, and mistakes are above."""


def needs_compiler(device: torch.device) -> None:
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


class CompiledRounds:
    """Plays iterations as ``play`` does, compiled.

    The first call traces an iteration, compiles it and compares the two. Networks and random numbers are then what they were
    before, so that every iteration of a training is a compiled one, wherever it begins. If it fails, iterations are played, and
    a warning says why.

    Args:
        play: an iteration, which steps by :func:`ganzoo.training.device.tracing.take_step`.
        nets: all that it changes besides.
        randomness: the random numbers that it takes.
        near: how far apart the two may be, relative to the largest of what is compared.
    """

    def __init__(self, play: Play, nets: nn.Module, randomness: RandomState, near: float) -> None:
        self.play, self.nets, self.randomness, self.near = play, nets, randomness, near
        self._iteration: Play | None = None

    def __call__(self, fetch: Fetch) -> Outputs:
        if self._iteration:
            return self._iteration(fetch)
        batches: list[Batch] = []
        try:
            self._iteration = self._compiled(fetch, batches)
        except GanzooError:
            raise
        except Exception as error:  # one of the iteration itself comes up again when it is played
            warnings.warn(
                f"iterations cannot be compiled, and are played as they are: {first_line(error)}", stacklevel=4
            )
            self._iteration = self.play
        return self._iteration(chain(batches, iter(fetch, None)).__next__)

    def _compiled(self, fetch: Fetch, batches: list[Batch]) -> Play:
        with self._undone():
            traced = TracedRound(self.play, fetch, batches)
        with self._undone() as played_state:
            played = traced.rehearse(iter(batches).__next__)
        traced.compile()
        with self._undone() as compiled_state:
            compiled = traced.rehearse(iter(batches).__next__)
        if any(mine - theirs for mine, theirs in zip(compiled.shared, played.shared, strict=True)):
            raise RuntimeError("the compiler takes a copy of a tensor for the tensor itself")
        found = zip([*compiled.found, compiled_state], [*played.found, played_state], strict=True)
        differences = torch.tensor([difference(mine, theirs) for mine, theirs in found])
        if not (largest := differences.max()) <= self.near:  # or there is no number
            raise RuntimeError(f"gradients, losses or statistics would differ by {largest:.2g} of the largest")
        return traced

    @contextmanager
    def _undone(self) -> Iterator[list[Tensor]]:
        """What happens within it changes neither networks nor random numbers; gives what networks had become."""
        tensors: dict[str, Tensor] = dict(chain(self.nets.named_parameters(), self.nets.named_buffers()))
        places = {name: tensor.detach() for name, tensor in tensors.items()}
        before = {name: place.clone() for name, place in places.items()}
        became: list[Tensor] = []
        exchanged = []
        with self.randomness.apart():
            try:
                yield became
            finally:
                for name, tensor in tensors.items():
                    owner, _, leaf = name.rpartition(".")
                    module = self.nets.get_submodule(owner)
                    now = getattr(module, leaf)
                    if now is not tensor or now.data_ptr() != places[name].data_ptr():
                        exchanged.append(name)
                        setattr(module, leaf, tensor)
                        tensor.data = places[name]
                    became.append(places[name].clone())
                    if not places[name].equal(before[name]):
                        places[name].copy_(before[name])
        if exchanged:
            raise RuntimeError(f"it puts another tensor in the place of '{exchanged[0]}' instead of changing that one")


def difference(some: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """The largest difference between tensors of numbers, relative to the largest of these."""
    pairs = [(a.float(), b.float()) for a, b in zip(some, others, strict=True) if a.is_floating_point() and a.numel()]
    if not pairs:
        return 0.0
    apart = torch.stack([(a - b).abs().max() for a, b in pairs]).max()
    return float(apart / torch.stack([b.abs().max() for _, b in pairs]).max().clamp(min=1e-30))
