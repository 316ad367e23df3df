"""Is one system better than another on the same sentences? Paired bootstrap, by sacrebleu."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Corpus BLEU of two systems (cased, detokenised)."""

    bleu_baseline: float
    bleu: float
    p: float
    """How often chance alone makes a difference of this size (Koehn 2004), both ways."""
    n_samples: int


def compare(
    baseline: Sequence[str],
    system: Sequence[str],
    references: Sequence[str],
    *,
    n_samples: int = 1000,
) -> Comparison:
    """Compare translations of the same sentences, in the same order.

    sacrebleu draws the same samples for the same number of sentences, unless SACREBLEU_SEED says
    otherwise.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.significance import PairedTest

    test = PairedTest(
        [("baseline", baseline), ("system", system)],
        {"bleu": BLEU(references=[references])},
        None,
        test_type="bs",
        n_samples=n_samples,
    )
    _, scores = test()
    first, second = (result for result in scores["BLEU"] if not isinstance(result, str))
    return Comparison(
        bleu_baseline=first.score, bleu=second.score, p=second.p_value or 0.0, n_samples=n_samples
    )
