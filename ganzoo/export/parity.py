"""The proof of an export: onnxruntime beside torch, on many seeds and in batches of several sizes."""

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

from ganzoo.export import contract
from ganzoo.export.contract import Form
from ganzoo.generators.base import CHUNK
from ganzoo.generators.images import to_uint8
from ganzoo.generators.latents import latents
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

with needs():
    import onnx
    import onnxruntime

BATCHES = (1, 2, 7, 64, 1000)  # one sample, the traced number, an odd one, a usual one, and the 1,000 behind a PSNR
VALUES = 2**27  # in one tensor, half a gibibyte; larger batches are left out

TOLERANCE = 1e-4
"""Largest difference between a sample in onnxruntime and in torch that a float32 export may show.

Trained and untrained generators of the zoo differ by 2e-8 to 5e-6, the rounding of float32 in another order; half
precision differs by 1e-3, and one grey level of an image is 8e-3. Samples beyond 1 are measured against the
largest of them.
"""
FLOORS: Mapping[Form, float] = MappingProxyType({"fp32": 70.0, "fp16": 50.0, "int8": 35.0})
"""Smallest peak signal-to-noise ratio to torch, in dB, that a form may have.

35 dB is a typical error of 4.5 of 255 grey levels, about where it begins to show beside the original; 50 dB is 0.8 of
a level, below the rounding to bytes. Exact float32 lies far above 70 dB, which allows one byte in 150 to fall to the
other side of a rounding.
"""
SLACK = 0.01  # of the range, for sums that half precision iterations beyond its ends
PROVIDER = "CPUExecutionProvider"  # the one that everybody has, and that iterations as torch does


@dataclass(frozen=True)
class Report:
    """How far a file is from torch.

    Attributes:
        form: of the numbers in the graph.
        unit: of the differences: ``values``, or ``levels`` of 255.
        batches: largest difference by batch size.
        psnr: peak signal-to-noise ratio in dB over all seeds; infinite if nothing differs.
        tolerance: largest difference that is accepted; ``None`` for a form that is judged by its PSNR alone.
        seeds: how many different samples were compared.
        provider: that ran the graph.
        onnxruntime: its version.
        seconds: that the comparison took.
    """

    form: Form
    unit: str
    batches: Mapping[int, float]
    psnr: float
    tolerance: float | None
    seeds: int
    provider: str
    onnxruntime: str
    seconds: float

    @property
    def floor(self) -> float:
        """The smallest PSNR that this form may have."""
        return FLOORS[self.form]

    @property
    def largest(self) -> float:
        """The largest difference of all."""
        return float(np.max(list(self.batches.values())))  # nan, if there is one

    def entry(self) -> dict[str, Any]:
        """What a file's metadata say of it."""
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

    def require(self, path: str, otherwise: str) -> None:
        """Refuse what is too far from torch; ``otherwise`` ends the message."""
        if self.tolerance is not None and not self.largest <= self.tolerance:
            raise GanzooError(
                f"'samples' of {path} differ from torch by {self.largest:.2g}, and the tolerance is "
                f"{self.tolerance:g}; {otherwise}"
            )
        if not self.psnr >= self.floor:
            raise GanzooError(
                f"'samples' of {path} keep {self.psnr:.1f} dB of torch's as {self.form}, and at least "
                f"{self.floor:g} dB are wanted; {otherwise}"
            )


def compare(proto: onnx.ModelProto, metadata: Mapping[str, Any], generator: nn.Module, tolerance: float) -> Report:
    """Run a graph and a generator on the same inputs."""
    start = time.perf_counter()
    made = metadata["output"]
    image = made["dtype"] == "uint8"
    squares, count = 0.0, 0
    low, high = math.inf, -math.inf
    batches = {}
    total = 0
    for given, samples in runs(proto, metadata, metadata["gan"]):
        expected = of_torch(generator, given)
        wanted: NDArray[Any] = to_uint8(expected, tuple(metadata["range"])) if image else expected
        if samples.shape != wanted.shape:
            raise GanzooError(f"{metadata['gan']} makes {samples.shape} in onnxruntime and {wanted.shape} in torch")
        with np.errstate(invalid="ignore"):  # what is not finite is refused below
            error = np.abs(samples.astype(np.float64) - wanted)
        scale = 1.0 if image else max(1.0, float(np.abs(wanted).max()))
        batches[len(samples)] = float(error.max()) / scale
        squares, count = squares + float(np.square(error).sum()), count + error.size
        low, high = min(low, float(wanted.min())), max(high, float(wanted.max()))
        total += len(samples)
    if made["range"]:
        low, high = made["range"]
    peak = (high - low) or 1.0
    exact = metadata["form"] == "fp32"
    return Report(
        form=metadata["form"],
        unit="levels" if image else "values",
        batches=batches,
        psnr=-10 * math.log10(squares / count / peak**2) if squares else math.inf,
        tolerance=(1.0 if image else tolerance) if exact else None,
        seeds=total,
        provider=PROVIDER,
        onnxruntime=onnxruntime.__version__,
        seconds=time.perf_counter() - start,
    )


def sound(proto: onnx.ModelProto, metadata: Mapping[str, Any], path: str) -> None:
    """Run a graph that nothing is known to compare with: samples have to be finite and in range."""
    limits = metadata["output"]["range"]
    for _, samples in runs(proto, metadata, path):
        shape = (len(samples), *metadata["output"]["shape"][1:])
        if samples.shape != shape:
            raise GanzooError(f"{path} makes samples of shape {samples.shape}, expected {shape}")
        if not np.isfinite(samples).all():
            raise GanzooError(f"{path} makes samples that are not finite")
        slack = SLACK * (limits[1] - limits[0]) if limits else 0
        if limits and (samples.min() < limits[0] - slack or samples.max() > limits[1] + slack):
            raise GanzooError(f"{path} makes values from {samples.min():.3g} to {samples.max():.3g}, beyond {limits}")


def runs(
    proto: onnx.ModelProto, metadata: Mapping[str, Any], path: str
) -> Iterator[tuple[dict[str, NDArray[Any]], NDArray[Any]]]:
    """Inputs and samples of one batch of each size, all of different seeds."""
    width, fixed = contract.widest(proto, path)
    if (values := max(width, fixed)) > VALUES:
        raise GanzooError(f"{path} needs tensors of {values:,} values for one sample; at most {VALUES:,} are allowed")
    try:
        session = open_session(proto)
    except Exception as error:  # onnxruntime has an exception for each status, and no class above them
        raise GanzooError(f"{path} cannot be run: {contract.first_line(error)}") from None
    first = 0
    for batch in (batch for batch in BATCHES if batch * width <= VALUES):
        given = feed(metadata, range(first, first + batch))
        first += batch
        try:
            (samples,) = session.run(["samples"], given)
        except Exception as error:  # as above
            raise GanzooError(f"{path} cannot make {batch} samples: {contract.first_line(error)}") from None
        yield given, samples


def open_session(proto: onnx.ModelProto) -> Any:
    """A session on the CPU with as many threads as torch uses, which do not spin while they wait."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=[PROVIDER])


def feed(metadata: Mapping[str, Any], seeds: range) -> dict[str, NDArray[Any]]:
    """What a graph is given for seeds: their latents, and all classes in turn or normal regression inputs."""
    given: dict[str, NDArray[Any]] = {"z": latents(seeds, metadata["latent_dim"], metadata["distribution"])}
    if metadata["num_classes"]:
        given["labels"] = np.array(seeds, np.int64) % metadata["num_classes"]
    elif metadata["condition_dim"]:
        given["conditions"] = latents([2**32 + seed for seed in seeds], metadata["condition_dim"])
    return given


def of_torch(generator: nn.Module, given: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """What torch makes of the same inputs, some at a time."""
    with torch.inference_mode():
        parts = [torch.split(torch.from_numpy(values), CHUNK) for values in given.values()]
        return torch.cat([generator(*part) for part in zip(*parts, strict=True)]).numpy()
