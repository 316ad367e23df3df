"""Bytes from a file descriptor (standard input, a pipe, a terminal) as they arrive."""

import asyncio
import logging
import os
import select
import sys
import threading

from app.sources.errors import SourceError

logger = logging.getLogger(__name__)

_READ_BYTES = 4096
_CLOSING_S = 1.0  # select wakes at once; only a read that blocks after all takes longer
_N_WAITING = 4  # reads that wait for the consumer before reading pauses


def standard_input() -> int:
    """The descriptor of standard input.

    Raises:
        SourceError: it is closed.
    """
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError) as error:
        raise SourceError("standard input is closed; there is nothing to read") from error


class DescriptorReader:
    """Reads a descriptor in a thread, which works for pipes, terminals and files alike.

    The thread is a daemon: one that waits at a terminal must not hold up the end of the program.
    """

    def __init__(self, fd: int) -> None:
        """Start to read; `fd` is not closed at the end."""
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | OSError] = asyncio.Queue()  # bounded by `_free`
        self._free = threading.Semaphore(_N_WAITING)
        self._closed = False
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="standard input", daemon=True)
        self._thread.start()

    async def read(self) -> bytes:
        """The next bytes, at most 4096; none at the end.

        Raises:
            SourceError: reading failed.
        """
        data = await self._queue.get()
        self._free.release()
        if isinstance(data, OSError):
            raise SourceError(f"input cannot be read: {data.strerror or data}") from data
        return data

    def close(self) -> None:
        """Let the thread end, unless a terminal without `select` holds it.

        Waits for that: a thread that lives on could read from whatever gets the descriptor next.
        """
        self._closed = True
        self._free.release()
        os.close(self._wake_write)
        if sys.platform != "win32":
            self._thread.join(timeout=_CLOSING_S)

    def _run(self) -> None:
        data: bytes | OSError = b"-"
        try:
            while data and not isinstance(data, OSError):
                self._free.acquire()
                data = self._read_or_error()
                if self._closed:
                    return
                self._loop.call_soon_threadsafe(self._queue.put_nowait, data)
        except RuntimeError:
            logger.debug("the event loop ended before its input did")
        finally:
            os.close(self._wake_read)

    def _read_or_error(self) -> bytes | OSError:
        try:
            if sys.platform != "win32":  # select knows only sockets there
                ready, _, _ = select.select([self._fd, self._wake_read], [], [])
                if self._wake_read in ready:
                    return b""
            return os.read(self._fd, _READ_BYTES)
        except OSError as error:
            return error
