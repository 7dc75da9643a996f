"""mimicry's trainer (Lee & Town, 2020): ``pip install --no-deps torch-mimicry``.

Its package imports TensorBoard, scikit-image and its metrics before anything else, so its ``__init__`` is passed
over, and stand-ins that do nothing take the places of what it would write with: to its advantage, as is that no
checkpoint is saved. What it prints in every step goes nowhere, but is formatted. Its own gradient penalty is
written for three channels; ganzoo's replaces it. The order of updates is its own: both networks get fakes of their
own.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import sys
import tempfile
import types
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.parts.losses import unit_gradient_penalty
from tests.benchmarks.baselines.not_installed import NotInstalled
from tests.benchmarks.cases import BETAS, LATENT, LR, PENALTY, Case
from tests.benchmarks.draws import loader
from tests.benchmarks.harness import Repeat


class Silent:
    """A writer of summaries that writes none."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def add_scalar(self, *_: Any, **__: Any) -> None: ...

    def close(self) -> None: ...


def module(name: str, **contents: Any) -> types.ModuleType:
    """A module made here, which stands in for one that cannot be imported."""
    made = sys.modules[name] = types.ModuleType(name)
    vars(made).update(contents)
    return made


def package() -> tuple[Any, Any, Any]:
    """Its modules of trainers, plain GANs and WGAN-GP; :class:`NotInstalled` where they cannot be imported."""
    if "torch_mimicry" not in sys.modules:
        found = importlib.util.find_spec("torch_mimicry")
        if found is None:
            raise NotInstalled("mimicry is not installed; pip install --no-deps torch-mimicry")
        module("torch_mimicry", __path__=found.submodule_search_locations)
    for name, contents in (("torch.utils.tensorboard", {"SummaryWriter": Silent}), ("skimage", {"io": None})):
        try:
            importlib.import_module(name)
        except ImportError:
            module(name, **contents)
    try:
        names = ("training.trainer", "nets.gan.gan", "nets.wgan_gp.wgan_gp_base")
        trainer, gan, wgan = (importlib.import_module(f"torch_mimicry.{name}") for name in names)
    except ImportError as error:
        raise NotInstalled(f"mimicry does not import here ({error})") from None
    return trainer, gan, wgan


def repeat(case: Case) -> Repeat:
    """Iterations of the case; :class:`NotInstalled` without mimicry."""
    trainers, gan, wgan = package()
    bases = (
        (wgan.WGANGPBaseGenerator, wgan.WGANGPBaseDiscriminator)
        if case.penalised
        else (gan.BaseGenerator, gan.BaseDiscriminator)
    )
    kind = "wasserstein" if case.penalised else "gan"

    class G(bases[0]):  # type: ignore[misc]
        def __init__(self, net: nn.Module) -> None:
            super().__init__(nz=LATENT, ngf=0, bottom_width=0, loss_type=kind)
            self.net = net

        def forward(self, z: Tensor) -> Tensor:
            return self.net(z)

    class D(bases[1]):  # type: ignore[misc]
        def __init__(self, net: nn.Module) -> None:
            super().__init__(ndf=0, loss_type=kind)
            self.net = net

        def forward(self, images: Tensor) -> Tensor:
            return self.net(images)

        def compute_gradient_penalty_loss(self, real_images: Tensor, fake_images: Tensor, **_: Any) -> Tensor:
            return PENALTY * unit_gradient_penalty(self, real_images, fake_images)

    inner_G, inner_D = case.trainable()
    netG, netD = G(inner_G), D(inner_D)
    folder = tempfile.TemporaryDirectory(prefix="mimicry-")  # it makes files, which go with this process
    trainer = trainers.Trainer(
        netD=netD,
        netG=netG,
        optD=torch.optim.Adam(netD.parameters(), lr=LR, betas=BETAS),
        optG=torch.optim.Adam(netG.parameters(), lr=LR, betas=BETAS),
        dataloader=loader(case),
        num_steps=1,
        n_dis=case.critic_steps,
        log_dir=folder.name,
        device=torch.device("cpu"),
        vis_steps=10**9,
        save_steps=10**9,
    )
    trainer._save_model_checkpoints = lambda step: None

    def run(iterations: int, folder: Any = folder) -> None:
        trainer.num_steps = iterations  # each call counts from 0
        with contextlib.redirect_stdout(io.StringIO()):
            trainer.train()

    return run
