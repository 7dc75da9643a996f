"""Batches at fixed places in a device's memory, which is what a CUDA graph needs: it replays addresses."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIZES", "Bound"]

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
