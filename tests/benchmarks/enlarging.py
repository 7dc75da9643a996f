"""How fast does ESRGAN's generator enlarge images? ``python -m tests.benchmarks enlarging``

Random weights in the published layout, enlarging four times: by ganzoo's exported file in onnxruntime, in plain torch,
and by spandrel (github.com/chaiNNer-org/spandrel), which loads published files. Bytes in, bytes out.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from ganzoo_plugins.super_resolution import load_published
from safetensors.torch import save_file

from ganzoo.export import export
from tests.benchmarks.baselines.not_installed import NotInstalled
from tests.benchmarks.baselines.rrdb import random_weights
from tests.benchmarks.enlarging_ways import BASE, EXPORTED, OWN, PUBLISHED, WAYS, Way, picture
from tests.benchmarks.harness import interleave, launch, repeated, table

SIZES = {"default, 4 blocks": (4, 32, 16), "published, 23 blocks": (23, 64, 32)}  # blocks, width, growth
SIDE = 96  # of the given image


def write(folder: Path, sizes: tuple[int, int, int]) -> None:
    """The files that :mod:`tests.benchmarks.enlarging_ways` reads."""
    save_file(random_weights(*sizes), folder / PUBLISHED)
    model = load_published(folder / PUBLISHED)
    model.save(folder / OWN)
    export(model, folder / EXPORTED)


def present(folder: Path, absent: dict[str, str]) -> dict[str, Way]:
    """All ways that are possible here; the others go to ``absent``, with the reason."""
    found = {}
    for name, make in WAYS.items():
        try:
            found[name] = make(folder)
        except NotInstalled as reason:
            absent[name] = str(reason)
    return found


def differences(ways: dict[str, Way], side: int) -> dict[str, float]:
    """The largest difference of each way from plain torch, in [0, 1]."""
    image = picture(side)
    right = ways[BASE].floats(image)
    return {name: float(np.abs(way.floats(image) - right).max()) for name, way in ways.items()}


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """Milliseconds for a million pixels that are made, megabytes, ratios and differences, by network and way."""
    rows, absent, image = [], dict[str, str](), picture(SIDE)
    for network, sizes in SIZES.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, sizes)
            here: dict[str, str] = {}
            ways = present(folder, here)
            absent |= {f"{way}, {network}": reason for way, reason in here.items()}
            calls = {way: repeated(partial(made.bytes, image)) for way, made in ways.items()}
            times = interleave(calls, turns=turns, seconds=seconds)
            peaks: dict[str, list[int]] = {way: [] for way in ways}
            for _ in range(turns):
                for way in ways:
                    words = ("-m", "tests.benchmarks.trial", "enlarging", name, way, str(SIDE))
                    peaks[way].append(launch(*words, threads=torch.get_num_threads()).peak)
            far, megapixels = differences(ways, SIDE), (4 * SIDE) ** 2 / 1e6
        for way, timing in times.items():
            rows.append(
                {
                    "network": network,
                    "way": way,
                    "ms per megapixel": round(1000 * timing.median / megapixels),
                    "speed to plain torch": round(times[BASE].median / timing.median, 2),
                    "spread": f"{timing.low / timing.median:.2f}..{timing.high / timing.median:.2f}",
                    "peak MB": round(median(peaks[way]) / 1024),
                    "largest difference": f"{far[way]:.1e}" if far[way] else "0",
                }
            )
    return {"rows": rows, "absent": absent}


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    missing = [f"left out: {way}: {reason}" for way, reason in result["absent"].items()]
    return "\n\n".join([table(result["rows"]), *missing])
