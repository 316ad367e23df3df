"""OwsmCtc: the network with its vocabulary; what training constructs and recognition calls.

`forward`, for training, is documented in `models.owsm_ctc.network`. The methods here take audio as
one-dimensional float arrays at 16 kHz, -1 … 1, and expect the model in evaluation mode, as the
loaders return it. Nothing is padded to the 30 s of training: the official models want that from
the caller, the small models of this project do not.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sentencepiece import SentencePieceProcessor
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.checkpoint_folder import read_checkpoint, save_checkpoint
from models.errors import CheckpointError
from models.owsm_ctc.alignment import align_tokens
from models.owsm_ctc.biases import Bias
from models.owsm_ctc.config import NO_LANGUAGE, TRANSCRIBE, OwsmCtcConfig
from models.owsm_ctc.decoding import Run, frame_start_s, greedy_runs
from models.owsm_ctc.geometry import MIN_SAMPLES, PREFIX_FRAMES, RATE_HZ
from models.owsm_ctc.long_form import Buffering
from models.owsm_ctc.network import OwsmCtcNetwork
from models.owsm_ctc.prefix_search import beam_search
from models.owsm_ctc.recognition import Recognition, Token, Word, join_words
from models.owsm_ctc.spectrum import check_audio
from models.owsm_ctc.vocabulary import Vocabulary, read_tokenizer

KIND = "owsm-ctc"
Audio = NDArray[np.floating]

_MAX_BUFFERS_AT_ONCE = 4  # buffers of long audio in one batch; bounds the memory


class OwsmCtc(OwsmCtcNetwork):
    """A recogniser.

    Args:
        config: sizes and vocabulary.
        tokenizer: sentencepiece model of the text; without it the model can be trained and run,
            but not read or write text.
    """

    def __init__(
        self, config: OwsmCtcConfig, tokenizer: SentencePieceProcessor | None = None
    ) -> None:
        super().__init__(config)
        self._vocabulary = Vocabulary(config.tokens, tokenizer) if tokenizer else None

    @classmethod
    def from_checkpoint(cls, directory: Path, device: torch.device | str = "cpu") -> "OwsmCtc":
        """Load a checkpoint folder of this project, ready for inference.

        Raises:
            CheckpointError: it is missing, damaged, or of another kind.
        """
        checkpoint = read_checkpoint(directory).expect(KIND)
        try:
            config = OwsmCtcConfig.from_json(checkpoint.config["model"])
            model = cls(config, read_tokenizer(checkpoint.tokenizer))
        except KeyError as error:
            raise CheckpointError(f"{directory}: config.json lacks {error}") from error
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{directory}: {error}") from error
        checkpoint.load_into(model)
        return model.to(device).eval()

    def save(
        self,
        directory: Path,
        *,
        dtype: torch.dtype = torch.float32,
        facts: dict[str, object] | None = None,
    ) -> None:
        """Write a checkpoint folder that `from_checkpoint` reads.

        Args:
            directory: created if absent.
            dtype: of the stored tensors.
            facts: further JSON values for `config.json`, such as the training data.
        """
        tokenizer = self.vocabulary.tokenizer.serialized_model_proto()
        config = {**(facts or {}), "kind": KIND, "model": self.config.to_json()}
        save_checkpoint(directory, config, self, tokenizer, dtype=dtype)

    @property
    def vocabulary(self) -> Vocabulary:
        """Tokens, languages and tasks; asking for it needs a model with a tokenizer."""
        if self._vocabulary is None:
            raise ValueError("this model was made without a tokenizer")
        return self._vocabulary

    @torch.inference_mode()
    def log_probs(
        self,
        audio: Sequence[Audio],
        *,
        lang: Sequence[str],
        task: Sequence[str],
        prompt: Sequence[str | None],
        apart: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Return CTC log-probabilities of a batch.

        Rows shorter than the longest are padded with zeros. As in the original, the convolutions
        see that padding: a padded row differs slightly from the same audio alone.

        Args:
            audio: samples of each row; below 140 ms it is filled up with silence.
            lang: language of each row, such as `<eng>`, or `<nolang>`.
            task: `<asr>` or `<st_xxx>` for each row.
            prompt: text before each row; None, an empty text or one with `<na>` means none.
            apart: whether a padded row is to be the same as alone.

        Returns:
            (batch, frames, vocabulary), the two prefix frames included, and (batch,) valid frames.

        Raises:
            ValueError: the sequences differ in length, the audio is not finite mono float audio,
                or the model does not know a language or task.
        """
        if not len(audio) == len(lang) == len(task) == len(prompt) >= 1:
            raise ValueError(
                f"a batch needs as many languages, tasks and prompts as audios, at least one; got "
                f"{len(audio)} audios, {len(lang)}, {len(task)}, {len(prompt)}"
            )
        vocabulary, device = self.vocabulary, self.head.weight.device
        rows = [check_audio(row) for row in audio]
        prefixes = [
            [vocabulary.language_id(one_lang), vocabulary.task_id(one_task)]
            for one_lang, one_task in zip(lang, task, strict=True)
        ]
        prompts = [vocabulary.prompt_ids(one) for one in prompt]
        prompt_lengths = [len(ids) for ids in prompts]
        longest = max(prompt_lengths)
        # Any id does as padding: attention does not reach it.
        padded = [ids + [0] * (longest - len(ids)) for ids in prompts]
        if apart:  # the spectrum of a row's last frame reflects its end
            alone = [self._features([row]) for row in rows]
            features = pad_sequence([one[0] for one, _ in alone], batch_first=True)
            feature_lengths = torch.cat([length for _, length in alone])
        else:
            features, feature_lengths = self._features(rows)
        output = self(
            features.to(self.head.weight.dtype),
            feature_lengths if len(audio) > 1 else None,
            torch.tensor(prefixes, device=device),
            torch.tensor(padded, device=device),
            torch.tensor(prompt_lengths, device=device),
            keep_inter=False,
            apart=apart,
        )
        return output.log_probs, output.lengths

    def _features(self, rows: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
        """Return (batch, mel frames, n_mels) and (batch,) of audio."""
        device = self.head.weight.device
        samples, lengths = _batch_audio(rows)
        features, feature_lengths = self.frontend(samples.to(device), lengths.to(device))
        return features, feature_lengths

    def recognize(
        self,
        audio: Audio,
        *,
        lang: str = NO_LANGUAGE,
        task: str = TRANSCRIBE,
        prompt: str | None = None,
        beam: int = 1,
        bias: Bias | None = None,
    ) -> Recognition:
        """Recognise audio in one pass; see `log_probs` for the other arguments and errors.

        Args:
            audio: samples.
            lang: as in `log_probs`.
            task: as in `log_probs`.
            prompt: text before the audio.
            beam: hypotheses of a prefix beam search, whose best one is then aligned with the
                audio for its times; 1 without a bias takes the best token of each frame instead.
            bias: scores of token sequences, added to those of the sound.
        """
        batch, _ = self.log_probs([audio], lang=[lang], task=[task], prompt=[prompt])
        frames = batch[0]
        if beam == 1 and bias is None:
            runs = greedy_runs(frames)
        else:
            runs = _beam_runs(frames.cpu().numpy(), beam, bias)
        return self._recognition([_shifted(run) for run in runs], self.detected_language(frames))

    def recognize_long(
        self,
        audio: Audio,
        *,
        context_s: float,
        lang: str = NO_LANGUAGE,
        task: str = TRANSCRIBE,
        prompt: str | None = None,
    ) -> Recognition:
        """Recognise audio of any length in overlapping buffers, greedily.

        Args:
            audio: samples.
            context_s: seconds on both sides of each buffer that are encoded and dropped, a
                multiple of 0.08.
            lang: as in `log_probs`. With `<nolang>` each buffer finds its own language; the
                language returned is that of the first.
            task: as in `log_probs`.
            prompt: text before the audio; only the first buffer gets it.
        """
        log_probs = self.buffer_log_probs(
            audio, context_s=context_s, lang=lang, task=task, prompt=prompt
        )
        frames = Buffering(self.config.buffer_s, context_s).join(log_probs, len(audio))
        return self._recognition(greedy_runs(frames), self.detected_language(log_probs[0]))

    def buffer_log_probs(
        self,
        audio: Audio,
        *,
        context_s: float,
        lang: str = NO_LANGUAGE,
        task: str = TRANSCRIBE,
        prompt: str | None = None,
    ) -> Tensor:
        """Return (buffers, frames, vocabulary) of long audio, prefix frames and context included.

        `models.owsm_ctc.long_form.Buffering` joins them. Arguments as in `recognize_long`.
        """
        buffers = Buffering(self.config.buffer_s, context_s).cut(check_audio(audio))
        prompts = [prompt, *[None] * (len(buffers) - 1)]
        parts = []
        for first in range(0, len(buffers), _MAX_BUFFERS_AT_ONCE):
            rows = buffers[first : first + _MAX_BUFFERS_AT_ONCE]
            log_probs, _ = self.log_probs(
                list(rows),
                lang=[lang] * len(rows),
                task=[task] * len(rows),
                prompt=prompts[first : first + _MAX_BUFFERS_AT_ONCE],
            )
            parts.append(log_probs)
        return torch.cat(parts)

    def align(
        self,
        audio: Audio,
        text: str,
        *,
        lang: str = NO_LANGUAGE,
        task: str = TRANSCRIBE,
        context_s: float = 4.0,
    ) -> tuple[Word, ...]:
        """Return when each word of a known text was spoken (CTC forced alignment).

        Args:
            audio: samples; what exceeds the model's buffer is cut as in `recognize_long`.
            text: what was said, in the spelling that the model writes.
            lang: as in `log_probs`.
            task: as in `log_probs`.
            context_s: used for long audio only.

        Raises:
            AlignmentError: the text is empty or too long for the audio.
        """
        if len(audio) > self.config.buffer_s * RATE_HZ:
            buffers = self.buffer_log_probs(audio, context_s=context_s, lang=lang, task=task)
            log_probs = Buffering(self.config.buffer_s, context_s).join(buffers, len(audio))
        else:
            batch, _ = self.log_probs([audio], lang=[lang], task=[task], prompt=[None])
            log_probs = batch[0, PREFIX_FRAMES:]
        ids = self.vocabulary.encode(" ".join(text.split()))
        return join_words(self._tokens(align_tokens(log_probs.cpu().numpy(), ids)))

    def detected_language(self, log_probs: Tensor) -> str:
        """Return the most probable language token of (frames, vocabulary) log-probabilities.

        The model writes it on its first frame, the language's prefix frame, also when the prefix
        was `<nolang>`. A vocabulary without languages gives `<nolang>`.
        """
        languages = self.vocabulary.languages
        if not languages:
            return NO_LANGUAGE
        first = self.vocabulary.language_id(languages[0])
        return languages[int(log_probs[0, first : first + len(languages)].argmax())]

    def _recognition(self, runs: Sequence[Run], language: str) -> Recognition:
        tokens = self._tokens(runs)
        return Recognition(self.vocabulary.text(token.id for token in tokens), tokens, language)

    def _tokens(self, runs: Sequence[Run]) -> tuple[Token, ...]:
        """Return the text tokens of runs that count frames from the first audio frame."""
        return tuple(
            Token(
                run.token_id,
                self.vocabulary.tokens[run.token_id],
                frame_start_s(run.first),
                frame_start_s(run.last + 1),
                run.confidence,
            )
            for run in runs
            if not self.vocabulary.is_special(run.token_id)
        )


def _beam_runs(log_probs: NDArray[np.float32], beam: int, bias: Bias | None) -> list[Run]:
    """Return the best tokens of a search, where they align with (frames, vocabulary)."""
    ids = list(beam_search(log_probs, beam=beam, bias=bias)[0].token_ids)
    return align_tokens(log_probs, ids) if ids else []


def _shifted(run: Run) -> Run:
    """Return a run that counts frames from the first audio frame instead of the prefix."""
    return Run(run.token_id, run.first - PREFIX_FRAMES, run.last - PREFIX_FRAMES, run.confidence)


def _batch_audio(rows: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Return (batch, samples) padded with zeros, and (batch,) lengths of at least 140 ms."""
    lengths = [max(len(row), MIN_SAMPLES) for row in rows]
    longest = max(lengths)
    if len(rows) == 1 and len(rows[0]) == longest and rows[0].flags.writeable:
        return torch.from_numpy(rows[0])[None], torch.tensor(lengths)  # without a copy
    padded = np.zeros((len(rows), longest), dtype=np.float32)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = row
    return torch.from_numpy(padded), torch.tensor(lengths)
