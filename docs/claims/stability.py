"""Compare what is said of games with how often they fail: ``python docs/claims/stability.py --data ring8 --jobs 2``.

``stability.toml`` says which. Every case is looked at in theory (its Dirac-GAN), in many trainings (a sweep) and in a
spectrum (of one run with the networks and settings of the sweep). Trials and runs go to ``runs/claims/stability``,
where those that are finished are taken as they are, and figures to ``stability.json`` beside this file, from which
``docs/generate.py`` writes the tables of ``stability.md``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
from compared import cases as known
from compared import draw, found, told, typed
from ganzoo_plugins.stability.sweep import Plan, Stopped, Trial, metric_of, plan, sweep
from ganzoo_plugins.stability.sweep.metrics import Metric
from ganzoo_plugins.stability.sweep.plan import iterations_of
from ganzoo_plugins.stability.sweep.summary import row
from ganzoo_plugins.stability.sweep.trials import kept

from ganzoo.cli.progress import counted
from ganzoo.evaluation.record import plain
from ganzoo.registry.recipe import format_value
from ganzoo.runs.folders import finished
from ganzoo.training.device import configure_process
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import write_text

HERE = Path(__file__).parent
TOLD = told()
STEPS = ("theory", "sweep", "spectrum")
COUNT = 6  # eigenvalues of either kind in a spectrum
REFUSED = 2  # the exit code of a training that cannot go on


@dataclass(frozen=True)
class Compared:
    """A case on a data set.

    Attributes:
        title: of its row.
        gan: its name.
        chosen: what is set of it.
        plan: of its trials, alone.
        folder: of trials and runs.
        samples: of the field in a spectrum.
    """

    title: str
    gan: str
    chosen: Mapping[str, Any]
    plan: Plan
    folder: Path
    samples: int

    @property
    def trials(self) -> list[Trial]:
        return self.plan.trials(self.plan.cases[0])

    @property
    def run(self) -> Path:
        """Of seed 0, for the spectrum. It is named like that trial, so a case that is changed has another one."""
        return self.folder / Path(self.trials[0].file).stem

    def theory(self) -> dict[str, Any]:
        """Its Dirac-GAN: eigenvalues at rest, and what 1,000 alternating steps of 0.1 do."""
        from ganzoo_plugins.stability.dirac import dirac
        from ganzoo_plugins.stability.motion import followed

        try:
            motion = followed((self.gan,), dirac(self.plan.cases[0].recipe), "alternating", steps=1000, lr=0.1)
        except GanzooError as error:
            return {"absent": str(error)}
        return {"eigenvalues": motion.record()["eigenvalues"], "verdict": motion.verdict}

    def swept(self, metric: Metric) -> dict[str, Any] | None:
        """What its trials came to; ``None`` while some are missing."""
        found = [kept(self.folder, trial) for trial in self.trials]
        outcomes = [outcome for outcome in found if outcome is not None]
        if len(outcomes) < len(found):
            return None
        each = [outcome.figures for outcome in outcomes]
        one = row(self.gan, "", iterations_of(self.plan.cases[0].recipe), each, metric, 1)
        seconds = sum(outcome.cpu_seconds for outcome in outcomes)
        return {key: asdict(one)[key] for key in ("iterations", "trials", "failures", "interval", "scores")} | {
            "figures": {name: spread._asdict() for name, spread in one.figures.items()},
            "cpu_seconds": seconds,
        }

    def train(self) -> None:
        """Train the run of seed 0 to its end, unless that is done."""
        if (self.run / "checkpoint.safetensors").exists():
            if not finished(self.run):
                ganzoo("train", "--resume", str(self.run))
            return
        settings = self.plan.cases[0].settings
        words = [word for key, value in settings.items() for word in ("--set", f"{key}={format_value(value)}")]
        on = ["--data", self.plan.data.name, "--device", "cpu", "--precision", "fp32", "--threads", "1"]
        ganzoo("train", self.gan, *words, *on, "--force", "--out", str(self.run))

    def spectrum(self) -> dict[str, Any]:
        """The leading eigenvalues where that run ended; kept beside it, since they take a while."""
        from ganzoo_plugins.stability.games import Games
        from ganzoo_plugins.stability.spectrum import spectrum

        path = self.run / f"spectrum-{self.samples}-{COUNT}.json"
        if path.is_file():
            known: dict[str, Any] = json.loads(path.read_text())
            return known
        if not finished(self.run):
            return {"absent": "its run did not come to its end"}
        click.echo(f"spectrum of {self.title} on {self.plan.data.name}", err=True)
        try:
            games = Games(self.run, self.samples)
            game = games.at(games.iterations[-1])
            leading = spectrum(game.field, COUNT, game.shares, quick=True)
        except (GanzooError, ArithmeticError, RuntimeError, ValueError) as error:  # of a search that goes wrong, too
            return {"absent": str(error).partition("\n")[0]}
        entry = {
            "iterations": game.iterations,
            "weights": leading.size,
            "v": leading.v,
            "growth": leading.growth,
            "rotation": leading.rotation,
            "step_limit": leading.step_limit,
            "eigenvalues": [[value.real, value.imag] for value in leading.eigenvalues.tolist()],
            "residual": float(leading.residuals.max()),
        }
        write_text(path, json.dumps(entry, indent=1) + "\n")
        return entry


def cases_of(told: Mapping[str, Any], name: str, runs: Path) -> Iterator[Compared]:
    """The cases of a data set, as a file such as ``stability.toml`` tells them."""
    budget = told["data"][name]
    for title in budget.get("cases", told["cases"]):
        if title not in told["cases"]:
            raise GanzooError(f"{name} names a case '{title}' that there is not; choose {', '.join(told['cases'])}")
        chosen = dict(told["cases"][title])
        gan = chosen.pop("gan")
        planned = plan(
            [gan],
            name,
            seeds=budget["seeds"],
            settings=chosen,
            tier=budget.get("tier"),
            iterations=budget["iterations"],
        )
        yield Compared(title, gan, chosen, planned, runs / name, budget["field"])


def attempt(case: Compared) -> None:
    """Train its run. One that came to nothing has no spectrum, and that is a finding."""
    try:
        case.train()
    except subprocess.CalledProcessError as error:
        if error.returncode != REFUSED:
            raise
        click.echo(f"{case.title}: its run did not come to its end", err=True)


def gathered(
    cases: Sequence[Compared], steps: Sequence[str], iterations: int, before: Mapping[str, Any]
) -> dict[str, Any]:
    """What these steps found, and what is known of the others from before."""
    metric = metric_of(cases[0].plan.data)
    entry: dict[str, Any] = {"definition": metric.definition, "score": metric.score, "cases": {}}
    for case in cases:
        old = before.get("cases", {}).get(case.title, {})
        same = old.get("identity") == case.run.name
        own: dict[str, Any] = {step: old[step] for step in STEPS if same and step in old}
        if "theory" in steps:
            own["theory"] = case.theory()
        if "sweep" in steps and (swept := case.swept(metric)):
            own["sweep"] = swept
        if "spectrum" in steps:
            own["spectrum"] = case.spectrum()
        settings = {key: typed(value) for key, value in case.chosen.items()}
        entry["cases"][case.title] = own | {
            "identity": case.run.name, "gan": case.gan, "settings": settings, "iterations": iterations,
        }  # fmt: skip
    return entry


def compare(told: Mapping[str, Any], name: str, steps: Sequence[str], *, jobs: int, runs: Path, into: Path) -> None:
    """Take some steps for all cases of a data set; write their figures and draw them.

    Raises:
        Stopped: the sweep was stopped; what is finished of it is written.
    """
    cases, halted = list(cases_of(told, name, runs)), None
    configure_process(1)
    if "sweep" in steps:
        merged = replace(cases[0].plan, cases=tuple(case.plan.cases[0] for case in cases))
        try:
            with counted() as report:
                sweep(merged, runs / name, jobs=jobs, report=report)
        except Stopped as stopped:
            halted, steps = stopped, ["sweep"]
    if "spectrum" in steps:
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(attempt, cases))
    before = found(into)
    entry = gathered(cases, steps, told["data"][name]["iterations"], before.get(name, {}))
    write_text(into / "stability.json", json.dumps(plain(before | {name: entry}), indent=1, sort_keys=True) + "\n")
    each = known(name, told, found(into))
    if any(case.sweep for case in each):
        draw(name, each, into / f"stability-{name}.svg")
    if halted:
        raise halted


def ganzoo(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "ganzoo", *words], check=True, stdout=subprocess.DEVNULL)


@click.command()
@click.option("--data", "names", multiple=True, type=click.Choice(sorted(TOLD["data"])), help="All of them by default.")
@click.option("--only", "steps", multiple=True, type=click.Choice(STEPS), help="One step, or two; all by default.")
@click.option("--jobs", type=click.IntRange(1, 1024), default=2, show_default=True, help="Processes of one thread.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/claims/stability"), show_default=True)
def main(names: tuple[str, ...], steps: tuple[str, ...], jobs: int, runs: Path) -> None:
    """Measure what is said of games, and how often they fail."""
    for name in names or TOLD["data"]:
        try:
            compare(TOLD, name, steps or STEPS, jobs=jobs, runs=runs, into=HERE)
        except Stopped:
            click.echo("Stopped; the same command goes on.", err=True)
            raise SystemExit(130) from None
        except GanzooError as error:
            raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
