"""A data folder of a few tiny files, and an engine that hums instead of speaking."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.training.speech_pack import Samples
from models.training.speech_synthesis import SpeechRequest, Voice, write_wav

SENTENCES = (
    "The house is green.",
    "Where did you put my book?",
    "I don't know him.",
    "We walked along the river.",
    "She said nothing at all.",
    "Please open the window.",
)


def hum(seconds: float, hz: float = 200.0) -> Samples:
    time = np.arange(int(seconds * 16000)) / 16000
    samples: Samples = (9000 * np.sin(2 * np.pi * hz * time)).astype(np.int16)
    return samples


class HummingEngine:
    """Hums 0.3 s for every word; remembers what it was asked."""

    name = "hum"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def voices(self) -> Sequence[Voice]:
        return [
            Voice(engine="hum", name="low"),
            Voice(engine="hum", name="high"),
            Voice(engine="hum", name="strange", held_out=True),
        ]

    def speak(self, requests: Sequence[SpeechRequest]) -> list[Samples | None]:
        self.asked += [request.id for request in requests]
        return [
            None if "window" in request.text else hum(0.3 * len(request.text.split()))
            for request in requests
        ]


def write_data_folder(root: Path) -> Path:
    """Write speech, noise and text in the layout that `prepare_speech` reads."""
    rows = [
        ("a/1.wav", "train", "ann", "en", "HELLO THERE OLD FRIEND"),
        ("a/2.wav", "train", "ann", "en", "How are you?"),
        ("a/3.wav", "train", "ann", "en", "Call 112!"),
        ("b/1.wav", "train_digits", "bob", "en", "seven"),
        ("librispeech/1.wav", "dev", "cat", "en", "WE WALKED ALONG THE RIVER"),
        ("c/1.wav", "train", "dan", "de", "Schöne Grüße"),
        ("c/2.wav", "test", "dan", "en", "never used"),
        ("c/3.wav", "train", "dan", "en", "this file is damaged"),
    ]
    speech = root / "speech"
    for name, *_ in rows:
        (speech / name).parent.mkdir(parents=True, exist_ok=True)
        write_wav(speech / name, hum(1.0))
    (speech / "c/3.wav").write_bytes(b"RIFF")
    lines = ["path\tsplit\tspeaker\tlang\ttranscript", *("\t".join(row) for row in rows)]
    (speech / "manifest.tsv").write_text("\n".join(lines) + "\n")
    noise = root / "noise"
    noise.mkdir()
    write_wav(noise / "rain.wav", hum(0.5, 3000))
    (noise / "manifest.tsv").write_text("path\tsplit\tclass\nrain.wav\ttrain\train\n")
    texts = {
        "train/tatoeba.en-de.tsv.gz": [f"{text}\tx" for text in SENTENCES],
        "train/tatoeba.en-fr.tsv.gz": [
            "The NATO met in 1999.\tx",
            "Der Text\tx",
            "the house IS\tx",
        ],
        "train/bcontrast.en-de.tsv.gz": ["Mr. Smith is here.\tx\tagent\t1"],
        "dev/tatoeba.en-de.tsv.gz": ["We saw her yesterday.\tx", "I don't know him\tx"],
        "dev/tatoeba.en-fr.tsv.gz": ["That is all.\tx"],
        "dev/bcontrast.en-de.tsv.gz": ["Thank you.\tx\tagent\t1"],
        "mono/librispeech_train-clean-100_transcripts.txt.gz": [
            "1-2-3\tAND SO THE LONG DAY CAME TO AN END BESIDE THE QUIET SEA",
            "1-2-4\tWE WALKED ALONG THE RIVER",
        ],
    }
    for name, content in texts.items():
        path = root / "text" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write("\n".join(content) + "\n")
    return root
