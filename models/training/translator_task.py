"""What the training tasks of all translators share."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import sacrebleu
import torch
from torch import Tensor

from models.checkpoint import save_checkpoint
from models.tokenizer import Tokenizer
from models.training.pair_stream import PairRows, PairStream
from models.training.translation_data import Batch, DataConfig, Pair, read_pairs
from models.translation import TranslatorNetwork
from models.translator_config import TranslatorConfig, source_ids


class TranslatorTask:
    """Data, development BLEU, saving; a subclass brings the loss and how its model translates."""

    score_name = "bleu"
    higher_is_better = True
    model: TranslatorNetwork

    def __init__(
        self,
        config: TranslatorConfig,
        data: DataConfig,
        tokenizer: Tokenizer,
        data_root: Path,
        extra_pairs: Sequence[Pair] = (),
    ) -> None:
        self.config = config
        self._data = data
        self._tokenizer = tokenizer
        pairs = [pair for name in data.train for pair in read_pairs(data_root / name)]
        self._stream = PairStream([*pairs, *extra_pairs], tokenizer, data, config.source_lang)
        self._dev = {
            Path(name).name.split(".")[0]: read_pairs(data_root / name)[: data.n_dev]
            for name in data.dev
        }

    def batches(self, epoch: int) -> Iterator[PairRows]:
        """Which pairs are in each batch of an epoch."""
        return self._stream.epoch(epoch)

    def prepare(self, plan: PairRows) -> Batch:
        """The tensors of a batch."""
        return self._stream.batch(plan)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, float]:
        """Mean loss of a batch, and how many target tokens it holds."""
        raise NotImplementedError

    def evaluate(self) -> dict[str, float]:
        """BLEU (sacrebleu, cased, detokenised) on each development set, and their mean."""
        scores = {}
        for name, pairs in self._dev.items():
            hypotheses = self.translate([source for source, _ in pairs])
            references = [target for _, target in pairs]
            bleu = sacrebleu.corpus_bleu(hypotheses, [references]).score
            scores[f"bleu_{name}"] = round(bleu, 2)
        return {"bleu": round(sum(scores.values()) / len(scores), 2), **scores}

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """Translate complete sentences with the model as it is, sorted into batches by length."""
        ids = [source_ids(row, finished=True) for row in self._tokenizer.encode_batch(sentences)]
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        output: dict[int, str] = {}
        step = 64 if self.model.embedding.weight.device.type == "cpu" else 1024
        for start in range(0, len(order), step):
            chosen = order[start : start + step]
            rows = self._translate_ids([ids[index] for index in chosen])
            for index, row in zip(chosen, rows, strict=True):
                output[index] = self._tokenizer.decode(row)
        return [output[index] for index in range(len(ids))]

    def save(self, directory: Path, scores: dict[str, float]) -> None:
        """Write a checkpoint that `dragoman run` loads."""
        config = {**self.config.to_dict(), "dev": scores}
        save_checkpoint(directory, config, self.model, self._tokenizer.model, dtype=torch.float16)

    def _translate_ids(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        raise NotImplementedError
