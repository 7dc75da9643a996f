"""Your own images in pairs, and images of two kinds without pairs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ganzoo.data import Channels, Data, Request, dataset_name, fingerprint, load
from ganzoo.data.arguments import Percent, convert_settings, split_argument
from ganzoo.data.find import Found, find_images, shown
from ganzoo.data.folder import Half, Images, each_readable, existing, no_image, read_images, warn_of_skipped
from ganzoo.data.source import Source, image_source, open_source, parted, stem
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError, printable
from ganzoo.util.optional import needs

SETTINGS = {"holdout": Percent, "conditions": Channels}

log = logging.getLogger("ganzoo")


def pairs(request: Request) -> Data:
    """Your own pairs, as pairs:A,B of two folders, B made from A; or pairs:FOLDER of double images, side by side.

    Two files are a pair if they have the same relative name without suffix, and the same ratio of height to width. The
    images of A are the conditions. Of a double image the left half is the condition; ``pairs:FOLDER,from=right`` turns
    that round. Each side is read as by folder:PATH. ``--channels`` is of the samples; ``conditions=grey``, ``rgb`` or
    ``rgba`` is of the conditions. Sub-folders are not classes.

    Passed over, with a warning that counts them: files without a partner. Skipped, with a warning that names them:
    broken files, pairs of different shapes, and double images that are not wide. A pair that cannot be decoded any more
    stops a training.

    Sub-folders ``train`` and ``test`` (or ``val``) are the splits. Without them 10 % of the pairs are for testing, by a
    hash of their names; ``holdout=20%`` changes that. Pairs that share an image are on one side.

    Returns:
        Samples uint8 ``(N, C, size, size)``, conditions uint8 ``(N, c, size, size)`` of the same places, in 0..255.

    Raises:
        GanzooError: there is no such folder, no pair in them, two files for one name, or a setting is wrong.
    """
    names, given = split_argument(request.argument)
    is_double = len(names) == 1
    kinds = {**SETTINGS, "from": Half} if is_double else SETTINGS
    settings = convert_settings(request.name, given, kinds)
    usage = "--data pairs:A,B, or pairs:FOLDER of double images"
    if not 1 <= len(names) <= 2:
        raise GanzooError(f"pairs takes two folders, without a comma in their names, got {len(names)}; use: {usage}")
    if known := [name for name in names if name.partition(":")[0] in registry().parts["dataset"]]:
        raise GanzooError(f"pairs takes the paths of folders, and {known[0]!r:.80} names a data set; use: {usage}")
    roots = [existing(name, usage) for name in names]
    if not is_double and roots[0].samefile(roots[1]):
        raise GanzooError(f"{_shown(request)} names one folder twice; name another, or pairs:FOLDER of double images")
    found = [find_images(root) for root in roots]
    for root, each in zip(roots, found, strict=True):
        each.warn(root)
        if not each.names:
            raise no_image(root, each)
    halves: list[Half | None] = [None, None]
    if is_double:
        halves = ["right", "left"] if settings.get("from") == "right" else ["left", "right"]
        roots, found = roots * 2, [_double(roots[0], found[0])] * 2
    else:
        found = _partners(roots, found)
    given_images, images = _read_pairs(request, roots, found, halves, settings.get("conditions"))
    sources = [image_source(each, request.split, paired=True) for each in (given_images, images)]
    return _joined(request, parted(request, sources, settings.get("holdout"), "pairs"), paired=True)


def unpaired(request: Request) -> Data:
    """Images of two kinds without pairs, as unpaired:A,B of folders or data sets; conditions are of A, samples of B.

    ``unpaired:NAME`` are the images of a data set in pairs, such as twemoji32, without its pairs;
    ``unpaired:FOLDER`` are those in its sub-folders ``trainA``, ``trainB``, and ``testA``, ``testB`` if they are there.
    Folders are read as by pairs:A,B, with the same settings.

    What has no test split of its own is parted by a hash of the names, so that images with the same name in A and B are
    on one side. Images with the same content are on one side too.

    Returns:
        Samples uint8 ``(N, C, h, w)``, conditions uint8 ``(M, c, h, w)``, in 0..255; no labels.

    Raises:
        GanzooError: there is no such folder or data set, its images have other sides than those of the other, or a
            setting is wrong.
    """
    names, given = split_argument(request.argument)
    settings = convert_settings(request.name, given, SETTINGS)
    if len(names) == 2 and all(names):
        if "conditions" in settings and not _is_folder(names[0]):
            raise GanzooError(f"{_shown(request)}: conditions= is for a folder A; leave it out")
        sources = [open_source(names[0], request, settings.get("conditions"))]
        sources.append(open_source(names[1], request, request.channels))
    elif len(names) != 1 or not names[0]:
        raise GanzooError(
            f"unpaired takes two folders or data sets, without a comma in their names, got {len(names)}; use: --data "
            "unpaired:A,B"
        )
    elif _is_folder(names[0]):
        sources = _two_kinds(request, dataset_name(names[0]).removeprefix("folder:"), settings.get("conditions"))
    else:
        if settings:
            raise GanzooError(f"{_shown(request)} takes no {next(iter(settings))}=; it has the splits of {names[0]}")
        return _without_pairs(request, names[0])
    sides = [source.shape[1:] for source in sources]
    if sides[0] != sides[1]:
        shown_sides = [f"{source.name} has {h}x{w}" for source, (h, w) in zip(sources, sides, strict=True)]
        raise GanzooError(
            f"{_shown(request)} needs images of one size, but {' and '.join(shown_sides)} pixels; folders take "
            "--image-size"
        )
    return _joined(request, parted(request, sources, settings.get("holdout"), "images"), paired=False)


def _double(root: Path, found: Found) -> Found:
    """The double images: those that are wide, of an even width. Others are skipped with a warning."""
    with needs():
        from ganzoo.data import decode

    def check(name: str) -> None:
        width, height = decode.sides(root / name)
        if width % 2 or width <= height:
            raise ValueError(f"{width}x{height} pixels, so no two images side by side")

    return _without_bad(found.names, [found], check)[0]


def _partners(roots: Sequence[Path], found: Sequence[Found]) -> list[Found]:
    """The files of both folders that have a partner of the same sides, in the same order."""
    with needs():
        from ganzoo.data import decode

    first, second = (_by_stem(root, each.names) for root, each in zip(roots, found, strict=True))
    common = sorted(first.keys() & second.keys())
    if not common:
        examples = [shown(each.names[0], 80) for each in found]
        raise GanzooError(
            f"{shown(str(roots[0]))} and {shown(str(roots[1]))} have no file name in common: the first are "
            f"{examples[0]} and {examples[1]}; give the two files of a pair the same name"
        )
    alone = [len(each.names) - len(common) for each in found]
    if any(alone):
        log.warning(
            "passed over %d files without a partner of the same name: %d in %s, %d in %s",
            *(sum(alone), alone[0], shown(str(roots[0])), alone[1], shown(str(roots[1]))),
        )

    def check(key: str) -> None:
        (width, height), (other_width, other_height) = (
            decode.sides(root / names[key]) for root, names in zip(roots, (first, second), strict=True)
        )
        # a side may be rounded by a pixel, on the scale of the smaller of the two
        if abs(width * other_height - height * other_width) > max(width, height, other_width, other_height):
            raise ValueError(f"{width}x{height} and {other_width}x{other_height} pixels, which are no pair")

    aligned = [
        each._replace(names=[names[key] for key in common]) for each, names in zip(found, (first, second), strict=True)
    ]
    return _without_bad(common, aligned, check)


def _without_bad(keys: Sequence[str], found: Sequence[Found], check: Callable[[str], None]) -> list[Found]:
    """Leave out what ``check`` raises for, with a warning; ``keys`` are in the order of the files."""
    bad: dict[str, str] = {}
    each_readable(keys, check, bad)
    warn_of_skipped(bad, len(keys))
    if len(bad) == len(keys) > 0:
        name, reason = next(iter(bad.items()))
        raise GanzooError(f"none of {len(keys)} files can be used: {shown(name, 120)} ({shown(reason, 120)})")
    return [
        each._replace(names=[name for key, name in zip(keys, each.names, strict=True) if key not in bad])
        for each in found
    ]


def _by_stem(root: Path, names: Sequence[str]) -> dict[str, str]:
    files: dict[str, str] = {}
    for name in names:
        if (other := files.setdefault(stem(name), name)) != name:
            raise GanzooError(
                f"{shown(str(root))} holds both {shown(other, 80)} and {shown(name, 80)}, so partners are not "
                "clear; keep one of them"
            )
    return files


def _read_pairs(
    request: Request,
    roots: Sequence[Path],
    found: Sequence[Found],
    halves: Sequence[Half | None],
    conditions: Channels | None,
) -> list[Images]:
    """The readable pairs. What is no pair because a partner is broken does not decide colours."""
    channels = conditions, request.channels
    while True:
        read = [
            read_images(root, each, request.size, colours, half)
            for root, each, colours, half in zip(roots, found, channels, halves, strict=True)
        ]
        good = set.intersection(*({stem(name) for name in images.names} for images in read))
        if all(len(images.names) == len(good) for images in read):
            break
        if not good:
            raise GanzooError(f"{_shown(request)} has no pair of which both images can be read")
        found = [each._replace(names=[name for name in each.names if stem(name) in good]) for each in found]
    for images, colours in zip(read, channels, strict=True):
        images.describe(forced=colours is not None)
    return read


def _two_kinds(request: Request, path: str, conditions: Channels | None) -> list[Source]:
    """The images in ``trainA`` and ``trainB`` of a folder, and in ``testA`` and ``testB``."""
    root = existing(path, "--data unpaired:FOLDER")
    found = find_images(root)
    found.warn(root)
    sources, others = [], len(found.names)
    for suffix, channels in (("A", conditions), ("B", request.channels)):
        names = [name for name in found.names if name.partition("/")[0] in (f"train{suffix}", f"test{suffix}")]
        if not any(name.startswith(f"train{suffix}/") for name in names):
            raise GanzooError(
                f"{shown(path)} has no images in train{suffix}; name two folders: --data unpaired:A,B, or one with "
                "trainA and trainB"
            )
        others -= len(names)
        images = read_images(root, found._replace(names=names), request.size, channels)
        images.describe(forced=channels is not None)
        sources.append(replace(image_source(images, request.split, suffix), name=f"{path} {suffix}"))
    if others:
        log.warning("%s: %d images outside trainA, trainB, testA and testB are left out", shown(path), others)
    return sources


def _without_pairs(request: Request, name: str) -> Data:
    data = load(name, split=request.split, directory=request.directory, size=request.size, channels=request.channels)
    if data.conditions is None or data.conditions.dtype != np.uint8:
        raise GanzooError(f"{printable(name, 200)} has no pairs of images; name two: --data unpaired:A,B")
    sha256 = fingerprint(np.frombuffer(f"unpaired {data.sha256}".encode(), np.uint8))
    return replace(data, name=request.name, labels=None, classes=(), paired=False, sha256=sha256)


def _joined(request: Request, sources: Sequence[Source], *, paired: bool) -> Data:
    """The first source as conditions of the second."""
    conditions, samples = sources
    sha256 = ""
    if conditions.sha256 or samples.sha256:
        sha256 = fingerprint(np.frombuffer("".join(each.fingerprint() for each in sources).encode(), np.uint8))
    return Data(
        name=request.name,
        samples=samples.samples,
        conditions=conditions.samples,
        paired=paired,
        sha256=sha256,
        licence="; ".join(dict.fromkeys(each.licence for each in (samples, conditions) if each.licence)),
    )


def _is_folder(name: str) -> bool:
    return dataset_name(name).startswith("folder:")


def _shown(request: Request) -> str:
    return printable(request.name, 200)
