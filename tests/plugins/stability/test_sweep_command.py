"""``ganzoo stability sweep`` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ganzoo_plugins.stability.sweep import protocol, run

from tests.support.commands import invoke

pytestmark = pytest.mark.usefixtures("empty_folder")

TINY = "--iterations 2 --jobs 1 --set batch_size=16 --set generator.widths=8 --set discriminator.widths=8"


def test_a_table_a_plot_and_records_that_are_reused(
    ganzoo: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"stability sweep simple wgan --data ring8 --seeds 2 --grid penalty=0,1 {TINY}"
    text = ganzoo(line)
    rows = [row.split() for row in text.splitlines() if row.startswith("  ")]
    assert [row[:2] for row in rows[1:]] == [
        ["real", "data"], ["simple", "penalty=0"], ["simple", "penalty=1"], ["simple", "all"], ["wgan", "quick,"],
    ]  # fmt: skip
    assert "failed: non-finite, or collapse (diversity below 0.2)" in text
    assert "wgan: no setting 'penalty', trained without it" in text
    folder = Path("runs/sweep-ring8-quick")
    assert len(list(folder.glob("*-ring8-quick-seed*.json"))) == 6
    assert (folder / "ring8-quick.png").exists()
    monkeypatch.setattr(run.Job, "run", lambda *_: pytest.fail("it is finished already"))
    found = json.loads(ganzoo(f"{line} --json --plot x.svg --bound 0.5"))
    assert Path("x.svg").exists()
    assert found["tier"] == "quick"
    assert "high_quality below 0.5" in found["definition"]
    assert [row["iterations"] for row in found["rows"]] == [2] * 4
    assert found["real"]["modes"] == 8


@pytest.mark.parametrize(
    ("data", "score", "metrics"),
    [("mnist-10k", "mnist-fd", {"mnist-fd", "coverage"}), ("stacked2", "reverse_kl", {"modes", "reverse_kl"})],
)
def test_images_and_stacked_digits(
    ganzoo: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, data: str, score: str, metrics: set[str]
) -> None:
    pytest.importorskip("torch_fidelity")
    usual = protocol.protocol_for
    monkeypatch.setattr(protocol, "protocol_for", lambda data: replace(usual(data), number=200))
    found = json.loads(ganzoo(f"stability sweep simple --data {data} --seeds 1 --json {TINY}"))
    assert (found["tier"], found["score"]) == ("own", score)
    assert found["real"].keys() == found["rows"][0]["metrics"].keys() == metrics
    if data == "mnist-10k":
        assert found["real"]["mnist-fd"] < 10
        assert found["real"]["coverage"] > 0.3
    else:
        assert found["real"]["modes"] > 50


def test_a_stopped_sweep_says_how_to_continue(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise run.Stopped

    monkeypatch.setattr(run.Job, "run", stop)
    monkeypatch.setattr("sys.argv", ["ganzoo", "stability", "sweep", "simple", "--data", "ring8"])
    result = invoke(f"stability sweep simple --data ring8 {TINY}")
    assert result.exit_code == 130
    assert "Finished trials are kept in runs/sweep-ring8-quick" in result.stderr
    assert "Continue with: ganzoo stability sweep simple --data ring8" in result.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("simple", "Missing option '--data'"),
        ("simpel --data ring8", "did you mean 'simple'?"),
        ("simple --data ring9", "did you mean 'ring8'?"),
        ("simple --data circle --jobs 1", "cannot evaluate samples of 'circle'"),
        ("simple --data ring8 --grid lr", "--grid takes KEY=VALUE,VALUE, not 'lr'"),
        ("simple --data ring8 --grid lr=1e-3,", "--grid takes KEY=VALUE,VALUE"),
        ("simple --data ring8 --grid lr=1 --grid lr=2", "'lr' is in the grid twice"),
        ("simple lsgan --data ring8 --grid clip=1", "simple has no setting 'clip'"),
        ("simple --data ring8 --grid lr=fast", "lr='fast' is not a number"),
        ("simple --data ring8 --tier paper --iterations 9", "in which 'iterations' cannot be set"),
        ("simple --data mnist-10k --tier quick", "leave out --tier quick"),
        ("simple --data ring8 --plot x.pdf", "--plot takes x.png, x.svg"),
        ("privileged-v1-cnn --data ring8 --iterations 1 --jobs 1", "this trainer needs a network with 'child'"),
    ],
)
def test_a_mistake_is_one_line(refused: Callable[[str], str], line: str, message: str) -> None:
    assert message in refused(f"stability sweep {line}")
