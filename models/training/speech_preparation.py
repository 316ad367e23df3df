"""From the data folder to packed speech: real recordings and sentences read by synthetic voices.

Everything is a function of the inputs and one seed, and each step continues where an earlier run
was stopped, so the whole may be killed and run again, or run again for more hours.

The result, under `out`:
    real/            pack of the real speech; splits train, train_digits, dev
    synthetic/       pack of the synthetic speech; split train
    synthetic_dev/   WAV files and manifest.tsv: voices and sentences that are in no training data
    noise/           pack of noises
    tokenizer.model  sentencepiece model of the transcripts and sentences
"""

import csv
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from models.training.speech_corpus import (
    Recording,
    SpeechDataError,
    decode_audio,
    dev_sentences,
    everyday_sentences,
    literary_sentences,
    noise_clips,
    real_utterances,
)
from models.training.speech_data import train_speech_tokenizer
from models.training.speech_pack import RATE_HZ, PackWriter, Samples
from models.training.speech_synthesis import (
    Engine,
    SpeechRequest,
    Voice,
    default_engines,
    random_prosody,
    write_wav,
)
from models.transcript import normalize_transcript

log = logging.getLogger(__name__)

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""

_BATCH = 24  # requests a worker reads before their samples are written
# Shares of the synthetic hours; an engine that is absent leaves its share to the others.
_SHARES: Mapping[str, float] = {"espeak": 0.45, "flite": 0.33, "festival": 0.22}
_N_HELD_OUT = 300
_N_TOKENIZER_SENTENCES = 50_000
# Seconds a word can take; outside of these the engine has left something out or gone astray.
_WORD_S = (0.12, 1.3)
_LONGEST_S = 24.0


@dataclass(frozen=True, slots=True)
class _Sentences:
    everyday: Sequence[str]
    literary: Sequence[str]

    def draw(self, dice: random.Random) -> str:
        """Return one to three everyday sentences, a literary passage, or a part of one."""
        kind = dice.random()
        if kind < 0.6:
            n_sentences = 1 if kind < 0.25 else dice.choice((2, 2, 3))
            return " ".join(_closed(dice.choice(self.everyday)) for _ in range(n_sentences))
        words = dice.choice(self.literary).split()
        if kind < 0.85:
            n_words = min(dice.randint(6, 22), len(words))
            start = dice.randint(0, len(words) - n_words)
            words = words[start : start + n_words]
        return " ".join(words[:45])

    def sample(self, seed: int) -> list[str]:
        """Return normalised sentences of both kinds for the tokeniser."""
        dice = random.Random(f"{seed}:tokenizer")
        sentences: list[str] = []
        for kind, share in ((self.everyday, 0.8), (self.literary, 0.2)):
            sentences += dice.sample(kind, min(len(kind), round(_N_TOKENIZER_SENTENCES * share)))
        return [normalize_transcript(sentence) for sentence in sentences]


def _closed(sentence: str) -> str:
    return sentence if sentence[-1] in ".!?" else f"{sentence}."


def prepare_speech(
    data_root: Path,
    out: Path,
    *,
    hours_synthetic: float,
    workers: int = 1,
    progress: Progress | None = None,
    engines: Sequence[Engine] | None = None,
    n_pieces: int = 300,
    seed: int = 1,
) -> None:
    """Make the training data of the recogniser.

    Args:
        data_root: folder with `speech` and `noise` (manifest.tsv and audio each) and `text`
            (train, dev, mono).
        out: folder for the result; what it holds already is kept.
        hours_synthetic: how much speech the synthetic voices read, in all.
        workers: how many engine processes run at once.
        engines: all that are installed, if None.
        n_pieces: size of the tokeniser.

    Raises:
        SpeechDataError: the inputs are missing or damaged, or no engine is installed.
    """
    report = progress or (lambda _what, _share: None)
    utterances = list(real_utterances(data_root / "speech"))
    pack_recordings(utterances, out / "real", "real speech", workers=workers, progress=report)
    clips = list(noise_clips(data_root / "noise"))
    pack_recordings(clips, out / "noise", "noise", workers=workers, progress=report)
    available = [engine for engine in engines or default_engines() if engine.voices()]
    if not available and hours_synthetic > 0:
        raise SpeechDataError("no speech synthesiser is installed: install espeak-ng and flite")
    held_out = {item.transcript for item in utterances if item.split == "dev"}
    sentences = dev_sentences(data_root / "text")
    held_out |= {normalize_transcript(sentence) for sentence in sentences}
    if available:
        write_held_out_set(available, sentences, out / "synthetic_dev", seed=seed)
    training = _Sentences(
        _without(everyday_sentences(data_root / "text"), held_out),
        _without(literary_sentences(data_root / "text"), held_out),
    )
    if not (out / "tokenizer.model").exists():
        spoken = [item.transcript for item in utterances if item.split == "train"]
        lines = spoken + training.sample(seed)
        train_speech_tokenizer(lines, out / "tokenizer.model", n_pieces=n_pieces)
    synthesize_pack(
        available,
        training.draw,
        out / "synthetic",
        hours=hours_synthetic,
        workers=workers,
        progress=report,
        seed=seed,
    )


def _without(sentences: Sequence[str], held_out: set[str]) -> list[str]:
    return [text for text in sentences if normalize_transcript(text) not in held_out]


def pack_recordings(
    utterances: Sequence[Recording],
    out: Path,
    what: str,
    *,
    workers: int,
    progress: Progress,
) -> None:
    """Decode recordings into a pack, skipping those that it holds.

    A recording that cannot be decoded is left out with a warning.
    """
    with PackWriter(out) as pack, ThreadPoolExecutor(workers) as pool:
        missing = [item for item in utterances if item.id not in pack.ids]
        decoded = pool.map(_decoded_or_none, missing)
        for done, (item, samples) in enumerate(zip(missing, decoded, strict=True), 1):
            if samples is not None:
                pack.add(
                    samples,
                    id=item.id,
                    split=item.split,
                    source=item.source,
                    lang=item.lang,
                    voice=item.speaker,
                    transcript=item.transcript,
                )
            progress(what, done / len(missing))


def _decoded_or_none(item: Recording) -> Samples | None:
    try:
        return decode_audio(item.path)
    except SpeechDataError as error:
        log.warning("left out: %s", error)
        return None


def synthesize_pack(
    engines: Sequence[Engine],
    draw_text: Callable[[random.Random], str],
    out: Path,
    *,
    hours: float,
    workers: int,
    progress: Progress,
    seed: int,
) -> None:
    """Let the engines read until the pack holds the given hours.

    The n-th request of an engine depends on the seed, the engine and n alone. The engines take
    turns, so that any moment's pack holds all of them in about their shares.
    """
    total = sum(_share(engine) for engine in engines) or 1.0
    with PackWriter(out) as pack, ThreadPoolExecutor(workers) as pool:
        streams = {
            engine.name: _missing_requests(engine, draw_text, pack, seed) for engine in engines
        }
        while True:
            behind = [
                (pack.seconds_by_source.get(engine.name, 0.0) / goal_s, engine)
                for engine in engines
                if pack.seconds_by_source.get(engine.name, 0.0)
                < (goal_s := hours * 3600 * _share(engine) / total)
            ]
            if not behind:
                break
            _, engine = min(behind, key=lambda item: item[0])
            requests = list(islice(streams[engine.name], _BATCH * workers))
            batches = [requests[start::workers] for start in range(workers)]
            for batch, spoken in zip(batches, pool.map(engine.speak, batches), strict=True):
                _add_all(pack, batch, spoken)
            progress("synthetic speech", min(pack.seconds / (hours * 3600), 1.0))


def _share(engine: Engine) -> float:
    return _SHARES.get(engine.name, 0.2)


def _missing_requests(
    engine: Engine, draw_text: Callable[[random.Random], str], pack: PackWriter, seed: int
) -> Iterator[SpeechRequest]:
    voices = [voice for voice in engine.voices() if not voice.held_out]
    weights = [voice.weight for voice in voices]
    known = set(pack.ids)
    for number in count():
        id = f"{engine.name}-{number:06d}"
        if id in known:
            continue
        dice = random.Random(f"{seed}:{id}")
        voice = dice.choices(voices, weights)[0]
        yield _request(id, draw_text(dice), voice, dice)


def _request(id: str, text: str, voice: Voice, dice: random.Random) -> SpeechRequest:
    pace, pitch = random_prosody(dice)
    return SpeechRequest(id=id, text=text, voice=voice, pace=pace, pitch=pitch)


def _add_all(
    pack: PackWriter, requests: Sequence[SpeechRequest], spoken: Sequence[Samples | None]
) -> None:
    for request, samples in zip(requests, spoken, strict=True):
        transcript = normalize_transcript(request.text)
        if samples is None or not is_plausible(samples, transcript):
            log.info("left out: %s read %r badly", request.voice, request.text)
            continue
        pack.add(
            samples,
            id=request.id,
            split="train",
            source=request.voice.engine,
            lang="en",
            voice=str(request.voice),
            transcript=transcript,
        )


def is_plausible(samples: Samples, transcript: str) -> bool:
    """Say whether so much speech can be this transcript."""
    seconds = len(samples) / RATE_HZ
    n_words = len(transcript.split())
    low_s, high_s = _WORD_S[0] * n_words, 0.8 + _WORD_S[1] * n_words
    return n_words > 0 and low_s <= seconds <= min(high_s, _LONGEST_S)


def write_held_out_set(
    engines: Sequence[Engine], sentences: Sequence[str], out: Path, *, seed: int
) -> None:
    """Let held-out voices read held-out sentences into WAV files with a manifest, once.

    The manifest has the columns path, transcript, seconds, voice. Espeak reads a half, the other
    engines share the rest.
    """
    manifest = out / "manifest.tsv"
    if manifest.exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    dice = random.Random(f"{seed}:held-out")
    voices = [[voice for voice in engine.voices() if voice.held_out] for engine in engines]
    by_engine = [(engine, group) for engine, group in zip(engines, voices, strict=True) if group]
    rows: list[tuple[str, str, str, str]] = []
    for position, (engine, group) in enumerate(by_engine):
        share = 0.5 if position == 0 else 0.5 / (len(by_engine) - 1)
        share = 1.0 if len(by_engine) == 1 else share
        requests = [
            _request(
                f"{engine.name}-{number:03d}",
                " ".join(_closed(dice.choice(sentences)) for _ in range(dice.choice((1, 1, 2)))),
                dice.choice(group),
                dice,
            )
            for number in range(round(_N_HELD_OUT * share))
        ]
        for request, samples in zip(requests, engine.speak(requests), strict=True):
            transcript = normalize_transcript(request.text)
            if samples is None or not is_plausible(samples, transcript):
                continue
            write_wav(out / f"{request.id}.wav", samples)
            seconds = f"{len(samples) / RATE_HZ:.2f}"
            rows.append((f"{request.id}.wav", transcript, seconds, str(request.voice)))
    unfinished = manifest.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n")
        writer.writerow(("path", "transcript", "seconds", "voice"))
        writer.writerows(rows)
    unfinished.replace(manifest)
