"""Stand-ins for heavy modules, so that listing a zoo never waits for them.

``torch`` here is imported when an attribute of it is first asked for. Unlike :class:`importlib.util.LazyLoader` the
stand-in stays out of ``sys.modules``, where other libraries look to learn whether torch is in use.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ganzoo.spec import GanzooError

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import nn
else:

    class _Lazy(ModuleType):
        def __getattr__(self, name: str) -> Any:
            try:
                module = importlib.import_module(self.__name__)
            except ModuleNotFoundError as error:
                raise GanzooError(
                    f"this needs {error.name}, which is not installed; run: pip install 'ganzoo-kit[train]'"
                ) from None
            return getattr(module, name)

    torch, nn, F = _Lazy("torch"), _Lazy("torch.nn"), _Lazy("torch.nn.functional")

__all__ = ["F", "nn", "torch"]
