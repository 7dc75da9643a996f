"""A training and its folder."""

from __future__ import annotations

import json
import math
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ganzoo.generators.header import check
from ganzoo.generators.images import write_png
from ganzoo.generators.weights import Model, over, read, save_weights, write
from ganzoo.pages.preview import preview
from ganzoo.pages.report import clear, present
from ganzoo.parts.build import untrained_parent
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.registry.registry import registry
from ganzoo.runs.best_weights import Best
from ganzoo.runs.doctor import HOPELESS, Finding, diagnose, finding, noted
from ganzoo.runs.folders import FILES, forget, keeping, read_metrics, read_record
from ganzoo.runs.options import Options
from ganzoo.runs.probes import Checkup
from ganzoo.runs.signals import interruptible
from ganzoo.training.device import choose_device, configure_process
from ganzoo.training.distributed.ranks import RankLost, current_ranks
from ganzoo.training.loop import Iteration, Training
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.files import locked, write_text, writing

Figure = tuple[int, str, str, float]  # of an iteration: its name, its kind, its value
LOG_EVERY = 50  # iterations
LOG_SECONDS = 5.0  # for networks that take long over so many iterations


class Interrupted(Exception):  # noqa: N818
    """The user stopped a run; everything is saved in ``folder``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder


class Collapsed(Exception):  # noqa: N818
    """A run stopped itself, as it was asked to, because of a finding; everything is saved in ``folder``."""

    def __init__(self, folder: Path, finding: Finding) -> None:
        super().__init__(folder, finding)
        self.folder, self.finding = folder, finding


class Reporter(Protocol):
    """Whoever shows how a run goes on."""

    def start(self, training: Training, folder: Path) -> None: ...
    def log(self, training: Training, entry: Mapping[str, Any]) -> None: ...
    def stop(self) -> None: ...


class Run:
    """A training and its folder."""

    def __init__(self, folder: Path, training: Training, options: Options) -> None:
        self.folder, self.training, self.options = folder, training, options
        self.history: list[dict[str, Any]] = []  # what metrics.jsonl holds
        conditional = training.task.condition_dim > 0  # a regression is judged by inputs that it was not trained on
        self.ranks = training.ranks
        self.shown = self.ranks.rank_zero_first(lambda: options.load_data("test")) if conditional else training.data
        scored = options.evaluate_every and self.ranks.rank == 0
        self.best = Best(folder, training.data, options.data_dir) if scored else None
        self.checkup = Checkup(training, self.shown)

    @classmethod
    def start(cls, folder: Path, recipe: Recipe, options: Options, parent: Model | None = None) -> Run:
        """Begin a run in a folder, in place of an old one; over a trained ``parent`` for a child in sequence."""
        ranks, threads = current_ranks(), configure_process(options.threads)
        how = {"compile": options.compile, "graph": options.graph}
        if ranks.size > 1 and (alone := [name for name, asked in how.items() if asked]):
            raise GanzooError(
                f"--{alone[0]} is for the iterations of one process; leave it out where there are several"
            )
        data = ranks.rank_zero_first(options.load_data)
        device = choose_device(ranks.device(options.device), options.precision, images=data.is_images, **how)
        recipe = over(recipe, parent, data.shape)
        training = Training(recipe, data, device, seed=options.seed, parent=parent.networks if parent else None)
        record = asdict(options) | {
            "gan": recipe.gan.name,
            "settings": recipe.flat(),
            "data_sha256": data.sha256,
            "device": str(device.torch) if ranks.size == 1 else device.torch.type,
            "precision": device.precision,
            "threads": threads,
            "ranks": ranks.size,
            "ganzoo": version("ganzoo-kit"),
            "torch": torch.__version__,
        }
        run = cls(folder, training, options)
        ranks.on_rank_zero(
            lambda: run._open(record)
        )  # now that all is known to be good: the old run cannot be brought back
        return run

    def _open(self, record: Mapping[str, Any]) -> None:
        """Put the record of a new run in the place of an old run."""
        with writing(self.folder):
            for name in FILES:
                (self.folder / name).unlink(missing_ok=True)
            for picture in self.folder.glob("samples/iteration-*.png"):
                picture.unlink()
            forget(self.folder, after=-1)
            clear(self.folder)
            (self.folder / "samples").mkdir(parents=True, exist_ok=True)
        write_text(self.folder / "run.json", json.dumps(record, indent=2))

    @classmethod
    def resume(cls, folder: Path, iterations: int | None = None) -> Run:
        """Continue the run in a folder from its last checkpoint, perhaps to a larger number of iterations."""
        record = read_record(folder)
        checkpoint = folder / "checkpoint.safetensors"
        if not checkpoint.is_file():
            raise GanzooError(f"{folder} holds no checkpoint yet; start again with: {record['command']} --force")
        tensors, header = read(checkpoint)
        check(header, checkpoint)
        theirs = lasting(header)
        for name, ours in lasting(record).items():
            if ours != theirs[name]:
                raise GanzooError(f"{folder / 'run.json'} and the checkpoint beside it disagree about '{name}'")
        overrides = record["settings"] | ({} if iterations is None else {"loop.iterations": iterations})
        recipe = resolve(registry().gan(record["gan"]), overrides)
        options = Options(**{name: record[name] for name in Options.__dataclass_fields__})
        ranks = current_ranks()
        same = record["ranks"] == ranks.size
        threads = configure_process(record["threads"] if same else None)
        name = record["device"] if ranks.size == 1 else record["device"].partition(":")[0]
        how = {"compile": options.compile, "graph": options.graph} if ranks.size == 1 else {}
        device = choose_device(ranks.device(name), record["precision"], **how)
        data = ranks.rank_zero_first(options.load_data)
        if data.sha256 != record["data_sha256"]:
            raise GanzooError(f"data set {options.data} has changed since the run in {folder} began; start a new run")
        parent = untrained_parent(recipe, data)
        if parent and recipe.loop.parent_training == "first":
            parent = parent.without_parent().freeze()
        training = Training(recipe, data, device, seed=options.seed, parent=parent)
        training.load(tensors, str(checkpoint))
        if iterations is not None and training.number >= iterations:
            raise GanzooError(
                f"the run in {folder} has {training.number} iterations already; --iterations has to be larger"
            )
        run = cls(folder, training, options)
        left = training.number < recipe.loop.iterations
        now = {"settings": recipe.flat(), "threads": threads, "ranks": ranks.size}
        ranks.on_rank_zero(lambda: run._reopen(record | now if left and (iterations is not None or not same) else None))
        return run

    def _reopen(self, record: Mapping[str, Any] | None) -> None:
        """Take up the log where the checkpoint is, under another record if there is one."""
        with locked(self.folder):
            if record is not None:
                write_text(self.folder / "run.json", json.dumps(record, indent=2))
            self._cut()

    @property
    def findings(self) -> list[Finding]:
        """What has gone wrong so far, each kind once."""
        return noted(self.history)

    def play(self, reporter: Reporter, *, stop_on_collapse: bool = False) -> None:
        """Play the iterations that are left.

        Raises:
            Interrupted: the user stopped it; everything is saved.
            Collapsed: with ``stop_on_collapse``, nothing more is to be expected; everything is saved.
            GanzooError: something is no longer finite; the last checkpoint stands.
        """
        iterations = self.training.recipe.loop.iterations
        sample_every = self.options.sample_every or max(1, iterations // 10)
        save_every = self.options.save_every or max(1, iterations // 10)
        self._cpu = max((entry.get("cpu_seconds", 0.0) for entry in self.history), default=0.0) - time.process_time()
        reporter.start(self.training, self.folder)
        pending: list[Iteration] = []
        hopeless: list[Finding] = []
        clock = time.perf_counter()
        try:
            with locked(self.folder) if self.ranks.rank == 0 else nullcontext(), interruptible() as stopped:
                self._begin_alike()
                if self.training.number == 0:
                    self._save()
                if self.best:
                    self.best.recall(self.history)
                for played in self._iterations():
                    pending.append(played)
                    last = played.number == iterations
                    sample = last or played.number % sample_every == 0
                    save = last or played.number % save_every == 0 or self._keeps(played.number)
                    due = sample or save or self._scores(played.number) or played.number % LOG_EVERY == 0
                    # asked once: a signal that comes later ends the next iteration, which is then saved
                    stop, seconds = self.ranks.any_rank_stops(stopped.is_set(), time.perf_counter() - clock, now=due)
                    sample, save = sample or stop, save or stop
                    if due or stop or seconds > LOG_SECONDS:
                        entry = self._log(pending, seconds)
                        reporter.log(self.training, entry)
                        pending = []
                        if stop_on_collapse and played.number < iterations:
                            hopeless = [found for found in noted([entry]) if found.kind in HOPELESS]
                    if sample or hopeless:
                        self.ranks.on_rank_zero(lambda: str(self.picture()))
                    if save or hopeless:
                        self._save()
                    if hopeless or stop:
                        break
                    if not pending:
                        clock = time.perf_counter()  # pictures and checkpoints are not what an iteration takes
        except RankLost as lost:
            raise RankLost(f"{lost}; go on with: ganzoo train --resume {shlex.quote(str(self.folder))}") from lost
        finally:
            reporter.stop()
        self.ranks.on_rank_zero(lambda: present(self.folder, self.training.model(), self.training.data))
        if hopeless:
            raise Collapsed(self.folder, hopeless[0])
        if self.training.number < iterations:
            raise Interrupted(self.folder)

    def _begin_alike(self) -> None:
        """Make sure that all processes are about to play the same iterations, from the state of the first."""
        mine = self.training.header()
        first = self.ranks.on_rank_zero(lambda: mine)
        for name, value in mine.items():
            if json.dumps(value) != json.dumps(theirs := first.get(name)):
                raise GanzooError(
                    f"the processes differ in '{name}': {value!r:.60} here, {theirs!r:.60} in the first; all "
                    "machines need the same command, versions and data, and a run folder that they share"
                )
        self.ranks.broadcast(self.training.state().values())

    def _iterations(self) -> Iterator[Iteration]:
        """The iterations that are left. Parts that cannot play together fail in the first one, and that is told plainly."""
        try:
            first = next(self.training, None)
        except (
            RuntimeError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            MemoryError,
            ArithmeticError,
        ) as error:
            raise GanzooError(
                f"{self.training.recipe.gan.name} cannot play an iteration with these parts and settings: {first_line(error)} "
                "(GANZOO_DEBUG=1 shows where)"
            ) from error
        if first is not None:
            yield first
            yield from self.training

    def picture(self) -> Path:
        """Draw the fixed latents' samples, and return the file."""
        path = self.folder / "samples" / f"iteration-{self.training.number:06d}.png"
        with writing(path.parent):
            path.parent.mkdir(exist_ok=True)
        write_png(path, preview(self.training.model(), data=self.shown))
        return path

    def _save(self) -> None:
        """The checkpoint comes last: whatever happens between the two, its iterations are in the weights too."""
        state = self.training.state()
        self.ranks.broadcast(state.values())
        self.ranks.on_rank_zero(lambda: self._write_state(state))

    def _write_state(self, state: Mapping[str, Tensor]) -> None:
        for name, tensor in state.items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                self._diverged(self.training.number, f"'{name}' is no longer finite")
        save_weights(self.folder / "weights.safetensors", self.training.model())
        if self._keeps(self.training.number):
            path = keeping(self.folder, self.training.number)
            with writing(path.parent):
                path.parent.mkdir(exist_ok=True)
            write(path, state, self.training.header())
        write(self.folder / "checkpoint.safetensors", state, self.training.header())

    def _keeps(self, number: int) -> bool:
        """Whether the checkpoint of that iteration stays beside later ones."""
        return self.options.keep_every is not None and number % self.options.keep_every == 0

    def _scores(self, number: int) -> bool:
        """Whether the generator is scored after that iteration; after the last it is, if it is at all."""
        every = self.options.evaluate_every
        return every is not None and (number % every == 0 or number == self.training.recipe.loop.iterations)

    def _log(self, iterations: Sequence[Iteration], seconds: float) -> dict[str, Any]:
        """Fetch the figures of these iterations in one go, log their means, and look for what goes wrong."""
        last = iterations[-1].number
        named = [
            (played.number, name, value, kind)
            for played in iterations
            for kind, values in (("loss", played.losses), ("", played.figures))
            for name, value in values.items()
        ] + [(last, name, value, "gradient") for name, value in self.checkup.gradients().items()]
        numbers = torch.stack([value.detach().float().reshape(()) for _, _, value, _ in named]).tolist()
        *numbers, cpu = self.ranks.mean_over_ranks([*numbers, self._cpu + time.process_time()])
        timing = {
            "iterations_per_second": float(f"{len(iterations) / seconds:.4g}"),
            "cpu_seconds": round(cpu * self.ranks.size, 1),
        }
        figures = [(number, name, kind, value) for (number, name, _, kind), value in zip(named, numbers, strict=True)]
        return self.ranks.on_rank_zero(lambda: self._judge(last, timing, figures))

    def _judge(self, last: int, timing: Mapping[str, float], figures: Sequence[Figure]) -> dict[str, Any]:
        """The entry of what was fetched. Once that is known to be finite, the generator is scored, if it is time."""
        sums: dict[str, list[float]] = {}
        for number, name, kind, value in figures:
            if kind and not math.isfinite(value):
                self._diverged(number, f"the {kind} of the {name} became {value}")
            sums.setdefault(f"{kind}.{name}" if kind else name, []).append(value)
        entry: dict[str, Any] = {
            "iteration": last,
            **timing,
            **{name: sum(values) / len(values) for name, values in sums.items()},
            **(self.best.consider(self.training.model()) if self.best and self._scores(last) else {}),
        }
        if self.checkup.due(self.history):
            measures = self.checkup.samples()
            if not all(map(math.isfinite, measures.values())):
                self._diverged(last, "the samples are no longer finite")
            entry |= measures
        known = {found.kind for found in self.findings}
        found = [found for found in diagnose([*self.history, entry], self.training.recipe) if found.kind not in known]
        return self._write(entry, found)

    def _write(self, entry: dict[str, Any], found: Sequence[Finding]) -> dict[str, Any]:
        """A line of metrics, with what was found in it."""
        if found:
            entry["findings"] = [asdict(one) for one in found]
        with writing(self.folder), (self.folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        self.history.append(entry)
        return entry

    def _diverged(self, number: int, what: str) -> None:
        """Nothing of this iteration is saved: what stands in the folder is good."""
        checkpoint = self.folder / "checkpoint.safetensors"
        saved = f"of iteration {read(checkpoint)[1]['iterations']}" if checkpoint.exists() else "if there is one"
        also = " (or --precision fp32)" if self.training.device.precision == "bf16" else ""
        found = finding("non-finite", number, what, self.training.recipe)
        self._write({"iteration": number}, [found])
        raise GanzooError(f"{found}{also}; {self.folder} keeps the last good checkpoint, {saved}")

    def _cut(self) -> None:
        """Drop what was logged and kept after the checkpoint: those iterations are played again."""
        with writing(self.folder):
            forget(self.folder, after=self.training.number)
        self.history = [entry for entry in read_metrics(self.folder) if entry["iteration"] <= self.training.number]
        write_text(self.folder / "metrics.jsonl", "".join(json.dumps(entry) + "\n" for entry in self.history))


def lasting(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What stays as it is while a run goes on, of a record or of a checkpoint's header."""
    settings = {key: value for key, value in entry["settings"].items() if key != "loop.iterations"}
    return {"gan": entry["gan"], "seed": entry.get("seed"), "settings": settings}
