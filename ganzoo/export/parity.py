"""Comparison of an exported graph in onnxruntime with torch, on many seeds in batches of several sizes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ganzoo.export.contract import largest_tensors
from ganzoo.generators.base import CHUNK
from ganzoo.generators.images import to_uint8
from ganzoo.generators.latents import latents
from ganzoo.generators.metadata import ExportMetadata, Precision
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.optional import needs

with needs():
    import onnx
    import onnxruntime

BATCHES = (1, 2, 7, 64, 1000)  # one sample, the traced batch, an odd one, a usual one, and 1,000 for the PSNR
SIDES = ((0, 0), (1, 7), (-3, 5), (9, -2), (3, 1))
"""What is added to the sides of the training in each batch, for a generator that takes images of any size."""
MAX_VALUES = 2**27  # float32 values in one tensor, 512 MiB; larger batches are left out

TOLERANCE = 1e-4
"""Largest difference between a sample in onnxruntime and in torch that an fp32 export may have.

Trained and untrained generators of the zoo differ by 2e-8 to 5e-6, because float32 sums are added in another order.
fp16 differs by 1e-3, and one grey level of an image is 8e-3. Samples beyond 1 are compared relative to the largest.
"""
MIN_PSNR: Mapping[Precision, float] = MappingProxyType({"fp32": 70.0, "fp16": 50.0, "int8": 35.0})
"""Smallest peak signal-to-noise ratio to torch, in dB, for each precision.

35 dB is a typical error of 4.5 of 255 grey levels, which is about where it becomes visible. 50 dB is 0.8 of a level,
less than the rounding to bytes. fp32 exports reach far more than 70 dB, which allows one byte in 150 to differ by one.
"""
SLACK = 0.01  # of the range: fp16 sums can exceed its ends by that
PROVIDER = "CPUExecutionProvider"  # available everywhere, and computes float32 as torch does


@dataclass(frozen=True)
class Report:
    """Differences between an exported graph and torch.

    Attributes:
        precision: of the graph.
        unit: of the differences: ``values``, or ``levels`` of 255.
        batches: largest difference for each batch size.
        psnr: peak signal-to-noise ratio in dB over all samples; infinite if nothing differs.
        tolerance: largest difference that is accepted; ``None`` for fp16 and int8, which :data:`MIN_PSNR` checks alone.
        seeds: how many different samples were compared.
        provider: of onnxruntime that ran the graph.
        onnxruntime: its version.
        seconds: that the comparison took.
    """

    precision: Precision
    unit: str
    batches: Mapping[int, float]
    psnr: float
    tolerance: float | None
    seeds: int
    provider: str
    onnxruntime: str
    seconds: float

    @property
    def min_psnr(self) -> float:
        """The smallest ``psnr`` that is accepted, in dB."""
        return MIN_PSNR[self.precision]

    @property
    def largest(self) -> float:
        """The largest difference in any batch; nan if there is a nan."""
        return float(np.max(list(self.batches.values())))

    def to_json(self) -> dict[str, Any]:
        """The entry ``parity`` of the file's metadata."""
        return {
            "tolerance": self.tolerance,
            "largest": self.largest,
            "provider": self.provider,
            "onnxruntime": self.onnxruntime,
            "seconds": round(self.seconds, 3),
            "batches": {str(batch): difference for batch, difference in self.batches.items()},
            "seeds": self.seeds,
            "psnr": round(self.psnr, 2) if math.isfinite(self.psnr) else None,
        }

    def require(self, path: str, consequence: str) -> None:
        """Raise a :class:`GanzooError`, which ends with ``consequence``, if the differences are too large."""
        if self.tolerance is not None and not self.largest <= self.tolerance:
            raise GanzooError(
                f"'samples' of {path} differ from torch by {self.largest:.2g}, and the tolerance is "
                f"{self.tolerance:g}; {consequence}"
            )
        if not self.psnr >= self.min_psnr:
            raise GanzooError(
                f"'samples' of {path} have a PSNR of {self.psnr:.1f} dB to torch, and {self.precision} needs at least "
                f"{self.min_psnr:g} dB; {consequence}"
            )


def compare(proto: onnx.ModelProto, metadata: ExportMetadata, generator: nn.Module, tolerance: float) -> Report:
    """Run a graph in onnxruntime and a generator in torch on the same inputs."""
    start = time.perf_counter()
    is_uint8 = metadata.output_dtype == "uint8"
    squares, count, total = 0.0, 0, 0
    low, high = math.inf, -math.inf
    batches = {}
    for feeds, samples in run_batches(proto, metadata, metadata.gan):
        expected = torch_samples(generator, feeds)
        wanted: NDArray[Any] = to_uint8(expected, metadata.range) if is_uint8 and metadata.range else expected
        if samples.shape != wanted.shape:
            raise GanzooError(f"{metadata.gan} makes {samples.shape} in onnxruntime and {wanted.shape} in torch")
        with np.errstate(invalid="ignore"):  # samples that are not finite are refused later
            error = np.abs(samples.astype(np.float64) - wanted)
        scale = 1.0 if is_uint8 else max(1.0, float(np.abs(wanted).max()))
        batches[len(samples)] = float(error.max()) / scale
        squares, count = squares + float(np.square(error).sum()), count + error.size
        low, high = min(low, float(wanted.min())), max(high, float(wanted.max()))
        total += len(samples)
    if metadata.output_range:
        low, high = metadata.output_range
    peak = (high - low) or 1.0
    return Report(
        precision=metadata.precision,
        unit="levels" if is_uint8 else "values",
        batches=batches,
        psnr=-10 * math.log10(squares / count / peak**2) if squares else math.inf,
        tolerance=(1.0 if is_uint8 else tolerance) if metadata.precision == "fp32" else None,
        seeds=total,
        provider=PROVIDER,
        onnxruntime=onnxruntime.__version__,
        seconds=time.perf_counter() - start,
    )


def check_samples(proto: onnx.ModelProto, metadata: ExportMetadata, path: str) -> None:
    """Run a graph without torch, and refuse samples that are not finite or out of range."""
    limits = metadata.output_range
    for feeds, samples in run_batches(proto, metadata, path):
        shape = (len(samples), *metadata.output_shape(feeds))
        if samples.shape != shape:
            raise GanzooError(f"{path} makes samples of shape {samples.shape}, expected {shape}")
        if not np.isfinite(samples).all():
            raise GanzooError(f"{path} makes samples that are not finite")
        slack = SLACK * (limits[1] - limits[0]) if limits else 0
        if limits and (samples.min() < limits[0] - slack or samples.max() > limits[1] + slack):
            raise GanzooError(f"{path} makes values from {samples.min():.3g} to {samples.max():.3g}, beyond {limits}")


def run_batches(
    proto: onnx.ModelProto, metadata: ExportMetadata, path: str
) -> Iterator[tuple[dict[str, NDArray[Any]], NDArray[Any]]]:
    """Inputs and samples of one batch of each size in :data:`BATCHES`, all of different seeds."""
    largest = [
        side + max(extra) for side, extra in zip(metadata.condition_image[1:], zip(*SIDES, strict=True), strict=False)
    ]
    per_sample, fixed = largest_tensors(proto, path, dict(zip("HW", largest, strict=True)) if metadata.free else None)
    if (values := max(per_sample, fixed)) > MAX_VALUES:
        raise GanzooError(f"{path} needs tensors of {values:,} values for one sample; the limit is {MAX_VALUES:,}")
    try:
        session = open_session(proto)
    except Exception as error:  # the exceptions of onnxruntime have no other base class
        raise GanzooError(f"{path} cannot be run: {first_line(error)}") from None
    first = 0
    for batch, extra in zip(BATCHES, SIDES, strict=True):
        if batch * per_sample > MAX_VALUES:
            continue
        feeds = feeds_of(metadata, range(first, first + batch), extra)
        first += batch
        try:
            (samples,) = session.run([metadata.output.name], feeds)
        except Exception as error:  # as above
            raise GanzooError(f"{path} cannot make {batch} samples: {first_line(error)}") from None
        yield feeds, samples


def open_session(proto: onnx.ModelProto) -> Any:
    """An onnxruntime session on the CPU, with as many threads as torch uses, which sleep while they wait."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=[PROVIDER])


def feeds_of(metadata: ExportMetadata, seeds: range, extra: tuple[int, int] = (0, 0)) -> dict[str, NDArray[Any]]:
    """The inputs for seeds: their latents; all classes in turn; normal regression inputs, or images of noise.

    Args:
        metadata: of the graph.
        seeds: of the samples.
        extra: pixels that are added to the height and width of images, where these are free; no side is below 1.
    """
    sizes = {
        name: max(1, side + more) for name, side, more in zip("HW", metadata.condition_image[1:], extra, strict=False)
    }
    feeds: dict[str, NDArray[Any]] = {}
    for name, _, shape in metadata.inputs:
        sides = tuple(sizes[side] if isinstance(side, str) else side for side in shape[1:])
        if name == "z":
            feeds[name] = latents(seeds, metadata.latent_dim, metadata.distribution)
        elif name == "labels":
            feeds[name] = np.array(seeds, np.int64) % metadata.num_classes
        elif name in metadata.sampling_inputs:
            feeds[name] = np.asarray(metadata.sampling_inputs[name] * (0.9 if extra == (0, 0) else 1), np.float32)
        else:
            values = latents([2**32 + seed for seed in seeds], math.prod(sides))
            if len(sides) == 3 and metadata.range:
                values = np.tanh(values) if metadata.range[0] < 0 else np.abs(np.tanh(values))
            feeds[name] = values.reshape(-1, *sides)
    return feeds


def torch_samples(generator: nn.Module, feeds: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The samples of torch for the same inputs, :data:`CHUNK` at a time."""
    with torch.inference_mode():
        settings = [torch.from_numpy(values) for values in feeds.values() if not values.ndim]
        parts = [torch.split(torch.from_numpy(values), CHUNK) for values in feeds.values() if values.ndim]
        return torch.cat([generator(*part, *settings) for part in zip(*parts, strict=True)]).numpy()
