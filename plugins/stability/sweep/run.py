"""Run a sweep: trials in parallel processes. Each writes its record when it is done."""

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

from .plan import Case, Plan, iterations_of
from .train import Progress, check, run_trial
from .trials import Trial, load_outcome, save_outcome

POLL = 0.5  # seconds between two looks at the processes

Report = Callable[[int, int], object]
"""Receives the number of iterations that are done, and their total."""


class Stopped(Exception):  # noqa: N818
    """The user stopped a sweep. Finished trials are kept."""


@dataclass(frozen=True)
class Job:
    """One trial that a process runs; its record goes to ``folder``."""

    case: Case
    trial: Trial
    directory: str | None
    folder: Path

    def run(self, progress: Progress) -> None:
        """Train and evaluate, and write the record."""
        data = loaded(self.trial.data, self.directory)
        if data.sha256 != self.trial.data_sha256:
            raise GanzooError(f"data set {data.name} has changed since the sweep began; start it again")
        outcome = run_trial(self.case, data, self.trial.seed, progress, self.directory)
        save_outcome(self.folder, self.trial, outcome)


def sweep(plan: Plan, folder: Path, *, jobs: int | None = None, report: Report = lambda *_: None) -> None:
    """Run all trials of a plan that have no record in the folder yet.

    Args:
        plan: the trials.
        folder: of the records; it is created if it is missing.
        jobs: processes, each with one thread; by default one for each core.
        report: receives the progress.

    Raises:
        Stopped: Ctrl-C or SIGTERM; finished trials are kept.
        GanzooError: a case cannot be trained, or a file in the folder is not a record.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    configure_process(1)
    with locked(folder), interruptible() as stopped:
        left = list(unfinished(plan, folder))
        total = sum(iterations_of(job.case.recipe) for job in left)
        processes = min(jobs or cores(), max(1, len(left)))
        run = run_here if processes == 1 else functools.partial(run_in_processes, processes=processes)
        run(left, stopped.is_set, lambda done: report(done, total))


def unfinished(plan: Plan, folder: Path) -> Iterator[Job]:
    """The trials without a record; each of their cases is checked first."""
    for case in plan.cases:
        trials = [trial for trial in plan.trials(case) if load_outcome(folder, trial) is None]
        if trials:
            check(case, plan.data)
        yield from (Job(case, trial, plan.directory, folder) for trial in trials)


@functools.cache
def loaded(name: str, directory: str | None) -> Data:
    """A data set, loaded once in each process."""
    return load(name, directory=directory)


def run_here(jobs: Sequence[Job], stopped: Callable[[], bool], report: Callable[[int], object]) -> None:
    """Run jobs one after the other in this process."""
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        report(done)
        if stopped():
            raise Stopped

    for job in jobs:
        job.run(progress)


def run_in_processes(
    jobs: Sequence[Job], stopped: Callable[[], bool], report: Callable[[int], object], *, processes: int
) -> None:
    """Run jobs in new processes. To stop, they finish the iteration that they are in."""
    spawn = multiprocessing.get_context("spawn")
    stop, done = spawn.Event(), spawn.Value("q", 0)
    with ProcessPoolExecutor(processes, spawn, start_worker, (stop, done)) as pool:
        waiting = {pool.submit(run_job, job) for job in jobs}
        try:
            while waiting:
                finished, waiting = wait(waiting, POLL, FIRST_COMPLETED)
                for future in finished:
                    future.result()
                report(done.value)
                if stopped():
                    raise Stopped
        except BrokenProcessPool:
            raise GanzooError(
                "a process of the sweep was killed, perhaps for lack of memory; repeat the command with fewer --jobs"
            ) from None
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


shared: dict[str, Any] = {}
"""In a worker process: the event that stops it, and the counter of iterations."""


def start_worker(stop: Any, done: Any) -> None:
    """Prepare a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles Ctrl-C and sets the event
    configure_process(1)
    shared.update(stop=stop, done=done)


def run_job(job: Job) -> None:
    """Run a job in a worker process."""
    parent = multiprocessing.parent_process()

    def progress(count: int) -> None:
        with shared["done"].get_lock():
            shared["done"].value += count
        if shared["stop"].is_set() or (parent and not parent.is_alive()):
            raise Stopped

    job.run(progress)
