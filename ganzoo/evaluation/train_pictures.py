"""Train an extractor for pictures in general: ``python -m ganzoo.evaluation.train_pictures FILES --out x.safetensors``.

Two views of one picture are to be more alike than views of other pictures (SimCLR; Chen et al., 2020), and a picture's
kind is to be recognised: its file and, where there are some, its label. Views differ in place, size, mirroring and
colours, and not in noise or in blur beyond that of turning them, so that the features show both.

One thread and one seed: the same machine gives the same bits. Other machines may give other bits, so evaluations print
the SHA-256 of the file.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import math
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo.evaluation.extractors import extract, require_name
from ganzoo.evaluation.pictures import OBJECTS, Pictures
from ganzoo.evaluation.train_extractor import finish, save
from ganzoo.training.device import configure_process
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.files import require_folder

ITERATIONS, PICTURES, LR = 500, 96, 2e-3
SIDES = (32, 64)  # pixels
LARGE = 0.2  # share of the batches of 64x64 pixels
TEMPERATURE = 0.2  # of the similarities of views
LEAST_SCALE = 1e-3  # of a feature that is constant
IMAGES, LABELS = ("images", "b"), ("labels", "picture")  # arrays of a file; the first that is there is read

LICENCES = {
    "ad30a1a0afeadd622936922f713b70697ac807fecf24a157b4f3c2c26a5c61e1": "Noto Emoji, Google: Apache-2.0",
    "b5ef929a27223241d63c6139a93239b225453f40e3bcfe1a47338831bd46260b": (
        "Twemoji, (c) Twitter, Inc and other contributors: CC BY 4.0"
    ),
    "f3f5a9252941c49dae90646af1f381006f0124a9d972957867c0b5b362bc2ae0": "Fluent Emoji, (c) Microsoft: MIT",
    "f78a384ed3381470c62717c89154fbabad39406b8635a8a39452694ff29f7ae5": (
        "NASA Blue Marble Next Generation: public domain"
    ),
    "7a7851d7ae241f8c8ad03e6d6322ea92e858ee25ee998d49e70ba3c76afb2b2a": (
        "photographs by A. Berasategi, freespace, A. Mudgal, J. Mede: CC BY 4.0; china.jpg and flower.jpg of "
        "scikit-learn: CC BY 2.0; by C. Engelhardt, and chelsea, coffee and rocket of scikit-image: CC0; by NASA: "
        "public domain"
    ),
}
"""Source and licence of the files that the shipped extractor was trained on, by their SHA-256."""


@dataclass(frozen=True)
class File:
    """The training pictures of a file.

    Attributes:
        about: its name, SHA-256, number of pictures, and source with licence.
        sides: uint8 ``(N, 3, S, S)`` for S of 32, where larger ones are means of 2x2 pixels, and of 64, where they are.
        labels: ``(N,)`` from 0 on; all 0 without labels.
    """

    about: dict[str, Any]
    sides: dict[int, Tensor]
    labels: Tensor


def read(path: str | Path) -> File:
    """The training pictures of an npz file: its array ``images`` or else ``b``, as of pairs.

    Labels are its array ``labels`` or else ``picture``. With an array ``split``, those of 0 are for training.

    Raises:
        GanzooError: it is no such file.
    """
    try:
        content = Path(path).read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            images = next(file[name] for name in IMAGES if name in file.files)
            none = np.zeros(len(images), np.int64)
            rows = (file["split"] if "split" in file.files else none) == 0
            labels = next((file[name] for name in LABELS if name in file.files), none)
            images, labels = images[rows], np.unique(labels[rows], return_inverse=True)[1]
    except (OSError, ValueError, LookupError, AttributeError, TypeError, StopIteration, zipfile.BadZipFile) as error:
        raise GanzooError(f"{path} is no npz file of pictures: {first_line(error)}") from None
    if images.dtype != np.uint8 or images.shape[1:] not in [(3, side, side) for side in SIDES] or not len(images):
        raise GanzooError(
            f"{path} holds {images.dtype} {images.shape}; give pictures uint8 (N, 3, 32, 32) or (N, 3, 64, 64)"
        )
    pixels = torch.from_numpy(images)
    sides = {images.shape[2]: pixels}
    if 32 not in sides:
        sides[32] = F.avg_pool2d(pixels.float(), 2).round().to(torch.uint8)
    digest = hashlib.sha256(content).hexdigest()
    licence = LICENCES.get(digest, "unknown")
    about = {"name": Path(path).name, "sha256": digest, "number": len(pixels), "licence": licence}
    return File(about, sides, torch.from_numpy(labels))


def train(files: Sequence[File], *, iterations: int = ITERATIONS, seed: int = 0) -> Pictures:
    """An extractor, trained on files of which each has the same share of a batch.

    Args:
        files: with pictures.
        iterations: batches of two views of about 96 pictures; a fifth of them, by chance, of 64x64 pixels.
        seed: of weights, batches and views.
    """
    torch.manual_seed(seed)
    network = Pictures()
    first = np.cumsum([0, *(int(file.labels.max()) + 1 for file in files)]).tolist()
    project = nn.Sequential(nn.ReLU(), nn.Linear(OBJECTS, OBJECTS))
    classify = nn.Sequential(nn.ReLU(), nn.Linear(OBJECTS, first[-1]))
    optimizer = torch.optim.Adam(nn.ModuleList([network, project, classify]).parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=iterations)
    known = {side: [number for number, file in enumerate(files) if side in file.sides] for side in SIDES}
    for _ in range(iterations):
        side = SIDES[int(torch.rand(()) < LARGE and len(known[64]) > 0)]
        images, kinds = [], []
        for number in known[side]:
            file = files[number]
            rows = torch.randint(len(file.labels), (math.ceil(PICTURES / len(known[side])),))
            images.append(file.sides[side][rows])
            kinds.append(file.labels[rows] + first[number])
        batch = torch.cat(images)
        objects, _ = network.learned(torch.cat([view(batch), view(batch)]))
        loss = contrast(project(objects)) + F.cross_entropy(classify(objects), torch.cat(kinds).repeat(2))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    finish(network)
    found = [extract(network, [pixels.numpy()]).features for file in files for pixels in file.sides.values()]
    features = np.concatenate(found).astype(np.float64)
    network.centre.copy_(torch.from_numpy(features.mean(axis=0)))
    network.scale.copy_(torch.from_numpy(features.std(axis=0, ddof=1).clip(min=LEAST_SCALE)))
    return network


def contrast(projected: Tensor) -> Tensor:
    """The contrastive loss of N pictures' first and then second views ``(2 N, d)`` (Chen et al., 2020)."""
    points = F.normalize(projected, dim=1)
    similarities = (points @ points.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    return F.cross_entropy(similarities, torch.arange(len(points)).roll(len(points) // 2))


def view(images: Tensor) -> Tensor:
    """A view of each picture uint8 ``(N, 3, H, W)``, in [-1, 1]: a part of it, turned, mirrored, in other colours."""
    count = len(images)
    zoom, angle = 0.7 + 0.35 * torch.rand(count), 0.4 * torch.rand(count) - 0.2  # of the sides; radians
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    shift = 0.4 * torch.rand(2, count) - 0.2
    rows = torch.stack([mirror * cosine, -sine, shift[0], mirror * sine, cosine, shift[1]], dim=1)
    grid = F.affine_grid(rows.reshape(count, 2, 3), list(images.shape), align_corners=False)
    moved = F.grid_sample(images.float() / 127.5 - 1, grid, padding_mode="border", align_corners=False)
    mixed = torch.eye(3) * (0.7 + 0.6 * torch.rand(count, 1, 1)) + 0.15 * torch.randn(count, 3, 3)
    mixed = torch.where(torch.rand(count, 1, 1) < 0.15, 1 / 3, mixed)  # grey
    light = 0.15 * torch.randn(count, 3, 1)
    return torch.baddbmm(light, mixed, moved.flatten(2)).reshape(moved.shape).clamp(-1, 1)


def metadata(name: str, files: Sequence[File], iterations: int, seed: int) -> dict[str, Any]:
    """The metadata of the file of an extractor."""
    return {
        "format": 1,
        "extractor": name,
        "network": "pictures",
        "data": [file.about for file in files],
        "training": {"iterations": iterations, "seed": seed},
        "limits": (
            "a small network that was trained on few kinds of pictures; its distances are no FID, and it does not know "
            "what makes a face or an animal look right"
        ),
    }


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ganzoo.evaluation.train_pictures",
        description="Train an extractor for pictures in general. It is named after its file.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="npz with pictures uint8 (N, 3, S, S), S 32 or 64")
    parser.add_argument("--out", required=True, metavar="x.safetensors", help="file to write")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches, 0 by default")
    parser.add_argument(
        "--iterations", type=int, default=ITERATIONS, help=f"batches of {PICTURES} pictures, {ITERATIONS} by default"
    )
    given = parser.parse_args(arguments or None)
    configure_process(threads=1)
    try:
        if given.iterations < 1 or not 0 <= given.seed < 2**63:
            raise GanzooError("--iterations is at least 1, and --seed at least 0")
        require_folder(given.out)
        name = require_name(Path(given.out).stem, given.out)
        files = [read(path) for path in given.files]
        network = train(files, iterations=given.iterations, seed=given.seed)
        save(given.out, network, metadata(name, files, given.iterations, given.seed))
    except GanzooError as error:
        sys.exit(f"Error: {error}")
    print(f"{given.out}: trained on {sum(len(file.labels) for file in files):,} pictures")


if __name__ == "__main__":
    main()
