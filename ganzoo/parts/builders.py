"""Builders of networks that several plugins share: dense and convolutional, sized by the task."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from ganzoo.parts.task import Task
from ganzoo.registry.recipe import signature
from ganzoo.registry.values import Decay, Size, Unless
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import nn

Activation = Literal["relu", "leaky", "tanh"]
Norm = Literal["none", "batch", "layer", "instance"]
Maker = TypeVar("Maker", bound=Callable[..., Any])


def activation(name: Activation) -> nn.Module:
    """A nonlinearity. ``leaky`` is leaky ReLU with slope 0.2, as in DCGAN."""
    if name == "leaky":
        return nn.LeakyReLU(0.2)
    return nn.Tanh() if name == "tanh" else nn.ReLU()


def output_activation(task: Task) -> nn.Module:
    """The last layer of a generator, by the range of its samples: tanh, sigmoid, or none if it is unbounded."""
    if task.range is None:
        return nn.Identity()
    return nn.Sigmoid() if task.range[0] == 0 else nn.Tanh()


def dense(
    sizes: Sequence[int], hidden: Activation = "relu", norm: Norm = "none", dropout: float = 0.0
) -> nn.Sequential:
    """Fully connected layers. All but the last are followed by normalisation, nonlinearity and dropout.

    Args:
        sizes: features of the input, the hidden layers and the output.
        hidden: nonlinearity.
        norm: ``none``, ``batch`` or ``layer``.
        dropout: probability.
    """
    if min(sizes) < 1:
        raise GanzooError(f"a layer of {min(sizes)} units cannot be built; give widths of at least 1")
    net = nn.Sequential()
    for inputs, outputs in pairwise(sizes[:-1]):
        net.append(nn.Linear(inputs, outputs))
        if norm == "instance":
            raise GanzooError("norm=instance needs images; a dense network takes none, batch or layer")
        if norm != "none":
            net.append(nn.BatchNorm1d(outputs) if norm == "batch" else nn.LayerNorm(outputs))
        net.append(activation(hidden))
        if dropout:
            net.append(nn.Dropout(dropout))
    return net.append(nn.Linear(sizes[-2], sizes[-1]))


def dense_generator(
    task: Task,
    *,
    widths: tuple[Size, ...] = (128, 256, 512, 1024),
    hidden: Activation = "relu",
    norm: Norm = "batch",
) -> nn.Module:
    """A fully connected generator of images or vectors.

    Args:
        task: what the network has to fit.
        widths: units of the hidden layers.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
    """
    sizes = (task.latent_dim, *widths, math.prod(task.shape))
    return nn.Sequential(*dense(sizes, hidden, norm), nn.Unflatten(1, task.shape), output_activation(task))


def dense_discriminator(
    task: Task,
    *,
    widths: tuple[Size, ...] = (512, 256),
    hidden: Activation = "leaky",
    norm: Norm = "none",
    dropout: Decay = 0.0,
) -> nn.Module:
    """A fully connected discriminator of images or vectors; logits ``(N, 1)``.

    Args:
        task: what the network has to fit.
        widths: units of the hidden layers.
        hidden: nonlinearity of the hidden layers.
        norm: normalisation of the hidden layers.
        dropout: probability of dropout after each hidden layer.
    """
    return nn.Sequential(nn.Flatten(), *dense((math.prod(task.shape), *widths, 1), hidden, norm, dropout))


def halvings(task: Task, name: str, width: int) -> tuple[int, tuple[int, int]]:
    """How often height and width are halved until both are 4 to 7, and what is left of them then."""
    if width < 1:
        raise GanzooError(f"{name} of width {width} cannot be built; give a width of at least 1")
    if len(task.shape) == 3:
        _, height, width = task.shape
        for steps in range(1, 9):
            small = height / 2**steps, width / 2**steps
            if all(side in (4, 5, 6, 7) for side in small):
                return steps, (int(small[0]), int(small[1]))
    shape = "x".join(map(str, task.shape))
    raise GanzooError(
        f"{name} fits images whose sides are 4, 5, 6 or 7 times a power of two (28, 32, 64, 128, ...), not {shape}; "
        "take a dense GAN (ganzoo train simple), or --image-size 32 with folder:PATH"
    )


def conv_generator(task: Task, *, width: Size = 32, gain: float = 1.0) -> nn.Module:
    """The DCGAN generator: z to a map of 4x4 to 7x7, then transposed convolutions (Radford et al., 2016).

    The convolutions have kernel 4, stride 2 and padding 1, with batch normalisation and ReLU.

    Args:
        task: what the network has to fit.
        width: channels of the last hidden layer; each layer before it has twice as many.
        gain: mean from which the gains of batch normalisation are drawn.
    """
    steps, (height, side) = halvings(task, "a convolutional generator", width)
    features = [width * 2 ** (steps - 1 - step) for step in range(steps)]
    first = features[0]
    net = nn.Sequential(
        nn.Linear(task.latent_dim, first * height * side, bias=False),
        nn.Unflatten(1, (first, height, side)),
        nn.BatchNorm2d(first),
        nn.ReLU(),
    )
    for inputs, outputs in pairwise(features):
        net.append(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False))
        net.append(nn.BatchNorm2d(outputs))
        net.append(nn.ReLU())
    net.append(nn.ConvTranspose2d(features[-1], task.shape[0], 4, 2, 1))
    return radford_init(net.append(output_activation(task)), gain)


def conv_discriminator(
    task: Task, *, width: Size = 32, norm: Norm = "batch", gain: Annotated[float, Unless("norm", "none")] = 1.0
) -> nn.Module:
    """The DCGAN discriminator: strided convolutions to a map of 4x4 to 7x7, then a logit (Radford et al., 2016).

    The first layer has no normalisation.

    Args:
        task: what the network has to fit.
        width: channels of the first layer; each layer after it has twice as many.
        norm: normalisation of the hidden layers.
        gain: mean from which the gains of the normalisation are drawn.
    """
    steps, (height, side) = halvings(task, "a convolutional discriminator", width)
    features = [task.shape[0], *(width * 2**step for step in range(steps))]
    net = nn.Sequential()
    for inputs, outputs in pairwise(features):
        net.append(nn.Conv2d(inputs, outputs, 4, 2, 1))
        if norm != "none" and len(net) > 1:  # the first layer has none
            net.append(
                nn.BatchNorm2d(outputs)
                if norm == "batch"
                else nn.GroupNorm(1 if norm == "layer" else outputs, outputs)  # one group is layer normalisation
            )
        net.append(activation("leaky"))
    net.append(nn.Flatten())
    return radford_init(net.append(nn.Linear(features[-1] * height * side, 1)), gain)


def radford_init(net: nn.Module, gain: float) -> nn.Module:
    """Initialise weights from N(0, 0.02), gains of normalisation from N(gain, 0.02), biases with 0.

    Source: Radford et al., 2016.
    """
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            nn.init.normal_(module.weight, gain, 0.02)
        elif isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    return net


def labelled_generator(task: Task, make: Callable[..., nn.Module], embedding: int, **settings: Any) -> nn.Module:
    """A class-conditional generator from any maker: an embedding of the label is joined to z (Mirza & Osindero, 2014).

    Args:
        task: what the network has to fit.
        make: maker of the generator inside.
        embedding: length of the label's embedding.
        settings: of ``make``.
    """
    from ganzoo.parts.modules import LabelledGenerator

    labels = nn.Embedding(num_classes_of(task), embedding)
    return LabelledGenerator(labels, make(replace(task, latent_dim=task.latent_dim + embedding), **settings))


def labelled_discriminator(
    task: Task, make: Callable[..., nn.Module], embedding: int | None = None, **settings: Any
) -> nn.Module:
    """A class-conditional discriminator from any maker (Mirza & Osindero, 2014).

    Args:
        task: what the network has to fit.
        make: maker of the discriminator inside.
        embedding: length of the label's embedding, which is joined to the flat sample. Without it, the embedding is
            one more channel of the image.
        settings: of ``make``.
    """
    from ganzoo.parts.modules import LabelledDiscriminator

    if embedding is None:
        channels, *plane = task.shape
        shape: tuple[int, ...] = (channels + 1, *plane)
        embedding_shape: tuple[int, ...] = (1, *plane)
    else:
        shape, embedding_shape = (math.prod(task.shape) + embedding,), (embedding,)
    labels = nn.Embedding(num_classes_of(task), math.prod(embedding_shape))
    return LabelledDiscriminator(labels, embedding_shape, make(replace(task, shape=shape), **settings))


def with_settings_of(make: Callable[..., Any]) -> Callable[[Maker], Maker]:
    """A decorator for a maker that calls another one: it gets the settings of ``make`` besides its own.

    ::

        @with_settings_of(dense_generator)
        def scaled_generator(task: Task, *, scale: Positive = 2.0, **settings) -> nn.Module:
            return nn.Sequential(dense_generator(task, **settings), Scale(scale))

    The maker below it takes ``**settings`` and hands them on. A setting of the same name is its own, which it may hand
    on or not.

    Args:
        make: maker, trainer or other part whose keyword-only arguments are settings.

    Raises:
        GanzooError: the maker below takes no ``**settings``.
    """

    def decorate(maker: Maker) -> Maker:
        arguments = inspect.signature(maker).parameters.values()
        if all(argument.kind is not inspect.Parameter.VAR_KEYWORD for argument in arguments):
            names = [getattr(each, "__name__", repr(each)) for each in (maker, make)]
            raise GanzooError(f"{names[0]:.60} has to take **settings, and hand them on to {names[1]:.60}")
        own = signature("maker", maker)
        theirs = {name: setting for name, setting in signature("maker", make).items() if name not in own}
        named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
        parameters = [argument for argument in arguments if argument.kind not in named]
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=setting.default, annotation=setting.kind)
            for name, setting in (theirs | own).items()
        ]
        vars(maker)["__signature__"] = inspect.Signature(parameters)
        return maker

    return decorate


def packed(make: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """The maker of a discriminator of packs, from the maker of any discriminator (PacGAN; Lin et al., 2018).

    It has the settings of ``make`` and ``packing``. Any trainer can use it, since losses are means: here over packs,
    each of which has one logit. See :class:`ganzoo.parts.modules.Packed`.
    """

    @with_settings_of(make)
    def maker(task: Task, *, packing: Size = 2, **settings: Any) -> nn.Module:
        from ganzoo.parts.modules import Packed

        first, *rest = task.shape
        return Packed(make(replace(task, shape=(first * packing, *rest)), **settings), packing)

    description = inspect.getdoc(make) or ""
    maker.__doc__ = f"Packs of samples as one input (Lin et al., 2018). {description}\n    packing: samples in a pack."
    return maker


def with_heads(net: nn.Module, **heads: int) -> nn.Module:
    """A discriminator with further outputs, such as classes or codes, on its last hidden layer.

    It has the attributes ``features`` (the last hidden layer), ``logits`` (from there the logits) and one more for
    each head.

    Args:
        net: a discriminator that ends in a linear layer, as those of :func:`dense_discriminator` and
            :func:`conv_discriminator` do.
        heads: outputs of each head by its name.

    Raises:
        GanzooError: it does not end in a linear layer.
    """
    from ganzoo.parts.modules import Headed

    return Headed(net, **heads)


def with_encoder(decoder: nn.Module, encoder: nn.Module, latent_dim: int) -> nn.Module:
    """A generator with an encoder: ``encode(samples)`` gives latents ``(N, latent_dim)``.

    Both networks are attributes of it, so that a trainer can update one alone. Only the decoder is exported.

    Args:
        decoder: from latents to samples.
        encoder: from samples ``(N, *shape)`` to latents ``(N, latent_dim)``; or to more columns, of which these are the
            first, as the mean is of a Gaussian encoder.
        latent_dim: length of z.
    """
    from ganzoo.parts.modules import Encoded

    return Encoded(decoder, encoder, latent_dim)


def num_classes_of(task: Task) -> int:
    """The number of classes; GanzooError for data without labels."""
    if not task.num_classes:
        raise GanzooError(
            "a class-conditional GAN needs labelled data, and this data set has no labels; see ganzoo list datasets"
        )
    return task.num_classes
