"""Trainings in several threads of one process are as repeatable as alone: they take turns."""

from __future__ import annotations

from threading import Thread

from ganzoo.data import Data
from tests.support import differing, run_iterations, small_training, snapshot


def test_two_trainings_in_threads_have_the_bits_of_trainings_alone(tiny: Data) -> None:
    alone = [small_training("simple", tiny, iterations=20, seed=seed, smoothing=0.1) for seed in (1, 2)]
    expected = [run_iterations(training) for training in alone]
    together = [small_training("simple", tiny, iterations=20, seed=seed, smoothing=0.1) for seed in (1, 2)]
    losses: list[list[dict[str, float]]] = [[], []]

    def run(place: int) -> None:
        losses[place] = run_iterations(together[place])

    threads = [Thread(target=run, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert losses == expected
    for one, other in zip(alone, together, strict=True):
        assert differing(snapshot(one), snapshot(other)) == []
