"""The shipped models: which there are, and loading them onto the device that was chosen.

A model is a folder with a `config.json` that names its kind and languages. Listing reads only
those files; torch is imported when something is loaded.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.multilingual import ANY_LANGUAGE

if TYPE_CHECKING:
    from engine.policies.config import PolicyConfig
    from engine.translator import Translator
    from models.ngram import NgramModel
    from models.owsm_ctc.model import OwsmCtc
    from models.owsm_ctc.onnx_model import OnnxOwsmCtc

logger = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parent.parent / "assets"
"""Beside the packages, in a checkout and in an editable installation of it alike."""

TRANSLATORS = ("fretna", "reta", "wait-k")
SPEECH_TRANSLATOR = "owsm-st"
"""In the place of a translator's kind: the recogniser translates speech itself."""

RECOGNIZERS = ("owsm-ctc",)
DEVICES = ("auto", "cpu", "cuda")
BACKENDS = ("auto", "onnx", "torch")


class RegistryError(ValueError):
    """No model, or no device, of the kind that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One checkpoint folder, as its config.json describes it."""

    directory: Path
    kind: str
    source_lang: str
    target_lang: str
    """Empty for a recogniser."""
    languages: tuple[str, ...] = ()
    """Those that a recogniser can be told to hear; it tells them apart if they are several."""


class Registry:
    """The models in the subfolders of one folder."""

    def __init__(self, directory: Path | None = None) -> None:
        """Look in `directory`, among the shipped models if None."""
        self.directory = ASSETS / "models" if directory is None else directory

    def models(self) -> list[Model]:
        """Every model of a kind that this version knows, in the order of the folders' names.

        Raises:
            RegistryError: the folder does not exist, or a config.json in it is unusable.
        """
        if not self.directory.is_dir():
            raise RegistryError(f"{self.directory}: no such folder of models; see --models")
        found = (_read_model(path) for path in sorted(self.directory.glob("*/config.json")))
        return [model for model in found if model is not None]

    def find_translator(self, kind: str, source_lang: str, target_lang: str) -> Model:
        """The translator of this kind for the language pair.

        Raises:
            RegistryError: there is none; the message lists what there is.
        """
        translators = [model for model in self.models() if model.kind in TRANSLATORS]
        pair = [
            m for m in translators if (m.source_lang, m.target_lang) == (source_lang, target_lang)
        ]
        for model in pair:
            if model.kind == kind:
                return model
        if pair:
            raise RegistryError(
                f"no {kind} translator for {source_lang} to {target_lang} in {self.directory}; "
                f"there is: --translator {_listing(m.kind for m in pair)}"
            )
        pairs = _listing(f"--from {m.source_lang} --to {m.target_lang}" for m in translators)
        raise RegistryError(
            f"no translator from {source_lang!r} to {target_lang!r}; "
            + (f"there is: {pairs}" if pairs else f"{self.directory} has no translators at all")
        )

    def find_recognizer(self, lang: str) -> Model:
        """The speech recogniser for a language, or one that finds the language out (`auto`).

        Raises:
            RegistryError: there is none; the message lists the languages there are.
        """
        recognizers = [model for model in self.models() if model.kind in RECOGNIZERS]
        if lang == ANY_LANGUAGE:
            return self._find_multilingual(recognizers)
        for model in sorted(recognizers, key=lambda model: model.source_lang != lang):
            if lang in model.languages:
                return model
        langs = _listing(f"--from {lang}" for m in recognizers for lang in m.languages)
        raise RegistryError(
            f"no speech recogniser for {lang!r}; "
            + (f"there is: {langs}" if langs else f"{self.directory} has no recognisers at all")
        )

    def _find_multilingual(self, recognizers: Sequence[Model]) -> Model:
        for model in recognizers:
            if len(model.languages) > 1:
                return model
        known = _listing(
            f"{m.directory.name} hears only {m.source_lang}: --from {m.source_lang}"
            for m in recognizers
        )
        raise RegistryError(
            "no speech recogniser that tells languages apart (--from auto); "
            + (known or f"{self.directory} has no recognisers at all")
        )


def choose_device(name: str) -> str:
    """Turn `auto`, `cpu` or `cuda` into the device to load on.

    Raises:
        RegistryError: CUDA was asked for by name and cannot be had.
    """
    if name == "cpu":
        return name
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise RegistryError("no CUDA device can be used by this torch; try --device cpu")
    return "cpu"


def set_threads(n: int) -> None:
    """Let torch use so many threads for one operation."""
    import torch

    torch.set_num_threads(n)


def load_translator(
    model: Model, *, device: str, policy: "PolicyConfig | None" = None
) -> "Translator":
    """Load a translator that decodes as `policy` says.

    A lossless one is verified by the ReTA model of the same languages in the same folder.

    Raises:
        CheckpointError: a file of it is missing, truncated, or of another model.
        RegistryError: there is no verifier.
        PolicyError: it cannot decode so.
    """
    from engine.policies import loader

    verifier = None
    if policy is not None and policy.lossless:
        registry = Registry(model.directory.parent)
        verifier = registry.find_translator("reta", model.source_lang, model.target_lang).directory
    return loader.load_translator(model.directory, device=device, policy=policy, verifier=verifier)


def load_recognizer(
    model: Model, *, device: str, backend: str = "auto", n_threads: int = 1
) -> "OwsmCtc | OnnxOwsmCtc":
    """Load the network of a recogniser.

    Args:
        model: which one.
        device: where torch is to run it.
        backend: `onnx` runs an exported network, always on the CPU; `torch` the checkpoint itself;
            `auto` the exported network where there is one of these weights and no GPU is wanted,
            or nothing else.
        n_threads: of an exported network; those of torch are set for the whole program.

    Raises:
        CheckpointError: a file of it is missing, truncated, or of another model.
    """
    from models.checkpoint import WEIGHTS_FILE
    from models.errors import StaleExportError
    from models.owsm_ctc.onnx_model import OnnxOwsmCtc, find_exported

    exported = find_exported(model.directory) is not None
    suits = device == "cpu" or not (model.directory / WEIGHTS_FILE).exists()
    if backend == "onnx" or (backend == "auto" and exported and suits):
        try:
            return OnnxOwsmCtc.from_checkpoint(model.directory, n_threads=n_threads)
        except StaleExportError as error:
            if backend == "onnx":
                raise
            logger.warning("%s; the weights themselves are used", error)
    from models.owsm_ctc.model import OwsmCtc  # torch is not even imported otherwise

    return OwsmCtc.from_checkpoint(model.directory, device)


def load_language_model(model: Model) -> "NgramModel | None":
    """Load the language model in a recogniser's folder, if it has one.

    Raises:
        CheckpointError: the file is damaged.
    """
    from models.ngram import NgramModel

    return NgramModel.find(model.directory)


def _read_model(path: Path) -> Model | None:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RegistryError(f"{path}: cannot be read ({error}); restore the file") from error
    if not isinstance(config, dict) or config.get("kind") not in TRANSLATORS + RECOGNIZERS:
        return None  # a later version's model, or a folder that is none
    source_lang = str(config.get("source_lang", ""))
    languages = config.get("languages", [source_lang])
    if not isinstance(languages, list) or source_lang not in languages:
        raise RegistryError(f"{path}: its languages lack its source_lang; restore the file")
    model = Model(
        directory=path.parent,
        kind=config["kind"],
        source_lang=source_lang,
        target_lang=str(config.get("target_lang", "")),
        languages=tuple(map(str, languages)),
    )
    if not model.source_lang or (model.kind in TRANSLATORS and not model.target_lang):
        raise RegistryError(f"{path}: says no source_lang or target_lang; restore the file")
    return model


def _listing(items: Iterable[str]) -> str:
    return ", ".join(sorted(set(items)))
