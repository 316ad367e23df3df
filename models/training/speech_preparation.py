"""From the data folder to packed speech: real recordings and sentences read by synthetic voices.

Everything is a function of the inputs and one seed, and each step continues where an earlier run
was stopped, so the whole may be killed and run again, or run again for more hours.

The result, under `out`:
    real/            pack of the real speech; splits train, train_digits, dev
    synthetic/       pack of the synthetic speech; split train
    synthetic_dev/   WAV files and manifest.tsv: voices and sentences that are in no training data
    noise/           pack of noises
    tokenizer.model  sentencepiece model of the transcripts and sentences

`models.training.speech_labels` adds what models know of the packs: where words end, translations.
"""

import logging
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
    translated_sentences,
)
from models.training.speech_data import train_speech_tokenizer
from models.training.speech_pack import PackWriter, Samples
from models.training.speech_reading import (
    Progress,
    closed,
    synthesize_pack,
    write_held_out_set,
)
from models.training.speech_synthesis import Engine, default_engines
from models.transcript import normalize_transcript

log = logging.getLogger(__name__)

_N_TOKENIZER_SENTENCES = 50_000


@dataclass(frozen=True, slots=True)
class _Sentences:
    everyday: Sequence[str]
    literary: Sequence[str]

    def draw(self, dice: random.Random) -> str:
        """Return one to three everyday sentences, a literary passage, or a part of one."""
        kind = dice.random()
        if kind < 0.6:
            n_sentences = 1 if kind < 0.25 else dice.choice((2, 2, 3))
            return " ".join(closed(dice.choice(self.everyday)) for _ in range(n_sentences))
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


def prepare_speech(
    data_root: Path,
    out: Path,
    *,
    hours_synthetic: float,
    workers: int = 1,
    progress: Progress | None = None,
    engines: Sequence[Engine] | None = None,
    n_pieces: int = 300,
    target_lang: str | None = None,
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
        target_lang: a language that speech will be translated to: the tokeniser is trained on
            its sentences, too.

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
        if target_lang is not None:
            lines += _sample_translations(data_root / "text", target_lang, seed)
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


def _sample_translations(text: Path, lang: str, seed: int) -> list[str]:
    sentences = translated_sentences(text, lang)
    n = min(len(sentences), _N_TOKENIZER_SENTENCES // 2)
    sample = random.Random(f"{seed}:{lang}").sample(sentences, n)
    return [normalize_transcript(sentence, lang) for sentence in sample]


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
