import numpy as np
import pytest
import torch

from models.slot_search import N_LIKELY, Slots
from models.stream_fretna import SlotWindow
from models.training.fretna import StreamFretnaTask
from models.translator_config import source_ids
from tests.models.translators import SENTENCES, shortlist, stream_fretna, tokenizer

SOURCE = source_ids(tokenizer().encode(" ".join(SENTENCES[:2])), finished=True)


def best(slots: Slots) -> list[int]:
    labels: list[int] = slots.labels[:, 0].tolist()
    return labels


def test_padding_changes_no_path() -> None:
    model = stream_fretna()
    sources = [source_ids(tokenizer().encode(text), finished=True) for text in SENTENCES[::2]]
    with torch.inference_mode():
        together = model.paths_batch(sources)
        alone = [model.paths_batch([source])[0] for source in sources]
    assert together == alone


def test_a_slot_sees_its_block_and_what_is_left_of_it() -> None:
    model = stream_fretna()
    changed = [*SOURCE[:-1], SOURCE[0]]
    ids = torch.tensor([SOURCE, changed])
    blocks = torch.arange(len(SOURCE))[None] // 3
    with torch.inference_mode():
        states = model.slot_states(model.encoder(ids, None), None, blocks=blocks.expand_as(ids))
    n_before = 2 * 3 * ((len(SOURCE) - 1) // 3)  # slots of the blocks to the left of the change
    np.testing.assert_allclose(states[0, :n_before], states[1, :n_before], atol=1e-5)
    assert (states[0, n_before] - states[1, n_before]).abs().max() > 1e-4


def test_caches_change_nothing() -> None:
    model = stream_fretna()
    width = model.config.window
    steps = [min(width, len(SOURCE) - read) for read in range(0, len(SOURCE), width)]
    window, path, read = SlotWindow(model), list[int](), 0
    for n in steps[:-1]:
        path += best(window.read(SOURCE[: read + n], read)[1])
        read += n
    with torch.inference_mode():
        assert path == model.paths_batch([SOURCE[:read]])[0]


def test_a_window_as_wide_as_the_source_says_what_one_block_says() -> None:
    model = stream_fretna()
    window = SlotWindow(model, width=len(SOURCE))
    for n in range(1, len(SOURCE) + 1):
        _, slots = window.read(SOURCE[:n], n - 1)
    with torch.inference_mode():
        states = model.slot_states(model.encoder(torch.tensor([SOURCE]), None), None)
        logits = model.project(states)[0].numpy()
    assert best(slots) == logits.argmax(axis=1).tolist()
    np.testing.assert_allclose(slots.scores, np.sort(logits)[:, : -N_LIKELY - 1 : -1], atol=1e-4)
    np.testing.assert_allclose(window.logits(), logits, atol=1e-4)


def test_a_window_that_looks_at_some_labels_says_of_them_what_it_says_of_all() -> None:
    model, few = stream_fretna(), shortlist()
    window, narrow = SlotWindow(model), SlotWindow(model, few)
    start, _ = window.read(SOURCE, 0)
    _, slots = narrow.read(SOURCE, 0)
    labels = few.select(SOURCE, start // model.config.upsampling)
    assert N_LIKELY < len(labels) < tokenizer().vocab_size
    logits = window.logits()[:, labels]
    np.testing.assert_allclose(narrow.logits()[:, labels], logits, atol=1e-5)
    assert best(slots) == labels[logits.argmax(axis=1)].tolist()


@pytest.mark.parametrize("width", [1, 2, 5])
def test_only_the_slots_of_the_window_are_filled_anew(width: int) -> None:
    model = stream_fretna()
    window = SlotWindow(model, width=width)
    window.read(SOURCE[:8], 0)
    start, slots = window.read(SOURCE[:9], 8)
    assert start == 2 * (9 - width)
    assert len(slots.labels) == 2 * width == len(window.logits())


def test_a_source_that_was_taken_back_is_read_anew_from_there() -> None:
    model = stream_fretna()
    window = SlotWindow(model, width=4)
    window.read(SOURCE[:9], 0)
    start, slots = window.read([*SOURCE[:3], *SOURCE[:2]], 3)
    assert start == 2
    fresh = SlotWindow(model, width=4)
    fresh.read(SOURCE[:3], 0)
    assert best(fresh.read([*SOURCE[:3], *SOURCE[:2]], 3)[1]) == best(slots)


def test_a_source_longer_than_the_positions_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="longer than the 48"):
        SlotWindow(stream_fretna()).read([5] * 60, 0)


def test_training_blocks_grow_to_the_right_and_differ_in_length() -> None:
    task = StreamFretnaTask.__new__(StreamFretnaTask)
    task._whole_share, task._longest_block = 0.3, 5
    blocks = task._draw_blocks(torch.zeros(64, 30, dtype=torch.long))
    assert ((blocks[:, 1:] - blocks[:, :-1]) >= 0).all()
    n_blocks = {len(row.unique()) for row in blocks}
    assert 1 in n_blocks
    assert 30 in n_blocks
