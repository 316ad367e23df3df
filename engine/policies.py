"""The three policies behind the translator protocol, on the models' networks.

`FretnaTranslator` edits its previous hypothesis in one parallel pass, `RetaTranslator` generates
anew token by token, `WaitKTranslator` appends and never looks back. Tokens stay inside: the
engine sees words.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from engine.stability import common_prefix
from engine.translator import Hypothesis, Translator, TranslatorSession
from models.autoregressive import AutoregressiveTransformer, IncrementalDecoder, greedy
from models.checkpoint import read_checkpoint
from models.ctc import BLANK_ID, best_path, collapse
from models.fretna import HIDDEN, Fretna
from models.tokenizer import BOS_ID, EOS_ID, Tokenizer
from models.translation import TranslatorConfig, source_ids

_CLOSING = ".,;:!?…"


def load_translator(directory: Path, *, device: str = "cpu", wait: int = 3) -> Translator:
    """The translator of a checkpoint folder.

    Args:
        directory: a `fretna`, `reta` or `wait-k` checkpoint.
        device: where the network runs.
        wait: head start of Wait-k in source words; the other policies ignore it.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or of another kind.
    """
    checkpoint = read_checkpoint(directory).expect("fretna", "reta", "wait-k")
    tokenizer = Tokenizer(checkpoint.tokenizer)
    if checkpoint.kind == "fretna":
        return FretnaTranslator(Fretna.from_checkpoint(checkpoint, device), tokenizer)
    model = AutoregressiveTransformer.from_checkpoint(checkpoint, device)
    if checkpoint.kind == "reta":
        return RetaTranslator(model, tokenizer)
    return WaitKTranslator(model, tokenizer, wait=wait)


class _ModelTranslator:
    """What the translators share: a tokeniser and the languages of the model."""

    def __init__(self, config: TranslatorConfig, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._config = config

    @property
    def source_lang(self) -> str:
        """ISO 639-1 code of the language it reads."""
        return self._config.source_lang

    @property
    def target_lang(self) -> str:
        """ISO 639-1 code of the language it writes."""
        return self._config.target_lang

    def word_tokens(self, words: Sequence[str]) -> list[int]:
        """Target tokens of whole words."""
        return self.tokenizer.encode(" ".join(words))

    def words(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Whole text of target tokens as words."""
        return tuple(self.tokenizer.decode(tokens).split())

    def hypothesis(self, tokens: Sequence[int], committed: tuple[str, ...]) -> Hypothesis:
        """A hypothesis that was forced to begin with the committed words."""
        words = self.words(tokens)
        n = len(committed)
        if words[:n] != committed:  # their spelling does not survive the tokeniser
            words = committed + words[n:]
        return Hypothesis(words=words, n_fixed=n)


class FretnaTranslator(_ModelTranslator):
    """Re-translation in one parallel pass; see `models.fretna`."""

    def __init__(self, model: Fretna, tokenizer: Tokenizer) -> None:
        super().__init__(model.config, tokenizer)
        self.model = model

    def words(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Whole text of target tokens as words.

        Slots do not see each other's choice, so a word may be complete and a punctuation mark
        still follow as a word of its own: it joins the word before.
        """
        texts, start = [], 0
        for end in self.word_ends(tokens):
            texts.append("".join(self.tokenizer.decode(tokens[start:end]).split()))
            start = end
        return tuple(text for text in texts if text)

    def word_ends(self, tokens: Sequence[int]) -> list[int]:
        """How many tokens make the first word, the first two, and so on."""
        ends: list[int] = []
        start = 0
        for end in range(1, len(tokens) + 1):
            if not self.tokenizer.ends_word[tokens[end - 1]] and end < len(tokens):
                continue
            text = self.tokenizer.decode(tokens[start:end])
            if ends and text and not text.strip(_CLOSING):
                ends[-1] = end
            else:
                ends.append(end)
            start = end
        return ends

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _FretnaSession(self)


class _FretnaSession:
    """Remembers the source and the slots of the previous hypothesis."""

    def __init__(self, translator: FretnaTranslator) -> None:
        self._translator = translator
        self._source: list[int] = []
        self._path: list[int] = []

    @torch.inference_mode()
    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        """Fill the slots of the source prefix; committed words are a forced prefix."""
        translator = self._translator
        tokens = translator.tokenizer.encode(source_prefix)
        if not tokens:
            return Hypothesis(words=committed, n_fixed=len(committed))
        source = source_ids(tokens, finished=finished)
        forced, revealed = self._keep(committed, source)
        log_probs = translator.model.log_probs(source, revealed)
        self._source = source
        try:
            self._path = best_path(log_probs, forced)
        except ValueError:  # the source shrank: it has no room for all that was committed
            self._path = []
            return Hypothesis(words=committed, n_fixed=len(committed))
        return translator.hypothesis(collapse(self._path), committed)

    def _keep(
        self, committed: tuple[str, ...], source: Sequence[int]
    ) -> tuple[list[int], list[int] | None]:
        """Tokens of the committed words, and the slots that they keep from the last hypothesis."""
        translator = self._translator
        if not committed:
            return [], None
        previous = collapse(self._path)
        ends = translator.word_ends(previous)
        forced = previous[: ends[min(len(committed), len(ends)) - 1]] if ends else []
        whole = bool(forced) and translator.tokenizer.ends_word[forced[-1]]
        if not whole or translator.words(forced) != committed:
            return translator.word_tokens(committed), None
        n_same = common_prefix(self._source, source) * translator.model.config.upsampling
        revealed = [HIDDEN] * min(n_same, len(self._path))
        n_seen, last = 0, BLANK_ID
        for slot in range(len(revealed)):
            label = self._path[slot]
            n_seen += label not in (BLANK_ID, last)
            last = label
            if n_seen > len(forced) or (n_seen == len(forced) and label == BLANK_ID):
                break
            revealed[slot] = label
        return forced, revealed


class RetaTranslator(_ModelTranslator):
    """Autoregressive re-translation: the whole hypothesis anew with every source prefix."""

    def __init__(self, model: AutoregressiveTransformer, tokenizer: Tokenizer) -> None:
        super().__init__(model.config, tokenizer)
        self.model = model

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _RetaSession(self)


class _RetaSession:
    """Stateless but for its translator."""

    def __init__(self, translator: RetaTranslator) -> None:
        self._translator = translator

    @torch.inference_mode()
    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        """Generate greedily behind the committed words."""
        translator = self._translator
        tokens = translator.tokenizer.encode(source_prefix)
        if not tokens:
            return Hypothesis(words=committed, n_fixed=len(committed))
        source = source_ids(tokens, finished=finished)
        prefix = translator.word_tokens(committed)
        return translator.hypothesis(greedy(translator.model, source, prefix), committed)


class WaitKTranslator(_ModelTranslator):
    """Wait-k: the (n+1)-th target word is written when k + n source words were read."""

    def __init__(
        self, model: AutoregressiveTransformer, tokenizer: Tokenizer, *, wait: int
    ) -> None:
        super().__init__(model.config, tokenizer)
        if wait < 1:
            raise ValueError(f"wait {wait} is less than 1")
        self.model = model
        self.wait = wait

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _WaitKSession(self)


class _WaitKSession:
    """Caches of both sides; what was written stays, even if the source is taken back."""

    def __init__(self, translator: WaitKTranslator) -> None:
        self._translator = translator
        self._decoder = IncrementalDecoder(translator.model)
        self._source: list[int] = []
        self._target: list[int] = []
        self._n_words = 0
        self._ended = False

    @torch.inference_mode()
    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        """Read the new source tokens, write the words that the policy allows."""
        translator = self._translator
        tokens = translator.tokenizer.encode(source_prefix)
        if tokens:
            self._read(source_ids(tokens, finished=finished))
            n_read = sum(translator.tokenizer.ends_word[token] for token in tokens)
            limit = 2 * len(tokens) + 16
            while not self._ended and len(self._target) < limit:
                if not finished and n_read < translator.wait + self._n_words:
                    break
                if not self._write(finished=finished):
                    break
        words = translator.words(self._target if finished else self._complete())
        return Hypothesis(words=words, n_fixed=len(words))

    def _complete(self) -> list[int]:
        """The tokens written up to the end of the last complete word."""
        ends_word = self._translator.tokenizer.ends_word
        n = len(self._target)
        while n and not ends_word[self._target[n - 1]]:
            n -= 1
        return self._target[:n]

    def _read(self, source: list[int]) -> None:
        same = common_prefix(self._source, source)
        self._decoder.forget_source(same)
        if len(source) > same:
            device = self._translator.model.embedding.weight.device
            self._decoder.read(torch.tensor([source[same:]], device=device))
        self._source = source

    def _write(self, *, finished: bool) -> bool:
        """Write one token; false if the model has no more to say for now."""
        last = self._target[-1] if self._target else BOS_ID
        device = self._translator.model.embedding.weight.device
        token = int(self._decoder.step(torch.tensor([[last]], device=device))[0].argmax())
        if token == EOS_ID:
            self._ended = finished
            if not finished:  # more source may come: ask again then
                self._decoder.forget_target(self._decoder.n_written - 1)
            return False
        self._target.append(token)
        self._n_words += self._translator.tokenizer.ends_word[token]
        return True
