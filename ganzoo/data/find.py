"""Find the image files in a folder. Nothing is opened, so a pipe or a device cannot stop it."""

from __future__ import annotations

import logging
import stat
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

SUFFIXES = (
    *(".apng", ".avif", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"),
    *(".tif", ".tiff", ".webp"),
)
MAX_FOLDERS, MAX_FILES = 100_000, 10_000_000  # links can make a small folder look endless
MAX_KINDS = 6  # in a warning
UNREADABLE, LOST_LINK = "unreadable sub-folders", "broken links"
CYCLE, SPECIAL = "links to a folder above", "pipes or devices"

log = logging.getLogger("ganzoo")


class Found(NamedTuple):
    """The image files in a folder.

    Attributes:
        names: of the files, relative to the folder, with ``/``, sorted as text.
        folders: names of its sub-folders that are not hidden, in no order.
        passed_over: kinds of what is neither a folder nor an image, with their counts.
    """

    names: list[str]
    folders: list[str]
    passed_over: Counter[str]

    def summary(self) -> str:
        """What was passed over, as ``12 .heic, 3 broken links``; empty for nothing."""
        kinds = sorted(self.passed_over.items(), key=lambda each: (-each[1], each[0]))
        listed = [f"{count:,} {kind}" for kind, count in kinds[:MAX_KINDS]]
        others = sum(count for _, count in kinds[MAX_KINDS:])
        return ", ".join(listed + ([f"{others:,} others"] if others else []))

    def warn(self, root: Path) -> None:
        """One warning of what was passed over, if anything was."""
        if self.passed_over:
            log.warning("passed over in %s, as no images: %s", shown(str(root)), self.summary())


def find_images(root: Path) -> Found:
    """All regular files with the suffix of an image in a folder and its sub-folders; names with a dot are left out.

    Symbolic links are followed, except one that leads back to a folder above it.

    Raises:
        GanzooError: the folder cannot be read, or holds more than 10 million files or 100,000 sub-folders.
    """
    with needs():
        import PIL  # noqa: F401  decodes what is found; its absence is said before anything else
    names: list[str] = []
    folders: list[str] = []
    passed_over: Counter[str] = Counter()
    visited = 0
    waiting: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ())]
    while waiting:
        below, above = waiting.pop()
        try:
            about = (root / below).stat()
            entries = [path.name for path in (root / below).iterdir()]
        except OSError as error:
            if not below:
                raise GanzooError(f"the folder {shown(str(root))} cannot be read: {error.strerror}") from None
            passed_over[UNREADABLE] += 1
            continue
        identity = about.st_dev, about.st_ino
        if identity in above:
            passed_over[CYCLE] += 1
            continue
        visited += 1
        if below and "/" not in below:
            folders.append(below)
        for entry in entries:
            if entry.startswith("."):
                continue
            name = f"{below}/{entry}" if below else entry
            try:
                mode = (root / name).stat().st_mode
            except (OSError, ValueError):
                passed_over[LOST_LINK] += 1
                continue
            suffix = Path(entry).suffix.lower()
            if stat.S_ISDIR(mode):
                waiting.append((name, (*above, identity)))
            elif not stat.S_ISREG(mode):
                passed_over[SPECIAL] += 1
            elif suffix in SUFFIXES:
                names.append(name)
            else:
                passed_over[shown(suffix, 12) or "without a suffix"] += 1
        if visited > MAX_FOLDERS or len(names) > MAX_FILES:
            raise GanzooError(
                f"{shown(str(root))} holds more than {MAX_FOLDERS:,} sub-folders or {MAX_FILES:,} files; "
                "name a smaller folder"
            )
    return Found(sorted(names), folders, passed_over)


def shown(name: str, longest: int = 200) -> str:
    """The name of a file for a message of one line: control characters escaped, and cut in the middle."""
    text = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in name)
    return text if len(text) <= longest else f"{text[: longest // 2]}...{text[-(longest // 2 - 3) :]}"
