from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Text = Callable[[str], str]

PLUGIN = """
from ganzoo import GAN, hookimpl

def {trainer}

@hookimpl
def ganzoo_gans():
    yield GAN(name="mine", summary="", generator="dense", discriminator="dense", trainer=train, data="ring8")
"""
GOOD = """train(nets, draw):
    real, z = draw()
    yield nets.discriminator, (nets.discriminator(real) - nets.discriminator(nets.generator(z))).square().mean()
    yield nets.generator, nets.discriminator(nets.generator(z)).square().mean()
"""
CLAIMS = 7


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A plugin in a package of the current folder."""

    def write(name: str, text: str) -> None:
        monkeypatch.setattr(sys, "path", list(sys.path))  # the command adds to it
        Path(name).mkdir()
        Path(name, "__init__.py").touch()
        Path(name, "plugin.py").write_text(text)

    return write


def test_a_gan_that_keeps_the_contract(ganzoo: Text) -> None:
    first, *claims, last = ganzoo("check simple").splitlines()
    assert first == "simple:"
    assert len(claims) == CLAIMS + 1, "its trainer takes augmentations, and says so"
    assert all(claim.startswith("  ok  ") for claim in claims)
    assert last == "simple: the contract holds"


def test_a_module_in_the_current_folder_is_checked(ganzoo: Text, plugin: Callable[[str, str], None]) -> None:
    plugin("good_one", PLUGIN.format(trainer=GOOD))
    assert ganzoo("check good_one.plugin").endswith("mine: the contract holds\n")


def test_a_gan_that_breaks_the_contract(refused: Text, plugin: Callable[[str, str], None]) -> None:
    plugin("bad_one", PLUGIN.format(trainer=GOOD.replace(".square().mean()", ".square()")))
    assert "the loss of the discriminator is not a finite scalar tensor but" in refused("check bad_one.plugin")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("smple", "no GAN named 'smple'; did you mean 'simple'?"),
        ("no_such.module", "no GAN named 'no_such.module'"),
        ("ganzoo.no_such", "module ganzoo.no_such cannot be loaded as a plugin: ModuleNotFoundError"),
        (
            "ganzoo.parts.builders",
            "module ganzoo.parts.builders cannot be loaded as a plugin: LookupError: it registers nothing",
        ),
    ],
)
def test_what_cannot_be_checked_is_one_line(refused: Text, what: str, message: str) -> None:
    assert message in refused(f"check {what}")
