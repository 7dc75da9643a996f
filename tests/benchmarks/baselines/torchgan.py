"""torchgan's trainer (Pal & Das, 2021): ``pip install --no-deps torchgan``.

What would break or distort the measurement is left out, each to its advantage: the sample grid at the end of an epoch,
which fails on today's torchvision, and the file that is saved there. All else is its own, the updates too: D gets fakes
that are made for it, and in WGAN-GP the penalty is an update of its own, with one interpolation for the whole batch.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch import nn

from tests.benchmarks.baselines.not_installed import NotInstalled
from tests.benchmarks.cases import BATCH, BETAS, LATENT, LR, Case
from tests.benchmarks.draws import endless, loader
from tests.benchmarks.harness import Repeat


class Some:
    """So many batches of an endless stream, in the manner of a loader."""

    batch_size = BATCH

    def __init__(self, batches: Iterator[Any], count: int) -> None:
        self.batches, self.count = batches, count

    def __iter__(self) -> Iterator[Any]:
        return islice(self.batches, self.count)


def nothing(*_: Any, **__: Any) -> None:
    """Takes the place of what is left out."""


def repeat(case: Case) -> Repeat:
    """Iterations of the case; :class:`NotInstalled` without torchgan."""
    try:
        from torchgan import losses, models
        from torchgan.trainer import Trainer
    except ImportError as error:
        raise NotInstalled(f"torchgan is not installed ({error}); pip install --no-deps torchgan") from None

    class G(models.Generator):  # type: ignore[misc]
        def __init__(self, net: nn.Module) -> None:
            super().__init__(LATENT)
            self.net = net
            self.forward = net.forward

    class D(models.Discriminator):  # type: ignore[misc]
        def __init__(self, net: nn.Module) -> None:
            super().__init__(case.size)
            self.net = net
            self.forward = net.forward

    optimizer = {"name": torch.optim.Adam, "args": {"lr": LR, "betas": BETAS}}
    networks = {"generator": G, "discriminator": D}
    if case.penalised:
        minimised = [losses.WassersteinGeneratorLoss(), losses.WassersteinDiscriminatorLoss()]
        minimised.append(losses.WassersteinGradientPenalty())
    else:
        minimised = [losses.MinimaxGeneratorLoss(), losses.MinimaxDiscriminatorLoss()]
    folder = tempfile.TemporaryDirectory(prefix="torchgan-")  # it makes files, which go with this process
    trainer = Trainer(
        {
            name: {"name": wrap, "args": {"net": net}, "optimizer": optimizer}
            for (name, wrap), net in zip(networks.items(), case.trainable(), strict=True)
        },
        minimised,
        device=torch.device("cpu"),
        ncritic=case.critic_steps,
        epochs=1,
        checkpoints=f"{folder.name}/gan",
        recon=folder.name,
    )
    trainer.save_model = trainer.logger.run_end_epoch = nothing
    batches = endless(loader(case))

    def run(iterations: int, folder: Any = folder) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            trainer(Some(batches, iterations * case.critic_steps))

    return run
