"""Run what other libraries offer, next to ganzoo: ``python docs/other-libraries/libraries.py --path VENV/bin``.

``lines.toml`` has the commands. In ``VENV`` are the other libraries; ganzoo is in the environment that runs this. The
result goes to ``result.json``, from which ``docs/generate.py`` writes the table of the page.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from statistics import median

import click

from ganzoo.util.files import write_text

HERE = Path(__file__).parent
LINES = tomllib.loads((HERE / "lines.toml").read_text())["line"]
LIBRARIES = ("ganzoo", "timm", "llm", "diffusers", "lightweight-gan")
IMPORTS = {"ganzoo": "ganzoo", "timm": "timm", "llm": "llm", "diffusers": "diffusers"}
REFUSES = "refuses: "
TURNS = 5


@click.command()
@click.option("--path", required=True, type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path))
def main(path: Path) -> None:
    """Run every line, and measure imports in turn."""
    with tempfile.TemporaryDirectory() as folder:
        cells = [{library: cell(line[library], library, path, Path(folder)) for library in LIBRARIES} for line in LINES]
    rows = [{"what": line["what"]} | row for line, row in zip(LINES, cells, strict=True)]
    result = {"versions": versions(path), "rows": rows, "import": imports(path)}
    write_text(HERE / "result.json", json.dumps(result, indent=1) + "\n")


def cell(line: str, library: str, path: Path, folder: Path) -> str:
    """What the table says: the text of a line that is not run, or what came of the command.

    Raises:
        click.ClickException: a command fails that should succeed, or succeeds where it should be refused.
    """
    if line.startswith("no"):
        return line
    command = line.removeprefix(REFUSES)
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(library, path), capture_output=True, text=True, check=False
    )
    if (done.returncode == 0) == line.startswith(REFUSES):
        raise click.ClickException(f"{library}: {command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    click.echo(f"{library}: {command}: exit code {done.returncode}", err=True)
    if line.startswith(REFUSES):
        if "CUDA" not in done.stderr:
            raise click.ClickException(f"{library} fails for another reason:\n{done.stderr}")
        return "not without CUDA"
    return "yes"


def environment(library: str, path: Path) -> dict[str, str]:
    """Variables with the programs of the library first, and no network."""
    first = Path(sys.executable).parent if library == "ganzoo" else path
    return os.environ | {"PATH": f"{first}{os.pathsep}{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}


def imports(path: Path) -> dict[str, float]:
    """Median seconds of ``import`` in a process of its own, measured in turn."""
    seconds: dict[str, list[float]] = {library: [] for library in IMPORTS}
    for _ in range(TURNS + 1):
        for library, module in IMPORTS.items():
            start = time.perf_counter()
            subprocess.run(["python", "-c", f"import {module}"], env=environment(library, path), check=True)
            seconds[library].append(time.perf_counter() - start)
    return {library: round(median(found[1:]), 2) for library, found in seconds.items()}


def versions(path: Path) -> dict[str, str]:
    code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {LIBRARIES[1:]!r}}}))"
    done = subprocess.run(["python", "-c", code], env=environment("", path), capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    main()
