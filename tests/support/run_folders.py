"""Run folders that are written, not trained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from ganzoo.generators.images import grid, write_png

HOSTILE = (
    "</script><script>window.evil = 1</script><!-- <img src=x onerror=evil()> \" ' {{style}} | ``` & é \u2028 \ud800"
    "\n---\n# x"
)
METADATA = {
    "format": 2,
    "gan": "cgan",
    "settings": {"generator": "cgan-dense", "loop.iterations": 40},
    "data": {"name": "mnist-10k", "sha256": "00", "licence": "CC BY-SA 3.0, (c) somebody", "classes": ["a", "b"]},
    "shape": [1, 8, 8],
    "range": [-1.0, 1.0],
    "num_classes": 2,
    "condition_dim": 0,
    "latent_dim": 4,
    "distribution": "normal",
    "iterations": 40,
    "seed": 3,
    "ganzoo": "0.1.0",
    "torch": "2.6.0",
}
RECORD = {
    "gan": "cgan",
    "settings": METADATA["settings"],
    "data": "mnist-10k",
    "data_sha256": "00",
    "data_dir": None,
    "image_size": None,
    "seed": 3,
    "device": "cpu",
    "precision": "fp32",
    "threads": 1,
    "sample_every": None,
    "save_every": None,
    "command": "ganzoo train cgan --iterations 40",
    "ganzoo": "0.1.0",
    "torch": "2.6.0",
}


def pixels(seed: int, size: int = 8) -> np.ndarray:
    """A grid of eight random images."""
    return grid(np.random.default_rng(seed).integers(0, 256, (8, size, size, 1), dtype=np.uint8), gap=1)


def entry(iteration: int, **metrics: Any) -> dict[str, Any]:
    """A line of metrics.jsonl."""
    losses = {"loss.generator": 1 + 1 / iteration, "loss.discriminator": 0.5}
    return {"iteration": iteration, "iterations_per_second": 20.0, **losses, **metrics}


def write_run(
    folder: Path,
    *,
    record: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    metrics: Sequence[Any] | None = None,
    iterations: Sequence[int] = (10, 20, 30, 40),
    evaluation: Any = None,
) -> Path:
    """Write a run folder, with changes to its files, and return its path.

    Args:
        folder: must not exist yet.
        record: entries of run.json.
        metadata: entries of the weights' metadata.
        metrics: lines of metrics.jsonl, as text or as JSON values.
        iterations: of the sample grids.
        evaluation: content of evaluation.json.
    """
    (folder / "samples").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({**RECORD, **(record or {})}))
    entries = {"ganzoo": json.dumps({**METADATA, **(metadata or {})})}
    save_file({"generator.weight": np.zeros((4, 64), np.float32)}, folder / "weights.safetensors", entries)
    lines = [entry(number) for number in range(1, 41)] if metrics is None else metrics
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text)
    for number in iterations:
        write_png(folder / "samples" / f"iteration-{number:06d}.png", pixels(number))
    if evaluation is not None:
        (folder / "evaluation.json").write_text(json.dumps(evaluation))
    return folder
