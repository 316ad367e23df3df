"""Which labels are worth a look, given the source: a lexical shortlist; no torch is imported here.

A projection to the whole vocabulary is the largest product of a small network, and nearly all of
its labels have nothing to do with what was said. A table made of parallel text says which ones
may come of which source token (vocabulary selection: L'Hostis et al. 2016, arXiv 1610.00072).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from models.errors import CheckpointError
from models.slot_search import N_LIKELY

SHORTLIST_FILE = "shortlist.safetensors"

_N_BEFORE = 7
"""Source tokens in front of a window whose labels are looked at, too: German verbs come late."""


class Shortlist:
    """Labels by source token.

    Args:
        common: labels that are always looked at, the blank among them.
        labels: those of source token 0, then those of token 1, and so on.
        ends: (vocabulary,) where in `labels` those of each token end.
    """

    def __init__(
        self, common: NDArray[np.uint16], labels: NDArray[np.uint16], ends: NDArray[np.uint32]
    ) -> None:
        self._arrays: dict[str, NDArray[Any]] = {"common": common, "labels": labels, "ends": ends}
        self._common = np.zeros(len(ends), np.bool_)
        self._common[common] = True
        self._of_token = np.split(labels.astype(np.int64), ends[:-1])

    @classmethod
    def load(cls, path: Path) -> "Shortlist":
        """Read what `save` wrote.

        Raises:
            CheckpointError: the file is missing, damaged, or another one.
        """
        try:
            arrays = load_file(path)
            shortlist = cls(arrays["common"], arrays["labels"], arrays["ends"])
        except FileNotFoundError as error:
            raise CheckpointError(f"{path}: is missing") from error
        except (OSError, SafetensorError, KeyError, IndexError) as error:
            raise CheckpointError(f"{path}: not a shortlist, or damaged ({error})") from error
        return shortlist

    @classmethod
    def find(cls, directory: Path, vocab_size: int) -> "Shortlist | None":
        """The shortlist in a checkpoint folder; None if there is none.

        Raises:
            CheckpointError: the file is damaged, or was made for another vocabulary.
        """
        path = directory / SHORTLIST_FILE
        if not path.exists():
            return None
        shortlist = cls.load(path)
        labels = shortlist._arrays["labels"]
        if len(shortlist._of_token) != vocab_size or labels.max(initial=0) >= vocab_size:
            raise CheckpointError(f"{path}: was made for another tokeniser")
        if shortlist._common.sum() < N_LIKELY:
            raise CheckpointError(f"{path}: has fewer than {N_LIKELY} labels for every source")
        return shortlist

    def save(self, path: Path) -> None:
        """Write one file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(self._arrays, path)

    def select(self, source: Sequence[int], first: int) -> NDArray[np.int64]:
        """The labels of a window, in order: (n,).

        Args:
            source: token ids up to the end of the window.
            first: the first of them whose slots are filled.
        """
        chosen = self._common.copy()
        for token in source[max(0, first - _N_BEFORE) :]:
            chosen[self._of_token[token]] = True
        return np.flatnonzero(chosen)
