"""``ganzoo sample --input``: images from image files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


def trained(data: object = PAIRS, **parts: object) -> Model:
    training = start_training(resolve(replace(TRANSLATION, **parts)), data)  # type: ignore[arg-type]
    run_iterations(training)
    return training.model()


@pytest.fixture(scope="module")
def model() -> Model:
    return trained()


@pytest.fixture
def weights(model: Model, empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    known = replace(registry(), gans={**registry().gans, TRANSLATION.name: TRANSLATION})
    monkeypatch.setattr("ganzoo.generators.weights.registry", lambda: known)
    save_weights("x.safetensors", model)
    return "x.safetensors"


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
