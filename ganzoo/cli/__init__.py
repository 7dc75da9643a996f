"""The command ``ganzoo``: thin commands over the library. Heavy imports stay inside them, so ``--help`` is quick.

What concerns the whole process, such as the format of warnings, is set here and not by the library.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any, ClassVar

import click

from ganzoo.cli.card import card
from ganzoo.cli.check import check
from ganzoo.cli.data import data
from ganzoo.cli.demo import demo
from ganzoo.cli.doctor import doctor
from ganzoo.cli.evaluate import evaluate
from ganzoo.cli.export import export
from ganzoo.cli.hints import option_hint
from ganzoo.cli.list import list_, show
from ganzoo.cli.new_plugin import new_plugin
from ganzoo.cli.plugin_commands import PluginGroup
from ganzoo.cli.push import push
from ganzoo.cli.report import report
from ganzoo.cli.sample import sample
from ganzoo.cli.score import score
from ganzoo.cli.serve import serve
from ganzoo.cli.train import train
from ganzoo.cli.weights import weights
from ganzoo.util.errors import GanzooError, first_line, printable

SECTIONS = {
    "Train and use": (train, sample, evaluate, score, export, demo, serve),
    "Look up": (list_, show, data, weights),
    "Runs": (report, doctor, card, push),
    "Plugins": (check, new_plugin),
}


class Failure(click.ClickException):
    """An error that the user can correct: one line, exit code 2."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class Commands(PluginGroup):
    """The group of all commands. It turns errors of the library and of the command line into one line."""

    sections: ClassVar = {title: [str(command.name) for command in commands] for title, commands in SECTIONS.items()}

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        try:
            return super().make_context(*args, **options)
        except click.UsageError as error:
            raise usage_failure(error) from error
        except GanzooError as error:  # the commands of plugins cannot be listed
            raise Failure(str(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:  # the help cannot be written
            raise Failure(error.strerror or str(error)) from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GanzooError as error:
            if os.environ.get("GANZOO_DEBUG"):
                raise
            raise Failure(str(error)) from error
        except click.UsageError as error:
            raise usage_failure(error) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            if os.environ.get("GANZOO_DEBUG"):
                raise
            raise Failure(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}") from error
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # plugins and libraries raise any kind
            if os.environ.get("GANZOO_DEBUG"):
                raise
            raise Failure(
                f"{first_line(error)}; this is a fault of ganzoo or of a plugin (GANZOO_DEBUG=1 shows where)"
            ) from error


def usage_failure(error: click.UsageError) -> click.ClickException:
    """A wrong command line as one line, with what to type instead, or else the command that lists what can be typed."""
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK") != "0":
        raise SystemExit(2)  # all processes of torchrun have the same command line; the first one reports the error
    if error.ctx is None or isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error
    message = error.format_message().rstrip(".")
    if isinstance(error, click.NoSuchOption):
        hint = option_hint(str(error.ctx.info_name), error.option_name)
        if hint is None and error.possibilities:
            hint = f"did you mean '{error.possibilities[0]}'?"
        message = f"no option '{error.option_name}'{f'; {hint}' if hint else ''}"
    return Failure(f"{message} ({error.ctx.command_path} --help)")


def format_warning(message: Warning | str, *_: Any, **__: Any) -> str:
    """A warning on one line, without the line of code that caused it."""
    return f"Warning: {printable(str(message))}\n"


class LogFormatter(logging.Formatter):
    """A log entry on one line."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(record.getMessage())


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="ganzoo-kit", prog_name="ganzoo")
def main() -> None:
    """A zoo of GANs: train them, sample them, export their generators.

    \b
    Examples:
      ganzoo sample cgan --label 7 -o sevens.png   sample an included generator
      ganzoo list                                  which GANs there are
      ganzoo show dcgan                            its parts and all its settings
      ganzoo train dcgan                           train it on handwritten digits
      ganzoo train dcgan --data folder:cats --image-size 64
    """
    if sys.stdout is None:  # it was closed by the caller
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # until the process ends
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # paths may hold bytes that are no text
    logging.basicConfig(level=logging.WARNING)
    for handler in logging.root.handlers:
        handler.setFormatter(LogFormatter())
    logging.getLogger("ganzoo").setLevel(logging.INFO)
    for reader in ("PIL", "tifffile"):  # whose errors are raised too, and named with their file
        logging.getLogger(reader).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"PIL\.")
    warnings.formatwarning = format_warning


for commands in SECTIONS.values():
    for command in commands:
        main.add_command(command)
