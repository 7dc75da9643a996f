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
    text, points = charts([curve(name, np.sqrt(np.arange(30.0))) for name in names], 30)
    assert re.findall(r"<h3>(.*?)</h3>", text) == ["Losses", "FD", "Speed, iterations per second"]
    assert [len(lines) for lines in points] == [2, 1, 1]
    assert "parent&#x27;s generator" in text


def test_a_network_has_the_same_colour_in_all_charts() -> None:
    names = ("loss.discriminator", "loss.generator", "gradient.generator", "gradient.discriminator")
    text, _ = charts([curve(name, np.sqrt(np.arange(30.0))) for name in names], 30)
    keys = re.findall(r'key (c\d)"></span>(\w+)', text)
    assert keys == [("c0", "discriminator"), ("c1", "generator")] * 2


def test_a_metric_has_the_colour_of_its_network() -> None:
    names = (
        "loss.generator",
        "gradient.discriminator",
        "gradient.generator",
        "diversity",
        "discriminator_accuracy",
        "x",
    )
    text, _ = charts([curve(name, np.sqrt(np.arange(30.0))) for name in names], 30)
    lines = re.findall(r'<h3>([^<]+)</h3>|class="line (c\w)"', text)
    assert [title or colour for title, colour in lines] == [
        "Losses", "c1", "Gradient norms", "c0", "c1", "Diversity of samples", "c1",
        "Accuracy of the discriminator", "c0", "X", "cn",
    ]  # fmt: skip


def test_lines_of_a_chart_differ_in_colour() -> None:
    names = [f"loss.{number:02}" for number in range(6)] + [f"other.{number}" for number in (0, 6, 12)]
    text, _ = charts([curve(name, np.sqrt(np.arange(30.0))) for name in names], 30)
    for figure in text.split("<figure")[1:]:
        colours = re.findall(r'class="line (c\d)"', figure)
        assert len(set(colours)) == len(colours)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full(30, 2e-4), "0.0002 throughout"),
        (np.zeros(30), "0 throughout"),
        (np.linspace(1, 0, 30), "from 1 to 0 in a straight line"),
        (np.array([0.5]), "0.5 in iteration 1, the only entry"),
        (np.array([0.5, 0.25]), "from 0.5 to 0.25 in a straight line"),
    ],
)
def test_straight_lines_are_sentences(values: np.ndarray, words: str) -> None:
    text, points = charts([curve("learning_rate", values), curve("rate.generator", values)], 30)
    assert points == []
    items = re.findall("<li>(.*?)</li>", text)
    assert items == [f"Learning rate: {words}.", f"Rate, generator: {words}."]
    drawn, points = charts([curve("rate.generator", values), curve("rate.x", np.sqrt(np.arange(30.0)))], 30)
    assert len(points[0]) == 2, "next to one that is not straight it is drawn"
    assert "sentences" not in drawn


def test_parent_and_child_are_told_apart() -> None:
    names = ("loss.generator", "loss.parent.generator", "loss.parent.discriminator")
    text, _ = charts([curve(name, np.sqrt(np.arange(30.0))) for name in names], 30, has_parent=True)
    assert re.findall(r"</span>([^<]+) <output", text) == ["child&#x27;s generator", "parent&#x27;s discriminator",
                                                           "parent&#x27;s generator"]  # fmt: skip


def test_charts_explain_what_they_show() -> None:
    text, _ = charts([curve(name, np.sqrt(np.arange(30.0))) for name in ("distance", "mnist-fd", "mine")], 30)
    figures = text.split("<figure")[1:]
    assert ["<details" in figure for figure in figures] == [True, True, False]
    assert "energy distance" in figures[0]


def test_a_chart_is_described_in_words() -> None:
    text, _ = charts([curve("loss.generator", np.sqrt(np.arange(30.0)))], 30)
    assert 'aria-label="Losses by iteration: generator from ' in text


def test_drawings_stay_within_their_bounds() -> None:
    values = np.concatenate([np.ones(500), [1e9], np.ones(500)])
    text, _ = charts([curve("loss.x", values)], 1001)
    ys = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.-]+)", text)]
    assert 0 <= min(ys) <= max(ys) <= 300
