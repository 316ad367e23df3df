"""How many processors this program may use."""

import os


def count_processors() -> int:
    """Those that it was given, where the system tells; all that there are otherwise."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
