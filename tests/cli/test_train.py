"""``ganzoo train``: the files of a run, wrong commands, and how a run is resumed after every kind of end."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.data import Data, Request
from ganzoo.evaluation import evaluate, training_data
from ganzoo.evaluation.sources import GeneratorSource, open_source
from ganzoo.generators.images import write_png
from ganzoo.generators.weights import load, read
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.registry import registry
from ganzoo.runs.doctor import findings_in
from ganzoo.runs.log import RunLog
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import locked
from tests.support import ROOT, TRAIN, TRAIN_CHILD, differing, tensors_of
from tests.support.commands import invoke

Text = Callable[[str], str]
GANZOO = [sys.executable, "-c", "from ganzoo.cli import main; main(prog_name='ganzoo')"]
KEPT = ["checkpoint.safetensors", "metrics.jsonl", "run.json", "samples", "weights.safetensors"]
FILES = sorted([*KEPT, "README.md", "neighbours.png", "progress.webp", "real.png", "report.html"])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def iterations_in(folder: Path) -> list[int]:
    """Iterations that the metrics are of."""
    path = folder / "metrics.jsonl"
    return [json.loads(line)["iteration"] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def whole(runs: Path) -> dict[str, Any]:
    """What an uninterrupted run has left."""
    return tensors_of(runs / "simple")


def test_a_run_leaves_all_its_files(ganzoo: Text) -> None:
    said = ganzoo(f"train simple {TRAIN} --sample-every 4 --save-every 3")
    (folder,) = Path("runs").iterdir()
    assert folder.name.startswith("simple-mnist-10k-seed1-")
    assert names(folder) == FILES
    assert names(folder / "samples") == [f"iteration-{number:06d}.png" for number in (0, 4, 6)]
    assert iterations_in(folder) == [3, 4, 6]
    record = RunFolder(folder).read_record()
    assert (record["gan"], record["seed"], record["device"]) == ("simple", 1, "cpu")
    assert record["settings"]["generator.widths"] == [16]
    assert load(folder / "weights.safetensors").metadata.iterations == 6
    assert f"ganzoo sample {folder}" in said
    assert "Training simple on mnist-10k (10,000 samples), cpu fp32, 1 thread, seed 1" in said


def test_a_dry_run_checks_everything_and_writes_nothing(ganzoo: Text, refused: Text) -> None:
    said = ganzoo(f"train simple {TRAIN} --iterations 5000 --dry-run")
    assert "simple on mnist-10k, seed 1, in runs/simple-mnist-10k-seed1-" in said
    assert "generator.widths" in said
    rows = dict(line.split(maxsplit=1) for line in said.partition("\n\n")[2].splitlines())
    assert rows["data"] == "mnist-10k: 10,000 samples, 28x28 pixels, 1 channel, 10 classes"
    assert rows["generator"] == "13,504 parameters", "8 x 16 and 16 x 784, biases, and a batch normalization"
    assert rows["device"] == "cpu fp32, 1 thread"
    assert re.fullmatch(r"about [0-9.]+ (seconds|minutes) for 5,000 iterations, at [0-9.]+ iterations/s", rows["time"])
    assert names(Path()) == []
    for line, message in {
        "dcgan --data ring8": "a convolutional generator fits images",
        "simple --device cuda:99": "device 'cuda:99' is not available here",
        "simple --data folder:none": "there is no folder 'none'",
        "simple --parent no/such": "there is no run or file no/such",
        "simple --image-size 64": "mnist-10k has samples of 28x28 only",
    }.items():
        assert message in refused(f"train {line} --dry-run")
    Path("x").mkdir()
    Path("x/notes.txt").touch()
    assert "x exists; replace it" in refused(f"train simple {TRAIN} --out x --dry-run")
    assert names(Path()) == ["x"]


def test_a_dry_run_estimates_the_parent_too(ganzoo: Text) -> None:
    said = ganzoo(f"train {CHILD} --dry-run")
    assert "parent         simple is trained first, unless it has been: about " in said
    assert names(Path()) == []


def test_out_names_the_folder_of_a_run(ganzoo: Text) -> None:
    ganzoo(f"train simple {TRAIN} --out 'a b/c'")
    assert names(Path("a b/c")) == FILES


def test_an_existing_folder_is_refused_and_replaced_by_force(ganzoo: Text, refused: Text) -> None:
    ganzoo(f"train simple {TRAIN} --out x --sample-every 1")
    assert refused(f"train simple {TRAIN} --out x") == (
        "x exists; resume it with: ganzoo train --resume x, or replace it with --force, or name another with --out"
    )
    Path("x/notes.txt").write_text("mine")
    ganzoo(f"train simple {TRAIN} --out x --iterations 2 --sample-every 2 --force")
    assert iterations_in(Path("x")) == [1, 2]
    assert names(Path("x/samples")) == ["iteration-000000.png", "iteration-000002.png"]
    assert Path("x/notes.txt").read_text() == "mine"
    Path("other").mkdir()
    Path("other/weights.safetensors").write_text("mine")
    assert "is not a run folder" in refused(f"train simple {TRAIN} --out other --force")
    Path("pages").mkdir()
    Path("pages/report.html").write_text("mine")
    assert "is not a run folder" in refused(f"train simple {TRAIN} --out pages --force")
    Path("file").touch()
    assert refused(f"train simple {TRAIN} --out file").startswith("file exists; replace it")
    assert refused(f"train simple {TRAIN} --out file --force").startswith("cannot write in file: ")


@pytest.mark.parametrize(
    "wrong", ["--device tpu", "--data mnits", "--generator dcgan --data ring8 --discriminator dense", "--parent none"]
)
def test_force_keeps_the_old_run_until_the_new_one_can_begin(
    runs: Path, refused: Text, ganzoo: Text, wrong: str
) -> None:
    ganzoo(f"train simple {TRAIN} --out x")
    line = " ".join(word for word in shlex.split(TRAIN) if "generator.widths" not in word or "dcgan" not in wrong)
    refused(f"train simple {line.replace('--set --set', '--set')} {wrong} --out x --force")
    assert differing(tensors_of(Path("x")), tensors_of(runs / "simple")) == []


def test_metrics_and_pictures_come_as_often_as_asked(ganzoo: Text) -> None:
    ganzoo(f"train simple {TRAIN} --iterations 120 --out x --save-every 80 --sample-every 1000")
    assert iterations_in(Path("x")) == [50, 80, 100, 120]
    assert names(Path("x/samples")) == ["iteration-000000.png", "iteration-000120.png"]
    entry = json.loads(Path("x/metrics.jsonl").read_text().splitlines()[0])
    assert set(entry) == {
        "iteration", "iterations_per_second", "cpu_seconds", "loss.generator", "loss.discriminator",
        "discriminator_accuracy", "gradient.generator", "gradient.discriminator", "diversity", "distance", "copies",
    }  # fmt: skip


# Stopping and resuming.


def at(number: int, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Do something after an iteration."""
    append = RunLog.append

    def act_and_append(log: RunLog, iterations: Any, seconds: float, *, score: bool) -> Any:
        if iterations[-1].number == number:
            act()
        return append(log, iterations, seconds, score=score)

    monkeypatch.setattr(RunLog, "append", act_and_append)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("save_every", [1, 4])
def test_a_resumed_run_ends_as_one_that_was_not_stopped(
    ganzoo: Text, stopped: Text, whole: dict[str, Any], number: int, save_every: int
) -> None:
    before = signal.getsignal(number)
    with pytest.MonkeyPatch.context() as monkeypatch:
        at(3, monkeypatch, lambda: os.kill(os.getpid(), number))
        said = stopped(f"train simple {TRAIN} --out x --save-every {save_every} --sample-every 1")
    assert signal.getsignal(number) == before
    *_, end, command = said.splitlines()
    assert end == "Stopped after iteration 4; everything is saved.", "the signal came after iteration 3"
    assert command == "Resume with: ganzoo train --resume x"
    ganzoo(command.removeprefix("Resume with: ganzoo "))
    assert differing(tensors_of(Path("x")), whole) == []
    assert iterations_in(Path("x")) == [1, 2, 3, 4, 5, 6]


def test_ctrl_c_and_the_printed_command(whole: dict[str, Any]) -> None:
    """The whole way, in processes of their own."""
    line = f"train simple {TRAIN} --iterations 100000 --set lr_schedule=constant --out x --save-every 5"
    running = subprocess.Popen([*GANZOO, *shlex.split(line)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(running, Path("x/metrics.jsonl"))
    running.send_signal(signal.SIGINT)
    said, complaint = running.communicate(timeout=60)
    assert (running.returncode, complaint) == (130, "")
    done = load(Path("x/weights.safetensors")).metadata.iterations
    *_, end, command = said.splitlines()
    assert end == f"Stopped after iteration {done}; everything is saved."
    assert iterations_in(Path("x"))[-1] == done
    more = [*shlex.split(command.removeprefix("Resume with: ganzoo ")), "--iterations", str(done + 2)]
    subprocess.run([*GANZOO, *more], check=True, capture_output=True)
    assert load(Path("x/weights.safetensors")).metadata.iterations == done + 2


def wait_for(running: subprocess.Popen[str], path: Path) -> None:
    for _ in range(6000):
        if path.exists() and path.stat().st_size:
            return
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    raise AssertionError(f"{path} did not come")


def test_a_killed_run_is_resumed_from_its_checkpoint(ganzoo: Text) -> None:
    line = f"train simple {TRAIN} --iterations 500 --save-every 20 --sample-every 40 --out"
    running = subprocess.Popen(
        [*GANZOO, *shlex.split(line), "x"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    wait_for(running, Path("x/metrics.jsonl"))
    assert running.poll() is None, "killed too late"
    running.kill()
    running.communicate()
    assert read(Path("x/checkpoint.safetensors"))[1].iterations < 500
    ganzoo("train --resume x")
    ganzoo(f"{line} y")
    assert differing(tensors_of(Path("x")), tensors_of(Path("y"))) == []
    assert iterations_in(Path("x")) == iterations_in(Path("y"))
    assert names(Path("x/samples")) == names(Path("y/samples"))


def killed_in_a_save(line: str, saves: int) -> None:
    """Run a command that dies, as by kill -9, when it has written a file but not yet moved it into place."""
    fsync, done = os.fsync, 0

    def die(descriptor: int) -> None:
        nonlocal done
        done += 1
        if done == saves:
            os._exit(9)
        fsync(descriptor)

    os.fsync = die
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    invoke(line)
    os._exit(0)


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork")
def test_a_run_killed_while_it_saves_is_resumed_too(
    ganzoo: Text, refused: Text, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at every file that a short run writes: the record, weights, checkpoints and pictures."""
    line = f"train simple {TRAIN} --save-every 3 --sample-every 3 --out"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    server = multiprocessing.get_context("forkserver")  # a fork of this process would lack autograd's threads
    server.set_forkserver_preload([__name__, "ganzoo.runs.run", "ganzoo.pages.report.animation", "torch._dynamo"])
    ends = []
    for saves in range(1, 20):
        folder = Path(f"x{saves}")
        process = server.Process(target=killed_in_a_save, args=(f"{line} {folder}", saves))
        process.start()
        process.join(60)
        ends.append(process.exitcode)
        if process.exitcode == 0:
            break
        if (folder / "checkpoint.safetensors").exists():
            ganzoo(f"train --resume {folder}")
        else:
            refused(f"train --resume {folder}")
            ganzoo(f"{line} {folder} --force")
        assert differing(tensors_of(folder), whole) == []
        assert iterations_in(folder) == [3, 6]
        assert names(folder) == FILES
    assert ends == [9] * 15 + [0]


def test_iterations_can_be_raised(ganzoo: Text, refused: Text) -> None:
    ganzoo(f"train simple {TRAIN} --set lr_schedule=constant --iterations 4 --out x")
    assert refused("train --resume x") == "the run in x has done its 4 iterations; train longer with --iterations N"
    assert "x has 4 iterations already; --iterations has to be larger" in refused("train --resume x --iterations 3")
    ganzoo("train --resume x --iterations 6")
    ganzoo(f"train simple {TRAIN} --set lr_schedule=constant --out y")
    assert differing(tensors_of(Path("x")), tensors_of(Path("y"))) == []
    assert RunFolder("x").read_record()["settings"]["loop.iterations"] == 6


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "run.json").unlink(), "x is not a run folder: it holds no run.json"),
        (lambda folder: (folder / "run.json").write_text("{"), "run.json cannot be read as the record of a run"),
        (lambda folder: (folder / "run.json").write_text("[]"), "run.json cannot be read as the record of a run"),
        (lambda folder: (folder / "run.json").write_text("{}"), "as the record of a run: it lacks 'gan'"),
        (lambda folder: (folder / "checkpoint.safetensors").unlink(), "x holds no checkpoint yet; start again with: "),
        (lambda folder: (folder / "checkpoint.safetensors").write_bytes(b"x"), "is no readable safetensors file"),
        (
            lambda folder: (folder / "weights.safetensors").rename(folder / "checkpoint.safetensors"),
            "is not a checkpoint: it lacks 'average'",
        ),
        (
            lambda folder: edit(folder, data_sha256="0"),
            "data set mnist-10k differs from that of the run in x: its SHA-256",
        ),
        (lambda folder: edit(folder, gan="dcgna"), "disagree about 'gan'"),
        (lambda folder: edit(folder, threads=10**6), "'threads' is 1000000"),
        (lambda folder: edit(folder, seed=5), "disagree about 'seed'"),
        (lambda folder: edit(folder, settings=[]), "run.json cannot be read as the record of a run"),
        (lambda folder: edit(folder, device="tpu"), "device 'tpu' is not available here"),
    ],
)
def test_a_run_that_cannot_be_resumed_says_why(stopped: Text, refused: Text, spoil: Any, message: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        at(3, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT))
        stopped(f"train simple {TRAIN} --out x")
    spoil(Path("x"))
    assert message in refused("train --resume x")


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_number_of_threads_is_recorded_and_resumed(stopped: Text, ganzoo: Text) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        at(3, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT))
        stopped(f"train simple {TRAIN} --threads 2 --out x")
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    ganzoo("train --resume x")
    assert torch.get_num_threads() == json.loads(Path("x/run.json").read_text())["threads"] == 2
    torch.set_num_threads(1)


def test_dense_networks_take_one_thread_by_default(
    stopped: Text, ganzoo: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.training.device.cores", lambda: 3)
    dense = f"train simple {TRAIN} --iterations 2"
    convolutional = "train dcgan --device cpu --precision fp32 --set widths=2,2 --iterations 1 --batch-size 8"
    convolutional = convolutional.replace("widths=2,2", "generator.width=2 --set discriminator.width=2")
    try:
        assert ", 1 thread, " in ganzoo(f"{dense} --out with-variable")
        monkeypatch.delenv("OMP_NUM_THREADS")
        assert ", 1 thread, " in ganzoo(f"{dense} --out dense")
        assert ", 2 threads, " in ganzoo(f"{dense} --threads 2 --out chosen")
        assert ", 3 threads, " in ganzoo(f"{convolutional} --out convolutional")
        assert RunFolder("convolutional").read_record()["threads"] == 3
        monkeypatch.setattr("ganzoo.training.device.cores", lambda: 1)
        assert ", 3 threads, " in ganzoo("train --resume convolutional --iterations 2"), "as it was recorded"
    finally:
        torch.set_num_threads(1)


# Data that were moved, and other working directories.


def colours(folder: Path, size: int, shift: int = 0) -> None:
    folder.mkdir(parents=True)
    for number in range(12):
        write_png(folder / f"{number}.png", np.full((size, size, 3), 20 * number + shift, np.uint8))


FOLDER = (
    f"train simple {TRAIN} --data folder:cats --image-size 8 --set lr_schedule=constant --iterations 2 --out runs/x"
)


@pytest.mark.parametrize(
    ("name", "absolute"),
    [
        ("folder:cats", "folder:{here}/cats"),
        ("pairs:cats,dogs,holdout=0%", "pairs:{here}/cats,{here}/dogs,holdout=0%"),
        ("lowres:cats,factor=2,holdout=0%", "lowres:{here}/cats,factor=2,holdout=0%"),
    ],
)
def test_a_run_is_resumed_from_another_working_directory(
    ganzoo: Text, monkeypatch: pytest.MonkeyPatch, name: str, absolute: str
) -> None:
    colours(Path("cats"), 8)
    colours(Path("dogs"), 8, shift=2)
    ganzoo(FOLDER.replace("folder:cats", name))
    run = Path("runs/x").absolute()
    record = json.loads((run / "run.json").read_text())
    assert (record["data"], record["absolute_data"]) == (name, absolute.format(here=Path.cwd()))
    colours(Path("elsewhere/cats"), 8, shift=1)
    monkeypatch.chdir("elsewhere")
    ganzoo(f"train --resume {run} --iterations 4")
    assert read(run / "checkpoint.safetensors")[1].data.name == name, "no path of this machine"
    assert training_data(generator_source(run)).sha256 == record["data_sha256"]
    (run / "neighbours.png").unlink()
    assert "left out" not in ganzoo(f"report {run}")
    assert (run / "neighbours.png").exists()


def generator_source(run: Path) -> GeneratorSource:
    source = open_source(str(run))
    assert isinstance(source, GeneratorSource)
    return source


def test_data_that_changed_are_not_evaluated_as_those_of_the_training(ganzoo: Text, refused: Text) -> None:
    colours(Path("cats"), 8)
    ganzoo(FOLDER)
    Path("cats").rename("moved")
    colours(Path("cats"), 8, shift=1)
    Path("x.safetensors").write_bytes(Path("runs/x/weights.safetensors").read_bytes())
    for source in ("runs/x", "x.safetensors"):
        assert re.search(
            r"data set folder:cats differs from that of .*x.*: its SHA-256 is [0-9a-f]{64}, not [0-9a-f]{64}; ",
            refused(f"evaluate {source} -n 20"),
        )
        with pytest.raises(GanzooError, match=r"extractor|network"):  # that is, the data are accepted
            evaluate(source, "folder:moved", number=20)


def test_a_folder_that_moved_with_its_data_is_resumed(ganzoo: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    colours(Path("old/cats"), 8)
    monkeypatch.chdir("old")
    ganzoo(FOLDER)
    monkeypatch.chdir("..")
    Path("old").rename("new")
    monkeypatch.chdir("new")
    ganzoo("train --resume runs/x --iterations 4")
    assert iterations_in(Path("runs/x"))[-1] == 4


@pytest.mark.parametrize("lazy", [False, True])
def test_data_that_were_moved_are_named(
    ganzoo: Text, refused: Text, monkeypatch: pytest.MonkeyPatch, lazy: bool
) -> None:
    if lazy:
        monkeypatch.setattr("ganzoo.data.folder.MAX_MEMORY", 0)
    colours(Path("cats"), 8)
    ganzoo(FOLDER)
    Path("cats").rename("moved")
    message = refused("train --resume runs/x --iterations 4")
    assert message.startswith("there is no folder 'cats'; ")
    assert message.endswith("; if the data of the run in runs/x were moved, say where to with --data")
    colours(Path("other"), 9 if lazy else 8, shift=1)
    recorded = json.loads(Path("runs/x/run.json").read_text())["data_sha256"]
    assert re.fullmatch(
        "data set folder:other differs from that of the run in runs/x: its SHA-256 is [0-9a-f]{64}, not "
        f"{recorded}; name the same data with --data",
        refused("train --resume runs/x --iterations 4 --data folder:other"),
    )
    assert iterations_in(Path("runs/x"))[-1] == 2
    ganzoo("train --resume runs/x --iterations 4 --data folder:moved")
    assert iterations_in(Path("runs/x"))[-1] == 4
    ganzoo("train --resume runs/x --iterations 6")
    assert json.loads(Path("runs/x/run.json").read_text())["data"] == "folder:moved"


def test_a_folder_of_downloads_is_found_again(ganzoo: Text, refused: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its absolute path, whether it was typed or set by the environment, and by --data-dir once it has moved."""

    def load(request: Request) -> Data:
        if not (request.directory / "points.npy").is_file():
            raise GanzooError(f"no points in {request.directory}")
        return Data(name=request.name, samples=np.load(request.directory / "points.npy"))

    monkeypatch.setitem(registry().parts["dataset"], "points", load)
    Path("downloads").mkdir()
    Path("other").mkdir()
    np.save("downloads/points.npy", np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32))
    line = f"train simple {TRAIN} --data points --set lr_schedule=constant --iterations 2 --out"
    run = Path("typed").absolute()
    ganzoo(f"{line} typed --data-dir downloads")
    monkeypatch.setenv("GANZOO_DATA_DIR", "downloads")
    ganzoo(f"{line} set")
    monkeypatch.delenv("GANZOO_DATA_DIR")
    ganzoo("train --resume set --iterations 3")
    monkeypatch.chdir("other")
    ganzoo(f"train --resume {run} --iterations 3")
    Path("../downloads").rename("../moved")
    assert "no points in downloads; if the data" in refused(f"train --resume {run} --iterations 4")
    ganzoo(f"train --resume {run} --iterations 4 --data-dir ../moved")
    ganzoo(f"train --resume {run} --iterations 5")


def test_truncated_metrics_are_repaired(ganzoo: Text, stopped: Text) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        at(3, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT))
        stopped(f"train simple {TRAIN} --out x")
    with Path("x/metrics.jsonl").open("a") as file:
        file.write('{"iteration": 5, "loss": 1}\n{"iteration": 6, "lo')
    ganzoo("train --resume x")
    assert iterations_in(Path("x")) == [1, 2, 3, 4, 5, 6]


def test_a_diverged_run_stops_and_keeps_its_last_good_checkpoint(refused: Text) -> None:
    message = refused(f"train simple {TRAIN} --set lr=1e30 --out x --save-every 1")
    saved = read(Path("x/checkpoint.safetensors"))[1].iterations
    assert message.startswith(f"iteration {saved + 1}: non-finite: the ")
    assert message.endswith(f"; try --set lr=5e+29 or less; x keeps the last good checkpoint, of iteration {saved}")
    assert iterations_in(Path("x")) == list(range(1, saved + 2)), "the last holds what was found"


WILD = f"train simple {TRAIN} --set lr=10 --iterations 60 --data ring8 --sample-every 60 --save-every 30"


def without_speed(folder: Path) -> list[dict[str, Any]]:
    return [entry | {"iterations_per_second": 0, "cpu_seconds": 0} for entry in RunFolder(folder).metrics]


def test_findings_are_printed_when_they_are_seen_and_at_the_end(ganzoo: Text) -> None:
    said = ganzoo(f"{WILD} --out x")
    (found,) = findings_in(RunFolder("x").metrics)
    assert found.line.endswith("; try --set lr=5 or less")
    lines = said.splitlines()
    assert lines.count(str(found)) == 1
    assert lines[-1] == f"Finding: {found}"
    assert ganzoo("doctor x") == f"{found}\n"


def test_stop_on_collapse_stops_a_run_that_can_be_resumed(ganzoo: Text) -> None:
    ganzoo(f"{WILD} --out whole")
    result = invoke(f"{WILD} --out x --stop-on-collapse")
    assert (result.exit_code, result.stderr) == (3, "")
    (found,) = findings_in(RunFolder("x").metrics)
    *_, end, why, command = result.stdout.splitlines()
    assert end == f"Stopped after iteration {found.iteration}; everything is saved."
    assert why == f"Finding: {found}"
    assert load(Path("x/weights.safetensors")).metadata.iterations == found.iteration < 60
    assert names(Path("x/samples")) == ["iteration-000000.png", f"iteration-{found.iteration:06d}.png"]
    ganzoo(command.removeprefix("Resume anyway with: ganzoo ") + " --stop-on-collapse")
    assert differing(tensors_of(Path("x")), tensors_of(Path("whole"))) == []
    assert without_speed(Path("x")) == without_speed(Path("whole")), "found once, and measured in the same iterations"


def test_a_hopeless_parent_stops_its_child_too(ganzoo: Text) -> None:
    child = CHILD.replace("parent.iterations=4", "parent.iterations=100")
    line = f"train {child} --set parent.lr=10 --data ring8 --out runs/x --stop-on-collapse"
    result = invoke(line)
    assert (result.exit_code, result.stderr) == (3, "")
    assert "Stopped while training the parent; everything is saved in runs/simple-" in result.stdout
    assert not Path("runs/x").exists()


def test_the_doctor_of_healthy_runs_and_of_none(ganzoo: Text, refused: Text, runs: Path) -> None:
    assert ganzoo(f"doctor {runs / 'simple'}") == "Nothing found up to iteration 6.\n"
    assert "no/such is not a run folder" in refused("doctor no/such")
    ganzoo(f"train simple {TRAIN} --out x")
    Path("x/metrics.jsonl").write_text('{"iteration": 6, "discriminator_accuracy": 0.5}\n')
    assert ganzoo("doctor x").endswith("only its losses were checked.\n")
    Path("x/metrics.jsonl").write_text('broken\n{"iteration": 6, "discriminator_accuracy": 0.5}\n')
    assert "1 unreadable line is left out of metrics.jsonl.\n" in ganzoo("doctor x")
    Path("x/metrics.jsonl").unlink()
    assert "x holds no metrics yet" in refused("doctor x")


def test_a_full_disk_is_one_line_and_spoils_nothing(refused: Text, ganzoo: Text, whole: dict[str, Any]) -> None:
    write_bytes, written = Path.write_bytes, 0

    def full(path: Path, data: bytes) -> int:
        nonlocal written
        written += 1
        if written > 4:
            write_bytes(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_bytes(path, data)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Path, "write_bytes", full)
        message = refused(f"train simple {TRAIN} --out x --save-every 2")
    assert message.startswith("cannot write x/weights.safetensors: No space left on device; choose a folder")
    assert names(Path("x")) == KEPT, "no half of a file"
    assert read(Path("x/checkpoint.safetensors"))[1].iterations == 2
    ganzoo("train --resume x")
    assert differing(tensors_of(Path("x")), whole) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train", "name either a GAN (ganzoo list) or a run to resume (--resume RUN)"),
        ("train simple --resume x", "name either a GAN (ganzoo list) or a run to resume (--resume RUN)"),
        ("train --resume x --seed 3", "--seed cannot change a run; --resume takes only"),
        ("train --resume x --set lr=1", "--set cannot change a run; --resume takes only"),
        ("train --resume x", "x is not a run folder"),
        ("train simpel", "no GAN named 'simpel'; did you mean 'simple'? (ganzoo list)"),
        ("train simple --set lrr=1", "simple has no setting 'lrr'; did you mean 'lr'?"),
        ("train simple --set lr", "--set takes KEY=VALUE, not 'lr'"),
        ("train simple --set lr=fast", "lr='fast' is not a number above 0 (optimizer.lr)"),
        ("train simple --set widths=16", "'widths' is a setting of more than one part; say generator.widths or"),
        ("train simple --preset none", "simple has no preset 'none'; its presets: "),
        ("train simple --trainer wgn", "no trainer named 'wgn'; did you mean 'wgan'?"),
        ("train simple --image-size 64", "mnist-10k has samples of 28x28 only; leave out --image-size 64"),
        ("train simple --data mnits", "no dataset named 'mnits'; did you mean 'mnist'?"),
        ("train simple --data mnist-10k:5", "mnist-10k takes no argument after a colon"),
        ("train simple --device cuda:99", "device 'cuda:99' is not available here"),
        ("train simple --set widths.generator=16", "has no setting 'widths.generator'"),
        (
            "train simple --set generator.widths=99999999999999999999",
            "is out of range; it has to be at least 1 and at most 1,048,576 (generator.widths)",
        ),
        ("train simple --out /dev/null/x", "cannot write in /dev/null/x: "),
        ("train dcgan --data ring8", "a convolutional generator fits images whose sides are"),
        ("train simple --iterations 0", "Invalid value for '--iterations'"),
        ("train simple --seed -1", "Invalid value for '--seed'"),
        ("train privileged-v1-ann --parent no/such", "there is no run or file no/such"),
    ],
)
def test_a_wrong_command_is_one_line(refused: Text, line: str, message: str) -> None:
    assert message in refused(line)
    assert not list(Path().glob("runs/*"))


# Parents.

CHILD_ALONE = f"privileged-v1-ann {TRAIN_CHILD}"
CHILD = f"{CHILD_ALONE} " + " ".join(
    f"--set parent.{setting}"
    for setting in ("iterations=4", "latent_dim=8", "generator.widths=16", "discriminator.widths=16")
)


def test_a_parent_is_trained_first_and_only_once(ganzoo: Text) -> None:
    said = ganzoo(f"train {CHILD} --out runs/x")
    (parent,) = Path("runs").glob("simple-*")
    assert f"parent simple: not trained yet, so it is trained first, in {parent}" in said
    trained = tensors_of(parent)
    assert f"parent simple: taken from {parent}" in ganzoo(f"train {CHILD} --out runs/y")
    assert differing(tensors_of(parent), trained) == []
    assert differing(tensors_of(Path("runs/x")), tensors_of(Path("runs/y"))) == []
    child = load(Path("runs/x/weights.safetensors"))
    assert child.has_parent
    assert (child.sample([5], stage="parent") == load(parent / "weights.safetensors").sample([5])).all()
    ganzoo(f"train {CHILD_ALONE} --out runs/z --parent {parent}")
    assert differing(tensors_of(Path("runs/x")), tensors_of(Path("runs/z"))) == []


def test_another_parent_is_refused(ganzoo: Text, refused: Text) -> None:
    ganzoo(f"train {CHILD} --out runs/x")
    (parent,) = Path("runs").glob("simple-*")
    edit(parent, seed=2)
    assert f"{parent} holds another simple than the parent that is needed" in refused(f"train {CHILD} --out runs/y")


@pytest.mark.parametrize("saved", [True, False])
def test_an_interrupted_parent_is_continued(ganzoo: Text, stopped: Text, saved: bool) -> None:
    ganzoo(f"train {CHILD} --out whole/x")
    with pytest.MonkeyPatch.context() as monkeypatch:
        at(2, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT))
        said = stopped(f"train {CHILD} --out runs/x")
    (parent,) = Path("runs").glob("simple-*")
    assert f"Stopped while training the parent; everything is saved in {parent}." in said
    if not saved:  # as if it had been killed before its first checkpoint
        (parent / "checkpoint.safetensors").unlink()
    said = ganzoo(f"train {CHILD} --out runs/x")
    assert (f"continued in {parent}" if saved else "is trained first") in said
    assert differing(tensors_of(Path("runs/x")), tensors_of(Path("whole/x"))) == []


def test_a_child_is_resumed_without_the_run_of_its_parent(ganzoo: Text, stopped: Text) -> None:
    ganzoo(f"train {CHILD} --out whole/x")
    (parent,) = Path("whole").glob("simple-*")
    with pytest.MonkeyPatch.context() as monkeypatch:
        at(3, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT))
        stopped(f"train {CHILD_ALONE} --out x --parent {parent}")
    parent.rename("away")
    ganzoo("train --resume x")
    assert differing(tensors_of(Path("x")), tensors_of(Path("whole/x"))) == []


def test_a_child_of_a_child_is_resumed(ganzoo: Text) -> None:
    few = " ".join(f"--set {'parent.' * depth}iterations=1 --set {'parent.' * depth}batch_size=8" for depth in (1, 2))
    ganzoo(
        f"train privileged-v1 --set parent=privileged-v2-ann {few} --set lr_schedule=constant --iterations 1 --out x"
    )
    ganzoo("train --resume x --iterations 2")
    assert iterations_in(Path("x")) == [1, 2]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_one_process_at_a_time_trains_in_a_folder(ganzoo: Text, refused: Text) -> None:
    ganzoo(f"train simple {TRAIN} --set lr_schedule=constant --iterations 2 --out x")
    with locked(Path("x")):
        assert "another process is training in x" in refused("train --resume x --iterations 4")
    assert RunFolder("x").read_record()["settings"]["loop.iterations"] == 2
    ganzoo("train --resume x --iterations 4")
