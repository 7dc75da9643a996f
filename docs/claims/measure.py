"""Train and evaluate what a claim compares: ``python docs/claims/measure.py privileged``.

``claims.toml`` lists the variants. Runs are in ``runs/claims``; finished ones are not trained again. Results go to
``NAME.json`` in this folder, from which ``docs/generate.py`` writes the tables of ``NAME.md``.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch
from figures import draw

from ganzoo.records.run_folder import RunFolder
from ganzoo.util.files import write_text

HERE = Path(__file__).parent
CLAIMS = tomllib.loads((HERE / "claims.toml").read_text())
SAMPLES = 5000
PROBE = 300  # iterations to estimate the speed of a variant


@dataclass(frozen=True)
class Variant:
    """One of the trainings that a claim compares.

    Attributes:
        name: of its rows.
        train: arguments of ``ganzoo train``.
        parent: the variant whose run of the same seed is its parent.
        like: the variants whose CPU times add up to its budget.
    """

    name: str
    train: str
    parent: str | None = None
    like: tuple[str, ...] = ()


def variants(claim: str) -> Iterator[Variant]:
    for name, given in CLAIMS[claim]["variants"].items():
        table = {"train": given} if isinstance(given, str) else given
        yield Variant(name, table["train"], table.get("parent"), tuple(table.get("like", ())))


@dataclass(frozen=True)
class Trial:
    """A variant with one seed, and its run."""

    claim: str
    variant: Variant
    seed: int
    root: Path

    def folder(self, variant: str) -> Path:
        return self.root / self.claim / f"{re.sub(r'[^a-z0-9]+', '-', variant)}-seed{self.seed}"

    @property
    def run(self) -> Path:
        return self.folder(self.variant.name)

    def train(self) -> None:
        """Train it to its end, or finish an interrupted run."""
        if (self.run / "checkpoint.safetensors").exists():
            if not RunFolder(self.run).is_finished:
                ganzoo("train", "--resume", str(self.run))
            return
        budget = sum(RunFolder(self.folder(name)).cpu_seconds for name in self.variant.like)
        iterations = ["--iterations", str(self.affordable(budget))] if self.variant.like else []
        ganzoo(*self.arguments(), *iterations, "--out", str(self.run))

    def affordable(self, budget: float) -> int:
        """Iterations in a budget of CPU seconds."""
        probe = self.run.with_name(f"{self.run.name}-probe")
        shutil.rmtree(probe, ignore_errors=True)
        ganzoo(*self.arguments(), "--iterations", str(PROBE), "--out", str(probe))
        iterations = int(budget / RunFolder(probe).cpu_seconds * PROBE)
        shutil.rmtree(probe)
        return iterations

    def arguments(self) -> list[str]:
        words = shlex.split(self.variant.train)
        data = [] if "--data" in words else ["--data", CLAIMS[self.claim]["data"]]
        parent = ["--parent", str(self.folder(self.variant.parent))] if self.variant.parent else []
        return ["train", *words, *data, *parent, "--seed", str(self.seed)]

    def row(self) -> dict[str, Any]:
        """The results of the run."""
        from ganzoo.evaluation import evaluate

        found, run = evaluate(self.run, number=SAMPLES).to_dict(), RunFolder(self.run)
        return {
            "variant": self.variant.name,
            "seed": self.seed,
            "iterations": run.planned_iterations,
            "cpu_seconds": run.cpu_seconds,
            "metrics": found["metrics"] | prior_metrics(self.run),
            "score": found["score"],
            "log": history(self.run),
            "measured": {key: found[key] for key in ("number", "data", "extractor")},
            "real": found["references"].get("real"),
        }


def prior_metrics(run: Path) -> dict[str, float]:
    """Errors of a regression's prior, without and with noise and bias, and the skip weight; empty for other GANs."""
    from ganzoo.data import load as load_data
    from ganzoo.evaluation.vectors import regression_errors
    from ganzoo.generators.weights import load

    model = load(run / "weights.safetensors")
    generator = model.networks.generator
    if not hasattr(generator, "prior_sample"):
        return {}
    data = load_data(model.metadata.data.name, split="test")
    inputs, z = torch.from_numpy(data.conditions), torch.from_numpy(model.latents(range(len(data))))
    with torch.inference_mode():
        prior, noisy = generator.prior(inputs, torch.zeros_like(z[:, 1:])), generator.prior_sample(z, inputs)
    return {
        "prior_mae": regression_errors(prior.numpy(), data.samples)["mae"],
        "noisy_prior_mae": regression_errors(noisy.numpy(), data.samples)["mae"],
        "skip_weight": float(generator.weight),
    }


def ganzoo(*words: str) -> None:
    click.echo(f"ganzoo {shlex.join(words)}")
    subprocess.run([sys.executable, "-m", "ganzoo", *words], check=True, stdout=subprocess.DEVNULL)


def history(run: Path) -> dict[str, list[float]]:
    """The metrics that the run logged at each evaluation, by name; empty without evaluations."""
    evaluated = [entry for entry in RunFolder(run).metrics if any(name.endswith("-fd") for name in entry)]
    return {name: [entry[name] for entry in evaluated] for name in (evaluated[0] if evaluated else ())}


@click.command()
@click.argument("claims", nargs=-1, type=click.Choice(sorted(CLAIMS)), metavar="[NAME ...]")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/claims"), show_default=True)
@click.option("--only-train", is_flag=True, help="Do not evaluate.")
def main(claims: tuple[str, ...], runs: Path, only_train: bool) -> None:
    """Train and evaluate the variants of claims, all by default."""
    for claim in claims or sorted(CLAIMS):
        trials = [
            Trial(claim, variant, seed, runs) for seed in range(CLAIMS[claim]["seeds"]) for variant in variants(claim)
        ]
        for trial in trials:
            trial.train()
        if not only_train:
            rows = [trial.row() for trial in trials]
            write_text(HERE / f"{claim}.json", json.dumps(rows, indent=1) + "\n")
            draw(claim, HERE / f"{claim}.svg")


if __name__ == "__main__":
    main()
