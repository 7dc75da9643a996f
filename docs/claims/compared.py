"""Tables and plots of what :mod:`stability` found: what is said of games, beside how often they fail."""

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
FEWEST = 5  # cases that a correlation is taken of
Lines = list[tuple[str, ...]]


@dataclass(frozen=True)
class Case:
    """A case on a data set, as the file of cases tells it, with what has been found of it.

    Attributes:
        title, gan: their names.
        settings: what is set of it, as it is typed.
        theory, sweep, spectrum: what the steps found; empty before.
    """

    title: str
    gan: str
    settings: Mapping[str, str]
    theory: Mapping[str, Any]
    sweep: Mapping[str, Any]
    spectrum: Mapping[str, Any]

    @property
    def eigenvalues(self) -> list[complex]:
        """Of its Dirac-GAN at rest, without the noise of their last digits."""
        return [complex(round(real, 9), round(turn, 9)) for real, turn in self.theory.get("eigenvalues", ())]

    @property
    def rate(self) -> float:
        """Of failure, once it is swept."""
        return sum(self.sweep["failures"].values()) / self.sweep["trials"]  # type: ignore[no-any-return]

    @property
    def score(self) -> float:
        """Its median over the seeds, once it is swept; lower is better."""
        return median(number(score) for score in self.sweep["scores"])

    @property
    def dirac_growth(self) -> float | None:
        """The largest real part in theory."""
        return max((value.real for value in self.eigenvalues), default=None)

    @property
    def dirac_rotation(self) -> float | None:
        """The largest |Im/Re| in theory."""
        return max(map(turn, self.eigenvalues), default=None)

    @property
    def converges(self) -> bool | None:
        """Whether the trajectory of its Dirac-GAN does, if that is known."""
        return self.theory["verdict"].startswith("converges") if "verdict" in self.theory else None

    @property
    def grows(self) -> bool | None:
        """Whether something does in its spectrum, if that is known."""
        growth = self.measured("growth")
        return None if growth is None else growth > 0

    def measured(self, key: str) -> float | None:
        """A figure of its spectrum."""
        return number(self.spectrum[key]) if key in self.spectrum else None


PREDICTORS: Mapping[str, Callable[[Case], float | None]] = {
    "Dirac-GAN: max Re": lambda case: case.dirac_growth,
    "Dirac-GAN: max |Im/Re|": lambda case: case.dirac_rotation,
    "spectrum: max Re": lambda case: case.measured("growth"),
    "spectrum: max |Im/Re|": lambda case: case.measured("rotation"),
    "spectrum: |v|": lambda case: case.measured("v"),
}
"""What is said of a game; the larger, the less stable it should be."""

SAID: Mapping[str, Callable[[Case], bool | None]] = {
    "the Dirac-GAN's trajectory converges": lambda case: case.converges,
    "it does not": lambda case: negated(case.converges),
    "nothing grows in the spectrum: max Re ≤ 0": lambda case: negated(case.grows),
    "something grows in the spectrum: max Re > 0": lambda case: case.grows,
}
"""What may be said of a game; ``None`` where nothing is known."""


def negated(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def turn(value: complex) -> float:
    """|Im/Re|; of a pure rotation it is infinite, and of 0 it is 0.

    >>> turn(-0.5 + 1j), turn(1j), turn(0j)
    (2.0, inf, 0.0)
    """
    if not value.imag:
        return 0.0
    return abs(value.imag / value.real) if value.real else math.inf


def number(value: float | None) -> float:
    """JSON has no infinity, so that is null."""
    return math.inf if value is None else value


def told(path: Path = HERE / "stability.toml") -> dict[str, Any]:
    """Data sets with their budgets, and cases."""
    return tomllib.loads(path.read_text())


def found(into: Path = HERE) -> dict[str, Any]:
    """What has been found, by data set; empty before the first measurement."""
    path = into / "stability.json"
    return json.loads(path.read_text()) if path.exists() else {}  # type: ignore[no-any-return]


def typed(value: Any) -> str:
    """A value from the file of cases as it is typed after ``--set``.

    >>> typed(0.3), typed(True), typed([128, 128])
    ('0.3', 'true', '128,128')
    """
    if isinstance(value, list):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, bool) else str(value)


def cases(name: str, told: Mapping[str, Any], found: Mapping[str, Any]) -> list[Case]:
    """The cases of a data set; figures of others that once had their titles, or of other iterations, are not theirs."""
    budget, known = told["data"][name], found.get(name, {}).get("cases", {})
    cases = []
    for title in budget.get("cases", told["cases"]):
        settings = {key: typed(value) for key, value in told["cases"][title].items()}
        gan = settings.pop("gan")
        entry = known.get(title, {})
        if (entry.get("gan"), entry.get("settings"), entry.get("iterations")) != (gan, settings, budget["iterations"]):
            entry = {}
        cases.append(Case(title, gan, settings, *(entry.get(step, {}) for step in ("theory", "sweep", "spectrum"))))
    return cases


def table(each: list[Case]) -> Lines:
    """A head, and a line for each case: theory, spectrum, and what its trials came to."""
    names = list(next((case.sweep["figures"] for case in each if case.sweep), {}))
    theory, spectrum = ("max Re", "max |Im/Re|"), ("|v|", "max Re", "max |Im/Re|", "step limit")
    head = (
        "case",
        *(f"Dirac-GAN: {one}" for one in theory),
        "it",
        *(f"spectrum: {one}" for one in spectrum),
        *("failed", "95 %", "as"),
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
        return NOT_MEASURED, *("" for _ in ("95 %", "as", *names))
    kinds = case.sweep["failures"]
    return (
        f"{sum(kinds.values())} of {case.sweep['trials']}",
        "{:.0%} to {:.0%}".format(*case.sweep["interval"]),
        ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())),
        *(short(case.sweep["figures"][name]["median"]) for name in names),
    )


def short(value: float | None) -> str:
    """Three digits; what is null is infinite."""
    return f"{value:.3g}" if value is not None and math.isfinite(value) else "infinite"


def correlations(each: list[Case]) -> Lines:
    """A head, and a line for each predictor: its rank correlations with the failure rate and with the score."""
    lines: Lines = [("the larger ...", "the more fail", "the worse the median score", "cases")]
    for name, predictor in PREDICTORS.items():
        those = [case for case in each if case.sweep and predictor(case) is not None]
        values = [number(predictor(case)) for case in those]
        cells = ranked(values, [case.rate for case in those]), ranked(values, [case.score for case in those])
        lines.append((name, *cells, str(len(those))))
    return lines


def ranked(one: list[float], other: list[float]) -> str:
    """The rank correlation (Spearman, 1904) with the mean rank for ties, and its p value.

    >>> ranked([1, 2, 3, 4, 5, 6], [1, 1, 2, 3, 3, 9])
    '0.97 (p = 0.001)'
    >>> ranked([1, 2], [3, 4]), ranked([1, 2, 3, 4, 5], [0, 0, 0, 0, 0])
    ('too few cases', 'all alike')
    """
    if not one:
        return NOT_MEASURED
    if len(one) < FEWEST:
        return "too few cases"
    if len(set(one)) == 1 or len(set(other)) == 1:
        return "all alike"
    from scipy.stats import spearmanr

    result = spearmanr(one, other)
    return f"{result.statistic:.2f} (p = {result.pvalue:.1g})"


def groups(each: list[Case]) -> Lines:
    """A head, and a line for each thing that may be said of a game: how many trials of such games failed."""
    lines: Lines = [("what is said", "cases", "of them with a failure", "trials", "failed")]
    for words, holds in SAID.items():
        those = [case for case in each if case.sweep and holds(case)]
        failed = [sum(case.sweep["failures"].values()) for case in those]
        trials = sum(case.sweep["trials"] for case in those)
        share = f"{sum(failed)} ({sum(failed) / trials:.0%})" if trials else NOT_MEASURED
        lines.append((words, str(len(those)), str(sum(map(bool, failed))), str(trials), share))
    return lines


def budget(name: str, told: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """How long and how often each case is trained, what a failure is, and the CPU time of the trials so far."""
    own, entry = told["data"][name], found.get(name, {})
    tier = f" in the tier `{own['tier']}`" if "tier" in own else ", with the GANs' own networks"
    seconds = sum(case.sweep["cpu_seconds"] for case in cases(name, told, found) if case.sweep)
    took = f" The trials took {seconds / 60:,.0f} CPU minutes. A trial has {entry['definition']}." if seconds else ""
    return f"{own['iterations']:,} iterations, {own['seeds']} seeds{tier}.{took}"


def commands(name: str, told: Mapping[str, Any], each: list[Case]) -> list[str]:
    """What measures each case alone, in theory and in trainings; it takes the trials that are there."""
    budget = told["data"][name]
    tier = ["--tier", budget["tier"]] if "tier" in budget else []
    much = ["--data", name, *tier, "--iterations", str(budget["iterations"]), "--seeds", str(budget["seeds"])]
    lines = []
    for case in each:
        chosen = [word for key, value in case.settings.items() for word in ("--set", f"{key}={value}")]
        into = ["--out", f"runs/claims/stability/{name}"]
        lines.append(shlex.join(["ganzoo", "stability", "dirac", "--gan", case.gan, *chosen]))
        lines.append(shlex.join(["ganzoo", "stability", "sweep", case.gan, *much, *chosen, *into]))
    return lines


def draw(name: str, each: list[Case], path: Path) -> None:
    """Failure rates with their intervals, and beside what theory and spectrum say."""
    from ganzoo_plugins.stability.drawing import ACCENT, SOFT, drawn

    swept = [case for case in each if case.sweep]
    with drawn(path, f"{name}: how often games fail, and what is said of them", 3, 1.5 + 0.3 * len(swept)) as axes:
        rates, *others = axes
        for place, case in enumerate(swept):
            rates.plot(case.sweep["interval"], (place, place), color=SOFT)
            rates.plot(case.rate, place, "o", color=ACCENT)
        rates.set(xlim=(-0.03, 1.03), xlabel="failure rate, with its 95 % interval", ylim=(len(swept) - 0.5, -0.5))
        rates.set_yticks(range(len(swept)), [case.title for case in swept])
        for own, said in zip(others, ("Dirac-GAN: max Re", "spectrum: max Re"), strict=True):
            those = [(value, case) for case in swept if (value := PREDICTORS[said](case)) is not None]
            for value, case in those:
                own.plot(value, case.rate, "o", color=ACCENT, alpha=0.5, markeredgewidth=0)
            own.axvline(0, color=SOFT, linewidth=0.5)
            own.set(xlabel=said, ylabel="failure rate", ylim=(-0.03, 1.03))
        others[1].set_xscale("symlog", linthresh=1e-3)
