"""The command ``ganzoo``: thin commands over the library. Heavy imports stay inside them, so ``--help`` is quick."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

import click

from ganzoo.cli.card import card
from ganzoo.cli.check import check
from ganzoo.cli.demo import demo
from ganzoo.cli.doctor import doctor
from ganzoo.cli.evaluate import evaluate
from ganzoo.cli.export import export
from ganzoo.cli.list import list_, show
from ganzoo.cli.plugin_commands import PluginGroup
from ganzoo.cli.report import report
from ganzoo.cli.sample import sample
from ganzoo.cli.train import train
from ganzoo.cli.weights import weights
from ganzoo.util.errors import GanzooError


class Failure(click.ClickException):
    """An error that the user can mend: one line, exit code 2."""

    exit_code = 2


class Commands(PluginGroup):
    """The place where errors of the library, and of what was typed, become one line on a terminal."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        try:
            return super().make_context(*args, **options)
        except click.UsageError as error:
            raise misused(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GanzooError as error:
            if os.environ.get("GANZOO_DEBUG"):
                raise
            raise Failure(str(error)) from error
        except click.UsageError as error:
            raise misused(error) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            if os.environ.get("GANZOO_DEBUG"):
                raise
            raise Failure(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}") from error
        except KeyboardInterrupt:
            raise SystemExit(130) from None


def misused(error: click.UsageError) -> click.ClickException:
    """What was typed wrongly, and the command that says what could be typed."""
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK") != "0":
        raise SystemExit(2)  # torchrun has given the same words to all its processes, and the first of them tells
    if error.ctx is None or isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error
    return Failure(f"{error.format_message().rstrip('.')} ({error.ctx.command_path} --help)")


def in_one_line(message: Warning | str, *_: Any, **__: Any) -> str:
    """A warning without the place in the code where it arose."""
    return f"Warning: {message}\n"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="ganzoo-kit", prog_name="ganzoo")
def main() -> None:
    """A zoo of GANs: train them, sample them, take their generators anywhere.

    \b
    Examples:
      ganzoo list                            which GANs there are
      ganzoo show dcgan                      what one is, and every number that can be set
      ganzoo train privileged-v2             train it on handwritten digits
      ganzoo sample privileged-v2 -n 64 --out grid.png
    """
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    warnings.formatwarning = in_one_line


for command in (
    list_, show, weights, train, report, doctor, sample, evaluate, card, export, demo, check
):  # fmt: skip
    main.add_command(command)
