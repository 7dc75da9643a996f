"""Nothing here reads or writes pickles, which can run code when they are read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

FOLDERS = ("ganzoo", "plugins", "weights", "docs", "tests")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
CALLS = {"torch.load", "torch.save", "torch.jit.load", "torch.hub.load", "torch.package", "pandas.read_pickle"}


def pickles(tree: ast.AST) -> Iterator[str]:
    """What in a module's code imports, calls or allows a pickle."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = node.module or ""
            if module.partition(".")[0] in MODULES:
                yield module
            yield from (full for name in node.names if (full := f"{module}.{name.name}") in CALLS)
        elif isinstance(node, ast.Attribute) and (name := ast.unparse(node)) in CALLS:
            yield name
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield "allow_pickle"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pickle(path: Path) -> None:
    assert not list(pickles(ast.parse(path.read_text())))


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "from torch import save",
        "torch.load(path, weights_only=True)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_a_pickle_would_be_seen(code: str) -> None:
    assert list(pickles(ast.parse(code)))
