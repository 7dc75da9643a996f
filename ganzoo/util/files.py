"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import logging
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ganzoo.util.errors import GanzooError, printable

log = logging.getLogger("ganzoo")

DOWNLOADS = Path("~/.cache/ganzoo")
LONGEST_NAME = 255  # bytes of a file's name, as file systems allow


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Write a file whole or not at all: the body writes to a temporary path, which is renamed to ``path`` at the end.

    The temporary file is in the same folder, so that the rename stays within one file system, and has the same suffix,
    which some writers look at. Its bytes are on the disk before it is renamed. If anything fails, it is removed and an
    old file at ``path`` stays. A symbolic link is followed: its target is replaced, not the link.

    Raises:
        GanzooError: the folder is missing, full or not writable, or ``path`` is a folder or a device.
    """
    temporary = None
    try:
        target = Path(path).resolve()
        if target.exists() and not target.is_file():
            raise GanzooError(f"cannot write {path}: it is not a regular file; choose another name")
        temporary = target.with_name(temporary_name(target, secrets.token_hex(4)))
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise GanzooError(
            f"cannot write {path}: {reason}; choose a folder that exists, is writable and has room"
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def temporary_name(target: Path, unique: str) -> str:
    """The name of the temporary file of a target: ``.run.0123abcd.json``, cut to what file systems allow."""
    end = f".{unique}{target.suffix}"
    stem = os.fsencode(target.stem)[: max(0, LONGEST_NAME - 1 - len(os.fsencode(end)))]
    return f".{stem.decode(errors='ignore')}{end}"


def remove_temporary_files(folder: Path, names: Iterable[str]) -> None:
    """Remove the temporary files of :func:`atomic_write` calls that were killed.

    No other process may be writing these files. A writer that still runs would lose its work.

    Args:
        folder: where they are; it may be missing.
        names: of the files that were to be written, such as ``run.json`` or ``iteration-*.png``.
    """
    for name in map(Path, names):
        for path in folder.glob(temporary_name(name, "[0-9a-f]" * 8)):
            path.unlink(missing_ok=True)


def require_folder(path: str | Path) -> None:
    """Refuse a file that :func:`atomic_write` could not write, before there is anything to write.

    Raises:
        GanzooError: its folder is missing or not writable.
    """
    folder = Path(path).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = os.strerror(errno.EACCES if folder.is_dir() else errno.ENOENT)
        raise GanzooError(f"cannot write {path}: {reason}; choose a folder that exists, is writable and has room")


def write_text(path: str | Path, text: str) -> None:
    """Write a text, whole or not at all; see :func:`atomic_write`."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # paths may not be UTF-8


def expand_user(path: str | Path) -> Path:
    """A path with ``~`` and ``~name`` replaced by a home folder.

    Raises:
        GanzooError: there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise GanzooError(f"there is no home folder for {printable(str(path), 200)}; name a folder without ~") from None


def download_folder(directory: str | Path | None = None) -> Path:
    """The folder of downloaded files: the given one, ``GANZOO_DATA_DIR`` or ``~/.cache/ganzoo``."""
    return expand_user(directory or os.environ.get("GANZOO_DATA_DIR") or DOWNLOADS)


def require_file(path: str | Path) -> None:
    """Refuse a path that is not a regular file which can be read.

    Raises:
        GanzooError: it is missing, no regular file, or not readable.
    """
    try:
        if not Path(path).is_file():
            raise GanzooError(f"there is no file {path}")
        with Path(path).open("rb"):
            pass
    except (OSError, ValueError) as error:  # a path with a null byte is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise GanzooError(f"cannot read {path}: {reason}; check the permissions of the file") from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into one line."""
    try:
        yield
    except OSError as error:
        raise GanzooError(f"cannot write in {path}: {error.strerror or error}") from None


@contextmanager
def locked(folder: Path) -> Iterator[Callable[[], bool]]:
    """Keep other processes out of a folder; the lock ends with the process, however that ends.

    Where the system has no such locks (Windows), there is none. Where the file system has none, a warning says so.

    Yields:
        A function that says whether the path still is the folder that was locked: others may move or replace it.

    Raises:
        GanzooError: another process holds it.
    """

    def is_same() -> bool:
        try:
            return os.path.samestat(folder.stat(), here)
        except OSError:
            return False

    with writing(folder):
        here = folder.stat()
    try:
        import fcntl
    except ImportError:
        yield is_same
        return
    with writing(folder):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GanzooError(f"another process is training in {folder}; wait for it, or name another folder") from None
        except OSError as error:  # of a file system without locks, as some in networks are
            log.warning("%s cannot be locked (%s): do not start a second training in it", folder, error.strerror)
        here = os.fstat(descriptor)  # while it is open, no other folder gets its inode
        yield is_same
    finally:
        os.close(descriptor)
