from pathlib import Path

import numpy as np
import pytest

from models.training.speech_pack import PackError, PackWriter, SpeechPack, read_index, shard_path


def add(pack: PackWriter, id: str, samples: list[int], source: str = "a") -> None:
    pack.add(
        np.array(samples, np.int16),
        id=id,
        split="train",
        source=source,
        lang="en",
        voice="v",
        transcript='say "it"',
    )


def test_what_is_packed_is_read_back(tmp_path: Path) -> None:
    with PackWriter(tmp_path, shard_bytes=8) as writer:
        add(writer, "one", [1, -2, 3])
        add(writer, "two", [4] * 5, source="b")
        add(writer, "three", [5])
        assert writer.seconds_by_source == {"a": 4 / 16000, "b": 5 / 16000}
    pack = SpeechPack(tmp_path)
    assert [row.id for row in pack] == ["one", "two", "three"]
    assert [pack.samples(row).tolist() for row in pack] == [[1, -2, 3], [4] * 5, [5]]
    assert [row.shard for row in pack] == [0, 0, 1]
    assert pack.utterances[0].transcript == 'say "it"'


def test_an_id_is_packed_once_across_runs(tmp_path: Path) -> None:
    for _ in range(2):
        with PackWriter(tmp_path) as writer:
            add(writer, "one", [1, 2])
    assert len(SpeechPack(tmp_path)) == 1


def test_a_killed_writer_leaves_a_pack_that_goes_on(tmp_path: Path) -> None:
    with PackWriter(tmp_path) as writer:
        add(writer, "one", [1, 2])
    with shard_path(tmp_path, 0).open("ab") as shard:
        shard.write(b"\x09\x00\x09")  # samples whose line was never written
    with (tmp_path / "index.tsv").open("a", encoding="utf-8") as index:
        index.write("two\t0\t2")  # half a line
    with PackWriter(tmp_path) as writer:
        add(writer, "three", [7])
    pack = SpeechPack(tmp_path)
    assert [(row.id, pack.samples(row).tolist()) for row in pack] == [
        ("one", [1, 2]),
        ("three", [7]),
    ]


def test_damage_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="is missing"):
        SpeechPack(tmp_path)
    (tmp_path / "index.tsv").write_text("path\ttext\n")
    with pytest.raises(PackError, match="has not the columns"):
        read_index(tmp_path)
    (tmp_path / "index.tsv").unlink()
    with PackWriter(tmp_path) as writer:
        add(writer, "one", [1, 2])
    with (tmp_path / "index.tsv").open("a", encoding="utf-8") as index:
        index.write("two\tx\t0\t1\ttrain\ta\ten\tv\thello\n")
    with pytest.raises(PackError, match=r"index.tsv:3: shard, start and n_samples"):
        read_index(tmp_path)


def test_a_shard_that_ends_early_is_refused(tmp_path: Path) -> None:
    with PackWriter(tmp_path) as writer:
        add(writer, "one", [1, 2, 3])
    with shard_path(tmp_path, 0).open("r+b") as shard:
        shard.truncate(2)
    pack = SpeechPack(tmp_path)
    with pytest.raises(PackError, match="ends within one"):
        pack.samples(pack.utterances[0])
