"""The policies on exported models, without torch; see `models.export`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from engine.policies.base import ModelTranslator, RetranslationSession
from engine.policies.config import PolicyConfig, PolicyError
from engine.policies.stream import StreamFretnaTranslator
from engine.policies.wait_k import WaitKTranslator
from engine.translator import Translator, TranslatorSession
from models.checkpoint import TOKENIZER_FILE, read_config
from models.export.autoregressive_engine import AutoregressiveEngine
from models.export.engine import MODEL_FOLDER, ExportedTranslator
from models.export.folder import check_translator
from models.export.stream_engine import StreamEngine
from models.onnx_session import ONNX_FOLDER
from models.slot_search import find_search
from models.speculation import Proposal, follow, speculate
from models.tokenizer import Tokenizer
from models.translator_config import TranslatorConfig


def is_exported(directory: Path) -> bool:
    """Whether a folder holds an exported translator."""
    return any((directory / name).is_dir() for name in (MODEL_FOLDER, ONNX_FOLDER))


def check_exported(directory: Path, policy: PolicyConfig) -> None:
    """Refuse an exported translator that was made of other weights than those beside it.

    Raises:
        StaleExportError: the checkpoint was trained further, or is another one.
    """
    check_translator(directory / _network_folder(directory, policy))


def load_exported(directory: Path, policy: PolicyConfig, *, n_threads: int) -> Translator:
    """The translator that `dragoman export` wrote into a folder.

    Raises:
        CheckpointError: the export is damaged.
        StaleExportError: it was made of other weights than those beside it.
        ExportError: its engine is not installed.
    """
    check_exported(directory, policy)
    if _network_folder(directory, policy) == MODEL_FOLDER:
        return ExportedRetaTranslator(directory, policy, n_threads=n_threads)
    config = TranslatorConfig.from_dict(read_config(directory))
    tokenizer = Tokenizer.from_file(directory / TOKENIZER_FILE)
    if config.kind == "fretna":
        stream = StreamEngine(directory, config, n_threads=n_threads)
        return StreamFretnaTranslator(
            config, tokenizer, stream.open_window, find_search(directory, tokenizer)
        )
    engine = AutoregressiveEngine(directory, config, n_threads=n_threads)
    if config.kind == "reta":
        return OnnxRetaTranslator(engine, tokenizer, policy)
    return WaitKTranslator(config, tokenizer, engine.new_writer, wait=policy.wait)


def _network_folder(directory: Path, policy: PolicyConfig) -> str:
    """Name of the folder of the network that suits a policy, where both are there."""
    drafting = policy.speculative and (directory / ONNX_FOLDER).is_dir()
    return MODEL_FOLDER if (directory / MODEL_FOLDER).is_dir() and not drafting else ONNX_FOLDER


class OnnxRetaTranslator(ModelTranslator):
    """The policy of `RetaTranslator` on ONNX Runtime, which reads a draft in one pass.

    Args:
        engine: of the model.
        tokenizer: of the model.
        policy: how it decodes.

    Raises:
        PolicyError: this engine is greedy and has no bias.
    """

    def __init__(
        self, engine: AutoregressiveEngine, tokenizer: Tokenizer, policy: PolicyConfig
    ) -> None:
        super().__init__(engine.config, tokenizer)
        if policy.beam > 1 or policy.bias > 0:
            raise PolicyError("on ONNX Runtime reta is greedy and has no bias")
        self.engine = engine
        self.policy = policy

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _OnnxSession(self)

    def write(
        self, source: Sequence[int], prefix: Sequence[int], propose: Proposal | None
    ) -> list[int]:
        """The greedy target of a source, beginning with the prefix."""
        writer = self.engine.new_writer(prefix)
        writer.read(source)
        limit = self.engine.config.target_limit(len(source))
        speculate(writer.written, writer.predict, limit=limit, propose=propose)
        return writer.written


class _OnnxSession(RetranslationSession):
    """Remembers the previous hypothesis, as a draft."""

    _translator: OnnxRetaTranslator

    def __init__(self, translator: OnnxRetaTranslator) -> None:
        super().__init__(translator)
        self._previous: list[int] = []

    def translate(self, source: list[int], committed: tuple[str, ...]) -> list[int]:
        """Write behind the committed words."""
        translator = self._translator
        propose = partial(follow, self._previous) if translator.policy.speculative else None
        self._previous = translator.write(source, translator.word_tokens(committed), propose)
        return self._previous


class ExportedRetaTranslator(ModelTranslator):
    """The policy of `RetaTranslator`, but for drafts: CTranslate2 reads targets token by token.

    Args:
        directory: what `dragoman export` wrote.
        policy: how it decodes.
        n_threads: of the engine.

    Raises:
        CheckpointError: the folder is not an export, or damaged.
        ExportError: CTranslate2 is not installed.
    """

    def __init__(
        self, directory: Path, policy: PolicyConfig | None = None, *, n_threads: int = 1
    ) -> None:
        config = TranslatorConfig.from_dict(read_config(directory))
        tokenizer = Tokenizer.from_file(directory / TOKENIZER_FILE)
        super().__init__(config, tokenizer)
        self.policy = policy or PolicyConfig()
        self.engine = ExportedTranslator(directory, tokenizer, config, n_threads=n_threads)

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _ExportedSession(self)


class _ExportedSession(RetranslationSession):
    """Remembers the previous hypothesis, for the bias."""

    _translator: ExportedRetaTranslator

    def __init__(self, translator: ExportedRetaTranslator) -> None:
        super().__init__(translator)
        self._previous: list[int] = []

    def translate(self, source: list[int], committed: tuple[str, ...]) -> list[int]:
        """Search behind the committed words; once there are some, without a bias."""
        translator, policy = self._translator, self._translator.policy
        self._previous = translator.engine.translate(
            source,
            translator.word_tokens(committed),
            beam=policy.beam,
            previous=self._previous,
            bias=policy.bias,
        )
        return self._previous
