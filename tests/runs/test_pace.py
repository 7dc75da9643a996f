"""How long a run still takes, by a clock that the tests move."""

from __future__ import annotations

import pytest

from ganzoo.records.options import Options
from ganzoo.runs.pace import Pace, Remaining
from ganzoo.runs.progress import eta, in_all
from ganzoo.runs.schedule import LOG_EVERY, MEASUREMENTS, Schedule


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def pauses(schedule: Schedule, number: int) -> dict[str, bool]:
    return {
        "pictures": schedule.samples(number),
        "checkpoints": schedule.saves(number),
        "measurements": number % max(LOG_EVERY, schedule.iterations // MEASUREMENTS) == 0,
        "scores": schedule.scores(number),
    }


COST = {"pictures": 3.0, "checkpoints": 1.0, "measurements": 2.0, "scores": 40.0}  # seconds
FIRST = 1.5  # times as long as the others


def estimates(
    schedule: Schedule, *, iteration: float, warm_up: float = 0.0
) -> tuple[dict[int, Remaining | None], dict[int, float]]:
    """The estimates of a run by iteration, and what was true then. The first five iterations are slower."""
    clock = Clock()
    pace = Pace(schedule, clock)
    found, times, timed = {}, {}, set()

    def wait(kind: str) -> None:
        with pace.pause(kind):
            clock.now += COST[kind] * (1 if kind in timed else FIRST)
            timed.add(kind)

    wait("checkpoints")
    wait("pictures")
    for number in range(1, schedule.iterations + 1):
        clock.now += iteration + warm_up * (number <= 5)
        due = pauses(schedule, number)
        if schedule.logs(number):
            for kind in ("scores", "measurements"):
                if due[kind]:
                    wait(kind)
            pace.logged(number)
            found[number], times[number] = pace.remaining, clock.now
        for kind in ("pictures", "checkpoints"):
            if due[kind]:
                wait(kind)
    return found, {number: clock.now - time for number, time in times.items()}


@pytest.mark.parametrize("evaluate_every", [None, 700])
def test_an_estimate_is_right_from_the_first_one_on(evaluate_every: int | None) -> None:
    schedule = Schedule.of(Options(data="x", evaluate_every=evaluate_every), 8000)
    found, left = estimates(schedule, iteration=0.25, warm_up=2.0)
    assert found[10] is None, "the warm-up is all that was timed"
    known = {number: one for number, one in found.items() if one is not None}
    assert min(known) == 30
    for number, one in known.items():
        untimed = sum(COST[kind] * (count + FIRST - 1) for kind, count in one.untimed.items())
        # the picture and the checkpoint of the iteration itself are about to come
        assert one.seconds + untimed == pytest.approx(left[number], abs=5, rel=0 if number > 1400 else 0.1), number
    scores = {"scores": 12} if evaluate_every else {}
    assert [known[number].untimed for number in (30, 200, 700)] == [{"measurements": 39} | scores, scores, {}]


def test_nothing_is_estimated_from_a_moment() -> None:
    schedule = Schedule.of(Options(data="x"), 8000)
    found, _ = estimates(schedule, iteration=0.01)
    assert [number for number, one in found.items() if one is None] == [10, 30, 50, 100, 150, 200, 250, 300]
    slow, _ = estimates(Schedule.of(Options(data="x"), 20), iteration=50.0)
    assert slow[4] is not None, "one iteration of 50 seconds tells enough"


def test_an_estimate_follows_a_machine_that_becomes_slower_in_minutes_and_not_in_a_moment() -> None:
    schedule = Schedule.of(Options(data="x", sample_every=10**6, save_every=10**6), 100_000)
    clock = Clock()
    pace = Pace(schedule, clock)
    rates = []
    for number in range(50, 10_001, 50):
        clock.now += 50 * (0.1 if number <= 5000 else 0.2)
        pace.logged(number)
        rates.append(pace.remaining.seconds / (100_000 - number) if pace.remaining else 0)
    assert rates[50] == pytest.approx(0.1)
    assert 0.1 < rates[101] < 0.12
    assert rates[-1] == pytest.approx(0.2, rel=0.02)


def test_the_time_of_a_caller_is_no_part_of_it() -> None:
    schedule = Schedule.of(Options(data="x", sample_every=1000, save_every=1000), 1000)
    clock = Clock()
    pace = Pace(schedule, clock)
    for number in range(1, 101):
        clock.now += 0.1
        if number % 50 == 0:
            pace.logged(number)
        with pace.pause("caller"):
            clock.now += 7
    assert pace.remaining == Remaining(pytest.approx(90.0), {"pictures": 1, "checkpoints": 1, "measurements": 18})


@pytest.mark.parametrize("iterations", [1, 9, 10, 11, 300, 1000])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sample_every": 7, "save_every": 6, "keep_every": 4, "evaluate_every": 5},
        {"save_every": 10, "keep_every": 10, "evaluate_every": 10},
    ],
    ids=str,
)
def test_the_pauses_that_are_left_are_counted(iterations: int, options: dict[str, int]) -> None:
    schedule = Schedule.of(Options(data="x", **options), iterations)
    for after in {0, 1, 9, 10, 29, iterations - 1, iterations} & set(range(iterations + 1)):
        ahead = [pauses(schedule, number) for number in range(after + 1, iterations + 1)]
        left = schedule.left(after)
        assert abs(left.pop("measurements") - sum(due.pop("measurements") for due in ahead)) <= 1
        assert left == {kind: sum(due[kind] for due in ahead) for kind in left}


def test_what_is_printed() -> None:
    assert eta(None) == in_all(None, 500) == ""
    assert eta(Remaining(201.4)) == "ETA 3:21"
    assert eta(Remaining(1860, {"scores": 8, "pictures": 1})) == "ETA 31:00 and 8 scores and 1 picture"
    assert in_all(Remaining(1860), 8000) == "About 31 minutes until iteration 8,000"
    assert in_all(Remaining(1860, {"measurements": 40}), 8000) == ""
    assert in_all(Remaining(59), 8000) == "", "of a run that is nearly over"
