"""The progress of a run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.runs.doctor import findings_in
from ganzoo.runs.pace import duration_in_words
from ganzoo.util.optional import needs, torch

if TYPE_CHECKING:
    from ganzoo.runs.pace import Remaining
    from ganzoo.runs.run import Reporter
    from ganzoo.training.loop import Training

PAUSE = 5.0  # seconds between two plain lines
SHORT_RUN = 60.0  # seconds; how long shorter ones take is not said
WIDE = 130  # columns of a terminal that has room for metrics after the bar
SHORT = {"generator": "G", "discriminator": "D"}
HIDDEN = ("iteration", "iterations_per_second", "cpu_seconds", "findings")


def reporter() -> Reporter:
    """A bar if standard output is a terminal, plain lines otherwise."""
    return Bar() if sys.stdout.isatty() else Lines()


def hardware(training: Training) -> str:
    """Where and how a training runs: ``cpu fp32, 1 thread``."""
    device, threads = training.device, torch.get_num_threads()
    how = [f"{device.torch} {device.precision}"]
    how += [f"{threads} thread{'s' * (threads > 1)}"] if device.torch.type == "cpu" else []
    how += [f"{training.ranks.size} processes"] if training.ranks.size > 1 else []
    return ", ".join(how)


def headline(training: Training, folder: Path) -> str:
    """What is trained, where and how."""
    from ganzoo.runs.log import before_training

    data, device = training.data, training.device
    how = f"{hardware(training)}, seed {training.seed}, in {folder}"
    lines = [f"Training {training.recipe.gan.name} on {data.name} ({len(data):,} samples), {how}", outline(training)]
    lines += [*training.beginning.lines, *(f"Data: {note}" for note in data.notes)]
    if training.iteration == 0 and (finding := before_training(training)):
        lines.append(f"Warning: {finding.line}")
    if device.compile:
        lines.append("The first iteration is compiled, which takes a while.")
    return "\n".join(lines)


def outline(training: Training) -> str:
    """How long an epoch is, what the discriminator sees, and how large the networks are."""
    loop, batches = training.recipe.loop, training.batches
    parts = [f"{batches.trained_on / loop.batch_size:.3g} batches of {loop.batch_size:,} in an epoch"]
    if training.kept_back is not None:
        kept = len(training.kept_back)
        parts.append(f"{kept:,} images are kept back to see whether D learns the others by heart (--set few=1: none)")
    if training.augmented.module is not None:
        about = getattr(training.augmented.module, "about", type(training.augmented.module).__name__)
        parts.append(f"D sees {about}")
    sizes = ", ".join(
        f"{name} {sum(weight.numel() for weight in weights):,}" for name, weights in training.weights.items()
    )
    return "; ".join([*parts, f"parameters: {sizes}"])


def metrics(entry: Mapping[str, Any]) -> str:
    """The losses of an entry and its other metrics: ``loss D 0.693 G 0.712  D accuracy 0.500``."""
    losses, others = [], []
    for key, value in entry.items():
        kind, dot, name = key.partition(".")
        if kind == "loss":
            losses.append(f"{short(name)} {value:.3f}")
        elif key not in HIDDEN and not dot:
            others.append(f"{short(key)} {value:.3f}")
    return "  ".join([*([f"loss {' '.join(sorted(losses))}"] if losses else []), *others])


def short(name: str) -> str:
    """``discriminator_accuracy`` as ``D accuracy``."""
    return " ".join(SHORT.get(word, word) for word in name.replace("_", " ").replace(".", " ").split())


def findings(entry: Mapping[str, Any]) -> list[str]:
    """The problems that an entry reports, a line for each."""
    return [str(finding) for finding in findings_in([entry])]


def speed(training: Training, entry: Mapping[str, Any]) -> str:
    """Iterations and real samples in a second."""
    rate = float(entry["iterations_per_second"])
    batches = training.batches.drawn / max(1, training.iteration)
    samples = "images" if training.data.is_images else "samples"
    return f"{rate:.1f} it/s  {rate * batches * training.recipe.loop.batch_size:,.0f} {samples}/s"


def clock(seconds: float) -> str:
    """Seconds as ``3:21`` or ``1:03:21``.

    >>> clock(201), clock(3801.4)
    ('3:21', '1:03:21')
    """
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def eta(remaining: Remaining | None) -> str:
    """What a run still takes: ``ETA 3:21``, and ``and 8 scores`` that were never timed; empty if unknown."""
    if remaining is None:
        return ""
    untimed = [f"{count:,} {kind if count > 1 else kind[:-1]}" for kind, count in remaining.untimed.items()]
    return " and ".join([f"ETA {clock(remaining.seconds)}", *untimed])


def in_all(remaining: Remaining | None, iterations: int) -> str:
    """How long a run takes, in words; empty as long as it is not known, or if it is less than a minute."""
    if remaining is None or "measurements" in remaining.untimed or remaining.seconds < SHORT_RUN:
        return ""
    return f"About {duration_in_words(remaining.seconds)} until iteration {iterations:,}"


class Lines:
    """A line every few seconds."""

    def start(self, training: Training, folder: Path) -> None:
        click.echo(headline(training, folder))
        self.shown, self.is_said = 0.0, False

    def log(self, training: Training, entry: Mapping[str, Any], remaining: Remaining | None) -> None:
        for line in findings(entry):
            click.echo(line)
        iterations = training.recipe.loop.iterations
        if not self.is_said and (line := in_all(remaining, iterations)):
            click.echo(line)
            self.is_said = True
        if time.monotonic() - self.shown < PAUSE and entry["iteration"] < iterations:
            return
        self.shown = time.monotonic()
        done = f"iteration {entry['iteration']}/{iterations}"
        parts = [done, speed(training, entry), eta(remaining), metrics(entry)]
        click.echo("  ".join(filter(None, parts)))

    def stop(self) -> None:
        pass


class Bar:
    """A progress bar with speed, remaining time and, on a wide terminal, metrics."""

    def start(self, training: Training, folder: Path) -> None:
        with needs():
            from rich import progress
        click.echo(headline(training, folder))
        columns: list[str | progress.ProgressColumn] = [
            progress.BarColumn(16),
            progress.MofNCompleteColumn(),
            "{task.fields[speed]}",
            "{task.fields[eta]}",
        ]
        self.bar = progress.Progress(*columns)
        if self.bar.console.width >= WIDE:
            self.bar.columns = (*columns, "{task.fields[metrics]}")
        total = training.recipe.loop.iterations
        self.task = self.bar.add_task("", total=total, completed=training.iteration, speed="", eta="", metrics="")
        self.is_said = False
        self.bar.start()

    def log(self, training: Training, entry: Mapping[str, Any], remaining: Remaining | None) -> None:
        lines = findings(entry)
        if not self.is_said and (line := in_all(remaining, training.recipe.loop.iterations)):
            lines.append(line)
            self.is_said = True
        for line in lines:
            self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        self.bar.update(
            self.task,
            completed=entry["iteration"],
            speed=speed(training, entry),
            eta=eta(remaining),
            metrics=metrics(entry),
        )

    def stop(self) -> None:
        self.bar.stop()


@contextmanager
def iteration_counter(quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show the progress of several trainings together.

    Yields:
        A function to call with the number of iterations done and their total. It moves a bar on a terminal, and
        otherwise prints lines unless ``quiet``.
    """
    start = shown = time.monotonic()

    def lines(done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if done and not quiet and (now - shown > PAUSE or done == total):
            shown = now
            eta = clock((total - done) * (now - start) / done)
            click.echo(f"iteration {done:,}/{total:,} of all trials  ETA {eta}")

    if not sys.stderr.isatty():
        yield lines
        return
    with needs():
        from rich import console, progress
    shapes = progress.BarColumn(16), progress.MofNCompleteColumn(), "ETA", progress.TimeRemainingColumn(compact=True)
    with progress.Progress(*shapes, console=console.Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, total: bar.update(task, completed=done, total=total)
