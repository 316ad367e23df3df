import itertools
import math
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import slot_search
from models.ctc_paths import BLANK_ID, collapse
from models.ngram import NgramModel
from models.slot_search import (
    N_LIKELY,
    Slots,
    SlotSearch,
    place_pieces,
    placed_vocabulary,
    spread_logits,
)
from models.training.ngram import train_ngram
from tests.models.translators import language_model, tokenizer

TEXT = ("Wir haben ein kleines Haus.", "Der alte Mann liest ein Buch.", "Ein Mann. Ein Haus.")
WEIGHT, BONUS, UNFINISHED = 0.7, 1.5, 2.0
EVERYTHING = 1e9


def slots_of(logits: np.ndarray) -> Slots:
    """The likely labels of each slot."""
    labels = np.argsort(-logits, axis=1)[:, :N_LIKELY]
    return Slots(labels, np.take_along_axis(logits, labels, axis=1))


def wavering(*choices: dict[str, float]) -> Slots:
    """Slots that see these pieces with these probabilities; an underscore ends a word."""
    pieces = tokenizer().pieces
    logits = np.full((len(choices), len(pieces)), -30.0, np.float32)
    for row, choice in zip(logits, choices, strict=True):
        for piece, probability in choice.items():
            label = pieces.index(piece.replace("_", "▁")) if piece else BLANK_ID
            row[label] = math.log(probability)
    return slots_of(logits)


def slow_score(model: NgramModel, path: tuple[int, ...], settled: list[int]) -> float:
    """What the language model makes of a path, by reading all from the start."""
    before = len(collapse(settled))
    written = collapse([*settled, *path])
    pieces = place_pieces(written, tokenizer().ends_word)
    state, total = model.start(sentence=True), 0.0
    for index, piece in enumerate(pieces):
        state, log_prob = model.extend(state, piece)
        total += (WEIGHT * log_prob + BONUS) * (index >= before)
    open_word = written and not tokenizer().ends_word[written[-1]]
    return total - (UNFINISHED if open_word else 0.0)


@given(st.integers(0, 10_000), st.integers(0, 4))
def test_the_path_is_the_best_of_all_paths(seed: int, n_settled: int) -> None:
    random = np.random.default_rng(seed)
    model = language_model(TEXT)
    pieces = [BLANK_ID, *dict.fromkeys(tokenizer().encode(" ".join(TEXT)))]
    settled = [int(label) for label in random.choice(pieces, n_settled)]
    logits = np.full((4, tokenizer().vocab_size), -1e6, np.float32)
    choices = [random.choice(pieces, 4, replace=False).tolist() for _ in logits]
    for row, labels in zip(logits, choices, strict=True):
        row[labels] = random.normal(scale=2, size=len(labels))
    search = SlotSearch(
        model,
        tokenizer().ends_word,
        weight=WEIGHT,
        bonus=BONUS,
        unfinished=UNFINISHED,
        margin=1e3,
        spread=EVERYTHING,
        beam=10_000,
    )

    def score(path: tuple[int, ...]) -> float:
        network = sum(row[label] for row, label in zip(logits, path, strict=True))
        return float(network) + slow_score(model, path, settled)

    found = search.best_path(slots_of(logits), settled)
    best = max(map(score, itertools.product(*choices)))
    assert score(tuple(found)) == pytest.approx(best, abs=1e-3)


def test_slots_that_waver_between_two_words_write_one_of_them() -> None:
    small, old = (tokenizer().encode(word) for word in ("kleines", "alte"))
    first, second = tokenizer().pieces[small[0]], tokenizer().pieces[old[0]]
    slots = wavering(
        {first: 0.55, second: 0.45}, *({"": 0.5, tokenizer().pieces[t]: 0.5} for t in old[1:])
    )
    greedy = collapse(slots.labels[:, 0].tolist())
    search = SlotSearch(language_model(TEXT), tokenizer().ends_word)
    path = search.best_path(slots, tokenizer().encode("Der"))
    assert tokenizer().decode(collapse(path)) == "alte"
    assert tokenizer().decode(greedy) != "alte"


def test_a_repeated_label_behind_what_is_settled_writes_nothing_new() -> None:
    search = SlotSearch(language_model(TEXT), tokenizer().ends_word)
    (piece,) = tokenizer().encode("ein")[-1:]
    slots = wavering({tokenizer().pieces[piece]: 1.0})
    settled = tokenizer().encode("ein")
    assert search.best_path(slots, settled) == [piece]
    assert collapse([*settled, piece]) == settled


def test_an_ending_is_no_word() -> None:
    """Although it is more frequent than the word, as an ending."""
    vocabulary = ["<pad>", "<unk>", "<s>", "</s>", "ein▁", "e▁", "lies", "rot▁"]
    ends_word = [piece.endswith("▁") for piece in vocabulary]
    rows = [[6, 5], [6, 5], [6, 5], [7, 4], [4], [4, 7]]
    placed = [place_pieces(row, ends_word) for row in rows]
    model = train_ngram(placed, placed_vocabulary(vocabulary), min_counts=(1, 1, 1))
    logits = np.full((1, 8), -30, np.float32)
    logits[0, [5, 7]] = 0.1, 0.0
    assert SlotSearch(model, ends_word).best_path(slots_of(logits), [4]) == [7]


def test_labels_that_were_not_looked_at_are_the_least_likely() -> None:
    logits = np.array([[0.5, -1.0], [2.0, 3.0]], np.float32)
    spread = spread_logits(logits, np.array([3, 1]), 4)
    assert spread.tolist() == [[-1.0, -1.0, -1.0, 0.5], [2.0, 3.0, 2.0, 2.0]]


def test_no_slots_have_an_empty_path() -> None:
    search = SlotSearch(language_model(TEXT), tokenizer().ends_word)
    empty = Slots(np.zeros((0, N_LIKELY), np.int64), np.zeros((0, N_LIKELY), np.float32))
    assert search.best_path(empty, tokenizer().encode("ein")) == []


def test_streams_that_search_at_the_same_time_find_what_each_finds_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slot_search, "_MAX_REMEMBERED", 20)  # all of them forget all the time
    model, ends_word = language_model(TEXT), tokenizer().ends_word
    random = np.random.default_rng(0)
    sources = [
        slots_of(random.normal(scale=3, size=(6, len(ends_word))).astype(np.float32))
        for _ in range(400)
    ]
    shared = SlotSearch(model, ends_word)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            together = list(threads.map(lambda slots: shared.best_path(slots, []), sources))
    finally:
        sys.setswitchinterval(interval)
    assert together == [SlotSearch(model, ends_word).best_path(slots, []) for slots in sources]
