"""Train the extractor of a data set: ``python -m ganzoo.evaluation.train_extractor mnist --out mnist.safetensors``.

One thread and one seed: the same machine gives the same bits. Other machines may give other bits, so evaluations
print the SHA-256 of the file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganzoo import data as datasets
from ganzoo.evaluation.extractors import extract, metadata
from ganzoo.evaluation.lenet import LeNet
from ganzoo.evaluation.pictures import Pictures
from ganzoo.evaluation.reference import image_batches
from ganzoo.generators.weights import write
from ganzoo.training.device import configure_process
from ganzoo.util.errors import GanzooError

ITERATIONS, BATCH_SIZE, LR, SHIFT = 3000, 128, 3e-3, 2


def train(data: datasets.Data, test: datasets.Data, *, iterations: int = ITERATIONS) -> tuple[LeNet, dict[str, Any]]:
    """A classifier of labelled images, and the metadata of its file.

    Args:
        data: labelled training images.
        test: labelled images that its accuracy is measured on.
        iterations: batches of 128 images, each shifted by up to two pixels.

    Raises:
        GanzooError: the data are not images, or have no labels.
    """
    if not data.is_images or data.labels is None or test.labels is None:
        raise GanzooError(
            f"{data.name} has no labelled images, which the training of an extractor needs; see: ganzoo list datasets"
        )
    torch.manual_seed(0)
    samples, labels = data.samples, torch.from_numpy(data.labels)
    network = LeNet(data.shape, len(data.classes))  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=iterations)
    order = torch.empty(0, dtype=torch.int64)
    for _ in range(iterations):
        while len(order) < BATCH_SIZE:
            order = torch.cat([order, torch.randperm(len(samples))])
        batch, order = order[:BATCH_SIZE], order[BATCH_SIZE:]
        optimizer.zero_grad()
        _, logits = network(shifted(torch.from_numpy(samples[batch.numpy()])))
        torch.autograd.backward(F.cross_entropy(logits, labels[batch]))
        optimizer.step()
        schedule.step()
    finish(network)
    features = extract(network, image_batches(data)).features.astype(np.float64)
    network.centre.copy_(torch.from_numpy(features.mean(axis=0)))
    network.scale.copy_(torch.tensor(float(np.sqrt(features.var(axis=0, ddof=1).mean()))))
    correct = extract(network, image_batches(test)).logits.argmax(axis=1) == test.labels
    return network, metadata(data, float(correct.mean()))


def finish(network: LeNet | Pictures) -> None:
    """End a training: weights as they are stored, in half precision; evaluation mode, no gradients."""
    for parameter in network.parameters():
        parameter.data = parameter.data.half().float()
    network.eval().requires_grad_(False)


def save(path: str | Path, network: LeNet | Pictures, about: dict[str, Any]) -> None:
    """Write the file of an extractor that is finished."""
    exact = ("centre", "scale")
    tensors = {name: tensor if name in exact else tensor.half() for name, tensor in network.state_dict().items()}
    write(path, tensors, about)


def shifted(images: Tensor) -> Tensor:
    """A batch uint8 ``(N, C, H, W)``, shifted by up to two pixels and padded with its edges, as float32."""
    height, width = images.shape[2:]
    down, right = torch.randint(2 * SHIFT + 1, (2,)).tolist()
    padded = F.pad(images.float(), (SHIFT,) * 4, mode="replicate")
    return padded[:, :, down : down + height, right : right + width]


def split(data: datasets.Data) -> tuple[datasets.Data, datasets.Data]:
    """Hold out a tenth of the images, a fixed random choice, for a data set without a test split."""
    order = np.random.default_rng(0).permutation(len(data))
    tenth = len(data) // 10
    return datasets.subset(data, order[tenth:]), datasets.subset(data, order[:tenth])


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ganzoo.evaluation.train_extractor", description="Train the extractor of labelled images."
    )
    parser.add_argument("data", help="a data set (ganzoo list datasets)")
    parser.add_argument("--out", required=True, metavar="x.safetensors", help="file to write")
    parser.add_argument("--image-size", type=int, help="height and width for data sets of any size")
    parser.add_argument("--channels", choices=list(datasets.CHANNELS), help="colours of a folder of images")
    parser.add_argument("--data-dir", help="folder of downloaded data sets (env: GANZOO_DATA_DIR)")
    parser.add_argument(
        "--iterations", type=int, default=ITERATIONS, help=f"batches of {BATCH_SIZE} images, {ITERATIONS} by default"
    )
    given = parser.parse_args(arguments or None)
    configure_process(threads=1)
    try:
        how = {"directory": given.data_dir, "size": given.image_size, "channels": given.channels}
        data = datasets.load(given.data, **how)
        try:
            test = datasets.load(given.data, split="test", **how)
        except datasets.NoTestSplit:
            data, test = split(data)
        network, about = train(data, test, iterations=given.iterations)
        save(given.out, network, about)
    except GanzooError as error:
        sys.exit(f"Error: {error}")
    print(f"{given.out}: accuracy {about['accuracy']:.2%} on {len(test):,} held-out images")


if __name__ == "__main__":
    main()
