"""ReTA, autoregressive re-translation: the whole hypothesis anew with every source prefix."""

from functools import partial

from engine.policies.base import ModelTranslator, RetranslationSession
from engine.policies.config import PolicyConfig
from engine.translator import TranslatorSession
from models.autoregressive import AutoregressiveTransformer
from models.decoding import Bias, beam_search, greedy
from models.speculation import follow
from models.tokenizer import Tokenizer


class RetaTranslator(ModelTranslator):
    """Greedy or beam search, optionally biased towards the previous hypothesis."""

    def __init__(
        self,
        model: AutoregressiveTransformer,
        tokenizer: Tokenizer,
        policy: PolicyConfig | None = None,
    ) -> None:
        super().__init__(model.config, tokenizer)
        self.model = model
        self.policy = policy or PolicyConfig()

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _RetaSession(self)


class _RetaSession(RetranslationSession):
    """Remembers the previous hypothesis, for those searches that want it."""

    _translator: RetaTranslator

    def __init__(self, translator: RetaTranslator) -> None:
        super().__init__(translator)
        self._previous: list[int] = []

    def translate(self, source: list[int], committed: tuple[str, ...]) -> list[int]:
        """Search behind the committed words."""
        model, policy = self._translator.model, self._translator.policy
        prefix = self._translator.word_tokens(committed)
        bias = Bias(self._previous, policy.bias)
        if policy.beam > 1:
            target = beam_search(model, source, prefix, beam=policy.beam, bias=bias)
        else:
            draft = partial(follow, self._previous) if policy.speculative else None
            target = greedy(model, source, prefix, bias=bias, propose=draft)
        self._previous = target
        return target
