"""Settings of a recogniser's training, as a TOML file has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from models.training.augmentation import AugmentationConfig
from models.training.loop_config import LoopConfig

LANGUAGES: Mapping[str, str] = {"en": "eng", "de": "deu"}
"""Languages of the packs and their codes in the vocabulary."""

_PROBABILITIES = ("unknown_language", "prompt", "no_speech", "translate", "truncate")

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerDataConfig:
    """What is drawn and how often.

    Attributes:
        real_share, german_share, digits_share: parts of the seconds seen that are real English,
            German, and spoken digits; synthetic speech has the rest.
        epoch_hours, batch_s, longest_s: see `SpeechDataset`.
        unknown_language: how often the prefix is `<nolang>`.
        prompt: how often the prompt is the text before, if there is one.
        no_speech: how often a row is noise alone, which has no text.
        hears: the languages that the model is for, its main one first; the others of the packs
            are there only so that their language token is learnt. `config.json` lists them.
        translations: languages that English speech is translated to, besides.
        translate: how often the target is a translation, where the pack has one; the early
            inter-CTC blocks still learn the transcript.
        truncate: how often audio is cut off at a random moment, and its text behind the last word
            that had ended by then, where the pack says when that was: a stream looks like this.
        n_dev_real, n_dev_synthetic: utterances of the evaluations during training; 0: all.
        n_dev_german: German utterances that are held out of training and evaluated.
    """

    real_share: float = 0.46
    german_share: float = 0.03
    digits_share: float = 0.01
    epoch_hours: float = 4.0
    batch_s: float = 90.0
    longest_s: tuple[float, ...] = (18.0,)
    unknown_language: float = 0.3
    prompt: float = 0.1
    no_speech: float = 0.01
    hears: tuple[str, ...] = ("en",)
    translations: tuple[str, ...] = ()
    translate: float = 0.0
    truncate: float = 0.0
    n_dev_real: int = 80
    n_dev_synthetic: int = 100
    n_dev_german: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: a share or a probability is outside 0 to 1, or a language is unknown.
        """
        names = ("real_share", "german_share", "digits_share")
        for name in (*names, *_PROBABILITIES):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"data: {name} = {value!r}; it must be from 0 to 1")
        for name in ("hears", "translations"):
            unknown = sorted(set(getattr(self, name)) - set(LANGUAGES))
            if unknown:
                raise ValueError(f"data: {name} has {unknown[0]!r}; known: {', '.join(LANGUAGES)}")
        if not self.hears:
            raise ValueError("data: hears names no language")
        if self.translate and not self.translations:
            raise ValueError("data: translate needs a language in translations")
        if sum(getattr(self, name) for name in names) > 1.0:
            raise ValueError(f"data: {', '.join(names)} must not add up to more than 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerConfig:
    """A whole training configuration; `model` are the sizes in `OwsmCtcConfig` without `tokens`."""

    model: Mapping[str, Any] = field(default_factory=dict)
    data: RecognizerDataConfig = field(default_factory=RecognizerDataConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    loop: LoopConfig

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "RecognizerConfig":
        """Read the tables model, data, augmentation, loop, as TOML gives them.

        Raises:
            ValueError: a table or key is unknown, or a value is out of range.
        """
        tables = ("model", "data", "augmentation", "loop")
        unknown = sorted(set(values) - set(tables))
        if unknown:
            raise ValueError(f"unknown table [{unknown[0]}]; known: {', '.join(tables)}")
        return cls(
            model=dict(values.get("model", {})),
            data=_table(RecognizerDataConfig, "data", values),
            augmentation=_table(AugmentationConfig, "augmentation", values),
            loop=_table(LoopConfig, "loop", values),
        )


def _table(kind: type[ConfigT], name: str, values: Mapping[str, Any]) -> ConfigT:
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    table = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in values.get(name, {}).items()
    }
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(f"[{name}] has no key {unknown[0]!r}; known: {', '.join(sorted(known))}")
    return kind(**table)
