"""Read from a web server."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException
from typing import IO

from ganzoo.util.errors import first_line


class WebError(Exception):
    """A server gives no answer, or not the one that was asked for; the message says why."""


@contextmanager
def opened(url: str, seconds: float) -> Iterator[IO[bytes]]:
    """The answer of a server, open for reading.

    Args:
        url: ``http://`` or ``https://``; the caller has checked that it is.
        seconds: without an answer, the server has failed.

    Raises:
        WebError: whatever fails, also while the body reads.
    """
    try:
        with closing(urllib.request.urlopen(url, timeout=seconds)) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise WebError(f"status {error.code}, {error.reason}") from None
    except urllib.error.URLError as error:
        raise WebError(str(error.reason)) from None
    except (OSError, ValueError, HTTPException) as error:
        raise WebError(first_line(error)) from None
