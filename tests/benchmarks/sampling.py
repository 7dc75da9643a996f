"""How fast are exported generators? ``python -m tests.benchmarks sampling``

One generator in onnxruntime and in torch, each in its fastest variants, at several batch sizes; and the time and memory
from the start of a process to its first image.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

import ganzoo
from ganzoo.export import export
from ganzoo.generators.latents import latents
from ganzoo.generators.weights import Model
from ganzoo.testing import start_training
from tests.benchmarks.harness import Repeat, interleave, launch, repeated, table

MODELS = {"dense": "simple", "dcgan": "dcgan", "privileged cnn": "privileged-v2-cnn"}
BATCHES = (1, 64, 256, 1024)
FORMS = ("fp32", "int8")
BASE = "torch eager"


def generator_of(name: str) -> Model:
    """An untrained generator: speed does not depend on the weights' values, quality is measured by the export."""
    from ganzoo.data import load
    from ganzoo.registry.recipe import resolve

    gan = ganzoo.get(name)
    return start_training(resolve(gan), load(gan.data)).model()


def folded(net: nn.Module) -> nn.Module:
    """A copy with every batch normalisation folded into the layer right before it."""
    net = copy.deepcopy(net).eval()
    for parent in net.modules():
        layers = list(parent.named_children()) if isinstance(parent, nn.Sequential) else []
        for (_, layer), (name, norm) in pairwise(layers):
            if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
                continue
            statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
            if isinstance(layer, nn.Linear):
                layer.weight, layer.bias = fuse_linear_bn_weights(layer.weight, layer.bias, *statistics)
            elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                transposed = isinstance(layer, nn.ConvTranspose2d)
                layer.weight, layer.bias = fuse_conv_bn_weights(layer.weight, layer.bias, *statistics, transposed)
            else:
                continue
            setattr(parent, name, nn.Identity())
    return net


def variants(model: Model, files: dict[str, Path], batch: int) -> dict[str, Repeat]:
    """Every way to sample ``batch`` images, by name."""
    z = latents(range(batch), model.metadata.latent_dim)
    tensor = torch.from_numpy(z)
    plain = model.generator()
    best = folded(plain).to(memory_format=torch.channels_last)
    compiled = torch.compile(plain)

    def run(net: Callable[..., Any], bf16: bool = False) -> Repeat:
        def call() -> Any:
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                return net(tensor)

        return repeated(call)

    ways = {
        BASE: run(plain),
        "torch folded, channels_last": run(best),
        "torch.compile": run(compiled),
        "torch bf16, folded": run(best, bf16=True),
    }
    for form, path in files.items():
        sampler = ganzoo.Sampler(path, providers="cpu", threads=torch.get_num_threads())
        ways[f"onnxruntime {form}"] = repeated(partial(sampler.decode, z))
    return ways


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Images per second and ratios to torch eager, and what the reduced forms lose."""
    rows, quality = [], {}
    for title, name in MODELS.items():
        model = generator_of(name)
        with tempfile.TemporaryDirectory() as folder:
            files = {}
            for form in FORMS:
                path = Path(folder) / f"{form}.onnx"
                try:
                    report = export(model, path, precision=form)  # type: ignore[arg-type]
                except ganzoo.GanzooError as error:  # too much is lost, so it is not measured
                    quality[f"{title} {form}"] = str(error)
                    continue
                files[form] = path
                quality[f"{title} {form}"] = report.to_json()
            for batch in BATCHES:
                times = interleave(variants(model, files, batch), turns=turns, seconds=seconds)
                base = times[BASE].median
                for way, timing in times.items():
                    rows.append(
                        {
                            "generator": title,
                            "batch_size": batch,
                            "way": way,
                            "images/s": round(batch / timing.median),
                            "to torch eager": round(base / timing.median, 2),
                            "spread": f"{timing.low / timing.median:.2f}..{timing.high / timing.median:.2f}",
                        }
                    )
    return {"throughput": rows, "quality": quality, "cold start": cold_start(turns)}


def cold_start(turns: int) -> list[dict[str, Any]]:
    """From the start of a process to a PNG on the disk, as a user meets it, in turn for ONNX and for safetensors."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model = generator_of(MODELS["dcgan"])
        onnx, weights, out = (Path(folder) / name for name in ("dcgan.onnx", "dcgan.safetensors", "out.png"))
        export(model, onnx)
        model.save(weights)
        taken: dict[str, list[tuple[float, int]]] = {"onnxruntime": [], "torch": []}
        for _ in range(turns):
            for way, source in (("onnxruntime", onnx), ("torch", weights)):
                usage = launch("-m", "ganzoo", "sample", str(source), "-n", "1", "--out", str(out), "--force")
                taken[way].append((usage.seconds, usage.peak))
        for way, pairs in taken.items():
            seconds, memory = (float(np.median(values)) for values in zip(*pairs, strict=True))
            rows.append({"way": way, "seconds to first image": round(seconds, 2), "peak MB": round(memory / 1024)})
    return rows


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    return "\n\n".join(table(result[part]) for part in ("throughput", "cold start"))
