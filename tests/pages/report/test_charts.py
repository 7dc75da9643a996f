from __future__ import annotations

import re

import numpy as np
import pytest

from ganzoo.pages.report.charts import MOST_POINTS, axis, charts, evenly_spaced, extremes, running_mean, ticks
from ganzoo.records.metrics import Curve


def curve(name: str, values: np.ndarray) -> Curve:
    return Curve(name, np.arange(1.0, len(values) + 1), values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 1.0], (0, 1, 4)), ([-0.3, 0.9], (-0.5, 1, 3)), ([5.0, 5.0], (4.5, 5.5, 4)), ([0.0], (-1, 1, 4))],
)
def test_an_axis_ends_at_round_numbers(values: list[float], expected: tuple[float, float, int]) -> None:
    assert axis(values) == pytest.approx(expected)


def test_ticks_have_the_same_number_of_decimals() -> None:
    assert ticks(0.0, 1.0, 4) == ["1.00", "0.75", "0.50", "0.25", "0.00"]
    assert ticks(-2000.0, 2000.0, 2) == ["2,000", "0", "−2,000"]
    assert ticks(0.0, 4e-8, 2) == ["4e−08", "2e−08", "0"]


def test_the_running_mean_keeps_straight_lines_and_few_points() -> None:
    line = np.linspace(3, 5, 200)
    assert running_mean(line)[5:-5] == pytest.approx(line[5:-5])
    assert running_mean(np.array([1.0, 9.0, 1.0])).tolist() == [1, 9, 1]
    noise = np.random.default_rng(0).normal(size=1000)
    assert running_mean(noise).std() < noise.std() / 4


def test_long_lines_keep_their_spikes() -> None:
    values = np.zeros(100_000)
    values[54_321] = 7
    assert len(extremes(values)) <= MOST_POINTS
    assert 54_321 in extremes(values)
    kept = evenly_spaced(100_000)
    assert (len(kept), kept[0], kept[-1]) == (MOST_POINTS, 0, 99_999)


def test_losses_share_a_chart_and_speed_comes_last() -> None:
    names = ("iterations_per_second", "fd", "loss.generator", "loss.parent.generator")
    text, points = charts([curve(name, np.arange(30.0)) for name in names], 30)
    assert re.findall(r"<h3>(.*?)</h3>", text) == ["Losses", "FD", "Speed, iterations per second"]
    assert [len(lines) for lines in points] == [2, 1, 1]
    assert "parent generator" in text


def test_a_network_has_the_same_colour_in_all_charts() -> None:
    names = ("loss.discriminator", "loss.generator", "gradient.generator", "gradient.discriminator")
    text, _ = charts([curve(name, np.arange(30.0)) for name in names], 30)
    keys = re.findall(r'key (c\d)"></span>(\w+)', text)
    assert keys == [("c0", "discriminator"), ("c1", "generator")] * 2


def test_a_chart_is_described_in_words() -> None:
    text, _ = charts([curve("loss.generator", np.arange(30.0))], 30)
    assert 'aria-label="Losses by iteration: generator from ' in text


def test_drawings_stay_within_their_bounds() -> None:
    values = np.concatenate([np.ones(500), [1e9], np.ones(500)])
    text, _ = charts([curve("loss.x", values)], 1001)
    ys = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.-]+)", text)]
    assert 0 <= min(ys) <= max(ys) <= 300
