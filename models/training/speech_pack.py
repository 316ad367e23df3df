"""One packed form of speech: raw samples in few large files, and an index in plain text.

A pack is a folder with `audio-00000.pcm`, `audio-00001.pcm`, … (16 kHz mono, int16, little
endian) and `index.tsv`. Shards are memory-mapped, so that many hours cost no memory. An index line
is written after its samples, and a writer that finds samples without a line cuts them off: a pack
survives being killed at any moment and is continued by opening it again.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
SHARD_BYTES = 256 * 1024 * 1024
INDEX_NAME = "index.tsv"

Samples = npt.NDArray[np.int16]


class PackError(ValueError):
    """A pack is missing, damaged or of another form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedUtterance:
    """One line of the index.

    Attributes:
        id: unique within the pack; a second run skips what is there.
        shard, start, n_samples: where its samples are.
        split: train, dev, …
        source: the corpus or the engine it came from.
        lang: "en", "de", …
        voice: the speaker or the synthetic voice.
        transcript: normalised.
    """

    id: str
    shard: int
    start: int
    n_samples: int
    split: str
    source: str
    lang: str
    voice: str
    transcript: str

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.n_samples / RATE_HZ


_COLUMNS = tuple(field.name for field in fields(PackedUtterance))
_NUMBERS = ("shard", "start", "n_samples")


def shard_path(directory: Path, shard: int) -> Path:
    """Return where a shard of the pack lies."""
    return directory / f"audio-{shard:05d}.pcm"


def read_index(directory: Path) -> list[PackedUtterance]:
    """Read the index of a pack; an unfinished last line is ignored.

    Raises:
        PackError: there is no index, or a line is malformed.
    """
    path = directory / INDEX_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PackError(f"{path} is missing: prepare the speech first") from None
    lines = text.split("\n")[:-1]  # what follows the last line end was cut off while writing
    if not lines or lines[0].split("\t") != list(_COLUMNS):
        raise PackError(f"{path} has not the columns {', '.join(_COLUMNS)}")
    return [_parsed(line, number, path) for number, line in enumerate(lines[1:], 2)]


def _parsed(line: str, number: int, path: Path) -> PackedUtterance:
    values = line.split("\t")
    if len(values) != len(_COLUMNS):
        raise PackError(f"{path}:{number} has {len(values)} columns, not {len(_COLUMNS)}")
    row = dict(zip(_COLUMNS, values, strict=True))
    try:
        shard, start, n_samples = (int(row.pop(name)) for name in _NUMBERS)
    except ValueError:
        raise PackError(f"{path}:{number}: shard, start and n_samples must be integers") from None
    return PackedUtterance(shard=shard, start=start, n_samples=n_samples, **row)


class PackWriter:
    """Appends utterances to a pack, which it creates or continues. Use it as a context."""

    def __init__(self, directory: Path, *, shard_bytes: int = SHARD_BYTES) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._shard_bytes = shard_bytes
        index = directory / INDEX_NAME
        if index.exists():
            rows = read_index(directory)
            _cut_after_last_line(index)
        else:
            rows = []
            index.write_text("\t".join(_COLUMNS) + "\n", encoding="utf-8")
        self.ids = {row.id for row in rows}
        self.seconds_by_source: dict[str, float] = {}
        for row in rows:
            self._count(row)
        self._shard = rows[-1].shard if rows else 0
        end = (rows[-1].start + rows[-1].n_samples) * 2 if rows else 0
        self._samples = self._open_shard(end)
        self._index = index.open("a", encoding="utf-8", newline="")
        self._rows = csv.writer(
            self._index, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n", quotechar=None
        )

    def _open_shard(self, end: int) -> IO[bytes]:
        path = shard_path(self._directory, self._shard)
        path.touch()
        file = path.open("r+b")
        file.truncate(end)
        file.seek(end)
        return file

    def _count(self, row: PackedUtterance) -> None:
        seconds = self.seconds_by_source.get(row.source, 0.0)
        self.seconds_by_source[row.source] = seconds + row.seconds

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Flush and close; idempotent."""
        self._samples.close()
        self._index.close()

    @property
    def seconds(self) -> float:
        """How much the pack holds."""
        return sum(self.seconds_by_source.values())

    def add(
        self,
        samples: Samples,
        *,
        id: str,
        split: str,
        source: str,
        lang: str,
        voice: str,
        transcript: str,
    ) -> None:
        """Append one utterance; one whose id is there already is ignored."""
        if id in self.ids:
            return
        if self._samples.tell() >= self._shard_bytes:
            self._samples.close()
            self._shard += 1
            self._samples = self._open_shard(0)
        row = PackedUtterance(
            id=id,
            shard=self._shard,
            start=self._samples.tell() // 2,
            n_samples=len(samples),
            split=split,
            source=source,
            lang=lang,
            voice=voice,
            transcript=transcript,
        )
        self._samples.write(samples.astype("<i2", copy=False).tobytes())
        self._samples.flush()
        self._rows.writerow([getattr(row, name) for name in _COLUMNS])
        self._index.flush()
        self.ids.add(id)
        self._count(row)


def _cut_after_last_line(path: Path) -> None:
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        with path.open("r+b") as file:
            file.truncate(end)


class SpeechPack:
    """A pack opened for reading; samples are mapped, never loaded as a whole."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.utterances: Sequence[PackedUtterance] = read_index(directory)
        self._shards: dict[int, npt.NDArray[np.int16]] = {}

    def __len__(self) -> int:
        """Return the number of utterances."""
        return len(self.utterances)

    def __iter__(self) -> Iterator[PackedUtterance]:
        """Go through the utterances in the order of the index."""
        return iter(self.utterances)

    @property
    def seconds(self) -> float:
        """How much the pack holds."""
        return sum(row.seconds for row in self.utterances)

    def samples(self, row: PackedUtterance) -> Samples:
        """Return the samples of an utterance, read-only, (n_samples,).

        Raises:
            PackError: the shard ends before the utterance does.
        """
        shard = self._shards.get(row.shard)
        if shard is None or len(shard) < row.start + row.n_samples:
            path = shard_path(self.directory, row.shard)
            try:
                shard = np.memmap(path, dtype="<i2", mode="r")
            except (OSError, ValueError) as error:
                raise PackError(f"cannot map {path}: {error}") from error
            self._shards[row.shard] = shard
        samples = shard[row.start : row.start + row.n_samples]
        if len(samples) < row.n_samples:
            raise PackError(f"{shard_path(self.directory, row.shard)} ends within {row.id}")
        return samples
