"""One trial in its own process, so that its peak memory is measured: ``python -m tests.benchmarks.trial ...``

``row CASE ROW SECONDS`` runs a row of a comparison, ``translation GAN ROW SECONDS`` one of images from images;
``size SECONDS JSON`` trains a GAN of the zoo on random images; ``enlarging FOLDER WAY SIDE`` enlarges one image twice.
All print images a second.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.harness import Repeat  # which imports torch


def rate(run: Repeat, images: int, seconds: float) -> float:
    """Images a second, after a warm-up of two iterations."""
    run(2)
    iterations, start = 0, time.perf_counter()
    while (taken := time.perf_counter() - start) < seconds or not iterations:
        run(1)
        iterations += 1
    return iterations * images / taken


def row(case: str, name: str, seconds: str) -> float:
    from ganzoo.training.device import configure_process, flush_denormals
    from tests.benchmarks.cases import CASES
    from tests.benchmarks.comparison import rows

    configure_process()
    with flush_denormals():
        return rate(rows(CASES[case])[name](), CASES[case].images, float(seconds))


def translation(gan: str, name: str, seconds: str) -> float:
    from ganzoo.training.device import configure_process, flush_denormals
    from tests.benchmarks.translation import CASES, ENDLESS, ROWS

    configure_process()
    with flush_denormals():
        contestant = ROWS[name](CASES[gan], ENDLESS)
        return rate(contestant, contestant.batch, float(seconds))


def enlarging(folder: str, way: str, side: str) -> float:
    from tests.benchmarks.enlarging_ways import WAYS, picture

    enlarge, image = WAYS[way](Path(folder)).bytes, picture(int(side))
    enlarge(image)
    start = time.perf_counter()
    enlarge(image)
    return 1 / (time.perf_counter() - start)


def size(seconds: str, point: str) -> float:
    """``point`` is :attr:`tests.benchmarks.scaling.Point.as_json`."""
    import numpy as np

    import ganzoo
    from ganzoo.data import Data

    found: dict[str, Any] = json.loads(point)
    shape = (found["images"], 1, found["side"], found["side"])
    samples = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    data = Data(name="random", samples=samples, sha256="random")
    training = ganzoo.train(found["gan"], data, iterations=10**9, **found["settings"])

    def run(iterations: int) -> None:
        for _ in range(iterations):
            next(training)

    return rate(run, training.recipe.loop.batch_size, float(seconds))


if __name__ == "__main__":
    kind, *words = sys.argv[1:]
    print({"row": row, "translation": translation, "size": size, "enlarging": enlarging}[kind](*words))
