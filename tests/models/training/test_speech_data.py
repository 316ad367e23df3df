from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.training.speech_data import (
    SpeechDataset,
    SpeechGroup,
    SpeechItem,
    items_of,
    train_speech_tokenizer,
)
from models.training.speech_pack import PackedUtterance, PackWriter, SpeechPack


@pytest.fixture
def pack(tmp_path: Path) -> SpeechPack:
    dice = np.random.default_rng(0)
    with PackWriter(tmp_path) as writer:
        for number in range(60):
            source = "real" if number < 20 else "synthetic"
            writer.add(
                np.zeros(int(dice.integers(8000, 80000)), np.int16),
                id=str(number),
                split="train",
                source=source,
                lang="en",
                voice=f"{source}-{number // 5}",
                transcript=f"text {number}",
            )
    return SpeechPack(tmp_path)


def is_from(source: str, row: PackedUtterance) -> bool:
    return row.source == source


def dataset(pack: SpeechPack, **settings: Any) -> SpeechDataset:
    groups = [
        SpeechGroup(name, items_of(pack, partial(is_from, name)), 1.0)
        for name in ("real", "synthetic")
    ]
    values: dict[str, Any] = {"epoch_hours": 0.05, "batch_s": 12.0, "seed": 3, **settings}
    return SpeechDataset(groups, **values)


def ids(items: tuple[SpeechItem, ...]) -> list[str]:
    return [item.row.id for item in items]


def test_an_epoch_is_the_same_every_time_and_unlike_the_next(pack: SpeechPack) -> None:
    first, again, next_one = (
        [(ids(batch.items), batch.seed) for batch in dataset(pack).batches(epoch)]
        for epoch in (0, 0, 1)
    )
    assert first == again
    assert first != next_one


def test_batches_hold_like_lengths_within_the_limit(pack: SpeechPack) -> None:
    for batch in dataset(pack).batches(0):
        longest_s = max(item.row.seconds for item in batch.items)
        assert longest_s * len(batch.items) <= 12.0
        assert batch.seconds == pytest.approx(sum(item.row.seconds for item in batch.items))


def test_groups_are_seen_in_their_shares_without_repetition(pack: SpeechPack) -> None:
    data = dataset(pack, epoch_hours=0.01)  # 36 s, of which half are real
    seen: Counter[str] = Counter()
    seconds = {"real": 0.0, "synthetic": 0.0}
    for epoch in range(30):
        for batch in data.batches(epoch):
            for item in batch.items:
                seen[item.row.id] += 1
                seconds[item.row.source] += item.row.seconds
    assert seconds["real"] == pytest.approx(seconds["synthetic"], rel=0.15)
    for numbers in (range(20), range(20, 60)):
        counts = [seen[str(number)] for number in numbers]
        assert max(counts) - min(counts) <= 1


def test_early_epochs_use_short_utterances(pack: SpeechPack) -> None:
    data = dataset(pack, longest_s=(2.0, 9.0))
    longest = [
        max(item.row.seconds for batch in data.batches(epoch) for item in batch.items)
        for epoch in (0, 1, 2)
    ]
    assert longest[0] <= 2.0 < min(longest[1:])


def test_the_text_before_is_of_the_same_voice(pack: SpeechPack) -> None:
    items = items_of(pack, lambda row: True)
    assert [item.previous for item in items[3:7]] == ["text 2", "text 3", None, "text 5"]
    assert items[0].samples().shape == (items[0].row.n_samples,)


def test_nothing_to_draw_from_is_an_error() -> None:
    with pytest.raises(ValueError, match="no group"):
        SpeechDataset([SpeechGroup("real", [], 1.0)], epoch_hours=1, batch_s=10)


def test_the_tokenizer_is_reproducible_and_reads_its_letters_back(tmp_path: Path) -> None:
    lines = [f"the {word} in the green valley" for word in ("old man", "quiet house", "sea")] * 20
    tokenizer = train_speech_tokenizer(lines, tmp_path / "a.model", n_pieces=23)
    train_speech_tokenizer(lines, tmp_path / "b.model", n_pieces=23)
    assert (tmp_path / "a.model").read_bytes() == (tmp_path / "b.model").read_bytes()
    assert [tokenizer.id_to_piece(i) for i in range(3)] == ["<unk>", "<s>", "</s>"]
    assert tokenizer.decode(tokenizer.encode("the valley")) == "the valley"
