"""Whether a recogniser's folder is whole, what it hears, and how fast it is on this machine."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from app.evaluation.recognition import stream_recording
from app.models.recognition import make_decoder, make_recognizer
from app.models.registry import ASSETS
from app.sources.decoding import SoundFile
from engine.audio import SAMPLE_RATE_HZ, Samples
from models.errors import CheckpointError
from models.espnet import META_FILE

if TYPE_CHECKING:
    from app.config import Settings
    from models.owsm_ctc.model import OwsmCtc
    from models.owsm_ctc.onnx_model import OnnxOwsmCtc

SPOKEN_S = 16.0
"""How much of the shipped recording is recognised live."""

_WINDOW_S = 6.0  # about what is encoded at each step of a stream
_N_ROUNDS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """One form of a model on this machine."""

    form: str
    """`torch`, or the name of an exported file."""
    window_ms: float
    """Time of the network for 6 s of sound: the median of rounds that take turns with the other
    forms, so that what else the machine does is shared among them."""
    rtf: float
    """Computation of a live stream ÷ its length, search and voice detection included."""
    text: str
    """What was heard in that stream."""

    @property
    def keeps_up(self) -> bool:
        """Whether speech could go on for hours without subtitles falling behind."""
        return self.rtf < 1.0


def load_torch(directory: Path, device: str = "cpu") -> "OwsmCtc":
    """Load a checkpoint of this project or a public repository in ESPnet's layout, strictly.

    Raises:
        CheckpointError: a file or a tensor is missing, extra, damaged or misshapen.
    """
    from models.checkpoint import load_espnet
    from models.owsm_ctc.model import OwsmCtc

    if (directory / META_FILE).exists():
        return load_espnet(directory, device)
    return OwsmCtc.from_checkpoint(directory, device)


def load_forms(directory: Path, n_threads: int) -> dict[str, "OwsmCtc | OnnxOwsmCtc"]:
    """Every form of the model in a folder, by name.

    Raises:
        CheckpointError: there is none, or one of them is damaged.
    """
    from models.checkpoint import WEIGHTS_FILE
    from models.owsm_ctc.onnx_model import FLOAT_FILE, INT8_FILE, OnnxOwsmCtc

    forms: dict[str, OwsmCtc | OnnxOwsmCtc] = {}
    exported = [name for name in (FLOAT_FILE, INT8_FILE) if (directory / name).exists()]
    if not exported or any((directory / name).exists() for name in (WEIGHTS_FILE, META_FILE)):
        forms["torch"] = load_torch(directory)
    for name in exported:
        forms[name] = OnnxOwsmCtc.from_checkpoint(
            directory, file=directory / name, n_threads=n_threads
        )
    return forms


def spoken_sample() -> Samples:
    """The beginning of the shipped recording, 16 kHz.

    Raises:
        CheckpointError: it is missing, as in an installation without the assets.
    """
    path = ASSETS / "demo.opus"
    if not path.exists():
        raise CheckpointError(f"{path}: the recording to listen to is missing")
    with SoundFile(path) as file:
        return file.read(round(SPOKEN_S * SAMPLE_RATE_HZ))


def measure(
    forms: Mapping[str, "OwsmCtc | OnnxOwsmCtc"], samples: Samples, lang: str, settings: "Settings"
) -> list[Speed]:
    """Time each form on a window, in turns, and on a live stream."""
    window = samples[: round(_WINDOW_S * SAMPLE_RATE_HZ)]
    spent: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(_N_ROUNDS):
        for name, network in forms.items():
            began = time.perf_counter()
            network.log_probs([window], lang=["<nolang>"], task=["<asr>"], prompt=[None])
            spent[name].append(time.perf_counter() - began)
    speeds = []
    for name, network in forms.items():
        decoder = make_decoder(network, None, settings.recognizer)
        streamed, spent_s = stream_recording(make_recognizer(decoder, lang, settings), samples)
        speeds.append(
            Speed(
                form=name,
                window_ms=1000 * median(spent[name]),
                rtf=spent_s * SAMPLE_RATE_HZ / len(samples),
                text=streamed.text,
            )
        )
    return speeds
