"""One trial in a process of its own, so that its peak memory is its own: ``python -m tests.benchmarks.trial ...``

``row GAME ROW SECONDS`` plays a row of a comparison; ``size SECONDS JSON`` trains a GAN of the zoo on random images.
Either prints images a second.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from tests.benchmarks.harness import Play


def rate(play: Play, images: int, seconds: float) -> float:
    """Images a second, after a warm-up of two iterations."""
    play(2)
    iterations, start = 0, time.perf_counter()
    while (taken := time.perf_counter() - start) < seconds or not iterations:
        play(1)
        iterations += 1
    return iterations * images / taken


def row(game: str, name: str, seconds: str) -> float:
    from ganzoo.training.device import configure_process
    from tests.benchmarks.games import GAMES
    from tests.benchmarks.rows import rows

    configure_process()
    return rate(rows(GAMES[game])[name](), GAMES[game].images, float(seconds))


def size(seconds: str, told: str) -> float:
    """``told``: ``gan``, ``settings``, and ``images`` and ``side`` of the data."""
    import numpy as np

    import ganzoo
    from ganzoo.data import Data

    point: dict[str, Any] = json.loads(told)
    shape = (point["images"], 1, point["side"], point["side"])
    samples = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    data = Data(name="random", samples=samples, sha256="random")
    training = ganzoo.train(point["gan"], data, iterations=10**9, **point["settings"])

    def play(iterations: int) -> None:
        for _ in range(iterations):
            next(training)

    return rate(play, training.recipe.loop.batch_size, float(seconds))


if __name__ == "__main__":
    kind, *words = sys.argv[1:]
    print({"row": row, "size": size}[kind](*words))
