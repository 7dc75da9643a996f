"""What the numbers of a report mean, in one or two sentences each."""

from __future__ import annotations

__all__ = ["meaning_of"]

MEANINGS = {
    "loss": "What each network minimises. The networks work against each other, so the losses of a good training may "
    "stay level. Losses that grow without end are a failure.",
    "gradient": "The norm of the last gradient of each network. Near 0 a network has stopped learning; a jump means "
    "that a step was too large.",
    "discriminator_accuracy": "The share of real and generated samples that the discriminator tells apart. 0.5 is "
    "guessing. If it stays near 1, the generator has little to learn from.",
    "diversity": "How much samples differ from each other, divided by how much real ones do. About 1 is right; near 0 "
    "all samples are alike, which is a collapse.",
    "distance": "The energy distance of samples to real ones, 0 for alike to 1. Lower is better. It compares pixels, "
    "so read it within a run only.",
    "copies": "The share of samples that are copies of a training image. Above 0 the generator repeats them.",
    "overfitting_gap": "How much more often the discriminator prefers an image that it is trained on to one that was "
    "kept back. 0: it does not know them apart. 1: it knows them by heart.",
    "augmentation_p": "The probability of each augmentation of what the discriminator sees. It rises as the "
    "discriminator learns the images by heart.",
    "augmentation_gap": "What the probability of augmentations follows: how much better the discriminator judges "
    "images that it is trained on than those that were kept back.",
    "iterations_per_second": "Iterations in a second, without pictures and checkpoints.",
    "precision": "The share of generated images that are like real ones. Higher is better.",
    "recall": "The share of real images that the generator's images come near to. Higher is better.",
    "density": "How many real images are near a generated one, compared with what is usual. About 1 is right.",
    "coverage": "The share of real images that have a generated one near them. Higher is better.",
    "neighbour_accuracy": "How well a nearest-neighbour test tells real from generated images. 0.5 is right.",
    "nearer": "The share of samples closer to a training image than half of the test images are. About 0.5 is right.",
    "class_kl": "How far the frequencies of the classes are from the right ones. 0 is right.",
    "confidence": "How sure a classifier is of the samples' classes. Compare it with that of real images.",
    "label_accuracy": "The share of samples that a classifier takes for the class asked for. Higher is better.",
    "modes": "How many of the clusters of the data the samples reach.",
    "high_quality": "The share of samples close to the centre of a cluster. Compare it with that of real data.",
    "reverse_kl": "How far the shares of the clusters among samples are from the right ones. 0 is right.",
    "mae": "The mean absolute error of predictions. Lower is better.",
    "mse": "The mean squared error of predictions. Lower is better.",
    "l1": "The mean absolute difference of pixels from the right image. Lower is better.",
    "psnr": "How close images are to the right ones, in decibels. Higher is better.",
    "ssim": "How alike the structures of images and of the right ones are, up to 1. Higher is better.",
}
SUFFIXES = {
    "fd": "The Fréchet distance of samples to real images in the features of a network. Lower is better. Compare it "
    "only with the same features, data and number of samples.",
    "kd": "The kernel distance of samples to real images in the features of a network. About 0 is right.",
    "score": "How clear and how varied the classes of the samples are. Higher is better.",
}


def meaning_of(name: str) -> str:
    """What a metric means, by its name; empty if that is not known.

    >>> meaning_of("mnist-fd")[:20], meaning_of("mine")
    ('The Fréchet distance', '')
    """
    return MEANINGS.get(name) or SUFFIXES.get(name.rpartition("-")[2] if "-" in name else "", "")
