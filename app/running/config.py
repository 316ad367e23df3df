"""The settings of a run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import platformdirs

from engine.policies.config import PolicyConfig, PolicyError

InputFormat = Literal["text", "json", "s16le", "s32le", "f32le"]
"""What standard input carries: typed text, revised text as lines of JSON, or raw samples."""

Show = Literal["terminal", "overlay", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig(PolicyConfig):
    """What to translate, how, and where captions go; the options of `dragoman run`."""

    source_lang: str = field(default="en", metadata={"key": "from"})
    """`auto`: found out, by a recogniser of several languages."""
    target_lang: str = field(default="de", metadata={"key": "to"})
    translator: Literal["fretna", "reta", "wait-k", "owsm-st"] = "fretna"
    """A policy, or the recogniser itself, which translates speech (`owsm-st`)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    backend: Literal["auto", "onnx", "torch"] = "auto"
    """What runs the models: `torch`, or exports, which are made once for each user (`onnx`); `auto`
    takes exports where no GPU is used."""
    preset: Literal["fast", "balanced", "careful"] = "balanced"
    """Delay against errors of the recogniser; the table `recognizer` refines it."""
    hot_words: Path | None = None
    """A file of words and phrases to expect, one a line."""
    pace: Literal["real", "fast"] = "real"
    input_format: InputFormat = "text"
    rate_hz: int = 16_000
    """Sampling rate of raw samples on standard input."""
    channels: int = 1
    """Channels of raw samples on standard input, interleaved."""
    show: Show | None = None
    """None: the overlay where a window can be shown, the terminal otherwise."""
    jsonl: str | None = None
    detail: bool = False
    """Whether the lines of JSON tell the times of every committed word."""
    srt: Path | None = None
    vtt: Path | None = None
    journal: Path | None = None
    """None: in the user's data folder."""
    keep: bool = True
    """Whether there is a journal at all."""
    record: bool = False
    """Whether the sound is kept beside the journal."""
    models: Path | None = None
    """None: the shipped ones."""

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            PolicyError: names key, value and valid range.
        """
        PolicyConfig.__post_init__(self)
        if self.record and not self.keep:
            raise PolicyError("record keeps the sound beside the journal, which is turned off")
        for key, value, low, high in (
            ("rate_hz", self.rate_hz, 1_000, 384_000),
            ("channels", self.channels, 1, 64),
        ):
            if not low <= value <= high:
                raise PolicyError(f"{key} is {value}, must be from {low} to {high}")

    @property
    def journal_file(self) -> Path:
        """Where sessions are kept."""
        return self.journal or platformdirs.user_data_path("dragoman") / "journal.sqlite3"
