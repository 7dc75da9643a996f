from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.generators.images import write_png
from ganzoo.pages.report import animation
from ganzoo.pages.report.animation import animate, evenly_spaced, frames, left_out
from ganzoo.util.errors import GanzooError
from tests.support import python
from tests.support.run_folders import pixels


@pytest.fixture
def drawn(tmp_path: Path) -> dict[int, Path]:
    found = {number: tmp_path / f"iteration-{number:06d}.png" for number in (100, 200, 300)}
    for number, path in found.items():
        write_png(path, pixels(number))
    return found


def test_a_selection_is_evenly_spaced_from_the_first_to_the_last() -> None:
    assert evenly_spaced(range(3), 5) == [0, 1, 2]
    assert evenly_spaced(range(101), 5) == [0, 25, 50, 75, 100]


def test_an_animation_shows_every_picture_and_the_last_one_longer(tmp_path: Path, drawn: dict[int, Path]) -> None:
    assert animate(tmp_path / "progress.webp", drawn, 300)
    with Image.open(tmp_path / "progress.webp") as animated:
        assert (animated.format, animated.n_frames, animated.info["loop"]) == ("WEBP", 3, 0)
        times = []
        for index in range(3):
            animated.seek(index)
            animated.load()
            times.append(animated.info["duration"])
    assert times[0] == times[1] < times[2] == 1500


def test_one_picture_makes_no_animation(tmp_path: Path, drawn: dict[int, Path]) -> None:
    assert not animate(tmp_path / "progress.webp", {100: drawn[100]}, 300)
    write_png(drawn[300], pixels(0)[:-1])
    assert not animate(tmp_path / "x.webp", {number: drawn[number] for number in (100, 300)}, 300), "of one size"
    assert not (tmp_path / "x.webp").exists()


def test_an_animation_is_made_smaller_until_it_fits(
    tmp_path: Path, drawn: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0)
    for path in drawn.values():
        write_png(path, noise.integers(0, 256, (700, 700, 3), dtype=np.uint8))
    monkeypatch.setattr(animation, "LARGEST_ANIMATION", 100_000)
    assert animate(tmp_path / "progress.webp", drawn, 300)
    assert (tmp_path / "progress.webp").stat().st_size <= 100_000
    monkeypatch.setattr(animation, "LARGEST_ANIMATION", 100)
    with pytest.raises(GanzooError, match="make an animation of more than 100 bytes"):
        animate(tmp_path / "progress.webp", drawn, 300)


def test_large_pictures_are_made_smaller_for_a_page(tmp_path: Path, drawn: dict[int, Path]) -> None:
    wide = np.random.default_rng(0).integers(0, 256, (50, 2400, 3), dtype=np.uint8)
    write_png(drawn[300], wide)
    first, *_, last = frames(drawn)
    assert first.source.startswith("data:image/png;base64,")
    assert last.source.startswith("data:image/webp;base64,")
    assert (last.width, last.height) == (1200, 25)


def test_a_decompression_bomb_is_left_out(
    tmp_path: Path, drawn: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert frames(drawn) == []


@pytest.mark.parametrize("limit", ["LARGEST_FILE", "MOST_PIXELS"])
def test_pictures_that_are_too_large_are_not_decoded(
    drawn: dict[int, Path], monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(animation, limit, 100)
    monkeypatch.setattr(Image.Image, "convert", None)
    assert frames(drawn) == []
    assert left_out(drawn, []).startswith("3 sample grids are left out: each is not a PNG file of at most ")
    assert left_out(drawn, []) == left_out(dict.fromkeys(range(3), Path()), [])
    assert left_out({1: Path()}, []).startswith("1 sample grid is left out: it is not")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_large_pictures_are_held_as_thumbnails(tmp_path: Path) -> None:
    """Each takes 75 MB when it is decoded."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ganzoo.pages.report.animation import animate, frames\n"
        "pictures = dict.fromkeys(range(8), Path(sys.argv[1]))\n"
        "assert animate(Path(sys.argv[1]).with_name('x.webp'), pictures, 8)\n"
        "assert len(frames({0: pictures[0]})) == 1\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(status.split('VmHWM:')[1].split()[0]) // 1024)"
    )
    Image.new("RGB", (5000, 5000), "navy").save(tmp_path / "large.png", compress_level=1)
    assert int(python(script, str(tmp_path / "large.png")).stdout) < 400


def test_only_regular_files_are_read(tmp_path: Path, drawn: dict[int, Path]) -> None:
    drawn[200].unlink()
    os.mkfifo(drawn[200])
    assert [frame.iteration for frame in frames(drawn)] == [100, 300]
