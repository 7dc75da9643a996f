"""Exported generators, sampled by onnxruntime: numpy in, numpy out, and no torch anywhere."""

from __future__ import annotations

import ctypes
import logging
import math
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.generators.base import CHUNK, Stage, TrainedGenerator
from ganzoo.generators.onnx_reader import read
from ganzoo.generators.pretrained import exported
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

__all__ = ["PROVIDERS", "Sampler"]

log = logging.getLogger("ganzoo")

_NAMES: Mapping[str, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    # The default search would tune all over again for every new batch size; TF32 would lose digits that the CPU keeps.
    "cuda": {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"},
}
_PACKAGES: Mapping[str, str] = {
    "cpu": "'ganzoo-kit[sample]'",
    "cuda": "'ganzoo-kit[gpu]'",
    "tensorrt": "'ganzoo-kit[gpu]' tensorrt",
    "directml": "onnxruntime-directml",
    "coreml": "'ganzoo-kit[sample]' (on a Mac)",
}
PROVIDERS = ("auto", *_NAMES)

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-qnn")
_TYPES = {"float32": "tensor(float)", "uint8": "tensor(uint8)", "int64": "tensor(int64)"}
_SILENT, _WARNINGS = 4, 2  # severities in onnxruntime's log


SIZES = (1, 4, 16, 64, 256)
"""The batch sizes there are, as each has its own memory and its own graph. A batch is filled up to the next one."""


class Bound:
    """A session of onnxruntime with one output, ``samples``, run in batches of :data:`SIZES`.

    Args:
        session: of onnxruntime. If it captures CUDA graphs, each size is one.
        device: where inputs and output lie: ``cuda``, or ``cpu``.
        shape: of one sample.
        dtype: of the samples.
    """

    def __init__(self, session: Any, device: str, shape: tuple[int, ...], dtype: str) -> None:
        self._session, self._device, self._shape, self._dtype = session, device, shape, dtype
        self._places: dict[int, tuple[Any, Any, dict[str, Any], Any]] = {}
        self._lock = threading.Lock()  # a place holds one batch at a time

    def __call__(self, given: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """The samples of inputs ``(N, ...)``, N being at most the largest size."""
        count = len(next(iter(given.values())))
        size = next(size for size in SIZES if size >= count)
        with self._lock:
            if size not in self._places:
                self._places[size] = self._bind(size, given)
            binding, options, inputs, samples = self._places[size]
            for name, values in given.items():
                filled = np.zeros((size, *values.shape[1:]), values.dtype)
                filled[:count] = values
                inputs[name].update_inplace(filled)
            self._session.run_with_iobinding(binding, options)
            made: NDArray[Any] = samples.numpy()[:count].copy()
        return made

    def _bind(self, size: int, given: Mapping[str, NDArray[Any]]) -> tuple[Any, Any, dict[str, Any], Any]:
        from onnxruntime import OrtValue, RunOptions

        def place(shape: tuple[int, ...], dtype: Any) -> Any:
            return OrtValue.ortvalue_from_shape_and_type((size, *shape), np.dtype(dtype), self._device)

        binding, options = self._session.io_binding(), RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(size))
        inputs = {name: place(values.shape[1:], values.dtype) for name, values in given.items()}
        samples = place(self._shape, self._dtype)
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        binding.bind_ortvalue_output("samples", samples)
        return binding, options, inputs, samples


class Sampler(TrainedGenerator):
    """A generator in an ONNX file that ganzoo exported.

    >>> Sampler("cgan.onnx").draw(16, labels=7).shape  # doctest: +SKIP
    (16, 1, 28, 28)

    It may be called from several threads at once. The file is checked as a whole before onnxruntime sees it, and cannot
    make it read other files; but its graph is a program, which may take time and memory when it runs.

    Args:
        path: of the file, or the name of one that comes with ganzoo (``ganzoo weights``).
        providers: what runs the graph: one of :data:`PROVIDERS`, or several in order of preference. ``auto``, the
            default, is CUDA where it works and the CPU elsewhere.
        threads: of the CPU for one call; by default as many as there are cores.
        graphs: record the work of a batch as a CUDA graph and replay it, which saves the time that launching it takes:
            for small batches on ``cuda``. Batches are filled up to one of :data:`SIZES`, each of which
            is recorded when it first comes. Calls from several threads then wait for each other.

    Attributes:
        provider: the one in use, such as ``cpu``.

    Raises:
        GanzooError: the file is none of ours or not what it says, onnxruntime is not installed, none of the
            providers that were asked for by name is in use, or graphs are asked for of another than ``cuda``.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        providers: str | Sequence[str] | None = None,
        threads: int | None = None,
        graphs: bool = False,
    ) -> None:
        if threads is not None and threads < 1:
            raise GanzooError(f"{threads} threads run nothing; give at least 1, or leave threads out for all cores")
        path = exported(path)
        content, self.header = read(path)
        self._path = path
        wanted = [providers] if isinstance(providers, str) else list(providers or ["auto"])
        for name in wanted:
            if name not in PROVIDERS:
                raise GanzooError(f"no provider named {name!r}; choose one of {', '.join(PROVIDERS)}")
        self._session, self.provider = _session(content, wanted, threads, graphs, path)
        if graphs and self.provider != "cuda":
            raise GanzooError(f"CUDA graphs need CUDA, and {path} runs on {self.provider}; leave out graphs=True")
        self._dtype: str = self.header["output"]["dtype"]
        if self.provider == "cpu":  # what is on the way between two layers should stay in its cache
            self.chunk = min(CHUNK, max(16, 2 ** ((2**17 // math.prod(self._shape)).bit_length() - 1)))
        inputs: dict[str, tuple[str, tuple[int, ...]]] = {"z": ("float32", (self.header["latent_dim"],))}
        if self.header["num_classes"]:
            inputs["labels"] = "int64", ()
        elif self.header["condition_dim"]:
            inputs["conditions"] = "float32", (self.header["condition_dim"],)
        self._inputs = tuple(inputs)
        self._check("inputs", self._session.get_inputs(), inputs)
        self._check("outputs", self._session.get_outputs(), {"samples": (self._dtype, self._shape)})
        self._bound = Bound(self._session, self.provider, self._shape, self._dtype) if graphs else None

    @property
    def limits(self) -> tuple[float, float] | None:
        """Smallest and largest value of a sample; ``None`` where it is unbounded."""
        return (0, 255) if self._dtype == "uint8" else super().limits

    def run(self, stage: Stage, z: NDArray[np.float32], *told: NDArray[Any]) -> NDArray[Any]:
        """Samples of latents, on the device of :attr:`provider`."""
        if stage != "child":
            raise GanzooError(f"{self._path} holds one generator; leave out --stage, or sample the safetensors file")
        given = dict(zip(self._inputs, (z, *told), strict=True))
        try:
            samples = self._bound(given) if self._bound else self._session.run(["samples"], given)[0]
        except Exception as error:  # onnxruntime's own kinds have nothing else in common
            raise GanzooError(f"{self._path} cannot be run: {_line(error)}") from error
        expected = (len(z), *self._shape)
        if not isinstance(samples, np.ndarray) or (samples.shape, str(samples.dtype)) != (expected, self._dtype):
            shape = getattr(samples, "shape", None)
            raise GanzooError(f"{self._path} makes samples of shape {shape} where its header promises {expected}")
        return samples

    @property
    def _shape(self) -> tuple[int, ...]:
        """Of one sample, as it comes out."""
        shape = tuple(self.header["shape"])
        return (*shape[1:], shape[0]) if self._dtype == "uint8" else shape

    def _check(self, kind: str, found: Sequence[Any], promised: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        """Compare the graph's inputs or outputs with what the header promises: their types, and one sample's shapes."""
        there = {tensor.name: tensor for tensor in found}
        if there.keys() != promised.keys() or not all(
            there[name].type == _TYPES[dtype] and _fits(there[name].shape, shape)
            for name, (dtype, shape) in promised.items()
        ):
            text = ", ".join(f"{tensor.name!r} {tensor.type} {tensor.shape}" for tensor in found)
            raise GanzooError(f"{self._path} has other {kind} than its header promises: {text[:200]}")


def _fits(found: Sequence[int | str | None], promised: tuple[int, ...]) -> bool:
    """Whether a shape has an open size for the samples of a batch and then the promised ones, as far as it says."""
    if len(found) != 1 + len(promised) or isinstance(found[0], int):
        return False
    return all(size == promise for size, promise in zip(found[1:], promised, strict=True) if isinstance(size, int))


def _session(
    content: bytes, wanted: Sequence[str], threads: int | None, graphs: bool, path: str | Path
) -> tuple[Any, str]:
    """A session of onnxruntime, and the name of the provider that it uses."""
    with needs("sample"):
        import onnxruntime
    _warn_of_two()
    if not hasattr(onnxruntime, "InferenceSession"):
        raise GanzooError(f"onnxruntime is a hollow module here; {_reinstall()}")
    built = onnxruntime.get_available_providers()
    names = [name for choice in wanted for name in (_auto() if choice == "auto" else (choice,))]
    usable = [name for name in dict.fromkeys(names) if _NAMES[name] in built]
    if not usable:
        raise GanzooError(
            f"this onnxruntime was built without {names[0]}; run: pip uninstall {' '.join(_installed())}; "
            f"pip install {_PACKAGES[names[0]]}"
        )

    settings = {name: dict(_OPTIONS.get(name, {})) for name in usable}
    if graphs and "cuda" in settings:
        settings["cuda"]["enable_cuda_graph"] = "1"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = _SILENT
    # Threads that wait by spinning take the cores from whatever else runs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with _quiet(onnxruntime) if usable != ["cpu"] else nullcontext():
        if {"cuda", "tensorrt"} & set(usable):
            onnxruntime.preload_dlls()
        for first in range(len(usable)):
            try:
                session = onnxruntime.InferenceSession(
                    content,
                    options,
                    providers=[_NAMES[name] for name in usable[first:]],
                    provider_options=[settings[name] for name in usable[first:]],
                )
                break
            except Exception as error:  # onnxruntime's own kinds have nothing else in common
                failure = error
        else:
            raise GanzooError(f"{path} is refused by onnxruntime: {_line(failure)}") from failure
    session.disable_fallback()
    used = session.get_providers()[0]
    provider = next((name for name in names if _NAMES[name] == used), None)
    if provider is None:
        raise GanzooError(
            f"{usable[0]} does not work here, and onnxruntime would use {used}; see that the driver of the device is "
            f"installed, and run: pip install {_PACKAGES[usable[0]]}"
        )
    return session, provider


@contextmanager
def _quiet(onnxruntime: Any) -> Iterator[None]:
    """Within it, nothing is printed or logged of a provider that fails: who asked for it gets an error instead."""
    onnxruntime.set_default_logger_severity(_SILENT)
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        onnxruntime.set_default_logger_severity(_WARNINGS)


def _auto() -> tuple[str, ...]:
    """The providers to try. Without a driver for CUDA, loading its libraries would be a second for nothing."""
    with suppress(OSError):
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        return ("cuda", "cpu")
    return ("cpu",)


def _warn_of_two() -> None:
    """All distributions of onnxruntime install one module; of two, the last wins in silence."""
    if len(_installed()) > 1:
        log.warning("%s are installed over each other; %s", " and ".join(_installed()), _reinstall())


def _installed() -> list[str]:
    found = []
    for name in _DISTRIBUTIONS:
        with suppress(PackageNotFoundError):
            version(name)
            found.append(name)
    return found


def _reinstall() -> str:
    names = " ".join(_installed()) or "onnxruntime"
    return f"run: pip uninstall {names}; then one of pip install 'ganzoo-kit[sample]' (CPU) or 'ganzoo-kit[gpu]'"


def _line(error: Exception) -> str:
    """The first line of a message, of a length that can be read."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
