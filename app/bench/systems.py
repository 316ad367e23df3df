"""The systems of the benchmark: all in the same eager torch code, and each on its best engine."""

from dataclasses import dataclass
from pathlib import Path

from app.registry import Registry, load_translator
from engine.policies.config import PolicyConfig
from engine.translator import Translator

RETRANSLATORS = {
    "reta": PolicyConfig(),
    "reta beam=4 bias=0.25": PolicyConfig(beam=4, bias=0.25),
    "reta speculative": PolicyConfig(speculative=True),
}
"""Autoregressive re-translation; the first is the yardstick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Where the models are, and for which languages."""

    registry: Registry
    source_lang: str
    target_lang: str

    def load(self, kind: str, device: str, policy: PolicyConfig | None = None) -> Translator:
        """The translator of a kind.

        Raises:
            RegistryError: there is none.
            CheckpointError: it is damaged.
        """
        model = self.registry.find_translator(kind, self.source_lang, self.target_lang)
        return load_translator(model, device=device, policy=policy)


def load_eager(pair: Pair, device: str) -> dict[str, Translator]:
    """All systems in torch (table A)."""
    systems = {name: pair.load("reta", device, policy) for name, policy in RETRANSLATORS.items()}
    systems["wait-3"] = pair.load("wait-k", device, PolicyConfig(wait=3))
    systems["fretna"] = pair.load("fretna", device)
    systems["fretna lossless"] = pair.load("fretna", device, PolicyConfig(lossless=True))
    return systems


def load_optimised(pair: Pair, folder: Path, n_threads: int) -> dict[str, Translator]:
    """Each system on the best engine that runs it on a CPU (table B).

    ReTA runs on CTranslate2 in int8, which has neither the causal encoder of Wait-k nor a decoder
    without autoregression, nor a one-pass look at a draft: those stay in torch.

    Args:
        pair: of languages.
        folder: where exports are written.
        n_threads: of the engines.

    Raises:
        ExportError: CTranslate2 is not installed.
    """
    from engine.policies.exported import ExportedRetaTranslator
    from models.export.ctranslate2 import export

    model = pair.registry.find_translator("reta", pair.source_lang, pair.target_lang)
    export(model.directory, folder, "int8")
    eager = load_eager(pair, "cpu")
    exported: dict[str, Translator] = {
        name: ExportedRetaTranslator(folder, policy, n_threads=n_threads)
        for name, policy in RETRANSLATORS.items()
        if not policy.speculative
    }
    return {**eager, **exported}
