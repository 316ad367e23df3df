import errno
import os
from pathlib import Path

import pytest

from app.feeds.files import GrowingFile, JsonLines, OutputError, Subtitles
from engine.captions import Caption
from engine.subtitles import Format
from tests.app.fakes import caption, finals


class Disk:
    """Stands in for `os.write`; has room for so many bytes, and writes few at a time."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._write = os.write

    def __call__(self, fd: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        n_written = self._write(fd, data[: min(self.room, 7)])
        self.room -= n_written
        return n_written


def test_every_caption_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = JsonLines(path)
    written = [caption(0), caption(1, revision=1, final=True, target=("schön", ""))]
    for item in written:
        sink.write(item)
        assert Caption.from_json(path.read_text().splitlines()[-1]) == item
    assert sink.close()


def test_subtitles_can_be_read_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "out.srt"
    sink = Subtitles(path, Format.SRT)
    for item in finals(3):
        sink.write(item)
        assert path.read_text() == "" or path.read_text().endswith("\n\n")
    assert sink.close()
    assert path.read_text().count("-->") == 3


def test_a_full_disk_leaves_whole_pieces_and_what_is_missing_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk(room=40)
    monkeypatch.setattr(os, "write", disk)
    path = tmp_path / "out.txt"
    file = GrowingFile(path)
    for i in range(5):
        file.append(f"piece number {i}\n")  # 15 bytes
    assert path.read_text() == "piece number 0\npiece number 1\n"
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "No space left on device" in caplog.text
    disk.room = 1000
    file.append("piece number 5\n")
    assert file.close()
    assert path.read_text() == "".join(f"piece number {i}\n" for i in range(6))


def test_a_disk_that_stays_full_is_said_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "write", Disk(room=0))
    file = GrowingFile(tmp_path / "out.txt")
    file.append("a")
    file.append("b")
    assert not file.close()
    assert "incomplete: 2 captions" in caplog.text


def test_a_file_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file or directory"):
        GrowingFile(tmp_path / "none" / "out.txt")
