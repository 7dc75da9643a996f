"""The oldest supported runtime reads the files that ship, and gives the samples of today's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganzoo.generators import pretrained
from ganzoo.generators.onnx_reader import read
from ganzoo.generators.onnx_session import Sampler
from tests.support import ROOT

OLDEST = ("onnxruntime==1.16.3", "numpy==1.26.4")  # of October 2023
SEEDS = [0, 7, 70]
SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import numpy as np, onnxruntime
for line in sys.stdin:
    path, feeds, made = json.loads(line)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with np.load(feeds) as arrays:
        np.save(made, session.run(["samples"], dict(arrays))[0])
print(onnxruntime.__version__)
"""


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that runtime, which is not installed."""
    folder = tmp_path_factory.mktemp("oldest")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]
    done = subprocess.run([*pip, str(folder), *OLDEST], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pip cannot install {OLDEST[0]} here: {done.stderr.strip().splitlines()[-1]}")
    return folder


def test_every_file_that_ships_gives_the_same_samples(oldest: Path, tmp_path: Path) -> None:
    jobs, paths = [], [entry.path("onnx") for entry in pretrained.index().values()]
    assert len(paths) > 10
    for number, path in enumerate(paths):
        _, metadata = read(path)
        sampler = Sampler(path, threads=1)
        feeds = {"z": sampler.latents(SEEDS)}
        if metadata.num_classes:
            feeds["labels"] = np.arange(len(SEEDS)) % metadata.num_classes
        if metadata.condition:
            feeds["conditions"] = np.random.default_rng(0).uniform(-1, 1, (len(SEEDS), *metadata.condition))
            feeds["conditions"] = feeds["conditions"].astype(np.float32)
        wanted = sampler.run("child", *feeds.values())
        feeds |= {name: np.float32(value) for name, value in metadata.sampling_inputs.items()}
        np.savez(tmp_path / f"{number}.npz", **feeds)
        jobs.append([str(path), str(tmp_path / f"{number}.npz"), str(tmp_path / f"{number}.npy")])
        np.save(tmp_path / f"{number}-wanted.npy", wanted)
    lines = "\n".join(json.dumps(job) for job in jobs)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(oldest)], input=lines, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == OLDEST[0].partition("==")[2]
    for number, path in enumerate(paths):
        made, wanted = (np.load(tmp_path / f"{number}{end}.npy").astype(np.float32) for end in ("", "-wanted"))
        np.testing.assert_allclose(made, wanted, atol=1e-4, err_msg=str(path))
