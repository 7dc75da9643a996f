"""The files of a run."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.data import CHANNELS, absolute_paths
from ganzoo.generators.metadata import Metadata, read_metadata
from ganzoo.records.metrics import Curve, Entry, Log, curves, is_number, read_log
from ganzoo.records.options import Options, load_same
from ganzoo.records.text import format_number, one_line
from ganzoo.registry.gan import GAN
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import locked, remove_temporary_files, writing

if TYPE_CHECKING:
    from ganzoo.data import Data

LARGEST_JSON = 2**22  # bytes of run.json or evaluation.json
MOST_SCORES = 200


class RunFolder:
    """The folder of a run.

    A run may be in progress, interrupted, or somebody else's. :meth:`read_record` checks all that resuming needs. All
    other properties take what they can use: they leave out files that are missing, broken or too large, and read each
    file once, at its first use.

    Attributes:
        path: of the folder.
        record_file: ``run.json``, all that repeats the run.
        log_file: ``metrics.jsonl``.
        checkpoint: all that continues the run.
        checkpoints: folder of the checkpoints that ``--keep-every`` asks for.
        weights: the averaged generator and the discriminator after the last checkpoint.
        best_weights: the same at the best score so far, with ``--evaluate-every``.
        samples: folder of the sample grids.
        evaluation: scores of ``ganzoo evaluate``.
        report, animation, neighbours, real, card: for people, see :mod:`ganzoo.pages.report`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.record_file = self.path / "run.json"
        self.log_file = self.path / "metrics.jsonl"
        self.checkpoint = self.path / "checkpoint.safetensors"
        self.checkpoints = self.path / "checkpoints"
        self.weights = self.path / "weights.safetensors"
        self.best_weights = self.path / "best.safetensors"
        self.samples = self.path / "samples"
        self.evaluation = self.path / "evaluation.json"
        self.report = self.path / "report.html"
        self.animation = self.path / "progress.webp"
        self.neighbours = self.path / "neighbours.png"
        self.real = self.path / "real.png"
        self.card = self.path / "README.md"

    def __str__(self) -> str:
        return str(self.path)

    @property
    def files(self) -> list[Path]:
        """The files that a new run replaces, besides those in :attr:`samples` and :attr:`checkpoints`; the record last.

        The card is not among them, because it may have been edited.
        """
        training = [self.checkpoint, self.weights, self.best_weights, self.log_file, self.evaluation]
        return [*training, self.report, self.animation, self.neighbours, self.real, self.record_file]

    @property
    def in_shell(self) -> str:
        """The path as a word of a command that is typed in the current folder."""
        path, here = Path(os.path.normpath(self.path)), Path.cwd()
        word = str(path.relative_to(here) if path.is_absolute() and here in path.parents else path)
        return shlex.quote(f"./{word}" if word.startswith("-") else word)

    # The record.

    @cached_property
    def record(self) -> dict[str, Any]:
        """The content of ``run.json``, unchecked.

        Raises:
            GanzooError: there is none, or it is not a JSON object.
        """
        if not self.record_file.is_file():
            raise GanzooError(f"{self} is not a run folder: it holds no run.json; name one, such as runs/NAME")
        record = read_json(self.record_file)
        if not isinstance(record, dict):
            raise GanzooError(f"{self.record_file} cannot be read as the record of a run")
        return record

    def read_record(self) -> dict[str, Any]:
        """The content of ``run.json``, with every entry that resuming needs.

        Raises:
            GanzooError: it is not a run folder, or an entry is missing or wrong.
        """
        self.__dict__.pop("record", None)
        record = ABSENT_IN_OLDER_RUNS | self.record
        for name, is_valid in CHECKS.items():
            wrong = f"it lacks '{name}'" if name not in record else f"'{name}' is {record[name]!r:.60}"
            if name not in record or not is_valid(record[name]):
                raise GanzooError(f"{self.record_file} cannot be read as the record of a run: {wrong}")
        return record

    def version(self) -> list[tuple[int, int] | None]:
        """What changes whenever the record or the checkpoint is written again."""
        files = [path.stat() if path.is_file() else None for path in (self.record_file, self.checkpoint)]
        return [file and (file.st_ino, file.st_mtime_ns) for file in files]

    def mismatch(self, metadata: Metadata) -> str:
        """``gan``, ``seed`` or ``settings`` if a checkpoint with that metadata is of another run; else empty.

        The number of iterations is not compared, since resuming may raise it.
        """
        record = self.read_record()
        for name in ("gan", "seed"):
            if record[name] != getattr(metadata, name):
                return name
        ours, theirs = ({**settings, "loop.iterations": 0} for settings in (record["settings"], metadata.settings))
        return "settings" if ours != theirs else ""

    @property
    def name(self) -> str:
        """Of the GAN."""
        return one_line(self.record.get("gan", "GAN"))

    @property
    def data(self) -> str:
        """Name of the data set."""
        return one_line(self.record.get("data", "unknown data"))

    @property
    def settings(self) -> dict[str, Any]:
        settings = self.record.get("settings")
        return settings if isinstance(settings, dict) else {}

    @property
    def beginning(self) -> list[tuple[str, str]]:
        """The trained weights that the run began with, and the layers that were not trained, by name; or neither."""
        init, frozen = self.record.get("init"), self.record.get("freeze")
        facts = [("Begun with", init), ("SHA-256 of those weights", self.record.get("init_sha256"))] if init else []
        facts += [("Layers not trained", ", ".join(map(one_line, frozen[:100])))] if isinstance(frozen, list) else []
        return [(name, one_line(text, 2000)) for name, text in facts if text]

    @property
    def gan(self) -> GAN | None:
        """The GAN, if it is registered here."""
        return registry().gans.get(self.name)

    # The data.

    def places(self, data: str | None = None, data_dir: str | None = None) -> list[Options]:
        """Where the data of the run may be, for :func:`ganzoo.records.options.load_same`.

        By default these are the absolute paths that were recorded, where they still exist, and then the names as they
        were typed, which belong to the current folder.

        Args:
            data: the name of the data set, wherever it is now.
            data_dir: folder of downloaded data sets.
        """
        record = self.read_record()
        typed = Options.of(record)
        if data or data_dir:
            return [replace(typed, data=data or typed.data, data_dir=data_dir or typed.data_dir)]
        name, directory = record["absolute_data"], record["absolute_data_dir"]
        there = absolute_paths(name or "") + ([directory] if directory and Path(directory).is_absolute() else [])
        absolute = replace(typed, data=name or typed.data, data_dir=directory or typed.data_dir)
        return [*([absolute] if there and all(map(os.path.exists, there)) else []), typed]

    def load_data(self, data: str | None = None, data_dir: str | None = None) -> tuple[Options, Data]:
        """The data of the run, wherever they are now, and the options that load them.

        Raises:
            GanzooError: they are not found, or have changed.
        """
        places = self.places(data, data_dir)
        return load_same(places, self.read_record()["data_sha256"], f"the run in {self}")

    # Progress.

    @property
    def planned_iterations(self) -> int:
        planned = self.settings.get("loop.iterations")
        return planned if isinstance(planned, int) and 0 < planned < 1e15 else self.iterations

    @property
    def iterations(self) -> int:
        """Iterations that are done, by the weights, or else by what else there is."""
        if self.metadata:
            return self.metadata.iterations
        return max([*(int(curve.iterations[-1]) for curve in self.curves), *self.pictures, 0])

    @property
    def is_finished(self) -> bool:
        """Whether the checkpoint is that of the last iteration."""
        if not self.checkpoint.is_file():
            return False
        planned = self.read_record()["settings"].get("loop.iterations")
        return bool(read_metadata(self.checkpoint).iterations == planned)

    @property
    def has_report(self) -> bool:
        """Whether the report has been written since the last checkpoint."""
        return self.report.is_file() and self.report.stat().st_mtime_ns >= self.checkpoint.stat().st_mtime_ns

    @cached_property
    def metadata(self) -> Metadata | None:
        """Of the weights; ``None`` where there are none that can be read."""
        try:
            return read_metadata(self.weights)
        except GanzooError:
            return None

    # The log.

    @cached_property
    def log(self) -> Log:
        """The entries of ``metrics.jsonl``, see :func:`ganzoo.records.metrics.read_log`."""
        return read_log(self.log_file)

    @property
    def metrics(self) -> list[Entry]:
        return self.log.entries

    @cached_property
    def curves(self) -> list[Curve]:
        """The metrics by name; none where the log cannot be read, which :attr:`log_problem` says."""
        try:
            return curves(self.metrics)
        except GanzooError:
            return []

    @property
    def findings(self) -> list[str]:
        """What the doctor has found during training, a line each; none where the log cannot be read."""
        return [f"iteration {finding['iteration']}: {finding['line']}" for finding in self._findings]

    @property
    def finding_kinds(self) -> list[str]:
        """The kinds of the :attr:`findings`, each once."""
        return list(dict.fromkeys(finding["kind"] for finding in self._findings))

    @property
    def _findings(self) -> list[dict[str, Any]]:
        try:
            return [finding for entry in self.metrics for finding in entry.get("findings", ())]
        except GanzooError:
            return []

    @property
    def log_problem(self) -> str:
        """What is left out of the log, and why, as a sentence; empty where nothing is."""
        try:
            count = self.log.unreadable
        except GanzooError as error:
            return f"{error}."
        return f"{count:,} unreadable line{'s are' if count > 1 else ' is'} left out of metrics.jsonl." if count else ""

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the run so far, in all its processes."""
        return max((float(entry.get("cpu_seconds", 0)) for entry in self.metrics), default=0.0)

    # Scores, pictures and checkpoints.

    @cached_property
    def scores(self) -> list[tuple[str, str]]:
        """Numbers and texts in ``evaluation.json`` by their path, such as ``("child fd", "3.2")``."""
        found: list[tuple[str, str]] = []
        waiting: list[tuple[tuple[str, ...], Any]] = [((), read_json(self.evaluation))]
        while waiting and len(found) < MOST_SCORES:
            place, value = waiting.pop()
            if isinstance(value, dict):
                waiting += [((*place, one_line(key)), inner) for key, inner in reversed(value.items())]
            elif is_number(value):
                found.append((" ".join(place), format_number(value)))
            elif isinstance(value, str):
                found.append((" ".join(place), one_line(value)))
            elif isinstance(value, list) and 0 < len(value) <= 16 and all(map(is_number, value)):
                found.append((" ".join(place), ", ".join(map(format_number, value))))
        return found

    @cached_property
    def pictures(self) -> dict[int, Path]:
        """The sample grids by iteration, in order."""
        return by_iteration(self.samples, ".png")

    @property
    def kept_checkpoints(self) -> dict[int, Path]:
        """The checkpoints that later ones do not replace, by iteration, in order."""
        return by_iteration(self.checkpoints, ".safetensors")

    def picture(self, iteration: int) -> Path:
        """The sample grid of an iteration."""
        return self.samples / f"iteration-{iteration:06d}.png"

    def kept_checkpoint(self, iteration: int) -> Path:
        """The checkpoint of an iteration that later ones do not replace."""
        return self.checkpoints / f"iteration-{iteration:06d}.safetensors"

    # Writing and removing files. Only the process that holds the folder's lock may do this.

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder if it is missing, and keep other processes out of it.

        Raises:
            GanzooError: it cannot be made, or another process is training in it.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with locked(self.path) as self._is_same:
            yield

    def require_unmoved(self) -> None:
        """Make sure that the path still is the folder of this run, which is locked.

        Raises:
            GanzooError: it was moved, replaced or emptied.
        """
        if not (self._is_same() and self.record_file.is_file()):
            raise GanzooError(
                f"{self} was moved, replaced or emptied while the run was trained, so nothing more is saved there; if "
                "it was moved, resume it where it is now: ganzoo train --resume RUN"
            )

    def clear(self) -> None:
        """Remove the files of an old run, and nothing else.

        The checkpoint goes first and the record last. If the process is killed in between, nothing resumes what is
        left, and it still is the folder of a run, which may be replaced.
        """
        with writing(self.path):
            self.checkpoint.unlink(missing_ok=True)
        self.remove_checkpoints_after(-1)
        with writing(self.path):
            for picture in by_iteration(self.samples, ".png").values():
                picture.unlink()
            for file in self.files:
                file.unlink(missing_ok=True)

    def remove_checkpoints_after(self, iteration: int) -> None:
        """Remove the kept checkpoints of later iterations, and their folder once it is empty."""
        with writing(self.path):
            for number, path in self.kept_checkpoints.items():
                if number > iteration:
                    path.unlink()
        with suppress(OSError):
            self.checkpoints.rmdir()

    def remove_temporary_files(self) -> None:
        """Remove what a killed process had begun to write."""
        with writing(self.path):
            remove_temporary_files(self.path, [*(file.name for file in self.files), self.card.name])
            for folder in (self.samples, self.checkpoints):
                remove_temporary_files(folder, ["iteration-*.png", "iteration-*.safetensors"])


def by_iteration(folder: Path, suffix: str) -> dict[int, Path]:
    """The files of a folder that are named ``iteration-000500`` with that suffix, in order."""
    found = {}
    for path in folder.glob(f"iteration-*{suffix}"):
        digits = path.stem.removeprefix("iteration-")
        if re.fullmatch("[0-9]{6,15}", digits) and digits == f"{int(digits):06d}":
            found[int(digits)] = path
    return dict(sorted(found.items()))


def read_json(path: Path) -> Any:
    """The value in a regular JSON file; ``None`` if it is missing, broken or larger than :data:`LARGEST_JSON`."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:  # some files of the system do not say how large they are
            content = file.read(LARGEST_JSON + 1)
        return json.loads(content.decode("utf-8", "replace")) if len(content) <= LARGEST_JSON else None
    except (OSError, ValueError, RecursionError):
        return None


# The entries of run.json that resuming needs.

Check = Callable[[object], bool]


def is_text(value: object) -> bool:
    return isinstance(value, str)


def is_flag(value: object) -> bool:
    return isinstance(value, bool)


def is_count(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def is_optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


INTERVAL = is_optional(is_count(1, 10**12))
ABSENT_IN_OLDER_RUNS: dict[str, Any] = {
    "channels": None,
    "evaluate_every": None,
    "metrics": [],
    "keep_every": None,
    "init": None,
    "init_sha256": None,
    "freeze": [],
    "log_to": [],
    "id": "",
    "logged": 0,
    "compile": False,
    "graph": False,
    "ranks": 1,
    "absolute_data": None,
    "absolute_data_dir": None,
}
CHECKS: dict[str, Check] = {
    "gan": is_text,
    "settings": lambda value: isinstance(value, dict),
    "data": is_text,
    "data_sha256": is_text,
    "data_dir": is_optional(is_text),
    "absolute_data": is_optional(is_text),
    "absolute_data_dir": is_optional(is_text),
    "image_size": INTERVAL,
    "channels": lambda value: value in (None, *CHANNELS),
    "seed": is_count(0, 2**63 - 1),
    "device": is_text,
    "precision": lambda value: value in ("fp32", "bf16"),
    "threads": is_count(1, 1024),
    "ranks": is_count(1, 10**4),
    "compile": is_flag,
    "graph": is_flag,
    "sample_every": INTERVAL,
    "save_every": INTERVAL,
    "evaluate_every": INTERVAL,
    "metrics": is_texts,
    "keep_every": INTERVAL,
    "init": is_optional(is_text),
    "init_sha256": is_optional(is_text),
    "freeze": is_texts,
    "log_to": is_texts,
    "id": lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{0,32}", value) is not None,
    "logged": is_count(0, 10**12),
    "command": is_text,
}
