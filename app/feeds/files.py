"""Caption files, written while the session runs.

What a caption adds to a file is one write, so that whatever ends the program leaves a file that
can be read. When the disk is full the file stays whole; what could not be written waits in memory
and is tried again with the next caption, and the session goes on.
"""

import contextlib
import logging
import os
import sys
from collections import deque
from pathlib import Path
from typing import Protocol

from engine.captions import Caption
from engine.subtitles import Format, SubtitleWriter

logger = logging.getLogger(__name__)

MAX_WAITING = 100_000
"""Pieces that wait for room on the disk: hours of captions, some tens of megabytes."""


class OutputError(OSError):
    """A file that was asked for cannot be made."""


class CaptionSink(Protocol):
    """Where captions are written, all of them and in order."""

    def write(self, caption: Caption) -> bool:
        """Write a caption, or keep it for later; False if nobody wants any more."""
        ...

    def close(self) -> bool:
        """Write what is left and close; False if something could not be written."""
        ...


class GrowingFile:
    """A file to which whole pieces are appended, each completely or not at all."""

    def __init__(self, path: Path) -> None:
        """Make the file anew.

        Raises:
            OutputError: it cannot be made.
        """
        self._path = path
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from error
        self._length = 0
        self._waiting: deque[bytes] = deque()
        self._n_lost = 0
        self._failing = False

    def append(self, piece: str) -> None:
        """Add a piece, behind those that wait."""
        if not piece:
            return
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(piece.encode("utf-8", "replace"))
        else:
            self._n_lost += 1
        self._flush()

    def close(self) -> bool:
        """Try once more to write what waits, and close; False if something is lost."""
        self._flush()
        os.close(self._fd)
        n_lost = self._n_lost + len(self._waiting)
        if n_lost:
            logger.error("%s is incomplete: %s captions are missing at its end", self._path, n_lost)
        return not n_lost

    def _flush(self) -> None:
        while self._waiting:
            try:
                self._write(self._waiting[0])
            except OSError as error:
                if not self._failing:
                    reason = error.strerror
                    logger.error("cannot write %s: %s; going on without", self._path, reason)
                self._failing = True
                return
            self._waiting.popleft()
            if self._failing:
                logger.warning("%s is written again", self._path)
                self._failing = False

    def _write(self, piece: bytes) -> None:
        n_written = 0
        try:
            while n_written < len(piece):
                n_written += os.write(self._fd, piece[n_written:])
        except OSError:
            with contextlib.suppress(OSError):  # a pipe cannot be cut
                os.ftruncate(self._fd, self._length)
                os.lseek(self._fd, self._length, os.SEEK_SET)
            raise
        self._length += len(piece)


class JsonLines:
    """Every caption as one line of JSON, in the detail form where asked for."""

    def __init__(self, path: Path, *, detail: bool = False) -> None:
        """Make the file anew; raises OutputError."""
        self._file = GrowingFile(path)
        self._detail = detail

    def write(self, caption: Caption) -> bool:
        """Add a line."""
        self._file.append(caption.to_json(detail=self._detail) + "\n")
        return True

    def close(self) -> bool:
        """Close the file; False if lines are lost."""
        return self._file.close()


class Subtitles:
    """Finals as subtitles; the newest cue is written when the next one is known, or at the end."""

    def __init__(self, path: Path, form: Format) -> None:
        """Make the file anew; raises OutputError."""
        self._file = GrowingFile(path)
        self._writer = SubtitleWriter(form)

    def write(self, caption: Caption) -> bool:
        """Add what the caption completes."""
        self._file.append(self._writer.write(caption))
        return True

    def close(self) -> bool:
        """Add the last cue and close the file; False if cues are lost."""
        self._file.append(self._writer.close())
        return self._file.close()


class StandardOutput:
    """Every caption as one line of JSON on standard output, in the detail form where asked for."""

    def __init__(self, *, detail: bool = False) -> None:
        """Start."""
        self._detail = detail
        self._reader_gone = False
        self._failed = False

    def write(self, caption: Caption) -> bool:
        """Write a line at once; False when nobody reads any more.

        After any other error nothing more is written: where a line broke off is not known.
        """
        if self._failed:
            return not self._reader_gone
        try:
            line = caption.to_json(detail=self._detail) + "\n"
            sys.stdout.buffer.write(line.encode("utf-8", "replace"))
            sys.stdout.buffer.flush()
        except OSError as error:
            self._failed = True
            self._reader_gone = isinstance(error, BrokenPipeError)
            if not self._reader_gone:
                reason = error.strerror
                logger.error("cannot write standard output: %s; going on without", reason)
            silence_standard_output()
        return not self._reader_gone

    def close(self) -> bool:
        """Nothing is left to do; False if lines are lost."""
        return self._reader_gone or not self._failed


def silence_standard_output() -> None:
    """Send what is still buffered to nowhere: Python would complain about it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
