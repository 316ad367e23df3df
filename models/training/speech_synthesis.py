"""English speech of many synthetic voices.

Every engine is a program that reads one sentence and writes one WAV file; engines that are not
installed are left out. A few voices are never trained on (`Voice.held_out`): they read development
sentences for the held-out set. The held-out voices include every voice made from one of the
recorded speakers (slt), in whichever engine, so that the set is of speakers never heard.
"""

import random
import re
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import soxr

from models.training.speech_pack import RATE_HZ, Samples

_TIMEOUT_S = 60
_SHORTEST_S = 0.25
_PEAK = 0.6  # of full scale; leaves head room for the augmentation's gain

ESPEAK_ACCENTS = (
    *("en-us", "en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc", "en-029"),
    *("en-gb-x-gbclan", "en-gb-x-gbcwmd"),
)
# Not speech of a person in a room: whispers, robots, effects.
ESPEAK_UNNATURAL = frozenset(
    (
        *("Demonic", "Tweaky", "UniRobot", "anikaRobot", "announcer", "croak", "fast"),
        *("kaukovalta", "whisper", "whisperf"),
        *(f"robosoft{number}" for number in ("", 2, 3, 4, 5, 6, 7, 8)),
    )
)
ESPEAK_HELD_OUT = frozenset(
    ("Andrea", "Gene", "Hugo", "Mike", "edward2", "f4", "grandma", "klatt4", "m6", "steph3")
)
FLITE_VOICES = ("kal", "kal16", "awb", "rms", "slt")
FESTIVAL_VOICES = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")
HELD_OUT_SPEAKER = "slt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One synthetic voice; `weight` is its share among the voices of its engine."""

    engine: str
    name: str
    held_out: bool = False
    weight: float = 1.0

    def __str__(self) -> str:
        """Return engine and name, as the packs store it."""
        return f"{self.engine}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """What to read, in which voice. `pace` and `pitch` are relative to the voice's own."""

    id: str
    text: str
    voice: Voice
    pace: float = 1.0
    pitch: float = 1.0


class Engine(Protocol):
    """A speech synthesiser."""

    name: str

    def voices(self) -> Sequence[Voice]:
        """Return its voices; none if the engine is not installed."""
        ...

    def speak(self, requests: Sequence[SpeechRequest]) -> list[Samples | None]:
        """Read every request: 16 kHz mono; None where the engine fails."""
        ...


class EspeakEngine:
    """espeak-ng: every English accent with every natural variant; about 200 x real time."""

    name = "espeak"

    def __init__(self, program: str = "espeak-ng") -> None:
        self._program = program

    def voices(self) -> Sequence[Voice]:
        """Return accents x variants; each held-out variant is held out in every accent."""
        if shutil.which(self._program) is None:
            return []
        listing = _output([self._program, "--voices=variant"])
        files = re.findall(r"!v/(\S+(?: \S+)*)", listing)
        variants = sorted({name for name in files if name not in ESPEAK_UNNATURAL})
        return [
            Voice(
                engine=self.name,
                name=f"{accent}+{variant}",
                held_out=variant in ESPEAK_HELD_OUT,
                weight=2.0 if accent == "en-us" else 1.0,
            )
            for accent in dict.fromkeys(ESPEAK_ACCENTS)
            for variant in variants
        ]

    def speak(self, requests: Sequence[SpeechRequest]) -> list[Samples | None]:
        """Read every request with a process of its own, which starts in milliseconds."""
        return [_run_one(self._command, request) for request in requests]

    def _command(self, request: SpeechRequest, wav: Path) -> list[str]:
        words_per_minute = round(min(max(165 * request.pace, 90), 300))
        pitch = round(min(max(50 * request.pitch, 5), 95))
        options = ["-v", request.voice.name, "-s", str(words_per_minute), "-p", str(pitch)]
        return [self._program, *options, "-w", str(wav), "--", request.text]


class FliteEngine:
    """flite: its built-in voices, of which rms, awb and slt are made of a person's recordings."""

    name = "flite"

    def __init__(self, program: str = "flite") -> None:
        self._program = program

    def voices(self) -> Sequence[Voice]:
        """Return the built-in voices."""
        if shutil.which(self._program) is None:
            return []
        present = _output([self._program, "-lv"]).partition(":")[2].split()
        weights = {"kal": 0.5, "kal16": 1.0, "awb": 2.0, "rms": 2.0}
        return [
            Voice(
                engine=self.name,
                name=name,
                held_out=name == HELD_OUT_SPEAKER,
                weight=weights.get(name, 1.0),
            )
            for name in FLITE_VOICES
            if name in present
        ]

    def speak(self, requests: Sequence[SpeechRequest]) -> list[Samples | None]:
        """Read every request with a process of its own."""
        return [_run_one(self._command, request) for request in requests]

    def _command(self, request: SpeechRequest, wav: Path) -> list[str]:
        mean_hz = {"slt": 170, "rms": 95, "awb": 130}.get(request.voice.name, 105)
        return [
            *(self._program, "-voice", request.voice.name),
            *("--setf", f"duration_stretch={1 / request.pace:.3f}"),
            *("--setf", f"int_f0_target_mean={mean_hz * request.pitch:.1f}"),
            *("-o", str(wav), "-t", request.text),
        ]


class FestivalEngine:
    """Festival: one process reads a batch in one voice, since starting it takes a second."""

    name = "festival"

    def __init__(
        self, program: str = "festival", voices: Path = Path("/usr/share/festival/voices")
    ) -> None:
        self._program = program
        self._voices = voices

    def voices(self) -> Sequence[Voice]:
        """Return the English voices whose folders are installed."""
        if shutil.which(self._program) is None:
            return []
        return [
            Voice(engine=self.name, name=name, held_out=HELD_OUT_SPEAKER in name)
            for name in FESTIVAL_VOICES
            if any(self._voices.glob(f"*/{name}"))
        ]

    def speak(self, requests: Sequence[SpeechRequest]) -> list[Samples | None]:
        """Read the requests, one process per voice among them."""
        results: dict[str, Samples | None] = {}
        for voice in dict.fromkeys(request.voice for request in requests):
            results |= self._speak_in(voice, [r for r in requests if r.voice == voice])
        return [results[request.id] for request in requests]

    def _speak_in(
        self, voice: Voice, requests: Sequence[SpeechRequest]
    ) -> dict[str, Samples | None]:
        with tempfile.TemporaryDirectory() as folder:
            wavs = [Path(folder) / f"{number}.wav" for number in range(len(requests))]
            script = Path(folder) / "read.scm"
            lines = [f"(voice_{voice.name})"]
            for request, wav in zip(requests, wavs, strict=True):
                text = request.text.replace("\\", " ").replace('"', " ")
                lines.append(f"(Parameter.set 'Duration_Stretch {1 / request.pace:.3f})")
                lines.append(f'(set! u (utt.synth (Utterance Text "{text}")))')
                lines.append(f'(utt.save.wave u "{wav}" (quote riff))')
            script.write_text("\n".join(lines) + "\n", encoding="latin-1", errors="replace")
            _finished([self._program, "-b", str(script)], timeout_s=_TIMEOUT_S * len(requests))
            return {request.id: _usable(wav) for request, wav in zip(requests, wavs, strict=True)}


def default_engines() -> list[Engine]:
    """Return all engines, the fastest first."""
    return [EspeakEngine(), FliteEngine(), FestivalEngine()]


def read_wav(path: Path) -> Samples:
    """Read a 16-bit WAV file as 16 kHz mono, (n_samples,).

    Raises:
        ValueError: it is no 16-bit PCM WAV file.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                raise ValueError(f"{path} is not 16-bit")
            rate_hz, n_channels = file.getframerate(), file.getnchannels()
            data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is no WAV file: {error}") from error
    mono = data.reshape(-1, n_channels).mean(axis=1, dtype=np.float32) / 32768.0
    if rate_hz != RATE_HZ:
        mono = soxr.resample(mono, rate_hz, RATE_HZ)
    return normalize_level(mono)


def write_wav(path: Path, samples: Samples) -> None:
    """Write 16 kHz mono samples as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2", copy=False).tobytes())


def normalize_level(audio: npt.NDArray[np.float32]) -> Samples:
    """Scale to a common peak and return int16 samples; silence stays silence."""
    peak = float(np.abs(audio).max(initial=0.0))
    scale = _PEAK / peak if peak > 1e-4 else 0.0
    level: Samples = np.rint(audio * (scale * 32767.0)).astype(np.int16)
    return level


class _Commander(Protocol):
    def __call__(self, request: SpeechRequest, wav: Path) -> list[str]: ...


def _run_one(command: _Commander, request: SpeechRequest) -> Samples | None:
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        _finished(command(request, wav), timeout_s=_TIMEOUT_S)
        return _usable(wav)


def _usable(wav: Path) -> Samples | None:
    try:
        samples = read_wav(wav)
    except (OSError, ValueError):
        return None
    if len(samples) < _SHORTEST_S * RATE_HZ or not samples.any():
        return None
    return samples


def _finished(command: Sequence[str], *, timeout_s: float) -> None:
    """Run to the end. A failure shows in the missing or short WAV file."""
    try:
        subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=True)
    return done.stdout.decode("utf-8", errors="replace")


def random_prosody(dice: random.Random) -> tuple[float, float]:
    """Return a random pace and pitch, relative to the voice's own."""
    return dice.triangular(0.75, 1.35, 1.0), dice.triangular(0.7, 1.35, 1.0)
