"""Stopping between two iterations."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Within it the first Ctrl-C or SIGTERM only sets the event, so that an iteration can be finished; a second one ends."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def stop(number: int, frame: object) -> None:
        stopped.set()
        signal.signal(number, before[signal.Signals(number)])

    try:
        for number in signals:
            signal.signal(number, stop)
        yield stopped
    finally:
        for number in signals:
            signal.signal(number, before[number])
