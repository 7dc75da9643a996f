"""Which rank a process is, its shard of a batch, and how a training is started."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import torch
from torch.distributed.run import get_args_parser

from ganzoo.cli import main
from ganzoo.data import Data
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.registry import registry
from ganzoo.runs.folders import left_by
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
from tests.support import ROOT, SMALL_OPTIONS, small_training
from tests.support.commands import invoke

LINE = f"train simple --seed 1 --device cpu --precision fp32 {SMALL_OPTIONS}"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_single_process_needs_no_communication(tiny: Data) -> None:
    with process_group():
        assert type(current_ranks()) is Ranks
    weight = torch.ones(2, requires_grad=True)
    weight.grad = torch.ones(2)
    current_ranks().average_gradients([weight])
    assert weight.grad.tolist() == [1, 1]
    assert current_ranks().any_rank_stops(True, 2.5, now=False) == (True, 2.5)
    assert current_ranks().mean_over_ranks([1.5]) == [1.5]
    assert current_ranks().on_rank_zero(lambda: 3) == current_ranks().rank_zero_first(lambda: 3) == 3


VARIABLES = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_PORT": "29500"}


def test_the_rank_is_read_from_torchruns_variables() -> None:
    assert rank_environment({}) is None
    assert rank_environment({"RANK": "0", "WORLD_SIZE": "1"}) is None
    assert rank_environment(VARIABLES) == RankEnvironment(rank=1, size=2, local=1)


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
def test_wrong_variables_are_refused(wrong: dict[str, str | None], message: str) -> None:
    environment = {name: value for name, value in (VARIABLES | wrong).items() if value is not None}
    with pytest.raises(GanzooError, match=message):
        rank_environment(environment)


def test_the_shards_of_all_ranks_are_the_batch(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = small_training("simple", tiny, batch_size=8).batches.next()[0]
    parts = []
    for rank in range(4):
        other = object.__new__(ranks.Group)  # not joined to anybody
        other.rank, other.size = rank, 4
        monkeypatch.setattr(ranks, "_current", other)
        parts.append(small_training("simple", tiny, batch_size=8).batches.next()[0])
        with pytest.raises(
            GanzooError, match="batch_size=10 is that of all processes together, and does not divide by 4"
        ):
            small_training("simple", tiny, batch_size=10)
    assert torch.cat(parts).equal(whole)


def test_what_the_same_command_has_left_is_known_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_by("ganzoo train simple", RunFolder("x")) == "nothing"
    assert invoke(f"{LINE} --iterations 3 --out x").exit_code == 0
    command = RunFolder("x").record["command"]
    assert left_by(command, RunFolder("x")) == "finished run"
    assert left_by(f"{command} --seed 2", RunFolder("x")) == "nothing"
    assert not torchrun_restarts()
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "3")
    assert "The run in x is finished; nothing is left to do." in invoke(f"{LINE} --iterations 3 --out x").output
    assert "--force would replace the run at each restart" in invoke(f"{LINE} --iterations 3 --out x --force").output
    Path("x/report.html").unlink()
    assert left_by(command, RunFolder("x")) == "checkpoint"
    Path("x/checkpoint.safetensors").unlink()
    assert left_by(command, RunFolder("x")) == "record"


def test_the_documented_ways_to_start_would_work() -> None:
    page = (ROOT / "docs" / "distributed.md").read_text()
    (script,) = re.findall(r"(?ms)^```bash\n(.*?)^```$", page)
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    text = page.replace("\\\n", "") + str(main.commands["train"].help)
    lines = re.findall(r"(?m)^ *(torchrun --.*?)(?: {4}\w.*)?$", text)
    assert len(lines) == 5
    for line in lines:
        launcher = get_args_parser().parse_args(shlex.split(line)[1:])
        assert (launcher.module, launcher.training_script) == (True, "ganzoo")
        command, *words = launcher.training_script_args
        context = main.commands[command].make_context(command, words)
        if context.params["name"]:
            registry().gan(context.params["name"])
