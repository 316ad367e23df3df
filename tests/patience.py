"""How long tests wait for what has to happen, and how."""

import time
from collections.abc import Callable

TIMEOUT_S = 300.0
"""Far more than anything takes, on a busy machine too: only what never happens takes so long."""

_LOOK_S = 0.001


def wait_until(condition: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> bool:
    """Look again and again, as another process gives no signal."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        time.sleep(_LOOK_S)  # leaves the processor to the one that is looked at
    return True
