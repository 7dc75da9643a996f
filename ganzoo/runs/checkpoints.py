"""Writing and reading the checkpoints of a run."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ganzoo.generators.weights import read, save_weights, write
from ganzoo.records.run_folder import RunFolder
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import writing

IN_PYTHON = "ganzoo.run("
"""Begins the command of a run that was started in Python."""


def save_checkpoint(folder: RunFolder, training: Training, state: Mapping[str, Tensor], *, keep: bool) -> None:
    """Save weights and checkpoint.

    The checkpoint comes last: if the process is killed in between, the weights hold at least its iterations.

    Args:
        folder: of the run.
        training: between two iterations.
        state: of the training.
        keep: also save a copy that later checkpoints do not replace.
    """
    metadata = training.metadata().to_json()
    save_weights(folder.weights, training.model())
    if keep:
        path = folder.kept_checkpoint(training.iteration)
        with writing(path.parent):
            path.parent.mkdir(exist_ok=True)
        write(path, state, metadata)
    write(folder.checkpoint, state, metadata)


def read_checkpoint(folder: RunFolder) -> dict[str, Tensor]:
    """The state in the last checkpoint of a run.

    Raises:
        GanzooError: there is none, it cannot be read, or it is of another run than the record.
    """
    if not folder.checkpoint.is_file():
        command = folder.read_record()["command"]
        again = command if command.startswith(IN_PYTHON) else f"{command} --force"
        raise GanzooError(f"{folder} holds no checkpoint yet; start again with: {again}")
    state, metadata = read(folder.checkpoint)
    if field := folder.mismatch(metadata):
        raise GanzooError(f"{folder.record_file} and {folder.checkpoint.name} disagree about '{field}'")
    return state


def first_non_finite(state: Mapping[str, Tensor]) -> str | None:
    """The name of a tensor that holds a value that is not finite."""
    for name, tensor in state.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            return name
    return None
