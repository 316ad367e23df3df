"""Captions for the tests of the overlay: single ones, and random streams that keep the rules."""

from random import Random

from hypothesis import strategies as st

from engine.captions import Caption, Text


def caption(
    target: str = "",
    tentative: str = "",
    *,
    segment: int = 0,
    revision: int = 0,
    final: bool = False,
    source: str = "",
    lang: str = "de",
    session: str = "s",
    seq: int = 0,
) -> Caption:
    """A caption with everything else at a default."""
    return Caption(
        session=session,
        seq=seq,
        segment=segment,
        revision=revision,
        source=Text(lang="en", committed=source, tentative=""),
        target=Text(lang=lang, committed=target, tentative=tentative),
        final=final,
        start_s=0.0,
        end_s=1.0,
        emitted_s=1.0,
        erased=0,
    )


SPECIAL = ["您好，", "世界", "（好）", "x" * 70, "e\u0301te\u0301", "42", "Übung"]
WORDS = st.one_of(st.text("abcdefghij", min_size=1, max_size=9), st.sampled_from(SPECIAL))


@st.composite
def streams(draw: st.DrawFn, *, interleaved: bool = False) -> list[Caption]:
    """The captions of a session: committed text grows, tentative text does what it likes."""
    n_segments = draw(st.integers(1, 4))
    n_words = draw(st.integers(0, 25))
    chance = Random(draw(st.integers(0, 2**32)))  # drawing each word takes hypothesis too long
    texts = [_words(chance, n_words) for _ in range(n_segments)]
    done = [0] * n_segments
    revisions = [0] * n_segments
    running = list(range(n_segments))
    captions: list[Caption] = []
    while running:
        segment = chance.choice(running[: 2 if interleaved else 1])
        words = texts[segment]
        done[segment] = chance.randint(done[segment], min(len(words), done[segment] + 5))
        final = done[segment] == len(words)
        tentative = [] if final else _words(chance, 20)
        committed = " ".join(words[: done[segment]])
        captions.append(
            caption(
                committed,
                " ".join(tentative),
                source=committed,
                segment=segment,
                revision=revisions[segment],
                final=final,
                seq=len(captions),
            )
        )
        revisions[segment] += 1
        if final:
            running.remove(segment)
    return captions


def _words(chance: Random, at_most: int) -> list[str]:
    plain = ["".join(chance.choices("abcdefghij", k=chance.randint(1, 9))) for _ in range(5)]
    return chance.choices(plain + SPECIAL, k=chance.randint(0, at_most))
