"""Train the weights that ship with ganzoo: ``python -m ganzoo_weights [NAME ...]``, in a checkout of the repository.

Each entry of ``recipes.toml`` is trained (an existing run is used, or resumed), quantised, exported, evaluated, added
to ``index.json``, and described in a card. Parents come before their children. What the rounding to int8 changes of the
score is printed.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.data import load as load_data
from ganzoo.generators.hub import Kind
from ganzoo.generators.images import Bytes, write_png
from ganzoo.generators.metadata import read_metadata
from ganzoo.generators.onnx_reader import read
from ganzoo.generators.pretrained import FOLDER, Entry, index
from ganzoo.pages.card import card
from ganzoo.pages.preview import preview
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.registry.values import format_value
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import write_text

if TYPE_CHECKING:
    from ganzoo.generators.weights import Model

PICTURES = FOLDER.parent / "docs" / "pictures"
RECIPES = tomllib.loads((FOLDER / "recipes.toml").read_text())
GROUPS = 20


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/weights"), show_default=True)
@click.option("--cards", is_flag=True, help="Only write the cards again.")
def main(names: tuple[str, ...], runs: Path, cards: bool) -> None:
    """Train, quantise, export and evaluate the weights that ship with ganzoo; all of them by default."""
    try:
        for name in names or RECIPES:
            if name not in RECIPES:
                raise GanzooError(f"recipes.toml has no {name}; it has {', '.join(RECIPES)}")
            if cards:
                write_text(FOLDER / f"{name}.md", card_of(index(FOLDER)[name]))
            else:
                make(name, runs)
    except GanzooError as error:
        raise click.ClickException(str(error)) from error


def make(name: str, runs: Path) -> None:
    """Make one entry, from its training to its card."""
    recipe = RECIPES[name]
    train(name, runs)
    run = RunFolder(runs / name)
    record = run.read_record()
    model, paths = quantized(name, runs / name)
    data = recipe.get("evaluate")
    PICTURES.mkdir(exist_ok=True)
    write_png(PICTURES / f"{name}.png", picture(model, data or record["data"]))
    files = {kind: file_entry(path) for kind, path in paths.items()}
    exported = read(paths["onnx"])[1]
    found = evaluated(paths["onnx"], data)
    entry = Entry(
        name=name,
        also=tuple(recipe.get("also", ())),
        gan=record["gan"],
        overrides=overrides(record),
        data=record["data"],
        licence=exported.data.licence,
        files=files,
        opset=exported.opset,
        iterations=record["settings"]["loop.iterations"],
        seed=record["seed"],
        cpu_seconds=run.cpu_seconds,
        command=shlex.join(["ganzoo", *arguments(name, Path("runs"))]),
        **found,
    )
    write_text(FOLDER / f"{name}.md", card_of(entry))
    entries = {**index(FOLDER), name: entry}
    index.cache_clear()
    ordered = [asdict(entries[each]) for each in RECIPES if each in entries]
    write_text(FOLDER / "index.json", json.dumps({"weights": ordered}, indent=1) + "\n")
    score = entry.measured["score"]
    exact = evaluated(run.weights, data)["scores"][score]
    click.echo(f"{name}: {score} {entry.scores[score]:.4g}, and {exact:.4g} before the weights were rounded to int8")


def card_of(entry: Entry) -> str:
    """The card of an entry, for the folder of its files."""
    scores = [(key, f"{value:.4g}") for key, value in entry.scores.items()]
    path, picture = entry.path("safetensors", FOLDER), f"../docs/pictures/{entry.name}.png"
    return card(read_metadata(path), path.name, command=entry.command, scores=scores, picture=picture)


def arguments(name: str, runs: Path) -> list[str]:
    """The arguments of ``ganzoo`` that train an entry."""
    recipe = RECIPES[name]
    parent = ["--parent", str(runs / recipe["parent"])] if "parent" in recipe else []
    return ["train", *shlex.split(recipe["train"]), *parent, "--out", str(runs / name)]


def train(name: str, runs: Path) -> None:
    """Train an entry, and its parent before it, unless they are trained already."""
    if parent := RECIPES[name].get("parent"):
        train(parent, runs)
    folder = runs / name
    if RunFolder(folder).is_finished:
        return
    begun = (folder / "checkpoint.safetensors").exists()
    rest = ["train", "--resume", str(folder)] if begun else arguments(name, runs)
    click.echo(f"{name}: ganzoo {shlex.join(rest)}")
    if subprocess.run([sys.executable, "-m", "ganzoo", *rest]).returncode:
        raise GanzooError(f"{name} was not trained to its end; repeat the command to resume")


def quantized(name: str, folder: Path) -> tuple[Model, dict[Kind, Path]]:
    """The generator of a run as the two files that ship."""
    from ganzoo.export import export
    from ganzoo.generators.weights import load, save_weights

    files: dict[Kind, Path] = {"safetensors": FOLDER / f"{name}.safetensors", "onnx": FOLDER / f"{name}.onnx"}
    start = RECIPES[name].get("start", False)
    save_weights(files["safetensors"], load(folder / "weights.safetensors"), quantized=True, discriminator=start)
    model = load(files["safetensors"])
    numbers = [key for key, setting in model.sampling_settings.items() if isinstance(setting.default, float)]
    export(model, files["onnx"], inputs=numbers)
    return model, files


def picture(model: Model, name: str) -> Bytes:
    """Two rows of uncurated samples; of a regression, its predictions; of images from images, those of the first
    :data:`GROUPS` of the test split between the given and, of pairs, the right ones.
    """
    if model.metadata.condition_image:
        height, width = model.metadata.shape[1:]
        test = load_data(name, split="test", size=height if height == width else None)
        return preview(model, range(GROUPS), data=test, columns=4)
    if model.value_range is None:
        return preview(model, data=load_data(name, split="test"))
    return preview(model, range(20), stage="child", columns=10)


def file_entry(path: Path) -> dict[str, Any]:
    """What the index holds about a file."""
    content = path.read_bytes()
    return {"file": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def overrides(record: dict[str, Any]) -> dict[str, str]:
    """The settings of a run that differ from the defaults of its GAN."""
    defaults = json.loads(json.dumps(resolve(registry().gan(record["gan"])).flat()))
    settings = record["settings"].items()
    return {
        key: format_value(value)
        for key, value in settings
        if defaults.get(key) != value and not key.startswith("parent.")
    }


def evaluated(path: Path, data: str | None) -> dict[str, Any]:
    """Scores of a file on the test split of data, by default those of the training, and how they were measured."""
    from ganzoo.evaluation import evaluate

    found = evaluate(path, data).to_dict()
    return {
        "scores": {key: value for key, value in found["metrics"].items() if value is not None},
        "measured": {key: found[key] for key in ("number", "seeds", "score", "data", "extractor")},
    }


if __name__ == "__main__":
    main(prog_name="python -m ganzoo_weights")
