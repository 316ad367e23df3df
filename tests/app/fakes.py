"""Captions and other small things for the tests of `app`."""

from engine.captions import Caption, Text


def caption(
    seq: int,
    segment: int = 0,
    revision: int = 0,
    *,
    source: tuple[str, str] = ("good morning", ""),
    target: tuple[str, str] = ("guten Morgen", ""),
    final: bool = False,
    session: str = "test",
) -> Caption:
    return Caption(
        session=session,
        seq=seq,
        segment=segment,
        revision=revision,
        source=Text(lang="en", committed=source[0], tentative=source[1]),
        target=Text(lang="de", committed=target[0], tentative=target[1]),
        final=final,
        start_s=2.0 * segment,
        end_s=2.0 * segment + 1.5,
        emitted_s=2.0 * segment + 2.0,
        erased=0,
    )


def finals(n: int, *, first: int = 0, text: str = "guten Morgen") -> list[Caption]:
    """`n` captions, each of them the only one of its segment."""
    return [caption(i, i, final=True, target=(text, "")) for i in range(first, first + n)]
