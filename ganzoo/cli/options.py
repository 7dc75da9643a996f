"""Names and options that several commands share."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import click

from ganzoo.util.errors import GanzooError


class FilePath(click.Path):
    """A path, which is not empty."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("a path cannot be empty", param, ctx)
        return super().convert(value, param, ctx)


data_dir = click.option("--data-dir", type=FilePath(), help="Folder of downloaded data sets (env: GANZOO_DATA_DIR).")
force = click.option("--force", is_flag=True, help="Replace files that exist.")
stage = click.option(
    "--stage", type=click.Choice(["child", "parent"]), help="Which generator, for a GAN with a parent."
)


def require_new(path: str | Path, *, force: bool) -> None:
    """Refuse to replace a file that exists, unless ``force`` says so."""
    if Path(path).exists() and not force:
        raise GanzooError(f"{path} exists; replace it with --force, or name another with --out")


def refuse_twice(flag: str, names: Sequence[str]) -> None:
    """Refuse a name that an option got twice."""
    if twice := [name for name in names if names.count(name) > 1]:
        raise GanzooError(f"{flag} {twice[0]} is given twice; leave one out")


def file_suffix(out: str) -> str:
    """The suffix of a file to write, or nothing if ``out`` is a folder, as in ``images/``, ``fakes_v1.5`` and ``x``."""
    suffix = Path(out).suffix
    is_folder = out.endswith(("/", os.sep)) or Path(out).is_dir() or not re.fullmatch(r"\.[A-Za-z]\w*", suffix)
    return "" if is_folder else suffix


class Plain(click.ParamType):  # type: ignore[type-arg]
    """A number as people write it. Python would read ``1_0`` as ten."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and ("_" in value or not value.isascii()):
            self.fail(f"'{value}' is not a valid number; write it in the digits 0 to 9", param, ctx)
        return super().convert(value, param, ctx)


class Integer(Plain, click.types.IntParamType):
    """A whole number."""


class IntRange(Plain, click.IntRange):
    """A whole number in a range."""


class Float(Plain, click.types.FloatParamType):
    """A number."""


class FiniteFloat(Plain, click.FloatRange):
    """A number in a range, and neither NaN nor infinite, which no comparison with a bound would notice."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


class Name(click.ParamType):  # type: ignore[type-arg]
    """The name of something registered. ``DCGAN`` and ``wgan_gp`` are read as ``dcgan`` and ``wgan-gp``.

    Args:
        kind: ``gan``, a kind of part, ``dataset`` (what follows a colon stays as it is), or ``source``: the name of a
            GAN or of weights, where a path stays as it is.
    """

    name = "name"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if self.kind == "dataset":
            from ganzoo.data import dataset_name

            value = dataset_name(str(value))
        typed, colon, rest = str(value).partition(":") if self.kind == "dataset" else (str(value), "", "")
        plain = typed.lower().replace("_", "-")
        is_path = self.kind == "source" and (Path(typed).exists() or os.sep in typed or Path(typed).suffix)
        if plain == typed or is_path or typed in (known := self.known()) or plain not in known:
            return str(value)
        if os.environ.get("RANK", "0") == "0":
            click.echo(f"'{typed}' is read as '{plain}'.", err=True)
        return f"{plain}{colon}{rest}"

    def known(self) -> Collection[str]:
        from ganzoo.registry.registry import registry

        if self.kind == "source":
            from ganzoo.generators.pretrained import index

            return {*registry().gans, *(name for entry in index().values() for name in (entry.name, *entry.also))}
        return registry().gans if self.kind == "gan" else registry().parts[self.kind]


image_size = click.option(
    "--image-size", type=IntRange(1), metavar="N", help="Height and width in pixels, for a folder of images."
)
channels = click.option(
    "--channels",
    type=click.Choice(["grey", "rgb", "rgba"]),
    help="Colours of a folder of images; by default grey if all are grey, else rgb.",
)
