"""The extractor for pictures in general: its features, what it notices, and where it is used."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.data import Data, load, subset
from ganzoo.evaluation import evaluate, extractors, scoring, train_pictures
from ganzoo.evaluation.extractors import HASHES, Extractor, extractor_for, name_for, pretrained
from ganzoo.evaluation.fidelity import frechet_distance
from ganzoo.evaluation.pictures import WIDTH, Pictures, colours, grain, rgb
from ganzoo.evaluation.scoring import scorer
from ganzoo.generators.metadata import read_json
from ganzoo.generators.weights import write
from ganzoo.util.errors import GanzooError
from tests.support import images as random_images
from tests.support import run_iterations, small_training
from tests.support.damaged import DAMAGES, distances, rank_correlation

COUNT = 500


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return pretrained("pictures")


@pytest.fixture(scope="module")
def emoji() -> tuple[np.ndarray, np.ndarray]:
    """Two sets of emoji without a common one."""
    known = load("emoji32")
    order = np.random.default_rng(0).permutation(len(known))
    return known.samples[order[:COUNT]], known.samples[order[COUNT : 2 * COUNT]]


@pytest.fixture(scope="module")
def measured(extractor: Extractor, emoji: tuple[np.ndarray, np.ndarray]) -> dict[str, list[float]]:
    """The distances of damaged emoji from the others; those without damage, and noise, have one each."""
    reference, some = emoji
    real = extractor.extract([reference])

    def distance(images: np.ndarray) -> float:
        return frechet_distance(extractor.extract([images]), real)

    noise = np.random.default_rng(0).integers(0, 256, some.shape, np.uint8)
    return {"real": [distance(some)], "noise alone": [distance(noise)], **distances(distance, some)}


def some(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


@pytest.mark.parametrize("sides", [(16, 16), (28, 28), (33, 47), (64, 64), (100, 70)])
def test_features_of_any_size(extractor: Extractor, sides: tuple[int, int]) -> None:
    features, logits = extractor.network(some((3, 3, *sides)))
    assert (features.shape, logits.shape, features.dtype) == ((3, WIDTH), (3, 0), torch.float32)
    assert features.isfinite().all()
    assert (extractor.score, extractor.shape, extractor.classes, extractor.accuracy) == ("pictures-fd", None, (), None)


def test_grey_is_repeated_and_transparency_is_white(extractor: Extractor) -> None:
    grey, image = some((2, 1, 20, 20)), some((2, 3, 20, 20))
    torch.testing.assert_close(extractor.network(grey)[0], extractor.network(grey.repeat(1, 3, 1, 1))[0])
    opaque = torch.cat([image, torch.full_like(grey, 255)], dim=1)
    clear = torch.cat([image, torch.zeros_like(grey)], dim=1)
    half = torch.cat([image, torch.full_like(grey, 51)], dim=1)
    assert torch.equal(rgb(opaque), image)
    assert (rgb(clear) == 255).all()
    assert (rgb(half).float() - (image * 0.2 + 255 * 0.8)).abs().max() <= 0.5


def test_grain_of_a_known_pattern() -> None:
    """8 levels of alternate sign: each diagonal coefficient has 8 levels, and means of 2x2 have nothing left."""
    pattern = torch.from_numpy(np.indices((32, 32)).sum(axis=0) % 2 * 2.0 - 1).float() * (8 / 127.5)
    found = grain(pattern.expand(1, 3, 32, 32))[0]
    expected = torch.zeros(24)
    expected[3] = np.log(2)  # the first octave: 3 planes along the axes, then 3 along the diagonals
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    stripes = pattern[0].expand(1, 3, 32, 32)
    assert grain(stripes)[0].nonzero().tolist() == [[0]], "of brightness, along an axis, in the first octave"
    assert grain(stripes)[0, 0] == pytest.approx(np.log(2) / 2, abs=1e-5), "across, and not down"
    assert not grain(torch.full((1, 3, 16, 16), 0.3)).abs().gt(1e-6).any()


def test_colours_of_a_known_picture() -> None:
    picture = torch.tensor([1.0, 0.0, -1.0])[:, None, None].repeat(1, 16, 16)
    picture[:, :8] = 0
    brightness, red_green, blue_yellow = 0.0, 0.25, -0.375  # half of (1 - 0) / 2 and of -1 / 2 - 1 / 4
    found = colours(picture[None])[0]
    expected = [brightness, red_green, blue_yellow, 0, 0.25, 0.375, 0, 0]
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-6, rtol=0)
    lighter = torch.tensor([1.0, 0.0, 0.0])[:, None, None].repeat(1, 16, 16)
    lighter[:, :8] = 0
    assert (colours(lighter[None])[0, 6:].sign() == torch.tensor([1.0, -1.0])).all(), "redder where brighter"


def test_convolutions_of_large_pictures_are_those_of_their_means() -> None:
    network = Pictures().eval()
    small = torch.rand(2, 3, 64, 64) * 2 - 1
    large = small.repeat_interleave(2, dim=2).repeat_interleave(3, dim=3)
    for mine, theirs in zip(network.learned(large), network.learned(small), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_batches_are_bounded_by_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def network(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sizes.append(len(images))
        return images.float().mean(dim=(2, 3)), torch.zeros(len(images), 0)

    monkeypatch.setattr(extractors, "PIXELS", 4 * 16 * 16)
    extractors.extract(network, [np.zeros((6, 3, 16, 16), np.uint8), np.zeros((2, 3, 40, 40), np.uint8)])
    assert sizes == [4, 2, 1, 1]


def test_real_pictures_are_close_and_noise_is_far(measured: dict[str, list[float]]) -> None:
    assert measured["real"][0] < 3
    assert measured["noise alone"][0] > 300 * measured["real"][0]


@pytest.mark.parametrize("name", DAMAGES)
def test_more_damage_is_further(measured: dict[str, list[float]], name: str) -> None:
    """The extractor's hash is pinned, so these are constants; the margins are for other processors."""
    weak, medium, strong = measured[name]
    assert 0.95 * measured["real"][0] < weak < medium < strong
    assert strong > 3 * measured["real"][0]


@pytest.mark.slow
def test_the_order_of_damages_is_like_that_of_inception(emoji: tuple[np.ndarray, np.ndarray]) -> None:
    """Ten damaged sets in the order of both distances: Spearman's correlation. It downloads Inception's weights."""
    try:
        inception = extractors.inception()
    except GanzooError as error:
        pytest.skip(str(error))
    reference, others = (each[:200] for each in emoji)
    orders = []
    for network in (pretrained("pictures"), inception):
        real = network.extract([reference])
        found = [
            frechet_distance(network.extract([damage(others, strengths[1])]), real)
            for damage, strengths in DAMAGES.values()
        ]
        orders.append(np.array(found))
    assert rank_correlation(*orders) > 0.3


def test_the_data_that_it_is_for(extractor: Extractor) -> None:
    for shape, expected in {
        (3, 16, 16): "pictures",
        (4, 40, 20): "pictures",
        (3, 15, 64): None,
        (1, 64, 64): None,
        (2, 64, 64): None,
    }.items():
        data = Data(name="x", samples=np.zeros((4, *shape), np.uint8))
        assert name_for(data) == expected
        if expected:
            assert extractor_for(data).sha256 == HASHES["pictures"]
        else:
            with pytest.raises(GanzooError, match="there is no pretrained extractor for x"):
                extractor_for(data)
    assert name_for(load("emoji32")) == "emoji32", "its own"
    assert name_for(load("ring8")) is None
    assert extractor_for(load("emoji32"), "pictures").name == "pictures"
    assert extractor_for(load("mnist-10k"), "pictures").name == "pictures"
    for shape in ((2, 20, 20), (3, 8, 8)):
        data = Data(name="x", samples=np.zeros((4, *shape), np.uint8))
        with pytest.raises(GanzooError, match="takes grey, RGB and RGBA of at least 16x16 pixels, and x has"):
            extractor_for(data, "pictures")


def test_an_evaluation_says_that_there_are_no_classes() -> None:
    data = random_images(3, 16, 16, 60)
    training = small_training("simple", data, iterations=1)
    run_iterations(training)
    found = evaluate(training.model(), data, number=40)
    assert found.score == "pictures-fd"
    assert found.extractor == {"name": "pictures", "sha256": HASHES["pictures"], "accuracy": None}
    assert found.metrics.keys() >= {"pictures-fd", "pictures-kd", "precision", "recall", "density", "coverage"}
    assert not found.metrics.keys() & {"pictures-score", "inception_score", "class_kl", "confidence"}
    assert found.references.keys() == {"real", "noise"}
    assert found.references["real"].keys() >= {"pictures-fd", "pictures-kd"}
    assert found.classes == {}
    assert "the extractor pictures has no classes: no pictures-score, class_kl" in "\n".join(found.notes)
    json.dumps(found.to_dict())


def test_the_own_extractor_is_not_used_where_pictures_is_asked_for() -> None:
    data = subset(load("emoji32"), np.arange(60))
    training = small_training("simple", data, iterations=1)
    run_iterations(training)
    own, other = (evaluate(training.model(), data, number=40, features=features) for features in ("own", "pictures"))
    assert (own.score, other.score) == ("emoji32-fd", "pictures-fd")
    assert "class_kl" in own.metrics
    assert not any("no classes" in note for note in own.notes)


def test_the_score_during_training_is_that_of_the_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "IMAGES", 40)
    data = random_images(3, 16, 16, 60)
    training = small_training("simple", data, iterations=1)
    run_iterations(training)
    name, score = scorer(data)
    assert name == "pictures-fd"
    expected = evaluate(training.model(), data, number=40).metrics["pictures-fd"]
    assert score(training.model()) == pytest.approx(expected, rel=1e-4)
    with pytest.raises(GanzooError, match="has 19 images to compare with, and scores need at least 20; leave out"):
        scorer(random_images(3, 16, 16, 19))


def test_the_shipped_file_names_its_data() -> None:
    path = Path(extractors.__file__).parent / "trained" / "pictures.safetensors"
    about = read_json(path)
    assert path.stat().st_size <= 1_500_000
    assert {each["sha256"]: each["licence"] for each in about["data"]} == train_pictures.LICENCES
    assert sum(each["number"] for each in about["data"]) == 9514
    assert about["training"] == {"iterations": train_pictures.ITERATIONS, "seed": 0}
    assert "no FID" in about["limits"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Six pictures for training and two for testing, of two kinds."""
    path = tmp_path / "x.npz"
    images = some((8, 3, 64, 64)).numpy()
    np.savez(path, images=images, labels=np.array([4, 9] * 4), split=np.array([0] * 6 + [1] * 2))
    return path


def test_what_is_read_of_a_file(file: Path, tmp_path: Path) -> None:
    found = train_pictures.read(file)
    assert {side: tuple(pixels.shape) for side, pixels in found.sides.items()} == {
        64: (6, 3, 64, 64),
        32: (6, 3, 32, 32),
    }
    large = found.sides[64].float()
    means = (large[..., ::2, ::2] + large[..., 1::2, ::2] + large[..., ::2, 1::2] + large[..., 1::2, 1::2]) / 4
    assert (found.sides[32].float() - means).abs().max() <= 0.5
    assert found.labels.tolist() == [0, 1] * 3
    assert (found.about["name"], found.about["number"], found.about["licence"]) == ("x.npz", 6, "unknown")
    np.savez(tmp_path / "pairs.npz", a=np.zeros((3, 1, 32, 32), np.uint8), b=np.zeros((3, 3, 32, 32), np.uint8))
    pairs = train_pictures.read(tmp_path / "pairs.npz")
    assert (list(pairs.sides), pairs.labels.tolist()) == ([32], [0, 0, 0])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((4, 3, 20, 20), np.uint8)}, r"uint8 \(4, 3, 20, 20\); give pictures uint8"),
        ({"images": np.zeros((4, 3, 32, 32))}, r"float64 .*; give pictures uint8"),
        ({"images": np.zeros((4, 3, 32, 32), np.uint8), "split": np.ones(4)}, r"uint8 \(0, 3, 32, 32\); give"),
        ({"images": np.zeros((4, 3, 32, 32), np.uint8), "split": np.zeros(3)}, "is no npz file of pictures"),
        ({"images": np.array([{}], dtype=object)}, "is no npz file of pictures"),
        ({"samples": np.zeros((4, 3, 32, 32), np.uint8)}, "is no npz file of pictures"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(GanzooError, match=message):
        train_pictures.read(tmp_path / "x.npz")


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 and nothing")
    np.save(tmp_path / "x.npy", np.zeros((4, 3, 32, 32), np.uint8))
    for name in ("x.npz", "x.npy", "nosuch.npz"):
        with pytest.raises(GanzooError, match="is no npz file of pictures"):
            train_pictures.read(tmp_path / name)


def test_the_script(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two trainings of one seed give the same bits, and a third of another seed does not."""
    (tmp_path / "other").mkdir()
    written = [tmp_path / "mine.safetensors", tmp_path / "other" / "mine.safetensors"]
    for path in written:
        train_pictures.main(str(file), "--out", str(path), "--iterations", "2")
    assert written[0].read_bytes() == written[1].read_bytes()
    assert "trained on 6 pictures" in capsys.readouterr().out
    found = extractors.load(written[0])
    assert (found.name, found.score, found.shape) == ("mine", "mine-fd", None)
    features = found.extract([train_pictures.read(file).sides[side].numpy() for side in (64, 32)]).features
    assert np.abs(features.mean(axis=0)).max() < 1e-2
    assert np.median(features.std(axis=0, ddof=1)) == pytest.approx(1, abs=1e-3)
    train_pictures.main(str(file), "--out", str(written[1]), "--iterations", "2", "--seed", "1")
    assert written[0].read_bytes() != written[1].read_bytes()
    data = random_images(3, 32, 32, 20)
    assert extractor_for(data, path=written[0]).name == "mine"
    with pytest.raises(GanzooError, match="takes grey, RGB and RGBA"):
        extractor_for(replace(data, samples=np.zeros((20, 2, 32, 32), np.uint8)), path=written[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch.npz", "--out", "x.safetensors"], "Error: nosuch.npz is no npz file"),
        (["x.npz", "--out", "nosuch/x.safetensors"], "Error: cannot write nosuch/x.safetensors"),
        (["x.npz", "--out", "inception.safetensors"], "is named inception"),
        (["x.npz", "--out", "x.safetensors", "--iterations", "0"], "--iterations is at least 1"),
        (["x.npz", "--out", "x.safetensors", "--seed", "-1"], "--seed at least 0"),
    ],
)
def test_what_the_script_refuses(
    file: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(file.parent)
    with pytest.raises(SystemExit, match=message):
        train_pictures.main(*arguments)


HEADER: dict[str, object] = {"format": 1, "extractor": "x", "network": "pictures"}


@pytest.mark.parametrize(
    "change",
    [
        {"network": "resnet"},
        {"network": None},
        {"network": ["pictures"]},
        {"network": "lenet", "shape": [3, 8, 8], "classes": ["a"], "accuracy": 0.5},
        {"shape": [3, 4096, 4096]},
        {"classes": ["a"]},
        {"accuracy": 0.5},
        {"extractor": ""},
        {"extractor": None},
        {"extractor": "x" * 1001},
    ],
)
def test_invalid_metadata_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "x.safetensors"
    write(path, Pictures().state_dict(), HEADER | change)
    with pytest.raises(GanzooError, match="is no extractor; train one"):
        extractors.load(path)


def test_hostile_files(tmp_path: Path) -> None:
    path, state = tmp_path / "x.safetensors", Pictures().state_dict()
    load_it = functools.partial(extractors.load, path)
    write(path, state | {"fine.0.weight": torch.zeros(24, 3, 300, 300)}, HEADER)
    with pytest.raises(GanzooError, match=r"does not fit: 'fine\.0\.weight' has the shape"):
        load_it()
    write(path, state | {"more": torch.zeros(1)}, HEADER)
    with pytest.raises(GanzooError, match="does not fit: the network has no 'more'"):
        load_it()
    write(path, state, HEADER | {"extractor": "inception"})
    with pytest.raises(GanzooError, match="is named inception, which is the name of Inception alone"):
        load_it()
    write(path, state, HEADER | {"extractor": "a\x1b[2Jb\n"})
    assert load_it().name.isprintable()
    for scale in (0.0, float("nan")):
        write(path, state | {"scale": torch.full((WIDTH,), scale)}, HEADER)
        with pytest.raises(GanzooError, match="features are not finite"):
            load_it().extract([some((2, 3, 16, 16)).numpy()])
