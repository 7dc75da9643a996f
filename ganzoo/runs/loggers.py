"""The loggers of a run. One that fails is left out, and the training continues without it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.loggers import LoggedRun, Logger, Outcome
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError, first_line

log = logging.getLogger("ganzoo")


class Loggers:
    """Hands on what a run logs, on rank 0; on the other ranks there are none.

    Attributes:
        active: the loggers that have not failed, by name.
    """

    def __init__(self) -> None:
        self.active: dict[str, Logger] = {}
        self._logged = 0

    def make(self, names: Iterable[str]) -> None:
        """Make the loggers of these names.

        Raises:
            GanzooError: there is no such logger, or it cannot be made, as where its package is not installed.
        """
        self.active = {name: made(name) for name in names}

    def start(self, run: LoggedRun, logged: int) -> None:
        """Begin a run.

        Args:
            run: its facts.
            logged: the last iteration that loggers may have had, 0 for none; see :class:`ganzoo.loggers.Logger`.
        """
        self._logged = logged or -1  # a new run has a picture of iteration 0
        self._call("start", run)

    def log(self, iteration: int, metrics: Mapping[str, float], scores: Mapping[str, float]) -> None:
        """Hand on the metrics of an iteration, and its scores if there are any."""
        self._call_at(iteration, "metrics", metrics)
        if scores:
            self._call_at(iteration, "scores", scores)

    def samples(self, iteration: int, picture: NDArray[np.uint8]) -> None:
        """Hand on a picture of samples."""
        self._call_at(iteration, "samples", picture)

    def end(self, outcome: Outcome) -> None:
        """End all that are left."""
        self._call("end", outcome)

    def _call_at(self, iteration: int, method: str, values: Any) -> None:
        for name, logger in list(self.active.items()):
            if logger.rewinds or iteration > self._logged:
                self._try(name, method, iteration, values)

    def _call(self, method: str, argument: Any) -> None:
        for name in list(self.active):
            self._try(name, method, argument)

    def _try(self, name: str, method: str, *arguments: Any) -> None:
        """Call a method of a logger; one that fails is left out from here on, which a warning says."""
        try:
            getattr(self.active[name], method)(*arguments)
        except (Exception, SystemExit) as error:  # whatever a third party raises, the training is worth more
            del self.active[name]
            log.warning(
                "logger '%s' failed in %s() and gets nothing more; the training continues: %s",
                name, method, first_line(error),
            )  # fmt: skip


def made(name: str) -> Logger:
    """A logger of that name.

    Raises:
        GanzooError: there is none, or it cannot be made.
    """
    make = registry().part("logger", name)
    try:
        logger = make()
    except GanzooError as error:
        raise GanzooError(f"--log-to {name}: {error}") from None
    except (Exception, SystemExit) as error:
        raise GanzooError(f"logger '{name}' cannot be made: {first_line(error)}; leave out --log-to {name}") from error
    if not isinstance(logger, Logger):
        raise GanzooError(f"logger '{name}' is a {type(logger).__name__}, not a ganzoo.loggers.Logger")
    return logger


def logged_run(folder: RunFolder, record: Mapping[str, Any], iteration: int) -> LoggedRun:
    """What loggers know of a run.

    Args:
        folder: of the run.
        record: what ``run.json`` holds.
        iteration: where the training begins.
    """
    path = folder.path.resolve()
    used = ("id", "gan", "settings", "logged")
    return LoggedRun(
        id=record["id"],
        name=path.name,
        folder=path,
        gan=record["gan"],
        iteration=iteration,
        iterations=record["settings"]["loop.iterations"],
        settings=record["settings"],
        facts={name: value for name, value in record.items() if name not in used},
    )
