"""A folder of sprites with transparency and numbered classes, from training to export."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.data import load
from ganzoo.generators.weights import load as load_weights
from ganzoo.records.run_folder import RunFolder
from tests.support import TRAIN
from tests.support.commands import invoke

Text = Callable[[str], str]

CLASSES = [str(number) for number in range(1, 13)]


@pytest.fixture
def sprites(empty_folder: Path) -> Path:
    random = np.random.default_rng(0)
    for name in CLASSES:
        (empty_folder / "sprites" / name).mkdir(parents=True)
        for number in range(4):
            pixels = random.integers(0, 256, (20, 20, 4), np.uint8)
            pixels[:5, :, 3] = 0
            Image.fromarray(pixels).save(empty_folder / "sprites" / name / f"{number}.png")
    return empty_folder / "sprites"


def mode(path: str | Path) -> str:
    with Image.open(path) as image:
        return image.mode


def test_images_with_alpha_from_training_to_export(ganzoo: Text, sprites: Path) -> None:
    ganzoo(f"train cgan {TRAIN} --data folder:sprites --image-size 8 --channels rgba --out run")
    run = RunFolder("run")
    assert run.read_record()["channels"] == "rgba"
    assert all(mode(path) == "RGBA" for path in run.pictures.values())
    with Image.open(next(iter(run.pictures.values()))) as grid:
        assert grid.getpixel((0, 0)) == (128, 128, 128, 255)
    assert mode(run.neighbours) == "RGBA"
    assert "folder:sprites, 8 pixels, rgba" in run.report.read_text("utf-8")
    ganzoo("sample run --label 10 -n 2 --out singles")
    assert sorted(path.name for path in Path("singles").iterdir()) == [
        f"seed-00000{seed}-label-9-10.png" for seed in (0, 1)
    ]
    assert mode("singles/seed-000000-label-9-10.png") == "RGBA"
    assert "class 12 (" in ganzoo("sample run --label 12 -n 3 --out x.npz")
    with np.load("x.npz") as arrays:
        assert arrays["labels"].tolist() == [11] * 3
        assert arrays["images"].shape == (3, 4, 8, 8)
    ganzoo("export run --uint8 --out x.onnx")
    ganzoo("sample x.onnx --label 3 -n 1 --out one")
    assert mode("one/seed-000000-label-2-3.png") == "RGBA"
    ganzoo("train --resume run --iterations 9")
    record = json.loads(run.record_file.read_text("utf-8"))
    assert record["data_sha256"] == load("folder:sprites", size=8, channels="rgba").sha256
    assert load_weights(run.weights).metadata.shape == (4, 8, 8)
    assert "RGBA" in run.card.read_text("utf-8")


def test_five_channels_from_training_to_export(ganzoo: Text, empty_folder: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    Path("fields").mkdir()
    for number in range(9):
        pixels = np.random.default_rng(number).integers(0, 65536, (9, 9, 5), np.uint16)
        tifffile.imwrite(f"fields/{number}.tif", pixels, photometric="minisblack", planarconfig="contig")
    ganzoo(f"train simple {TRAIN} --data folder:fields --image-size 8 --out run")
    run = RunFolder("run")
    assert {mode(path) for path in (*run.pictures.values(), run.neighbours)} == {"RGB"}
    assert "5 channels" in run.card.read_text("utf-8")
    said = ganzoo("sample run -n 2 --out x.png")
    assert (
        "simple makes 5 channels, of which a picture shows the first three; name an x.npz or a folder for all" in said
    )
    ganzoo("sample run -n 2 --out singles")
    assert tifffile.imread("singles/seed-000001.tif").shape == (8, 8, 5)


def test_channels_are_part_of_a_run(ganzoo: Text, sprites: Path, refused: Text) -> None:
    for channels, count in (("grey", 1), ("rgb", 3)):
        ganzoo(f"train simple {TRAIN} --data folder:sprites --image-size 8 --channels {channels}")
        [folder] = Path("runs").glob(f"simple-folder_sprites-8px-{channels}-*")
        assert load_weights(folder / "weights.safetensors").metadata.shape == (count, 8, 8)
    assert "mnist-10k has samples in grey only; leave out --channels rgb" in refused("train simple --channels rgb")
    assert "ring8 has samples without colours only; leave out --channels rgb" in refused(
        "train simple --data ring8 --channels rgb"
    )
    assert "use --channels grey, rgb or rgba" in refused("train simple --grayscale")


def test_a_generator_is_evaluated_on_data_with_its_channels(ganzoo: Text, sprites: Path) -> None:
    pytest.importorskip("torch_fidelity")
    from ganzoo.evaluation import evaluate
    from ganzoo.evaluation.train_extractor import save, split, train

    data = load("folder:sprites", size=8, channels="rgba")
    network, about = train(*split(data), iterations=2)
    save("x.safetensors", network, about)
    ganzoo(f"train simple {TRAIN} --data folder:sprites --image-size 8 --channels rgba --out run")
    found = evaluate("run", number=30, extractor="x.safetensors")
    assert found.data["sha256"] == data.sha256


def test_pixels_of_the_demo_page_have_alpha(tmp_path: Path) -> None:
    if not (node := shutil.which("node")):
        pytest.skip("needs node")
    page = Path(__file__).parents[2] / "ganzoo" / "pages" / "demo" / "generator.js"
    code = (
        f"import {{ pixels }} from {json.dumps(page.as_uri())};"
        "const show = (data, dims) => console.log([...pixels({ data, dims }, 1, [-1, 1]).rgba].join());"
        "show(Float32Array.of(0, 0, 0, 0, -1, 1, 0, 1), [2, 4, 1, 1]);"
        "show(Uint8Array.of(0, 0, 0, 0, 1, 2, 3, 4), [2, 1, 1, 4]);"
        "show(Uint8Array.of(0, 0, 0, 1, 2, 3), [2, 1, 1, 3]);"
        "show(Uint8Array.of(0, 7), [2, 1, 1, 1]);"
    )
    (tmp_path / "x.mjs").write_text(code)
    done = subprocess.run([node, tmp_path / "x.mjs"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0,255,128,255", "1,2,3,4", "1,2,3,255", "7,7,7,255"]


def test_a_broken_image_is_one_line(sprites: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Pillow logs and warns of some files too."""
    for path in sprites.glob("*/*.png"):
        path.unlink()
    Image.new("RGB", (9, 9)).save(sprites / "1" / "x.tif")
    content = bytearray((sprites / "1" / "x.tif").read_bytes())
    for tag, value in ((277, 29444), (262, 5)):  # samples per pixel, of inks
        entry = content.index(struct.pack("<HHI", tag, 3, 1))
        content[entry + 8 : entry + 10] = struct.pack("<H", value)
    (sprites / "1" / "x.tif").write_bytes(content)
    result = invoke("train simple --data folder:sprites")
    assert result.exit_code == 2
    assert caplog.messages == ["skipped 1 of 1 images: 1/x.tif (cannot identify image file 'sprites/1/x.tif')"]
    assert len(result.stderr.splitlines()) == 1
