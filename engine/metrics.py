"""Metrics of live translation: how late words come, and how much is taken back.

Delays d_i count the source (words, or milliseconds of audio) read when target word i was written;
|X| is the length of the source, |Y| of the reference, |Ŷ| of the hypothesis. Elapsed times, delay
plus computation, go into the same functions. All are pure; nothing here knows a model.
"""

from collections.abc import Callable, Iterable, Sequence

from engine.captions import Caption
from engine.stability import common_prefix

Revision = tuple[float, Sequence[str]]
"""Source read, and the output then."""


def average_lagging(delays: Sequence[float], source_length: float, reference_length: int) -> float:
    """AL, arXiv 1810.08398: how far behind an ideal translator, up to the end of the source.

    1/τ Σ_{i ≤ τ} [d_i − (i − 1) |X| / |Y|], τ being the first i with d_i ≥ |X|.
    """
    _check(delays, source_length, reference_length)
    step = source_length / reference_length
    total = 0.0
    n = 0
    for n, delay in enumerate(delays, 1):
        total += delay - (n - 1) * step
        if delay >= source_length:
            break
    return total / n


def length_adaptive_average_lagging(
    delays: Sequence[float], source_length: float, reference_length: int
) -> float:
    """LAAL, arXiv 2206.05807: AL with max(|Y|, |Ŷ|), so that a long output is not rewarded."""
    return average_lagging(delays, source_length, max(reference_length, len(delays)))


def differentiable_average_lagging(delays: Sequence[float], source_length: float) -> float:
    """DAL, arXiv 1906.05218: AL over all words, each costing at least |X| / |Ŷ| of delay."""
    _check(delays, source_length, 1)
    step = source_length / len(delays)
    total = 0.0
    previous = 0.0
    for i, delay in enumerate(delays):
        previous = delay if i == 0 else max(delay, previous + step)
        total += previous - i * step
    return total / len(delays)


def average_proportion(
    delays: Sequence[float], source_length: float, reference_length: int
) -> float:
    """AP, arXiv 1606.02012: the share of the source read, averaged over target words."""
    _check(delays, source_length, reference_length)
    return sum(delays) / (source_length * reference_length)


def erasure(outputs: Iterable[Sequence[str]]) -> int:
    """Words deleted over successive outputs: previous length − common prefix, summed."""
    total = 0
    previous: Sequence[str] = ()
    for output in outputs:
        total += len(previous) - common_prefix(previous, output)
        previous = output
    return total


def normalized_erasure(segments: Iterable[Sequence[Sequence[str]]]) -> float:
    """NE, arXiv 1912.03393: total erasure ÷ total length of the final outputs.

    Without any final word the erased ones count as if one had stayed.

    Args:
        segments: for every segment its successive outputs, the final one last.
    """
    n_erased = n_final = 0
    for outputs in segments:
        n_erased += erasure(outputs)
        n_final += len(outputs[-1]) if outputs else 0
    return n_erased / max(1, n_final)


def caption_erasure(captions: Iterable[Caption]) -> float:
    """Normalized erasure of the target text shown in captions; segments without a final too."""
    return normalized_erasure(
        [caption.target.full.split() for caption in revisions]
        for revisions in _by_segment(captions)
    )


def revision_delays(revisions: Sequence[Revision]) -> list[float]:
    """Delays of an output that was revised.

    d_j is the source read at the first revision from which on the words 1 … j equal the final
    output's: the moment when a reader could trust word j and all before it.
    """
    if not revisions:
        return []
    final = revisions[-1][1]
    delays = [revisions[-1][0]] * len(final)
    n_stable = len(final)
    for read, output in reversed(revisions):
        n_stable = min(n_stable, common_prefix(output, final))
        delays[:n_stable] = [read] * n_stable
    return delays


def caption_delays(
    captions: Iterable[Caption], *, read: Callable[[Caption], float] | None = None
) -> list[list[float]]:
    """Delays of the target words of every final segment, in order.

    Args:
        captions: of one session, in order.
        read: what counts as delay of a caption; the milliseconds of source used, from the start
            of the segment, if left out. `emitted_s − start_s` gives elapsed times.
    """
    read = read or (lambda caption: 1000 * (caption.end_s - caption.start_s))
    return [
        revision_delays([(read(caption), caption.target.full.split()) for caption in revisions])
        for revisions in _by_segment(captions)
        if revisions[-1].final
    ]


def _by_segment(captions: Iterable[Caption]) -> list[list[Caption]]:
    segments: dict[tuple[str, int], list[Caption]] = {}
    for caption in captions:
        segments.setdefault((caption.session, caption.segment), []).append(caption)
    return list(segments.values())


def _check(delays: Sequence[float], source_length: float, reference_length: int) -> None:
    if not delays:
        raise ValueError("an output without words has no delay")
    if source_length <= 0 or reference_length < 1:
        raise ValueError(
            f"source length {source_length} and reference length {reference_length}"
            " must be positive"
        )
