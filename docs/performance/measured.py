"""Tables and plots of the results of ``python -m tests.benchmarks all``. Run as a script, it draws the plots again.

The results are JSON files in this folder. Where one is missing, the page says how to get it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MISSING = "*Not measured yet; `make bench` does it.*\n"
SPEED = ("training-1", "training-2")  # by the number of threads
COLOURS = {"ganzoo": "#3567a8", "floor": "#b9b9b9", "other": "#c98a3c"}
Lines = list[tuple[str, ...]]


def results(suite: str) -> dict[str, Any]:
    """The results of one suite; empty before its first run."""
    path = HERE / f"{suite}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def speeds(gan: str) -> Lines:
    """A head, and a line for each row of a GAN: images per second by threads, ratios, and peak memory."""
    found = {suite: rows(results(suite), gan) for suite in SPEED if results(suite)}
    if not any(found.values()):
        return []
    peaks = rows(results("memory"), gan)
    threads = [f"{suite[-1]} thread{'s' if suite[-1] > '1' else ''}" for suite in found]
    lines: Lines = [("loop", *(head for t in threads for head in (f"images/s, {t}", "ratio", "spread")), "peak MB")]
    for row in dict.fromkeys(row for table in found.values() for row in table):
        cells = [table.get(row, {}) for table in found.values()]
        values = (str(cell.get(key, "")) for cell in cells for key in ("images/s", "to one script", "spread"))
        lines.append((row, *values, str(peaks.get(row, {}).get("peak MB", ""))))
    return lines


def rows(found: dict[str, Any], gan: str) -> dict[str, dict[str, Any]]:
    return {entry["row"]: entry for entry in found.get("rows", ()) if entry["gan"] == gan}


def part(suite: str, key: str) -> Lines:
    """A head and the lines of one table of a suite; leading cells that repeat the line above are empty."""
    found = results(suite).get(key)
    if not found:
        return []
    lines = [tuple(str(value) for value in entry.values()) for entry in found]
    return [tuple(found[0]), *(shortened(line, above) for above, line in zip([(), *lines], lines, strict=False))]


def shortened(line: tuple[str, ...], above: tuple[str, ...]) -> tuple[str, ...]:
    same = 0
    while same < min(len(line), len(above), 2) and line[same] == above[same] and not line[same][0].isdigit():
        same += 1
    return ("",) * same + line[same:]


def conditions(suite: str) -> str:
    """The machine, the versions and the repetitions of a suite, and which rows were left out."""
    found = results(suite)
    if not found:
        return MISSING
    machine = found["machine"]
    text = (
        f"Measured on {machine['processor']}, {machine['cores']} cores, with torch {machine['torch']} and Python "
        f"{machine['python']}; {found['turns']} repetition{'s' * (found['turns'] > 1)} of {found['seconds']:g} s."
    )
    absent = (f"Left out: {row} ({reason})." for row, reason in found.get("absent", {}).items())
    return "\n".join([text, *absent]) + "\n"


def draw_speed(path: Path) -> None:
    """Images per second relative to the one script, a panel for each GAN."""
    from matplotlib import pyplot

    entries = results(SPEED[0])["rows"]
    gans = dict.fromkeys(entry["gan"] for entry in entries)
    figure, panels = pyplot.subplots(1, len(gans), figsize=(10, 3.4), squeeze=False)
    for axes, gan in zip(panels[0], gans, strict=True):
        shown = [entry for entry in reversed(entries) if entry["gan"] == gan]
        ratios = [entry["to one script"] for entry in shown]
        axes.barh(range(len(shown)), ratios, color=[COLOURS[kind(entry["row"])] for entry in shown])
        axes.set_yticks(range(len(shown)), [entry["row"] for entry in shown], fontsize=7)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_title(gan, fontsize=9)
        axes.set_xlabel("images/s, one script = 1", fontsize=8)
    save(figure, path)


def kind(row: str) -> str:
    return next((word for word in ("ganzoo", "floor") if row.startswith(word)), "other")


def draw_scaling(path: Path) -> None:
    """Images per second, and memory without the data, over each setting that is varied; a panel for each series."""
    from matplotlib import pyplot

    entries = results("scaling")["rows"]
    series = list(dict.fromkeys(entry["series"] for entry in entries))
    figure, panels = pyplot.subplots(1, len(series), figsize=(12, 2.8), squeeze=False, sharey=True)
    for axes, name in zip(panels[0], series, strict=True):
        points = [entry for entry in entries if entry["series"] == name]
        values = [entry["value"] for entry in points]
        axes.loglog(values, [entry["images/s"] for entry in points], "o-", color="#3567a8", label="images/s")
        memory = [entry["peak MB"] - entry["data MB"] for entry in points]
        axes.loglog(values, memory, "s--", color="#c98a3c", label="MB without the data")
        axes.set_title(name, fontsize=8)
        axes.set_xticks(values, [f"{value:,}" for value in values], fontsize=6, rotation=45)
        axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
        axes.grid(alpha=0.3)
    panels[0][0].legend(fontsize=7)
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    figure.tight_layout()
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


PLOTS = {"speed": (draw_speed, SPEED[0]), "scaling": (draw_scaling, "scaling")}


def main() -> None:
    """Draw the plots whose results exist."""
    import matplotlib

    matplotlib.use("svg")
    for name, (draw, suite) in PLOTS.items():
        if results(suite):
            matplotlib.rcParams |= {"svg.hashsalt": name, "font.size": 8}
            draw(HERE / f"{name}.svg")


if __name__ == "__main__":
    main()
