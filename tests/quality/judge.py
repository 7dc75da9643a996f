"""The judge of digits: a small LeNet, trained on the digits that ship, that tells how good generated ones are.

``python -m tests.quality.judge FILE.npz`` prints one JSON line per file; ``--real`` prints those of the real digits
first. A file holds ``images``, uint8 or float in [-1, 1], ``(N, 28, 28)`` with an axis of one channel anywhere or
nowhere, and perhaps the ``labels`` that they were made for. Every figure compares with the test digits.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor, nn

from ganzoo.files import atomic_write
from ganzoo.spec import GanzooError

EPOCHS, BATCH, RATE = 8, 64, 3e-3
RECIPE = f"lenet-16-32-128-10-epochs-{EPOCHS}-batch-{BATCH}-rate-{RATE}"


class Confidence(NamedTuple):
    """How sure the judge is of images, and which classes it sees.

    Attributes:
        mean: of the largest class probability, 0.1 to 1.
        histogram: images per class, by the most probable one.
        entropy: of the histogram, in nats: ln 10 = 2.303 where all ten classes are equally frequent.
    """

    mean: float
    histogram: list[int]
    entropy: float


class LeNet(nn.Module):
    """Two convolutions and two dense layers, after LeCun et al. (1998)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * 7 * 7, 128)),
        )
        self.head = nn.Linear(128, 10)

    def features(self, images: Tensor) -> Tensor:
        """``(N, 1, 28, 28)`` in [-1, 1] to ``(N, 128)``, before the activation."""
        features: Tensor = self.body(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """``(N, 1, 28, 28)`` in [-1, 1] to logits ``(N, 10)``."""
        logits: Tensor = self.head(self.features(images).relu())
        return logits


@cache
def load_judge(folder: Path | None = None) -> LeNet:
    """The trained judge, from ``folder`` (by default the system's temporary one); trained and saved there at first."""
    path = (folder or Path(tempfile.gettempdir())) / f"ganzoo-judge-{RECIPE}.safetensors"
    # The caller's own random numbers go on as if nobody had asked the judge.
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        judge = LeNet()
        if path.exists():
            judge.load_state_dict(load_file(path))
        else:
            _train(judge)
            with atomic_write(path) as temporary:
                temporary.write_bytes(save(judge.state_dict()))
    return judge.eval().requires_grad_(False)


def confidence(images: Tensor) -> Confidence:
    """Mean confidence and class histogram of images ``(N, 1, 28, 28)`` in [-1, 1]."""
    largest, classes = _judged(images)[1].softmax(dim=1).max(dim=1)
    histogram = classes.bincount(minlength=10)
    shares = histogram / len(images)
    return Confidence(largest.mean().item(), histogram.tolist(), torch.special.entr(shares).sum().item())


def label_accuracy(images: Tensor, labels: Tensor) -> float:
    """Share of images ``(N, 1, 28, 28)`` in [-1, 1] in which the judge sees the class in ``labels`` ``(N,)``."""
    return (_judged(images)[1].argmax(dim=1) == labels).double().mean().item()


def scaled_frechet(images: Tensor, real: Tensor) -> float:
    """Fréchet distance (Heusel et al., 2017) of the judge's features, in units of the real features' spread.

    The features are those before the activation, divided by the root mean square deviation of the real ones, so that
    judges of another training give nearly the same figure.

    Args:
        images: ``(N, 1, 28, 28)`` in [-1, 1]; the distance is biased upwards for small N.
        real: ``(M, 1, 28, 28)`` in [-1, 1].
    """
    generated, target = _judged(images)[0].double(), _judged(real)[0].double()
    scale = target.var(dim=0).mean().sqrt()
    generated, target = generated / scale, target / scale
    # The trace of (A B)^(1/2) is that of (A^(1/2) B A^(1/2))^(1/2), which is symmetric: its eigenvalues are real.
    values, vectors = torch.linalg.eigh(target.T.cov())
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ generated.T.cov() @ root).clamp(min=0).sqrt().sum()
    shift = (generated.mean(dim=0) - target.mean(dim=0)).square().sum()
    return float(shift + generated.var(dim=0).sum() + target.var(dim=0).sum() - 2 * cross)


def coverage(images: Tensor, real: Tensor, k: int = 5) -> float:
    """Share of real images nearer to a generated one than to their k-th real neighbour (Naeem et al., 2020).

    About ``1 - 2**-k`` for perfect images, as many as real ones. The distances are those of the judge's features.

    Args:
        images: ``(N, 1, 28, 28)`` in [-1, 1].
        real: ``(M, 1, 28, 28)`` in [-1, 1], M > k.
        k: which neighbour sets the radius.
    """
    generated, target = _judged(images)[0].double(), _judged(real)[0].double()
    # The nearest of all is the image itself, at distance 0.
    radii = torch.cdist(target, target).kthvalue(k + 1, dim=1).values
    return (torch.cdist(target, generated).amin(dim=1) < radii).double().mean().item()


def read_digits(path: str | Path) -> tuple[Tensor, Tensor | None]:
    """Images as float32 ``(N, 1, 28, 28)`` in [-1, 1], and labels ``(N,)`` where there are any, from an npz file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            images, labels = file["images"], file.get("labels")
    except OSError as error:
        raise GanzooError(f"cannot read {path}: {error.strerror}; name an .npz file with the key 'images'") from error
    except (ValueError, KeyError, BadZipFile) as error:
        raise GanzooError(f"{path} holds no digits; name an .npz file with the key 'images'") from error
    if labels is not None and labels.shape != images.shape[:1]:
        raise GanzooError(f"labels of shape {labels.shape} do not fit {len(images)} images; give one for each")
    return _scaled(images), None if labels is None else torch.from_numpy(labels.astype(np.int64))


def report(images: Tensor, labels: Tensor | None = None) -> dict[str, Any]:
    """All figures of images ``(N, 1, 28, 28)`` in [-1, 1]."""
    real, _ = _digits("mnist-2k-test")
    sure = confidence(images)
    figures = {
        "n": len(images),
        "confidence": round(sure.mean, 4),
        "histogram": sure.histogram,
        "entropy": round(sure.entropy, 4),
        "scaled_frechet": round(scaled_frechet(images, real), 4),
        "coverage": round(coverage(images, real), 4),
    }
    return figures if labels is None else figures | {"label_accuracy": round(label_accuracy(images, labels), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.quality.judge", description="Judge generated digits.")
    parser.add_argument("files", nargs="*", metavar="FILE.npz", help="with images, uint8 or float in [-1, 1]")
    parser.add_argument("--real", action="store_true", help="print the figures of the real digits first")
    arguments = parser.parse_args()
    real = [_embedded("mnist-10k"), _embedded("mnist-2k-test")] if arguments.real else []
    paths = [*real, *map(Path, arguments.files)]
    if not paths:
        parser.error("nothing to judge; name a file, or give --real")
    try:
        for path in paths:
            print(json.dumps({"file": path.name} | report(*read_digits(path))), flush=True)
    except GanzooError as error:
        sys.exit(f"error: {error}")


def _train(judge: LeNet) -> None:
    images, labels = _digits("mnist-10k")
    optimizer = torch.optim.Adam(judge.parameters())
    rounds = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS * rounds)
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(images)), BATCH)[:rounds]:
            # Digits have black margins, so rolling them is moving them.
            down, right = torch.randint(-2, 3, (2,)).tolist()
            moved = images[batch].roll((down, right), (2, 3))
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(judge(moved), labels[batch]))
            optimizer.step()
            schedule.step()


def _judged(images: Tensor) -> tuple[Tensor, Tensor]:
    """Features ``(N, 128)`` and logits ``(N, 10)``."""
    judge = load_judge()
    features = torch.cat([judge.features(batch) for batch in torch.split(images, 500)])
    return features, judge.head(features.relu())


def _embedded(name: str) -> Path:
    return Path(str(files("ganzoo.data"))) / "embedded" / f"{name}.npz"


@cache
def _digits(name: str) -> tuple[Tensor, Tensor]:
    images, labels = read_digits(_embedded(name))
    assert labels is not None
    return images, labels


def _scaled(images: NDArray[Any]) -> Tensor:
    if not len(images) or images.size != len(images) * 28 * 28:
        raise GanzooError(f"an array of shape {images.shape} holds no digits; give (N, 28, 28) or (N, 1, 28, 28)")
    samples = images.astype(np.float32).reshape(-1, 1, 28, 28)
    if images.dtype == np.uint8:
        samples = samples / 127.5 - 1
    # Digits have black margins, so without a negative value the range is another one, [0, 1] most likely.
    elif not -1.001 < samples.min() < 0 or not samples.max() < 1.001:
        raise GanzooError(f"values from {samples.min()} to {samples.max()} are no digits; give uint8, or [-1, 1]")
    return torch.from_numpy(samples)


if __name__ == "__main__":
    main()
