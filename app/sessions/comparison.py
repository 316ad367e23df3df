"""Two runs of one session side by side: rows of text, and figures."""

import dataclasses
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.captions import Caption
from engine.metrics import caption_erasure

_OVERLAP_S = 0.1
"""Segments that share no more than this belong to different rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was said in one stretch of a session, and what either run made of it."""

    start_s: float
    source: str
    before: str
    now: str


def figures(captions: Sequence[Caption]) -> dict[str, float | int | None]:
    """Words, normalized erasure, and mean delay in seconds of the words of a run."""
    finals = [caption for caption in captions if caption.final]
    delays = [word.delay_s for caption in finals for word in caption.words]
    return {
        "n_words": sum(len(caption.target.full.split()) for caption in finals),
        "normalized_erasure": caption_erasure(captions),
        "delay_s": sum(delays) / len(delays) if delays else None,
    }


def bleu(rows: Sequence[Row]) -> float | None:
    """BLEU of what is made now, with what was made before as the reference.

    None without sacrebleu, which the extra `eval` brings.
    """
    try:
        import sacrebleu
    except ImportError:
        return None
    score: float = sacrebleu.corpus_bleu(
        [row.now for row in rows], [[row.before for row in rows]]
    ).score
    return score


def align(before: Sequence[Caption], now: Sequence[Caption]) -> list[Row]:
    """Rows of the finals of two runs that belong together; each final is in one row.

    The same segments belong together one by one; others, those that overlap in time.
    """
    finals = [[c for c in captions if c.final] for captions in (before, now)]
    heard = [[c.source.full for c in captions] for captions in finals]
    if heard[0] == heard[1]:
        return [_row([one], [other]) for one, other in zip(*finals, strict=True)]
    queues = [deque(captions) for captions in finals]
    rows = []
    while any(queues):
        first = min((queue[0] for queue in queues if queue), key=lambda c: c.start_s)
        rows.append(_row(*_take_overlapping(queues, first)))
    return rows


def _take_overlapping(queues: Sequence[deque[Caption]], first: Caption) -> list[list[Caption]]:
    """Take the first final, what overlaps with it, what overlaps with that, and so on."""
    end_s = first.end_s
    taken: list[list[Caption]] = [[] for _ in queues]
    n_taken = -1
    while n_taken < sum(map(len, taken)):
        n_taken = sum(map(len, taken))
        for queue, own in zip(queues, taken, strict=True):
            while queue and (queue[0] is first or queue[0].start_s < end_s - _OVERLAP_S):
                own.append(queue.popleft())
                end_s = max(end_s, own[-1].end_s)
    return taken


def _row(before: Sequence[Caption], now: Sequence[Caption]) -> Row:
    return Row(
        start_s=min(c.start_s for c in (*before, *now)),
        source=" ".join(c.source.full for c in now or before),
        before=" ".join(c.target.full for c in before),
        now=" ".join(c.target.full for c in now),
    )


def compare(runs: Mapping[str, Sequence[Caption]]) -> dict[str, Any]:
    """The comparison of two runs, the earlier one first, as a JSON object."""
    before, now = runs.values()
    rows = align(before, now)
    return {
        "runs": [{"system": name, **figures(captions)} for name, captions in runs.items()],
        "bleu_against_the_first": bleu(rows),
        "rows": [dataclasses.asdict(row) for row in rows],
    }
