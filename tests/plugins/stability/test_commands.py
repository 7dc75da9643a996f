"""``ganzoo stability`` from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ganzoo_plugins.stability import theory

from tests.support.commands import invoke

pytestmark = pytest.mark.usefixtures("empty_folder")

QUICK = "--steps 60 --lr 0.1"


def test_every_gan_is_played_and_those_with_one_game_share_a_line(ganzoo: Callable[[str], str]) -> None:
    records = json.loads(ganzoo(f"stability dirac --all --json {QUICK}"))
    shared = next(record for record in records if "simple" in record["gans"])
    assert {"dcgan", "privileged-parent-cnn"} <= set(shared["gans"])
    assert shared["eigenvalues"] == [[pytest.approx(0), pytest.approx(0.5)], [pytest.approx(0), pytest.approx(-0.5)]]
    assert shared["error"] < 1e-9
    assert shared["step_limit"] == 0


def test_a_table_for_people(ganzoo: Callable[[str], str]) -> None:
    text = ganzoo(f"stability dirac --gan simple --set penalty=0.3 --scheme simultaneous {QUICK}")
    assert "-0.15 ± 0.47697i" in text
    assert " 1.2 " in text


@pytest.mark.parametrize("name", ["x.png", "x.svg", "x.html"])
def test_pictures(ganzoo: Callable[[str], str], name: str, empty_folder: Path) -> None:
    line = f"stability dirac --gan privileged-v1 --set parent_training=joint --out {name} {QUICK}"
    assert f"Written: {name}" in ganzoo(line)
    first = Path(name).read_bytes()
    ganzoo(line)
    assert Path(name).read_bytes() == first
    if name == "x.html":
        text = first.decode()
        assert "default-src 'none'" in text
        assert "{{" not in text
        motion = json.loads(text.partition('id="motion">')[2].partition("</script>")[0])
        assert len(motion["seen"]) == 61
        assert len(motion["seen"][0]) == 2


def test_a_missed_theory_is_told_by_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory, "eigenvalues", lambda _: theory.pair(0, 1))
    result = invoke(f"stability dirac --gan simple {QUICK}")
    assert result.exit_code == 1
    assert "theory is missed by: simple" in result.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dirac", "name one GAN with --gan NAME, or take --all"),
        ("dirac --all --gan simple", "name one GAN with --gan NAME, or take --all"),
        ("dirac --all --out x.png", "--out shows one GAN; name it with --gan"),
        ("dirac --gan simple --out x.pdf", "cannot write '.pdf' files; --out takes x.png, x.svg, x.html"),
        ("dirac --gan simple --out no/x.png", "cannot write no/x.png"),
        ("dirac --gan simpel", "did you mean 'simple'?"),
        ("spectrum nowhere", "nowhere is no run's folder"),
        ("path nowhere", "nowhere is no run's folder"),
        ("path {runs}/ring --from 6", "a path goes on in time: --from 6 has to be before --to 6"),
        ("path {runs}/ring --from 3", "ring holds no checkpoint of iteration 3; it holds those of 0, 2, 4, 6 ("),
        ("path {runs}/ring --to 5", "ring holds no checkpoint of iteration 5; it holds those of 0, 2, 4, 6 ("),
        ("path {runs}/ring --to 0", "--to"),
        (
            "spectrum {runs}/ring --at 2 --at 7",
            "ring holds no checkpoint of iteration 7; it holds those of 0, 2, 4, 6 (",
        ),
        ("spectrum {runs}/ring --at -1", "--at"),
    ],
)
def test_what_cannot_be_done_is_one_line(refused: Callable[[str], str], runs: Path, line: str, message: str) -> None:
    assert message in refused(f"stability {line.format(runs=runs)}")


@pytest.mark.parametrize("name", ["simple", "child", "ring"])
def test_a_run_is_looked_at(ganzoo: Callable[[str], str], runs: Path, name: str, empty_folder: Path) -> None:
    before = {file: file.read_bytes() for file in (runs / name).iterdir() if file.is_file()}
    record = json.loads(ganzoo(f"stability path {runs / name} --points 13 --batch 16 --out path.png --json"))
    assert len(record["a"]) == len(record["angle"]) == 13
    assert record["length"] > 0
    assert (record["from"], record["to"]) == (0, 6)
    assert {file: file.read_bytes() for file in (runs / name).iterdir() if file.is_file()} == before


def test_a_spectrum_over_a_training(ganzoo: Callable[[str], str], runs: Path, empty_folder: Path) -> None:
    text = ganzoo(f"stability spectrum {runs / 'ring'} --batch 16 --count 2 --out plane.svg")
    head, titles, *rows = text.splitlines()
    assert head == "simple, 4 checkpoints: 275 weights"
    assert titles.split()[:3] == ["iteration", "|v|", "max"]
    assert [row.split()[0] for row in rows[:4]] == ["0", "2", "4", "6"]
    assert rows[4].startswith("In the end the discriminator stands at a ")
    assert rows[5].startswith("In the end the generator stands at a ")
    assert rows[6:] == ["Written: plane.svg"]
    assert "iteration" in Path("plane.svg").read_text()


def test_a_checkpoint_that_cannot_be_looked_at_is_left_out(runs: Path) -> None:
    shutil.copytree(runs / "ring", "x")
    shutil.copy("x/checkpoints/iteration-000002.safetensors", "x/checkpoints/iteration-000004.safetensors")
    result = invoke("stability spectrum x --batch 16 --count 2 --at 2 --at 4")
    assert result.exit_code == 0
    assert "simple after 2 iterations" in result.stdout
    assert result.stderr.startswith(
        "iteration 4 is left out: x/checkpoints/iteration-000004.safetensors is no checkpoint of"
    )
    assert invoke("stability spectrum x --batch 16 --at 4").exit_code == 2


def test_the_spectrum_of_one_checkpoint(ganzoo: Callable[[str], str], runs: Path, empty_folder: Path) -> None:
    line = f"stability spectrum {runs / 'ring'} --batch 16 --count 2 --at 4"
    text = ganzoo(line)
    assert "simple after 4 iterations: 275 weights" in text
    assert "max Re" in text
    assert "The generator stands at a " in text
    assert "kept one checkpoint" not in text
    (record,) = json.loads(ganzoo(f"{line} --json"))
    assert record["iterations"] == 4
    assert record["rates"]["generator"] == record["lr"]
    assert len(record["curvatures"]["discriminator"]["eigenvalues"]) == 65


def test_a_run_that_kept_nothing_is_looked_at_where_it_stands(ganzoo: Callable[[str], str], runs: Path) -> None:
    shutil.copytree(runs / "ring", "plain", ignore=lambda *_: ["checkpoints"])
    text = ganzoo("stability spectrum plain --batch 16 --count 2")
    assert "simple after 6 iterations" in text
    assert "ganzoo train --keep-every N keeps those of a whole training" in text


def test_a_path_between_two_checkpoints(ganzoo: Callable[[str], str], runs: Path, empty_folder: Path) -> None:
    line = f"stability path {runs / 'ring'} --points 13 --batch 16"
    assert "simple, iteration 2 to 4: " in ganzoo(f"{line} --from 2 --to 4 --out path.svg")
    assert "0: iteration 2, 1: iteration 4" in Path("path.svg").read_text()
    lengths = [json.loads(ganzoo(f"{line} --from {a} --to {b} --json"))["length"] for a, b in ((0, 2), (2, 4), (0, 4))]
    assert max(lengths[:2]) < lengths[2] <= lengths[0] + lengths[1]
