"""Evaluation of a translator on a test set, as numbers that a table can quote."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from app.evaluation.figures import Progress, spread
from engine.evaluation import SCHEDULES, Trace, score, trace_sentence
from engine.policies.config import PolicyConfig
from engine.stability import StabilityConfig
from engine.stability_control import make_dial
from engine.translator import Translator
from models.transcript import normalize_transcript

LENGTHS = (10, 20, 40, 60)
"""Source words at which the next class of lengths begins."""

_PERCENTILES = (50, 95)
_OTHER_SCHEDULE = {"words": "asr", "asr": "words"}


def system_name(translator: str, policy: PolicyConfig) -> str:
    """A translator and how it decodes, in short: `wait-3`, `reta beam=4 bias=0.5`."""
    if translator == "wait-k":
        return f"wait-{policy.wait}"
    default = dataclasses.asdict(PolicyConfig())
    settings = {key: getattr(policy, key) for key in default if key != "wait"}
    chosen = [
        key if value is True else f"{key}={value}"
        for key, value in settings.items()
        if value != default[key]
    ]
    return " ".join([translator, *chosen])


def evaluate_translation(
    translator: Translator,
    pairs: Sequence[Sequence[str]],
    *,
    schedule: str = "words",
    stability: StabilityConfig | None = None,
    spoken: bool = False,
    progress: Progress = lambda done: None,
) -> dict[str, Any]:
    """Translate (source, reference) pairs as they would be live, and score them.

    Args:
        translator: to be scored.
        pairs: of complete sentences.
        schedule: `words`, `asr` or `offline`.
        stability: rules of what is shown and committed; a budget of erasure is held over all
            sentences, as over those of a session.
        spoken: show sources as a recogniser writes them.
        progress: told the part that is done.

    Returns:
        The JSON object: quality, delay in source words, stability, computation in milliseconds.
        `finals_equal` is the share of sentences whose final text is the same under the schedules
        `words` and `asr`, null for `offline`.
    """

    dials = {name: make_dial(stability or StabilityConfig()) for name in SCHEDULES}

    def trace(pair: Sequence[str], schedule: str) -> Trace:
        source, reference = pair
        text = normalize_transcript(source, translator.source_lang) if spoken else source
        return trace_sentence(
            translator, text, reference, schedule=SCHEDULES[schedule], dial=dials[schedule]
        )

    translator.start().update(pairs[0][0], finished=True)  # a process's first takes the longest
    traces: list[Trace] = []
    n_equal = 0
    other = _OTHER_SCHEDULE.get(schedule)
    for index, pair in enumerate(pairs):
        traces.append(trace(pair, schedule))
        if other is not None:
            n_equal += traces[-1].final == trace(pair, other).final
        progress((index + 1) / len(pairs))
    return {
        "n_sentences": len(traces),
        "schedule": schedule,
        **figures(traces),
        "finals_equal": None if other is None else n_equal / len(traces),
        **_computation(traces),
    }


def figures(traces: Sequence[Trace]) -> dict[str, float]:
    """BLEU and chrF of the final texts (sacrebleu, cased, detokenised), delay and stability."""
    import sacrebleu

    finals = [" ".join(trace.final) for trace in traces]
    references = [[trace.reference for trace in traces]]
    return {
        "bleu": sacrebleu.corpus_bleu(finals, references).score,
        "chrf": sacrebleu.corpus_chrf(finals, references).score,
        **dataclasses.asdict(score(traces)),
    }


def _computation(traces: Sequence[Trace]) -> dict[str, Any]:
    """Milliseconds of every update, by the words read, and of every sentence, by its words."""
    updates = [
        (int(n_read), 1000 * spent_s)
        for trace in traces
        for (n_read, _), spent_s in zip(trace.revisions, trace.update_s, strict=True)
    ]
    sentences = [(len(trace.source.split()), 1000 * sum(trace.update_s)) for trace in traces]
    return {
        "ms_per_update": spread([ms for _, ms in updates], _PERCENTILES),
        "ms_per_sentence": spread([ms for _, ms in sentences], _PERCENTILES),
        "ms_per_update_by_source_length": _by_length(updates),
        "ms_per_sentence_by_source_length": _by_length(sentences),
    }


def _by_length(measured: Iterable[tuple[int, float]]) -> dict[str, dict[str, float]]:
    """The spread of what was measured in every class of source lengths that occurs."""
    starts = (1, *LENGTHS)
    names = [
        *(f"{low}-{high - 1}" for low, high in zip(starts, LENGTHS, strict=False)),
        f"{starts[-1]}+",
    ]
    classes: dict[str, list[float]] = {name: [] for name in names}
    for n_words, value in measured:
        classes[names[sum(n_words >= start for start in LENGTHS)]].append(value)
    return {
        name: {**spread(values, _PERCENTILES), "n": len(values)}
        for name, values in classes.items()
        if values
    }
