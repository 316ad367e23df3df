"""What the user may choose in the overlay's menu, and what was chosen, kept in a file."""

import dataclasses
import logging
import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Self

from app.config import Settings
from app.models.registry import TRANSLATORS, Registry, RegistryError
from app.sources.audio_system import find_audio_system
from app.sources.devices import AudioSystem
from app.sources.errors import SourceError
from engine.stability import BALANCED, StabilityConfig
from ui.control import Choice, Option
from ui.json_file import JsonFile

logger = logging.getLogger(__name__)

STABILITY = {
    "eager": StabilityConfig(agreement=1),
    "lively": StabilityConfig(),
    "balanced": BALANCED,
    "steady": replace(BALANCED, mask_k=2),
    "steadiest": replace(BALANCED, agreement=3, mask_k=4),
}
"""The dial in steps: from early and restless to late and calm."""

BUDGETS = (0.0,)
"""Of normalized erasure, that the menu offers besides; the settings have every other."""


def stability_of(name: str) -> StabilityConfig:
    """The rules of a choice: a step of the dial, `budget:0.2` or `delay:1.5`.

    Raises:
        ValueError: there is no such choice, or its number is out of range.
    """
    kind, found, number = name.partition(":")
    if not found:
        if kind not in STABILITY:
            raise ValueError(f"steadiness is {name!r}, not one of {', '.join(STABILITY)}")
        return STABILITY[kind]
    if kind == "budget":
        return StabilityConfig(budget=float(number))
    if kind == "delay":
        return StabilityConfig(delay_s=float(number))
    raise ValueError(f"steadiness is {name!r}; a number is that of a budget or of a delay")


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    """The session that is wanted."""

    source: str = "mic"
    languages: str = "en-de"
    translator: str = "fretna"
    stability: str = "balanced"

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings of a run say."""
        run = settings.run
        languages = f"{run.source_lang}-{run.target_lang}"
        budget, delay_s = settings.stability.budget, settings.stability.delay_s
        if delay_s is not None:
            stability = f"delay:{delay_s:g}"
        elif budget == math.inf:
            stability = "lively"
        else:
            stability = "balanced" if budget == BALANCED.budget else f"budget:{budget:g}"
        return cls(languages=languages, translator=run.translator, stability=stability)

    def override(self, settings: Settings, source: str | None, explicit: Collection[str]) -> Self:
        """The choice, but with the source and the fields of `settings.run` that are named."""
        configured = self.of(settings)
        return replace(
            self,
            source=source or self.source,
            languages=configured.languages
            if {"source_lang", "target_lang"} & set(explicit)
            else self.languages,
            translator=configured.translator if "translator" in explicit else self.translator,
        )

    def apply(self, settings: Settings) -> Settings:
        """The settings of a run with this choice."""
        source_lang, _, target_lang = self.languages.partition("-")
        run = replace(
            settings.run,
            source_lang=source_lang,
            target_lang=target_lang,
            translator=self.translator,  # type: ignore[arg-type]  # one of TRANSLATORS
        )
        return replace(settings, run=run, stability=stability_of(self.stability))


class ChoiceMemory:
    """Keeps the choice in a JSON file. Losing it is no error: a bad file is reported, replaced."""

    def __init__(self, path: Path | None) -> None:
        """`path`: None keeps nothing."""
        self._file = JsonFile(path, "what was chosen in the overlay")

    @property
    def empty(self) -> bool:
        """Whether the user has never chosen."""
        return self._file.path is None or not self._file.path.exists()

    def recall(self, default: Chosen) -> Chosen:
        """What was chosen, or the default."""
        data = self._file.read()
        names = [item.name for item in dataclasses.fields(Chosen)]
        found = {name: data[name] for name in names if isinstance(data.get(name), str)}
        try:
            stability_of(found.get("stability", default.stability))
        except ValueError as error:
            logger.warning("%s", error)
            del found["stability"]
        return replace(default, **found)

    def remember(self, chosen: Chosen) -> None:
        """Write the choice down."""
        self._file.write(dataclasses.asdict(chosen))


def options(chosen: Chosen, registry: Registry, system: AudioSystem | None) -> list[Option]:
    """What can be chosen with the devices and models there are now."""
    try:
        models = registry.models()
    except RegistryError as error:
        logger.warning("%s", error)
        models = []
    pairs = sorted({(m.source_lang, m.target_lang) for m in models if m.kind in TRANSLATORS})
    kinds = {m.kind for m in models if f"{m.source_lang}-{m.target_lang}" == chosen.languages}
    made = [
        Option("source", _sources(chosen.source, system), chosen.source),
        Option(
            "languages",
            tuple(Choice(f"{a}-{b}", f"{a} → {b}") for a, b in pairs),
            chosen.languages,
        ),
        Option(
            "translator",
            tuple(Choice(kind, kind) for kind in TRANSLATORS if kind in kinds),
            chosen.translator,
        ),
        Option("stability", _steadiness(chosen.stability), chosen.stability),
    ]
    return [option for option in made if option.choices]


def _steadiness(chosen: str) -> tuple[Choice, ...]:
    names = [*STABILITY, *(f"budget:{budget:g}" for budget in BUDGETS)]
    if chosen not in names:
        names.append(chosen)
    return tuple(Choice(name, name) for name in names)


def _sources(chosen: str, system: AudioSystem | None) -> tuple[Choice, ...]:
    """The default microphone, every input, and what is chosen although it is not there now."""
    try:
        devices = (system or find_audio_system()).devices()
    except SourceError as error:
        logger.info("%s", error)
        devices = []
    found = [Choice("mic", "mic")] if devices else []
    found += [Choice(f"mic:{each.name}", each.name, each.is_loopback) for each in devices]
    if chosen != "mic" and chosen not in {choice.value for choice in found}:
        found.append(Choice(chosen, chosen))
    return tuple(found)
