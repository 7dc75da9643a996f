"""``ganzoo sample --input``: images from image files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ganzoo.cli.translate import Counts, made_from
from ganzoo.data.decode import Whole
from ganzoo.export import export
from ganzoo.generators.weights import Model, save_weights
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import start_training
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations
from tests.support.commands import invoke
from tests.support.translation import PAIRS, TRANSLATION, Translator, pictures, smaller

Text = Callable[[str], str]
Save = Callable[[Model], str]


def trained(data: object = PAIRS, **parts: object) -> Model:
    training = start_training(resolve(replace(TRANSLATION, **parts)), data)  # type: ignore[arg-type]
    run_iterations(training)
    return training.model()


@pytest.fixture(scope="module")
def model() -> Model:
    return trained()


@pytest.fixture
def save(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    known = replace(registry(), gans={**registry().gans, TRANSLATION.name: TRANSLATION})
    monkeypatch.setattr("ganzoo.generators.weights.registry", lambda: known)

    def write(model: Model) -> str:
        save_weights("x.safetensors", model)
        return "x.safetensors"

    return write


@pytest.fixture
def weights(model: Model, save: Save) -> str:
    return save(model)


def grey(height: int, width: int, seed: int = 0) -> np.ndarray:
    found: np.ndarray = pictures(1, (height, width), seed)[0]
    return found


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_file_keeps_its_size(ganzoo: Text, weights: str, model: Model) -> None:
    Image.fromarray(grey(23, 37)).save("cat.png")
    said = ganzoo(f"sample {weights} --input cat.png")
    assert said == "1 image of translation (x.safetensors) in cat-translation.png\n"
    np.testing.assert_array_equal(pixels("cat-translation.png"), model.translate(grey(23, 37)))


def test_a_folder_keeps_names_and_skips_what_is_broken(refused: Text, weights: str) -> None:
    folder = Path("cats/wild")
    folder.mkdir(parents=True)
    for number in range(3):
        Image.fromarray(grey(16, 20, number)).save(f"cats/{number}.png")
    Image.fromarray(grey(9, 9)).save("cats/wild/tiger.jpg")
    Path("cats/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = invoke(f"sample {weights} --input cats -o made")
    assert result.exit_code == 1
    assert result.stdout == "4 images of translation (x.safetensors) in made\n"
    assert result.stderr.startswith("skipped cats/broken.png: ")
    assert sorted(str(path) for path in Path("made").rglob("*.*")) == [
        *(f"made/{number}.png" for number in range(3)),
        "made/wild/tiger.png",
    ]
    Path("made/1.png").unlink()
    Path("cats/broken.png").unlink()
    again = invoke(f"sample {weights} --input cats -o made")
    assert again.exit_code == 0
    assert again.stdout == (
        "1 image of translation (x.safetensors) in made\n"
        "3 were there already, and are kept; replace them with --force\n"
    )


def test_transparency_is_kept(ganzoo: Text, weights: str, model: Model) -> None:
    alpha = grey(16, 16, 3)
    Image.fromarray(np.dstack([grey(16, 16)] * 3 + [alpha])).save("x.png")
    ganzoo(f"sample {weights} --input x.png -o y.png")
    made = pixels("y.png")
    assert made.shape == (16, 16, 4)
    np.testing.assert_array_equal(made[..., 3], alpha)


def test_colours_from_sixteen_bits_are_said_to_have_eight(ganzoo: Text, weights: str) -> None:
    Image.fromarray((np.arange(256).reshape(16, 16) * 257).astype(np.uint16)).save("x.png")
    assert "1 of more than 8 bits are written in 8, as BMP and colours in PNG have" in ganzoo(
        f"sample {weights} --input x.png"
    )


def test_grey_of_sixteen_bits_stays_so(ganzoo: Text, empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = replace(PAIRS, samples=pictures(40, (1, 16, 16)), sha256="")
    export(trained(data), "x.onnx")
    values = (np.arange(20 * 20).reshape(20, 20) * 163).astype(np.uint16)
    Image.fromarray(values).save("x.png")
    ganzoo("sample x.onnx --input x.png -o y.png")
    made = pixels("y.png")
    assert made.dtype in (np.uint16, np.int32)
    assert len(np.unique(made)) > 256


def test_super_resolution_is_larger(ganzoo: Text, empty_folder: Path) -> None:
    export(trained(smaller(PAIRS, 8)), "x.onnx")
    Image.fromarray(grey(11, 13)).save("x.png")
    ganzoo("sample x.onnx --input x.png -o y.tif")
    assert pixels("y.tif").shape == (22, 26, 3)


@pytest.mark.parametrize("tile", [2, 8, 20, 64])
@pytest.mark.parametrize("data", [PAIRS, smaller(PAIRS, 8)], ids=["same size", "twice as large"])
def test_tiles_give_the_whole_image(tile: int, data: object) -> None:
    model, given = trained(data), pictures(2, (1, 45, 62))
    whole = model.translated(given)
    np.testing.assert_allclose(model.translated(given, tile=tile), whole, atol=2e-6)


def test_tiles_need_a_reach(model: Model, empty_folder: Path, refused: Text) -> None:
    class Global(Translator):
        reach = None  # type: ignore[assignment]

    other = trained(generator=lambda task: Global(task.condition[0], task.shape[0], 1))
    export(other, "x.onnx")
    Image.fromarray(grey(16, 16)).save("x.png")
    assert refused("sample x.onnx --input x.png --tile 8") == (
        "each pixel of translation depends on the whole image, so tiles would differ; leave out the tiles"
    )
    with pytest.raises(GanzooError, match="tiles of 7 pixels do not fit translation; give a multiple of 2"):
        model.translated(pictures(1, (1, 16, 16)), tile=7)


def test_a_generator_of_one_size_scales_there_and_back(ganzoo: Text, empty_folder: Path) -> None:
    class Fixed(Translator):
        free, reach = False, None  # type: ignore[assignment]

    export(trained(generator=lambda task: Fixed(task.condition[0], task.shape[0], 1)), "x.onnx")
    Image.fromarray(grey(40, 24)).save("x.png")
    said = ganzoo("sample x.onnx --input x.png -o y.png")
    assert "1 were scaled to the size of the training and back: translation takes that alone" in said
    assert pixels("y.png").shape == (40, 24, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--input none.png", "there is no file or folder none.png; name one that exists with --input"),
        ("--input empty", "empty holds no images; name another with --input"),
        ("--input x.png -n 4", "--input makes one image from each; leave out -n, --interpolate, --stage and --data"),
        ("--input x.png --seeds 0-3", "--input takes one seed for all images, not 4; give one, or run it again"),
        ("--input x.png --seeds 3", "translation takes no latents, so --seeds changes nothing; leave it out"),
        ("--input x.png -o y.jpg", "cannot write y.jpg; --out takes x.png, x.tif or x.bmp for one image"),
        ("--input x.png -o x.png", "x.png exists; replace it with --force, or name another with --out"),
        ("--input full -o y.png", "full is a folder, so --out has to be one too, not y.png"),
        ("--tile 8", "--tile is for images that are made from images; name them with --input"),
    ],
)
def test_wrong_commands_are_one_line(refused: Text, weights: str, options: str, message: str) -> None:
    Path("empty").mkdir()
    Path("full").mkdir()
    for path in ("x.png", "full/x.png"):
        Image.fromarray(grey(8, 8)).save(path)
    assert refused(f"sample {weights} {options}") == message


def test_a_generator_of_latents_takes_no_images(refused: Text, runs: Path) -> None:
    Image.fromarray(grey(8, 8)).save("x.png")
    message = refused(f"sample {runs / 'simple'} --input x.png")
    assert message == "simple makes no images from images; leave these out, or train pix2pix"


def test_bytes_have_the_channels_of_the_generator(model: Model) -> None:
    with pytest.raises(GanzooError, match=r"translation takes images uint8 \(N, h, w, 1\), not uint8 \(8, 8, 3\)"):
        model.translate(np.zeros((8, 8, 3), np.uint8))
    assert model.translate(pictures(3, (9, 7))).shape == (3, 9, 7, 3)


@pytest.fixture
def bands(empty_folder: Path) -> Path:
    """Three images of five channels of 16 bits, of which 12 are used."""
    tifffile = pytest.importorskip("tifffile")
    for number in range(3):
        values = np.random.default_rng(number).integers(0, 4096, (20, 18, 5), np.uint16)
        values[0, 0] = 4095
        Path("fields").mkdir(exist_ok=True)
        tifffile.imwrite(f"fields/{number}.tif", values, photometric="minisblack", planarconfig="contig")
    return Path("fields")


@pytest.mark.parametrize(("made", "levels"), [(3, 65535), (5, 4095)])
def test_several_channels_of_16_bits_keep_them(ganzoo: Text, save: Save, bands: Path, made: int, levels: int) -> None:
    import tifffile

    data = replace(PAIRS, samples=pictures(40, (made, 16, 16)), conditions=pictures(40, (5, 16, 16), 1), sha256="")
    model = trained(data)
    save(model)
    said = ganzoo("sample x.safetensors --input fields -o made")
    assert said == "3 images of translation (x.safetensors) in made\n"
    given = np.moveaxis(tifffile.imread(bands / "1.tif"), -1, 0)[None] / np.float32(4095)
    expected = (model.translated((given * 2 - 1).astype(np.float32))[0] + 1) / 2 * levels
    found = tifffile.imread("made/1.tif")
    assert (found.dtype, found.shape) == (np.uint16, (20, 18, made))
    np.testing.assert_allclose(np.moveaxis(found, -1, 0), expected, atol=1)
    ganzoo("sample x.safetensors --input fields/0.tif --bits 16")
    assert tifffile.imread("0-translation.tif").shape == (20, 18, made)


def test_images_of_several_channels_from_png(ganzoo: Text, refused: Text, save: Save) -> None:
    tifffile = pytest.importorskip("tifffile")
    save(trained(replace(PAIRS, samples=pictures(40, (5, 16, 16)), sha256="")))
    Path("given").mkdir()
    Image.fromarray(grey(16, 16)).save("given/a.png")
    ganzoo("sample x.safetensors --input given -o made")
    found = tifffile.imread("made/a.tif")
    assert (found.dtype, found.shape) == (np.uint8, (16, 16, 5))
    assert refused("sample x.safetensors --input given/a.png -o y.png") == (
        "y.png cannot hold 5 channels; --out takes x.tif for one image"
    )
    ganzoo("sample x.safetensors --input given/a.png")
    assert Path("a-translation.tif").exists()


def test_files_of_other_channels_are_skipped(weights: str, bands: Path) -> None:
    result = invoke(f"sample {weights} --input fields -o made")
    assert result.exit_code == 1
    assert "skipped fields/0.tif: ValueError: it has 5 channels, and 1 are needed" in result.stderr


def test_bits_that_do_not_fit_are_refused(refused: Text, save: Save, bands: Path) -> None:
    save(trained(replace(PAIRS, conditions=pictures(40, (5, 16, 16), 1), sha256="")))
    assert refused("sample x.safetensors --input fields --bits 10 -o made") == (
        "the images hold values up to 4095, more than 10 bits; give more with --bits"
    )
    Path("grey").mkdir()
    Image.fromarray(grey(16, 16)).save("grey/a.png")
    assert refused("sample x.safetensors --input grey --bits 10 -o made") == (
        "--bits is for grey and channels of more than 8 bits, and no file has some; leave it out"
    )
    assert refused("sample x.safetensors --bits 10") == (
        "--bits is for images that are made from images; name them with --input"
    )


def test_deep_colours_are_kept_in_tiff_and_counted_in_png(ganzoo: Text, save: Save) -> None:
    tifffile = pytest.importorskip("tifffile")
    save(trained(replace(PAIRS, conditions=pictures(40, (3, 16, 16), 1), sha256="")))
    values = np.random.default_rng(0).integers(0, 65536, (16, 16, 3), np.uint16)
    tifffile.imwrite("a.tif", values, photometric="rgb")
    ganzoo("sample x.safetensors --input a.tif")
    assert tifffile.imread("a-translation.tif").dtype == np.uint16
    assert "1 of more than 8 bits are written in 8" in ganzoo("sample x.safetensors --input a.tif -o b.png")
    tifffile.imwrite("c.tif", np.dstack([values, values[..., :1]]), photometric="rgb", extrasamples=["unassalpha"])
    said = ganzoo("sample x.safetensors --input c.tif -o d.tif")
    assert "1 of 16 bits in colour or with alpha were read by their upper 8 bits" in said


def test_bytes_from_deep_images_are_counted(model: Model) -> None:
    images = [Whole(np.zeros((1, 4, 4), np.float32), None, bits) for bits in (8, 12, 16)]
    counts = Counts()
    fake = SimpleNamespace(
        metadata=model.metadata, translated=lambda given, **_: np.zeros((len(given), 4, 4, 3), np.uint8)
    )
    assert made_from(fake, images, counts, 0, None, None).shape == (3, 3, 4, 4)  # type: ignore[arg-type]
    assert counts.coarse == 2
