import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import CheckpointError
from models.ngram import START, NgramBias, NgramModel, State
from models.owsm_ctc.prefix_search import beam_search
from models.training.ngram import train_ngram

VOCABULARY = ("<unk>", "<s>", "</s>", "▁a", "b", "▁c", "d", "▁never")
TEXT_PIECES = (0, 3, 4, 5, 6, 7)
Pieces = Sequence[int]

TOKENS = ("<blank>", "<unk>", "<eng>", *VOCABULARY[3:], "<sos>")

sentences = st.lists(st.sampled_from((3, 4, 5, 6)), min_size=1, max_size=8)
texts = st.lists(sentences, min_size=1, max_size=12)
contexts = st.lists(st.sampled_from(TEXT_PIECES), max_size=7)


def state_after(model: NgramModel, context: Pieces, *, sentence: bool = False) -> State:
    state = model.start(sentence=sentence)
    for piece in context:
        state, _ = model.extend(state, piece)
    return state


class SlowKneserNey:
    """The same estimate from dictionaries of tuples, by the text-book's recursion."""

    def __init__(self, text: Sequence[Pieces], min_counts: Sequence[int]) -> None:
        self.order = len(min_counts)
        rows = [(START, *sentence) for sentence in text]
        grams = [
            row[i : i + n]
            for row in rows
            for n in range(1, self.order + 1)
            for i in range(len(row) - n + 1)
        ]
        self.raw = Counter(grams)
        self.min_counts = min_counts
        self.adjusted: dict[tuple[int, ...], int] = {}
        for gram, count in self.raw.items():
            in_front = sum(longer[1:] == gram for longer in self.raw if len(longer) > 1)
            self.adjusted[gram] = in_front if in_front and len(gram) < self.order else count
        self.adjusted.pop((START,))
        self.discounts = {n: self._discounts(n) for n in range(1, self.order + 1)}

    def _discounts(self, n: int) -> tuple[float, ...]:
        found = Counter(count for gram, count in self.adjusted.items() if len(gram) == n)
        if not all(found[c] for c in (1, 2, 3, 4)):
            return (0.5, 0.75, 1.0)
        y = found[1] / (found[1] + 2 * found[2])
        wanted = [c - (c + 1) * y * found[c + 1] / found[c] for c in (1, 2, 3)]
        return tuple(np.clip(wanted, 0.1, (0.9, 1.8, 2.7)).tolist())

    def probability(self, context: tuple[int, ...], piece: int) -> float:
        if len(context) >= self.order:
            return self.probability(context[1:], piece)
        following = {
            gram[-1]: count
            for gram, count in self.adjusted.items()
            if len(gram) == len(context) + 1 and gram[:-1] == context
        }
        n = len(context) + 1
        kept = {
            last: count - self.discounts[n][min(count, 3) - 1]
            for last, count in following.items()
            if n == 1 or self.raw[(*context, last)] >= self.min_counts[n - 1]
        }
        total = sum(following.values())
        shorter = self.probability(context[1:], piece) if context else 1 / len(TEXT_PIECES)
        if not total:
            return shorter
        return kept.get(piece, 0.0) / total + (1 - sum(kept.values()) / total) * shorter


@given(texts, contexts, st.booleans())
def test_probabilities_of_the_next_piece_sum_to_one(
    text: list[list[int]], context: list[int], sentence: bool
) -> None:
    model = train_ngram(text, VOCABULARY, min_counts=(1, 1, 2, 2))
    state = state_after(model, context, sentence=sentence)
    total = sum(math.exp(model.extend(state, piece)[1]) for piece in TEXT_PIECES)
    assert total == pytest.approx(1.0, abs=1e-5)


@given(texts, contexts, st.sampled_from([(1, 1, 1), (1, 2, 2), (1, 1, 2, 3), (1,)]))
def test_probabilities_are_those_of_a_slow_obvious_version(
    text: list[list[int]], context: list[int], min_counts: tuple[int, ...]
) -> None:
    model = train_ngram(text, VOCABULARY, min_counts=min_counts)
    slow = SlowKneserNey(text, min_counts)
    for start in ((), (START,)):
        state = state_after(model, context, sentence=bool(start))
        for piece in TEXT_PIECES:
            expected = slow.probability((*start, *context), piece)
            assert math.exp(model.extend(state, piece)[1]) == pytest.approx(expected, rel=1e-5)


def test_discounts_come_from_the_counts_of_a_longer_text() -> None:
    random = np.random.default_rng(0)
    text = [random.integers(3, 7, size=random.integers(1, 9)).tolist() for _ in range(60)]
    text = [[int(piece) if random.random() < 0.3 else 3 for piece in row] for row in text]
    slow = SlowKneserNey(text, (1, 1, 1, 2))
    assert slow.discounts[4] != (0.5, 0.75, 1.0)
    model = train_ngram(text, VOCABULARY, min_counts=(1, 1, 1, 2))
    for context in ((), (3,), (3, 3), (3, 4, 3), (6, 3, 3)):
        state = state_after(model, context)
        for piece in TEXT_PIECES:
            expected = slow.probability(context, piece)
            assert math.exp(model.extend(state, piece)[1]) == pytest.approx(expected, rel=1e-5)


def test_a_saved_model_is_the_same_when_loaded(tmp_path: Path) -> None:
    model = train_ngram([[3, 4, 5, 6], [3, 4, 6], [5, 6]], VOCABULARY, min_counts=(1, 1, 1, 1))
    assert model.order == 4
    model.save(tmp_path / "ngram.safetensors")
    loaded = NgramModel.load(tmp_path / "ngram.safetensors")
    assert loaded.vocabulary == VOCABULARY
    for context in ([], [3], [3, 4], [5, 6, 3]):
        before, after = state_after(model, context), state_after(loaded, context)
        assert before == after
        for piece in TEXT_PIECES:
            expected = model.extend(before, piece)[1]
            assert loaded.extend(after, piece)[1] == pytest.approx(expected, abs=0.02)


def test_what_is_no_language_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ngram.safetensors"
    with pytest.raises(CheckpointError, match="missing"):
        NgramModel.load(path)
    train_ngram([[3, 4, 5]], VOCABULARY, min_counts=(1, 1)).save(path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(CheckpointError, match="damaged"):
        NgramModel.load(path)


def test_training_refuses_no_text_and_decreasing_counts() -> None:
    with pytest.raises(ValueError, match="no text"):
        train_ngram([[]], VOCABULARY)
    with pytest.raises(ValueError, match="must not decrease"):
        train_ngram([[3]], VOCABULARY, min_counts=(1, 3, 2))


def test_the_bias_weighs_pieces_and_leaves_marks_alone() -> None:
    model = train_ngram([[3, 4], [5, 6]], VOCABULARY, min_counts=(1, 1))
    bias = NgramBias(model, TOKENS, weight=0.5, bonus=1.0)
    start = bias.start()
    for mark in (1, 2, len(TOKENS) - 1):
        assert bias.extend(start, mark) == (start, 0.0)
    state, score = bias.extend(start, TOKENS.index("▁a"))
    assert score == pytest.approx(0.5 * model.extend(model.start(), 3)[1] + 1.0)
    assert bias.extend(start, TOKENS.index("▁a")) == (state, score)
    assert bias.finish(state) == 0.0


@given(texts, contexts)
def test_tokens_earn_together_what_they_earn_alone(
    text: list[list[int]], context: list[int]
) -> None:
    model = train_ngram(text, VOCABULARY, min_counts=(1, 1, 1, 2))
    bias = NgramBias(model, TOKENS, weight=0.5, bonus=1.0)
    state = state_after(model, context)
    tokens = np.arange(len(TOKENS))
    alone = [bias.extend(state, token)[1] for token in tokens.tolist()]
    np.testing.assert_allclose(bias.scores(state, tokens), alone, rtol=1e-5)


def test_the_language_model_of_another_tokeniser_is_refused() -> None:
    model = train_ngram([[3, 4]], VOCABULARY, min_counts=(1, 1))
    with pytest.raises(CheckpointError, match=r"another tokeniser: it lacks 1 .* '▁other'"):
        NgramBias(model, (*TOKENS, "▁other"), weight=1.0, bonus=0.0)


def test_among_words_that_sound_alike_the_search_finds_the_likelier() -> None:
    model = train_ngram([[3, 4]] * 5 + [[5, 6]] * 5 + [[3, 6]], VOCABULARY, min_counts=(1, 1))
    probabilities = np.full((3, len(TOKENS)), 0.001)
    probabilities[0, TOKENS.index("▁a")] = 0.9
    probabilities[1, 0] = 0.9
    probabilities[2, [TOKENS.index("b"), TOKENS.index("d")]] = 0.45
    log_probs = np.log(probabilities).astype(np.float32)
    log_probs[2, TOKENS.index("d")] += 0.01
    assert [TOKENS[i] for i in beam_search(log_probs)[0].token_ids] == ["▁a", "d"]
    bias = NgramBias(model, TOKENS, weight=0.5, bonus=0.0)
    best = beam_search(log_probs, bias=bias)[0]
    assert [TOKENS[i] for i in best.token_ids] == ["▁a", "b"]
    earned, state = 0.0, bias.start()
    for token_id in best.token_ids:
        state, score = bias.extend(state, token_id)
        earned += score
    assert best.score == pytest.approx(best.log_prob + earned)
