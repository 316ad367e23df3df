import gzip
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.tokenizer import BOS_ID, EOS_ID
from models.training.pair_stream import PairStream, prefix_words
from models.training.translation_data import (
    Batch,
    DataConfig,
    Pair,
    read_pairs,
    wait_k_visible,
)
from models.transcript import normalize_transcript
from tests.models.translators import SENTENCES, tokenizer

PAIRS = list(zip(SENTENCES[::2], SENTENCES[1::2], strict=True)) * 10


def epoch(number: int = 0, pairs: Sequence[Pair] = PAIRS, **changes: Any) -> list[Batch]:
    values: dict[str, Any] = {
        "batch_tokens": 60,
        "prefix_ratio": 0.0,
        "spoken_ratio": 0.0,
        **changes,
    }
    config = DataConfig(train=(), dev=(), **values)
    stream = PairStream(pairs, tokenizer(), config, "en")
    return [stream.batch(plan) for plan in stream.epoch(number)]


def rows(batches: Sequence[Batch]) -> list[Pair]:
    """Source and target of each row, EOS shown as `.`."""
    texts = []
    for batch in batches:
        for i, n_source in enumerate(batch.source_lengths.tolist()):
            source, target = batch.source[i].tolist(), batch.target[i].tolist()
            n_target = int(batch.target_lengths[i])
            assert target[0] == BOS_ID
            assert target[n_target + 1] == EOS_ID
            assert not any(source[n_source:] + target[n_target + 2 :])
            end = " ." if source[n_source - 1] == EOS_ID else ""
            texts.append((decoded(source[:n_source]) + end, decoded(target[1 : n_target + 1])))
    return texts


def decoded(ids: list[int]) -> str:
    return tokenizer().decode(ids)


def test_an_epoch_is_the_same_every_time_and_another_one_is_not() -> None:
    first, again, other = (
        rows(epoch(number, spoken_ratio=0.5, prefix_ratio=0.5, join_ratio=0.5))
        for number in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_every_pair_is_seen_once_per_epoch() -> None:
    seen = rows(epoch(3))
    assert sorted(seen) == sorted((f"{source} .", target) for source, target in PAIRS)


def test_a_source_is_shown_as_it_is_written_or_as_it_is_heard() -> None:
    seen = {source for source, _ in rows(epoch(spoken_ratio=0.5, pairs=PAIRS * 5))}
    heard = {f"{normalize_transcript(source)} ." for source, _ in PAIRS}
    assert seen == heard | {f"{source} ." for source, _ in PAIRS}


def test_a_prefix_is_a_beginning_of_both_sides_and_has_no_end() -> None:
    seen = rows(epoch(prefix_ratio=1.0))
    assert len(seen) == len(PAIRS)
    for source, target in seen:
        assert any(
            whole.startswith(source) and other.startswith(target) and source != whole
            for whole, other in PAIRS
        )


def test_a_pair_may_follow_another() -> None:
    texts = dict(PAIRS)
    for source, target in rows(epoch(join_ratio=1.0)):
        assert any(
            (source, target) == (f"{first} {second} .", f"{texts[first]} {texts[second]}")
            for first in texts
            for second in texts
        )


def test_a_joined_prefix_ends_in_the_second_sentence() -> None:
    for source, target in rows(epoch(join_ratio=1.0, prefix_ratio=1.0)):
        assert any(
            source.startswith(first) and target.startswith(second) and source != first
            for first, second in PAIRS
        )
        assert not source.endswith(" .")


@pytest.mark.parametrize("join_ratio", [0.0, 0.5])
def test_batches_stay_within_their_tokens(join_ratio: float) -> None:
    for batch in epoch(join_ratio=join_ratio):
        longest = max(int(batch.target_lengths.max()), batch.source.shape[1] - 1)
        assert len(batch.source) == 1 or len(batch.source) * longest <= 60


def test_what_is_empty_or_too_long_is_left_out() -> None:
    pairs = [*PAIRS[:3], ("", "leer"), ("empty", ""), ("far " * 40, "weit")]
    seen = rows(epoch(pairs=pairs, max_tokens=30, prefix_ratio=0.0))
    assert sorted(seen) == sorted((f"{source} .", target) for source, target in PAIRS[:3])


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1))
def test_a_prefix_has_a_word_and_not_all_of_the_source(n: int, m: int, fraction: float) -> None:
    kept, kept_target = prefix_words(np.array([n]), np.array([m]), np.array([fraction]))
    assert 1 <= kept[0] <= max(1, n - 1)
    assert 1 <= kept_target[0] <= m


def test_wait_k_sees_k_words_and_one_more_for_every_word_written() -> None:
    words = ["we", "have", "a", "small", "house"]
    pieces = [tokenizer().encode(word) for word in words]
    source = torch.tensor([[*chain.from_iterable(pieces), EOS_ID]])
    target_words = [tokenizer().encode(word) for word in ("Wir", "haben", "ein", "kleines", "Haus")]
    target = torch.tensor([[BOS_ID, *chain.from_iterable(target_words)]])
    ends = torch.tensor(tokenizer().ends_word)
    visible = wait_k_visible(source, target, ends, torch.tensor([2]))[0]
    n_complete = 0
    for position, token in enumerate(target[0].tolist()):
        n_complete += bool(ends[token])
        n_words = min(len(words), 2 + n_complete)
        n_tokens = sum(map(len, pieces[:n_words]))
        n_tokens += 2 + n_complete > len(words)  # the end of the source is read as well
        assert int(visible[position].sum()) == n_tokens
        assert bool(visible[position, :n_tokens].all())


def test_pairs_are_read_from_packed_and_plain_files(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("x\ty\tz\nu\tv\tw\n", encoding="utf-8")
    with gzip.open(tmp_path / "a.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("x\ty\tz\nu\tv\tw\n")
    assert read_pairs(tmp_path / "a.tsv") == [("x", "y"), ("u", "v")]
    assert read_pairs(tmp_path / "a.tsv.gz", (2, 0)) == [("z", "x"), ("w", "u")]


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"missing\.tsv"):
        read_pairs(tmp_path / "missing.tsv")
    (tmp_path / "narrow.tsv").write_text("only one column\n")
    with pytest.raises(ValueError, match="no column 2"):
        read_pairs(tmp_path / "narrow.tsv")
    (tmp_path / "latin.tsv").write_bytes("für\tpour\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.tsv"):
        read_pairs(tmp_path / "latin.tsv")
