"""The source prefix: what was read so far of one segment, from speech or from live text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePrefix:
    """What is known of one source segment at one moment.

    Successive prefixes of a segment replace one another: the committed text only grows, the
    tentative text may change or shrink (the recogniser takes words back). Segments count up; a
    segment's last prefix is `finished` and has no tentative text.
    """

    segment: int
    lang: str
    committed: str
    tentative: str
    finished: bool
    start_s: float
    """Session time where the segment's source starts, in seconds."""
    end_s: float
    """Session time of the last source used, in seconds."""

    @property
    def text(self) -> str:
        """Committed and tentative words as one string."""
        return " ".join(part for part in (self.committed, self.tentative) if part)
