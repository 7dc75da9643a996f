from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganzoo.registry.installed import entry_points, owner, readable_entry_points

GOOD = b"[ganzoo]\ngood = good_plugin\n"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    readable_entry_points.cache_clear()
    yield
    readable_entry_points.cache_clear()


def install(folder: Path, name: str, points: bytes, metadata: bytes | None = None) -> None:
    """Write the metadata of a distribution."""
    path = folder / f"{name}-1.0.dist-info"
    path.mkdir()
    (path / "entry_points.txt").write_bytes(points)
    if metadata is None:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
    if metadata:
        (path / "METADATA").write_bytes(metadata)


@pytest.mark.parametrize(
    "points", [b"[ganzoo]\nno value\n", b"[ganzoo]\nbad\xff = x\n", b"[other.group]\n\xff\n", b"[ganzoo.commands]\nx\n"]
)
def test_entry_points_that_cannot_be_read_stop_no_other_distribution(
    points: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    installed = {point.name for point in entry_points("ganzoo")}
    install(tmp_path, "broken", points)
    install(tmp_path, "fine", GOOD)
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(2):
        assert {point.name for point in entry_points("ganzoo")} == installed | {"good"}
    (line,) = caplog.messages
    assert line.startswith("the entry points of broken 1.0 cannot be read and are skipped: ")
    assert entry_points("ganzoo.commands")
    assert not entry_points("nothing.of.this.name")


@pytest.mark.parametrize("metadata", [b"", b"\xff\xfe", b"Name:\n", b"Name: a\x1b[31m\nVersion: 1\n"])
def test_a_distribution_is_named_whatever_its_metadata_hold(
    metadata: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "odd", GOOD, metadata)
    monkeypatch.syspath_prepend(tmp_path)
    (point,) = (point for point in entry_points("ganzoo") if point.name == "good")
    name, version = owner(point)
    assert name.isprintable()
    assert version.isprintable()
    assert "odd-1.0.dist-info" in name or name.startswith("a")


@pytest.mark.parametrize(
    "points", [b"[ganzoo]\nno value\n", b"[ganzoo.commands]\ntrain = nothing:here\n\x1b[31mx = y:z\n"]
)
def test_help_and_lists_are_there_all_the_same(points: bytes, tmp_path: Path) -> None:
    install(tmp_path, "broken", points, b"\xff\xfe" if b"train" in points else None)
    for arguments in (["--help"], ["list"], ["list", "plugins"]):
        done = subprocess.run(
            [sys.executable, "-m", "ganzoo", *arguments],
            capture_output=True, text=True, timeout=60, check=False, env={"PYTHONPATH": str(tmp_path), "HOME": "/"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert all(line.isprintable() for line in (done.stdout + done.stderr).splitlines())
        assert ("not used, since ganzoo has a command of that name" in " ".join(done.stdout.split())) == (
            arguments == ["--help"] and b"train" in points
        )


def test_entry_points_are_read_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert "core" in {point.name for point in entry_points("ganzoo")}
    assert not caplog.messages
