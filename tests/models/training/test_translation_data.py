import gzip
from itertools import chain
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.tokenizer import BOS_ID, EOS_ID
from models.training.translation_data import (
    Batch,
    DataConfig,
    PairStream,
    cut_to_prefix,
    make_batch,
    read_pairs,
    wait_k_visible,
)
from tests.models.translators import SENTENCES, tokenizer

PAIRS = list(zip(SENTENCES[::2], SENTENCES[1::2], strict=True)) * 10


def stream(**changes: object) -> PairStream:
    config = DataConfig(train=(), dev=(), batch_tokens=60, **changes)  # type: ignore[arg-type]
    return PairStream(PAIRS, tokenizer(), config, "en")


def rows(batch: Batch) -> list[tuple[list[int], list[int]]]:
    return [
        (batch.source[i, : batch.source_lengths[i]].tolist(), batch.target[i].tolist())
        for i in range(len(batch.source))
    ]


def test_an_epoch_is_the_same_every_time_and_another_one_is_not() -> None:
    first, again, other = ([rows(b) for b in stream().epoch(e)] for e in (0, 0, 1))
    assert first == again
    assert first != other


def test_every_pair_is_seen_once_per_epoch() -> None:
    batches = list(stream(prefix_ratio=0.0, spoken_ratio=0.0).epoch(3))
    seen = [tokenizer().decode(source) for batch in batches for source, _ in rows(batch)]
    assert sorted(seen) == sorted(source for source, _ in PAIRS)


def test_only_complete_sources_end_with_eos() -> None:
    for batch in stream(prefix_ratio=1.0).epoch(0):
        assert all(source[-1] != EOS_ID for source, _ in rows(batch))
    for batch in stream(prefix_ratio=0.0).epoch(0):
        assert all(source[-1] == EOS_ID for source, _ in rows(batch))


def test_batches_stay_within_their_tokens() -> None:
    for batch in stream().epoch(0):
        longest = int(batch.target_lengths.max())
        assert len(batch.source) == 1 or len(batch.source) * longest <= 60


def test_targets_stand_between_bos_and_eos() -> None:
    batch = make_batch([([5, 6], [7, 8, 9]), ([5], [7])])
    assert batch.target.tolist() == [[BOS_ID, 7, 8, 9, EOS_ID], [BOS_ID, 7, EOS_ID, 0, 0]]
    assert batch.target_lengths.tolist() == [3, 1]
    assert batch.n_target_tokens == 6


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1))
def test_a_prefix_is_a_beginning_of_both_sides(n: int, m: int, fraction: float) -> None:
    source, target = " ".join(f"s{i}" for i in range(n)), " ".join(f"t{i}" for i in range(m))
    short, other = cut_to_prefix(source, target, fraction)
    assert source.startswith(short)
    assert target.startswith(other)
    assert short
    assert other
    assert n == 1 or short != source


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
