"""Source prefixes, what was read so far of one segment, and the readers that make them."""

from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePrefix:
    """What is known of one source segment at one moment.

    Successive prefixes of a segment replace one another: the committed text only grows, the
    tentative text may change or shrink (the recogniser takes words back). Segments count up; a
    segment's last prefix is `finished` and has no tentative text.

    A segment may end in mid-sentence: where speech runs on longer than a reader can hold, or stops
    for a moment after a word or two. Its last prefix says that it `goes_on`, and the next segment,
    perhaps an empty one, continues the sentence.
    """

    segment: int
    lang: str
    """ISO 639-1 code; may still change while nothing is committed."""
    committed: str
    tentative: str
    finished: bool
    goes_on: bool = False
    """Whether the next segment continues this one, which is finished."""
    start_s: float
    """Session time where the segment's source starts, in seconds."""
    end_s: float
    """Session time of the last source used, in seconds."""
    spoken_s: tuple[float, ...] = ()
    """Session time at the end of every word of `text`; empty if the reader does not know."""
    recognised_s: tuple[float, ...] = ()
    """Session time since when every word of `text` has stood there; empty until it is noted, see
    `engine.word_times`."""
    translation: str | None = None
    """The segment in the target language, as far as it was heard, where the recogniser itself
    translates speech."""

    @property
    def text(self) -> str:
        """Committed and tentative words as one string."""
        return " ".join(part for part in (self.committed, self.tentative) if part)


class SourceReader(Protocol[T_contra]):
    """Makes source prefixes of a stream: the recogniser of audio chunks, live text of characters.

    Its calls come one at a time, from the worker thread.
    """

    def accept(self, item: T_contra) -> list[SourcePrefix]:
        """Read the next item; the prefixes that changed, in order."""
        ...

    def finish(self) -> list[SourcePrefix]:
        """The stream has ended: finish the open segment."""
        ...


@runtime_checkable
class StretchableReader(Protocol):
    """A reader that can work less often; the pipeline asks it to when the machine is too slow."""

    def stretch(self, factor: int) -> None:
        """Make every step from the next one on `factor` times as long as it was set."""
        ...
