"""Searches for a translation: greedy, greedy with a verified draft, beam; each with a bias."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.autoregressive import AutoregressiveTransformer, IncrementalDecoder
from models.speculation import Proposal, common_length, follow, speculate
from models.tokenizer import BOS_ID, EOS_ID


@dataclass(frozen=True, slots=True)
class Bias:
    """Preference for a previous translation, as long as the new one has followed it.

    P' = (1 − β) P + β · 1[token of the previous translation] (Arivazhagan et al. 2020, arXiv
    1912.03393). There is no preference for ending where the previous translation ended, since
    more source was read.
    """

    tokens: Sequence[int] = ()
    beta: float = 0.0

    def after(self, written: Sequence[int]) -> Sequence[int]:
        """The tokens of the previous translation that follow what was written."""
        return follow(self.tokens, written) if self.beta > 0 else ()


class Writer:
    """One target, written token by token against a source that may grow.

    Args:
        model: which predicts the target.
        prefix: what the target begins with.
    """

    def __init__(self, model: AutoregressiveTransformer, prefix: Sequence[int] = ()) -> None:
        self.written = list(prefix)
        self._decoder = IncrementalDecoder(model)
        self._device = model.embedding.weight.device

    @torch.inference_mode()
    def read(self, source: Sequence[int], n_known: int = 0) -> None:
        """Read the source, of which `n_known` tokens are as they were (causal encoders only).

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        self._decoder.forget_source(n_known)
        if len(source) > n_known:
            self._decoder.read(torch.tensor([source[n_known:]], device=self._device))

    def predict(self, draft: Sequence[int] = ()) -> Tensor:
        """Logits of the token after what is written, and after each draft token.

        Tokens are kept in the caches from call to call, but for the last one, whose prediction is
        made anew: the source may have grown.

        Returns:
            (1 + draft, vocabulary).
        """
        # The caches hold BOS and all written tokens but the last; perhaps a rejected draft, too.
        start = min(self._decoder.n_written, len(self.written))
        self._decoder.forget_target(start)
        tokens = [BOS_ID, *self.written, *draft][start:]
        logits = self._decoder.verify(torch.tensor([tokens], device=self._device))[0]
        return logits[len(tokens) - len(draft) - 1 :]

    @torch.inference_mode()
    def next_token(self) -> int:
        """The most probable token after what is written."""
        return int(self.predict()[0].argmax())


@torch.inference_mode()
def greedy(
    model: AutoregressiveTransformer,
    source: Sequence[int],
    prefix: Sequence[int] = (),
    *,
    bias: Bias | None = None,
    propose: Proposal | None = None,
) -> list[int]:
    """Greedy translation of one source, beginning with a forced target prefix.

    Returns target token ids without BOS and EOS, the prefix included; the same with any proposal.

    Raises:
        ValueError: the source is longer than the model's positions.
    """
    bias = bias or Bias()
    writer = Writer(model, prefix)
    writer.read(source)

    def choose(draft: Sequence[int]) -> list[int]:
        favoured = bias.after(writer.written)
        return _choose(writer.predict(draft), draft, favoured, bias.beta)

    limit = model.config.target_limit(len(source))
    speculate(writer.written, choose, limit=limit, propose=propose)
    return writer.written


def _choose(
    logits: Tensor, draft: Sequence[int], favoured: Sequence[int], beta: float
) -> list[int]:
    """The best token of each row, given that the draft before it was accepted.

    Args:
        logits: (1 + draft, vocabulary).
        draft: what the rows but the first follow.
        favoured: what the bias prefers in the first row, the second, and so on, while the draft
            follows it.
        beta: of the bias.
    """
    chosen: list[int] = logits.argmax(dim=-1).tolist()
    n_biased = min(common_length(draft, favoured) + 1, len(favoured), len(chosen))
    if n_biased:
        probabilities = logits[:n_biased].float().softmax(dim=-1)
        preferred = torch.tensor(favoured[:n_biased], device=logits.device)
        lacking = probabilities.amax(dim=-1) - probabilities.gather(1, preferred[:, None])[:, 0]
        # (1 − β) p + β > (1 − β) p_max
        for row, stays in enumerate((lacking * (1 - beta) < beta).tolist()):
            chosen[row] = favoured[row] if stays else chosen[row]
    return chosen


@dataclass(frozen=True, slots=True)
class _Branch:
    """One hypothesis of a beam."""

    tokens: list[int]
    score: float
    """Log-probability of the tokens behind the forced prefix."""


@torch.inference_mode()
def beam_search(
    model: AutoregressiveTransformer,
    source: Sequence[int],
    prefix: Sequence[int] = (),
    *,
    beam: int,
    bias: Bias | None = None,
) -> list[int]:
    """The best of the first `beam` finished hypotheses by mean log-probability per token.

    Arguments, result and errors are those of `greedy`.
    """
    limit = model.config.target_limit(len(source))
    bias = bias or Bias()
    device = model.embedding.weight.device
    decoder = IncrementalDecoder(model)
    decoder.read(torch.tensor([source], device=device))
    logits = decoder.step(torch.tensor([[BOS_ID, *prefix]], device=device))
    live, finished = [_Branch(list(prefix), 0.0)], list[_Branch]()
    for length in range(len(prefix), limit):
        scores = _biased_log_probs(logits, [bias.after(b.tokens) for b in live], bias.beta)
        ranked = _extend(live, scores, 2 * beam)
        n_generated = length - len(prefix) + 1
        finished += [
            _Branch(branch.tokens, branch.score / n_generated)
            for _, token, branch in ranked[:beam]
            if token == EOS_ID
        ]
        if len(finished) >= beam:
            break
        kept = [(row, token, branch) for row, token, branch in ranked if token != EOS_ID][:beam]
        live = [_Branch([*branch.tokens, token], branch.score) for _, token, branch in kept]
        decoder.select(torch.tensor([row for row, _, _ in kept], device=device))
        logits = decoder.step(torch.tensor([[token] for _, token, _ in kept], device=device))
    return max(finished or live, key=lambda branch: branch.score).tokens


def _extend(
    live: Sequence[_Branch], log_probs: Tensor, n_best: int
) -> list[tuple[int, int, _Branch]]:
    """The best extensions, best first: row, next token, and the branch with its new score."""
    totals = log_probs + log_probs.new_tensor([branch.score for branch in live])[:, None]
    best = totals.flatten().topk(min(n_best, totals.numel()))
    extensions = []
    for score, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        row, token = divmod(index, totals.shape[1])
        extensions.append((row, token, _Branch(live[row].tokens, score)))
    return extensions


def _biased_log_probs(logits: Tensor, favoured: Sequence[Sequence[int]], beta: float) -> Tensor:
    """Log P' of every row (rows, vocabulary), biased to the first of its favoured tokens."""
    log_probs = logits.float().log_softmax(dim=-1)
    for row, tokens in enumerate(favoured):
        if tokens:
            biased = log_probs[row].exp() * (1 - beta)
            biased[tokens[0]] += beta
            log_probs[row] = biased.log()
    return log_probs
