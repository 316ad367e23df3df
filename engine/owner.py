"""Which process owns a session: a name that outlives the process, and whether it still runs."""

import os
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def this_process() -> str:
    """The name of this process: its number, and when it started where the system tells."""
    return _name(os.getpid())


def is_alive(owner: str) -> bool:
    """Whether the process of that name still runs on this machine."""
    number = owner.partition(":")[0]
    if not number.isdigit():
        return False
    if os.name != "posix":
        return owner == this_process()
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it runs, as another user
    return _name(int(number)) == owner


def _name(pid: int) -> str:
    """Numbers of processes come again; with the boot and the start time they do not."""
    try:
        # After the command name, which is in parentheses: the state, …, the start (field 22).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = _BOOT_ID.read_text().strip()
    except OSError:
        return f"{pid}:"
    if fields[0] == "Z":  # killed, and not yet collected by its parent
        return f"{pid}:dead"
    return f"{pid}:{boot}:{fields[19]}"
