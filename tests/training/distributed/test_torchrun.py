"""Several processes that torchrun starts on this machine, connected by gloo, train as one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import ganzoo
from ganzoo.records.metrics import read_log
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.gan import GAN
from ganzoo.training.distributed.ranks import current_ranks, process_group
from tests.support import ROOT, SMALL, SMALL_OPTIONS, images, run_iterations, tensors_of
from tests.support.commands import invoke
from tests.support.translation import PAIRS, TRANSLATION

# Adam divides gradients by their size, and those of a bias before a normalisation are rounding errors alone. With a
# small eps, they would make full steps.
EPS = {"optimizer.eps": 1e-3}
CONV = {"batch_size": 8, "latent_dim": 8, "generator.width": 4, "discriminator.width": 4}
CASES: dict[str, tuple[str | GAN, dict[str, Any]]] = {
    "no normalisation": ("simple", SMALL | EPS | {"generator.norm": "none"}),
    "batch normalisation, random numbers in the loss and in a network": (
        "simple",
        SMALL | EPS | {"discriminator.norm": "batch", "discriminator.dropout": 0.3, "smoothing": 0.1},
    ),
    "batch normalisation of images": ("dcgan", CONV | EPS | {"discriminator.norm": "batch"}),
    "a random penalty, which differentiates twice": ("wgan-gp", SMALL | EPS | {"critic_steps": 2}),
    "a penalty through batch normalisation": ("r1", SMALL | EPS | {"discriminator.norm": "batch"}),
    "a penalty through batch normalisation, bf16": (
        "r1",
        SMALL | EPS | {"discriminator.norm": "batch", "precision": "bf16"},
    ),
    "labels, bf16": ("cgan", SMALL | EPS | {"precision": "bf16"}),
    "packs": ("pacgan", SMALL | EPS),
    "images from images": (TRANSLATION, EPS),
    "images from images that are not paired": (replace(TRANSLATION, data="unpaired"), EPS),
}
LINE = f"train simple --seed 1 --device cpu --precision fp32 {SMALL_OPTIONS}"
SLOW = "--iterations 20 --save-every 1 --sample-every 1"  # slow enough to be killed on any machine
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


def train_cases() -> dict[str, Tensor]:
    """Each case's losses ``(iterations, networks)``, averaged over the ranks, and its whole state after them."""
    data = replace(images(1, 16, 16, 45), labels=np.arange(45) % 3, classes=("a", "b", "c"))
    unpaired = replace(PAIRS, conditions=PAIRS.conditions[:27], paired=False, sha256="")  # type: ignore[index]
    found = {}
    for case, (gan, settings) in CASES.items():
        own = {"pairs": PAIRS, "unpaired": unpaired}.get("" if isinstance(gan, str) else gan.data, data)
        training = ganzoo.train(gan, own, iterations=8, **{"device": "cpu", "precision": "fp32"} | settings)
        losses = [current_ranks().mean_over_ranks(list(each.values())) for each in run_iterations(training)]
        found[f"{case}: losses"] = torch.tensor(losses)
        state = training.state()
        sums = [float(tensor.double().sum()) for tensor in state.values()]
        assert current_ranks().mean_over_ranks(sums) == sums, "the state is the same on all ranks, bit for bit"
        found |= {f"{case}: {name}": tensor for name, tensor in state.items()}
    return found


def train_cases_and_save() -> None:
    """Called in each of several processes."""
    with process_group():
        found = train_cases()
        current_ranks().on_rank_zero(lambda: save_file(found, "found.safetensors"))
    threads = Path("/proc/self/task").glob("*/comm")
    assert not [name for name in map(Path.read_text, threads) if "gloo" in name], "the group has ended"


@gloo
@pytest.mark.filterwarnings("ignore:the gradient penalty is per sample")  # one case has batch normalisation in D
def test_two_processes_train_as_one_does() -> None:
    code = "from tests.training.distributed.test_torchrun import train_cases_and_save; train_cases_and_save()"
    Path("script.py").write_text(code)
    with torchrun("script.py") as started:
        _, errors = started.communicate(timeout=PATIENCE)
        assert started.returncode == 0, errors
    two, one = load_file("found.safetensors"), train_cases()
    assert two.keys() == one.keys()
    for kind in ("running_mean", "running_var", "num_batches_tracked", "exp_avg_sq", "average."):
        assert any(kind in name for name in one)
    for name, tensor in one.items():
        if not tensor.is_floating_point():  # positions, steps, random numbers
            assert two[name].equal(tensor), name
        else:
            close = 1e-2 if "bf16" in name else 1e-5
            assert torch.allclose(two[name], tensor, rtol=close, atol=close), (name, (two[name] - tensor).abs().max())


def losses(folder: str) -> dict[int, float]:
    """The generator's loss by iteration, as far as a run has logged it."""
    return {entry["iteration"]: entry["loss.generator"] for entry in read_log(Path(folder, "metrics.jsonl")).entries}


@gloo
@children
def test_after_a_kill_the_run_is_resumed_by_a_single_process_and_is_the_same() -> None:
    line = f"{LINE} {SLOW}"
    assert invoke(f"{line} --out whole").exit_code == 0
    with torchrun("-m", "ganzoo", *line.split(), "--out", "x") as started:
        until(lambda: len(losses("x")) > 1, started)
        os.kill(workers(started)[1], signal.SIGKILL)
        _, errors = started.communicate(timeout=PATIENCE)
    assert started.returncode != 0
    (message,) = re.findall("(?m)^Error: .*$", errors)
    assert message.endswith("has ended or does not answer; resume with: ganzoo train --resume x")
    assert RunFolder("x").record["ranks"] == 2
    assert invoke("train --resume x").exit_code == 0
    assert RunFolder("x").record["ranks"] == 1
    assert losses("x") == pytest.approx(losses("whole"), abs=1e-4)


@gloo
@children
def test_torchrun_restarts_after_a_kill_and_the_same_command_resumes() -> None:
    line = f"{LINE} {SLOW} --out x"
    with torchrun("--max-restarts", "1", "-m", "ganzoo", *line.split()) as started:
        until(lambda: len(losses("x")) > 1, started)
        os.kill(workers(started)[1], signal.SIGKILL)
        output, errors = started.communicate(timeout=PATIENCE)
    assert started.returncode == 0, errors
    training = "Training simple on mnist-10k (10,000 samples), cpu fp32, 1 thread, 2 processes, seed 1, in x"
    assert output.count(training) == 2
    assert output.count("Done.") == 1
    assert [*losses("x")] == [*range(1, 21)]


@gloo
def test_a_stop_saves_and_two_processes_resume_where_one_has_ended() -> None:
    assert invoke(f"{LINE} --iterations 4 --out x").exit_code == 0
    with torchrun("-m", "ganzoo", "train", "--resume", "x", "--iterations", "1000000") as started:
        until(lambda: len(losses("x")) > 4, started)
        started.terminate()
        output, errors = started.communicate(timeout=PATIENCE)
    assert "Error" not in errors.replace("ChildFailedError", "")
    (stopped,) = re.findall(r"Stopped after iteration (\d+); everything is saved.", output)
    assert RunFolder("x").iterations == int(stopped) == [*losses("x")][-1] > 4
    assert RunFolder("x").record["ranks"] == 2
    assert Path("x/report.html").is_file()


@gloo
def test_a_batch_size_that_does_not_divide_is_reported_once() -> None:
    line = LINE.replace("batch_size=8", "batch_size=9")
    with torchrun("-m", "ganzoo", *line.split(), "--out", "x") as started:
        _, errors = started.communicate(timeout=PATIENCE)
    assert re.findall("(?m)^Error: .*$", errors) == [
        "Error: batch_size=9 is that of all processes together, and does not divide by 2; "
        "take a multiple (--set batch_size=8)"
    ]
    assert set(re.findall(r"exitcode +: (\d+)", errors)) == {"2"}
    assert not Path("x").exists()


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are no two CUDA devices")
@pytest.mark.cuda
def test_two_gpus_train_as_one_process_does() -> None:
    line = LINE.replace("--device cpu", "--device cuda") + " --iterations 20"
    assert invoke(f"{line} --out one").exit_code == 0
    with torchrun("-m", "ganzoo", *line.split(), "--out", "two") as started:
        _, errors = started.communicate(timeout=PATIENCE)
    assert started.returncode == 0, errors
    one, two = tensors_of(Path("one")), tensors_of(Path("two"))
    assert all(torch.allclose(two[name].double(), one[name].double(), atol=1e-2) for name in one)
