"""Which recognised words may be committed: agreement between steps, and enough right context.

Pure: words with frame numbers in, committed and tentative words out. Frames count from the start
of an utterance, whatever window was encoded.

The rule is that of local agreement (Liu et al. 2020; Macháček et al. 2023), on token *and* time,
together with a delay: a word is committed when all its tokens stood at the same place in the
previous hypotheses too, and lie far enough behind the newest frame for the encoder to have seen
what follows. Committed words never change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.acoustics import WORD_MARK, Token

MATCH_FRAMES = 2
"""A token counts as the same in another hypothesis if it moved by at most this many frames."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and the frames where its tokens were heard."""

    text: str
    tokens: tuple[Token, ...]

    @property
    def first_frame(self) -> int:
        """Frame of its first token."""
        return self.tokens[0].first_frame

    @property
    def last_frame(self) -> int:
        """Last frame of its last token."""
        return self.tokens[-1].last_frame

    @property
    def confidence(self) -> float:
        """Confidence of its least sure token, 0 to 1."""
        return min(token.confidence for token in self.tokens)

    def matches(self, other: "Word") -> bool:
        """Whether `other` is the same word at the same place, token by token."""
        return len(self.tokens) == len(other.tokens) and all(
            a.piece == b.piece and abs(a.first_frame - b.first_frame) <= MATCH_FRAMES
            for a, b in zip(self.tokens, other.tokens, strict=True)
        )


def group_words(tokens: Sequence[Token]) -> list[Word]:
    """Join tokens to words at the word marks.

    A mark that is a token of its own only separates: it is often emitted well before its word,
    and says nothing about where that begins.
    """
    groups: list[list[Token]] = []
    for token in tokens:
        if token.piece.startswith(WORD_MARK) or not groups:
            groups.append([])
        groups[-1].append(token)
    words = []
    for group in groups:
        sounding = tuple(token for token in group if token.piece != WORD_MARK)
        if sounding:
            text = "".join(token.piece for token in sounding).replace(WORD_MARK, "")
            words.append(Word(text, sounding))
    return words


def words_after(committed: Sequence[Word], words: Sequence[Word]) -> list[Word]:
    """The part of a hypothesis that follows the committed words.

    The hypothesis may start anywhere in the committed words (its window was trimmed) and may
    disagree with them (it has seen more). Where it has the last committed word at its place, the
    rest starts behind it; otherwise behind the last committed frame.
    """
    if not committed:
        return list(words)
    last = committed[-1]
    distances = {
        index: abs(word.last_frame - last.last_frame)
        for index, word in enumerate(words)
        if word.text == last.text
    }
    index = min(distances, key=distances.__getitem__, default=-1)
    if index >= 0 and distances[index] <= MATCH_FRAMES + 1:
        return list(words[index + 1 :])
    return [word for word in words if word.first_frame > last.last_frame]


class WordAgreement:
    """The committed and the tentative words of one utterance."""

    def __init__(self, *, right_context: int, n_agreeing: int, certain_after: int) -> None:
        """Start without words.

        Args:
            right_context: frames that must follow a word before it may be committed.
            n_agreeing: earlier hypotheses, in a row, that must hold the word at its place.
            certain_after: frames after which a word is committed without agreement, so that
                one that comes and goes cannot hold up all that follow.
        """
        self._right_context = right_context
        self._n_agreeing = n_agreeing
        self._certain_after = certain_after
        self._committed: list[Word] = []
        self._tentative: list[Word] = []
        self._earlier: list[list[Word]] = []  # newest first; each continues the committed words

    @property
    def committed(self) -> Sequence[Word]:
        """Words that will not change."""
        return self._committed

    @property
    def tentative(self) -> Sequence[Word]:
        """Words of the newest hypothesis behind the committed ones."""
        return self._tentative

    def step(self, words: Sequence[Word], n_frames: int, *, pause_frames: int) -> None:
        """Take the hypothesis of a window that ends after frame `n_frames` - 1.

        A pause of `pause_frames` or more is not committed across: the words behind it may become
        those of another segment.
        """
        rest = words_after(self._committed, words)
        n_ready = _count_to_pause(rest[: self._count_ready(rest, n_frames)], pause_frames)
        hypotheses = [rest, *self._earlier][: max(self._n_agreeing, 1)]
        self._committed.extend(rest[:n_ready])
        self._tentative = rest[n_ready:]
        self._earlier = [words_after(self._committed, earlier) for earlier in hypotheses]

    def finish(self, words: Sequence[Word]) -> None:
        """Commit the rest of the last hypothesis, which has seen all of the utterance."""
        self._committed.extend(words_after(self._committed, words))
        self._tentative = []
        self._earlier = []

    def forget(self, n_words: int) -> None:
        """Drop the first committed words, which are no longer needed."""
        del self._committed[:n_words]

    def _count_ready(self, rest: Sequence[Word], n_frames: int) -> int:
        for index, word in enumerate(rest):
            n_following = n_frames - 1 - word.last_frame
            if n_following >= self._certain_after:
                continue
            if n_following < self._right_context or not self._agreed(index, word):
                return index
        return len(rest)

    def _agreed(self, index: int, word: Word) -> bool:
        if len(self._earlier) < self._n_agreeing:
            return False
        return all(
            index < len(earlier) and earlier[index].matches(word)
            for earlier in self._earlier[: self._n_agreeing]
        )


def _count_to_pause(words: Sequence[Word], pause_frames: int) -> int:
    for index, (word, following) in enumerate(pairwise(words), start=1):
        if following.first_frame - word.last_frame - 1 >= pause_frames:
            return index
    return len(words)
