"""The shipped models: which there are, and loading them onto the device that was chosen.

A model is a folder with a `config.json` that names its kind and languages. Listing reads only
those files; torch is imported when something is loaded.
"""

import contextlib
import ctypes
import json
import logging
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
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

ASSETS = Path(__file__).resolve().parents[2] / "assets"
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
    if name == "cpu" or (name == "auto" and not has_gpu_driver()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise RegistryError("no CUDA device can be used by this torch; try --device cpu")
    return "cpu"


def set_threads(n: int) -> None:
    """Let torch use so many threads for one operation, if what was loaded needs torch at all."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(n)


def load_translator(
    model: Model, *, device: str, policy: "PolicyConfig | None" = None, backend: str = "auto"
) -> "Translator":
    """Load a translator that decodes as `policy` says.

    A lossless one is verified by the ReTA model of the same languages in the same folder.

    Args:
        model: which one.
        device: where torch is to run it.
        policy: how it decodes.
        backend: `torch` runs the checkpoint itself; `onnx` an exported network, always on the CPU,
            if what the policy asks for can be exported: the one in the model's folder, or one that
            is made for this user; `auto` the same where no GPU is wanted, or nothing else is there.

    Raises:
        CheckpointError: a file of it is missing, truncated, or of another model.
        ExportError: there can be no exported network, and nothing else was to be used.
        RegistryError: there is no verifier.
        PolicyError: it cannot decode so.
    """
    from app.models import exports
    from engine.policies.config import PolicyConfig
    from engine.policies.exported import is_exported, load_exported

    directory, policy = model.directory, policy or PolicyConfig()
    form = exports.translator_form(directory, policy)

    def load_weights() -> "Translator":
        from engine.policies.networks import load_network  # torch is not even imported otherwise

        verifier = None
        if policy.lossless:
            registry, pair = Registry(directory.parent), (model.source_lang, model.target_lang)
            verifier = registry.find_translator("reta", *pair).directory
        return load_network(directory, device, policy, verifier, n_threads=1)

    def load(folder: Path) -> "Translator":
        return load_exported(folder, policy, n_threads=1)

    if form is None:
        return load_weights()
    beside = is_exported(directory)
    exported = partial(exports.open_export, directory, form, load, beside=beside)
    return exports.choose(backend, device, directory, exported, load_weights)


def load_recognizer(
    model: Model, *, device: str, backend: str = "auto", n_threads: int = 1
) -> "OwsmCtc | OnnxOwsmCtc":
    """Load the network of a recogniser.

    Args:
        model: which one.
        device: where torch is to run it.
        backend: as of `load_translator`.
        n_threads: of an exported network; those of torch are set for the whole program.

    Raises:
        CheckpointError: a file of it is missing, truncated, or of another model.
        ExportError: there can be no exported network, and nothing else was to be used.
    """
    from app.models import exports
    from models.owsm_ctc.onnx_model import OnnxOwsmCtc, find_exported

    directory = model.directory
    load = partial(OnnxOwsmCtc.from_checkpoint, n_threads=n_threads)

    beside = find_exported(directory) is not None
    exported = partial(exports.open_export, directory, exports.RECOGNIZER, load, beside=beside)

    def load_weights() -> "OwsmCtc":
        from models.owsm_ctc.model import OwsmCtc  # torch is not even imported otherwise

        return OwsmCtc.from_checkpoint(directory, device)

    return exports.choose(backend, device, directory, exported, load_weights)


def describe_engine(model: Model, device: str) -> str:
    """What a run on a device takes for a model with the settings as they come.

    Raises:
        CheckpointError: its configuration is missing or damaged, or the export in its folder is.
        ExportError: a file of it cannot be read.
    """
    from app.models import exports
    from engine.policies.config import PolicyConfig
    from engine.policies.exported import check_exported, is_exported
    from models.checkpoint import WEIGHTS_FILE
    from models.errors import StaleExportError
    from models.owsm_ctc.onnx_model import OnnxOwsmCtc, find_exported

    directory = model.directory
    hears = model.kind in RECOGNIZERS
    there = find_exported(directory) is not None if hears else is_exported(directory)
    if there and (device == "cpu" or not (directory / WEIGHTS_FILE).exists()):
        with contextlib.suppress(StaleExportError):
            if hears:
                OnnxOwsmCtc.from_checkpoint(directory)
            else:
                check_exported(directory, PolicyConfig())
            return "the export in its folder"
    form = exports.RECOGNIZER if hears else exports.translator_form(directory, PolicyConfig())
    return exports.describe(directory, form, device)


def load_language_model(model: Model) -> "NgramModel | None":
    """Load the language model in a recogniser's folder, if it has one.

    Raises:
        CheckpointError: the file is damaged.
    """
    from models.ngram import NgramModel

    return NgramModel.find(model.directory)


def has_gpu_driver() -> bool:
    """Whether it is worth while to load torch, which takes a second, and ask it for a GPU."""
    if Path("/dev/kfd").exists():  # ROCm, whose GPUs torch calls CUDA, too
        return True
    with contextlib.suppress(OSError):
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        return True
    return False


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
