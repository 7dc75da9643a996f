"""Tables and plots of the results of :mod:`stability`: predictions of stability, and failure rates."""

from __future__ import annotations

import json
import math
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
NOT_MEASURED = "not measured"
FEWEST = 5  # cases in a correlation
Lines = list[tuple[str, ...]]


@dataclass(frozen=True)
class Case:
    """A case of ``stability.toml`` on one data set, with its results.

    Attributes:
        title: of its row.
        gan: its name.
        settings: that differ from the defaults, as text.
        theory, sweep, spectrum: results of these steps; empty if they have not run.
    """

    title: str
    gan: str
    settings: Mapping[str, str]
    theory: Mapping[str, Any]
    sweep: Mapping[str, Any]
    spectrum: Mapping[str, Any]

    @property
    def eigenvalues(self) -> list[complex]:
        """Of its Dirac-GAN at equilibrium, rounded to nine digits."""
        return [complex(round(real, 9), round(turn, 9)) for real, turn in self.theory.get("eigenvalues", ())]

    @property
    def rate(self) -> float:
        """The failure rate; needs the sweep."""
        return sum(self.sweep["failures"].values()) / self.sweep["trials"]  # type: ignore[no-any-return]

    @property
    def score(self) -> float:
        """The median over the seeds; needs the sweep. Lower is better."""
        return median(number(score) for score in self.sweep["scores"])

    @property
    def dirac_growth(self) -> float | None:
        """The largest real part of the eigenvalues of the Dirac-GAN."""
        return max((value.real for value in self.eigenvalues), default=None)

    @property
    def dirac_rotation(self) -> float | None:
        """The largest |Im/Re| of the eigenvalues of the Dirac-GAN."""
        return max(map(rotation, self.eigenvalues), default=None)

    @property
    def converges(self) -> bool | None:
        """Whether the trajectory of its Dirac-GAN converges, if that is known."""
        return self.theory["verdict"].startswith("converges") if "verdict" in self.theory else None

    @property
    def grows(self) -> bool | None:
        """Whether its spectrum has a positive real part, if that is known."""
        growth = self.measured("growth")
        return None if growth is None else growth > 0

    def measured(self, key: str) -> float | None:
        """A value of its spectrum."""
        return number(self.spectrum[key]) if key in self.spectrum else None


PREDICTORS: Mapping[str, Callable[[Case], float | None]] = {
    "Dirac-GAN: max Re": lambda case: case.dirac_growth,
    "Dirac-GAN: max |Im/Re|": lambda case: case.dirac_rotation,
    "spectrum: max Re": lambda case: case.measured("growth"),
    "spectrum: max |Im/Re|": lambda case: case.measured("rotation"),
    "spectrum: |v|": lambda case: case.measured("v"),
}
"""Predictions of instability: larger values should mean more failures."""

PREDICTIONS: Mapping[str, Callable[[Case], bool | None]] = {
    "the Dirac-GAN's trajectory converges": lambda case: case.converges,
    "it does not converge": lambda case: negated(case.converges),
    "the spectrum has max Re ≤ 0": lambda case: negated(case.grows),
    "the spectrum has max Re > 0": lambda case: case.grows,
}
"""Groups of cases by a prediction; ``None`` if it is unknown."""


def negated(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def rotation(value: complex) -> float:
    """|Im/Re|: infinite for a pure rotation, 0 for 0.

    >>> rotation(-0.5 + 1j), rotation(1j), rotation(0j)
    (2.0, inf, 0.0)
    """
    if not value.imag:
        return 0.0
    return abs(value.imag / value.real) if value.real else math.inf


def number(value: float | None) -> float:
    """A number from JSON, where null is infinite."""
    return math.inf if value is None else value


def read_plan(path: Path = HERE / "stability.toml") -> dict[str, Any]:
    """The data sets with their budgets, and the cases."""
    return tomllib.loads(path.read_text())


def read_results(into: Path = HERE) -> dict[str, Any]:
    """The results by data set; empty before the first measurement."""
    path = into / "stability.json"
    return json.loads(path.read_text()) if path.exists() else {}  # type: ignore[no-any-return]


def typed(value: Any) -> str:
    """A value from ``stability.toml`` as it is typed after ``--set``.

    >>> typed(0.3), typed(True), typed([128, 128])
    ('0.3', 'true', '128,128')
    """
    if isinstance(value, list):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, bool) else str(value)


def cases(name: str, plan: Mapping[str, Any], results: Mapping[str, Any]) -> list[Case]:
    """The cases of a data set. Results of other settings or iterations under the same title are ignored."""
    budget, known = plan["data"][name], results.get(name, {}).get("cases", {})
    cases = []
    for title in budget.get("cases", plan["cases"]):
        settings = {key: typed(value) for key, value in plan["cases"][title].items()}
        gan = settings.pop("gan")
        entry = known.get(title, {})
        if (entry.get("gan"), entry.get("settings"), entry.get("iterations")) != (gan, settings, budget["iterations"]):
            entry = {}
        cases.append(Case(title, gan, settings, *(entry.get(step, {}) for step in ("theory", "sweep", "spectrum"))))
    return cases


def table(each: list[Case]) -> Lines:
    """A head and a line for each case: theory, spectrum, and trials."""
    names = list(next((case.sweep["metrics"] for case in each if case.sweep), {}))
    theory, spectrum = ("max Re", "max |Im/Re|"), ("|v|", "max Re", "max |Im/Re|", "step limit")
    head = (
        "case",
        *(f"Dirac-GAN: {one}" for one in theory),
        "Dirac-GAN: trajectory",
        *(f"spectrum: {one}" for one in spectrum),
        *("failed", "95 %", "kinds"),
        *(f"`{name}`" for name in names),
    )
    return [head, *((case.title, *theory_of(case), *spectrum_of(case), *sweep_of(case, names)) for case in each)]


def theory_of(case: Case) -> tuple[str, ...]:
    if not case.theory:
        return NOT_MEASURED, "", ""
    if "absent" in case.theory:
        return "none", "", case.theory["absent"]
    return short(case.dirac_growth), short(case.dirac_rotation), case.theory["verdict"]


def spectrum_of(case: Case) -> tuple[str, ...]:
    if not case.spectrum:
        return NOT_MEASURED, "", "", ""
    if "absent" in case.spectrum:
        return f"none: {case.spectrum['absent']}", "", "", ""
    limit = case.spectrum["step_limit"]
    return (*(short(case.spectrum[key]) for key in ("v", "growth", "rotation")), short(limit) if limit else "none")


def sweep_of(case: Case, names: list[str]) -> tuple[str, ...]:
    if not case.sweep:
        return NOT_MEASURED, *("" for _ in ("95 %", "kinds", *names))
    kinds = case.sweep["failures"]
    return (
        f"{sum(kinds.values())} of {case.sweep['trials']}",
        "{:.0%} to {:.0%}".format(*case.sweep["interval"]),
        ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())),
        *(short(case.sweep["metrics"][name]["median"]) for name in names),
    )


def short(value: float | None) -> str:
    """Three significant digits; ``None`` is infinite."""
    return f"{value:.3g}" if value is not None and math.isfinite(value) else "infinite"


def correlations(each: list[Case]) -> Lines:
    """A head and a line for each predictor: its rank correlations with the failure rate and with the score."""
    lines: Lines = [("predictor", "with the failure rate", "with the median score", "cases")]
    for name, predictor in PREDICTORS.items():
        those = [case for case in each if case.sweep and predictor(case) is not None]
        values = [number(predictor(case)) for case in those]
        cells = ranked(values, [case.rate for case in those]), ranked(values, [case.score for case in those])
        lines.append((name, *cells, str(len(those))))
    return lines


def ranked(one: list[float], other: list[float]) -> str:
    """The rank correlation (Spearman, 1904), with mean ranks for ties, and its p value.

    >>> ranked([1, 2, 3, 4, 5, 6], [1, 1, 2, 3, 3, 9])
    '0.97 (p = 0.001)'
    >>> ranked([1, 2], [3, 4]), ranked([1, 2, 3, 4, 5], [0, 0, 0, 0, 0])
    ('too few cases', 'all equal')
    """
    if not one:
        return NOT_MEASURED
    if len(one) < FEWEST:
        return "too few cases"
    if len(set(one)) == 1 or len(set(other)) == 1:
        return "all equal"
    from scipy.stats import spearmanr

    result = spearmanr(one, other)
    return f"{result.statistic:.2f} (p = {result.pvalue:.1g})"


def groups(each: list[Case]) -> Lines:
    """A head and a line for each group: how many of its trials failed."""
    lines: Lines = [("prediction", "cases", "cases with a failure", "trials", "failed")]
    for words, holds in PREDICTIONS.items():
        those = [case for case in each if case.sweep and holds(case)]
        failed = [sum(case.sweep["failures"].values()) for case in those]
        trials = sum(case.sweep["trials"] for case in those)
        share = f"{sum(failed)} ({sum(failed) / trials:.0%})" if trials else NOT_MEASURED
        lines.append((words, str(len(those)), str(sum(map(bool, failed))), str(trials), share))
    return lines


def budget(name: str, plan: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """The length and number of the trials, the definition of a failure, and the CPU time so far."""
    own, entry = plan["data"][name], results.get(name, {})
    tier = f" in the tier `{own['tier']}`" if "tier" in own else ", with the GANs' own networks"
    seconds = sum(case.sweep["cpu_seconds"] for case in cases(name, plan, results) if case.sweep)
    took = f" The trials took {seconds / 60:,.0f} CPU minutes. A trial has {entry['definition']}." if seconds else ""
    return f"{own['iterations']:,} iterations, {own['seeds']} seeds{tier}.{took}"


def commands(name: str, plan: Mapping[str, Any], each: list[Case]) -> list[str]:
    """The commands that repeat the theory and the trials of single cases; finished trials are reused."""
    budget = plan["data"][name]
    tier = ["--tier", budget["tier"]] if "tier" in budget else []
    training = ["--data", name, *tier, "--iterations", str(budget["iterations"]), "--seeds", str(budget["seeds"])]
    lines = []
    for case in each:
        chosen = [word for key, value in case.settings.items() for word in ("--set", f"{key}={value}")]
        into = ["--out", f"runs/claims/stability/{name}"]
        lines.append(shlex.join(["ganzoo", "stability", "dirac", "--gan", case.gan, *chosen]))
        lines.append(shlex.join(["ganzoo", "stability", "sweep", case.gan, *training, *chosen, *into]))
    return lines


def draw(name: str, each: list[Case], path: Path) -> None:
    """Plot failure rates with their intervals, and against two predictions."""
    from ganzoo_plugins.stability.drawing import ACCENT, SOFT, panels

    swept = [case for case in each if case.sweep]
    with panels(path, f"{name}: failure rates, and predictions of instability", 3, 1.5 + 0.3 * len(swept)) as axes:
        rates, *others = axes
        for place, case in enumerate(swept):
            rates.plot(case.sweep["interval"], (place, place), color=SOFT)
            rates.plot(case.rate, place, "o", color=ACCENT)
        rates.set(xlim=(-0.03, 1.03), xlabel="failure rate, 95 % interval", ylim=(len(swept) - 0.5, -0.5))
        rates.set_yticks(range(len(swept)), [case.title for case in swept])
        for own, predictor in zip(others, ("Dirac-GAN: max Re", "spectrum: max Re"), strict=True):
            those = [(value, case) for case in swept if (value := PREDICTORS[predictor](case)) is not None]
            for value, case in those:
                own.plot(value, case.rate, "o", color=ACCENT, alpha=0.5, markeredgewidth=0)
            own.axvline(0, color=SOFT, linewidth=0.5)
            own.set(xlabel=predictor, ylabel="failure rate", ylim=(-0.03, 1.03))
        others[1].set_xscale("symlog", linthresh=1e-3)
