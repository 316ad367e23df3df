"""The systems of the benchmark: all in the same eager torch code, and each on its best engine."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.registry import Model, Registry, load_translator
from engine.policies.config import PolicyConfig
from engine.translator import Translator


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A translator and how it decodes."""

    name: str
    kind: str
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    variant: str = ""
    """Ending of the folder's name of a model that need not be there; empty: the first of its kind,
    which must be."""
    engine: str = "auto"
    """Of those that the model may be exported for."""


SYSTEMS = (
    System(name="reta", kind="reta"),
    System(
        name="reta beam=4 bias=0.25",
        kind="reta",
        policy=PolicyConfig(beam=4, bias=0.25),
    ),
    # CTranslate2 reads targets token by token: it has no one-pass look at a draft.
    System(
        name="reta speculative",
        kind="reta",
        policy=PolicyConfig(speculative=True),
        engine="onnx",
    ),
    System(name="reta 6-1", kind="reta", variant="-reta-6-1"),
    System(name="wait-3", kind="wait-k", policy=PolicyConfig(wait=3)),
    System(name="fretna", kind="fretna"),
    System(name="fretna lossless", kind="fretna", policy=PolicyConfig(lossless=True)),
    System(name="fretna levt", kind="fretna", variant="-fretna-levt"),
    System(name="fretna hybrid", kind="fretna", variant="-fretna-hybrid"),
)
"""What is compared; `reta`, `wait-3` and `fretna` are what the ratios are made of."""

RETRANSLATORS = tuple(system.name for system in SYSTEMS if system.kind == "reta")
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
        return load_translator(model, device=device, policy=policy, backend="torch")

    def find(self, system: System) -> Model | None:
        """The model of a system; None if it need not be there and is not.

        Raises:
            RegistryError: it must be there.
        """
        if not system.variant:
            return self.registry.find_translator(system.kind, self.source_lang, self.target_lang)
        languages = (self.source_lang, self.target_lang)
        for model in self.registry.models():
            named = model.directory.name.endswith(system.variant) and model.kind == system.kind
            if named and (model.source_lang, model.target_lang) == languages:
                return model
        return None


def load_eager(pair: Pair, device: str) -> dict[str, Translator]:
    """All systems in torch (table A)."""
    return {
        system.name: load_translator(model, device=device, policy=system.policy, backend="torch")
        for system, model in _found(pair)
    }


def load_optimised(pair: Pair, folder: Path, n_threads: int) -> dict[str, Translator]:
    """Each system on the best engine that runs it on a CPU (table B), in int8 where it is exported.

    Args:
        pair: of languages.
        folder: where exports are written.
        n_threads: of the engines.

    Raises:
        ExportError: an engine is not installed.
    """
    from engine.policies import loader
    from models.export.translator import export_translator, has_engine

    def exported(model: Model, *, engine: str = "auto", int8: bool = True) -> Path:
        out = folder / f"{model.directory.name}-{engine}-{'int8' if int8 else 'float32'}"
        if not out.exists():
            export_translator(model.directory, out, int8=int8, engine=engine)
        return out

    systems: dict[str, Translator] = {}
    for system, model in _found(pair):
        directory, verifier = model.directory, None
        if system.policy.lossless:
            reta = pair.registry.find_translator("reta", pair.source_lang, pair.target_lang)
            verifier = exported(reta, engine="onnx", int8=False)
        elif has_engine(directory):
            directory = exported(model, engine=system.engine)
        systems[system.name] = loader.load_translator(
            directory, policy=system.policy, verifier=verifier, n_threads=n_threads
        )
    return systems


def _found(pair: Pair) -> Iterator[tuple[System, Model]]:
    for system in SYSTEMS:
        model = pair.find(system)
        if model is not None:
            yield system, model
