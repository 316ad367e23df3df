"""Opus in WebM, taken apart while it comes; libav's demuxer says what is in it."""

import contextlib
import io
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.protocols.peer import PeerError
from app.protocols.sound import WebmDecoder, make_decoder
from app.protocols.webm import MAX_TRACKS, WebmDemuxer
from tests.app.server.sound import tone


class Pipe(io.BytesIO):
    """What a recorder writes to: it cannot go back to fill in a size."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise OSError


def record(file: io.BytesIO, *, n_channels: int = 1) -> bytes:
    """A second of sound as a WebM file, or as a live recorder writes it to a pipe."""
    with av.open(file, "w", format="webm") as container:
        layout = "mono" if n_channels == 1 else "stereo"
        stream: Any = container.add_stream("libopus", rate=48_000, layout=layout)
        samples = np.repeat(np.frombuffer(tone(1.0, 48_000), "<i2"), n_channels)[None]
        frame = av.AudioFrame.from_ndarray(samples, "s16", layout)
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(stream.format, layout, 48_000, stream.frame_size or None)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
        container.close()
        return file.getvalue()


def packets_of(recording: bytes) -> list[bytes]:
    with av.open(io.BytesIO(recording), "r") as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


FILE, LIVE, STEREO = record(io.BytesIO()), record(Pipe()), record(Pipe(), n_channels=2)
UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"


def test_a_live_recording_has_clusters_of_unknown_size_and_a_file_has_not() -> None:
    assert UNKNOWN_SIZE in LIVE
    assert UNKNOWN_SIZE not in FILE


@pytest.mark.parametrize("recording", [FILE, LIVE, STEREO])
@given(data=st.data())
def test_the_packets_are_those_of_libav_wherever_the_pieces_end(
    recording: bytes, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(recording)), max_size=20)))
    demuxer = WebmDemuxer()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(recording)], strict=True):
        found += demuxer.feed(recording[start:end])
    assert found == packets_of(recording)
    assert demuxer.n_channels == (2 if recording is STEREO else 1)


@pytest.mark.parametrize("recording", [FILE, LIVE, STEREO])
def test_a_second_of_webm_is_a_second_of_sound(recording: bytes) -> None:
    decoder = make_decoder("webm", 48_000, 1)
    samples = np.concatenate([decoder.feed(recording), decoder.flush()])
    assert len(samples) / 16_000 == pytest.approx(1.0, abs=0.05)
    assert float(np.abs(samples).max()) > 0.2


def test_a_recorder_that_starts_anew_is_followed() -> None:
    decoder = WebmDecoder()
    assert len(decoder.feed(LIVE)) == pytest.approx(len(decoder.feed(STEREO)), abs=500)


NO_WEBM = {
    "something else": b"RIFF....WAVEfmt ",
    "zeros": bytes(16),
    "sound without a header": LIVE[LIVE.index(b"\x1f\x43\xb6\x75") :],
    "another codec": LIVE.replace(b"A_OPUS", b"A_FLAC"),
    "too many tracks": LIVE[:4] + b"\x80" + b"\xae\x80" * (MAX_TRACKS + 1),
    "a block without end": LIVE[: LIVE.index(b"\x1f\x43\xb6\x75")] + b"\xa3" + UNKNOWN_SIZE,
    "half a block": LIVE[: LIVE.index(b"\x1f\x43\xb6\x75")] + b"\xa3\x81\x81",
}


@pytest.mark.parametrize("name", NO_WEBM)
def test_what_cannot_be_taken_apart_is_refused(name: str) -> None:
    with pytest.raises(PeerError) as refused:
        WebmDecoder().feed(NO_WEBM[name])
    assert refused.value.code == 1007


@given(st.integers(0, len(LIVE)), st.binary(max_size=40))
def test_a_stream_that_is_damaged_is_read_or_refused(at: int, damage: bytes) -> None:
    with contextlib.suppress(PeerError):
        damaged = LIVE[:at] + damage + LIVE[at + len(damage) :]
        assert WebmDecoder().feed(damaged).dtype == np.float32
