"""ReTA of other depths without training: it writes as many tokens as the trained ReTA does.

What an update costs depends on the layers and on the number of tokens, not on the weights. So a
network of random weights that is held to the lengths of trained output shows what the same update
would cost at another depth.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from app.bench.timing import Prefixes
from engine.policies.base import ModelTranslator, RetranslationSession
from engine.translator import TranslatorSession
from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import TOKENIZER_FILE, read_config, save_checkpoint
from models.decoding import Writer
from models.export.ctranslate2 import export
from models.export.engine import ExportedTranslator
from models.tokenizer import Tokenizer
from models.translator_config import TranslatorConfig, source_ids

DEPTHS = ((6, 6), (6, 1))
"""Encoder and decoder layers: those of the literature, and deep before shallow."""

Write = Callable[[Sequence[int], int], list[int]]
"""Source, and how many tokens to write → so many."""


def forced_name(depth: tuple[int, int]) -> str:
    """How the tables call it: `reta 6-1, random weights`."""
    return f"reta {depth[0]}-{depth[1]}, random weights"


class TargetLengths:
    """How many tokens greedy ReTA writes, looked up before anything is timed.

    Args:
        exported: the trained ReTA on CTranslate2, in single precision.
    """

    def __init__(self, exported: Path) -> None:
        self.config = TranslatorConfig.from_dict(read_config(exported))
        self.tokenizer = Tokenizer.from_file(exported / TOKENIZER_FILE)
        self._reference = ExportedTranslator(exported, self.tokenizer, self.config)
        self._known: dict[tuple[int, ...], int] = {}

    def learn(self, prefixes: Prefixes) -> None:
        """Find out the lengths for the prefixes of a sentence."""
        for prefix, finished in prefixes:
            source = source_ids(self.tokenizer.encode(prefix), finished=finished)
            self._known[tuple(source)] = len(self._reference.translate(source))

    def __getitem__(self, source: Sequence[int]) -> int:
        """The length for a source that was learnt."""
        return self._known[tuple(source)]


class ForcedTranslator(ModelTranslator):
    """Writes so many tokens, whatever they are.

    Args:
        lengths: how many for each source.
        write: what is measured.
    """

    def __init__(self, lengths: TargetLengths, write: Write) -> None:
        super().__init__(lengths.config, lengths.tokenizer)
        self.lengths = lengths
        self.write = write

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _ForcedSession(self)


class _ForcedSession(RetranslationSession):
    _translator: ForcedTranslator

    def translate(self, source: list[int], committed: tuple[str, ...]) -> list[int]:
        """As many tokens as the trained ReTA writes."""
        translator = self._translator
        return translator.write(source, translator.lengths[source])


def random_reta(lengths: TargetLengths, depth: tuple[int, int]) -> AutoregressiveTransformer:
    """An untrained ReTA that is like the trained one but for its depth."""
    torch.manual_seed(1)
    config = dataclasses.replace(
        lengths.config, n_encoder_layers=depth[0], n_decoder_layers=depth[1]
    )
    return AutoregressiveTransformer(config).eval()


def force_eager(lengths: TargetLengths, depth: tuple[int, int], device: str) -> ForcedTranslator:
    """The translator of a depth in torch."""
    model = random_reta(lengths, depth).to(device)

    def write(source: Sequence[int], n_tokens: int) -> list[int]:
        writer = Writer(model)
        writer.read(source)
        for _ in range(n_tokens + 1):  # the last step is the one that ends a trained output
            writer.written.append(writer.next_token())
        return writer.written[:n_tokens]

    return ForcedTranslator(lengths, write)


def force_exported(
    lengths: TargetLengths, depth: tuple[int, int], folder: Path, n_threads: int
) -> ForcedTranslator:
    """The translator of a depth on CTranslate2, in int8.

    Args:
        lengths: of the trained ReTA.
        depth: encoder and decoder layers.
        folder: where the export is written, or was before.
        n_threads: of the engine.
    """
    name = f"reta-{depth[0]}-{depth[1]}"
    checkpoint, out = folder / f"{name}-random", folder / f"{name}-random-int8"
    model = random_reta(lengths, depth)
    if not out.exists():
        save_checkpoint(checkpoint, model.config.to_dict(), model, lengths.tokenizer.model)
        export(checkpoint, out, "int8")
    engine = ExportedTranslator(out, lengths.tokenizer, model.config, n_threads=n_threads)

    def write(source: Sequence[int], n_tokens: int) -> list[int]:
        return engine.translate(source, n_tokens=n_tokens + 1)[:n_tokens]

    return ForcedTranslator(lengths, write)
