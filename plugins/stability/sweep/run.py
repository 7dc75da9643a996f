"""Sweeps: trials in parallel processes, each of which leaves its record when it is done."""

from __future__ import annotations

import functools
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.data import Data, load
from ganzoo.runs.signals import interruptible
from ganzoo.training.device import configure_process, cores
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import locked, writing

from .metrics import Metric, metric_of
from .plan import Case, Plan, iterations_of
from .play import Tick, play, rehearse
from .trials import Trial, keep, kept

ABREAST = 8  # trials in one job, at most
PAUSE = 0.5  # seconds between two looks at what the processes do

Report = Callable[[int, int], object]
"""Is told, now and then, how many iterations are played, and how many are to be played in all."""


class Stopped(Exception):  # noqa: N818
    """The user stopped a sweep; what is finished is kept."""


@dataclass(frozen=True)
class Job:
    """Trials of one case, played by one process; their records go to ``folder``."""

    case: Case
    trials: Sequence[Trial]
    directory: str | None
    folder: Path

    @property
    def iterations(self) -> int:
        return iterations_of(self.case.recipe) * len(self.trials)

    def do(self, tick: Tick) -> None:
        """Play the trials, and leave their records."""
        data, metric = measured(self.trials[0].data, self.directory)
        if data.sha256 != self.trials[0].data_sha256:
            raise GanzooError(f"data set {data.name} has changed since the sweep began; start it again")
        outcomes = play(self.case, [trial.seed for trial in self.trials], data, metric, tick)
        for trial, outcome in zip(self.trials, outcomes, strict=True):
            keep(self.folder, trial, outcome)


def sweep(plan: Plan, folder: Path, *, jobs: int | None = None, report: Report = lambda *_: None) -> None:
    """Play all trials of a plan whose records are not in the folder yet.

    Args:
        plan: what is tried.
        folder: of the records; it is made if it is missing.
        jobs: processes, each on one thread; by default as many as there are cores.
        report: is told how it goes on.

    Raises:
        Stopped: Ctrl-C or SIGTERM; what is finished is kept.
        GanzooError: a trial cannot be played, or a file in the folder is no record.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    configure_process(1)
    with locked(folder), interruptible() as stopped:
        left = list(jobs_of(plan, folder))
        total = sum(job.iterations for job in left)
        jobs = min(jobs or cores(), max(1, len(left)))
        if jobs == 1:
            here(left, stopped.is_set, lambda count: report(count, total))
        else:
            elsewhere(left, jobs, stopped.is_set, lambda count: report(count, total))


def jobs_of(plan: Plan, folder: Path) -> Iterator[Job]:
    """What is left to do. Seeds go abreast by powers of two, since others would change the last bits of gradients."""
    for case in plan.cases:
        trials = [trial for trial in plan.trials(case) if kept(folder, trial) is None]
        most = ABREAST if trials and rehearse(case, plan.data) else 1
        while trials:
            size = min(most, 1 << len(trials).bit_length() - 1)
            yield Job(case, trials[:size], plan.directory, folder)
            trials = trials[size:]


@functools.cache
def measured(name: str, directory: str | None) -> tuple[Data, Metric]:
    """A data set and its metric, once in a process."""
    data = load(name, directory=directory)
    return data, metric_of(data, directory)


def here(jobs: Sequence[Job], stopped: Callable[[], bool], report: Callable[[int], object]) -> None:
    """Play in this process."""
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        report(done)
        if stopped():
            raise Stopped

    for job in jobs:
        job.do(tick)


def elsewhere(
    jobs: Sequence[Job], processes: int, stopped: Callable[[], bool], report: Callable[[int], object]
) -> None:
    """Play in fresh processes, which are told to stop between two iterations."""
    spawn = multiprocessing.get_context("spawn")
    stop, done = spawn.Event(), spawn.Value("q", 0)
    with ProcessPoolExecutor(processes, spawn, begin, (stop, done)) as pool:
        waiting = {pool.submit(work, job) for job in jobs}
        try:
            while waiting:
                finished, waiting = wait(waiting, PAUSE, FIRST_COMPLETED)
                for future in finished:
                    future.result()
                report(done.value)
                if stopped():
                    raise Stopped
        except BrokenProcessPool:
            raise GanzooError(
                "a process of the sweep was ended from outside, perhaps for want of memory; go on with fewer --jobs"
            ) from None
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


shared: dict[str, Any] = {}
"""What a process of a sweep has from the one that began it: an event and a counter."""


def begin(stop: Any, done: Any) -> None:
    """Make a process ready."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and tells
    configure_process(1)
    shared.update(stop=stop, done=done)


def work(job: Job) -> None:
    """Play a job in a process of its own."""
    with_parent = multiprocessing.parent_process()

    def tick(count: int) -> None:
        with shared["done"].get_lock():
            shared["done"].value += count
        if shared["stop"].is_set() or (with_parent and not with_parent.is_alive()):
            raise Stopped

    job.do(tick)
