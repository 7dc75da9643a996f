"""One small example for each hook, and a command."""

import csv
import math

import click
import numpy as np

from ganzoo import GAN, hookimpl
from ganzoo.data import Data
from ganzoo.loggers import Logger
from ganzoo.parts import Decay, Positive, Size, nn, torch


def affine(task):
    """An affine map from z to a sample."""
    return nn.Sequential(nn.Linear(task.latent_dim, math.prod(task.shape)), nn.Unflatten(1, task.shape))


def shallow(task, *, width: Size = 32):
    """One hidden layer.

    Args:
        width: of the hidden layer.
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(task.shape), width), nn.ReLU(), nn.Linear(width, 1))


def momentum(parameters, *, lr: Positive = 0.01, momentum: Decay = 0.9):
    """Gradient descent with momentum."""
    return torch.optim.SGD(parameters, lr=lr, momentum=momentum)


def upside_down(task):
    """Mirrors each image upside down with a chance of one half."""
    from upside_down import UpsideDown  # a class of torch, so it is imported when it is needed

    return UpsideDown()


def two_steps(progress):
    """1 for the first half, then a tenth."""
    return 1.0 if progress < 0.5 else 0.1


def spiral(request):
    """1,000 points on a spiral, and 1,000 others for testing."""
    request.refuse_argument()
    random = np.random.default_rng(request.split == "test")
    angle = 3 * math.pi * np.sqrt(random.uniform(size=1000))
    points = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / 10
    return Data(name="spiral", samples=points.astype(np.float32))


class Csv(Logger):
    """A table example.csv in the run folder, a line for each number."""

    def start(self, run):
        self.file = (run.folder / "example.csv").open("a" if run.iteration else "w", newline="")

    def metrics(self, iteration, values):
        csv.writer(self.file).writerows([iteration, name, value] for name, value in values.items())

    def end(self, outcome):
        self.file.close()


def moments(generated, real):
    """How far the means and standard deviations of all values are apart."""
    return {
        "mean": abs(float(generated.mean() - real.mean())),
        "deviation": abs(float(generated.std() - real.std())),
    }


@hookimpl
def ganzoo_generators():
    return {"affine": affine}


@hookimpl
def ganzoo_discriminators():
    return {"shallow": shallow}


@hookimpl
def ganzoo_optimizers():
    return {"momentum": momentum}


@hookimpl
def ganzoo_augmentations():
    return {"upside-down": upside_down}


@hookimpl
def ganzoo_schedules():
    return {"two-steps": two_steps}


@hookimpl
def ganzoo_datasets():
    return {"spiral": spiral}


@hookimpl
def ganzoo_loggers():
    return {"csv": Csv}


@hookimpl
def ganzoo_metrics():
    return {"moments": moments}


@hookimpl
def ganzoo_gans():
    yield GAN(
        name="example-affine",
        summary="an affine generator, to try the parts of this plugin",
        generator="affine",
        discriminator="shallow",
        trainer="non-saturating",
        optimizer="momentum",
        data="spiral",
        settings={"lr_schedule": "two-steps", "iterations": 500},
    )


@click.command()
@click.option("-n", "--number", type=int, default=3, show_default=True, help="How many points.")
def points(number):
    """Print the first points of the spiral."""
    from ganzoo.data import load

    for x, y in load("spiral").samples[:number]:
        click.echo(f"{x:.3f} {y:.3f}")
