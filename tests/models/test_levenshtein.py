"""Edits, against a slow obvious distance and against what they are for."""

from collections.abc import Sequence
from functools import cache

import torch
from hypothesis import given
from hypothesis import strategies as st

from models.levenshtein import (
    PLACEHOLDER,
    align,
    delete,
    edit_distance,
    fill,
    insert_placeholders,
    oracle_deletions,
    oracle_insertions,
)
from models.tokenizer import PAD_ID
from models.translation import pad

ROWS = st.lists(st.integers(4, 7), max_size=7)
PAIRS = st.lists(st.tuples(ROWS, ROWS), min_size=1, max_size=4)


def slow_distance(one: Sequence[int], two: Sequence[int]) -> int:
    """By the definition: insert, delete, or step over equal tokens."""

    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        edited = 1 + min(distance(i - 1, j), distance(i, j - 1))
        return min(edited, distance(i - 1, j - 1)) if one[i - 1] == two[j - 1] else edited

    return distance(len(one), len(two))


def rows(batch: torch.Tensor) -> list[list[int]]:
    return [[token for token in row if token != PAD_ID] for row in batch.tolist()]


@given(PAIRS)
def test_distances_are_those_of_the_definition(pairs: list[tuple[list[int], list[int]]]) -> None:
    tokens, targets = (pad(side)[0] for side in zip(*pairs, strict=True))
    expected = [slow_distance(one, two) for one, two in pairs]
    assert edit_distance(tokens, targets).tolist() == expected


@given(PAIRS)
def test_oracle_edits_lead_to_the_target_in_as_few_steps_as_there_are(
    pairs: list[tuple[list[int], list[int]]],
) -> None:
    tokens, targets = (pad(side)[0] for side in zip(*pairs, strict=True))
    alignment = align(tokens, targets)
    deleted = oracle_deletions(tokens, alignment)
    counts = oracle_insertions(alignment, targets)
    n_edits = deleted.sum(dim=1) + counts.sum(dim=1)
    assert n_edits.tolist() == edit_distance(tokens, targets).tolist()
    opened = insert_placeholders(delete(tokens, deleted), counts)
    assert (opened != PAD_ID).sum(dim=1).tolist() == [len(two) for _, two in pairs]
    assert rows(fill(opened, targets[:, : opened.shape[1]])) == [two for _, two in pairs]
    kept = (opened != PLACEHOLDER) & (opened != PAD_ID)
    assert opened[kept].tolist() == targets[:, : opened.shape[1]][kept].tolist()


@given(st.lists(st.tuples(ROWS, st.lists(st.booleans(), min_size=7, max_size=7)), min_size=1))
def test_deletion_keeps_the_rest_in_order(cases: list[tuple[list[int], list[bool]]]) -> None:
    tokens, _ = pad([row for row, _ in cases])
    deleted = torch.tensor([flags for _, flags in cases])[:, : tokens.shape[1]]
    expected = [
        [token for token, gone in zip(row, flags, strict=False) if not gone] for row, flags in cases
    ]
    left = delete(tokens, deleted)
    assert rows(left) == expected
    assert left.shape[1] == max(map(len, expected))


@given(st.lists(st.tuples(ROWS, st.lists(st.integers(0, 3), min_size=8, max_size=8)), min_size=1))
def test_placeholders_open_in_the_gaps(cases: list[tuple[list[int], list[int]]]) -> None:
    tokens, _ = pad([row for row, _ in cases])
    opened = insert_placeholders(tokens, torch.tensor([counts for _, counts in cases]))
    expected = []
    for row, counts in cases:
        out = [PLACEHOLDER] * counts[0]
        for token, count in zip(row, counts[1:], strict=False):
            out += [token, *[PLACEHOLDER] * count]
        expected.append(out)
    assert rows(opened) == expected


def test_a_substitution_is_a_deletion_and_an_insertion() -> None:
    tokens, targets = torch.tensor([[4, 5, 6]]), torch.tensor([[4, 7, 6]])
    assert edit_distance(tokens, targets).tolist() == [2]
    alignment = align(tokens, targets)
    assert oracle_deletions(tokens, alignment).tolist() == [[False, True, False]]
    assert oracle_insertions(alignment, targets).tolist() == [[0, 1, 0, 0]]


def test_of_two_equal_tokens_the_first_is_kept() -> None:
    assert align(torch.tensor([[5, 5, 6]]), torch.tensor([[5, 6]])).tolist() == [[0, -1, 1]]
