"""Stopping between two iterations."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest(threading.Event):
    """Is set by the first Ctrl-C or SIGTERM while it listens; a second one ends.

    In other threads than the main one signals are left alone, and it is never set.
    """

    def __init__(self) -> None:
        super().__init__()
        self._before: dict[signal.Signals, Any] = {}

    def listen(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in SIGNALS}
            for number in SIGNALS:
                signal.signal(number, self._stop)

    def leave(self) -> None:
        """Give the signals back to the handlers of before."""
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._before = {}

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Signals mean what they meant before, for a while."""
        self.leave()
        try:
            yield
        finally:
            self.listen()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.set()
        old = self._before[signal.Signals(number)]
        # not the old handler itself: an iteration would make Python's own wait for its end
        signal.signal(number, (lambda number, frame: old(number, frame)) if callable(old) else old)


@contextmanager
def interruptible() -> Iterator[StopRequest]:
    """Within it the first Ctrl-C or SIGTERM only sets the request, so that an iteration is completed."""
    stop_requested = StopRequest()
    try:
        stop_requested.listen()
        yield stop_requested
    finally:
        stop_requested.leave()
