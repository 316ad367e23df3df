from pathlib import Path

import numpy as np
import pytest

from models.ctc_paths import BLANK_ID
from models.errors import CheckpointError
from models.shortlist import SHORTLIST_FILE, Shortlist
from models.training.shortlist import align, make_shortlist

# In English the, house, book, red, old; in German das, Haus, Buch, rote, alte.
THE, HOUSE, BOOK, RED, OLD, DAS, HAUS, BUCH, ROTE, ALTE = range(4, 14)
VOCAB_SIZE = 14
PAIRS = [
    ([THE, HOUSE], [DAS, HAUS]),
    ([THE, BOOK], [DAS, BUCH]),
    ([THE, RED, HOUSE], [DAS, ROTE, HAUS]),
    ([THE, OLD, BOOK], [DAS, ALTE, BUCH]),
    ([THE, OLD, HOUSE], [DAS, ALTE, HAUS]),
    ([THE, RED, BOOK], [DAS, ROTE, BUCH]),
]
SOURCES, TARGETS = [source for source, _ in PAIRS], [target for _, target in PAIRS]


def test_words_are_aligned_with_what_they_mean() -> None:
    table = align(SOURCES, TARGETS, VOCAB_SIZE, n_iterations=20)
    likeliest = {}
    for token in (HOUSE, BOOK, RED, OLD):
        own = table.source == token
        likeliest[token] = int(table.target[own][table.counts[own].argmax()])
    assert likeliest == {HOUSE: HAUS, BOOK: BUCH, RED: ROTE, OLD: ALTE}


def test_each_target_token_is_counted_once() -> None:
    table = align([[HOUSE], [BOOK, HOUSE]], [[HAUS, HAUS], [HAUS]], VOCAB_SIZE)
    assert 0 < table.counts.sum() <= 3  # the rest came of nothing


def test_labels_are_those_of_the_window_and_of_what_is_a_little_before_it() -> None:
    shortlist = make_shortlist(SOURCES, TARGETS, VOCAB_SIZE, n_common=1, n_labels=1)
    always = {BLANK_ID, DAS}
    assert set(shortlist.select([HOUSE], 0)) == {*always, HAUS}
    assert set(shortlist.select([HOUSE, BOOK], 1)) == {*always, HAUS, BUCH}
    far = [HOUSE, *[BOOK] * 20]
    assert set(shortlist.select(far, len(far) - 1)) == {*always, BUCH}
    assert set(shortlist.select(far, 0)) == {*always, BUCH, HAUS}
    assert shortlist.select([RED], 0).tolist() == sorted({*always, ROTE})


def test_it_survives_a_file(tmp_path: Path) -> None:
    shortlist = make_shortlist(SOURCES, TARGETS, VOCAB_SIZE)
    shortlist.save(tmp_path / SHORTLIST_FILE)
    found = Shortlist.find(tmp_path, VOCAB_SIZE)
    assert found is not None
    for token in range(VOCAB_SIZE):
        np.testing.assert_array_equal(found.select([token], 0), shortlist.select([token], 0))


def test_a_folder_may_have_none(tmp_path: Path) -> None:
    assert Shortlist.find(tmp_path, VOCAB_SIZE) is None


def test_one_for_another_tokeniser_is_refused(tmp_path: Path) -> None:
    make_shortlist(SOURCES, TARGETS, VOCAB_SIZE).save(tmp_path / SHORTLIST_FILE)
    with pytest.raises(CheckpointError, match="another tokeniser"):
        Shortlist.find(tmp_path, VOCAB_SIZE + 1)


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\x10" + bytes(40)])
def test_a_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / SHORTLIST_FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match=SHORTLIST_FILE):
        Shortlist.find(tmp_path, VOCAB_SIZE)


def test_one_that_leaves_a_slot_too_few_labels_is_refused(tmp_path: Path) -> None:
    make_shortlist(SOURCES, TARGETS, VOCAB_SIZE, n_common=3).save(tmp_path / SHORTLIST_FILE)
    with pytest.raises(CheckpointError, match="fewer than 8 labels"):
        Shortlist.find(tmp_path, VOCAB_SIZE)


def test_labels_beyond_the_vocabulary_are_refused(tmp_path: Path) -> None:
    common, ends = np.arange(8, dtype=np.uint16), np.ones(VOCAB_SIZE, np.uint32)
    labels = np.array([VOCAB_SIZE], np.uint16)
    Shortlist(common, labels, ends).save(tmp_path / SHORTLIST_FILE)
    with pytest.raises(CheckpointError, match="another tokeniser"):
        Shortlist.find(tmp_path, VOCAB_SIZE)
