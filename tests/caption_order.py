"""The order of captions: the invariants of `engine.captions`, but for those of times."""

from dataclasses import dataclass, field

from engine.captions import Caption, ProtocolError


@dataclass(slots=True)
class CaptionOrder:
    """Checks, caption by caption, that a session's captions keep the invariants."""

    _next_seq: int | None = None
    _last: dict[int, Caption] = field(default_factory=dict)

    def check(self, caption: Caption) -> None:
        """Accept the next caption of the session.

        Raises:
            ProtocolError: the caption breaks an invariant against those before it.
        """
        if self._next_seq is not None and caption.seq != self._next_seq:
            raise ProtocolError(f"seq {caption.seq} follows {self._next_seq - 1}")
        self._next_seq = caption.seq + 1
        if caption.final and (caption.source.tentative or caption.target.tentative):
            raise ProtocolError(f"final caption {caption.seq} has tentative text")
        last = self._last.get(caption.segment)
        if last is None:
            if caption.revision != 0:
                raise ProtocolError(f"segment {caption.segment} starts at {caption.revision}")
        else:
            self._check_successor(last, caption)
        self._last[caption.segment] = caption

    @staticmethod
    def _check_successor(last: Caption, caption: Caption) -> None:
        if last.final:
            raise ProtocolError(f"a caption follows the final of segment {caption.segment}")
        if caption.revision != last.revision + 1:
            raise ProtocolError(f"revision {caption.revision} follows {last.revision}")
        for name, old, new in (
            ("source", last.source.committed, caption.source.committed),
            ("target", last.target.committed, caption.target.committed),
        ):
            if not extends(old, new):
                raise ProtocolError(f"committed {name} {old!r} became {new!r}")


def extends(prefix: str, text: str) -> bool:
    """Whether `text` starts with the whole words of `prefix`."""
    words = prefix.split()
    return text.split()[: len(words)] == words
