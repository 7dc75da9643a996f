"""Generators on the Hugging Face Hub, ``hf:user/name[@revision]``. The client is huggingface_hub; no torch is needed.

A revision is resolved to its commit, and files are read from that commit alone. Their hashes are compared with those
that the Hub states. The client keeps them in its cache, which is used where the Hub cannot be reached. Only safetensors
and ONNX files are read, never a pickle.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ganzoo.util.errors import GanzooError, first_line, printable
from ganzoo.util.optional import needs

log = logging.getLogger("ganzoo")

Kind = Literal["safetensors", "onnx"]
"""Of a generator's file."""

PREFIX = "hf:"
MAIN = "main"
FILES: Mapping[Kind, str] = {"safetensors": "weights.safetensors", "onnx": "model.onnx"}
"""The names of a generator's files in a repository."""

REASONS = {
    401: "you are not logged in (hf auth login)",
    403: "your token does not allow it",
    429: "too many requests; wait a while",
}
"""Why the Hub refuses a request, by the status of its answer."""

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
LARGEST = 2**32  # bytes of a file; a generator is far smaller


@dataclass(frozen=True)
class Address:
    """A repository at a revision: a branch, a tag or a commit.

    Attributes:
        repository: ``user/name``.
        revision: ``main`` by default.
    """

    repository: str
    revision: str = MAIN

    def __str__(self) -> str:
        return f"{PREFIX}{self.repository}" + (f"@{self.revision}" if self.revision != MAIN else "")


def is_address(source: object) -> bool:
    """Whether a source of a generator is on the Hub.

    >>> is_address("hf:somebody/cats"), is_address("runs/cats")
    (True, False)
    """
    return str(source).startswith(PREFIX)


def parse(source: str) -> Address:
    """The address in a text.

    >>> parse("hf:somebody/cats@v2")
    Address(repository='somebody/cats', revision='v2')

    Raises:
        GanzooError: it has no such form.
    """
    found = re.fullmatch(PREFIX + r"([\w.-]{1,96}/[\w.-]{1,96})(?:@([\w./-]{1,200}))?", source, re.ASCII)
    if not found:
        raise GanzooError(f"'{printable(source, 80)}' is no address on the Hub; write hf:user/name[@revision]")
    return Address(found[1], found[2] or MAIN)


def fetch(source: str, *kinds: Kind) -> Path:
    """A generator's file, downloaded or from the client's cache.

    Args:
        source: ``hf:user/name[@revision]``.
        kinds: the files that will do, the best first: ``weights.safetensors``; ``model.onnx``, or else the only ONNX
            file.

    Raises:
        GanzooError: there is no such repository, revision or file; it cannot be reached and is not in the cache; or
            what was downloaded has another hash than the Hub states.
    """
    return _downloaded(parse(source), lambda address, names: chosen(address, names, kinds))


def file(source: str, name: str) -> Path:
    """The file of that name in a repository; otherwise as :func:`fetch`."""

    def named(address: Address, names: Sequence[str]) -> str:
        if name not in names:
            raise GanzooError(f"{address} holds no {name}; check the address")
        return name

    return _downloaded(parse(source), named)


Choice = Callable[[Address, Sequence[str]], str]
"""Chooses one of the files of a repository; GanzooError if none will do."""


def _downloaded(address: Address, choose: Choice) -> Path:
    """The chosen file, downloaded or from the client's cache."""
    with needs("hub"):
        import huggingface_hub as client
        from huggingface_hub import errors

    with explained(address):
        try:
            info = client.HfApi().model_info(address.repository, revision=address.revision, files_metadata=True)
        except errors.HfHubHTTPError:
            raise
        except Exception as error:  # the client's errors of connections have no other base class
            return _from_cache(client, address, choose, error)
        pinned = replace(address, revision=str(info.sha))
        entries = {entry.rfilename: entry for entry in info.siblings or ()}
        entry = entries[choose(pinned, list(entries))]
        if (entry.size or 0) > LARGEST:
            raise GanzooError(
                f"{entry.rfilename} in {pinned} has {entry.size:,} bytes; ganzoo reads at most {LARGEST:,}"
            )
        # first by the name of the revision, so that the cache knows what it stood for
        for revision in (address.revision, pinned.revision):
            path = Path(client.hf_hub_download(address.repository, entry.rfilename, revision=revision))
            if described(path) == str(pinned):
                break
        _require_hash(path, entry, pinned)
        return path


def chosen(address: Address, names: Sequence[str], kinds: Sequence[Kind]) -> str:
    """Which of the files of a repository holds the generator; GanzooError if none does."""
    exported = [name for name in names if name.endswith(".onnx")]
    for kind in kinds:
        if FILES[kind] in names:
            return FILES[kind]
        if kind == "onnx" and len(exported) == 1:
            return exported[0]
    wanted = " or ".join(FILES[kind] for kind in kinds)
    reason = ""
    if pickles := [name for name in names if name.endswith(PICKLES)]:
        reason = f"; it has {printable(pickles[0], 60)}, a pickle, which can run code and is never read"
    elif len(exported) > 1:
        reason = f"; of its {len(exported)} ONNX files, download the one that you want"
    raise GanzooError(f"{address} holds no {wanted}{reason}")


def described(path: Path) -> str:
    """What messages and records call a file: its address with the commit if it is in the client's cache, else its path.

    >>> described(Path("hub/models--somebody--cats/snapshots") / ("0" * 39 + "1") / "weights.safetensors")
    'hf:somebody/cats@0000000000000000000000000000000000000001'
    >>> described(Path("runs/cats/weights.safetensors"))
    'runs/cats/weights.safetensors'
    """
    found = re.search(r"/models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})/", f"/{path.as_posix()}")
    return str(Address(f"{found[1]}/{found[2]}", found[3])) if found else str(path)


def _from_cache(client: Any, address: Address, choose: Choice, error: Exception) -> Path:
    """The file in the client's cache, because the Hub cannot be reached; GanzooError if it is not there."""
    try:
        folder = client.snapshot_download(
            address.repository,
            revision=address.revision,
            local_files_only=True,
            allow_patterns=["*.safetensors", "*.onnx"],
        )
    except Exception:
        raise GanzooError(
            f"{address} is not in the cache, and the Hub cannot be reached: {first_line(error)}; connect to a network"
        ) from None
    root = Path(folder)
    path = root / choose(address, [each.relative_to(root).as_posix() for each in root.rglob("*") if each.is_file()])
    log.warning("the Hub cannot be reached; %s comes from the cache", described(path))
    return path


def _require_hash(path: Path, entry: Any, address: Address) -> None:
    """Refuse, and delete, a file that is not the one that the Hub describes."""
    size = path.stat().st_size
    if entry.lfs is not None:
        digest, wanted = hashlib.sha256(), entry.lfs["sha256"]
    else:  # a blob of git
        digest, wanted = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False), entry.blob_id
    with path.open("rb") as file:
        while part := file.read(2**20):
            digest.update(part)
    if digest.hexdigest() != wanted:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise GanzooError(f"{entry.rfilename} of {address} arrived damaged: its hash is not the Hub's; try again")


@contextmanager
def explained(address: Address) -> Iterator[None]:
    """Turn the client's errors into one line each. None of them holds a token."""
    from huggingface_hub import errors

    try:
        yield
    except GanzooError:
        raise
    except errors.RevisionNotFoundError:
        raise GanzooError(f"{PREFIX}{address.repository} has no revision {address.revision}") from None
    except errors.GatedRepoError:
        raise GanzooError(
            f"{address} is open to those who accepted its conditions; do so on its page, then: hf auth login"
        ) from None
    except errors.RepositoryNotFoundError:
        raise GanzooError(
            f"there is no {PREFIX}{address.repository}, or it is private; check the name, or log in: hf auth login"
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        raise GanzooError(f"the Hub refuses {address}: {REASONS.get(status, f'error {status}')}; try again") from None
    except Exception as error:  # the client's errors of connections have no other base class
        reason = first_line(error.__cause__ or error)
        raise GanzooError(f"{address} cannot be transferred: {reason}; try again") from None
