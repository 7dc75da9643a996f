"""The page of a run, as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from ganzoo.pages.html import json_for_script, read_package_text, render_page
from ganzoo.pages.report.animation import NO_PICTURE, Frame, frame_of, frames, left_out
from ganzoo.pages.report.charts import about, charts
from ganzoo.pages.report.meanings import meaning_of
from ganzoo.pages.report.verdict import verdict
from ganzoo.records.metrics import Curve
from ganzoo.records.run_folder import RunFolder
from ganzoo.records.text import format_number, one_line
from ganzoo.registry.values import format_value

PACKAGE = "ganzoo.pages.report"
MOST_CLASSES = 16  # whose columns are named
MOST_SETTINGS = 400
MOST_FINDINGS = 20  # a training has at most one of each kind


def document(run: RunFolder) -> str:
    """The page. Nothing in the folder can become code: texts are escaped, and only the page's own script may run."""
    drawn, points = charts(run.curves, run.iterations, has_parent="parent" in run.settings)
    shown = frames(run.pictures)
    curves = [f'<div class="charts">{drawn}</div>' if drawn else "", note(run.log_problem)]
    values = {
        "summary": summary(run),
        "verdict": html.escape(verdict(run)),
        "facts": definitions(facts(run)),
        "samples": samples(shown, run) + note(left_out(run.pictures, shown)),
        "real": real(run),
        "findings": section(
            "findings", "Findings", "".join(note(one_line(line)) for line in run.findings[:MOST_FINDINGS])
        ),
        "curves": section("curves", "Curves", "\n".join(filter(None, curves))),
        "scores": section("scores", "Scores", table(run.scores)),
        "neighbours": section("neighbours", "Nearest training images", neighbours(run)),
        "next": section("next", "Next steps", next_steps(run)),
        "settings": section("settings", "Settings", settings(run)),
        "origin": section("origin", "How to repeat it", definitions(origin(run), copied=["Command"])),
        "files": section("files", "Files in this run folder", definitions(files(run))),
        "version": html.escape(version("ganzoo-kit")),
        "points": json_for_script({"iterations": [frame.iteration for frame in shown], "charts": points}),
    }
    return render_page(PACKAGE, f"{run.name} on {run.data}", read_package_text(PACKAGE, "page.js"), values)


def section(name: str, title: str, content: str) -> str:
    """A section of the page; nothing if it is empty."""
    if not content:
        return ""
    return f'<section aria-labelledby="{name}-title">\n<h2 id="{name}-title">{title}</h2>\n{content}\n</section>'


def definitions(pairs: Iterable[tuple[str, str]], kind: str = "", *, copied: Iterable[str] = ()) -> str:
    """A list of names and values; empty values are left out.

    Args:
        pairs: names and values.
        kind: a class of the style sheet.
        copied: names whose values get a button that copies them, from the page's script.
    """
    rows = []
    for name, value in pairs:
        text = f'<span class="copied">{html.escape(value)}</span>' if name in copied else html.escape(value)
        rows += [f"<div><dt>{html.escape(name)}</dt><dd>{text}</dd></div>"] if value else []
    return f'<dl class="entries {kind}">{"".join(rows)}</dl>' if rows else ""


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Names and numbers, with what is known about a metric."""
    lines = [
        f'<tr><th scope="row">{html.escape(name)}{about(meaning_of(name.rpartition(" ")[2]))}</th>'
        f"<td>{html.escape(value)}</td></tr>"
        for name, value in rows
        if name
    ]
    return f"<table>{''.join(lines)}</table>" if lines else ""


def note(text: str) -> str:
    return f'<p class="note">{html.escape(text)}</p>' if text else ""


def summary(run: RunFolder) -> str:
    """One line about the GAN."""
    if run.gan is None:
        return ""
    text = html.escape(run.gan.summary[:1].upper() + run.gan.summary[1:])
    return f"{text}. <span>{html.escape(run.gan.paper)}</span>" if run.gan.paper else text


def facts(run: RunFolder) -> list[tuple[str, str]]:
    """What a reader wants to know first."""
    done, planned = run.iterations, run.planned_iterations
    duration, speed = timing(run.curves)
    return [
        ("Iterations", f"{done:,}" if done >= planned else f"{done:,} of {planned:,} (stopped)"),
        ("Training time", duration),
        ("CPU time", duration_of(cpu_seconds(run))),
        ("Speed", speed),
        ("Device", " ".join(one_line(run.record.get(name, ""), 40) for name in ("device", "precision")).strip()),
        ("Seed", one_line(run.record.get("seed", ""), 40)),
        ("Weights", file_size(run.weights) if run.weights.is_file() else "none yet"),
    ]


def timing(curves: Iterable[Curve]) -> tuple[str, str]:
    """How long the iterations took, without sample grids and checkpoints, and how many of them in a second."""
    speed = next(
        (curve for curve in curves if curve.name == "iterations_per_second" and (curve.values > 0).all()), None
    )
    if speed is None:
        return "", ""
    before, seconds = 0.0, 0.0
    for end, rate in zip(speed.iterations.tolist(), speed.values.tolist(), strict=True):
        seconds += max(0.0, end - before) / rate
        before = end
    if not 0 < seconds < 1e9:
        return "", ""
    return duration_of(seconds), f"{format_number(float(f'{before / seconds:.3g}'))} iterations/s"


def cpu_seconds(run: RunFolder) -> float:
    """CPU time of the run, in all its processes; 0 if the log does not say."""
    return max((float(curve.values[-1]) for curve in run.curves if curve.name == "cpu_seconds"), default=0.0)


def duration_of(seconds: float) -> str:
    """In words; empty for none."""
    minutes, hours = seconds / 60, seconds / 3600
    if not 0 < seconds < 1e9:
        return ""
    return f"{hours:.1f} hours" if hours >= 2 else f"{minutes:.0f} minutes" if minutes >= 2 else f"{seconds:.0f} s"


def file_size(path: Path) -> str:
    count = path.stat().st_size
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def samples(shown: list[Frame], run: RunFolder) -> str:
    """The sample grids, with a slider and a button to move through them."""
    if not shown:
        return '<p class="note">There are no sample grids in the folder of this run.</p>'
    images = "\n".join(
        f'<img src="{frame.source}" width="{frame.width}" height="{frame.height}" decoding="sync" '
        f'alt="Samples after iteration {frame.iteration:,}"{"" if frame is shown[-1] else " hidden"}>'
        for frame in shown
    )
    is_single = " hidden" if len(shown) == 1 else ""
    last = len(shown) - 1
    return (
        f'<figure><h2>Samples</h2>{columns(run)}<div id="frames">\n{images}\n</div>\n'
        f'<div id="player"{is_single}><button type="button" id="play">Play</button>'
        f'<input type="range" id="slider" min="0" max="{last}" step="1" value="{last}" aria-label="Iteration">'
        f'<output id="iteration" for="slider">iteration {shown[-1].iteration:,}</output></div>\n'
        f"<figcaption>{html.escape(caption(run))}</figcaption></figure>"
    )


def column_names(run: RunFolder) -> tuple[str, ...]:
    """The classes of the columns of a sample grid; none where columns have no classes."""
    metadata = run.metadata
    if metadata is None or metadata.range is None or metadata.condition or "parent" in run.settings:
        return ()
    names = metadata.data.classes
    return names if 1 < metadata.num_classes <= MOST_CLASSES and len(names) == metadata.num_classes else ()


def columns(run: RunFolder) -> str:
    """The names of the columns of a grid, above it. The caption lists them for screen readers."""
    names = [html.escape(one_line(name, 40)) for name in column_names(run)]
    items = "".join(f'<li title="{name}">{name}</li>' for name in names)
    return f'<ul class="columns" aria-hidden="true">{items}</ul>' if items else ""


def real(run: RunFolder) -> str:
    """Training images next to the samples."""
    opening = f'<figure class="real"><h2>Real data</h2>{columns(run)}'
    words = "Training images, to compare the samples with."
    return still(run.real, opening, "Training images", f"<figcaption>{words}</figcaption></figure>")


def still(path: Path, opening: str, alt: str, closing: str) -> str:
    """A picture between two pieces of HTML; a note if it cannot be shown, and nothing if it is missing."""
    if not path.exists():
        return ""
    frame = frame_of(0, path)
    if frame is None:
        return note(f"{path.name} is left out: it is {NO_PICTURE}.")
    image = f'<img src="{frame.source}" width="{frame.width}" height="{frame.height}" alt="{alt}">'
    return f"{opening}{image}{closing}"


def caption(run: RunFolder) -> str:
    """What the sample grids show."""
    metadata = run.metadata
    if metadata and metadata.range is None:
        if metadata.condition_dim:
            return "Predictions in blue, true values in grey. The inputs were not used in training."
        return "Generated points in blue, data in grey."
    text = "Uncurated samples. All grids are drawn from the same latents, so you can follow each sample."
    if metadata and metadata.condition_image:
        return "In each group: the image that is given, the one that is made, and the right one where it is known."
    if "parent" in run.settings:
        return f"{text} Left of each pair: the parent's sample. Right: the child's, from the same latent."
    if names := column_names(run):
        return f"{text} Classes by column: {', '.join(one_line(name, 40) for name in names)}."
    return text


def neighbours(run: RunFolder) -> str:
    return still(
        run.neighbours,
        '<figure class="rows"><ul aria-hidden="true"><li>Generated</li><li>Nearest</li><li>Real</li></ul>',
        "Three rows: generated images, the training image nearest to each, and training images",
        "<figcaption>Below each generated image is the training image nearest to it (Euclidean distance of pixels). "
        "Pairs that look the same mean that the generator memorised training images. The last row shows other "
        "training images for comparison.</figcaption></figure>",
    )


def commands(run: RunFolder) -> list[tuple[str, str]]:
    """What can be done next."""
    path = run.in_shell
    resume = [("Resume", f"ganzoo train --resume {path}")] if run.iterations < run.planned_iterations else []
    return [
        *resume,
        ("Sample", f"ganzoo sample {path} -n 64 --out grid.png"),
        ("Export to ONNX", f"ganzoo export {path}"),
        ("Write a model card", f"ganzoo card {path}"),
        ("Update this report", f"ganzoo report {path}"),
    ]


def next_steps(run: RunFolder) -> str:
    steps = commands(run)
    return definitions(steps, "commands", copied=[name for name, _ in steps])


def settings(run: RunFolder) -> str:
    """All settings, by the part that they belong to; of a GAN with a parent, by parent and child."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for key, value in list(run.settings.items())[:MOST_SETTINGS]:
        part, _, name = one_line(key, 80).rpartition(".")
        groups.setdefault(part, []).append((name, one_line(format_value(value))))
    has_parent = "parent" in run.settings
    left_out = len(run.settings) - MOST_SETTINGS
    return "".join(
        f'<div class="group"><h3>{html.escape(part_title(part, has_parent))}</h3>{definitions(pairs)}</div>'
        for part, pairs in groups.items()
    ) + note(f"{left_out:,} more settings are in run.json." if left_out > 0 else "")


def part_title(part: str, has_parent: bool) -> str:
    """The heading of the settings of a part: ``Generator``, or ``Child: generator`` and ``Parent: generator``."""
    if not has_parent:
        return part.capitalize() or "Parts"
    owner, _, own = part.partition(".") if part.partition(".")[0] == "parent" else ("child", "", part)
    return f"{owner.capitalize()}: {own or 'parts'}"


def origin(run: RunFolder) -> list[tuple[str, str]]:
    """All that repeats the run, besides its settings."""
    record, data = run.record, run.metadata.data if run.metadata else None
    size, channels = record.get("image_size"), record.get("channels") or ""
    return [
        ("Command", one_line(record.get("command", ""), 2000)),
        ("Data", ", ".join(filter(None, [run.data, size and f"{one_line(size, 20)} pixels", one_line(channels, 20)]))),
        ("Licence of the data", one_line(data.licence if data else "")),
        ("Classes", one_line(", ".join(one_line(name, 60) for name in (data.classes if data else ())))),
        ("SHA-256 of the data", one_line(record.get("data_sha256", ""), 80)),
        *run.beginning,
        ("Seed", one_line(record.get("seed", ""), 40)),
        (
            "Versions",
            ", ".join(f"{name} {one_line(record[name], 40)}" for name in ("ganzoo", "torch") if name in record),
        ),
        ("CPU threads", one_line(record.get("threads", ""), 20)),
    ]


def files(run: RunFolder) -> list[tuple[str, str]]:
    """The files of the run that exist, and what they are."""
    described = {
        run.weights: "the averaged generator and the discriminator",
        run.best_weights: "the same at the best score of the training",
        run.checkpoint: "everything that resuming the run needs",
        run.checkpoints: f"checkpoints of {len(run.kept_checkpoints):,} iterations",
        run.record_file: "settings and options, everything that repeating the run needs",
        run.log_file: "losses and metrics by iteration",
        run.evaluation: "scores",
        run.samples: f"sample grids of {len(run.pictures):,} iterations",
        run.animation: "the sample grids as an animation",
        run.real: "training images, arranged as the samples are",
        run.neighbours: "generated images and the training images nearest to them",
        run.card: "model card",
    }
    return [
        (f"{path.name}/" if path.is_dir() else path.name, what) for path, what in described.items() if path.exists()
    ]
