"""Stand-ins for heavy modules, so that listing GANs does not wait for them.

``torch`` is imported when one of its attributes is first used. Unlike :class:`importlib.util.LazyLoader`, the stand-in
stays out of ``sys.modules``, where other libraries look to learn whether torch is in use.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ganzoo.util.errors import GanzooError


@contextmanager
def needs(extra: str = "train", *, package: str = "") -> Iterator[None]:
    """Turn a failing import of an optional library into a GanzooError that says what to install.

    Args:
        extra: of ganzoo-kit.
        package: what to install in place of an extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        command = f"pip install {package}" if package else install_command(extra)
        raise GanzooError(f"this needs {error.name}, which is not installed; run: {command}") from None


def install_command(extra: str) -> str:
    """The command that installs an extra, and keeps onnxruntime and onnxruntime-gpu from being installed together.

    Both install the module ``onnxruntime``, so the last one wins. Only the extra ``sample`` has the first,
    and ``hub``, ``notebook``, ``serve``, ``tiff`` and ``tensorboard`` neither.
    """
    if extra == "sample" and is_installed("onnxruntime-gpu"):
        extra = "gpu"
    with_gpu = extra not in ("sample", "hub", "notebook", "serve", "tiff", "tensorboard")
    first = "pip uninstall --yes onnxruntime; " if with_gpu and is_installed("onnxruntime") else ""
    return f"{first}pip install 'ganzoo-kit[{extra}]'"


def is_installed(distribution: str) -> bool:
    """Whether a distribution of that name is installed."""
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import nn
else:

    class _Lazy(ModuleType):
        def __getattr__(self, name: str) -> Any:
            with needs():
                module = importlib.import_module(self.__name__)
            return getattr(module, name)

    torch, nn, F = _Lazy("torch"), _Lazy("torch.nn"), _Lazy("torch.nn.functional")

__all__ = ["F", "needs", "nn", "torch"]
