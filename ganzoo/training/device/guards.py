"""Guards for tracing: a trace repeats the same operations, so control flow must not depend on the values of tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class Guard:
    """A guard that can be lifted for a while."""

    active = True

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Nothing is refused within it."""
        self.active = False
        try:
            yield
        finally:
            self.active = True


class NoDataDependence(Guard, TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses operations that return Python numbers, or sizes that depend on the values of a tensor."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        sized = torch.Tag.dynamic_output_shape in func.tags and (
            func is not torch.ops.aten.index.Tensor or has_mask(args[1])
        )
        if self.active and (sized or torch.Tag.data_dependent_output in func.tags):
            raise RuntimeError(f"its control flow depends on the values of a tensor ({func})")
        return func(*args, **(kwargs or {}))


def has_mask(indices: Sequence[Tensor | None]) -> bool:
    """Whether one of the indices selects by a mask, so that the size of the result depends on its values."""
    return any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in indices)


class NoHostAccess(Guard, TorchFunctionMode):
    """Refuses to hand the memory of tensors to Python or numpy."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.active and func in (Tensor.numpy, Tensor.tolist, Tensor.__array__):
            raise RuntimeError(f"its control flow may depend on the values of a tensor ({func.__name__})")
        return func(*args, **(kwargs or {}))
