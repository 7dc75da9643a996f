"""Exported generators, sampled by onnxruntime. Inputs and outputs are numpy arrays; torch is not needed."""

from __future__ import annotations

import ctypes
import logging
import math
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.generators.base import CHUNK, TrainedGenerator
from ganzoo.generators.metadata import MAX_VALUES, ExportMetadata, Stage, Tensor
from ganzoo.generators.onnx_reader import read
from ganzoo.generators.pretrained import exported
from ganzoo.registry.recipe import Setting
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.optional import is_installed, needs

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
    # The default search would tune again for each new batch size; TF32 would make other samples than the CPU.
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


BATCH_SIZES = (1, 4, 16, 64, 256)
"""The batch sizes of a :class:`BoundSession`. A batch is padded to the next one."""


class BoundSession:
    """An onnxruntime session with one output, ``samples``, whose inputs and output have fixed addresses.

    CUDA graphs need that. There is one binding, and one CUDA graph, for each of :data:`BATCH_SIZES`.

    Args:
        session: of onnxruntime.
        device: where inputs and output are allocated: ``cuda`` or ``cpu``.
        output: name, dtype and shape of the output, the batch first.
    """

    def __init__(self, session: Any, device: str, output: Tensor) -> None:
        self._session, self._device, self._output = session, device, output
        self._bindings: dict[int, tuple[Any, Any, dict[str, Any], Any]] = {}
        self._lock = threading.Lock()  # a binding holds one batch at a time

    def __call__(self, feeds: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """The samples of inputs ``(N, ...)``, with N of at most the largest batch size."""
        count = len(next(iter(feeds.values())))
        size = next(size for size in BATCH_SIZES if size >= count)
        with self._lock:
            if size not in self._bindings:
                self._bindings[size] = self._bind(size, feeds)
            binding, options, inputs, output = self._bindings[size]
            for name, values in feeds.items():
                padded = np.zeros((size, *values.shape[1:]), values.dtype)
                padded[:count] = values
                inputs[name].update_inplace(padded)
            self._session.run_with_iobinding(binding, options)
            samples: NDArray[Any] = output.numpy()[:count].copy()
        return samples

    def _bind(self, size: int, feeds: Mapping[str, NDArray[Any]]) -> tuple[Any, Any, dict[str, Any], Any]:
        from onnxruntime import OrtValue, RunOptions

        def allocate(shape: tuple[Any, ...], dtype: Any) -> Any:
            return OrtValue.ortvalue_from_shape_and_type((size, *shape), np.dtype(dtype), self._device)

        binding, options = self._session.io_binding(), RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(size))
        inputs = {name: allocate(values.shape[1:], values.dtype) for name, values in feeds.items()}
        output = allocate(self._output.shape[1:], self._output.dtype)
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        binding.bind_ortvalue_output("samples", output)
        return binding, options, inputs, output


class Sampler(TrainedGenerator):
    """A generator in an ONNX file that ganzoo exported.

    >>> Sampler("cgan.onnx").sample(16, labels=7).shape  # doctest: +SKIP
    (16, 1, 28, 28)

    It may be called from several threads at once. The file is checked before onnxruntime sees it, and cannot make it
    read other files. Its graph is still a program, which can take time and memory when it runs.

    Args:
        path: of the file, or the name of one that ships with ganzoo (``ganzoo weights``).
        providers: what runs the graph: one of :data:`PROVIDERS`, or several in order of preference. ``auto``, the
            default, is CUDA where it works and the CPU elsewhere.
        threads: CPU threads for one call; by default one for each core.
        graphs: capture each batch size as a CUDA graph and replay it. That saves the time of launching kernels, which
            counts in small batches on ``cuda``. Batches are padded to the next of :data:`BATCH_SIZES`; calls from
            several threads wait for each other.

    Attributes:
        metadata: see :class:`ganzoo.generators.metadata.ExportMetadata`.
        provider: the one in use, such as ``cpu``.

    Raises:
        GanzooError: the file was not exported by ganzoo or does not fit its metadata, onnxruntime is not installed, no
            provider of those given works, or ``graphs`` is set for another provider than ``cuda``.
    """

    metadata: ExportMetadata

    def __init__(
        self,
        path: str | Path,
        *,
        providers: str | Sequence[str] | None = None,
        threads: int | None = None,
        graphs: bool = False,
    ) -> None:
        if threads is not None and threads < 1:
            raise GanzooError(f"threads={threads} is out of range; give at least 1, or leave it out for all cores")
        wanted = [providers] if isinstance(providers, str) else list(providers or ["auto"])
        for name in wanted:
            if name not in PROVIDERS:
                raise GanzooError(f"no provider named {name!r}; choose one of {', '.join(PROVIDERS)}")
        self._path = exported(path)
        content, self.metadata = read(self._path)
        self._session, self.provider = _session(content, wanted, threads, graphs, self._path)
        if graphs and self.provider != "cuda":
            raise GanzooError(f"CUDA graphs need CUDA, and {self._path} runs on {self.provider}; leave out graphs=True")
        if graphs and self.metadata.sampling_inputs:
            raise GanzooError(f"CUDA graphs take samples alone, and {self._path} has settings; leave out graphs=True")
        if graphs and self.metadata.free:
            raise GanzooError(f"CUDA graphs have fixed sizes, and {self._path} takes any; leave out graphs=True")
        widest = max(math.prod(self.metadata.shape), self.metadata.latent_dim, math.prod(self.metadata.condition))
        self.chunk = min(CHUNK, max(1, MAX_VALUES // widest))
        if self.provider == "cpu":  # activations of one layer should stay in the cache until the next
            self.chunk = min(self.chunk, max(16, 2 ** ((2**17 // math.prod(self.metadata.shape)).bit_length() - 1)))
        self._check("inputs", self._session.get_inputs(), self.metadata.inputs)
        self._check("outputs", self._session.get_outputs(), (self.metadata.output,))
        self._bound = BoundSession(self._session, self.provider, self.metadata.output) if graphs else None

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Smallest and largest value of a sample; ``None`` where it is unbounded."""
        return self.metadata.output_range

    @property
    def sampling_settings(self) -> Mapping[str, Setting]:
        """The inputs of the graph that are settings: scalars."""
        return {name: Setting("sampling", name, float, value) for name, value in self.metadata.sampling_inputs.items()}

    def sampling_setting(self, name: str) -> Setting:
        """The setting of sampling of that name; GanzooError if the file was not exported with it."""
        try:
            return super().sampling_setting(name)
        except GanzooError as error:
            raise GanzooError(f"{error}; a file has those of ganzoo export RUN --input {name:.60}") from None

    def call(self, *inputs: NDArray[Any]) -> NDArray[Any]:
        """The outputs of a file that was exported with an ``entry``, such as an encoder.

        Args:
            inputs: those of ``metadata.inputs`` in order; images uint8 ``(N, C, H, W)``, or float32 in the range of the
                samples.

        Raises:
            GanzooError: the file holds a generator, or the inputs do not fit.
        """
        metadata = self.metadata
        if not metadata.entry:
            raise GanzooError(f"{self._path} holds a generator; sample it")
        if len(inputs) != len(metadata.inputs):
            names = ", ".join(one.name for one in metadata.inputs)
            raise GanzooError(f"{metadata.entry} takes {names}, not {len(inputs)} inputs")
        feeds = {
            one.name: self._scaled(values) if one.dtype == "float32" else np.asarray(values, np.int64)
            for one, values in zip(metadata.inputs, inputs, strict=True)
        }
        try:
            outputs: NDArray[Any] = self._session.run([metadata.output.name], feeds)[0]
        except Exception as error:  # the exceptions of onnxruntime have no other base class
            raise GanzooError(f"{self._path} cannot be run: {first_line(error)}") from error
        return outputs

    def run(self, stage: Stage, z: NDArray[np.float32], *condition: NDArray[Any]) -> NDArray[Any]:
        """One forward pass, on the device of :attr:`provider`."""
        if self.metadata.entry:
            raise GanzooError(f"{self._path} holds {self.metadata.entry}, which makes no samples; use call() in Python")
        if stage != "child":
            raise GanzooError(f"{self._path} holds one generator; leave out --stage, or sample the safetensors file")
        settings = {**self.metadata.sampling_inputs, **self.sampling}
        given = (z, *condition, *(np.float32(settings[name]) for name in self.metadata.sampling_inputs))
        feeds = {tensor.name: np.asarray(values) for tensor, values in zip(self.metadata.inputs, given, strict=True)}
        try:
            samples = self._bound(feeds) if self._bound else self._session.run(["samples"], feeds)[0]
        except Exception as error:  # the exceptions of onnxruntime have no other base class
            raise GanzooError(f"{self._path} cannot be run: {first_line(error)}") from error
        output, expected = self.metadata.output, (len(z), *self.metadata.output_shape(feeds))
        if not isinstance(samples, np.ndarray) or (samples.shape, str(samples.dtype)) != (expected, output.dtype):
            shape = getattr(samples, "shape", None)
            raise GanzooError(f"{self._path} makes samples of shape {shape} where its metadata promise {expected}")
        return samples

    def _check(self, kind: str, found: Sequence[Any], promised: Sequence[Tensor]) -> None:
        """Compare names, dtypes and shapes of the graph's inputs or outputs with those in the metadata."""
        by_name = {tensor.name: tensor for tensor in found}
        if by_name.keys() != {tensor.name for tensor in promised} or not all(
            by_name[tensor.name].type == _TYPES[tensor.dtype] and _matches(by_name[tensor.name].shape, tensor.shape)
            for tensor in promised
        ):
            text = ", ".join(f"{tensor.name!r} {tensor.type} {tensor.shape}" for tensor in found)
            raise GanzooError(f"{self._path} has other {kind} than its metadata promise: {text[:200]}")


def _matches(found: Sequence[int | str | None], promised: tuple[int | str, ...]) -> bool:
    """Whether a shape has a dynamic first axis, and then the promised sizes where it states any. A scalar has none."""
    if len(found) != len(promised) or (promised and isinstance(found[0], int)):
        return False
    return all(size == promise for size, promise in zip(found[1:], promised[1:], strict=True) if isinstance(size, int))


def _session(
    content: bytes, wanted: Sequence[str], threads: int | None, graphs: bool, path: str | Path
) -> tuple[Any, str]:
    """A session of onnxruntime, and the name of the provider that it uses."""
    with needs("sample"):
        import onnxruntime
    _warn_of_two()
    if not hasattr(onnxruntime, "InferenceSession"):
        raise GanzooError(f"onnxruntime has no InferenceSession here, so its installation is broken; {_reinstall()}")
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
    # Threads that spin while they wait take the cores from other processes.
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
            except Exception as error:  # the exceptions of onnxruntime have no other base class
                failure = error
        else:
            raise GanzooError(f"{path} is refused by onnxruntime: {first_line(failure)}") from failure
    session.disable_fallback()
    used = session.get_providers()[0]
    provider = next((name for name in names if _NAMES[name] == used), None)
    if provider is None:
        raise GanzooError(
            f"{usable[0]} does not work here, and onnxruntime would use {used}; check that the driver of the device is "
            f"installed, and run: pip install {_PACKAGES[usable[0]]}"
        )
    return session, provider


@contextmanager
def _quiet(onnxruntime: Any) -> Iterator[None]:
    """Silence what onnxruntime prints and logs when a provider fails; the caller raises an error instead."""
    onnxruntime.set_default_logger_severity(_SILENT)
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        onnxruntime.set_default_logger_severity(_WARNINGS)


def _auto() -> tuple[str, ...]:
    """The providers that ``auto`` tries: CUDA only if its driver is there, as loading its libraries takes a second."""
    with suppress(OSError):
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        return ("cuda", "cpu")
    return ("cpu",)


def _warn_of_two() -> None:
    """Warn of two distributions of onnxruntime: they install the same module, so the last one wins silently."""
    if len(_installed()) > 1:
        log.warning("%s are installed over each other; %s", " and ".join(_installed()), _reinstall())


def _installed() -> list[str]:
    return [name for name in _DISTRIBUTIONS if is_installed(name)]


def _reinstall() -> str:
    names = " ".join(_installed()) or "onnxruntime"
    return f"run: pip uninstall {names}; then one of pip install 'ganzoo-kit[sample]' (CPU) or 'ganzoo-kit[gpu]'"
