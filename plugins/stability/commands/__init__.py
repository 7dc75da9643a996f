"""``ganzoo stability``: whether the training of a GAN converges."""

from __future__ import annotations

import click

from .dirac import dirac
from .path import path
from .spectrum import spectrum
from .sweep import sweep


@click.group()
def stability() -> None:
    """Analyse whether a GAN converges, in theory and in training.

    \b
    Examples:
      ganzoo stability dirac --all
      ganzoo stability spectrum runs/simple-ring8-seed0
      ganzoo stability path runs/simple-ring8-seed0
      ganzoo stability sweep simple r1 --data ring8 --seeds 8
    """


for command in (dirac, path, spectrum, sweep):
    stability.add_command(command)
