"""What the models cost, stage by stage: they are timed where they are called."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.server.stats import Histogram
from engine.audio import AudioChunk
from engine.multilingual import SpokenSource, start_for
from engine.source import SourcePrefix, SourceReader, StretchableReader
from engine.translator import Context, Hypothesis, Translator, TranslatorSession


class MeteredReader:
    """A reader whose work is counted, and that tells how far it is."""

    def __init__(
        self, reader: SourceReader[AudioChunk], spent: Histogram, told: Callable[[float], None]
    ) -> None:
        """Count the seconds of every call of `reader`; `told` hears up to where it has read."""
        self._reader = reader
        self._spent = spent
        self._told = told

    def accept(self, item: AudioChunk) -> list[SourcePrefix]:
        """Read the next chunk."""
        with _counting(self._spent):
            prefixes = self._reader.accept(item)
        self._told(item.end_s)
        return prefixes

    def finish(self) -> list[SourcePrefix]:
        """Finish the reader."""
        with _counting(self._spent):
            return self._reader.finish()

    def stretch(self, factor: int) -> None:
        """Make the steps of the reader longer, if it has any."""
        if isinstance(self._reader, StretchableReader):
            self._reader.stretch(factor)


class MeteredTranslator:
    """A translator whose work is counted."""

    def __init__(self, translator: Translator, spent: Histogram) -> None:
        """Count the seconds of every update of a session of `translator`."""
        self._translator = translator
        self._spent = spent

    @property
    def source_lang(self) -> str:
        """ISO 639-1 code of the language it reads."""
        return self._translator.source_lang

    @property
    def target_lang(self) -> str:
        """ISO 639-1 code of the language it writes."""
        return self._translator.target_lang

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _MeteredSession(self._translator.start(), self._spent)

    def follow(self, source: SpokenSource, context: Context | None = None) -> TranslatorSession:
        """A session for a source segment, whatever the translator has to know of it."""
        return _MeteredSession(start_for(self._translator, source, context), self._spent)


class _MeteredSession:
    def __init__(self, session: TranslatorSession, spent: Histogram) -> None:
        self._session = session
        self._spent = spent

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        with _counting(self._spent):
            return self._session.update(source_prefix, finished=finished, committed=committed)


@contextmanager
def _counting(spent: Histogram) -> Iterator[None]:
    begin, processor_begin = time.perf_counter(), time.thread_time()
    yield  # what fails is not counted
    spent.add(time.perf_counter() - begin, time.thread_time() - processor_begin)
