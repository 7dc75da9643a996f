"""``ganzoo report`` and ``ganzoo card``, and what a training leaves for people."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.test_train import at
from tests.support import TRAIN, differing, tensors_of
from tests.support.commands import invoke

Text = Callable[[str], str]
LEFT = ("report.html", "progress.webp", "neighbours.png", "real.png", "README.md")


def test_a_training_names_its_report(ganzoo: Text) -> None:
    said = ganzoo(f"train simple {TRAIN} --out x --sample-every 3")
    assert f"Report: {Path('x/report.html')} (open it in a browser)" in said
    assert [name for name in LEFT if not Path("x", name).exists()] == []
    before = {name: Path("x", name).read_bytes() for name in LEFT}
    assert ganzoo("report x") == "Report: x/report.html (open it in a browser)\n"
    assert {name: Path("x", name).read_bytes() for name in LEFT} == before


def test_the_page_alone_is_written_elsewhere(ganzoo: Text, refused: Text, runs: Path) -> None:
    shutil.copytree(runs / "simple", "x")
    ganzoo("report x")
    before = {path.name: path.stat().st_mtime_ns for path in Path("x").iterdir()}
    assert ganzoo("report x -o page.html") == "Report: page.html (open it in a browser)\n"
    assert Path("page.html").read_bytes() == Path("x/report.html").read_bytes()
    assert {path.name: path.stat().st_mtime_ns for path in Path("x").iterdir()} == before
    assert "page.html exists; replace it with --force" in refused("report x -o page.html")
    ganzoo("report x -o page.html --force")


def test_a_stopped_training_has_a_report_too(ganzoo: Text, stopped: Text) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        at(3, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT))
        said = stopped(f"train simple {TRAIN} --out x --sample-every 1")
    assert "Report: x/report.html" in said
    assert "4 of 6 (stopped)" in Path("x/report.html").read_text("utf-8")
    ganzoo("train --resume x")
    assert "(stopped)" not in Path("x/report.html").read_text("utf-8")


def test_a_report_that_fails_loses_nothing(ganzoo: Text, runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("all of it")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("ganzoo.pages.report.document", fail)
        result = invoke(f"train simple {TRAIN} --out x")
    assert result.exit_code == 0
    assert "Weights: x/weights.safetensors" in result.stdout
    assert "Report:" not in result.stdout
    assert [record.getMessage() for record in caplog.records] == [
        "the run is saved, but not all of its report: MemoryError: all of it (try again: ganzoo report x)"
    ]
    assert differing(tensors_of(Path("x")), tensors_of(runs / "simple")) == []
    ganzoo("report x")
    assert Path("x/report.html").exists()


def test_force_removes_what_an_old_run_has_left(ganzoo: Text) -> None:
    ganzoo(f"train simple {TRAIN} --out x --sample-every 1")
    Path("x/README.md").write_text("mine")
    ganzoo(f"train simple {TRAIN} --data ring8 --out x --sample-every 6 --force")
    assert not Path("x/neighbours.png").exists(), "points have no neighbours to look at"
    with Image.open("x/progress.webp") as animation:
        assert getattr(animation, "n_frames", 1) == 2, "of the new run alone, at iterations 0 and 6"
    assert Path("x/README.md").read_text() == "mine"


def test_pictures_are_drawn_for_runs_that_lack_them(runs: Path, ganzoo: Text) -> None:
    pictures = ("neighbours.png", "real.png")
    for name in ("simple", "cgan", "child"):
        shutil.copytree(runs / name, name)
        first = [Path(name, picture).read_bytes() for picture in pictures]
        for missing in pictures:
            Path(name, missing).unlink()
        ganzoo(f"report {name}")
        assert [Path(name, picture).read_bytes() for picture in pictures] == first
    for missing in pictures:
        Path("simple", missing).unlink()
    record = Path("simple/run.json")
    record.write_text(record.read_text().replace('"data_sha256": "', '"data_sha256": "0'))
    said = ganzoo("report simple")
    assert "real.png and neighbours.png left out: data set mnist-10k differs from that of the run" in said


def test_a_child_is_shown_with_its_parent(runs: Path) -> None:
    text = (runs / "child" / "report.html").read_text("utf-8")
    assert "Left of each pair: the parent&#x27;s sample. Right: the child&#x27;s, from the same latent." in text


@pytest.mark.parametrize("name", ["simple", "cgan", "child", "ring"])
def test_a_card_of_a_run_shows_its_last_picture(runs: Path, ganzoo: Text, name: str) -> None:
    ganzoo(f"card {runs / name} -o README.md")
    text = Path("README.md").read_text("utf-8")
    (picture,) = [line.partition("](")[2][:-1] for line in text.splitlines() if line.startswith("![")]
    assert Path(picture).resolve() == (runs / name / "samples" / "iteration-000006.png").resolve()


def test_a_card_of_a_file_has_its_own_picture(runs: Path, ganzoo: Text, refused: Text) -> None:
    Path("lone").mkdir()
    for name in ("cgan", "ring"):
        shutil.copy(runs / name / "weights.safetensors", "lone")
        assert ganzoo("card lone/weights.safetensors") == "Card: lone/README.md\n"
        assert "](samples.png)" in Path("lone/README.md").read_text("utf-8")
        with Image.open("lone/samples.png") as picture:
            assert min(picture.size) > 100
    Path("lone/README.md").unlink()
    assert "samples.png exists; replace it with --force" in refused("card lone/weights.safetensors")
    Path("lone/README.md").write_text("mine")
    assert "README.md was not written by ganzoo" in refused("card lone/weights.safetensors")
    ganzoo("card lone/weights.safetensors --force")


def test_a_card_of_an_exported_file(runs: Path, ganzoo: Text) -> None:
    ganzoo(f"export {runs / 'simple'} -o simple.onnx")
    ganzoo("card simple.onnx")
    assert 'ganzoo.Sampler("simple.onnx")' in Path("README.md").read_text("utf-8")
    assert Path("samples.png").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("report nowhere", "nowhere is not a run folder: it holds no run.json; name one, such as runs/NAME"),
        ("card nowhere/x", "there is no run or file nowhere/x"),
        ("card simple", "there are no trained weights of simple here; train them first: ganzoo train simple"),
    ],
)
def test_a_wrong_source_is_one_line(refused: Text, line: str, message: str) -> None:
    assert refused(line) == message
