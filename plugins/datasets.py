"""The built-in data sets."""

from __future__ import annotations

from ganzoo.data import cifar, embedded, folder, made, mnist, one_class, pairs, stacked, tabular, toys
from ganzoo.registry.hookspecs import Parts, hookimpl


@hookimpl
def ganzoo_datasets() -> Parts:
    return {
        "mnist-10k": embedded.mnist_10k,
        "stacked-mnist": stacked.stacked_mnist,
        "stacked2": stacked.stacked2,
        "emoji32": embedded.emoji32,
        "fluent32": embedded.fluent32,
        "fluent64": embedded.fluent64,
        "twemoji32": embedded.twemoji32,
        "mnist": mnist.mnist,
        "fashion-mnist": mnist.fashion_mnist,
        "kmnist": mnist.kmnist,
        "cifar10": cifar.cifar10,
        "folder": folder.folder,
        "pairs": pairs.pairs,
        "unpaired": pairs.unpaired,
        "grey": made.grey,
        "outlines": made.outlines,
        "lowres": made.lowres,
        "masked": made.masked,
        "one-class": one_class.one_class,
        "ring8": toys.ring8,
        "grid25": toys.grid25,
        "circle": toys.circle,
        "clouds4": toys.clouds4,
        "corner49": toys.corner49,
        "friedman1": tabular.friedman1,
        "friedman2": tabular.friedman2,
        "friedman3": tabular.friedman3,
        "diabetes": tabular.diabetes,
    }
