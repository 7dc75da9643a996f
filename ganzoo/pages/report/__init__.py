"""What a run leaves for people to look at: a page, an animation, its nearest training images, and a card.

``report.html`` is one file that tells the whole run. It is written from what lies in the run's folder, without torch;
the same folder gives the same bytes.
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.generators.images import write_png
from ganzoo.pages import card
from ganzoo.pages.report.animation import animate
from ganzoo.pages.report.document import document
from ganzoo.pages.report.folder import ANIMATION, CARD, FILES, NEIGHBOURS, PAGE, Account, account, words
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.files import atomic_write

if TYPE_CHECKING:
    from ganzoo.data import Data
    from ganzoo.generators.base import TrainedGenerator

__all__ = ["FILES", "NEIGHBOURS", "account", "card_of", "clear", "look", "present", "write"]

log = logging.getLogger("ganzoo")


def present(folder: Path, model: TrainedGenerator, data: Data) -> None:
    """Write :data:`FILES` and the card at the end of a run. What fails is told in one line: the run itself is saved."""

    failures = []
    for step in (lambda: look(folder, model, data), *steps(folder)):
        try:
            step()
        except KeyboardInterrupt:
            failures.append("it was stopped")
            break
        except Exception as error:  # whatever it is, the hours of training before it are worth more
            failures.append(str(error) if isinstance(error, GanzooError) else first_line(error))
    if failures:
        place = shlex.quote(str(folder))
        log.warning("the run is saved, but not all of its report: %s (again: ganzoo report %s)", failures[0], place)


def look(folder: Path, model: TrainedGenerator, data: Data) -> None:
    """Draw generated images beside the training images nearest to them, if there are images."""
    from ganzoo.pages.report.neighbours import neighbours

    if data.is_images:
        write_png(folder / NEIGHBOURS, neighbours(model, data))


def write(folder: str | Path) -> Path:
    """Write the page, the animation and the card of a run anew, and return the page's path.

    A card that somebody has taken into his own hands stays.

    Raises:
        GanzooError: the folder holds no run, or cannot be written in; Pillow is not installed.
    """
    account(folder)
    for step in steps(Path(folder)):
        step()
    return Path(folder) / PAGE


def steps(folder: Path) -> Iterable[Callable[[], object]]:
    """How the files are made that need nothing but the folder; the page comes last, since it names the others."""

    def animation() -> None:
        run = account(folder)
        if not animate(folder / ANIMATION, run.pictures, run.iterations):
            (folder / ANIMATION).unlink(missing_ok=True)

    def described() -> None:
        run = account(folder)
        if run.header and (not (folder / CARD).exists() or card.ours(folder / CARD)):
            card.write(folder / CARD, card_of(run), force=False)

    def told_whole() -> None:
        text = document(account(folder))
        with atomic_write(folder / PAGE) as temporary:
            temporary.write_bytes(text.encode("utf-8", "replace"))

    return animation, described, told_whole


def clear(folder: Path) -> None:
    """Remove what :func:`present` has written for an old run."""
    for name in (*FILES, *([CARD] if card.ours(folder / CARD) else [])):
        (folder / name).unlink(missing_ok=True)


def card_of(run: Account, folder: Path | None = None) -> str:
    """The card of a run's generator, with its last picture, as it is to lie in a folder, by default the run's."""
    last = next(reversed(run.pictures.values()), None)
    picture = "" if last is None else Path(os.path.relpath(last, folder or run.folder)).as_posix()
    command = words(run.record.get("command", ""), 2000)
    return card.card(run.header, "weights.safetensors", command=command, scores=run.scores, picture=picture)
