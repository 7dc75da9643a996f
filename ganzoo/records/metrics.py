"""The log of a run, ``metrics.jsonl``: one JSON object with an iteration and its metrics in each line."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.util.errors import GanzooError

Entry = dict[str, Any]

LARGEST_LOG = 2**28  # bytes
MOST_ENTRIES = 1_000_000
LONGEST_LINE = 2**16  # bytes
MOST_CURVES = 48
LARGEST_VALUE = 1e12  # in size: a larger one has diverged, and would flatten the rest of its curve


class Log(NamedTuple):
    """What a log holds.

    Attributes:
        entries: in the order of the file.
        unreadable: lines that are no entries and were left out. A last line without its end does not count: it is
            being written, or the process was killed while it was.
    """

    entries: list[Entry]
    unreadable: int


@dataclass(frozen=True)
class Curve:
    """The finite values of one metric.

    Attributes:
        name: as in ``metrics.jsonl``.
        iterations: float64 ``(N,)``, N >= 1, in ascending order.
        values: float64 ``(N,)``.
    """

    name: str
    iterations: NDArray[np.float64]
    values: NDArray[np.float64]


def read_log(path: Path) -> Log:
    """Read a log; a missing file is an empty one.

    Raises:
        GanzooError: it cannot be read, or is larger than :data:`LARGEST_LOG` or :data:`MOST_ENTRIES`.
    """
    entries: list[Entry] = []
    unreadable = 0
    try:
        if not path.exists():
            return Log([], 0)
        if not path.is_file():
            raise GanzooError(f"{path} is not a regular file, so it is not read as the log of a run")
        if path.stat().st_size > LARGEST_LOG:
            raise GanzooError(f"{path} is larger than {LARGEST_LOG:,} bytes, too large for the log of a run")
        with path.open("rb") as file:
            while line := file.readline(LONGEST_LINE + 1):
                while len(line) > LONGEST_LINE and not line.endswith(b"\n") and (rest := file.readline(LONGEST_LINE)):
                    line = bytes(LONGEST_LINE + 1) + rest[-1:]  # too long, and not kept
                    if file.tell() > LARGEST_LOG:  # some files have no size, and no end
                        raise GanzooError(
                            f"{path} is larger than {LARGEST_LOG:,} bytes, too large for the log of a run"
                        )
                if (entry := parse_entry(line)) is not None:
                    entries.append(entry)
                elif line.endswith(b"\n"):
                    unreadable += 1
                if len(entries) + unreadable > MOST_ENTRIES:
                    raise GanzooError(f"{path} has more than {MOST_ENTRIES:,} lines, too many for the log of a run")
    except OSError as error:
        raise GanzooError(f"cannot read {path}: {error.strerror or error}") from None
    return Log(entries, unreadable)


def parse_entry(line: bytes) -> Entry | None:
    """The entry in a line: an iteration, numbers by name, and perhaps findings; ``None`` if it holds anything else."""
    if len(line) > LONGEST_LINE:
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not is_count(entry.get("iteration")):
        return None
    findings = entry.get("findings", [])
    if not isinstance(findings, list) or not all(map(is_finding, findings)):
        return None
    return entry if all(is_number(value) for name, value in entry.items() if name != "findings") else None


def is_count(value: object) -> bool:
    """Whether a value can be an iteration."""
    return type(value) is int and 0 <= value <= 10**12


def is_number(value: object) -> bool:
    """Whether a value is a float, or an int that a float can hold."""
    return type(value) is float or (type(value) is int and abs(value) < 2**63)


def is_finding(value: object) -> bool:
    """Whether a value is a :class:`ganzoo.runs.doctor.Finding` as JSON."""
    return (
        isinstance(value, dict)
        and value.keys() == {"kind", "iteration", "line"}
        and isinstance(value["kind"], str)
        and is_count(value["iteration"])
        and isinstance(value["line"], str)
    )


def curves(entries: Iterable[Entry]) -> list[Curve]:
    """The metrics of a log in the order of their first appearance, at most :data:`MOST_CURVES`."""
    points: dict[str, tuple[array[float], array[float]]] = {}
    for entry in entries:
        for name, value in entry.items():
            if name in ("iteration", "findings") or not -LARGEST_VALUE < value < LARGEST_VALUE:
                continue
            if name in points or len(points) < MOST_CURVES:
                iterations, values = points.setdefault(name, (array("d"), array("d")))
                iterations.append(entry["iteration"])
                values.append(value)
    found = []
    for name, (iterations, values) in points.items():
        order = np.argsort(iterations, kind="stable")
        found.append(Curve(name, np.asarray(iterations)[order], np.asarray(values)[order]))
    return found
