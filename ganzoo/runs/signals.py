"""Stopping between two iterations."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Within it the first Ctrl-C or SIGTERM only sets the event, so that an iteration is completed; a second one ends.

    In other threads than the main one signals are left alone, and the event is never set.
    """
    stop_requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop_requested
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def stop(number: int, frame: FrameType | None) -> None:
        stop_requested.set()
        old = before[signal.Signals(number)]
        # not the old handler itself: an iteration would make Python's own wait for its end
        signal.signal(number, (lambda number, frame: old(number, frame)) if callable(old) else old)

    try:
        for number in signals:
            signal.signal(number, stop)
        yield stop_requested
    finally:
        for number in signals:
            signal.signal(number, before[number])
