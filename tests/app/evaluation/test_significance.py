"""Paired bootstrap over translations of the same sentences."""

from app.evaluation.significance import compare

REFERENCES = [f"Haus Nummer {n} steht am Fluss und ist alt" for n in range(40)]
WORSE = [text.replace("am Fluss", "im Wald") for text in REFERENCES]


def test_a_better_system_is_told_from_a_worse_one() -> None:
    comparison = compare(WORSE, REFERENCES, REFERENCES, n_samples=200)
    assert comparison.bleu > comparison.bleu_baseline
    assert comparison.p < 0.05


def test_a_difference_in_a_single_sentence_may_be_chance() -> None:
    almost = [WORSE[0], *REFERENCES[1:]]
    comparison = compare(almost, REFERENCES, REFERENCES, n_samples=200)
    assert comparison.bleu > comparison.bleu_baseline
    assert comparison.p > 0.05
