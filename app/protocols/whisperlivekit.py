"""WhisperLiveKit's `/asr`: sound in, the whole state of the transcript out."""

from collections import deque
from collections.abc import Sequence

from app.protocols.peer import (
    Begin,
    Command,
    Leave,
    Message,
    PeerError,
    Reply,
    Sound,
    SoundProtocol,
    to_json,
)
from app.protocols.sound import SoundDecoder, make_decoder
from app.protocols.webm import EBML_MAGIC
from engine.audio import SAMPLE_RATE_HZ
from engine.captions import Caption

MAX_LINES = 200
"""Lines of the transcript that a message holds; its clients show the last ones."""


class WhisperLiveKitProtocol(SoundProtocol):
    """s16le at 16 kHz, or WebM from a MediaRecorder; an empty message ends the stream."""

    def __init__(self) -> None:
        """Wait for sound."""
        self._decoder: SoundDecoder | None = None
        self._lines: deque[dict[str, object]] = deque(maxlen=MAX_LINES)
        self._ended = False

    def greeting(self) -> Sequence[Message]:
        """Tell the page to send raw samples."""
        return [to_json({"type": "config", "useAudioWorklet": True, "mode": "full"})]

    def receive(self, message: Message) -> Sequence[Command]:
        """Take the peer's next message.

        Raises:
            PeerError: it breaks the protocol.
        """
        if isinstance(message, str):
            raise PeerError(1003, "text where sound is due")
        if self._ended:
            raise PeerError(1008, "the stream has ended")
        if not message:
            self._ended = True
            if self._decoder is None:
                return [Reply(_ready_to_stop()), Leave()]
            return [Sound(self._decoder.flush()), Leave()]
        if self._decoder is not None:
            return [Sound(self._decoder.feed(message))]
        encoding = "webm" if message.startswith(EBML_MAGIC) else "s16le"
        self._decoder = make_decoder(encoding, SAMPLE_RATE_HZ, 1)
        return [Begin(), Sound(self._decoder.feed(message))]

    def show(self, stream: str, caption: Caption) -> Sequence[Message]:
        """The state of the transcript."""
        lines = [*self._lines]
        line = _line(caption)
        if caption.final:
            self._lines.append(line)
        if caption.source.committed or caption.target.committed:
            lines.append(line)
        lag_s = max(caption.emitted_s - caption.end_s, 0.0)
        return [
            to_json(
                {
                    "status": "active_transcription",
                    "lines": lines[-MAX_LINES:],
                    "buffer_transcription": caption.source.tentative,
                    "buffer_diarization": "",
                    "buffer_translation": caption.target.tentative,
                    "remaining_time_transcription": round(lag_s, 1),
                    "remaining_time_diarization": 0,
                }
            )
        ]

    def finished(self, stream: str) -> Sequence[Message]:
        """Tell that nothing follows."""
        return [_ready_to_stop()]


def _line(caption: Caption) -> dict[str, object]:
    return {
        "speaker": 1,
        "text": caption.source.committed,
        "start": _clock_time(caption.start_s),
        "end": _clock_time(caption.end_s),
        "translation": caption.target.committed,
        "detected_language": caption.source.lang,
    }


def _ready_to_stop() -> str:
    return to_json({"type": "ready_to_stop"})


def _clock_time(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
