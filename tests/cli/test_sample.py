from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support import open_picture

Text = Callable[[str], str]


@pytest.fixture(autouse=True)
def runs_here(runs: Path, empty_folder: Path) -> None:
    for run in runs.iterdir():
        (empty_folder / run.name).symlink_to(run)


def arrays(path: str) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def test_the_same_seed_gives_the_same_image_whatever_the_others_are(ganzoo: Text) -> None:
    ganzoo("sample simple --seeds 0-999 --out many.npz")
    ganzoo("sample simple --seeds 998,7 --out few.npz")
    ganzoo("sample simple -n 9 --out first.npz")
    many, few, first = (arrays(f"{name}.npz") for name in ("many", "few", "first"))
    assert few["seeds"].tolist() == [998, 7]
    np.testing.assert_allclose(many["images"][[998, 7]], few["images"], atol=1e-5)
    np.testing.assert_allclose(many["images"][:9], first["images"], atol=1e-5)
    assert np.abs(many["images"][0] - many["images"][1]).max() > 0.01


def test_arrays_have_names(ganzoo: Text) -> None:
    assert ganzoo("sample simple -n 5 --out x.npz").startswith("5 samples of simple (simple/weights.safetensors) in x")
    images = arrays("x.npz")
    assert set(images) == {"images", "seeds"}
    assert (images["images"].shape, images["images"].dtype) == ((5, 1, 28, 28), np.float32)
    assert -1 <= images["images"].min() < images["images"].max() <= 1
    ganzoo("sample cgan -n 12 --out y.npz")
    assert arrays("y.npz")["labels"].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_a_label_is_the_class_of_all_samples(ganzoo: Text) -> None:
    ganzoo("sample cgan --label 7 -n 3 --out sevens.npz")
    ganzoo("sample cgan -n 8 --out all.npz")
    sevens, every = arrays("sevens.npz"), arrays("all.npz")
    assert sevens["labels"].tolist() == [7, 7, 7]
    assert not np.allclose(sevens["images"], every["images"][:3])


def test_a_child_is_sampled_with_its_parent_or_alone(ganzoo: Text) -> None:
    for stage in ("parent", "child"):
        ganzoo(f"sample child -n 4 --stage {stage} --out {stage}.npz")
        ganzoo(f"sample child -n 4 --stage {stage} --out {stage}.png")
    ganzoo("sample child -n 4 --out both.png")
    ganzoo("sample child -n 4 --out usual.npz")
    assert not np.allclose(arrays("parent.npz")["images"], arrays("child.npz")["images"])
    assert np.array_equal(arrays("usual.npz")["images"], arrays("child.npz")["images"])
    widths = {name: open_picture(f"{name}.png").width for name in ("parent", "child", "both")}
    assert widths["parent"] == widths["child"] < widths["both"]


def test_single_images_are_named_after_seed_and_label(ganzoo: Text) -> None:
    Path("there").mkdir()  # an empty folder is no obstacle
    ganzoo("sample cgan --seeds 7,12 --out there")
    assert sorted(path.name for path in Path("there").iterdir()) == [
        "seed-000007-label-0.png",
        "seed-000012-label-1.png",
    ]
    ganzoo("sample simple --seeds 5 --out new/folder")
    assert open_picture("new/folder/seed-000005.png").size == (28, 28)


def test_a_picture_is_named_after_its_gan_by_default(ganzoo: Text, refused: Text) -> None:
    ganzoo("sample simple/weights.safetensors -n 4")
    assert open_picture("simple.png").mode == "L"
    assert refused("sample simple") == "simple.png exists; replace it with --force, or name another with --out"
    ganzoo("sample simple -n 4 --force")


def test_vectors_are_plotted_over_their_data(ganzoo: Text) -> None:
    ganzoo("sample ring -n 50 --out points.png")
    picture = np.asarray(open_picture("points.png"))
    assert picture.shape == (512, 512, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 2, "grey for the data, blue for the samples"
    ganzoo("sample ring --seeds 3 --out points.npz")
    assert arrays("points.npz")["images"].shape == (1, 2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no-such", "no GAN named 'no-such'"),
        ("no/such", "there is no run or file no/such"),
        ("dcgan", "there are no trained weights of dcgan here; train them first: ganzoo train dcgan"),
        ("simple --label 3", "simple is not class-conditional; leave out the labels, or train cgan"),
        ("cgan --label 10", "label 10 is out of range; cgan has 0..9"),
        ("cgan --label -1", "label -1 is out of range; cgan has 0..9"),
        ("simple --stage parent", "simple has no parent to sample; leave out --stage parent"),
        ("simple -n 5 --seeds 0-4", "leave out one of --seeds and -n"),
        ("simple --seeds x", "no seeds in 'x'; give whole numbers"),
        ("simple --seeds 9-3", "the range of seeds 9-3 runs backwards; write 3-9"),
        ("simple --seeds ''", "no seeds in ''"),
        ("simple -n 0", "Invalid value for '-n'"),
        ("simple --out x.jpg", "cannot write '.jpg' files; --out takes x.png, x.npz or a folder"),
        ("simple --out none/x.png", "cannot write none/x.png: No such file or directory; choose a folder that exists"),
        ("simple --out none/x.npz", "cannot write none/x.npz: No such file or directory"),
        ("simple --out /dev/null/x", "cannot write in /dev/null/x: "),
        ("ring --out x", "simple makes vectors, not images; --out takes x.npz"),
        ("ring --data none", "no dataset named 'none'"),
    ],
)
def test_what_cannot_be_sampled_is_one_line(refused: Text, line: str, message: str) -> None:
    before = set(Path().iterdir())
    assert message in refused(f"sample {line}")
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize("name", ["x.png", "x.npz", "x"])
def test_existing_output_is_kept_unless_forced(ganzoo: Text, refused: Text, name: str) -> None:
    ganzoo(f"sample simple -n 2 --out {name}")
    assert (
        refused(f"sample simple -n 3 --out {name}")
        == f"{name} exists; replace it with --force, or name another with --out"
    )
    ganzoo(f"sample simple -n 3 --out {name} --force")
