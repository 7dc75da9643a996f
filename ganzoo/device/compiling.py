"""Compiled rounds: what is computed between two steps, forward and backward, is one graph and becomes few kernels."""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import nn

from ganzoo.device.graphs import Outputs
from ganzoo.device.randomness import Randomness
from ganzoo.device.rounds import Batch, Fetch, Play
from ganzoo.device.tracing import TracedRound
from ganzoo.spec import GanzooError, told

COMPILERS = ("g++", "clang++", "cl")


def needs_compiler(device: torch.device) -> None:
    """Make sure that torch.compile has what it builds with: a C++ compiler, and on CUDA also Triton.

    Raises:
        GanzooError: something is missing, naming it.
    """
    if not any(map(shutil.which, filter(None, (os.environ.get("CXX"), *COMPILERS)))):
        raise GanzooError(
            f"--compile needs a C++ compiler, and none of {', '.join(COMPILERS)} is on the PATH; install one, name it "
            "in CXX, or leave out --compile"
        )
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise GanzooError("--compile on CUDA needs Triton; run: pip install triton, or leave out --compile")


class CompiledRounds:
    """Plays rounds as ``play`` does, compiled.

    The first call traces a round, compiles it and compares the two. Networks and random numbers are then what they were
    before, so that every round of a training is a compiled one, wherever it begins. If it fails, rounds are played, and
    a warning says why.

    Args:
        play: a round, which steps by :func:`ganzoo.device.tracing.step`.
        nets: all that it changes besides.
        randomness: the random numbers that it takes.
        near: how far apart the two may be, relative to the largest of their losses and gradients.
    """

    def __init__(self, play: Play, nets: nn.Module, randomness: Randomness, near: float) -> None:
        self.play, self.nets, self.randomness, self.near = play, nets, randomness, near
        self._round: Play | None = None

    def __call__(self, fetch: Fetch) -> Outputs:
        if self._round:
            return self._round(fetch)
        batches: list[Batch] = []

        def kept() -> Batch:
            batches.append(fetch())
            return batches[-1]

        try:
            self._round = self._compiled(kept, batches)
        except GanzooError:
            raise
        except Exception as error:  # an error of the round itself comes up again when it is played
            warnings.warn(f"rounds are not compiled, but played: {told(error)}", stacklevel=4)
            self._round = self.play
        return self._round(chain(batches, iter(fetch, None)).__next__)

    def _compiled(self, fetch: Fetch, batches: list[Batch]) -> Play:
        with self._undone():
            traced = TracedRound(self.play, fetch)
            played = torch.stack(traced.sizes)
        with self._undone():
            traced.compile()
            traced(iter(batches).__next__, steps=False)
            compiled = torch.stack(traced.sizes)
        difference = float((played - compiled).abs().max() / played.abs().max())
        if difference > self.near:
            raise RuntimeError(f"losses or gradients would differ by {difference:.2g} of the largest")
        return traced

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """What happens within it changes neither networks nor random numbers."""
        tensors = [*self.nets.parameters(), *self.nets.buffers()]
        before = [tensor.detach().clone() for tensor in tensors]
        with self.randomness.apart():
            try:
                yield
            finally:
                with torch.no_grad():
                    for tensor, value in zip(tensors, before, strict=True):
                        tensor.copy_(value)
