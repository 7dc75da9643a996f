"""Measuring a training changes no bit of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzoo
from ganzoo.records.options import Options
from ganzoo.runs.probe import TrainingProbe
from tests.runs.conftest import TINY, SilentReporter, run
from tests.support import differing, run_iterations, small_training, snapshot, takes_latent_dim


def test_a_run_trains_as_a_bare_training_does(tmp_path: Path) -> None:
    """Neither weights nor losses differ."""
    settings = TINY | {"iterations": 120, "batch_size": 8}
    measured = run(tmp_path, **settings)
    measured.train(SilentReporter())
    assert sum("diversity" in entry for entry in measured.log.entries) > 5
    bare = small_training("simple", "ring8", **settings)
    losses = run_iterations(bare)
    assert differing(snapshot(measured.training), snapshot(bare)) == []
    for before, entry in zip([{"iteration": 0}, *measured.log.entries], measured.log.entries, strict=False):
        of_iterations = [loss["generator"] for loss in losses[before["iteration"] : entry["iteration"]]]
        assert entry["loss.generator"] == sum(of_iterations) / len(of_iterations)


@pytest.mark.parametrize("gan", ["dcgan", "cgan", "privileged-v2", "skip-gan", "skip-gan-tabular"])
def test_a_probe_changes_nothing(gan: str) -> None:
    """With convolutions, labels, regression inputs and the images of a parent."""
    data = "friedman1" if gan == "skip-gan-tabular" else "mnist-10k"
    small: dict[str, Any] = {"batch_size": 8} | ({"latent_dim": 4} if takes_latent_dim(ganzoo.get(gan)) else {})
    small |= {"parent_training": "joint"} if gan == "privileged-v2" else {}
    one, other = (ganzoo.train(gan, data, iterations=4, device="cpu", precision="fp32", **small) for _ in range(2))
    probe = TrainingProbe(one, Options(data=data).load_data())
    measures: dict[str, Any] = {}
    norms: dict[str, Any] = {}
    for _ in one:
        measures = probe.sample_measures()
        norms = probe.gradient_norms()
    is_image_alone = gan != "skip-gan-tabular"
    assert set(measures) == {"diversity", "distance"} | ({"copies"} if is_image_alone else set())
    assert all(np.isfinite(value) and value >= 0 for value in measures.values())
    assert norms.keys() == one.weights.keys()
    assert all(norm > 0 for norm in norms.values())
    run_iterations(other)
    assert differing(snapshot(one), snapshot(other)) == []
