"""What a run's folder tells. Nothing in it is trusted: what is missing, broken or too large is left out."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.generators.header import check, of_file
from ganzoo.registry.gan import GAN
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError

PAGE, ANIMATION, NEIGHBOURS = FILES = ("report.html", "progress.webp", "neighbours.png")
"""What is written for people into a run's folder, besides the card."""
CARD = "README.md"

LARGEST_JSON = 2**22  # bytes of run.json or evaluation.json
MOST_LINES = 1_000_000  # of metrics
LONGEST_LINE = 2**16
MOST_CURVES = 48
MOST_SCORES = 200
LARGEST_FIGURE = 1e12  # in size; what is beyond has diverged, and would flatten the rest


@dataclass(frozen=True)
class Curve:
    """One figure of a run: what was logged, where it was finite.

    Attributes:
        name: as it stands in ``metrics.jsonl``.
        iterations: float64 ``(N,)``, N >= 1, in ascending order.
        values: float64 ``(N,)``.
    """

    name: str
    iterations: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Account:
    """A run as its folder tells it.

    Attributes:
        folder: of the run.
        record: ``run.json``.
    """

    folder: Path
    record: Mapping[str, Any]

    @cached_property
    def header(self) -> Mapping[str, Any]:
        """What the weights say of themselves; empty where there are none."""
        path = self.folder / "weights.safetensors"
        try:
            check(header := of_file(path), path)
        except GanzooError:
            return {}
        return header

    @cached_property
    def gan(self) -> GAN | None:
        """The GAN's record, if it is registered here."""
        return registry().gans.get(self.name)

    @cached_property
    def curves(self) -> list[Curve]:
        return curves(self.folder / "metrics.jsonl")

    @cached_property
    def scores(self) -> list[tuple[str, str]]:
        """What ``evaluation.json`` holds, by name; empty where there is none."""
        return scores(self.folder)

    @cached_property
    def pictures(self) -> dict[int, Path]:
        """The pictures of the fixed latents by iteration, in order."""
        found = {
            int(path.stem.removeprefix("iteration-")): path
            for path in self.folder.glob("samples/iteration-*.png")
            if numbered(path)
        }
        return dict(sorted(found.items()))

    @property
    def name(self) -> str:
        return words(self.record.get("gan", "GAN"))

    @property
    def data(self) -> str:
        return words(self.record.get("data", "unknown data"))

    @property
    def settings(self) -> Mapping[str, Any]:
        settings = self.record.get("settings")
        return settings if isinstance(settings, dict) else {}

    @property
    def played(self) -> int:
        """Iterations that were played."""
        ends = [int(curve.iterations[-1]) for curve in self.curves]
        saved = self.header.get("iterations")
        return saved if isinstance(saved, int) else max([*ends, *self.pictures, 0])

    @property
    def iterations(self) -> int:
        """Iterations that were asked for."""
        iterations = self.settings.get("loop.iterations")
        return iterations if isinstance(iterations, int) and 0 < iterations < 1e15 else self.played

    @property
    def place(self) -> str:
        """The folder as a word of a command that is typed here."""
        folder = Path(os.path.normpath(self.folder))
        here = Path.cwd()
        return shlex.quote(str(folder.relative_to(here) if folder.is_absolute() and here in folder.parents else folder))


def account(folder: str | Path) -> Account:
    """The run in a folder; :class:`GanzooError` if it holds none."""
    path = Path(folder) / "run.json"
    if not path.is_file():
        raise GanzooError(f"{folder} is no run's folder: it holds no run.json; name one, such as runs/NAME")
    record = read_json(path)
    if not isinstance(record, dict):
        raise GanzooError(f"{path} cannot be read as the record of a run")
    return Account(Path(folder), record)


def read_json(path: Path) -> Any:
    """What a file of JSON holds; ``None`` if it is missing, broken or larger than :data:`LARGEST_JSON`."""
    try:
        return json.loads(path.read_text("utf-8", "replace")) if path.stat().st_size <= LARGEST_JSON else None
    except (OSError, ValueError, RecursionError):
        return None


def numbered(path: Path) -> bool:
    return re.fullmatch(r"iteration-\d{1,15}", path.stem, re.ASCII) is not None


def words(value: Any, most: int = 300) -> str:
    """A value as one line of bounded length."""
    text = value if isinstance(value, str) else json.dumps(value)
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def curves(path: Path) -> list[Curve]:
    """The figures of a file of metrics, in the order in which they first appear.

    Lines that cannot be read are passed over. At most :data:`MOST_LINES` lines and :data:`MOST_CURVES` figures count.
    """
    points: dict[str, tuple[array[float], array[float]]] = {}
    for entry in entries(path):
        number: Any = entry.get("iteration")
        if not finite(number):
            continue
        for name, value in entry.items():
            if name == "iteration" or not finite(value) or (name not in points and len(points) == MOST_CURVES):
                continue
            iterations, values = points.setdefault(name, (array("d"), array("d")))
            iterations.append(number)
            values.append(value)
    found = []
    for name, (iterations, values) in points.items():
        order = np.argsort(iterations, kind="stable")
        found.append(Curve(name, np.asarray(iterations)[order], np.asarray(values)[order]))
    return found


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file of metrics that are JSON objects."""
    try:
        with path.open("rb") as file:
            for _ in range(MOST_LINES):
                if not (line := file.readline(LONGEST_LINE)):
                    return
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(entry, dict):
                    yield entry
    except OSError:
        return


def finite(value: Any) -> bool:
    """Whether a value is a number that can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST_FIGURE < value < LARGEST_FIGURE


def scores(folder: Path) -> list[tuple[str, str]]:
    """The numbers and texts in a run's ``evaluation.json``, by their path: ``("child fd", "3.2")``."""
    found: list[tuple[str, str]] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), read_json(folder / "evaluation.json"))]
    while waiting and len(found) < MOST_SCORES:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*place, words(key)), inner) for key, inner in reversed(value.items())]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append((" ".join(place), number(value)))
        elif isinstance(value, str):
            found.append((" ".join(place), words(value)))
        elif isinstance(value, list) and 0 < len(value) <= 16 and all(finite(inner) for inner in value):
            found.append((" ".join(place), ", ".join(map(number, value))))
    return found


def number(value: float) -> str:
    """A number as people read it: ``12,345``, ``0.1235``, ``1.2e-08``."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e6):
        return f"{int(value):,}" if abs(value) < 1e15 else f"{float(str(value)[:300]):.4g}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"
