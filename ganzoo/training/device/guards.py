"""What a trace of an iteration cannot repeat, refused: a course that depends on what is in a tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class Switch:
    """Something that can be switched off for a while."""

    on = True

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Within it, nothing is refused."""
        self.on = False
        try:
            yield
        finally:
            self.on = True


class NoDataDependence(Switch, TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it, operations are refused that give numbers to Python, or sizes, which depend on what is in a tensor."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        sized = torch.Tag.dynamic_output_shape in func.tags and (
            func is not torch.ops.aten.index.Tensor or has_mask(args[1])
        )
        if self.on and (sized or torch.Tag.data_dependent_output in func.tags):
            raise RuntimeError(f"its course depends on what is in a tensor ({func})")
        return func(*args, **(kwargs or {}))


def has_mask(indices: Sequence[Tensor | None]) -> bool:
    return any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in indices)


class NoHostAccess(Switch, TorchFunctionMode):
    """Within it, memory of tensors is not given to Python."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.on and func in (Tensor.numpy, Tensor.tolist, Tensor.__array__):
            raise RuntimeError(f"its course may depend on what is in a tensor ({func.__name__})")
        return func(*args, **(kwargs or {}))
