"""How a run shows itself: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.runs.doctor import noted
from ganzoo.util.optional import torch

if TYPE_CHECKING:
    from ganzoo.runs.run import Reporter
    from ganzoo.training.loop import Training

PAUSE = 5.0  # seconds between two plain lines
WIDE = 130  # columns of a terminal that has room for losses beside the bar


def reporter() -> Reporter:
    """A bar if standard output is a terminal, plain lines otherwise."""
    return Bar() if sys.stdout.isatty() else Lines()


def headline(training: Training, folder: Path) -> str:
    """What is trained, where and how."""
    data, device, threads = training.data, training.device, torch.get_num_threads()
    how = [f"{device.torch} {device.precision}"]
    how += [f"{threads} thread{'s' * (threads > 1)}"] if device.torch.type == "cpu" else []
    how += [f"{training.ranks.size} processes"] if training.ranks.size > 1 else []
    how += [f"seed {training.seed}", f"in {folder}"]
    line = f"Training {training.recipe.gan.name} on {data.name} ({len(data):,} samples), {', '.join(how)}"
    return f"{line}\nThe first iteration is compiled, which takes a while." if device.compile else line


def figures(entry: Mapping[str, Any]) -> str:
    """Losses and the like, short."""
    hidden = ("iteration", "iterations_per_second", "cpu_seconds", "findings")
    shown = {name: value for name, value in entry.items() if name not in hidden and not name.startswith("gradient.")}
    return "  ".join(f"{name.removeprefix('loss.')} {value:.3f}" for name, value in shown.items())


def findings(entry: Mapping[str, Any]) -> list[str]:
    """What has gone wrong since the last entry, a line for each."""
    return [str(found) for found in noted([entry])]


def images_per_second(training: Training, entry: Mapping[str, Any]) -> float:
    """Real samples drawn in a second."""
    draws = training.feed.draws / max(1, training.number)
    return float(entry["iterations_per_second"]) * draws * training.recipe.loop.batch_size


class Lines:
    """A line every few seconds."""

    def start(self, training: Training, folder: Path) -> None:
        click.echo(headline(training, folder))
        self.shown = 0.0

    def log(self, training: Training, entry: Mapping[str, Any]) -> None:
        for line in findings(entry):
            click.echo(line)
        iterations = training.recipe.loop.iterations
        if time.monotonic() - self.shown < PAUSE and entry["iteration"] < iterations:
            return
        self.shown = time.monotonic()
        left = round((iterations - entry["iteration"]) / entry["iterations_per_second"])
        speed = f"{entry['iterations_per_second']:.1f} iterations/s  {images_per_second(training, entry):,.0f} images/s"
        eta = f"ETA {left // 60}:{left % 60:02}"
        click.echo(f"iteration {entry['iteration']}/{iterations}  {speed}  {eta}  {figures(entry)}")

    def stop(self) -> None:
        pass


class Bar:
    """A progress bar with speed and the time that is left."""

    def start(self, training: Training, folder: Path) -> None:
        from ganzoo.util.optional import needs

        with needs():
            from rich import progress
        click.echo(headline(training, folder))
        columns: list[str | progress.ProgressColumn] = [
            progress.BarColumn(16),
            progress.MofNCompleteColumn(),
            "{task.fields[speed]}",
            "ETA",
            progress.TimeRemainingColumn(compact=True),
        ]
        self.bar = progress.Progress(*columns)
        if self.bar.console.width >= WIDE:
            self.bar.columns = (*columns, "{task.fields[figures]}")
        total = training.recipe.loop.iterations
        self.task = self.bar.add_task("", total=total, completed=training.number, speed="", figures="")
        self.bar.start()

    def log(self, training: Training, entry: Mapping[str, Any]) -> None:
        for line in findings(entry):
            self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        speed = f"{entry['iterations_per_second']:.1f} iterations/s {images_per_second(training, entry):,.0f} images/s"
        self.bar.update(self.task, completed=entry["iteration"], speed=speed, figures=figures(entry))

    def stop(self) -> None:
        self.bar.stop()


@contextmanager
def counted(quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Something to tell how many iterations of all have been played: a bar on a terminal, else lines unless ``quiet``."""
    begun = shown = time.monotonic()

    def lines(done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if done and not quiet and (now - shown > PAUSE or done == total):
            shown = now
            left = round((total - done) * (now - begun) / done)
            click.echo(f"iteration {done:,}/{total:,} of all trials  ETA {left // 60}:{left % 60:02}")

    if not sys.stderr.isatty():
        yield lines
        return
    from ganzoo.util.optional import needs

    with needs():
        from rich import console, progress
    shapes = progress.BarColumn(16), progress.MofNCompleteColumn(), "ETA", progress.TimeRemainingColumn(compact=True)
    with progress.Progress(*shapes, console=console.Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, total: bar.update(task, completed=done, total=total)
