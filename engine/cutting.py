"""Cutting: where a source that is too long to translate as one becomes two caption segments."""

import math
from collections.abc import Sequence

_SENTENCE_ENDS = ".?!…。？！"
_CLAUSE_ENDS = ",;:،、—–"
_CLOSERS = "\"'”’»)]"


def cut_point(
    words: Sequence[str], n_committed: int, n_shown: int, *, finished: bool, limit: int
) -> int:
    """After how many words a long part is cut; 0 leaves it whole.

    A cut lies in committed text, not before what is shown as committed, and leaves words behind
    it. Beyond half the limit a sentence end is reason enough; beyond the limit the part is cut at
    the best place: a sentence end, a clause end or any word, nearest to an even division of a
    finished segment and to the limit otherwise. While less than a quarter of the limit is
    committed, the cut waits.
    """
    n_pieces = math.ceil(len(words) / limit)
    aim = math.ceil(len(words) / n_pieces) if finished and words else limit
    places = range(max(n_shown, 1), min(n_committed, limit, len(words) - 1) + 1)
    if len(words) <= limit:
        ends = [n for n in places if n > limit // 2 and ending(words[n - 1]) == 2]
        return ends[-1] if ends and not finished else 0
    if not places or (n_committed < limit // 4 and not finished):
        return 0
    return max(
        places,
        key=lambda n: (ending(words[n - 1]) if 2 * n >= aim else -1, -abs(n - aim)),
    )


def ending(word: str) -> int:
    """2 if a sentence ends with this word, 1 if a clause does, 0 otherwise."""
    last = word.rstrip(_CLOSERS)[-1:]
    if not last:
        return 0
    return 2 if last in _SENTENCE_ENDS else int(last in _CLAUSE_ENDS)
