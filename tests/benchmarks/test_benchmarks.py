"""The benchmarks run, and compare the same trainings. What they measure is not tested."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from ganzoo.training.device.tracing import TracedIteration
from tests.benchmarks import floor, profiling, scaling, startup
from tests.benchmarks.baselines.not_installed import NotInstalled
from tests.benchmarks.baselines.script import Script
from tests.benchmarks.cases import BATCH, CASES, CONV, DENSE, LATENT, PENALISED, Case
from tests.benchmarks.comparison import rows
from tests.benchmarks.draws import Loaded, Recorder, Replayed, Resident
from tests.benchmarks.ganzoo_loop import Configuration, training
from tests.benchmarks.harness import interleave, launch, repeated, save, table
from tests.benchmarks.plain_loop import Plain

ITERATIONS = {"dense": 3, "dcgan 32": 2, "wgan-gp": 2}
G_LAYERS = tuple(pairwise((LATENT, 128, 256, 512, 1024, 784)))
D_LAYERS = tuple(pairwise((784, 512, 256, 1)))
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@cases
def test_all_loops_train_alike(case: Case) -> None:
    """With the same weights and draws the losses differ by rounding errors alone, which Adam's first steps enlarge.

    ganzoo evaluates D on real and fake samples in one pass where it can; a script computes sigmoid, then logarithm.
    """
    recorder = Recorder(case.trainer)
    ganzoo = training(case, Configuration({"precision": "fp32"}), recorder)
    expected = [next(ganzoo).losses for _ in range(ITERATIONS[case.name])]
    plain, script = Plain(case, Replayed(recorder.kept)), Script(case, Replayed(recorder.kept))
    for losses in expected:
        plain(1)
        script(1)
        for name, loss in losses.items():
            assert plain.losses[name].item() == pytest.approx(loss.item(), rel=1e-3)
            assert script.losses[name] == pytest.approx(loss.item(), rel=1e-3)


@cases
@pytest.mark.parametrize("source", [Loaded, Resident])
def test_draws_are_digits_and_noise(case: Case, source: type) -> None:
    real, z = source(case).next()
    assert real.shape == (BATCH, 1, case.size, case.size)
    assert real.dtype == z.dtype == torch.float32
    assert (real.amin(), real.amax()) == (-1, 1)
    assert z.shape == (BATCH, LATENT)
    between = source(case).between()
    assert between.shape == (BATCH, 1, 1, 1)
    assert 0 <= between.amin() < between.amax() < 1


def test_an_epoch_of_resident_draws_holds_every_digit_once() -> None:
    draws = Resident(DENSE)
    draws.images = torch.arange(3 * BATCH + 5)[:, None]
    seen = torch.cat([draws.next()[0] for _ in range(3)])
    assert len(seen.unique()) == 3 * BATCH
    assert len(draws.next()[0]) == BATCH


@pytest.mark.parametrize("row", rows(DENSE))
def test_every_row_runs(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled rows are traced, but not compiled, which takes half a minute and is tested elsewhere."""
    monkeypatch.setattr(TracedIteration, "compile", lambda self: None)
    try:
        rows(DENSE)[row]()(1)
    except NotInstalled as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("row", ["torchgan", "mimicry", "ganzoo, own trainer", "floor fp32"])
def test_rows_run_the_penalised_case(row: str) -> None:
    try:
        rows(PENALISED)[row]()(1)
    except NotInstalled as reason:
        pytest.skip(str(reason))


def uses(layers: tuple[tuple[int, int], ...], *, weights: bool, inputs: bool, first: bool) -> int:
    """Multiplications for one sample through dense layers: forward, and what of the gradients is needed."""
    size = sum(math.prod(layer) for layer in layers)
    return size * (1 + weights + inputs) - (0 if first or not inputs else math.prod(layers[0]))


def test_the_floor_counts_what_its_products_do() -> None:
    """In the dense case: G forward and back, D judging for G, D on real images and on fakes."""
    samples = (
        uses(G_LAYERS, weights=True, inputs=True, first=False)
        + uses(D_LAYERS, weights=False, inputs=True, first=True)
        + 2 * uses(D_LAYERS, weights=True, inputs=True, first=False)
    )
    assert sum(product.flops for product in floor.products(DENSE)) == 2 * BATCH * samples


def test_the_floor_steps_as_often_as_the_networks_are_updated() -> None:
    (G, once), (D, often) = floor.optimizers(PENALISED)
    assert (once, often) == (1, 5)
    for adam, layers in ((G, G_LAYERS), (D, D_LAYERS)):
        weights = [weight for group in adam.param_groups for weight in group["params"]]
        assert [weight.shape[::-1] for weight in weights if weight.dim() == 2] == list(layers)


def test_memory_formats_are_for_convolutions() -> None:
    assert set(floor.forms(DENSE)) == {"floor fp32", "floor bf16"}
    assert set(floor.forms(CONV)) == set(floor.FORMS)


def test_the_parts_of_an_iteration_add_up() -> None:
    shares = profiling.parts("dense", "ganzoo fp32", 2)
    assert set(shares) == {"forward", "backward", "optimizer", *profiling.OURS}
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) > 0


def test_operators_are_counted_per_iteration() -> None:
    found = {name: calls for name, _, calls in profiling.operators("dense", "ganzoo fp32", 2)}
    products = [product.operator for product in floor.products(DENSE)]
    assert found["aten::mm"] == products.count(torch.ops.aten.mm.default)
    assert found["aten::addmm"] == products.count(torch.ops.aten.addmm.default)


def test_variants_are_measured_in_turn() -> None:
    called: list[str] = []
    variants = {name: repeated(lambda name=name: called.append(name)) for name in "ab"}
    timings = interleave(variants, turns=3, seconds=0)
    assert called[-6:] == list("ababab")
    assert all(timing.low <= timing.median <= timing.high for timing in timings.values())


def test_a_process_reports_what_it_took() -> None:
    small = launch("-c", "print('first'); print('last')")
    large = launch("-c", "x = bytearray(100_000_000)")
    assert small.output.split() == ["first", "last"]
    assert small.cpu > 0
    assert large.peak - small.peak > 90_000


def test_points_of_a_series_differ_in_one_setting() -> None:
    series: dict[str, list[scaling.Point]] = {}
    for point in scaling.points():
        series.setdefault(point.series, []).append(point)
    for points in series.values():
        assert [point.value for point in points] == sorted({point.value for point in points})
        assert len({point.gan for point in points}) == 1


def test_a_trial_of_a_size_trains() -> None:
    words = json.dumps({"gan": "simple", "settings": {"batch_size": 8}, "images": 32, "side": 28})
    assert float(launch("-m", "tests.benchmarks.trial", "size", "0", words, threads=1).output) > 0


def test_start_up_is_that_of_commands_that_work(tmp_path: Path) -> None:
    words = startup.commands(tmp_path)["ganzoo list"]
    assert "wgan-gp" in launch(*words, threads=1).output


def test_results_are_saved_with_their_machine(tmp_path: Path) -> None:
    save(tmp_path / "results.json", {"rows": [{"way": "a", "images/s": 1}]})
    saved = json.loads((tmp_path / "results.json").read_text())
    assert saved["machine"]["torch"] == torch.__version__
    assert table(saved["rows"]) == "| way | images/s |\n| --- | --- |\n| a | 1 |"
