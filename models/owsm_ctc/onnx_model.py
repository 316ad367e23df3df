"""An exported OWSM-CTC network, run by ONNX Runtime: no torch is imported here.

`models.export.recognizer_onnx` writes the graph. It stands in the checkpoint folder beside the
configuration and the tokeniser, which it shares with the network that it was made of.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import TOKENIZER_FILE, check_origin, read_config
from models.errors import CheckpointError
from models.onnx_runtime import onnxruntime
from models.onnx_session import open_session
from models.owsm_ctc.config import OwsmCtcConfig
from models.owsm_ctc.spectrum import check_audio, power_spectrum
from models.owsm_ctc.vocabulary import Vocabulary, read_tokenizer

FLOAT_FILE = "model.onnx"
INT8_FILE = "model.int8.onnx"
INPUTS = ("power", "prefix_ids", "prompt_ids")
OUTPUT = "log_probs"
FINGERPRINT = "dragoman.weights"
"""Key of the graph's metadata under which it says what weights it was made of."""


def find_exported(directory: Path) -> Path | None:
    """The exported network in a checkpoint folder, the 8-bit one if both are there."""
    paths = (directory / name for name in (INT8_FILE, FLOAT_FILE))
    return next((path for path in paths if path.is_file()), None)


class OnnxOwsmCtc:
    """A recogniser without torch; `log_probs` is that of `models.owsm_ctc.model.OwsmCtc`."""

    def __init__(
        self, config: OwsmCtcConfig, vocabulary: Vocabulary, session: onnxruntime.InferenceSession
    ) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self._session = session

    @classmethod
    def from_checkpoint(
        cls, directory: Path, *, file: Path | None = None, n_threads: int = 1
    ) -> "OnnxOwsmCtc":
        """Load the exported network in a checkpoint folder.

        Args:
            directory: of the checkpoint.
            file: the network; None for what `find_exported` finds.
            n_threads: that one recognition may use.

        Raises:
            CheckpointError: a file is missing or damaged, or not of such a network.
            StaleExportError: the checkpoint's weights are not those that were exported.
        """
        path = file or find_exported(directory)
        if path is None:
            raise CheckpointError(f"{directory}: has no {INT8_FILE} or {FLOAT_FILE}; export it")
        try:
            config = OwsmCtcConfig.from_json(read_config(directory)["model"])
            tokenizer = read_tokenizer((directory / TOKENIZER_FILE).read_bytes())
            vocabulary = Vocabulary(config.tokens, tokenizer)
        except KeyError as error:
            raise CheckpointError(f"{directory}: config.json lacks {error}") from error
        except OSError as error:
            raise CheckpointError(f"{error.filename}: {error.strerror}") from error
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{directory}: {error}") from error
        session = _open(path, config, n_threads)
        check_origin(path, session.get_modelmeta().custom_metadata_map.get(FINGERPRINT), directory)
        return cls(config, vocabulary, session)

    def log_probs(
        self,
        audio: Sequence[NDArray[np.floating]],
        *,
        lang: Sequence[str],
        task: Sequence[str],
        prompt: Sequence[str | None],
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return CTC log-probabilities; arguments and errors as for the torch network.

        Each row is computed alone, so that, unlike there, padding changes nothing.

        Returns:
            (batch, frames, vocabulary), zero behind the end of a row, and (batch,) valid frames;
            the two prefix frames are included.
        """
        if not len(audio) == len(lang) == len(task) == len(prompt) >= 1:
            raise ValueError(
                f"a batch needs as many languages, tasks and prompts as audios, at least one; got "
                f"{len(audio)} audios, {len(lang)}, {len(task)}, {len(prompt)}"
            )
        rows = [self._row(*row) for row in zip(audio, lang, task, prompt, strict=True)]
        lengths = np.array([len(row) for row in rows])
        batch = np.zeros((len(rows), lengths.max(), self.config.n_tokens), np.float32)
        for target, row in zip(batch, rows, strict=True):
            target[: len(row)] = row
        return batch, lengths

    def _row(
        self, audio: NDArray[np.floating], lang: str, task: str, prompt: str | None
    ) -> NDArray[np.float32]:
        vocabulary = self.vocabulary
        prefix_ids = [vocabulary.language_id(lang), vocabulary.task_id(task)]
        inputs = (
            power_spectrum(check_audio(audio))[None],
            np.array([prefix_ids]),
            np.array([vocabulary.prompt_ids(prompt)]),
        )
        (log_probs,) = self._session.run([OUTPUT], dict(zip(INPUTS, inputs, strict=True)))
        frames: NDArray[np.float32] = log_probs[0]
        return frames


def _open(path: Path, config: OwsmCtcConfig, n_threads: int) -> onnxruntime.InferenceSession:
    session = open_session(path, inputs=INPUTS, outputs=(OUTPUT,), n_threads=n_threads)
    outputs = {output.name: output.shape for output in session.get_outputs()}
    if outputs[OUTPUT][-1] != config.n_tokens:
        raise CheckpointError(
            f"{path}: writes {outputs[OUTPUT][-1]} tokens, the configuration has {config.n_tokens}"
        )
    return session
