"""A training and its folder."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import torch

from ganzoo.data import Data, NoTestSplit, dataset_name
from ganzoo.generators.hub import is_address
from ganzoo.generators.images import write_png
from ganzoo.generators.weights import Model, with_parent
from ganzoo.pages import card
from ganzoo.pages.preview import preview
from ganzoo.pages.report import write_all
from ganzoo.parts.build import frozen_parent
from ganzoo.parts.networks import Networks
from ganzoo.records.metrics import Entry
from ganzoo.records.options import Options
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.recipe import Recipe, resolve_recorded
from ganzoo.registry.registry import registry
from ganzoo.runs.best_weights import BestWeights
from ganzoo.runs.checkpoints import first_non_finite, read_checkpoint, save_checkpoint
from ganzoo.runs.doctor import UNRECOVERABLE, Finding, findings_in
from ganzoo.runs.folders import require_free
from ganzoo.runs.log import RunLog
from ganzoo.runs.loggers import Loggers, logged_run
from ganzoo.runs.pace import Pace, Remaining
from ganzoo.runs.probe import TrainingProbe
from ganzoo.runs.schedule import LOG_SECONDS, Schedule
from ganzoo.runs.signals import interruptible
from ganzoo.training.device import choose_device, configure_process
from ganzoo.training.distributed.ranks import RankLost, current_ranks
from ganzoo.training.initial import Initial, read_initial
from ganzoo.training.loop import Iteration, Training
from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError, first_line
from ganzoo.util.files import write_text, writing

log = logging.getLogger("ganzoo")


class Interrupted(Exception):  # noqa: N818
    """The user stopped a run; everything is saved in ``folder``."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(folder)
        self.folder = folder


class Collapsed(Exception):  # noqa: N818
    """A run stopped because of a finding, as ``stop_on_collapse`` asked; everything is saved in ``folder``."""

    def __init__(self, folder: RunFolder, finding: Finding) -> None:
        super().__init__(folder, finding)
        self.folder, self.finding = folder, finding


class Reporter(Protocol):
    """Shows the progress of a run. What remains is ``None`` as long as it cannot be estimated."""

    def start(self, training: Training, folder: Path) -> None: ...
    def log(self, training: Training, entry: Mapping[str, Any], remaining: Remaining | None) -> None: ...
    def stop(self) -> None: ...


def new_training(recipe: Recipe, data: Data, options: Options, parent: Networks | None, initial: Initial) -> Training:
    """A training of these options, and the number of CPU threads that it takes.

    Raises:
        GanzooError: the recipe does not fit the data, the parent or the device.
    """
    ranks = current_ranks()
    how = {"compile": options.compile, "graph": options.graph}
    if ranks.size > 1 and (wrong := [name for name, is_set in how.items() if is_set]):
        raise GanzooError(f"--{wrong[0]} works in a single process; leave it out where there are several")
    configure_process(options.threads)
    device = choose_device(ranks.device(options.device), options.precision, images=data.is_images, **how)
    training = Training(recipe, data, device, seed=options.seed, parent=parent, initial=initial)
    configure_process(options.threads, training.nets)
    return training


def held_out(training: Training, options: Options) -> Data:
    """The data that a training is measured and drawn on: with conditions, such as it is not trained on."""
    is_named = dataset_name(options.data).partition(":")[0] in registry().parts["dataset"]
    if not training.task.condition or not is_named:  # arrays have no other split
        return training.data
    try:
        return options.load_data("test")
    except NoTestSplit:
        log.warning("%s has no test split: pictures and measures are of conditions that are trained on", options.data)
        return training.data


ONE_SAMPLE = "; batch normalisation needs batches of at least two samples: --batch-size 2"


def first_iteration(training: Training) -> Iteration | None:
    """The next iteration, if one is left. Parts that do not fit each other fail in the first one.

    Raises:
        GanzooError: they do not fit, or no checkpoint can hold what they remember.
    """
    try:
        first = next(training, None)
        training.state()
        return first
    except FOREIGN_ERRORS as error:
        raise GanzooError(
            f"{training.recipe.gan.name} cannot be trained with these parts and settings: {first_line(error)}"
            f"{ONE_SAMPLE if training.recipe.loop.batch_size == 1 else ''} (GANZOO_DEBUG=1 shows where)"
        ) from error


class Run:
    """A training and its folder. :meth:`start` or :meth:`resume` makes one, and :meth:`train` runs it.

    The folder is not touched before :meth:`train` has locked it.

    Attributes:
        folder: the files of the run.
        training: the training, after its last iteration so far.
        log: metrics and findings so far.
        loggers: what else gets the metrics and pictures, on rank 0.
        pace: how long the run still takes.
        best_weights: the best score so far, with ``evaluate_every`` and on rank 0; else ``None``.
    """

    def __init__(
        self, folder: RunFolder, training: Training, options: Options, open_folder: Callable[[RunFolder, RunLog], None]
    ) -> None:
        self.folder, self.training, self.ranks = folder, training, training.ranks
        self.schedule = Schedule.of(options, training.recipe.loop.iterations)
        self.loggers = Loggers()
        self.ranks.on_rank_zero(lambda: self.loggers.make(options.log_to))
        data = self.ranks.rank_zero_first(lambda: held_out(training, options))
        scored = options.evaluate_every and self.ranks.rank == 0
        self.best_weights = BestWeights(folder, training.data, options.data_dir, options.metrics) if scored else None
        self.pace, probe = Pace(self.schedule), TrainingProbe(training, data)
        self.log = RunLog(folder, training, probe, self.best_weights, self.loggers, self.pace)
        self._preview_data, self._open_folder = data, open_folder

    @classmethod
    def start(
        cls,
        path: Path,
        recipe: Recipe,
        options: Options,
        parent: Model | None = None,
        initial: Initial | None = None,
        *,
        replace: bool = False,
    ) -> Run:
        """A new run.

        Args:
            path: of its folder.
            recipe: all parts and settings.
            options: data, seed, device and intervals.
            parent: the trained parent of a GAN whose parent is trained first.
            initial: the weights and frozen layers that the options name; read now by default.
            replace: replace an old run in the folder, once :meth:`train` begins.

        Raises:
            GanzooError: the recipe does not fit the data, the parent or the device.
        """
        data = current_ranks().rank_zero_first(options.load_data)
        recipe = with_parent(recipe, parent, data.shape)
        initial = initial or read_initial(options.init, options.freeze)
        training = new_training(recipe, data, options, parent.networks if parent else None, initial)
        return cls.begin(path, training, options, initial, replace=replace)

    @classmethod
    def begin(cls, path: Path, training: Training, options: Options, initial: Initial, *, replace: bool = False) -> Run:
        """A new run of a training that was made with these options; see :meth:`start`."""
        recipe, data = training.recipe, training.data
        device, ranks, absolute = training.device, training.ranks, options.with_absolute_paths()
        record = asdict(options) | {
            "id": uuid.uuid4().hex if options.log_to else "",
            "gan": recipe.gan.name,
            "settings": recipe.flat(),
            "data_sha256": data.sha256,
            "init": initial.source if is_address(options.init or "") else options.init,
            "init_sha256": initial.sha256,
            "absolute_data": absolute.data,
            "absolute_data_dir": absolute.data_dir,
            "device": str(device.torch) if ranks.size == 1 else device.torch.type,
            "precision": device.precision,
            "threads": torch.get_num_threads(),
            "ranks": ranks.size,
            "ganzoo": version("ganzoo-kit"),
            "torch": torch.__version__,
        }

        def open_folder(folder: RunFolder, log: RunLog) -> None:
            require_free(folder, replace=replace)
            folder.clear()
            card.remove(folder.card)
            with writing(folder.path):
                folder.samples.mkdir(exist_ok=True)
            write_text(folder.record_file, json.dumps(record, indent=2))

        return cls(RunFolder(path), training, options, open_folder)

    @classmethod
    def resume(
        cls, path: Path, iterations: int | None = None, *, data: str | None = None, data_dir: str | None = None
    ) -> Run:
        """A run that continues from its last checkpoint.

        Args:
            path: of its folder.
            iterations: a new, larger total.
            data: the name of its data set, if that was moved.
            data_dir: folder of downloaded data sets, if that was moved.

        Raises:
            GanzooError: there is no run or no checkpoint, they do not fit each other, or the data have changed.
        """
        folder = RunFolder(path)
        found = folder.version()
        record = folder.read_record()
        state = read_checkpoint(folder)
        overrides = record["settings"] | ({} if iterations is None else {"loop.iterations": iterations})
        recipe = resolve_recorded(registry().gan(record["gan"]), overrides)
        ranks = current_ranks()
        options, loaded = ranks.rank_zero_first(lambda: folder.load_data(data, data_dir))
        same_ranks = record["ranks"] == ranks.size
        configure_process(record["threads"] if same_ranks else None)
        name = record["device"] if ranks.size == 1 else record["device"].partition(":")[0]
        how = {"compile": options.compile, "graph": options.graph} if ranks.size == 1 else {}
        device = choose_device(ranks.device(name), record["precision"], **how)
        initial, parent = Initial(freeze=options.freeze), frozen_parent(recipe, loaded)
        training = Training(recipe, loaded, device, seed=options.seed, parent=parent, initial=initial)
        threads = configure_process(record["threads"] if same_ranks else None, training.nets)
        training.load(state, str(folder.checkpoint))
        if iterations is not None and training.iteration >= iterations:
            raise GanzooError(
                f"the run in {folder} has {training.iteration} iterations already; --iterations has to be larger"
            )
        is_moved = data is not None or data_dir is not None
        is_left = training.iteration < recipe.loop.iterations
        is_changed = is_moved or (is_left and (iterations is not None or not same_ranks))
        record |= {"settings": recipe.flat(), "threads": threads, "ranks": ranks.size}
        if is_moved:
            absolute = options.with_absolute_paths()
            record |= {"data": options.data, "data_dir": options.data_dir}
            record |= {"absolute_data": absolute.data, "absolute_data_dir": absolute.data_dir}

        return cls.proceed(folder, training, options, record, found, is_changed=is_changed)

    @classmethod
    def proceed(
        cls,
        folder: RunFolder,
        training: Training,
        options: Options,
        record: dict[str, Any],
        found: object,
        *,
        is_changed: bool,
    ) -> Run:
        """A run that continues with a training which has loaded its checkpoint.

        Args:
            folder: of the run.
            training: with the state of the checkpoint.
            options: of the run.
            record: the content of ``run.json``.
            found: the version of the folder when it was read.
            is_changed: whether the record has to be written again.
        """

        def open_folder(folder: RunFolder, log: RunLog) -> None:
            if folder.version() != found:
                raise GanzooError(f"{folder} was changed in the meantime, by another process; give the command again")
            if options.log_to:
                # of each training so far, since a later one may have been stopped before an earlier one
                record["logged"] = max([record["logged"], *(entry["iteration"] for entry in folder.log.entries)])
            if is_changed or options.log_to:
                write_text(folder.record_file, json.dumps(record, indent=2))
            folder.remove_checkpoints_after(training.iteration)
            log.truncate()

        return cls(folder, training, options, open_folder)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do: all iterations are done and the report is written. All ranks ask together."""
        is_trained = self.training.iteration == self.schedule.iterations
        return is_trained and self.ranks.on_rank_zero(lambda: self.folder.has_report)

    @property
    def findings(self) -> list[Finding]:
        """What has gone wrong so far, each kind once."""
        return self.log.findings

    def train(self, reporter: Reporter, *, stop_on_collapse: bool = False) -> None:
        """Train until the last iteration, and write the report.

        Args:
            reporter: shows the progress.
            stop_on_collapse: stop at a finding from which a training does not recover.

        Raises:
            Interrupted: the user stopped it; everything is saved.
            Collapsed: a finding stopped it; everything is saved.
            GanzooError: another process is training in the folder; or something is not finite, and the last
                checkpoint stays.
        """
        for _ in self.iterations(reporter, stop_on_collapse=stop_on_collapse):
            pass

    def iterations(
        self, reporter: Reporter, *, stop_on_collapse: bool = False, lends_signals: bool = False
    ) -> Iterator[Iteration]:
        """Train as :meth:`train` does, and yield each iteration after what is due was logged, drawn and saved.

        A caller that leaves its ``for`` early stops the run, as Ctrl-C does: everything is saved and reported.

        Args:
            reporter, stop_on_collapse: see :meth:`train`.
            lends_signals: while the caller has an iteration, signals mean what they meant before.
        """
        schedule, training, ranks = self.schedule, self.training, self.ranks
        pending: list[Iteration] = []
        fatal: list[Finding] = []
        is_left = False
        with ExitStack() as stack:
            ranks.on_rank_zero(lambda: self._lock_and_open(stack))
            self._synchronize_ranks()
            self.log.start_clock()
            if self.best_weights:
                self.best_weights.restore(self.log.entries)
            reporter.start(training, self.folder.path)
            clock, pace = time.perf_counter(), self.pace
            try:
                with interruptible() as stop_requested:
                    if training.iteration == 0:
                        with pace.pause("checkpoints"):
                            self.save()
                        # the first iteration says better what is wrong
                        with suppress(*FOREIGN_ERRORS), pace.pause("pictures"):
                            ranks.on_rank_zero(self.draw_samples)
                    for done in self._iterations():
                        pending.append(done)
                        number = done.number
                        is_due = schedule.logs(number)
                        # asked once: a later signal stops the next iteration, which is then saved
                        stop, seconds = ranks.any_rank_stops(
                            stop_requested.is_set(), time.perf_counter() - clock, now=is_due
                        )
                        if is_due or stop or seconds > LOG_SECONDS:
                            entry = self.log.append(pending, seconds, score=schedule.scores(number))
                            pace.logged(number)
                            reporter.log(training, entry, pace.remaining)
                            pending = []
                            fatal = self._fatal_findings(entry) if stop_on_collapse else []
                        if stop or fatal or schedule.samples(number):
                            with pace.pause("pictures"):
                                ranks.on_rank_zero(self.draw_samples)
                        if stop or fatal or schedule.saves(number):
                            with pace.pause("checkpoints"):
                                self.save()
                        if stop or fatal:
                            break
                        if not pending:
                            clock = time.perf_counter()  # without the time for samples and checkpoints
                        lent = time.perf_counter()
                        try:
                            with stop_requested.left_alone() if lends_signals else nullcontext(), pace.pause("caller"):
                                yield done
                        except GeneratorExit:
                            is_left = True
                            self._save_midway(pending, lent - clock)
                            break
                        clock += time.perf_counter() - lent  # without the caller's own time
            except RankLost as lost:
                raise RankLost(f"{lost}; resume with: ganzoo train --resume {self.folder.in_shell}") from lost
            finally:
                reporter.stop()
            ranks.on_rank_zero(self._report)
        if is_left:
            return
        if fatal:
            raise Collapsed(self.folder, fatal[0])
        if training.iteration < schedule.iterations:
            raise Interrupted(self.folder)

    def _save_midway(self, pending: Sequence[Iteration], seconds: float) -> None:
        """Log, draw and save, whatever is due. The pending iterations took so many seconds of wall time."""
        if pending:
            self.log.append(pending, seconds, score=False)
        self.ranks.on_rank_zero(self.draw_samples)
        self.save()

    def _lock_and_open(self, stack: ExitStack) -> None:
        """Lock the folder, and only then change anything in it."""
        stack.enter_context(self.folder.locked())
        self._open_folder(self.folder, self.log)
        self.log.begin()
        self.folder.remove_temporary_files()
        if self.loggers.active:
            stack.push(self._end_loggers)
            record = self.folder.read_record()
            self.loggers.start(logged_run(self.folder, record, self.training.iteration), record["logged"])

    def _end_loggers(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the loggers as the training has ended: by an error of that kind, or without one."""
        is_finished = self.training.iteration == self.schedule.iterations
        self.loggers.end("failed" if kind else "finished" if is_finished else "stopped")

    def _synchronize_ranks(self) -> None:
        """Make sure that all ranks train the same, from the state of rank 0."""
        here = self.training.metadata().to_json()
        first = self.ranks.on_rank_zero(lambda: here)
        for name, value in here.items():
            if json.dumps(value) != json.dumps(expected := first.get(name)):
                raise GanzooError(
                    f"the processes differ in '{name}': {value!r:.60} here, {expected!r:.60} in rank 0; all "
                    "machines need the same command, versions and data, and a run folder that they share"
                )
        self.ranks.broadcast(self.training.state().values())

    def _iterations(self) -> Iterator[Iteration]:
        """The iterations that are left. Parts that do not fit each other fail in the first one."""
        if (first := first_iteration(self.training)) is None:
            return
        yield first
        while True:
            try:
                done = next(self.training, None)
            except FOREIGN_ERRORS as error:
                raise GanzooError(
                    f"iteration {self.training.iteration + 1} of {self.training.recipe.gan.name} failed: "
                    f"{first_line(error)}; {self.folder} keeps the last checkpoint (GANZOO_DEBUG=1 shows where)"
                ) from error
            if done is None:
                return
            yield done

    def _fatal_findings(self, entry: Entry) -> list[Finding]:
        """New findings from which a training does not recover. The last iteration ends it anyway."""
        if entry["iteration"] == self.schedule.iterations:
            return []
        return [finding for finding in findings_in([entry]) if finding.kind in UNRECOVERABLE]

    def draw_samples(self) -> str:
        """Write the sample grid of this iteration, of the same latents as all others; return its path."""
        self.folder.require_unmoved()
        path = self.folder.picture(self.training.iteration)
        with writing(path.parent):
            path.parent.mkdir(exist_ok=True)
        picture = preview(self.training.model(), data=self._preview_data)
        write_png(path, picture)
        self.loggers.samples(self.training.iteration, picture)
        return str(path)

    def _report(self) -> None:
        self.folder.require_unmoved()
        write_all(self.folder.path, self.training.model(), self.training.data)

    def save(self) -> None:
        """Write weights and checkpoint. All ranks call it; rank 0 writes.

        Raises:
            GanzooError: a weight is not finite, or the folder was moved or replaced; the files stay as they are.
        """
        state, number = self.training.state(), self.training.iteration
        self.ranks.broadcast(state.values())

        def write() -> None:
            self.folder.require_unmoved()
            if name := first_non_finite(state):
                self.log.fail(number, f"'{name}' is no longer finite")
            save_checkpoint(self.folder, self.training, state, keep=self.schedule.keeps(number))

        self.ranks.on_rank_zero(write)
