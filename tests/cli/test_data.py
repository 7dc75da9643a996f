"""What a data set holds is shown before anything is trained on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import open_picture, python
from tests.support.commands import invoke

Text = Callable[[str], str]


def rows(text: str) -> dict[str, str]:
    """What a table says, by the name in its first column; a row without one by that of the row above and a dot."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("  "):
            name, _, value = line.strip().partition("  ")
            is_further = line.startswith("    ")
            found[f"{list(found)[-1]}." if is_further else name] = line.strip() if is_further else value.strip()
    return found


def write(path: str, size: tuple[int, int], seed: int) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def cats(empty_folder: Path) -> Path:
    for number in range(11):
        write(f"cats/tabby/{number:02}.png", (40, 30), number)
        write(f"cats/black/{number:02}.png", (9, 300), 100 + number)
    write("cats/tabby/copy.png", (40, 30), 3)
    (empty_folder / "cats" / "tabby" / "broken.png").write_bytes(b"no image")
    (empty_folder / "cats" / "notes.txt").write_text("no image")
    return empty_folder / "cats"


def test_a_folder(cats: Path, caplog: pytest.LogCaptureFixture) -> None:
    done = invoke("data folder:cats --image-size 16")
    assert done.exit_code == 0
    assert "passed over in cats, as no images: 1 .txt" in caplog.text
    assert "skipped 1 of 24 images: tabby/broken.png" in caplog.text
    found = rows(done.stdout)
    assert found.pop("sha256")
    assert found == {
        "samples": "23 images, 16x16 pixels, rgb",
        "classes": "2: black (11), tabby (12)",
        "files": "40x30 to 9x300 pixels; 11 of 23 are enlarged to 16x16",
        "duplicates": "1 of 23 equal an earlier one: tabby/03.png = tabby/copy.png",
        "mirror images": "like the images",
        "few in colour": "yes: some are kept back, and --augment auto changes what the discriminator sees",
    }


def test_equal_files_are_listed_up_to_a_limit(ganzoo: Text, empty_folder: Path) -> None:
    for number in range(60):
        write(f"same/{number:02}.png", (8, 8), number % 30)
    duplicates = rows(ganzoo("data folder:same"))["duplicates"]
    assert duplicates.startswith("30 of 60 equal an earlier one: 00.png = 30.png; 01.png = 31.png; ")
    assert duplicates.endswith("; and 10 more")


def test_channels_and_few_images(ganzoo: Text, empty_folder: Path) -> None:
    for number in range(19):
        write(f"some/{number:02}.png", (8, 8), number)
    found = rows(ganzoo("data folder:some --image-size 8"))
    assert found["mirror images"] == "unknown: fewer than 20 images"
    assert found["few in colour"] == "no: fewer than 20, too few to keep some back"
    grey = rows(ganzoo("data folder:some --image-size 8 --channels grey"))
    assert (grey["samples"], grey["few in colour"]) == ("19 images, 8x8 pixels, grey", "no: grey")


def test_data_inside_the_package(ganzoo: Text) -> None:
    digits, emoji = rows(ganzoo("data mnist-10k")), rows(ganzoo("data emoji32"))
    assert digits["classes"].startswith("10: 0 (1,000), 1 (1,000), ")
    assert digits["mirror images"] == "unlike the images, so --augment auto makes none"
    assert digits["few in colour"] == "no: grey"
    assert emoji["mirror images"] == "like the images"
    assert emoji["few in colour"].startswith("yes: ")
    assert "files" not in digits.keys() | emoji.keys()


def test_vectors_have_ranges(ganzoo: Text) -> None:
    found = rows(ganzoo("data corner49"))
    assert found["samples"].endswith(" vectors of 49 columns")
    assert found["column 1"].endswith(", mean 0.8")
    assert "and 29 more columns" in found.values()
    assert "mirror images" not in found
    regression = rows(ganzoo("data diabetes"))
    assert regression["samples"] == "353 vectors of 1 column"
    assert regression["conditions"] == "353 vectors of 10 columns, paired"
    assert {"column 1", "condition 1", "condition 10"} <= regression.keys()


def test_pairs_show_both_sides(ganzoo: Text, empty_folder: Path) -> None:
    for number in range(40):
        write(f"a/{number:02}.png", (8, 8), 1)
        write(f"b/{number:02}.png", (8, 8), number)
    done = invoke("data pairs:a,b,conditions=grey --image-size 8 -n 4 -o x.png")
    assert done.exit_code == 0
    found = rows(done.stdout)
    count = found["samples"].partition(" ")[0]
    assert found["conditions"] == f"{count} images, 8x8 pixels, grey, paired"
    assert found["duplicates"] == "none"
    assert found["duplicates."] == f"of the conditions: {int(count) - 1} of {count} equal an earlier one"
    assert f"4 of {count} pairs, evenly spread, in x.png" in done.stdout
    assert open_picture("x.png").mode == "RGB"


def test_a_grid_of_evenly_spread_images(ganzoo: Text, empty_folder: Path) -> None:
    for number in range(8):
        Path("shades").mkdir(exist_ok=True)
        Image.new("L", (96, 96), 30 * number).save(f"shades/{number}.png")
    said = ganzoo("data folder:shades --image-size 96 -n 4 -o x.png")
    assert "4 of 8 samples, evenly spread, in x.png" in said
    picture = np.asarray(open_picture("x.png"))
    assert [int(picture[row, column]) for row in (50, 150) for column in (50, 150)] == [0, 60, 120, 180]
    assert "8 of 8 samples" in ganzoo("data folder:shades --image-size 96 -o x.png --force")


def test_a_plot_of_vectors(ganzoo: Text, empty_folder: Path) -> None:
    for name in ("ring8", "diabetes", "corner49"):
        ganzoo(f"data {name} -n 50 -o {name}.png")
        assert open_picture(f"{name}.png").size == (512, 512)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("data folder:missing", "there is no folder 'missing'"),
        ("data ./missing", "there is no folder './missing'"),
        ("data folder:empty", "empty holds no readable image"),
        ("data folder:cats/notes.txt", "there is no folder 'cats/notes.txt'"),
        ("data cats/notes.txt", "ganzoo list datasets"),
        ("data nonsense", "ganzoo list datasets"),
        ("data mnist-10k --image-size 64", "mnist-10k has samples of 28x28 only; leave out --image-size 64"),
        ("data mnist-10k --channels rgb", "leave out --channels rgb"),
        ("data folder:cats -o x.jpg", "cannot write '.jpg' files; --out takes x.png"),
        ("data folder:cats -o empty", "cannot write empty, which is no file with a suffix; --out takes x.png"),
        ("data folder:cats -o missing/x.png", "cannot write missing/x.png: No such file or directory"),
        ("data folder:cats -o old.png", "old.png exists; replace it with --force"),
        ("data folder:cats -n 4", "-n is for a picture; name one with --out x.png"),
        ("data folder:cats --force", "--force is for a picture"),
        ("data folder:cats -n 0 -o x.png", "0 is not in the range"),
        ("data folder:cats --image-size 5000", "images cannot be scaled to size 5000"),
    ],
)
def test_a_wrong_input_is_one_line(cats: Path, line: str, message: str) -> None:
    Path("empty").mkdir()
    Path("old.png").write_bytes(b"")
    done = invoke(line)
    assert done.exit_code == 2
    *_, last = done.stderr.splitlines()
    assert last.startswith("Error: ")
    assert message in last
    assert Path("old.png").read_bytes() == b""
    assert not Path("x.png").exists()


def test_it_needs_no_torch(empty_folder: Path) -> None:
    code = "import sys; from ganzoo.cli import main; main(sys.argv[1:], standalone_mode=False); print([*sys.modules])"
    done = python(code, "data", "emoji32", "-n", "4", "-o", "x.png")
    last = done.stdout.splitlines()[-1]
    assert ("'numpy'" in last, "'torch'" in last) == (True, False)
