"""How long does a command take to start? ``python -m tests.benchmarks startup``

CPU time of whole processes, since other work on the machine does not change it much; all in turn, medians. What counts
is the difference to a Python that imports click, without which there is no command line. And the time until a new
process has made an image from an image: by an exported file, without torch, and by weights in torch.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.harness import Usage, launch, table, timing

BASE = "import click"
FIRST = "import ganzoo; next(ganzoo.train('simple'))"


SIDES = (32, 256)  # of the image that is made first
TRANSLATE = "made = model.translate(np.zeros(({side}, {side}, 1), np.uint8)); assert made.shape == ({side}, {side}, 3)"
EXPORTED = "import sys, numpy as np, ganzoo; model = ganzoo.Sampler({path!r}, providers='cpu'); "
WITHOUT_TORCH = "; assert 'torch' not in sys.modules"
WEIGHTS = "import numpy as np, ganzoo; model = ganzoo.load({path!r}); "


def commands(folder: Path) -> dict[str, tuple[str, ...]]:
    """What is started, by name: the words after ``python``."""
    ganzoo = ("-m", "ganzoo")
    image, run = str(folder / "one.png"), str(folder / "run")
    return {
        "python": ("-c", "pass"),
        BASE: ("-c", "import click"),
        "ganzoo --help": (*ganzoo, "--help"),
        "ganzoo list": (*ganzoo, "list"),
        "ganzoo sample simple -n 1": (*ganzoo, "sample", "simple", "-n", "1", "--out", image, "--force"),
        "to the first iteration, in Python": ("-c", FIRST),
        "ganzoo train simple --iterations 1": (
            *ganzoo,
            "train",
            "simple",
            "--iterations",
            "1",
            "--out",
            run,
            "--force",
        ),
    }


def first_images(folder: Path) -> dict[tuple[str, int], tuple[str, ...]]:
    """What makes an image from an image in a new process, by way and side, with pix2pix's default networks."""
    import ganzoo
    from ganzoo.export import export

    onnx, weights = folder / "pix2pix.onnx", folder / "pix2pix.safetensors"
    model = ganzoo.train("pix2pix").model()  # untrained: speed does not depend on the weights
    export(model, onnx)
    model.save(weights)
    return {(way, side): ("-c", code) for side in SIDES for way, code in programs(onnx, weights, side).items()}


def programs(onnx: Path, weights: Path, side: int) -> dict[str, str]:
    """What makes one image of that side, by way; each fails if it does not, or if torch is loaded in vain."""
    translate = TRANSLATE.format(side=side)
    return {
        "exported file in onnxruntime": EXPORTED.format(path=str(onnx)) + translate + WITHOUT_TORCH,
        "weights in torch": WEIGHTS.format(path=str(weights)) + translate,
    }


def measure(turns: int, seconds: float) -> dict[str, Any]:
    """CPU seconds of each command; ``seconds`` is ignored, because a process cannot be cut short."""
    with tempfile.TemporaryDirectory() as folder:
        known = commands(Path(folder))
        taken: dict[str, list[float]] = {name: [] for name in known}
        for _ in range(turns):
            for name, words in known.items():
                taken[name].append(launch(*words, threads=1).cpu)
        first = measured_first(first_images(Path(folder)), turns)
    times = {name: timing(found) for name, found in taken.items()}
    rows = [
        {
            "command": name,
            "CPU s": f"{time.median:.3f}",
            "above import click": f"{time.median - times[BASE].median:.3f}",
            "spread": f"{time.low:.3f}..{time.high:.3f}",
        }
        for name, time in times.items()
    ]
    return {"rows": rows, "images": first}


def measured_first(known: dict[tuple[str, int], tuple[str, ...]], turns: int) -> list[dict[str, Any]]:
    """Seconds from the start of a process to its end, CPU seconds and megabytes, by way and side."""
    taken: dict[tuple[str, int], list[Usage]] = {key: [] for key in known}
    for _ in range(turns):
        for key, words in known.items():
            taken[key].append(launch(*words, threads=1))
    rows = []
    for (way, side), found in taken.items():
        seconds = timing([usage.seconds for usage in found])
        rows.append(
            {
                "way": way,
                "image": f"{side}x{side}",
                "seconds": f"{seconds.median:.2f}",
                "spread": f"{seconds.low:.2f}..{seconds.high:.2f}",
                "CPU s": f"{median(usage.cpu for usage in found):.2f}",
                "peak MB": round(median(usage.peak for usage in found) / 1024),
            }
        )
    return rows


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    return "\n\n".join(table(result[part]) for part in ("rows", "images"))
