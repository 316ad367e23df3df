"""Networks that edit: the Levenshtein Transformer and the CTC draft with an edit behind it.

Levenshtein Transformer: Gu et al. 2019, arXiv 1905.11006. A decoder without a causal mask reads
the sequence between BOS and EOS; three heads say which tokens go, how many placeholders open in
each gap, and what fills them. FReTNA (arXiv 2012.14681) starts it from the previous translation
and adds a position offset to the input of the first two heads, so that it rather appends at the
end than edits inside. The paper does not say which offset; ours is a learned vector for each
distance from the end of the sequence, zero before training.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.fretna import Fretna
from models.layers import decoder_layers, padding_mask, row_mask
from models.levenshtein import PLACEHOLDER, delete, fill, insert_placeholders
from models.tokenizer import BOS_ID, EOS_ID, PAD_ID
from models.translation import TranslatorNetwork
from models.translator_config import TranslatorConfig

MAX_PLACEHOLDERS = 255
"""Most placeholders that open in one gap at once."""

_N_OFFSETS = 32
"""Distances from the end that are told apart; all further ones are one."""


@dataclass(frozen=True, slots=True)
class EncodedSource:
    """What the decoder reads: encoded sources and their lengths."""

    memory: Tensor
    """(batch, source time, d)"""
    lengths: Tensor
    """(batch,)"""

    def rows(self, chosen: Tensor) -> "EncodedSource":
        """Some rows of the batch."""
        return EncodedSource(self.memory[chosen], self.lengths[chosen])


class EditHeads(nn.Module):
    """Placeholder and deletion heads over decoder states, and what they add to an embedding."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.placeholder_embedding = nn.Parameter(torch.randn(d_model) * d_model**-0.5)
        self.offset = nn.Embedding(_N_OFFSETS, d_model)
        nn.init.zeros_(self.offset.weight)
        self.placeholders = nn.Linear(2 * d_model, MAX_PLACEHOLDERS + 1)
        self.deletion = nn.Linear(d_model, 2)

    def count_placeholders(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Logits of the number of placeholders in each gap: (batch, time + 1, 256).

        Args:
            states: of BOS, tokens and EOS, (batch, time + 2, d).
            lengths: tokens between BOS and EOS, (batch,).
        """
        states = self._with_offset(states, lengths)
        logits: Tensor = self.placeholders(torch.cat((states[:, :-1], states[:, 1:]), dim=-1))
        return logits

    def judge(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Logits of keeping and of deleting each token: (batch, time, 2); arguments as above."""
        logits: Tensor = self.deletion(self._with_offset(states, lengths)[:, 1:-1])
        return logits

    def _with_offset(self, states: Tensor, lengths: Tensor) -> Tensor:
        steps = torch.arange(states.shape[1], device=states.device)
        distance = (lengths[:, None] + 1 - steps).clamp(0, _N_OFFSETS - 1)  # 0: EOS
        moved: Tensor = states + self.offset(distance)
        return moved


class EditingNetwork(TranslatorNetwork):
    """A network whose decoder edits sequences."""

    kinds = ("fretna",)

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__(config)
        self.heads = EditHeads(config.d_model)

    def read(self, source: Tensor, lengths: Tensor) -> EncodedSource:
        """Encode sources (batch, time).

        Raises:
            ValueError: a source is longer than the model's positions.
        """
        return EncodedSource(self.encoder(source, lengths), lengths)

    def edit_states(self, tokens: Tensor, source: EncodedSource) -> Tensor:
        """Normalised decoder states of BOS, tokens and EOS: (batch, time + 2, d).

        Args:
            tokens: ids, `PLACEHOLDER` among them, padded, (batch, time).
            source: of each row.
        """
        n_tokens = (tokens != PAD_ID).sum(dim=1)
        framed = F.pad(tokens, (1, 1), value=PAD_ID)
        framed[:, 0] = BOS_ID
        framed.scatter_(1, n_tokens[:, None] + 1, EOS_ID)
        n_steps = framed.shape[1]
        is_placeholder = (framed == PLACEHOLDER)[:, :, None]
        embedded = torch.where(
            is_placeholder,
            self.heads.placeholder_embedding,
            self.embedding(framed.clamp(min=0)),
        )
        x = embedded * self._scale + self.positions[:n_steps]
        mask = padding_mask(n_tokens + 2, n_steps)
        cross_mask = padding_mask(source.lengths, source.memory.shape[1])
        for layer in decoder_layers(self.layers):
            keys, values = layer.cross.project(source.memory)
            x = layer(x, mask, keys, values, cross_mask)
        states: Tensor = self.norm(x)
        return states

    def predict_deletions(self, tokens: Tensor, source: EncodedSource) -> Tensor:
        """Which tokens go: (batch, time)."""
        lengths = (tokens != PAD_ID).sum(dim=1)
        states = self.edit_states(tokens, source)
        deleted = self.heads.judge(states, lengths).argmax(dim=-1) == 1
        return deleted & (tokens != PAD_ID)

    def predict_insertions(
        self, tokens: Tensor, source: EncodedSource, eos_penalty: float = 0.0
    ) -> Tensor:
        """How many placeholders open in each gap: (batch, time + 1)."""
        lengths = (tokens != PAD_ID).sum(dim=1)
        logits = self.heads.count_placeholders(self.edit_states(tokens, source), lengths)
        logits[..., 0] -= eos_penalty
        return logits.argmax(dim=-1) * row_mask(lengths + 1, tokens.shape[1] + 1)

    def fill_placeholders(self, tokens: Tensor, source: EncodedSource) -> Tensor:
        """The sequence with a token in the place of each placeholder: (batch, time)."""
        places = tokens == PLACEHOLDER
        states = self.edit_states(tokens, source)[:, 1:-1][places]
        logits = F.linear(states, self.embedding.weight)
        logits[:, : EOS_ID + 1] = -torch.inf  # no special token is text
        predicted = tokens.clone()
        predicted[places] = logits.argmax(dim=-1)
        return fill(tokens, predicted)

    def refine(
        self,
        tokens: Tensor,
        source: EncodedSource,
        *,
        n_forced: int = 0,
        n_iterations: int = 1,
        eos_penalty: float = 0.0,
    ) -> Tensor:
        """Edit sequences until nothing changes: padded ids, (batch, time).

        Args:
            tokens: padded ids to start from, (batch, time); may be empty.
            source: of each row.
            n_forced: tokens at the beginning that stay as they are, the same in all rows.
            n_iterations: most iterations, each of which deletes, inserts and fills.
            eos_penalty: taken from the score of opening no placeholder, 0 to 3: against outputs
                that are too short.
        """
        for _ in range(n_iterations):
            before = tokens
            if tokens.shape[1] > n_forced:
                deleted = self.predict_deletions(tokens, source)
                deleted[:, :n_forced] = False
                tokens = delete(tokens, deleted)
            counts = self.predict_insertions(tokens, source, eos_penalty)
            counts[:, :n_forced] = 0
            tokens = insert_placeholders(tokens, self._within_limit(counts, tokens, source))
            if bool((tokens == PLACEHOLDER).any()):
                tokens = self.fill_placeholders(tokens, source)
            if torch.equal(tokens, before):
                break
        return tokens

    def _within_limit(self, counts: Tensor, tokens: Tensor, source: EncodedSource) -> Tensor:
        """The counts, cut from the right so that no row becomes longer than a target may be."""
        limits = torch.tensor(
            [self.config.target_limit(n) for n in source.lengths.tolist()], device=tokens.device
        )
        room = (limits - (tokens != PAD_ID).sum(dim=1)).clamp(min=0)[:, None]
        return torch.minimum(counts.cumsum(dim=1), room).diff(dim=1, prepend=torch.zeros_like(room))


class LevenshteinTransformer(EditingNetwork):
    """FReTNA as the paper has it: the form `levt`."""

    @staticmethod
    def max_steps(config: TranslatorConfig) -> int:
        """Most target tokens, BOS and EOS included."""
        return config.max_target_tokens + 1


class Hybrid(Fretna, EditingNetwork):
    """A CTC draft, then an edit by the same decoder: the form `hybrid` (DEER)."""

    @staticmethod
    def max_steps(config: TranslatorConfig) -> int:
        """Most slots, or target tokens with BOS and EOS."""
        return max(Fretna.max_steps(config), config.max_target_tokens + 1)
