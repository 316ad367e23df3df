"""Writing with drafts: what an autoregressive model would write, in fewer passes; no torch here.

A *draft* is a guess at what comes next. The model reads it in one pass, keeps the beginning that
it would have written itself, and corrects the token behind it (aggressive decoding, arXiv
2205.10350; with the previous output of a re-translator as draft: SSBD, arXiv 2509.21740). The
output is the same with any draft; a good one saves passes.
"""

from collections.abc import Callable, Sequence

from models.tokenizer import EOS_ID

Proposal = Callable[[Sequence[int]], Sequence[int]]
"""Tokens written so far → a draft of what follows; empty: one token at a time."""

Choice = Callable[[Sequence[int]], Sequence[int]]
"""A draft → the model's token after what is written, and after each draft token."""

_LONGEST_MATCH = 4


def speculate(
    written: list[int], choose: Choice, *, limit: int, propose: Proposal | None = None
) -> None:
    """Write greedily until the model ends or the limit is reached.

    Args:
        written: the beginning of the output, extended in place; `choose` sees it, too.
        choose: one pass of the model.
        limit: most tokens of the output.
        propose: asked for a draft before each pass; None: none.
    """
    window = limit
    while len(written) < limit:
        draft = list(propose(written)) if propose else []
        draft = draft[: min(window, limit - len(written) - 1)]
        chosen = choose(draft)
        n_agreed = common_length(draft, chosen)
        written += draft[:n_agreed]
        window = 2 * n_agreed + 3  # what was read in vain costs time: trust as much as was earned
        if chosen[n_agreed] == EOS_ID:
            break
        written.append(chosen[n_agreed])


def follow(draft: Sequence[int], written: Sequence[int]) -> Sequence[int]:
    """The rest of a draft that begins with what was written; empty if it does not."""
    n = len(written)
    return draft[n:] if list(draft[:n]) == list(written) else ()


def rejoin(draft: Sequence[int], written: Sequence[int]) -> Sequence[int]:
    """The rest of a draft behind the place that looks most like the end of what was written.

    A translation that leaves its predecessor often comes back to it a few words later. The place
    is where most tokens match, four at most; of several, the nearest to where the draft would be
    if it had never been left. Empty if the last token does not occur.
    """
    n = len(written)
    tail = written[-_LONGEST_MATCH:][::-1]
    best, place = (0, 0), len(draft)
    for end in range(1, len(draft) + 1):
        n_same = common_length(draft[max(0, end - _LONGEST_MATCH) : end][::-1], tail)
        if n_same and (n_same, -abs(end - n)) > best:
            best, place = (n_same, -abs(end - n)), end
    return draft[place:]


def common_length(one: Sequence[int], two: Sequence[int]) -> int:
    """How many tokens both begin with."""
    n = 0
    while n < min(len(one), len(two)) and one[n] == two[n]:
        n += 1
    return n
