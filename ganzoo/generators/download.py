"""Get trained weights that are not in the installation: from a folder, a web server or the Hub. Needs no torch.

Every file must have the SHA-256 that the index of this version states, wherever it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

from ganzoo.generators import hub, pretrained
from ganzoo.generators.hub import Kind
from ganzoo.generators.pretrained import Entry
from ganzoo.util.errors import GanzooError, first_line, printable
from ganzoo.util.files import atomic_write, expand_user, writing
from ganzoo.util.web import WebError, opened

SECONDS = 30.0  # without an answer, a server has failed
SCHEMES = ("http", "https")


def get(entry: Entry, source: str, folder: Path | None = None) -> list[Path]:
    """Copy those files of an entry that are not here yet.

    Args:
        entry: of the index.
        source: a folder, a URL of one (``https://host/path``), or ``hf:user/name[@revision]``; with the files under the
            names that the index gives.
        folder: where they go, which is created; :func:`ganzoo.generators.pretrained.downloads` by default.

    Returns:
        The files that were copied.

    Raises:
        GanzooError: the source cannot be read, lacks a file or has another one of that name; or ``folder`` cannot be
            written.
    """
    folder = folder or pretrained.downloads()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    copied = []
    for kind, file in entry.files.items():
        present = entry.found(kind)
        if present is None or not entry.is_right(kind, present):
            target = folder / str(file["file"])
            _copy(entry, kind, source, target)
            copied.append(target)
    return copied


def _copy(entry: Entry, kind: Kind, source: str, target: Path) -> None:
    """Copy one file; it appears once it is complete and its SHA-256 is right."""
    size = int(entry.files[kind]["bytes"])
    place = printable(source, 200)
    with atomic_write(target) as temporary:
        with _opened(source, target.name) as stream, temporary.open("wb") as file:
            while part := stream.read(min(2**20, size + 1 - file.tell())):
                file.write(part)
        count = temporary.stat().st_size
        if count < size:
            raise GanzooError(f"{target.name} from {place} ends after {count:,} of {size:,} bytes; try again")
        if not entry.is_right(kind, temporary):
            raise GanzooError(
                f"{target.name} from {place} is not that of this version of ganzoo: its SHA-256 differs; "
                "use a source for the same version"
            )


@contextmanager
def _opened(source: str, name: str) -> Iterator[IO[bytes]]:
    """A file of a source, open for reading; what fails becomes one line."""
    place = printable(source, 200)
    try:
        if hub.is_address(source):
            with hub.file(source, name).open("rb") as file:
                yield file
        elif urlsplit(source).scheme in SCHEMES:
            url = f"{source.rstrip('/')}/{quote(name)}"
            with opened(url, SECONDS) as answer:
                yield answer
        elif "://" in source:
            raise GanzooError(f"'{place}' has a scheme that is not read; use a folder, http://, https:// or hf:")
        else:
            with (expand_user(source) / name).open("rb") as file:
                yield file
    except FileNotFoundError:
        raise GanzooError(f"there is no {name} in {place}; name the folder that holds it") from None
    except WebError as error:
        raise GanzooError(f"cannot read {name} from {place}: {error}; try again, or name another source") from None
    except (OSError, ValueError) as error:
        raise GanzooError(f"cannot read {name} from {place}: {first_line(error)}") from None
