"""``ganzoo new-plugin``: a distribution with one GAN, to begin with."""

from __future__ import annotations

import re
import shlex
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

import click

from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError, printable
from ganzoo.util.files import write_text, writing
from ganzoo.util.optional import is_installed

TEMPLATE = {
    "pyproject.toml": "pyproject.toml",
    "module.py": "{module}.py",
    "test.py": "tests/test_{module}.py",
    "README.md": "README.md",
    "ci.yml": ".github/workflows/test.yml",
    "gitignore": ".gitignore",
}
"""Where the files of the template go."""
VALID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
LONGEST = 50


@click.command("new-plugin")
@click.argument("name", metavar="NAME")
@click.option(
    "-o", "--out", type=FilePath(path_type=Path), metavar="FOLDER", help="Where to write it; ganzoo-NAME by default."
)
def new_plugin(name: str, out: Path | None) -> None:
    """Write a plugin with one GAN, to begin with.

    The folder holds a distribution: one module with a generator and a trainer,
    a test, a README, and a workflow for GitHub Actions. Files that exist are
    never replaced.

    \b
    Examples:
      ganzoo new-plugin my-gan                    into ganzoo-my-gan/
      ganzoo new-plugin my-gan --out plugins/mine
    """
    gan = checked_name(name)
    distribution, module = f"ganzoo-{gan}", f"ganzoo_{gan.replace('-', '_')}"
    require_unused(gan, distribution, module)
    folder = out or Path(distribution)
    texts = {
        folder / place.format(module=module): Template(template(source)).substitute(
            name=gan, distribution=distribution, module=module, version=version("ganzoo-kit")
        )
        for source, place in TEMPLATE.items()
    }
    write_new(folder, texts)
    click.echo(f"Wrote {printable(str(folder), 300)}: {', '.join(str(path.relative_to(folder)) for path in texts)}.")
    click.echo("Next:")
    for line in (
        f"cd {shlex.quote(str(folder))}",
        "pip install -e '.[test]'",
        "pytest",
        f"ganzoo train {gan} --iterations 2000 --name first",
        "ganzoo sample runs/first -n 64 --out grid.png",
    ):
        click.echo(f"  {line}")


def template(source: str) -> str:
    """The text of a file of the template."""
    return (files("ganzoo.cli") / "template" / f"{source}.txt").read_text(encoding="utf-8")


def checked_name(typed: str) -> str:
    """The name of the GAN: lower case, words joined by hyphens. ``My_GAN`` is read as ``my-gan``, which is said.

    Raises:
        GanzooError: it cannot be the name of a distribution, a module and a GAN.
    """
    name = re.sub(r"[-_.]+", "-", typed).lower().removeprefix("ganzoo-")
    if not VALID.fullmatch(name) or len(name) > LONGEST:
        raise GanzooError(
            f"{printable(repr(typed), 60)} is not a name of letters, digits and hyphens, of at most {LONGEST}, such as "
            "my-gan"
        )
    if name != typed:
        click.echo(f"'{printable(typed, 60)}' is read as '{name}'.", err=True)
    return name


def require_unused(gan: str, distribution: str, module: str) -> None:
    """Refuse a name that something installed has.

    Raises:
        GanzooError: the message says what has it.
    """
    from ganzoo.generators.pretrained import index
    from ganzoo.registry.registry import registry

    weights = {name for entry in index().values() for name in (entry.name, *entry.also)}
    taken = None
    if owner := registry().owners.get(("GAN", gan)):
        taken = f"a GAN is named '{gan}', of {owner}"
    elif gan in {plugin.name for plugin in registry().plugins}:
        taken = f"a plugin is named '{gan}' (ganzoo list plugins)"
    elif gan in weights:
        taken = f"trained weights are named '{gan}' (ganzoo weights)"
    elif is_installed(distribution):
        taken = f"the distribution {distribution} is installed"
    elif find_spec(module):
        taken = f"the module {module} is installed"
    if taken:
        raise GanzooError(f"{taken}; choose another name")


def write_new(folder: Path, texts: dict[Path, str]) -> None:
    """Write files, none of which may exist.

    Raises:
        GanzooError: one exists, or the folder cannot be written.
    """
    if exists := next((path for path in texts if path.exists() or path.is_symlink()), None):
        raise GanzooError(f"{exists} exists, and is not replaced; name another folder with --out")
    for path, text in texts.items():
        with writing(folder):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
