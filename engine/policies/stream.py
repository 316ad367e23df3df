"""FReTNA's `stream` form: an update fills the slots of a window anew; see `models.stream_fretna`.

The path to the left of the window is settled. Within it, committed words are a forced prefix.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.policies.slots import PathReader, SlotTranslator
from engine.stability import common_prefix
from engine.translator import Hypothesis, TranslatorSession
from models.ctc_paths import BLANK_ID, align_prefix, collapse
from models.slot_search import Slots, SlotSearch
from models.tokenizer import Tokenizer
from models.translator_config import TranslatorConfig, source_ids


class SlotWindow(Protocol):
    """The slots of one growing source; a network on some engine fills them."""

    def read(self, source: Sequence[int], n_known: int) -> tuple[int, Slots]:
        """Read the source, fill the slots of the window.

        Args:
            source: all of it, which is not empty.
            n_known: how many of its tokens are as in the call before.

        Returns:
            The first slot of the window, and what its slots are likely to be.

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        ...

    def logits(self) -> NDArray[np.float32]:
        """Logits of the slots that were filled last: (slots, vocabulary)."""
        ...


class StreamFretnaTranslator(SlotTranslator):
    """Fills the slots behind what is settled.

    Args:
        config: of the model.
        tokenizer: of the model.
        open_window: makes the slots of a new source.
        search: for paths of whole words; without one, each slot takes its best label.
    """

    def __init__(
        self,
        config: TranslatorConfig,
        tokenizer: Tokenizer,
        open_window: Callable[[], SlotWindow],
        search: SlotSearch | None = None,
    ) -> None:
        super().__init__(config, tokenizer)
        self.open_window = open_window
        self._search = search

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _StreamSession(self)

    def best_path(self, slots: Slots, settled: Sequence[int]) -> list[int]:
        """A label for each slot, behind those of the slots before."""
        if self._search is not None:
            return self._search.best_path(slots, settled)
        labels: list[int] = slots.labels[:, 0].tolist()
        return labels


class _StreamSession:
    """The source, and a label for each of its slots."""

    def __init__(self, translator: StreamFretnaTranslator) -> None:
        self._translator = translator
        self._window = translator.open_window()
        self._source: list[int] = []
        self._path: list[int] = []
        self._reader = PathReader(translator)

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        """Fill the window; committed words stay."""
        translator = self._translator
        tokens = translator.tokenizer.encode(source_prefix)
        if not tokens:
            return Hypothesis(words=committed, n_fixed=len(committed))
        source = source_ids(tokens, finished=finished)
        start, slots = self._window.read(source, common_prefix(self._source, source))
        self._source = source
        previous, settled = self._path, self._path[:start]
        self._path = settled + translator.best_path(slots, settled)
        words = self._reader.words(self._path, start)
        if words[: len(committed)] != committed:
            self._force(committed, previous, settled, slots)
            return translator.hypothesis(collapse(self._path), committed)
        return Hypothesis(words=words, n_fixed=len(committed))

    def _force(
        self,
        committed: tuple[str, ...],
        previous: Sequence[int],
        settled: list[int],
        slots: Slots,
    ) -> None:
        """Make the window's path say what is committed, as far as there is room for it."""
        translator = self._translator
        forced = translator.committed_tokens(committed, collapse(previous))
        if forced is None:
            forced = translator.word_tokens(committed)
        logits = self._window.logits()
        # The slot before the window takes part: its label must not be repeated by mistake.
        before = np.full((1, logits.shape[1]), -np.inf, np.float32)
        last = settled[-1] if settled else BLANK_ID
        before[0, last] = 0.0
        begun = [last] if last != BLANK_ID else []
        forced = begun + forced[len(collapse(settled)) :]
        try:
            aligned = align_prefix(np.concatenate((before, logits)), forced)[1:]
        except ValueError:  # the source shrank: it has no room for all that was committed
            return
        begun = settled + aligned
        self._path = begun + translator.best_path(slots.behind(len(aligned)), begun)
