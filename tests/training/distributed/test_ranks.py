"""Several processes, joined by gloo on this machine, are one training."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributed.run import get_args_parser

from ganzoo.cli import main
from ganzoo.data import Data
from ganzoo.generators.weights import read
from ganzoo.registry.registry import registry
from ganzoo.runs.folders import left_by, read_metrics, read_record
from ganzoo.training.distributed import ranks
from ganzoo.training.distributed.ranks import (
    RankEnvironment,
    Ranks,
    current_ranks,
    process_group,
    rank_environment,
    torchrun_restarts,
)
from ganzoo.util.errors import GanzooError
from tests.support import ROOT, begin, images, play, tensors_of
from tests.support.commands import invoke

CASES = {
    "no normalisation": ("simple", {"generator.norm": "none"}),
    "batch normalisation, random numbers in the loss and in a network": (
        "simple",
        {"discriminator.norm": "batch", "discriminator.dropout": 0.3, "smoothing": 0.1},
    ),
    "a random penalty, which differentiates twice": ("wgan-gp", {"critic_steps": 2}),
    "a penalty through batch normalisation": ("r1", {"discriminator.norm": "batch"}),
    "a penalty through batch normalisation, bf16": ("r1", {"discriminator.norm": "batch", "precision": "bf16"}),
    "labels, bf16": ("cgan", {"precision": "bf16"}),
    "packs": ("pacgan", {}),
}
BATCH = "--set batch_size=8 --set latent_dim=8 --set generator.widths=16 --set discriminator.widths=16"
LINE = f"train simple --seed 1 --device cpu --precision fp32 {BATCH}"

SLOW = "--iterations 30 --save-every 1 --sample-every 1"  # slow enough to be killed on any machine
PATIENCE = 300  # seconds; on a busy machine each of three processes takes long to import torch

gloo = pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()),
    reason="this torch was built without gloo",
)
children = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found in Linux's /proc")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def torchrun(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Two processes under torchrun, which picks a free port itself; all are ended at the end."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *words]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        launch, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}
    ) as started:
        try:
            yield started
        finally:
            if started.poll() is None:
                started.terminate()


def until(true: Callable[[], bool], started: subprocess.Popen[str]) -> None:
    """Wait for something that the processes do."""
    while not true():
        assert started.poll() is None, started.communicate()
        time.sleep(0.02)


def workers(started: subprocess.Popen[str]) -> list[int]:
    """The processes that torchrun has started, in the order of their ranks."""
    return sorted(map(int, Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()))


def played() -> dict[str, list[dict[str, float]]]:
    """The losses of each case, averaged over the ranks, whose states have to be the same."""
    data = replace(images(1, 8, 8, 45), labels=np.arange(45) % 3, classes=("a", "b", "c"))
    found = {}
    for case, (gan, settings) in CASES.items():
        training = begin(gan, data, iterations=8, **settings)
        losses = play(training)
        found[case] = [
            dict(zip(each, current_ranks().mean_over_ranks(list(each.values())), strict=True)) for each in losses
        ]
        sums = [float(tensor.double().sum()) for tensor in training.state().values()]
        assert current_ranks().mean_over_ranks(sums) == sums, "what is saved is the same on all ranks, bit for bit"
    return found


@gloo
def test_two_processes_play_what_one_plays() -> None:
    code = (
        "import json, pathlib\n"
        "from ganzoo.training.distributed.ranks import here, together\n"
        "from tests.training.distributed.test_ranks import played\n"
        "with together():\n"
        "    losses = played()\n"
        "    here().one(lambda: pathlib.Path('losses.json').write_text(json.dumps(losses)))\n"
        "threads = pathlib.Path('/proc/self/task').glob('*/comm')\n"
        "assert not [name for name in map(pathlib.Path.read_text, threads) if 'gloo' in name]\n"
    )
    Path("script.py").write_text(code)
    with torchrun("script.py") as started:
        assert started.wait(PATIENCE) == 0, started.communicate()
    together_ = json.loads(Path("losses.json").read_text())
    for case, alone in played().items():
        wide = 2e-2 if "bf16" in case else 1e-4
        for one, two in zip(alone, together_[case], strict=True):
            assert two == pytest.approx(one, abs=wide), case


@gloo
@children
def test_after_a_kill_the_run_goes_on_alone_and_is_the_same() -> None:
    line = f"{LINE} {SLOW}"
    assert invoke(f"{line} --out whole").exit_code == 0
    with torchrun("-m", "ganzoo", *line.split(), "--out", "x") as started:
        until(lambda: len(read_metrics(Path("x"))) > 1, started)
        os.kill(workers(started)[1], signal.SIGKILL)
        _, errors = started.communicate(timeout=PATIENCE)
    assert started.returncode != 0
    (told,) = re.findall("(?m)^Error: .*$", errors)
    assert told.endswith("has ended or does not answer; go on with: ganzoo train --resume x")
    assert read_record(Path("x"))["ranks"] == 2
    assert invoke("train --resume x").exit_code == 0
    assert read_record(Path("x"))["ranks"] == 1
    metrics = [
        {entry["iteration"]: entry["loss.generator"] for entry in read_metrics(Path(run))} for run in ("x", "whole")
    ]
    assert metrics[0] == pytest.approx(metrics[1], abs=1e-4)


@gloo
@children
def test_torchrun_starts_again_and_the_same_command_goes_on() -> None:
    line = f"{LINE} {SLOW} --out x"
    with torchrun("--max-restarts", "1", "-m", "ganzoo", *line.split()) as started:
        until(lambda: len(read_metrics(Path("x"))) > 1, started)
        os.kill(workers(started)[1], signal.SIGKILL)
        output, errors = started.communicate(timeout=PATIENCE)
    assert started.returncode == 0, errors
    assert (
        output.count("Training simple on mnist-10k (10,000 samples), cpu fp32, 1 thread, 2 processes, seed 1, in x")
        == 2
    )
    assert output.count("Done.") == 1
    assert [entry["iteration"] for entry in read_metrics(Path("x"))] == [*range(1, 31)]


@gloo
def test_a_stop_saves_and_more_processes_go_on_where_one_has_ended() -> None:
    assert invoke(f"{LINE} --iterations 4 --out x").exit_code == 0
    with torchrun("-m", "ganzoo", "train", "--resume", "x", "--iterations", "1000000") as started:
        until(lambda: len(read_metrics(Path("x"))) > 4, started)
        started.terminate()
        output, errors = started.communicate(timeout=PATIENCE)
    assert "Error" not in errors.replace("ChildFailedError", "")
    (stopped,) = re.findall(r"Stopped after iteration (\d+); everything is saved.", output)
    assert read(Path("x/checkpoint.safetensors"))[1]["iterations"] == int(stopped) > 4
    assert read_metrics(Path("x"))[-1]["iteration"] == int(stopped)
    assert read_record(Path("x"))["ranks"] == 2
    assert Path("x/report.html").is_file()


@gloo
def test_a_batch_that_does_not_divide_is_told_once() -> None:
    line = LINE.replace("batch_size=8", "batch_size=9")
    with torchrun("-m", "ganzoo", *line.split(), "--out", "x") as started:
        _, errors = started.communicate(timeout=PATIENCE)
    assert re.findall("(?m)^Error: .*$", errors) == [
        "Error: batch_size=9 is that of all processes together, and does not divide by 2; take a multiple (--set batch_size=8)"
    ]
    assert set(re.findall(r"exitcode +: (\d+)", errors)) == {"2"}
    assert not Path("x").exists()


def test_one_process_has_nothing_to_agree_on(tiny: Data) -> None:
    with process_group():
        assert type(current_ranks()) is Ranks
    weight = torch.ones(2, requires_grad=True)
    weight.grad = torch.ones(2)
    current_ranks().average_gradients([weight])
    assert weight.grad.tolist() == [1, 1]
    assert current_ranks().any_rank_stops(True, 2.5, now=False) == (True, 2.5)
    assert current_ranks().mean_over_ranks([1.5]) == [1.5]
    assert current_ranks().on_rank_zero(lambda: 3) == current_ranks().rank_zero_first(lambda: 3) == 3


WHERE = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_PORT": "29500"}


def test_the_place_of_a_process_is_what_torchrun_says() -> None:
    assert rank_environment({}) is None
    assert rank_environment({"RANK": "0", "WORLD_SIZE": "1"}) is None
    assert rank_environment(WHERE) == RankEnvironment(rank=1, size=2, local=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"RANK": None}, "WORLD_SIZE is set and RANK is not; start with: torchrun"),
        ({"RANK": "2"}, "RANK='2' has to be a number from 0 to 1; start with: torchrun"),
        ({"RANK": "-1"}, "RANK='-1' has to be a number from 0 to 1"),
        ({"RANK": "x" * 1000}, "RANK='x{19} has to be"),
        ({"WORLD_SIZE": "9" * 30}, "WORLD_SIZE='9+ has to be a number from 1 to 10000"),
        ({"LOCAL_RANK": ""}, "LOCAL_RANK='' has to be"),
        ({"MASTER_PORT": "http"}, "MASTER_PORT='http' has to be a number from 1 to 65535"),
    ],
)
def test_variables_that_make_no_sense_are_refused(wrong: dict[str, str | None], message: str) -> None:
    environment = {name: value for name, value in (WHERE | wrong).items() if value is not None}
    with pytest.raises(GanzooError, match=message):
        rank_environment(environment)


def test_the_parts_of_all_ranks_are_the_batch(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = begin("simple", tiny, batch_size=8).feed.next()[0]
    parts = []
    for rank in range(4):
        other = object.__new__(ranks.Group)  # not joined to anybody
        other.rank, other.size = rank, 4
        monkeypatch.setattr(ranks, "_here", other)
        parts.append(begin("simple", tiny, batch_size=8).feed.next()[0])
        with pytest.raises(
            GanzooError, match="batch_size=10 is that of all processes together, and does not divide by 4"
        ):
            begin("simple", tiny, batch_size=10)
    assert torch.cat(parts).equal(whole)


def test_what_the_same_command_has_left_is_known_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_by("ganzoo train simple", Path("x")) == "nothing"
    assert invoke(f"{LINE} --iterations 3 --out x").exit_code == 0
    command = read_record(Path("x"))["command"]
    assert left_by(command, Path("x")) == "whole run"
    assert left_by(f"{command} --seed 2", Path("x")) == "nothing"
    assert not torchrun_restarts()
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "3")
    assert "is whole; nothing is left to do" in invoke(f"{LINE} --iterations 3 --out x").output
    assert "--force would replace at a restart" in invoke(f"{LINE} --iterations 3 --out x --force").output
    Path("x/metrics.jsonl").unlink()
    assert left_by(command, Path("x")) == "checkpoint"
    Path("x/checkpoint.safetensors").unlink()
    assert left_by(command, Path("x")) == "record"


def test_the_documented_ways_to_start_would_work() -> None:
    page = (ROOT / "docs" / "distributed.md").read_text()
    blocks = dict(re.findall(r"(?ms)^```(bash|python)\n(.*?)^```$", page))
    assert subprocess.run(["bash", "-n"], input=blocks["bash"], text=True, check=False).returncode == 0
    compile(blocks["python"], "runs.py", "exec")
    lines = re.findall(r"(?m)^ *(torchrun .*)$", page.replace("\\\n", "") + str(main.commands["train"].help))
    assert len(lines) == 5
    for line in lines:
        launcher = get_args_parser().parse_args(shlex.split(line)[1:])
        assert (launcher.module, launcher.training_script) == (True, "ganzoo")
        command, *words = launcher.training_script_args
        context = main.commands[command].make_context(command, words)
        if context.params["name"]:
            registry().gan(context.params["name"])


cuda = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are no two CUDA devices")


@cuda
@pytest.mark.cuda
def test_two_gpus_play_what_one_process_plays() -> None:
    line = LINE.replace("--device cpu", "--device cuda") + " --iterations 20"
    assert invoke(f"{line} --out one").exit_code == 0
    with torchrun("-m", "ganzoo", *line.split(), "--out", "two") as started:
        _, errors = started.communicate(timeout=PATIENCE)
    assert started.returncode == 0, errors
    one, two = tensors_of(Path("one")), tensors_of(Path("two"))
    assert all(torch.allclose(two[name].double(), one[name].double(), atol=1e-2) for name in one)
