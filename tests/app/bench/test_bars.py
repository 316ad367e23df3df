"""The table of what was promised and what was measured."""

from typing import Any

from app.bench.bars import rows

RATIOS = {
    "rounds": {
        "eager": {
            "reta_over_fretna": [20.0],
            "waitk_over_fretna": [1.6, 1.4, 1.3],
            "reta_6_6_over_fretna": [40.0],
            "reta_6_1_over_fretna": [15.0],
            "reta_speculative_over_fretna": [8.0],
            "reta_over_lossless": [2.5],
        },
        "optimised": {
            "reta_over_fretna": [9.9],
            "waitk_over_fretna": [1.6],
            "best_ar_over_fretna": [2.9],
            "reta_6_6_over_fretna": [20.0],
            "reta_6_1_over_fretna": [7.0],
            "reta_speculative_over_fretna": [2.9],
            "reta_over_lossless": [1.1],
        },
    },
    "summary": {"update_cost_60_over_10": 1.5},
}


def comparison(baseline: str, bleu_baseline: float, bleu: float, p: float) -> dict[str, Any]:
    return {
        "baseline": baseline,
        "system": "fretna budget=0.2",
        "bleu_baseline": bleu_baseline,
        "bleu": bleu,
        "p": p,
        "al_baseline": 2.0,
        "al": 1.5,
    }


def quality(**changes: Any) -> dict[str, Any]:
    return {
        "set": "test/tatoeba.en-de.tsv.gz",
        "points": [{"system": "fretna budget=0", "ne": 0.0, "al": 2.0, "bleu": 20.0}],
        "curves": {"fretna, budget": ["fretna budget=0"]},
        "systems": [
            {"system": "reta", "schedule": "offline", "bleu": 36.0, "ne": 0.0},
            {"system": "fretna budget=0.2", "schedule": "words", "bleu": 21.0, "ne": 0.21},
        ],
        "comparisons": [],
        "lossless": {"identical": 1.0, "n_sentences": 100},
        **changes,
    }


def test_ratios_are_held_against_their_bars() -> None:
    found = list(rows(RATIOS, []))
    reached = {row.claim: row.reached for row in found if row.reached is not None}
    assert list(reached.values()) == [True, False, False, True, False, True, True]
    assert sum(row.claim.startswith("…") for row in found) == 7  # told beside, without a bar
    assert found[2].figure == "1.40 (1.30–1.60)"


def test_a_bar_that_is_not_reached_comes_with_a_reason() -> None:
    for row in rows(RATIOS, [quality()]):
        assert bool(row.cells()[-1]) == (row.reached is False)


def test_quality_has_to_be_near_reta_and_above_wait_k() -> None:
    good = quality(
        comparisons=[comparison("reta", 22.0, 21.0, 0.01), comparison("wait-2", 20.0, 21.0, 0.04)]
    )
    found = [row for row in rows(None, [good]) if "BLEU of" in row.claim]
    assert [row.reached for row in found] == [True, True]
    bad = quality(
        comparisons=[comparison("reta", 22.1, 21.0, 0.01), comparison("wait-2", 20.0, 21.0, 0.06)]
    )
    found = [row for row in rows(None, [bad]) if "BLEU of" in row.claim]
    assert [row.reached for row in found] == [False, False]


def test_only_sets_with_a_bar_for_the_teacher_have_its_row() -> None:
    other = quality(set="dev/bcontrast.en-de.tsv.gz")
    claims = [row.claim for row in rows(None, [quality(), other]) if "teacher" in row.claim]
    assert claims == ["tatoeba (test): teacher, whole sentences"]
