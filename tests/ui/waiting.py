"""Waiting for what happens in Qt's event loop."""

import time
from collections.abc import Callable

from PyQt6.QtTest import QTest

from tests.patience import TIMEOUT_S


def wait_until(condition: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> bool:
    """Run the event loop until the condition holds; PyQt6 lacks QTest.qWaitFor."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        QTest.qWait(5)
    return True
