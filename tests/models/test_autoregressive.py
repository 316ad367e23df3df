import pytest
import torch

from models.autoregressive import IncrementalDecoder, greedy_batch
from models.decoding import greedy
from models.tokenizer import BOS_ID
from models.translation import pad
from models.translator_config import source_ids
from tests.models.translators import SENTENCES, autoregressive, tokenizer

SOURCE = source_ids(tokenizer().encode(SENTENCES[0]), finished=True)
TARGET = [BOS_ID, *tokenizer().encode(SENTENCES[1])]


@pytest.mark.parametrize("kind", ["reta", "wait-k"])
def test_incremental_decoding_equals_full_decoding(kind: str) -> None:
    model = autoregressive(kind)
    source, target = torch.tensor([SOURCE]), torch.tensor([TARGET])
    with torch.inference_mode():
        full = model.project(model(source, torch.tensor([len(SOURCE)]), target))[0]
        decoder = IncrementalDecoder(model)
        decoder.read(source)
        steps = [decoder.step(target[:, i : i + 1])[0] for i in range(len(TARGET))]
    torch.testing.assert_close(torch.stack(steps), full, rtol=1e-4, atol=1e-5)


def test_a_causal_encoder_reads_piece_by_piece_what_it_reads_at_once() -> None:
    model = autoregressive("wait-k")
    source = torch.tensor([SOURCE])
    with torch.inference_mode():
        whole = model.encoder(source, None)
        caches = model.encoder.new_caches()
        parts = [
            model.encoder(source[:, i : i + 2], None, caches) for i in range(0, len(SOURCE), 2)
        ]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=1e-4, atol=1e-5)


def test_source_taken_back_leaves_no_trace_in_what_is_read_anew() -> None:
    model = autoregressive("wait-k")
    other = [*SOURCE[:3], *reversed(SOURCE[3:])]
    with torch.inference_mode():
        changed = IncrementalDecoder(model)
        changed.read(torch.tensor([SOURCE]))
        changed.forget_source(3)
        changed.read(torch.tensor([other[3:]]))
        fresh = IncrementalDecoder(model)
        fresh.read(torch.tensor([other]))
        bos = torch.tensor([[BOS_ID]])
        torch.testing.assert_close(changed.step(bos), fresh.step(bos), rtol=1e-4, atol=1e-5)


def test_padding_changes_no_translation() -> None:
    model = autoregressive()
    sources = [source_ids(tokenizer().encode(text), finished=True) for text in SENTENCES[::2]]
    with torch.inference_mode():
        together = greedy_batch(model, sources)
        alone = [greedy(model, source) for source in sources]
    limits = [min(len(a), len(b)) for a, b in zip(together, alone, strict=True)]
    assert [row[:n] for row, n in zip(together, limits, strict=True)] == [
        row[:n] for row, n in zip(alone, limits, strict=True)
    ]


def test_a_source_beyond_the_positions_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="longer than the 48"):
        greedy(autoregressive(), SOURCE * 20)


def test_what_a_prediction_may_not_see_does_not_change_it() -> None:
    model = autoregressive("wait-k")
    a, b = list(SOURCE), [*SOURCE[:2], *reversed(SOURCE[2:])]
    ids, lengths = pad([a, b])
    visible = torch.zeros(2, len(TARGET), len(SOURCE), dtype=torch.bool)
    visible[:, :, :2] = True
    with torch.inference_mode():
        states = model(ids, lengths, torch.tensor([TARGET, TARGET]), visible)
    torch.testing.assert_close(states[0], states[1], rtol=1e-4, atol=1e-5)
