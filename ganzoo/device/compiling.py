"""Compiled networks: one kernel where torch would run many."""

from __future__ import annotations

import importlib.util
import os
import shutil

import torch
from torch import nn

from ganzoo.spec import GanzooError

COMPILERS = ("g++", "clang++", "cl")
VERSIONS = 64
"""Of compiled code that torch keeps: every network has its own, with gradients and without; torch's usual 8 are few."""


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


def compile_forward(network: nn.Module) -> None:
    """Compile a network's passes, at its first call. Its parameters, their names and its copies stay as they are."""
    torch._dynamo.config.recompile_limit = VERSIONS
    network.compile(dynamic=False)
