"""Make the trained weights anew: ``python -m ganzoo_weights [NAME ...]``, in a checkout of the repository.

Each is trained as ``recipes.toml`` says (a run that is there already is taken, or continued), packed, exported,
evaluated, entered in ``index.json``, and described in a card. Parents come before their children.
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
from ganzoo.generators.images import Bytes, write_png
from ganzoo.generators.pretrained import FOLDER, Entry, Kind, index
from ganzoo.pages.card import card
from ganzoo.pages.preview import preview
from ganzoo.registry.recipe import format_value, resolve
from ganzoo.registry.registry import registry
from ganzoo.runs.folders import cpu_seconds, finished, read_record
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import write_text

if TYPE_CHECKING:
    from ganzoo.generators.weights import Model

PICTURES = FOLDER.parent / "docs" / "pictures"
RECIPES = tomllib.loads((FOLDER / "recipes.toml").read_text())


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/weights"), show_default=True)
def main(names: tuple[str, ...], runs: Path) -> None:
    """Train, pack, export and evaluate the weights that come with ganzoo; all of them by default."""
    try:
        for name in names or RECIPES:
            if name not in RECIPES:
                raise GanzooError(f"recipes.toml has no {name}; it has {', '.join(RECIPES)}")
            make(name, runs)
    except GanzooError as error:
        raise click.ClickException(str(error)) from error


def make(name: str, runs: Path) -> None:
    """One entry, from its training to its line in the index."""
    recipe = RECIPES[name]
    trained(name, runs)
    record = read_record(runs / name)
    model, paths = packed(name, runs / name)
    PICTURES.mkdir(exist_ok=True)
    write_png(PICTURES / f"{name}.png", picture(model, record["data"]))
    files = {kind: described(path) for kind, path in paths.items()}
    entry = Entry(
        name=name,
        also=tuple(recipe.get("also", ())),
        gan=record["gan"],
        overrides=overrides(record),
        data=record["data"],
        files=files,
        iterations=record["settings"]["loop.iterations"],
        seed=record["seed"],
        cpu_seconds=cpu_seconds(runs / name),
        command=shlex.join(["ganzoo", *arguments(name, Path("runs"))]),
        **measured(paths["onnx"]),
    )
    seen = f"../docs/pictures/{name}.png"
    scores = [(key, f"{value:.4g}") for key, value in entry.scores.items()]
    about = card(model.header, paths["safetensors"].name, command=entry.command, scores=scores, picture=seen)
    write_text(FOLDER / f"{name}.md", about)
    entries = {**index(FOLDER), name: entry}
    index.cache_clear()
    ordered = [asdict(entries[each]) for each in RECIPES if each in entries]
    write_text(FOLDER / "index.json", json.dumps({"weights": ordered}, indent=1) + "\n")
    click.echo(f"{name}: packed, exported and evaluated")


def arguments(name: str, runs: Path) -> list[str]:
    """What ``ganzoo`` is called with to train an entry."""
    recipe = RECIPES[name]
    parent = ["--parent", str(runs / recipe["parent"])] if "parent" in recipe else []
    return ["train", *shlex.split(recipe["train"]), *parent, "--out", str(runs / name)]


def trained(name: str, runs: Path) -> None:
    """Train an entry, and its parent before it, unless that is done."""
    if parent := RECIPES[name].get("parent"):
        trained(parent, runs)
    folder = runs / name
    if finished(folder):
        return
    begun = (folder / "checkpoint.safetensors").exists()
    rest = ["train", "--resume", str(folder)] if begun else arguments(name, runs)
    click.echo(f"{name}: ganzoo {shlex.join(rest)}")
    if subprocess.run([sys.executable, "-m", "ganzoo", *rest]).returncode:
        raise GanzooError(f"{name} was not trained to its end; say it again to go on")


def packed(name: str, folder: Path) -> tuple[Model, dict[Kind, Path]]:
    """The generator of a run as the two files that ship."""
    from ganzoo.export import export
    from ganzoo.generators.weights import load, save_weights

    files: dict[Kind, Path] = {"safetensors": FOLDER / f"{name}.safetensors", "onnx": FOLDER / f"{name}.onnx"}
    save_weights(files["safetensors"], load(folder / "weights.safetensors"), packed=True)
    model = load(files["safetensors"])
    export(model, files["onnx"])
    return model, files


def picture(model: Model, name: str) -> Bytes:
    """Two rows of samples; of a regression, its predictions."""
    if model.limits is None:
        return preview(model, data=load_data(name, split="test"))
    return preview(model, range(20), stage="child", columns=10)


def described(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"file": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def overrides(record: dict[str, Any]) -> dict[str, str]:
    """The settings of a run that differ from those of its GAN."""
    usual = json.loads(json.dumps(resolve(registry().gan(record["gan"])).flat()))
    settings = record["settings"].items()
    return {
        key: format_value(value) for key, value in settings if usual.get(key) != value and not key.startswith("parent.")
    }


def measured(path: Path) -> dict[str, Any]:
    """Scores of the exported file, what they were measured with, and the licence of the data."""
    from ganzoo.evaluation import evaluate
    from ganzoo.generators.onnx_reader import read

    found = evaluate(path).entry()
    return {
        "licence": read(path)[1]["data"]["licence"],
        "scores": {key: value for key, value in found["figures"].items() if value is not None},
        "measured": {key: found[key] for key in ("number", "seeds", "score", "data", "extractor")},
    }


main(prog_name="python -m ganzoo_weights")
