"""Run folders: a training on disk, from its first round to its last, across any number of interruptions.

A folder holds ``run.json`` (all that repeats the run), ``checkpoint.safetensors`` (all that continues it),
``weights.safetensors`` (the generator as it is sampled), ``metrics.jsonl`` and ``samples/*.png``.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol

import torch

from ganzoo import data as datasets
from ganzoo.device import choose, prepare
from ganzoo.files import atomic_write
from ganzoo.images import write_png
from ganzoo.model import Model
from ganzoo.networks import build
from ganzoo.portrait import portrait
from ganzoo.settings import Recipe, resolve, written
from ganzoo.spec import GanzooError, Overrides
from ganzoo.training import Round, Training, task_of
from ganzoo.weights import load, read, save_weights, write
from ganzoo.zoo import zoo

LOG_EVERY = 50


class Interrupted(Exception):  # noqa: N818
    """The user stopped a run; everything is saved in ``folder``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder


class Reporter(Protocol):
    """Whoever shows how a run goes on."""

    def start(self, training: Training, folder: Path) -> None: ...
    def log(self, training: Training, entry: Mapping[str, Any]) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Options:
    """What makes a run besides its recipe; with that, the text of ``run.json``.

    Attributes:
        data: name of the data set.
        image_size: height and width, for data sets of any size.
        data_dir: where files of downloaded data sets lie.
        seed: of all that is random.
        device, precision: see :func:`ganzoo.device.choose`.
        sample_every, save_every: rounds between pictures, and between checkpoints; a tenth of the run by default.
        command: what the user typed.
    """

    data: str
    image_size: int | None = None
    data_dir: str | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    sample_every: int | None = None
    save_every: int | None = None
    command: str = ""

    def load_data(self, split: Literal["train", "test"] = "train") -> datasets.Data:
        return datasets.load(self.data, split=split, directory=self.data_dir, size=self.image_size)


class Run:
    """A training and its folder."""

    def __init__(self, folder: Path, training: Training, options: Options) -> None:
        self.folder, self.training, self.options = folder, training, options
        conditional = training.task.conditions > 0  # a regression is judged by inputs that it was not trained on
        self.shown = options.load_data("test") if conditional else training.data

    @classmethod
    def start(cls, folder: Path, recipe: Recipe, options: Options, parent: Model | None = None) -> Run:
        """Begin a run in a folder, in place of an old one; over a trained ``parent`` for a child in sequence."""
        threads = prepare()
        device = choose(options.device, options.precision)
        data = options.load_data()
        recipe = recipe.over(parent)
        training = Training(recipe, data, device, seed=options.seed, parent=parent.networks if parent else None)
        record = asdict(options) | {
            "gan": recipe.gan.name,
            "settings": recipe.flat(),
            "data_sha256": data.sha256,
            "device": str(device.torch),
            "precision": device.precision,
            "threads": threads,
            "ganzoo": version("ganzoo-kit"),
            "torch": torch.__version__,
        }
        with writing(folder):  # now that all is known to be good, since the old run cannot be brought back
            for name in ("run.json", "checkpoint.safetensors", "weights.safetensors", "metrics.jsonl"):
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(folder / "samples", ignore_errors=True)
            (folder / "samples").mkdir(parents=True, exist_ok=True)
        write_text(folder / "run.json", json.dumps(record, indent=2))
        return cls(folder, training, options)

    @classmethod
    def resume(cls, folder: Path, rounds: int | None = None) -> Run:
        """Continue the run in a folder from its last checkpoint, perhaps to a larger number of rounds."""
        record = read_record(folder)
        overrides = record["settings"] | ({} if rounds is None else {"loop.rounds": rounds})
        recipe = resolve(zoo().gan(record["gan"]), overrides)
        options = Options(**{name: record[name] for name in Options.__dataclass_fields__})
        prepare(record["threads"])
        device = choose(record["device"], record["precision"])
        data = options.load_data()
        if data.sha256 != record["data_sha256"]:
            raise GanzooError(f"data set {options.data} has changed since the run in {folder} began; start a new run")
        parent = None
        if recipe.parent and recipe.loop.schedule == "sequential":
            parent = build(recipe.parent, task_of(recipe.parent, data)).freeze()
        training = Training(recipe, data, device, seed=options.seed, parent=parent)
        checkpoint = folder / "checkpoint.safetensors"
        if not checkpoint.is_file():
            raise GanzooError(f"{folder} holds no checkpoint yet; start again with: {options.command} --force")
        tensors, _ = read(checkpoint)
        training.load(tensors, str(checkpoint))
        if training.number > recipe.loop.rounds:
            raise GanzooError(f"the run in {folder} has {training.number} rounds already; --rounds has to be larger")
        if rounds is not None:
            write_text(folder / "run.json", json.dumps(record | {"settings": recipe.flat()}, indent=2))
        run = cls(folder, training, options)
        run._cut_metrics()
        return run

    def play(self, reporter: Reporter) -> None:
        """Play the rounds that are left; :class:`Interrupted` when the user stops it, after saving everything."""
        rounds = self.training.recipe.loop.rounds
        sample_every = self.options.sample_every or max(1, rounds // 10)
        save_every = self.options.save_every or max(1, rounds // 10)
        reporter.start(self.training, self.folder)
        pending: list[Round] = []
        clock = time.perf_counter()
        try:
            with interruptible() as stopped:
                if self.training.number == 0:
                    self._save()
                for number in self._rounds():
                    pending.append(number)
                    stop = stopped.is_set()  # once: a signal that comes later ends the next round, which is then saved
                    last = number.number == rounds or stop
                    sample = last or number.number % sample_every == 0
                    save = last or number.number % save_every == 0
                    if sample or save or number.number % LOG_EVERY == 0:
                        reporter.log(self.training, self._log(pending, time.perf_counter() - clock))
                        pending = []
                    if sample:
                        self.picture()
                    if save:
                        self._save()
                    if not pending:
                        clock = time.perf_counter()  # pictures and checkpoints are not what a round takes
                    if stop and number.number < rounds:
                        raise Interrupted(self.folder)
        finally:
            reporter.stop()

    def _rounds(self) -> Iterator[Round]:
        """The rounds that are left. Parts that cannot play together fail in the first one, and that is told plainly."""
        try:
            first = next(self.training, None)
        except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise GanzooError(
                f"{self.training.recipe.gan.name} cannot play a round with these parts and settings: {reason} "
                "(GANZOO_DEBUG=1 shows where)"
            ) from error
        if first is not None:
            yield first
            yield from self.training

    def picture(self) -> Path:
        """Draw the fixed latents' samples, and return the file."""
        path = self.folder / "samples" / f"round-{self.training.number:06d}.png"
        write_png(path, portrait(self.training.model(), data=self.shown))
        return path

    def _save(self) -> None:
        """The checkpoint comes last: whatever happens between the two, its rounds are in the weights too."""
        save_weights(self.folder / "weights.safetensors", self.training.model())
        write(self.folder / "checkpoint.safetensors", self.training.state(), self.training.header())

    def _log(self, rounds: Sequence[Round], seconds: float) -> dict[str, Any]:
        """Fetch the figures of these rounds in one go, log their means, and check that the losses are finite."""
        named = [
            (number.number, name, value, kind)
            for number in rounds
            for kind, values in (("loss", number.losses), ("figure", number.figures))
            for name, value in values.items()
        ]
        numbers = torch.stack([value.detach().float().reshape(()) for _, _, value, _ in named]).tolist()
        sums: dict[str, list[float]] = {}
        for (number, name, _, kind), value in zip(named, numbers, strict=True):
            if kind == "loss" and not abs(value) < float("inf"):
                self._diverged(number, name, value)
            sums.setdefault(f"loss.{name}" if kind == "loss" else name, []).append(value)
        entry = {
            "round": rounds[-1].number,
            "rounds_per_second": round(len(rounds) / seconds, 2),
            **{name: sum(values) / len(values) for name, values in sums.items()},
        }
        with writing(self.folder), (self.folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        return entry

    def _diverged(self, number: int, player: str, value: float) -> None:
        saved = read(self.folder / "checkpoint.safetensors")[1]["rounds"]
        raise GanzooError(
            f"the loss of the {player} became {value} in round {number}; {self.folder} keeps the last good checkpoint, "
            f"of round {saved}; try a lower learning rate (--set lr=...) or --precision fp32"
        )

    def _cut_metrics(self) -> None:
        """Drop what was logged after the checkpoint: those rounds are played again."""
        path = self.folder / "metrics.jsonl"
        kept = []
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                if json.loads(line)["round"] <= self.training.number:
                    kept.append(line + "\n")
            except (ValueError, KeyError, TypeError):
                continue  # a line that was cut short when the process was killed
        write_text(path, "".join(kept))


def claim(folder: Path, *, force: bool) -> None:
    """Make sure that a new run may use the folder; with ``force``, in place of an old one.

    Raises:
        GanzooError: the folder is in use.
    """
    if force or not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    begun = (folder / "checkpoint.safetensors").exists()
    again = f"resume it with: ganzoo train --resume {folder}, or " if begun else ""
    raise GanzooError(f"{folder} exists; {again}replace it with --force, or name another with --out")


def parent_of(recipe: Recipe, options: Options, root: Path, reporter: Reporter, say: Any) -> Model | None:
    """The parent, trained first under ``root`` if no run there has trained them.

    A run is taken if recipe, data and seed are the same; one that is not finished is continued.
    """
    if recipe.parent is None or recipe.loop.schedule == "round":
        return None
    wanted = recipe.parent
    folder = root / folder_name(wanted.gan.name, options, parent_overrides(wanted))
    weights = folder / "weights.safetensors"
    if (folder / "checkpoint.safetensors").exists():  # without one, it was stopped before its first round
        record = read_record(folder)
        if json.loads(json.dumps(wanted.flat())) != record["settings"] or record["seed"] != options.seed:
            raise GanzooError(
                f"{folder} holds another {wanted.gan.name} than the parent that is needed; move it away, or name the "
                "parent with --parent"
            )
        run = Run.resume(folder)
        left = run.training.recipe.loop.rounds - run.training.number
        say(f"parent {wanted.gan.name}: " + (f"continued in {folder}" if left else f"taken from {folder}"))
    else:
        say(f"parent {wanted.gan.name}: not trained yet, so it is trained first, in {folder}")
        run = Run.start(folder, wanted, options, parent_of(wanted, options, root, reporter, say))
        left = wanted.loop.rounds
    if left:
        run.play(reporter)
    return load(weights)


def parent_overrides(recipe: Recipe) -> Overrides:
    """What distinguishes a parent's recipe from its GAN's defaults, for the name of its folder."""
    usual = resolve(recipe.gan).flat()
    return {key: value for key, value in recipe.flat().items() if usual.get(key) != value}


def folder_name(gan: str, options: Options, overrides: Overrides) -> str:
    """The name of a run's folder, from its options: ``simple-mnist-10k-seed0-batch=32``."""
    chosen = [f"{key.removeprefix('loop.')}={written(value)}" for key, value in overrides.items()]
    words = "-".join([gan, options.data, f"seed{options.seed}", *chosen])
    return re.sub(r"[^\w.=,-]+", "_", words)[:200]


def read_record(folder: Path) -> dict[str, Any]:
    """``run.json`` of a folder; :class:`GanzooError` if it is not there or not a run's."""
    path = folder / "run.json"
    if not path.is_file():
        raise GanzooError(f"{folder} is no run's folder: it holds no run.json")
    try:
        record = json.loads(path.read_text())
        missing = sorted({"gan", "settings", "threads", "data_sha256", *Options.__dataclass_fields__} - record.keys())
        if not isinstance(record.get("settings", {}), dict):
            raise ValueError
    except (OSError, ValueError, AttributeError):
        raise GanzooError(f"{path} cannot be read as the record of a run") from None
    if missing:
        raise GanzooError(f"{path} cannot be read as the record of a run: it lacks '{missing[0]}'")
    return record  # type: ignore[no-any-return]


def write_text(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into one line."""
    try:
        yield
    except OSError as error:
        raise GanzooError(f"cannot write in {path}: {error.strerror or error}") from None


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Within it the first Ctrl-C or SIGTERM only sets the event, so that a round can be finished; a second one ends."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def stop(number: int, frame: object) -> None:
        stopped.set()
        signal.signal(number, before[signal.Signals(number)])

    try:
        for number in signals:
            signal.signal(number, stop)
        yield stopped
    finally:
        for number in signals:
            signal.signal(number, before[number])
