from __future__ import annotations

from ganzoo.records.options import Options
from ganzoo.runs.schedule import Schedule


def due(schedule: Schedule, what: str) -> list[int]:
    return [number for number in range(schedule.iterations + 1) if getattr(schedule, what)(number)]


def test_samples_and_checkpoints_default_to_a_tenth_of_the_run() -> None:
    schedule = Schedule.of(Options(data="ring8"), 25)
    assert due(schedule, "samples") == due(schedule, "saves") == [*range(0, 25, 2), 25]
    assert due(schedule, "scores") == due(schedule, "keeps") == []
    assert due(Schedule.of(Options(data="ring8"), 3), "saves") == [0, 1, 2, 3]


def test_more_samples_are_early_unless_an_interval_is_asked_for() -> None:
    tenths = list(range(0, 10_001, 1000))
    assert due(Schedule.of(Options(data="ring8"), 10_000), "samples") == sorted({*tenths, 10, 30, 100, 300})
    assert due(Schedule.of(Options(data="ring8", sample_every=1000), 10_000), "samples") == tenths


def test_the_last_iteration_is_sampled_saved_and_scored_but_not_kept() -> None:
    options = Options(data="ring8", sample_every=4, save_every=6, evaluate_every=5, keep_every=3)
    schedule = Schedule.of(options, 13)
    assert due(schedule, "samples") == [0, 4, 8, 12, 13]
    assert due(schedule, "saves") == [0, 3, 6, 9, 12, 13], "a kept checkpoint is saved too"
    assert due(schedule, "scores") == [0, 5, 10, 13]
    assert due(schedule, "keeps") == [0, 3, 6, 9, 12]
    assert due(schedule, "logs") == [0, 3, 4, 5, 6, 8, 9, 10, 12, 13]


def test_iterations_are_logged_every_fifty() -> None:
    options = Options(data="ring8", sample_every=1000, save_every=1000)
    assert due(Schedule.of(options, 120), "logs") == [0, 50, 100, 120]
