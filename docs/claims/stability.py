"""Compare predictions of stability with failure rates: ``python docs/claims/stability.py --data ring8 --jobs 2``.

``stability.toml`` lists the cases. Each is analysed in theory (its Dirac-GAN), in many trainings (a sweep) and by a
spectrum (of one run with the networks and settings of the sweep). Trials and runs go to ``runs/claims/stability``;
finished ones are reused. The results go to ``stability.json`` here, and ``docs/generate.py`` writes the tables
of ``stability.md`` from it.
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
from compared import cases as cases_with_results
from compared import draw, read_plan, read_results, typed
from ganzoo_plugins.stability.sweep import Plan, Protocol, Stopped, Trial, plan, protocol_for, sweep
from ganzoo_plugins.stability.sweep.plan import iterations_of
from ganzoo_plugins.stability.sweep.summary import row
from ganzoo_plugins.stability.sweep.trials import load_outcome

from ganzoo.evaluation.record import plain
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.registry.values import format_value
from ganzoo.runs.progress import iteration_counter
from ganzoo.training.device import configure_process
from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError, first_line
from ganzoo.util.files import write_text

HERE = Path(__file__).parent
PLAN = read_plan()
STEPS = ("theory", "sweep", "spectrum")
COUNT = 6  # eigenvalues of either kind in a spectrum
SIMULATED = 1000  # steps of a Dirac-GAN
REFUSED = 2  # the exit code of a training that failed


@dataclass(frozen=True)
class Compared:
    """A case on a data set.

    Attributes:
        title: of its row.
        gan: its name.
        chosen: settings that differ from the defaults.
        plan: of its trials.
        folder: of trials and runs.
        batch_size: samples of the field in a spectrum.
    """

    title: str
    gan: str
    chosen: Mapping[str, Any]
    plan: Plan
    folder: Path
    batch_size: int

    @property
    def trials(self) -> list[Trial]:
        return self.plan.trials(self.plan.cases[0])

    @property
    def run(self) -> Path:
        """The run of seed 0, for the spectrum. Its name is that of the trial, so it depends on all settings."""
        return self.folder / Path(self.trials[0].file).stem

    def theory(self) -> dict[str, Any]:
        """The Dirac-GAN: its eigenvalues at equilibrium, and the trajectory of 1,000 alternating steps of 0.1."""
        from ganzoo_plugins.stability.dirac import dirac
        from ganzoo_plugins.stability.simulation import simulate

        try:
            game = dirac(self.plan.cases[0].recipe)
            simulation = simulate((self.gan,), game, "alternating", steps=SIMULATED, lr=0.1)
        except GanzooError as error:
            return {"absent": str(error)}
        return {"eigenvalues": simulation.record()["eigenvalues"], "verdict": simulation.verdict}

    def sweep(self, protocol: Protocol) -> dict[str, Any] | None:
        """The results of its trials; ``None`` while some are missing."""
        outcomes = [outcome for trial in self.trials if (outcome := load_outcome(self.folder, trial)) is not None]
        if len(outcomes) < len(self.trials):
            return None
        each = [outcome.metrics for outcome in outcomes]
        one = row(self.gan, "", iterations_of(self.plan.cases[0].recipe), each, protocol, 1)
        seconds = sum(outcome.cpu_seconds for outcome in outcomes)
        return {key: asdict(one)[key] for key in ("iterations", "trials", "failures", "interval", "scores")} | {
            "metrics": {name: spread._asdict() for name, spread in one.metrics.items()},
            "cpu_seconds": seconds,
        }

    def train(self) -> None:
        """Train the run of seed 0 to its end, unless it is finished."""
        if (self.run / "checkpoint.safetensors").exists():
            if not RunFolder(self.run).is_finished:
                ganzoo("train", "--resume", str(self.run))
            return
        usual = json.loads(json.dumps(resolve(registry().gan(self.gan)).flat()))
        settings = {key: value for key, value in self.plan.cases[0].settings.items() if usual.get(key) != value}
        words = [word for key, value in settings.items() for word in ("--set", f"{key}={format_value(value)}")]
        on = ["--data", self.plan.data.name, "--device", "cpu", "--precision", "fp32", "--threads", "1"]
        ganzoo("train", self.gan, *words, *on, "--force", "--out", str(self.run))

    def spectrum(self) -> dict[str, Any]:
        """The leading eigenvalues at the end of that run. They are cached in its folder, since they take a while."""
        from ganzoo_plugins.stability.analysis import analyse
        from ganzoo_plugins.stability.games import Games

        path = self.run / f"spectrum-{self.batch_size}-{COUNT}.json"
        if path.is_file():
            known: dict[str, Any] = json.loads(path.read_text())
            return known
        if not RunFolder(self.run).is_finished:
            return {"absent": "its run did not finish"}
        click.echo(f"spectrum of {self.title} on {self.plan.data.name}", err=True)
        try:
            games = Games(self.run, self.batch_size)
            game = games.at(games.iterations[-1])
            found = analyse(game, COUNT, quick=True, hessians=False)
        except GanzooError as error:
            return {"absent": str(error)}
        except FOREIGN_ERRORS as error:  # of the search
            return {"absent": first_line(error)}
        entry = {
            "iterations": game.iterations,
            "weights": found.jacobian.size,
            "v": found.jacobian.norm,
            "growth": found.jacobian.growth,
            "rotation": found.jacobian.rotation,
            "step_limit": found.step_limit,
            "eigenvalues": [[value.real, value.imag] for value in found.jacobian.values.tolist()],
            "residual": float(found.jacobian.residuals.max()),
        }
        write_text(path, json.dumps(entry, indent=1) + "\n")
        return entry


def cases_of(file: Mapping[str, Any], name: str, runs: Path) -> Iterator[Compared]:
    """The cases of a data set in a file such as ``stability.toml``."""
    budget = file["data"][name]
    for title in budget.get("cases", file["cases"]):
        if title not in file["cases"]:
            raise GanzooError(f"{name} names an unknown case '{title}'; choose {', '.join(file['cases'])}")
        chosen = dict(file["cases"][title])
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
    """Train the run of a case. A run that fails has no spectrum, which is a result."""
    try:
        case.train()
    except subprocess.CalledProcessError as error:
        if error.returncode != REFUSED:
            raise
        click.echo(f"{case.title}: its run did not finish", err=True)


def results_of(
    cases: Sequence[Compared], steps: Sequence[str], iterations: int, before: Mapping[str, Any]
) -> dict[str, Any]:
    """The results of these steps, and earlier results of the other steps."""
    protocol = protocol_for(cases[0].plan.data)
    entry: dict[str, Any] = {"definition": protocol.definition, "score": protocol.score, "cases": {}}
    for case in cases:
        old = before.get("cases", {}).get(case.title, {})
        same = old.get("identity") == case.run.name
        own: dict[str, Any] = {step: old[step] for step in STEPS if same and step in old}
        if "theory" in steps:
            own["theory"] = case.theory()
        if "sweep" in steps and (swept := case.sweep(protocol)):
            own["sweep"] = swept
        if "spectrum" in steps:
            own["spectrum"] = case.spectrum()
        settings = {key: typed(value) for key, value in case.chosen.items()}
        entry["cases"][case.title] = own | {
            "identity": case.run.name, "gan": case.gan, "settings": settings, "iterations": iterations,
        }  # fmt: skip
    return entry


def compare(file: Mapping[str, Any], name: str, steps: Sequence[str], *, jobs: int, runs: Path, into: Path) -> None:
    """Run some steps for all cases of a data set, and write and plot the results.

    Raises:
        Stopped: the sweep was stopped; finished trials are written.
    """
    cases, halted = list(cases_of(file, name, runs)), None
    configure_process(1)
    if "sweep" in steps:
        merged = replace(cases[0].plan, cases=tuple(case.plan.cases[0] for case in cases))
        try:
            with iteration_counter() as report:
                sweep(merged, runs / name, jobs=jobs, report=report)
        except Stopped as stopped:
            halted, steps = stopped, ["sweep"]
    if "spectrum" in steps:
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(attempt, cases))
    before = read_results(into)
    entry = results_of(cases, steps, file["data"][name]["iterations"], before.get(name, {}))
    write_text(into / "stability.json", json.dumps(plain(before | {name: entry}), indent=1, sort_keys=True) + "\n")
    each = cases_with_results(name, file, read_results(into))
    if any(case.sweep for case in each):
        draw(name, each, into / f"stability-{name}.svg")
    if halted:
        raise halted


def ganzoo(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "ganzoo", *words], check=True, stdout=subprocess.DEVNULL)


@click.command()
@click.option("--data", "names", multiple=True, type=click.Choice(sorted(PLAN["data"])), help="All by default.")
@click.option("--only", "steps", multiple=True, type=click.Choice(STEPS), help="A step; all by default.")
@click.option("--jobs", type=click.IntRange(1, 1024), default=2, show_default=True, help="Processes of one thread.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/claims/stability"), show_default=True)
def main(names: tuple[str, ...], steps: tuple[str, ...], jobs: int, runs: Path) -> None:
    """Measure predictions of stability, and failure rates."""
    for name in names or PLAN["data"]:
        try:
            compare(PLAN, name, steps or STEPS, jobs=jobs, runs=runs, into=HERE)
        except Stopped:
            click.echo("Stopped. The same command continues.", err=True)
            raise SystemExit(130) from None
        except GanzooError as error:
            raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
