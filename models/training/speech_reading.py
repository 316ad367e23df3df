"""Sentences read by synthetic voices: into a pack for training, and into a held-out set."""

import csv
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path

from models.training.speech_pack import RATE_HZ, PackWriter, Samples
from models.training.speech_synthesis import (
    Engine,
    SpeechRequest,
    Voice,
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
# Seconds a word can take; outside of these the engine has left something out or gone astray.
_WORD_S = (0.12, 1.3)
_LONGEST_S = 24.0


def closed(sentence: str) -> str:
    """Return the sentence with a mark at its end, which the engines lower their voice for."""
    return sentence if sentence[-1] in ".!?" else f"{sentence}."


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
                " ".join(closed(dice.choice(sentences)) for _ in range(dice.choice((1, 1, 2)))),
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
