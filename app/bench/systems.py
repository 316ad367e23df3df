"""The systems of the benchmark: all in the same eager torch code, and each on its best engine."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.models.registry import Model, Registry, load_translator
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
    System(name="fretna ctc", kind="fretna", variant="-fretna-ctc"),
    System(name="fretna hybrid", kind="fretna", variant="-fretna-hybrid"),
    System(
        name="fretna levt",
        kind="fretna",
        variant="-fretna-levt",
        policy=PolicyConfig(iterations=2),
    ),
)
"""What is compared; `reta`, `wait-3` and `fretna` are what the ratios are made of."""

RETRANSLATORS = tuple(system.name for system in SYSTEMS if system.kind == "reta")
"""Autoregressive re-translation by trained models; the first is the yardstick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Where the models are, and for which languages."""

    registry: Registry
    source_lang: str
    target_lang: str

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

    def found(self) -> Iterator[tuple[System, Model]]:
        """The systems that there are.

        Raises:
            RegistryError: one that must be there is not.
        """
        for system in SYSTEMS:
            model = self.find(system)
            if model is not None:
                yield system, model


@dataclass(frozen=True, slots=True, kw_only=True)
class Exports:
    """What was exported for a benchmark, made when it is first asked for."""

    folder: Path

    def get(self, model: Model, *, engine: str = "auto", int8: bool = True) -> Path:
        """The folder of a model for an engine.

        Raises:
            ExportError: what it takes is not installed.
        """
        from models.export.translator import export_translator

        form = "int8" if int8 else "float32"
        out = self.folder / f"{model.directory.name}-{engine}-{form}"
        if not out.exists():
            export_translator(model.directory, out, int8=int8, engine=engine)
        return out


def load_eager(pair: Pair, device: str) -> dict[str, Translator]:
    """All systems in torch (table A)."""
    return {
        system.name: load_translator(model, device=device, policy=system.policy, backend="torch")
        for system, model in pair.found()
    }


def load_optimised(pair: Pair, exports: Exports, n_threads: int) -> dict[str, Translator]:
    """Each system on the best engine that runs it on a CPU (table B), in int8 where it is exported.

    Raises:
        ExportError: an engine is not installed.
    """
    from engine.policies import loader
    from models.export.translator import has_engine

    systems: dict[str, Translator] = {}
    for system, model in pair.found():
        directory, verifier = model.directory, None
        if system.policy.lossless:
            reta = pair.registry.find_translator("reta", pair.source_lang, pair.target_lang)
            verifier = exports.get(reta, engine="onnx", int8=False)
        elif has_engine(directory):
            directory = exports.get(model, engine=system.engine)
        systems[system.name] = loader.load_translator(
            directory, policy=system.policy, verifier=verifier, n_threads=n_threads
        )
    return systems


def load_exact(model: Model, policy: PolicyConfig, exports: Exports) -> Translator:
    """A translator for figures of quality: in single precision, on an engine if one runs it.

    Greedy output there is that of torch but for a few sentences in a thousand
    (`dragoman export --check`).
    """
    from models.export.translator import has_engine

    greedy = policy.bias == 0 and not policy.speculative and not policy.lossless
    if greedy and has_engine(model.directory):
        from engine.policies import loader

        return loader.load_translator(exports.get(model, int8=False), policy=policy)
    return load_translator(model, device="cpu", policy=policy, backend="torch")
