"""Text from standard input, a pipe, a file or a terminal, as it arrives."""

import asyncio
import codecs
import logging
import os
import select
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

from app.sources.errors import OnceLogger, SourceError
from app.sources.keyboard import END_OF_INPUT, as_typed

if TYPE_CHECKING:
    from typing_extensions import Buffer  # in collections.abc from Python 3.12 on

logger = logging.getLogger(__name__)

_READ_BYTES = 4096
_CLOSING_S = 1.0  # select wakes at once; only a read that blocks after all takes longer
_N_WAITING = 4  # reads that wait for the consumer before reading pauses


class Utf8Decoder(codecs.BufferedIncrementalDecoder):
    """Decodes UTF-8 piece by piece; bytes that are not UTF-8 become U+FFFD and are counted."""

    def __init__(self) -> None:
        """Start a stream."""
        super().__init__("strict")
        self.n_invalid = 0
        """Calls of `decode` that met bytes which are not UTF-8."""

    def _buffer_decode(self, data: "Buffer", errors: str, final: bool) -> tuple[str, int]:
        try:
            return codecs.utf_8_decode(data, errors, final)
        except UnicodeDecodeError:
            self.n_invalid += 1
            return codecs.utf_8_decode(data, "replace", final)


async def read_text(fd: int | None = None, *, by_key: bool = False) -> AsyncIterator[str]:
    """Give what is typed or piped in, in pieces of at most 4096 bytes, as soon as it is there.

    A line may be of any length. Bytes that are not UTF-8 become U+FFFD, with one warning, and the
    stream goes on.

    Args:
        fd: file descriptor to read; standard input without. It is not closed.
        by_key: take the keys of a terminal as they are pressed, without an echo.

    Raises:
        SourceError: standard input is closed, or reading failed.
    """
    fd = _standard_input() if fd is None else fd
    warnings = OnceLogger(logger)
    decoder = Utf8Decoder()
    with (
        as_typed(fd) if by_key else nullcontext(False) as keys,
        closing(_ThreadReader(fd)) as reader,
    ):
        while True:
            data = await reader.read()
            if keys and END_OF_INPUT in data:
                data = b""
            text = decoder.decode(data, final=not data)
            if decoder.n_invalid:
                warnings.warn("input is not all UTF-8; what is not is shown as \ufffd")
            if text:
                yield text
            if not data:
                return


def _standard_input() -> int:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError) as error:
        raise SourceError("standard input is closed; there is no text to read") from error


class _ThreadReader:
    """Reads a descriptor in a thread, which works for pipes, terminals and files alike.

    The thread is a daemon: one that waits at a terminal must not hold up the end of the program.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | OSError] = asyncio.Queue()  # bounded by `_free`
        self._free = threading.Semaphore(_N_WAITING)
        self._closed = False
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="text source", daemon=True)
        self._thread.start()

    async def read(self) -> bytes:
        """The next bytes; none at the end."""
        data = await self._queue.get()
        self._free.release()
        if isinstance(data, OSError):
            raise SourceError(f"text cannot be read: {data.strerror or data}") from data
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
            logger.debug("the event loop ended before the text did")
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
