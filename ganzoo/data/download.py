"""Download the files of public data sets, through torchvision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs


def download(files: Mapping[str, str], mirrors: Sequence[str], folder: Path) -> None:
    """Download files into a folder; each appears there once it is complete.

    Args:
        files: MD5 sums, in hexadecimal, by file name.
        mirrors: URLs, tried in turn, to which the file name is appended.
        folder: created if it is missing.

    Raises:
        GanzooError: no mirror has a file with the right sum, or the folder cannot be written.
    """
    with needs():
        from torchvision.datasets.utils import download_url
    for name, md5 in files.items():
        failures: list[str] = []
        for mirror in mirrors:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with TemporaryDirectory(dir=folder) as temporary:
                    download_url(mirror + name, temporary, name, md5)
                    Path(temporary, name).replace(folder / name)
                break
            except (OSError, RuntimeError, HTTPException) as error:
                failures.append(f"{mirror}: {error}")
        else:
            raise GanzooError(
                f"cannot download {name} ({'; '.join(failures)}); "
                f"place {' and '.join(files)} into {folder}, or use: --data mnist-10k"
            )
