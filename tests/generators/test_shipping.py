"""How weights get into the package: ``python -m ganzoo_weights``, for a GAN that makes images from images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from ganzoo_weights import __main__ as shipping
from numpy.typing import NDArray
from PIL import Image

import ganzoo
from ganzoo.data import load
from ganzoo.generators import pretrained
from ganzoo.generators.images import side_by_side
from tests.support.commands import invoke

NARROW = "--image-size 16 --set generator.width=2 --set generator.depth=1 --set discriminator.width=2"
COUNT = 60  # pairs, of which a tenth is for testing


def draw(folder: Path, seed: int) -> Path:
    """Random pictures of 16x16."""
    folder.mkdir()
    for number, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, (COUNT, 16, 16, 3), np.uint8)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with one entry, made from a finished run of one iteration, and what was printed.

    It was trained on pairs of A and B, and is evaluated on those of A and C.
    """
    root = tmp_path_factory.mktemp("shipping")
    a, b, c = (draw(root / name, seed) for seed, name in enumerate("ABC"))
    train = f"pix2pix --data pairs:{a},{b} --iterations 1 --batch-size 1 {NARROW}"
    assert invoke(f"train {train} --out {root / 'runs' / 'tiny'}").exit_code == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipping, "FOLDER", root)
        patch.setattr(shipping, "PICTURES", root / "pictures")
        patch.setattr(shipping, "RECIPES", {"tiny": {"train": train, "evaluate": f"pairs:{a},{c}"}})
        done = CliRunner().invoke(shipping.main, ["tiny", "--runs", str(root / "runs")])
    assert done.exit_code == 0, done.output
    return root, done.output


def pairs(root: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The given and the right images that it is evaluated on, ``(N, H, W, C)``."""
    data = load(f"pairs:{root / 'A'},{root / 'C'}", split="test", size=16)
    assert data.conditions is not None
    given, right = (np.moveaxis(np.asarray(each[:]), 1, -1) for each in (data.conditions, data.samples))
    return given, right


def test_scores_of_pairs_are_those_of_the_named_data(made: tuple[Path, str]) -> None:
    root, printed = made
    entry = pretrained.index(root)["tiny"]
    assert entry.scores.keys() == {"l1", "psnr", "ssim", "right_colours", "sharpness"}
    assert (entry.measured["score"], entry.measured["data"]["name"]) == ("l1", f"pairs:{root / 'A'},{root / 'C'}")
    assert entry.data == f"pairs:{root / 'A'},{root / 'B'}"
    given, right = pairs(root)
    differences = ganzoo.load(root / "tiny.safetensors").translate(given) / 127.5 - right / 127.5
    assert entry.scores["l1"] == pytest.approx(np.abs(differences).mean(), abs=1e-5)
    assert f"tiny: l1 {entry.scores['l1']:.4g}, and " in printed
    assert f"l1` | `{entry.scores['l1']:.4g}`" in (root / "tiny.md").read_text()


def test_a_picture_shows_the_given_the_made_and_the_right_image(made: tuple[Path, str]) -> None:
    root, _ = made
    given, right = pairs(root)
    images = ganzoo.load(root / "tiny.safetensors").translate(given)
    with Image.open(root / "pictures" / "tiny.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), side_by_side(given, images, right, columns=4))


def test_an_image_is_made_with_its_name(
    made: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, _ = made
    entries, path = pretrained.index(root), pretrained.Entry.path
    monkeypatch.setattr(pretrained, "index", lambda: entries)
    monkeypatch.setattr(pretrained.Entry, "path", lambda entry, kind: path(entry, kind, root))
    drawing, out = root / "A" / "7.png", tmp_path / "made.png"
    assert invoke(f"sample tiny --input {drawing} --out {out}").exit_code == 0
    with Image.open(drawing) as given, Image.open(out) as image:
        expected = ganzoo.load("tiny").translate(np.asarray(given))
        assert np.abs(np.asarray(image).astype(int) - expected).max() <= 1  # another runtime may round otherwise
    assert invoke(f"demo tiny --out {tmp_path / 'app'}").exit_code == 0
    assert (tmp_path / "app" / "model.onnx").read_bytes() == (root / "tiny.onnx").read_bytes()
