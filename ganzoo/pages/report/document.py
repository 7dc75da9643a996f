"""The page of a run, as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ganzoo.pages.html import page_of, tagged, text_of
from ganzoo.pages.report.animation import Frame, frame_of, frames
from ganzoo.pages.report.charts import charts
from ganzoo.pages.report.folder import ANIMATION, CARD, NEIGHBOURS, Account, Curve, number, words
from ganzoo.registry.recipe import format_value

PACKAGE = "ganzoo.pages.report"
MOST_CLASSES = 16  # whose columns are named
MOST_SETTINGS = 400


def document(run: Account) -> str:
    """The page, as HTML. Nothing in the folder can become code: texts are escaped, and one script alone may run."""
    drawn, points = charts(run.curves, run.played)
    shown = frames(run.pictures)
    values = {
        "summary": summary(run),
        "facts": entries(facts(run)),
        "samples": samples(shown, run),
        "curves": section("curves", "Curves", f'<div class="charts">{drawn}</div>' if drawn else ""),
        "scores": section("scores", "Scores", table(run.scores)),
        "neighbours": section("neighbours", "Nearest training images", neighbours_of(run)),
        "next": section("next", "Next", commands(run)),
        "settings": section("settings", "Settings", settings(run)),
        "origin": section("origin", "Where it comes from", entries(origin(run))),
        "files": section("files", "What lies where", entries(files(run))),
        "version": html.escape(version("ganzoo-kit")),
        "points": tagged({"iterations": [frame.iteration for frame in shown], "charts": points}),
    }
    return page_of(PACKAGE, f"{run.name} on {run.data}", text_of(PACKAGE, "page.js"), values)


def section(name: str, title: str, content: str) -> str:
    """A section of the page; nothing if it would be empty."""
    if not content:
        return ""
    return f'<section aria-labelledby="{name}-title">\n<h2 id="{name}-title">{title}</h2>\n{content}\n</section>'


def entries(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and what they stand for; empty ones are left out."""
    rows = [f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in pairs if value]
    return f'<dl class="entries">{"".join(rows)}</dl>' if rows else ""


def table(rows: Iterable[tuple[str, str]]) -> str:
    lines = [
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>'
        for name, value in rows
        if name
    ]
    return f"<table>{''.join(lines)}</table>" if lines else ""


def summary(run: Account) -> str:
    """One line about the GAN."""
    if run.gan is None:
        return ""
    text = html.escape(run.gan.summary[:1].upper() + run.gan.summary[1:])
    return f"{text}. <span>{html.escape(run.gan.paper)}</span>" if run.gan.paper else text


def facts(run: Account) -> list[tuple[str, str]]:
    """What a reader wants to know first."""
    whole = run.played >= run.iterations
    taken, speed = clock(run.curves)
    weights = run.folder / "weights.safetensors"
    return [
        ("Iterations", f"{run.played:,}" if whole else f"{run.played:,} of {run.iterations:,} (stopped)"),
        ("Time in training", taken),
        ("Speed", speed),
        ("Device", " ".join(words(run.record.get(name, ""), 40) for name in ("device", "precision")).strip()),
        ("Seed", words(run.record.get("seed", ""), 40)),
        ("Weights", size(weights) if weights.is_file() else "none yet"),
    ]


def clock(curves: Iterable[Curve]) -> tuple[str, str]:
    """How long the iterations took, and how many a second held; pictures and checkpoints are not counted."""
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
    minutes, hours = seconds / 60, seconds / 3600
    taken = f"{hours:.1f} hours" if hours >= 2 else f"{minutes:.0f} minutes" if minutes >= 2 else f"{seconds:.0f} s"
    return taken, f"{number(float(f'{before / seconds:.3g}'))} iterations/s"


def size(path: Path) -> str:
    count = path.stat().st_size
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def samples(shown: list[Frame], run: Account) -> str:
    """The pictures, with all that moves through them."""
    if not shown:
        return '<p class="none">There are no pictures of this run in its folder.</p>'
    images = "\n".join(
        f'<img src="{frame.source}" width="{frame.width}" height="{frame.height}" decoding="sync" '
        f'alt="Samples after iteration {frame.iteration:,}"{"" if frame is shown[-1] else " hidden"}>'
        for frame in shown
    )
    alone = " hidden" if len(shown) == 1 else ""
    last = len(shown) - 1
    return (
        f'<figure><div id="frames">\n{images}\n</div>\n'
        f'<div id="player"{alone}><button type="button" id="play">Play</button>'
        f'<input type="range" id="slider" min="0" max="{last}" step="1" value="{last}" aria-label="Iteration">'
        f'<output id="iteration" for="slider">iteration {shown[-1].iteration:,}</output></div>\n'
        f"<figcaption>{html.escape(caption(run))}</figcaption></figure>"
    )


def caption(run: Account) -> str:
    """What is to be seen in the pictures."""
    header = run.header
    if header and header.get("range") is None:
        if header.get("condition_dim"):
            return "Predictions in blue, above the true values in grey. The inputs are not those of the training."
        return "Generated points in blue, above those of the data in grey."
    text = "The same latents in every picture, so single samples can be watched taking shape."
    if "parent" in run.settings:
        return f"{text} In each pair the left image is the parent's, the right one the child's, of one latent."
    data, labels = header.get("data"), header.get("num_classes")
    classes = data.get("classes") if isinstance(data, dict) else None
    if isinstance(labels, int) and 1 < labels <= MOST_CLASSES and isinstance(classes, list) and len(classes) == labels:
        return f"{text} Columns, from the left: {', '.join(words(name, 40) for name in classes)}."
    return text


def neighbours_of(run: Account) -> str:
    frame = frame_of(0, run.folder / NEIGHBOURS) if (run.folder / NEIGHBOURS).is_file() else None
    if frame is None:
        return ""
    return (
        '<figure class="rows"><ul aria-hidden="true"><li>Generated</li><li>Nearest</li><li>Real</li></ul>'
        f'<img src="{frame.source}" width="{frame.width}" height="{frame.height}" alt="Three rows: generated images, '
        'the training image nearest to each, and training images">'
        "<figcaption>Below each generated image stands the training image nearest to it, by the distance of their "
        "pixels. Twins would mean that training images were learned by heart. The last row is taken from the data "
        "as they are.</figcaption></figure>"
    )


def commands(run: Account) -> str:
    """What can be done next, as it is typed."""
    place = run.place
    first = [("Go on", f"ganzoo train --resume {place}")] if run.played < run.iterations else []
    lines = [
        *first,
        ("Draw more samples", f"ganzoo sample {place} -n 64 --out grid.png"),
        ("Take the generator elsewhere", f"ganzoo export {place} --onnx"),
        ("Describe it for others", f"ganzoo card {place}"),
        ("Make this page anew", f"ganzoo report {place}"),
    ]
    return entries(lines).replace('class="entries"', 'class="entries commands"')


def settings(run: Account) -> str:
    """All settings, by the part that they belong to."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for key, value in list(run.settings.items())[:MOST_SETTINGS]:
        part, _, name = words(key, 80).rpartition(".")
        groups.setdefault(part, []).append((name, words(format_value(value))))
    return "".join(
        f'<div class="group"><h3>{html.escape(part.capitalize() or "Parts")}</h3>{entries(pairs)}</div>'
        for part, pairs in groups.items()
    )


def origin(run: Account) -> list[tuple[str, str]]:
    record, data = run.record, run.header.get("data")
    said: Mapping[str, Any] = data if isinstance(data, dict) else {}
    classes = said.get("classes") if isinstance(said.get("classes"), list) else []
    size = record.get("image_size")
    return [
        ("Command", words(record.get("command", ""), 2000)),
        ("Data", f"{run.data}, {words(size, 20)} pixels" if size else run.data),
        ("Licence of the data", words(said.get("licence") or "")),
        ("Classes", words(", ".join(words(name, 60) for name in classes or ()))),
        ("SHA-256 of the data", words(record.get("data_sha256", ""), 80)),
        ("Seed", words(record.get("seed", ""), 40)),
        ("Versions", ", ".join(f"{name} {words(record[name], 40)}" for name in ("ganzoo", "torch") if name in record)),
        ("Threads", words(record.get("threads", ""), 20)),
    ]


def files(run: Account) -> list[tuple[str, str]]:
    """The files of the run, with what they are."""
    known = {
        "weights.safetensors": "the averaged generator, as it is sampled, and the discriminator",
        "checkpoint.safetensors": "all that continues the run",
        "run.json": "all that repeats it",
        "metrics.jsonl": "losses and figures, as they are drawn above",
        "evaluation.json": "scores",
        "samples": f"pictures of the same latents, {len(run.pictures):,} in all",
        ANIMATION: "these pictures in motion",
        NEIGHBOURS: "generated images and the training images nearest to them",
        CARD: "a card for whoever receives the weights",
    }
    return [
        (f"{name}/" if name == "samples" else name, what)
        for name, what in known.items()
        if (run.folder / name).exists()
    ]
