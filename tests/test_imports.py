"""Light modules import no heavy library, and a missing library is named with the command that installs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganzoo.cli.list import KINDS
from ganzoo.registry.registry import registry
from ganzoo.util.optional import install_command
from tests.support import python

HEAVY = {"torch", "torchvision", "sklearn", "onnxruntime", "PIL"}

RUN = """
import sys
from ganzoo.cli import main
{before}
for line in sys.argv[1:]:
    try:
        main(line.split(), prog_name="ganzoo")
    except SystemExit as done:
        print("exit code", done.code)
print("imported", *sorted({heavy!r} & set(sys.modules)))
print("plugins", *sorted(name for name in sys.modules if name.startswith("ganzoo_plugins")))
"""

MISSING = """
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {name!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Missing())
"""


def test_help_loads_no_plugin_and_nothing_heavy() -> None:
    lines = python(RUN.format(before="", heavy=HEAVY), "--help").stdout.splitlines()
    assert lines[-3:] == ["exit code 0", "imported", "plugins"]


def test_listing_and_showing_import_nothing_heavy() -> None:
    commands = ["list", *(f"list {kind}" for kind in KINDS), *(f"show {name}" for name in registry().gans)]
    done = python(RUN.format(before="", heavy=HEAVY), *commands)
    assert done.stderr == ""
    assert done.stdout.count("exit code 0") == len(commands)
    assert "\nimported\n" in done.stdout


@pytest.mark.parametrize(
    "module",
    [
        "ganzoo",
        "ganzoo.generators.images",
        "ganzoo.generators.latents",
        "ganzoo.data",
        "ganzoo.pages.explore",
        "ganzoo.runs.doctor",
        "ganzoo.testing",
    ],
)
def test_the_light_modules_import_no_torch(module: str) -> None:
    heavy = module == "ganzoo.testing"  # so that the test can be seen to fail
    done = python(f"import sys, {module}; print('torch' in sys.modules)")
    assert done.stdout == f"{heavy}\n"


@pytest.mark.parametrize(("name", "extra"), [("torch", "train"), ("safetensors", "train")])
def test_a_missing_library_is_one_line_with_the_command_that_installs_it(name: str, extra: str) -> None:
    commands = ["train simple --iterations 1", "sample simple --stage parent", "check simple", "train --resume x"]
    before = MISSING.format(name=name)
    done = python(RUN.format(before=before, heavy=HEAVY), *commands)
    line = f"Error: this needs {name}, which is not installed; run: {install_command(extra)}"
    assert done.stderr.splitlines() == [line] * len(commands)
    assert done.stdout.count("exit code 2") == len(commands)


def test_a_missing_pillow_is_one_line(tmp_path: Path) -> None:
    done = python(
        RUN.format(before=MISSING.format(name="PIL"), heavy=HEAVY),
        f"train simple --iterations 1 --set batch_size=8 --out {tmp_path}/run --device cpu",
        f"train simple --data folder:{tmp_path} --out {tmp_path}/other --device cpu",
    )
    assert [line for line in done.stderr.splitlines() if "pip install 'ganzoo-kit[" in line] == done.stderr.splitlines()
    assert done.stdout.count("exit code 2") == 2
