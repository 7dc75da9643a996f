"""``ganzoo train --init`` and ``--freeze``: what is said, recorded and resumed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.generators.weights import read
from tests.support import TRAIN, TRAIN_CHILD, differing, tensors_of

Text = Callable[[str], str]
LINE = f"train simple {TRAIN} --set lr_schedule=constant"
FREEZE = "--freeze discriminator.0 --freeze generator.0-1"


@pytest.fixture
def start(runs: Path) -> Path:
    """A run to begin with, in the current folder."""
    return Path(shutil.copytree(runs / "simple", "start"))


def test_a_run_says_and_records_what_it_began_with(ganzoo: Text, start: Path) -> None:
    said = ganzoo(f"{LINE} --init start {FREEZE}")
    assert (
        "Begins with the weights of simple in start/weights.safetensors: 9 of 9 tensors of the generator, 13,504 of "
        "13,504 parameters; 4 of 4 tensors of the discriminator, 12,577 of 12,577 parameters\n"
        "Not trained: 2 of 3 layers of the generator (0, 1), 176 of 13,504 parameters\n"
        "Not trained: 1 of 2 layers of the discriminator (1), 12,560 of 12,577 parameters\n"
    ) in said
    (run,) = Path("runs").iterdir()
    assert run.name.endswith("-init=start-freeze=discriminator.0,generator.0-1")
    record = json.loads((run / "run.json").read_text())
    digest = hashlib.sha256((start / "weights.safetensors").read_bytes()).hexdigest()
    assert (record["init"], record["init_sha256"]) == ("start", digest)
    assert record["freeze"] == ["discriminator.0", "generator.0-1"]
    before, after = (read(path / "weights.safetensors")[0] for path in (start, run))
    assert before["discriminator.1.weight"].equal(after["discriminator.1.weight"])
    assert not before["discriminator.3.weight"].equal(after["discriminator.3.weight"])
    page, card = (run / "report.html").read_text(), (run / "README.md").read_text()
    for text in ("egun with", digest, "discriminator.0, generator.0-1"):
        assert text in page and text in card


def test_a_run_without_them_says_nothing_of_them(ganzoo: Text) -> None:
    assert "Begins with" not in ganzoo(f"{LINE} --out x")
    record = json.loads(Path("x/run.json").read_text())
    assert (record["init"], record["init_sha256"], record["freeze"]) == (None, None, [])
    assert "egun with" not in Path("x/report.html").read_text() + Path("x/README.md").read_text()


def test_a_resumed_run_freezes_the_same_and_needs_the_weights_no_more(ganzoo: Text, start: Path) -> None:
    ganzoo(f"{LINE} --init start {FREEZE} --out whole")
    ganzoo(f"{LINE} --init start {FREEZE} --iterations 4 --out x")
    shutil.rmtree(start)
    said = ganzoo("train --resume x --iterations 6")
    assert "Not trained: 1 of 2 layers of the discriminator (1)" in said
    assert "Begins with" not in said
    assert differing(tensors_of(Path("x")), tensors_of(Path("whole"))) == []


def test_a_dry_run_lists_the_layers(ganzoo: Text, start: Path) -> None:
    said = ganzoo(f"{LINE} --set generator.widths=16,16 --init start --freeze discriminator.0 --dry-run".replace(
        "--set generator.widths=16 ", ""
    ))  # fmt: skip
    rows = dict(line.split(maxsplit=1) for line in said.partition("\n\n")[2].splitlines())
    assert {name: row for name, row in rows.items() if "." in name} == {
        "generator.0": "0 (Linear), 144 parameters, taken",
        "generator.1": "1 (BatchNorm1d), 32 parameters, taken",
        "generator.2": "3 (Linear), 272 parameters, random",
        "generator.3": "4 (BatchNorm1d), 32 parameters, random",
        "generator.4": "6 (Linear), 13,328 parameters, random",
        "discriminator.0": "1 (Linear), 12,560 parameters, taken, not trained",
        "discriminator.1": "3 (Linear), 17 parameters, taken",
    }
    assert "Begins with the weights of simple in start/weights.safetensors: 7 of 16 tensors" in said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{LINE} --freeze discriminator.0", "freezing discriminator.0 would keep random weights for good; begin with"),
        (f"{LINE} --init nowhere/x", "there is no run or file nowhere/x"),
        (f"{LINE} --init start --freeze discriminator.7", "the discriminator has the layers 0 to 1 (--dry-run"),
        ("train --resume start --init start", "--init cannot change a run; --resume takes only"),
        ("train --resume start --freeze discriminator.0", "--freeze cannot change a run; --resume takes only"),
        (f"{LINE} --pretrained start", "use --init RUN|FILE|NAME"),
    ],
)
def test_what_cannot_be(refused: Text, start: Path, line: str, message: str) -> None:
    assert message in refused(line)
    assert not Path("runs").exists()


def test_a_parent_that_is_trained_first_begins_as_new(ganzoo: Text, runs: Path) -> None:
    shutil.copytree(runs / "child", "start")
    sizes = " ".join(
        f"--set parent.{name}" for name in ("generator.widths=16", "discriminator.widths=16", "latent_dim=8")
    )
    ganzoo(f"train privileged-v1-ann {TRAIN_CHILD} --set parent.iterations=2 {sizes} --init start --name child")
    (parent,) = (path for path in Path("runs").iterdir() if path.name != "child")
    record = json.loads((parent / "run.json").read_text())
    assert (record["gan"], record["init"], record["init_sha256"]) == ("simple", None, None)
    assert json.loads(Path("runs/child/run.json").read_text())["init"] == "start"
