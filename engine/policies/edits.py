"""FReTNA by edits: the forms `levt` and `hybrid`; see `models.levenshtein_transformer`."""

from collections.abc import Sequence

import torch

from engine.policies.base import RetranslationSession
from engine.policies.config import PolicyConfig
from engine.policies.fretna import FretnaSession, FretnaTranslator
from engine.policies.slots import SlotTranslator
from engine.translator import TranslatorSession
from models.levenshtein_transformer import EditingNetwork, Hybrid, LevenshteinTransformer
from models.tokenizer import Tokenizer
from models.translation import pad


class EditTranslator(SlotTranslator):
    """Edits the previous translation whenever the source has grown."""

    def __init__(
        self, model: LevenshteinTransformer, tokenizer: Tokenizer, policy: PolicyConfig
    ) -> None:
        super().__init__(model.config, tokenizer)
        self.model = model
        self.policy = policy

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _EditSession(self)


class HybridTranslator(FretnaTranslator):
    """Edits a CTC draft of its own."""

    def __init__(self, model: Hybrid, tokenizer: Tokenizer, policy: PolicyConfig) -> None:
        super().__init__(model, tokenizer)
        self.editor = model
        self.policy = policy

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _HybridSession(self)


class _EditSession(RetranslationSession):
    """Remembers the previous hypothesis."""

    _translator: EditTranslator

    def __init__(self, translator: EditTranslator) -> None:
        super().__init__(translator)
        self._previous: list[int] = []

    def translate(self, source: list[int], committed: tuple[str, ...]) -> list[int]:
        """Edit the previous hypothesis behind the committed words."""
        translator = self._translator
        self._previous = _edit(
            translator, translator.model, source, self._previous, committed, translator.policy
        )
        return self._previous


class _HybridSession(FretnaSession):
    """Remembers the slots of the previous draft."""

    _translator: HybridTranslator

    def translate(self, source: list[int], committed: tuple[str, ...]) -> list[int]:
        """Draft, then edit behind the committed words."""
        draft = super().translate(source, committed)
        translator = self._translator
        return _edit(translator, translator.editor, source, draft, committed, translator.policy)


@torch.inference_mode()
def _edit(
    translator: SlotTranslator,
    model: EditingNetwork,
    source: Sequence[int],
    draft: Sequence[int],
    committed: tuple[str, ...],
    policy: PolicyConfig,
) -> list[int]:
    """One translation, refined from a draft, or from the committed words if it lacks them."""
    forced = translator.committed_tokens(committed, draft) if committed else []
    if forced is None:
        forced = draft = translator.word_tokens(committed)
    device = model.embedding.weight.device
    tokens = model.refine(
        pad([draft[: model.config.target_limit(len(source))]], device)[0],
        model.read(*pad([source], device)),
        n_forced=len(forced),
        n_iterations=policy.iterations,
        eos_penalty=policy.eos_penalty,
    )
    return [int(token) for token in tokens[0]]
