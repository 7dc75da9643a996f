"""Generators on the Hugging Face Hub, with the real client against a server on this machine."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from ganzoo import GanzooError, Sampler, load
from ganzoo.generators import hub as addresses
from ganzoo.generators import pretrained
from tests.support import TRAIN
from tests.support.commands import invoke
from tests.support.hub_server import TOKEN, Hub, serve

client = pytest.importorskip("huggingface_hub")
constants = pytest.importorskip("huggingface_hub.constants")
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the client, in an upload
Text = Callable[[str], str]
ADDRESS = "hf:somebody/digits"
INDEX = pretrained.index  # which the tests of commands replace by an empty one


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    path = tmp_path_factory.mktemp("hub") / "digits"
    assert invoke(f"train simple {TRAIN} --out {path}").exit_code == 0
    return path


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty Hub, an empty cache, and somebody who is logged in."""
    with serve() as server:
        for name, value in {
            "ENDPOINT": server.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(tmp_path / "cache"),
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_PROGRESS_BARS": True,
        }.items():
            monkeypatch.setattr(constants, name, value)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        monkeypatch.chdir(tmp_path)
        yield server
        client.close_session()


@pytest.fixture
def pushed(hub: Hub, run: Path) -> str:
    """What was printed when the run was pushed."""
    done = invoke(f"push {run} somebody/digits")
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_pushed_run_is_on_the_hub_byte_by_byte(hub: Hub, pushed: str, run: Path) -> None:
    repository = hub.repository("somebody/digits")
    files = repository.files()
    assert set(files) >= {"weights.safetensors", "model.onnx", "samples.png", "README.md"}
    assert files["weights.safetensors"] == (run / "weights.safetensors").read_bytes()
    card = files["README.md"].decode()
    assert card.startswith("---\nlicense:") and "ganzoo sample hf:somebody/digits" in card and "](samples.png)" in card
    space = hub.repository("somebody/digits", "spaces").files()
    assert set(space) == {".gitattributes", "README.md", "index.html"}
    assert b'sdk: "static"' in space["README.md"] and b"somebody/digits" in space["README.md"]
    assert b"Content-Security-Policy" in space["index.html"]
    assert f"ganzoo sample {ADDRESS}@{repository.branches['main']}" in pushed
    assert TOKEN not in pushed


def test_it_is_sampled_as_the_run_is(pushed: str, run: Path, ganzoo: Text, tmp_path: Path) -> None:
    printed = ganzoo(f"sample {ADDRESS} --seeds 3-6 -o there.npz")
    assert f"({ADDRESS}@" in printed, "the commit is said"
    ganzoo(f"sample {run / 'weights.safetensors'} --seeds 3-6 -o here.npz")
    np.testing.assert_allclose(*(np.load(f"{name}.npz")["images"] for name in ("there", "here")), atol=1e-4)
    model, sampler = load(ADDRESS), Sampler(ADDRESS)
    np.testing.assert_allclose(model.sample(2), sampler.sample(2), atol=1e-4)
    assert "iterations" in ganzoo(f"show {ADDRESS}")


def test_the_file_that_arrives_is_the_file_that_was_pushed(pushed: str, run: Path) -> None:
    path = addresses.fetch(ADDRESS, "safetensors")
    assert path.read_bytes() == (run / "weights.safetensors").read_bytes()
    commit = addresses.described(path).partition("@")[2]
    assert addresses.fetch(f"{ADDRESS}@{commit}", "safetensors") == path


def test_a_training_begins_with_it_and_records_the_commit(hub: Hub, pushed: str, ganzoo: Text) -> None:
    ganzoo(f"train simple {TRAIN} --init {ADDRESS} --out begun")
    commit = hub.repository("somebody/digits").branches["main"]
    assert json.loads(Path("begun/run.json").read_text())["init"] == f"{ADDRESS}@{commit}"


def test_an_older_revision_stays(hub: Hub, pushed: str, run: Path) -> None:
    repository = hub.repository("somebody/digits")
    first = repository.branches["main"]
    repository.commit({"weights.safetensors": b"other"})
    assert (
        addresses.fetch(f"{ADDRESS}@{first}", "safetensors").read_bytes() == (run / "weights.safetensors").read_bytes()
    )
    assert addresses.fetch(ADDRESS, "safetensors").read_bytes() == b"other"


def test_without_the_hub_the_cache_is_used_and_that_is_said(
    pushed: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, refused: Text
) -> None:
    path = addresses.fetch(ADDRESS, "safetensors")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with caplog.at_level(logging.WARNING, "ganzoo"):
        assert addresses.fetch(ADDRESS, "safetensors") == path
    assert f"the Hub cannot be reached; {addresses.described(path)} comes from the cache" in caplog.text
    with pytest.raises(GanzooError, match="hf:somebody/cats is not in the cache, and the Hub cannot be reached"):
        addresses.fetch("hf:somebody/cats", "safetensors")


def test_trained_weights_come_from_a_repository(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZOO_DATA_DIR", "downloaded")
    monkeypatch.setattr(pretrained, "index", INDEX)
    monkeypatch.setattr(pretrained.Entry, "found", lambda self, kind: None)  # as where nothing is installed
    entry = pretrained.index()["dcgan"]
    files = {f"dcgan.{kind}": (pretrained.FOLDER / f"dcgan.{kind}").read_bytes() for kind in entry.files}
    hub.repository("somebody/weights").commit(files)
    assert (
        invoke("weights --get dcgan --from hf:somebody/weights").stdout == "1/1 dcgan: 0.5 MB in downloaded/weights\n"
    )
    assert {path.name: path.read_bytes() for path in Path("downloaded/weights").iterdir()} == files
    said = invoke("weights --get wgan --from hf:somebody/weights")
    address = f"hf:somebody/weights@{hub.repository('somebody/weights').branches['main']}"
    assert (said.exit_code, said.stderr) == (2, f"Error: {address} holds no wgan.safetensors; check the address\n")


def test_a_damaged_file_is_refused_and_not_kept(hub: Hub, pushed: str) -> None:
    hub.damage = b"x"
    with pytest.raises(GanzooError, match=r"weights.safetensors of hf:somebody/digits@.* arrived damaged"):
        addresses.fetch(ADDRESS, "safetensors")
    hub.damage = b""
    assert addresses.fetch(ADDRESS, "safetensors").stat().st_size > 1000


def test_a_connection_that_breaks_is_one_line(hub: Hub, pushed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda *_: None)  # the client tries again a few times
    hub.cut = True
    with pytest.raises(GanzooError, match=r"hf:somebody/digits cannot be transferred: .*; try again$") as caught:
        addresses.fetch(ADDRESS, "safetensors")
    assert "\n" not in str(caught.value)
    hub.cut = False
    assert addresses.fetch(ADDRESS, "safetensors").stat().st_size > 1000


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "too many requests"), (403, "your token does not allow it"), (418, "error 418")]
)
def test_refusals_of_the_hub(status: int, reason: str, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda *_: None)
    hub.status = status
    with pytest.raises(GanzooError, match=f"the Hub refuses {ADDRESS}: {reason}"):
        addresses.fetch(ADDRESS, "safetensors")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "hf:somebody/nothing",
            "there is no hf:somebody/nothing, or it is private; check the name, or log in: hf auth login",
        ),
        (f"{ADDRESS}@v7", f"{ADDRESS} has no revision v7"),
        ("hf:digits", "'hf:digits' is no address on the Hub; write hf:user/name[@revision]"),
        ("hf:a/../b", "'hf:a/../b' is no address on the Hub"),
        (
            "hf:somebody/pickled",
            "holds no model.onnx or weights.safetensors; it has pytorch_model.bin, a pickle, which can",
        ),
        ("hf:somebody/foreign", "weights.safetensors was not written by ganzoo"),
        (
            "hf:somebody/two",
            "holds no model.onnx or weights.safetensors; of its 2 ONNX files, download the one that you want",
        ),
    ],
)
def test_what_cannot_be_sampled_is_one_line(source: str, message: str, hub: Hub, pushed: str, refused: Text) -> None:
    hub.repository("somebody/pickled").commit({"pytorch_model.bin": b"x"})
    hub.repository("somebody/foreign").commit({"weights.safetensors": save({"a": np.zeros(3, np.float32)})})
    hub.repository("somebody/two").commit({"a.onnx": b"x", "b.onnx": b"x"})
    line = refused(f"sample {source} -o x.png")
    assert message in line
    assert TOKEN not in line


def test_a_private_repository_needs_its_token(hub: Hub, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoke(f"push {run} somebody/digits --private --no-space").exit_code == 0
    assert ("spaces", "somebody/digits") not in hub.repositories
    assert addresses.fetch(ADDRESS, "onnx").is_file()
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(GanzooError, match="or it is private"):
        addresses.fetch(ADDRESS, "onnx")


def test_pushing_needs_a_login(hub: Hub, run: Path, refused: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    line = refused(f"push {run} somebody/digits")
    assert "you are not logged in (hf auth login)" in line and "hf_wrong" not in line
    assert not hub.repositories


def test_a_dry_run_uploads_nothing(hub: Hub, run: Path, ganzoo: Text) -> None:
    printed = ganzoo(f"push {run} somebody/digits --dry-run")
    assert "generator: model.onnx" in printed and "space: index.html" in printed and "Nothing was uploaded" in printed
    assert not any(method in ("POST", "PUT") for method, *_ in hub.requests)


def test_a_card_of_the_users_own_stays(hub: Hub, pushed: str, run: Path, ganzoo: Text) -> None:
    hub.repository("somebody/digits").commit({"README.md": b"# My digits"})
    assert "The card of the repository is not ganzoo's, and stays as it is." in ganzoo(f"push {run} somebody/digits")
    assert hub.repository("somebody/digits").files()["README.md"] == b"# My digits"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("push nowhere somebody/x", "nowhere holds no weights.safetensors"),
        ("push nowhere x", "'x' is no repository; write USER/NAME"),
        ("push nowhere a/b --no-space --runtime cdn", "--runtime is of the page, which --no-space leaves out"),
    ],
)
def test_wrong_pushes(line: str, message: str, hub: Hub, refused: Text) -> None:
    assert message in refused(line)


def test_a_file_that_is_far_too_large_is_not_downloaded(hub: Hub, pushed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "LARGEST", 1000)
    with pytest.raises(GanzooError, match=r"has [\d,]+ bytes; ganzoo reads at most 1,000"):
        addresses.fetch(ADDRESS, "safetensors")
    assert not any("/resolve/" in path and path.endswith("weights.safetensors") for _, path, _ in hub.requests)
