"""Runs of trainings that were made in Python: the caller's ``for`` decides, and the folder is that of the command."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from ganzoo.data import channels_of, dataset_name
from ganzoo.generators.metadata import Metadata
from ganzoo.records.options import Options
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.registry import registry
from ganzoo.runs.checkpoints import IN_PYTHON, read_checkpoint
from ganzoo.runs.pace import Remaining
from ganzoo.runs.progress import reporter
from ganzoo.runs.run import Collapsed, Interrupted, Reporter, Run
from ganzoo.training.loop import Iteration, Training
from ganzoo.util.errors import GanzooError

INTERVALS = ("sample_every", "save_every", "evaluate_every", "keep_every")


class Silent:
    """Shows nothing."""

    def start(self, training: Training, folder: Path) -> None: ...
    def log(self, training: Training, entry: Mapping[str, Any], remaining: Remaining | None) -> None: ...
    def stop(self) -> None: ...


def run(
    training: Training,
    folder: str | PathLike[str],
    *,
    resume: bool = False,
    replace: bool = False,
    progress: bool = False,
    sample_every: int | None = None,
    save_every: int | None = None,
    evaluate_every: int | None = None,
    keep_every: int | None = None,
    stop_on_collapse: bool = False,
) -> Iterator[Iteration]:
    """Train in a run folder, as ``ganzoo train`` does, and yield each iteration.

    The folder gets weights, checkpoints, metrics, sample grids and a report. Each iteration is yielded after what is
    due was written. Ctrl-C completes the iteration and saves. So does a ``break``, which ends without an error.

    Args:
        training: what :func:`ganzoo.train` returns.
        folder: of the run.
        resume: continue from the folder's last checkpoint. The training has to be made as that of the folder was, with
            the same settings, data and seed; only its ``iterations`` may be more.
        replace: replace an old run in the folder.
        progress: print the progress.
        sample_every, save_every: iterations between sample grids, and between checkpoints; a tenth of the run by
            default.
        evaluate_every: iterations between scores, of which the best weights are kept; never by default.
        keep_every: iterations between checkpoints that later ones do not replace; never by default.
        stop_on_collapse: save and stop at a finding from which a training does not recover.

    Raises:
        GanzooError: the folder is in use, holds another run or no checkpoint, or cannot be written; a loss is no longer
            finite; or the training has collapsed.
        KeyboardInterrupt: Ctrl-C, after everything was saved.
    """
    if not isinstance(training, Training):
        raise GanzooError(f"training is a {type(training).__name__}; give what ganzoo.train returns")
    if resume and replace:
        raise GanzooError("resume=True and replace=True exclude each other; leave one out")
    given = dict(zip(INTERVALS, (sample_every, save_every, evaluate_every, keep_every), strict=True))
    for name, value in given.items():
        if value is not None and (type(value) is not int or not 1 <= value <= 10**12):
            raise GanzooError(f"{name}={value!r:.60} is not a whole number of at least 1")
    path = Path(folder)
    begun = resumed(training, path, given) if resume else started(training, path, given, replace=replace)
    shown: Reporter = reporter() if progress else Silent()
    return iterations(begun, shown, stop_on_collapse=stop_on_collapse)


def iterations(begun: Run, shown: Reporter, *, stop_on_collapse: bool) -> Iterator[Iteration]:
    """The iterations of a run; how it ends in words of Python."""
    training, folder = begun.training, begun.folder
    saved = f"everything is saved in {folder}; continue with resume=True"
    try:
        yield from begun.iterations(shown, stop_on_collapse=stop_on_collapse, lends_signals=True)
    except Interrupted:
        raise KeyboardInterrupt(f"stopped after iteration {training.iteration}; {saved}") from None
    except Collapsed as collapsed:
        raise GanzooError(f"{collapsed.finding}; {saved}") from None


def started(training: Training, path: Path, intervals: Mapping[str, Any], *, replace: bool) -> Run:
    """A new run of a training."""
    if not replace and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise GanzooError(f"{path} exists; continue it with resume=True, replace it with replace=True, or name another")
    data, device, initial = training.data, training.device, training.initial
    named = dataset_name(data.name).partition(":")[0] in registry().parts["dataset"]
    square = named and data.is_images and data.shape[1] == data.shape[2]
    options = Options(
        data=data.name,
        image_size=data.shape[1] if square else None,
        channels=channels_of(data.shape) if square else None,
        seed=training.seed,
        device=str(device.torch),
        precision=device.precision,
        threads=torch.get_num_threads(),
        compile=device.compile,
        graph=device.graph,
        init=initial.source if training.beginning.layers else None,
        freeze=tuple(initial.freeze),
        command=f"{IN_PYTHON}training, {str(path)!r}, replace=True)",
    )
    return Run.begin(path, training, dataclasses.replace(options, **intervals), initial, replace=replace)


def resumed(training: Training, path: Path, intervals: Mapping[str, Any]) -> Run:
    """The run in a folder with a training that was made again."""
    if given := [name for name, value in intervals.items() if value is not None]:
        raise GanzooError(f"{given[0]} cannot change a run; with resume=True leave it out")
    folder = RunFolder(path)
    found = folder.version()
    record = folder.read_record()
    options = Options.of(record)
    require_same(training, folder, record)
    state = read_checkpoint(folder)
    done = int(state["position"][0]) if "position" in state else 0
    if training.iteration not in (0, done):
        raise GanzooError(
            f"the training has done {training.iteration:,} iterations, and the checkpoint in {folder} {done:,}; give a "
            "new one: ganzoo.train(...)"
        )
    training.load(state, str(folder.checkpoint))
    planned = training.recipe.loop.iterations
    if training.iteration >= planned:
        raise GanzooError(
            f"the run in {folder} has done its {training.iteration:,} iterations; train longer with more iterations: "
            "ganzoo.train(..., iterations=N)"
        )
    settings = training.recipe.flat()
    is_changed = planned != record["settings"].get("loop.iterations")
    return Run.proceed(folder, training, options, record | {"settings": settings}, found, is_changed=is_changed)


def require_same(training: Training, folder: RunFolder, record: Mapping[str, Any]) -> None:
    """Refuse a training that is another one than that of a folder; GanzooError."""
    metadata = Metadata.from_json(json.loads(json.dumps(training.metadata().to_json())), "this training")
    here = {
        "data": training.data.sha256,
        "freeze": list(training.initial.freeze),
        "precision": training.device.precision,
    }
    there = {"data": record["data_sha256"], "freeze": record["freeze"], "precision": record["precision"]}
    other = folder.mismatch(metadata) or next((name for name in here if here[name] != there[name]), "")
    if other:
        raise GanzooError(
            f"the run in {folder} was made with other {other}, so this training cannot continue it; make it in the "
            "same way, or name another folder"
        )
