"""The page of a run as text, and everything that may be wrong with a run folder."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzoo.data import Data
from ganzoo.pages import card, report
from ganzoo.util.errors import GanzooError
from tests.pages.report.conftest import WriteRun
from tests.support import python
from tests.support.run_folders import HOSTILE, entry


class Elements(HTMLParser):
    """The tags of a page, the addresses that it names, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href", "action", "srcset")]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script":
            self.scripts[-1] += data


def page(folder: Path) -> str:
    return report.write(folder).read_text("utf-8")


def visible(text: str) -> str:
    """What a reader reads."""
    body = re.sub(r"(?s)<(script|style)\b.*?</\1>", "", text.partition("<body>")[2])
    return html.unescape(re.sub(r"<[^>]+>", " ", body))


def test_a_page_describes_the_run(written_run: WriteRun) -> None:
    text = page(written_run())
    found, shown = Elements(text), visible(text)
    assert [address[:22] for address in found.addresses] == ["data:,"] + ["data:image/png;base64,"] * 4
    for words in (
        "cgan on mnist-10k", "Mirza & Osindero, 2014", "Training time   2 s", "20 iterations/s",
        "Classes by column: a, b.", "CC BY-SA 3.0, (c) somebody", "ganzoo train cgan --iterations 40",
        "ganzoo 0.1.0, torch 2.6.0", "cgan-dense",
        "weights.safetensors", "iteration 40", "Losses", "generator", "1.025",
    ):  # fmt: skip
        assert re.sub(r"\s+", " ", words) in re.sub(r"\s+", " ", shown), words
    assert "Resume" not in shown
    assert found.handlers == []
    assert json.loads(found.scripts[0])["iterations"] == [10, 20, 30, 40]
    assert text.count(" hidden>") == 3, "of four pictures the last is visible, also without a script"


def test_the_policy_allows_one_script_and_no_connection(written_run: WriteRun) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page(written_run()))
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; img-src data:; "
        r"connect-src 'none'",
        policy,
    )


def test_the_same_folder_gives_the_same_bytes(written_run: WriteRun) -> None:
    folder = written_run(evaluation={"fd": 3.5})
    names = ("report.html", "progress.webp", "README.md")
    first, second = ([(report.write(folder).parent / name).read_bytes() for name in names] for _ in range(2))
    assert first == second


def test_nothing_in_a_folder_becomes_code(written_run: WriteRun) -> None:
    settings = {"generator": HOSTILE, HOSTILE: [HOSTILE], "loop.iterations": 40}
    texts = dict.fromkeys(("gan", "data", "command", "device", "precision", "ganzoo", "torch", "data_sha256"), HOSTILE)
    folder = written_run(
        record=texts | {"settings": settings, "seed": {HOSTILE: HOSTILE}, "threads": HOSTILE},
        metadata={"gan": HOSTILE, "data": {"name": HOSTILE, "licence": HOSTILE, "classes": [HOSTILE, HOSTILE]}},
        metrics=[entry(number, **{HOSTILE: 0.5}) for number in range(1, 41)],
        evaluation={HOSTILE: 1, "text": HOSTILE},
    )
    text = page(folder)
    found = Elements(text)
    assert len(found.scripts) == 2
    assert found.tags.count("img") == 4
    assert found.handlers == []
    assert found.scripts[1] == Elements(page(written_run(name="usual"))).scripts[1]
    assert "<script>window.evil" not in text
    assert html.escape("<script>window.evil = 1</script>") in text


@pytest.mark.parametrize(
    "metrics",
    [
        [],
        ["", "{", "[]", "null", '{"iteration": "x"}', '{"loss.generator": 1}', "[" * 10_000, "x" * 200_000],
        [entry(1)],
        [entry(1, odd=value) for value in (float("nan"), float("inf"), 1e300, True, "1", None)],
        [entry(5), entry(2), entry(5), entry(3)],
        [{"iteration": number, "flat": 0} for number in range(1, 40)],
        [{"iteration": number, **{f"figure{index}": index for index in range(500)}} for number in range(1, 4)],
        [{"iteration": number, **{f"loss.{index}": index for index in range(20)}} for number in range(1, 4)],
        [
            {"iteration": 10**400, "loss.x": 1},
            {"iteration": 1, "loss.x": -(10**11)},
            {"iteration": 2, "loss.x": 10**11},
        ],
    ],
)
def test_any_metrics_make_a_page(written_run: WriteRun, metrics: list[Any]) -> None:
    text = page(written_run(metrics=metrics))
    assert not re.search(r'd="[^"]*(nan|inf)', text)
    assert len(text) < 500_000


@pytest.mark.parametrize(
    "record",
    [
        {"settings": []}, {"settings": {"loop.iterations": "many"}}, {"settings": {"a" * 10_000: ["b" * 10_000] * 50}},
        {"gan": 5, "data": None, "seed": [1] * 1000, "command": {}}, {"settings": {"x": {"y": [None]}}, "threads": -1},
    ],
)  # fmt: skip
def test_any_record_makes_a_page(written_run: WriteRun, record: dict[str, Any]) -> None:
    assert "How to repeat it" in page(written_run(record=record))


def test_a_folder_with_its_record_alone_makes_a_page(written_run: WriteRun) -> None:
    folder = written_run()
    for path in folder.iterdir():
        if path.is_file() and path.name != "run.json":
            path.unlink()
    shutil.rmtree(folder / "samples")
    text = visible(page(folder))
    assert "There are no sample grids in the folder of this run." in text
    assert "Curves" not in text
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "run.json"]


def test_files_that_are_not_pictures_are_left_out(written_run: WriteRun) -> None:
    folder = written_run()
    (folder / "samples" / "iteration-000010.png").write_bytes(b"<svg onload=evil()>")
    (folder / "samples" / "iteration-000020.png").write_bytes(
        (folder / "samples" / "iteration-000030.png").read_bytes()[:60]
    )
    (folder / "samples" / "iteration-x.png").write_bytes(b"")
    (folder / "samples" / "iteration-000050.png").mkdir()
    assert json.loads(Elements(page(folder)).scripts[0])["iterations"] == [30, 40]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "is not a run folder: it holds no run.json"),
        (lambda folder: (folder / "run.json").write_text("{"), "run.json cannot be read as the record of a run"),
        (
            lambda folder: (folder / "run.json").write_text("[" * 10**5),
            "run.json cannot be read as the record of a run",
        ),
        (lambda folder: (folder / "run.json").write_text("3"), "run.json cannot be read as the record of a run"),
    ],
)
def test_a_folder_without_a_run_has_no_page(written_run: WriteRun, spoil: Any, message: str) -> None:
    folder = written_run()
    spoil(folder)
    with pytest.raises(GanzooError, match=message):
        report.write(folder)


def test_the_page_of_a_stopped_run_shows_how_to_resume_it(written_run: WriteRun) -> None:
    settings = {"loop.iterations": 100}
    text = visible(page(written_run(name="it's", record={"settings": settings})))
    assert "40 of 100 (stopped)" in text
    assert "ganzoo train --resume" in text
    assert """it'"'"'s'""" in text


def test_scores_are_shown(written_run: WriteRun) -> None:
    text = visible(page(written_run(evaluation={"samples": 10_000, "fd": {"child": 3.14159}})))
    assert "10,000" in text
    assert "3.142" in text


def test_lines_that_are_left_out_are_counted(written_run: WriteRun) -> None:
    assert "left out" not in visible(page(written_run()))
    lines = [entry(1), "{", {"iteration": 2, "loss.generator": "1"}, entry(3)]
    text = visible(page(written_run(name="broken", metrics=lines)))
    assert "2 unreadable lines are left out of metrics.jsonl." in text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
@pytest.mark.parametrize(
    "name",
    [
        "metrics.jsonl", "evaluation.json", "weights.safetensors", "README.md", "neighbours.png",
        "samples/iteration-000040.png",
    ],
)  # fmt: skip
def test_a_file_that_would_block_is_not_read(written_run: WriteRun, name: str) -> None:
    folder = written_run(evaluation={"fd": 1})
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    text = visible(page(folder))
    reasons = {
        "metrics.jsonl": "metrics.jsonl is not a regular file, so it is not read as the log of a run.",
        "neighbours.png": "neighbours.png is left out: it is not a PNG file of at most 36 million pixels and 16 MiB.",
        "samples/iteration-000040.png": "1 sample grid is left out: it is not a PNG file of at most",
    }
    assert reasons.get(name, "How to repeat it") in text


def test_a_record_that_would_block_is_refused(written_run: WriteRun) -> None:
    folder = written_run()
    (folder / "run.json").unlink()
    os.mkfifo(folder / "run.json")
    with pytest.raises(GanzooError, match="is not a run folder"):
        report.write(folder)


def test_a_number_of_400_digits_is_left_out(written_run: WriteRun) -> None:
    lines = [entry(1), entry(2, **{"loss.generator": 10**400}), f'{{"iteration": {10**400}}}', entry(3)]
    folder = written_run(metrics=lines, evaluation={"fd": 10**400}, record={"seed": 10**400, "threads": 10**400})
    assert "2 unreadable lines are left out of metrics.jsonl." in visible(page(folder))


def test_findings_are_shown(written_run: WriteRun) -> None:
    finding = {"kind": "collapse", "iteration": 2, "line": f"collapse: {HOSTILE}"}
    text = page(written_run(metrics=[entry(1), entry(2, findings=[finding])]))
    assert "iteration 2: collapse: </script>" in visible(text)
    assert len(Elements(text).scripts) == 2
    assert "Findings" not in visible(page(written_run(name="healthy")))


def test_a_log_that_is_too_large_is_left_out(written_run: WriteRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.records.metrics.LARGEST_LOG", 100)
    text = visible(page(written_run()))
    assert "metrics.jsonl is larger than 100 bytes" in text
    assert "Losses" not in text


def test_settings_that_are_left_out_are_counted(written_run: WriteRun) -> None:
    settings = {f"part.setting{index}": index for index in range(402)}
    assert "2 more settings are in run.json." in visible(page(written_run(record={"settings": settings})))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Training ran to its end; the doctor finds nothing."),
        ({"record": {"settings": {"loop.iterations": 100}}},
         "Training stopped after 40 of 100 iterations; the doctor finds nothing."),
        ({"metrics": [entry(9, distance=0.5), entry(20, distance=0.25), entry(40, distance=0.375)]},
         "Training ran to its end; the samples were nearest to the data, at a distance of 0.25, at iteration 20; "
         "the doctor finds nothing."),
        ({"metrics": [entry(20, **{"mnist-fd": 4.2}), entry(40, **{"mnist-fd": 5.0, "distance": 1.0})]},
         "Training ran to its end; the best mnist-fd was 4.2, at iteration 20; the doctor finds nothing."),
        ({"metrics": [entry(20, **{"mnist-score": 4.2}), entry(40, **{"mnist-score": 5.0, "mnist-fd": 3.0})]},
         "Training ran to its end; the best mnist-fd was 3, at iteration 40; the doctor finds nothing."),
        ({"evaluation": {"score": "mnist-fd", "metrics": {"mnist-fd": 4.25}}},
         "Training ran to its end; its mnist-fd is 4.25; the doctor finds nothing."),
        ({"metrics": []}, "Training ran to its end."),
        ({"metrics": [entry(2, findings=[{"kind": kind, "iteration": 2, "line": ""} for kind in ("a", HOSTILE, "c")])]},
         "Training ran to its end; the doctor finds a, "),
    ],
    ids=str,
)  # fmt: skip
def test_the_verdict_is_one_sentence(written_run: WriteRun, changes: dict[str, Any], sentence: str) -> None:
    text = page(written_run(**changes))
    (found,) = re.findall('<p class="verdict">(.*?)</p>', text, re.S)
    assert html.unescape(found).startswith(sentence)
    assert len(Elements(text).scripts) == 2


def test_real_data_are_next_to_the_samples(written_run: WriteRun) -> None:
    folder = written_run()
    assert "Real data" not in visible(page(folder))
    shutil.copy(folder / "samples" / "iteration-000040.png", folder / "real.png")
    text = page(folder)
    assert "Real data" in visible(text)
    assert text.count('alt="Training images"') == 1
    assert text.count('<ul class="columns" aria-hidden="true"><li title="a">a</li><li title="b">b</li></ul>') == 2
    (folder / "real.png").write_bytes(b"no picture")
    assert "real.png is left out: it is not a PNG file" in visible(page(folder))


def test_parts_of_parent_and_child_are_labelled(written_run: WriteRun) -> None:
    settings = {
        "generator": "x",
        "parent": "y",
        "generator.width": 1,
        "parent.generator": "z",
        "parent.generator.width": 2,
    }
    titles = re.findall(
        "<h3>(.*?)</h3>", page(written_run(record={"settings": settings})).partition("Settings</h2>")[2]
    )
    assert titles == ["Child: parts", "Child: generator", "Parent: parts", "Parent: generator"]


def test_an_edited_card_stays(written_run: WriteRun) -> None:
    folder = written_run()
    report.write(folder)
    path = folder / "README.md"
    assert card.MARK in path.read_text("utf-8")
    path.write_text("mine")
    report.write(folder)
    card.remove(path)
    assert path.read_text() == "mine"
    path.write_text(card.MARK)
    card.remove(path)
    assert not path.exists()


def test_a_failure_at_the_end_is_one_line_and_stops_nothing_else(
    written_run: WriteRun, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written_run()

    def fail(*_: object) -> None:
        raise ZeroDivisionError("first line\nsecond line")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ganzoo.pages.report.animate", fail)
    data = Data(name="points", samples=np.zeros((4, 2), np.float32))
    report.write_all(folder, None, data)  # type: ignore[arg-type]
    (record,) = caplog.records
    reason = f"ZeroDivisionError: first line (try again: ganzoo report {folder})"
    assert record.getMessage() == f"the run is saved, but not all of its report: {reason}"
    assert (folder / "report.html").exists()
    report.write_all(folder / "missing", None, data)  # type: ignore[arg-type]
    assert len(caplog.records) == 2
    monkeypatch.setattr("ganzoo.pages.report.animate", stop)
    report.write_all(folder, None, data)  # type: ignore[arg-type]
    assert "not all of its report: it was stopped (try again: " in caplog.text


def test_a_report_needs_no_torch(written_run: WriteRun) -> None:
    code = "import sys; from ganzoo.pages.report import write; write(sys.argv[1]); print('torch' in sys.modules)"
    assert python(code, str(written_run())).stdout == "False\n"
