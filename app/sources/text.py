"""Text from standard input, a pipe, a file or a terminal, as it arrives."""

import codecs
import logging
from collections.abc import AsyncIterator
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

from app.sources.descriptor import DescriptorReader, standard_input
from app.sources.errors import OnceLogger
from app.sources.keyboard import END_OF_INPUT, as_typed

if TYPE_CHECKING:
    from typing_extensions import Buffer  # in collections.abc from Python 3.12 on

logger = logging.getLogger(__name__)


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
    fd = standard_input() if fd is None else fd
    warnings = OnceLogger(logger)
    decoder = Utf8Decoder()
    with (
        as_typed(fd) if by_key else nullcontext(False) as keys,
        closing(DescriptorReader(fd)) as reader,
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
