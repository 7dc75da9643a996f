"""``ganzoo stability`` from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ganzoo_plugins.stability import theory

from ganzoo.parts.trainers import non_saturating
from tests.support.commands import invoke

pytestmark = pytest.mark.usefixtures("empty_folder")

QUICK = "--steps 40 --lr 0.1"


def test_gans_with_the_same_dirac_gan_share_a_row_and_those_without_have_a_line() -> None:
    result = invoke(f"stability dirac --all --json {QUICK}")
    left_out = result.stderr.splitlines()
    assert result.exit_code == 0
    assert all(line.startswith("left out: the trainer of ") for line in left_out)
    assert {"acgan", "began", "bigan", "infogan", "vae-gan"} <= {line.split()[5] for line in left_out}
    records = json.loads(result.stdout)
    assert not {line.split()[5] for line in left_out} & {name for record in records for name in record["gans"]}
    shared = next(record for record in records if "simple" in record["gans"])
    assert {"dcgan", "privileged-parent-cnn"} <= set(shared["gans"])
    assert shared["eigenvalues"] == [[pytest.approx(0), pytest.approx(0.5)], [pytest.approx(0), pytest.approx(-0.5)]]
    assert shared["error"] < 1e-9
    assert shared["step_limit"] == 0


def test_the_table(ganzoo: Callable[[str], str]) -> None:
    text = ganzoo(f"stability dirac --gan simple --set penalty=0.3 --scheme simultaneous {QUICK}")
    assert "-0.15 ± 0.47697i" in text
    assert " 1.2 " in text


@pytest.mark.parametrize("name", ["x.png", "x.svg", "x.html"])
def test_pictures(ganzoo: Callable[[str], str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo_plugins.stability.drawing.ARROWS", 5)
    line = f"stability dirac --gan privileged-v1 --set parent_training=joint -o {name} {QUICK}"
    assert f"Written: {name}" in ganzoo(line)
    first = Path(name).read_bytes()
    ganzoo(line)
    assert Path(name).read_bytes() == first
    if name == "x.html":
        text = first.decode()
        assert "default-src 'none'" in text
        assert "{{" not in text
        trajectory = json.loads(text.partition('id="trajectory">')[2].partition("</script>")[0])
        assert len(trajectory["seen"]) == 41
        assert len(trajectory["seen"][0]) == len(trajectory["reach"]) == len(trajectory["arrows"]) == 2
        for plane in trajectory["arrows"]:
            assert len(plane["points"]) == len(plane["directions"]) == 13**2


def test_a_difference_from_theory_sets_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory, "KNOWN", {non_saturating: theory.Theory(theory.of_wasserstein)})
    result = invoke(f"stability dirac --gan simple {QUICK}")
    assert result.exit_code == 1
    assert "differ from theory: simple" in result.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dirac", "name one GAN with --gan NAME, or choose --all"),
        ("dirac --all --gan simple", "name one GAN with --gan NAME, or choose --all"),
        ("dirac --all --out x.png", "--out shows one GAN; name it with --gan"),
        ("dirac --gan simple --out x.pdf", "cannot write '.pdf' files; --out takes x.png, x.svg, x.html"),
        ("dirac --gan simple --out no/x.png", "cannot write no/x.png"),
        ("dirac --gan simpel", "did you mean 'simple'?"),
        ("spectrum nowhere", "nowhere is not a run folder"),
        ("path nowhere", "nowhere is not a run folder"),
        ("path {runs}/ring --from 6", "--from 6 is not before --to 6; choose an earlier iteration"),
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
def test_a_mistake_is_one_line(refused: Callable[[str], str], runs: Path, line: str, message: str) -> None:
    assert message in refused(f"stability {line.format(runs=runs)}")


@pytest.mark.parametrize("name", ["simple", "child", "ring"])
def test_a_path_changes_no_file_of_the_run(
    ganzoo: Callable[[str], str], runs: Path, name: str, empty_folder: Path
) -> None:
    before = {file: file.read_bytes() for file in (runs / name).iterdir() if file.is_file()}
    record = json.loads(ganzoo(f"stability path {runs / name} --points 13 --batch-size 16 --out path.png --json"))
    assert len(record["a"]) == len(record["angle"]) == 13
    assert record["length"] > 0
    assert (record["from"], record["to"]) == (0, 6)
    assert {file: file.read_bytes() for file in (runs / name).iterdir() if file.is_file()} == before


def test_the_spectra_of_all_checkpoints(ganzoo: Callable[[str], str], runs: Path, empty_folder: Path) -> None:
    text = ganzoo(f"stability spectrum {runs / 'ring'} --batch-size 16 --count 2 --out plane.svg")
    head, titles, *rows = text.splitlines()
    assert head == "simple, 4 checkpoints: 275 weights"
    assert titles.split()[:3] == ["iteration", "|v|", "max"]
    assert [row.split()[0] for row in rows[:4]] == ["0", "2", "4", "6"]
    assert rows[4].startswith("At the last checkpoint the discriminator is at a ")
    assert rows[5].startswith("At the last checkpoint the generator is at a ")
    assert rows[6:] == ["Written: plane.svg"]
    assert "iteration" in Path("plane.svg").read_text()


def test_a_broken_checkpoint_is_left_out(runs: Path) -> None:
    shutil.copytree(runs / "ring", "x")
    shutil.copy("x/checkpoints/iteration-000002.safetensors", "x/checkpoints/iteration-000004.safetensors")
    result = invoke("stability spectrum x --batch-size 16 --count 2 --at 2 --at 4")
    assert result.exit_code == 0
    assert "simple after 2 iterations" in result.stdout
    assert result.stderr.startswith(
        "iteration 4 is left out: x/checkpoints/iteration-000004.safetensors is not the checkpoint of"
    )
    assert invoke("stability spectrum x --batch-size 16 --at 4").exit_code == 2


def test_the_spectrum_of_one_checkpoint(ganzoo: Callable[[str], str], runs: Path, empty_folder: Path) -> None:
    line = f"stability spectrum {runs / 'ring'} --batch-size 16 --count 2 --at 4"
    text = ganzoo(line)
    assert "simple after 4 iterations: 275 weights" in text
    assert "max Re" in text
    assert "The generator is at a " in text
    assert "kept one checkpoint" not in text
    (record,) = json.loads(ganzoo(f"{line} --json"))
    assert record["iterations"] == 4
    assert record["rates"]["generator"] == record["lr"]
    assert len(record["hessians"]["discriminator"]["eigenvalues"]) == 65


def test_a_run_without_kept_checkpoints_has_its_last_one(ganzoo: Callable[[str], str], runs: Path) -> None:
    shutil.copytree(runs / "ring", "plain", ignore=lambda *_: ["checkpoints"])
    text = ganzoo("stability spectrum plain --batch-size 16 --count 2")
    assert "simple after 6 iterations" in text
    assert "ganzoo train --keep-every N keeps several" in text


def test_a_path_between_two_checkpoints(ganzoo: Callable[[str], str], runs: Path, empty_folder: Path) -> None:
    line = f"stability path {runs / 'ring'} --points 13 --batch-size 16"
    assert "simple, iteration 2 to 4: " in ganzoo(f"{line} --from 2 --to 4 -o path.svg")
    assert "0: iteration 2, 1: iteration 4" in Path("path.svg").read_text()
    lengths = [json.loads(ganzoo(f"{line} --from {a} --to {b} --json"))["length"] for a, b in ((0, 2), (2, 4), (0, 4))]
    assert max(lengths[:2]) < lengths[2] <= lengths[0] + lengths[1]
