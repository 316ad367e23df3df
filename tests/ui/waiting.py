"""Waiting for what happens in Qt's event loop."""

import time
from collections.abc import Callable

from PyQt6.QtTest import QTest


def wait_until(condition: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    """Run the event loop until the condition holds; PyQt6 lacks QTest.qWaitFor."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        QTest.qWait(5)
    return True
