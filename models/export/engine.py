"""An exported translator on CTranslate2: token ids in, token ids out."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import CheckpointError, ExportError
from models.tokenizer import Tokenizer
from models.translator_config import TranslatorConfig

MODEL_FOLDER = "ctranslate2"
"""Subfolder that holds what CTranslate2 reads."""


def import_ctranslate2() -> Any:
    """The package, which is optional.

    Raises:
        ExportError: it is not installed.
    """
    try:
        return importlib.import_module("ctranslate2")
    except ModuleNotFoundError as error:
        raise ExportError(
            "CTranslate2 is not installed; it is in the extra `edge`: pip install -e '.[edge]'"
        ) from error


class ExportedTranslator:
    """ReTA on CTranslate2.

    Args:
        directory: what `models.export.ctranslate2.export` wrote.
        tokenizer: of the exported checkpoint.
        config: of the model.
        n_threads: of the engine.

    Raises:
        CheckpointError: the folder is not an export.
        ExportError: CTranslate2 is not installed.
    """

    def __init__(
        self, directory: Path, tokenizer: Tokenizer, config: TranslatorConfig, *, n_threads: int = 1
    ) -> None:
        ctranslate2 = import_ctranslate2()
        try:
            self._engine = ctranslate2.Translator(
                str(directory / MODEL_FOLDER), device="cpu", intra_threads=n_threads
            )
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(f"{directory}: not an exported model ({error})") from error
        self._pieces = tokenizer.pieces
        self._ids = {piece: index for index, piece in enumerate(tokenizer.pieces)}
        self._config = config

    def translate(
        self,
        source: Sequence[int],
        prefix: Sequence[int] = (),
        *,
        beam: int = 1,
        previous: Sequence[int] = (),
        bias: float = 0.0,
        n_tokens: int | None = None,
    ) -> list[int]:
        """Translate one source; ids without BOS and EOS, the prefix included.

        Args:
            source: token ids, with EOS if the segment is complete.
            prefix: what the translation has to begin with; the engine knows no bias besides.
            beam: hypotheses kept; 1 is greedy.
            previous: translation that the new one is biased to.
            bias: β of the bias; 0 for none.
            n_tokens: write exactly so many; None: until the model ends.

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        if len(source) > self._config.max_tokens:
            raise ValueError(
                f"source of {len(source)} tokens is longer than the {self._config.max_tokens} "
                "that the model reads"
            )
        biased = bias > 0 and len(previous) > 0 and not prefix
        begin = prefix or (previous if biased else ())
        (result,) = self._engine.translate_batch(
            [[self._pieces[index] for index in source]],
            [[self._pieces[index] for index in begin]] if begin else None,
            beam_size=beam,
            min_decoding_length=0 if n_tokens is None else n_tokens,
            max_decoding_length=self._config.target_limit(len(source))
            if n_tokens is None
            else n_tokens,
            prefix_bias_beta=bias if biased else 0,
        )
        return [self._ids[piece] for piece in result.hypotheses[0]]
