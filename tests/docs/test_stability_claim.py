"""The comparison of predicted stability with failure rates: from a file of cases to tables, end to end."""

from __future__ import annotations

import importlib
import shlex
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import ROOT
from tests.support.commands import invoke

CLAIMS = ROOT / "docs" / "claims"
SMALL = """
[data.ring8]
iterations = 2
seeds = 1
field = 64
tier = "quick"

[cases]
simple = { gan = "simple", "generator.widths" = [8], "discriminator.widths" = [8] }
"simple, penalty 1" = { gan = "simple", penalty = 1, "generator.widths" = [8], "discriminator.widths" = [8] }
"""


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(CLAIMS))
    return importlib.import_module("compared")


@pytest.fixture
def stability(compared: ModuleType) -> ModuleType:
    return importlib.import_module("stability")


def test_two_cases_from_measurement_to_table(
    compared: ModuleType, stability: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tomllib.loads(SMALL)
    monkeypatch.setattr(stability, "SIMULATED", 40)
    monkeypatch.setattr(stability, "ganzoo", lambda *words: invoke(shlex.join(words)))
    stability.compare(plan, "ring8", ["theory", "sweep"], jobs=1, runs=tmp_path / "runs", into=tmp_path)
    each = compared.cases("ring8", plan, compared.read_results(tmp_path))
    assert [case.dirac_growth for case in each] == [0, -0.5]
    assert [case.dirac_rotation for case in each] == [float("inf"), 0]
    assert [case.sweep["trials"] for case in each] == [1, 1]
    assert [case.spectrum for case in each] == [{}, {}]
    assert (tmp_path / "stability-ring8.svg").read_text().startswith("<?xml")

    stability.compare(plan, "ring8", ["spectrum"], jobs=1, runs=tmp_path / "runs", into=tmp_path)
    each = compared.cases("ring8", plan, compared.read_results(tmp_path))
    assert all(case.theory and case.sweep for case in each), "results of the other steps stay"
    sizes = [case.spectrum["weights"] for case in each]
    assert sizes == [2 * 8 + 8 + 8 * 2 + 2 + 2 * 8 + 8 + 8 + 1] * 2
    head, first, second = compared.table(each)
    assert len(head) == len(first) == len(second)
    assert not any(compared.NOT_MEASURED in line for line in (first, second))
    assert {line[1] for line in compared.correlations(each)[1:]} == {"too few cases"}
    assert [line[1] for line in compared.groups(each)[1:3]] == ["2", "0"]


def test_results_of_other_settings_are_ignored(compared: ModuleType) -> None:
    plan = tomllib.loads(SMALL)
    entry = {"gan": "simple", "iterations": 2, "theory": {"eigenvalues": [[-1, 0]], "verdict": "converges"}}
    settings = {"generator.widths": "8", "discriminator.widths": "8"}

    def growth(result: dict[str, object]) -> float | None:
        return compared.cases("ring8", plan, {"ring8": {"cases": {"simple": result}}})[0].dirac_growth

    assert growth(entry | {"settings": settings}) == -1
    assert growth(entry | {"settings": settings, "iterations": 3}) is None
    assert growth(entry | {"settings": settings | {"penalty": "1"}}) is None


def test_an_unknown_case_is_refused(stability: ModuleType, tmp_path: Path) -> None:
    plan = tomllib.loads(SMALL.replace('"quick"', '"quick"\ncases = ["simpel"]'))
    with pytest.raises(stability.GanzooError, match=r"simpel.*choose simple, simple, penalty 1"):
        list(stability.cases_of(plan, "ring8", tmp_path))


def test_every_case_of_the_page_can_be_planned(stability: ModuleType, tmp_path: Path) -> None:
    plan = stability.PLAN
    cases = list(stability.cases_of(plan, "ring8", tmp_path))
    assert [case.title for case in cases] == list(plan["cases"])
    assert len({case.run for case in cases}) == len(cases)
    assert {case.plan.cases[0].recipe.loop.iterations for case in cases} == {plan["data"]["ring8"]["iterations"]}


def test_tables_without_results(compared: ModuleType) -> None:
    plan = compared.read_plan()
    for name in plan["data"]:
        each = compared.cases(name, plan, {})
        head, *lines = compared.table(each)
        assert all(len(line) == len(head) and line.count(compared.NOT_MEASURED) == 3 for line in lines)
        assert {line[1] for line in compared.correlations(each)[1:]} == {compared.NOT_MEASURED}
        assert {line[-1] for line in compared.groups(each)[1:]} == {compared.NOT_MEASURED}
