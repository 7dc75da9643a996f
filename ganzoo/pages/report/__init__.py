"""The report of a run: a page, an animation of its sample grids, training images, and a model card.

``report.html`` is one file. It is written from the files in the run's folder, without torch. The same folder gives the
same bytes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.generators.images import write_png
from ganzoo.pages import card
from ganzoo.pages.report.animation import animate
from ganzoo.pages.report.document import document
from ganzoo.records.run_folder import RunFolder
from ganzoo.records.text import one_line
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.files import atomic_write

if TYPE_CHECKING:
    from ganzoo.data import Data
    from ganzoo.generators.base import TrainedGenerator

__all__ = ["card_of", "write", "write_all", "write_pictures"]

log = logging.getLogger("ganzoo")


def write_all(path: Path, model: TrainedGenerator, data: Data) -> None:
    """Write the whole report at the end of a training.

    Failures are logged as one warning: the run itself is saved.

    Args:
        path: of the run's folder.
        model: the trained generator.
        data: that it was trained on.
    """
    failures = []
    for step in (lambda folder: write_pictures(folder, model, data), *STEPS):
        try:
            step(RunFolder(path))
        except KeyboardInterrupt:
            failures.append("it was stopped")
            break
        except Exception as error:  # of any kind: the hours of training before it are worth more
            failures.append(str(error) if isinstance(error, GanzooError) else first_line(error))
    if failures:
        again = f"ganzoo report {RunFolder(path).in_shell}"
        log.warning("the run is saved, but not all of its report: %s (try again: %s)", failures[0], again)


def write(path: str | Path) -> Path:
    """Write the animation, the card and the page of a run, and return the path of the page.

    A card that was edited by hand stays.

    Raises:
        GanzooError: the folder holds no run, or is not writable; Pillow is not installed.
    """
    RunFolder(path).record  # noqa: B018  # raises if there is none
    for step in STEPS:
        step(RunFolder(path))
    return RunFolder(path).report


def write_pictures(folder: RunFolder, model: TrainedGenerator, data: Data) -> None:
    """Draw real images, and generated ones above the training images nearest to them, if there are images."""
    from ganzoo.pages.report.neighbours import neighbours
    from ganzoo.pages.report.real import real_images

    if data.is_images and not model.metadata.condition:
        write_png(folder.real, real_images(model, data))
        write_png(folder.neighbours, neighbours(model, data))


def write_animation(folder: RunFolder) -> None:
    if not animate(folder.animation, folder.pictures, folder.planned_iterations):
        folder.animation.unlink(missing_ok=True)


def write_card(folder: RunFolder) -> None:
    if folder.metadata and (not folder.card.exists() or card.is_generated(folder.card)):
        card.write(folder.card, card_of(folder), force=False)


def write_page(folder: RunFolder) -> None:
    text = document(folder)
    with atomic_write(folder.report) as temporary:
        temporary.write_bytes(text.encode("utf-8", "replace"))


STEPS: tuple[Callable[[RunFolder], None], ...] = (write_animation, write_card, write_page)
"""What needs nothing but the folder. The page comes last, because it lists the other files."""


def card_of(folder: RunFolder, target: Path | None = None, *, source: str = "", picture: str = "") -> str:
    """The card of a run's generator.

    Args:
        folder: of the run, with weights.
        target: folder of the card; that of the run by default.
        source: what the commands of the card name; the weights file by default.
        picture: path of a picture of samples, relative to the card; the last sample grid by default.

    Raises:
        GanzooError: there are no weights.
    """
    if folder.metadata is None:
        raise GanzooError(f"{folder} holds no weights that can be read; train it first, or name another run")
    if not picture and (last := next(reversed(folder.pictures.values()), None)):
        picture = Path(os.path.relpath(last, target or folder.path)).as_posix()
    command = one_line(folder.record.get("command", ""), card.LONGEST)
    facts = [(name[:1].lower() + name[1:], text) for name, text in folder.beginning]
    return card.card(
        folder.metadata,
        source or folder.weights.name,
        command=command,
        facts=facts,
        scores=folder.scores,
        picture=picture,
    )
