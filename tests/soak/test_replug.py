"""How soon a session goes on whose device vanished: from its return to the next caption.

With the shipped models; somebody speaks from the moment of the return on.
"""

import re
import signal
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from engine.audio import SAMPLE_RATE_HZ
from tests import shipped
from tests.app.conftest import (
    Machine,
    machine,  # noqa: F401
    sound_server,  # noqa: F401
)
from tests.app.running.test_run import QUIET, read_until
from tests.app.sound_server import NEEDS_SOUND, SoundServer
from tests.app.sources.test_real_microphone import (
    played,
    way,  # noqa: F401
)
from tests.patience import TIMEOUT_S

pytestmark = NEEDS_SOUND
N_TIMES = 10
ALLOWED_S = 2.0
SENTENCE_S = 5.0
LAST_WORD = rb'door","tentative":"".*"final":true.*\n'


@pytest.fixture
def sentence(tmp_path: Path) -> Path:
    """The first one of the shipped recording, of which the first word begins at once."""
    samples = shipped.demo()[: round(SENTENCE_S * SAMPLE_RATE_HZ)]
    path = tmp_path / "sentence.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE_HZ, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype(np.dtype("<i2")).tobytes())
    return path


def read_sentence(captions: int, seen: bytes = b"") -> None:
    """All captions of it, so that the next one is of what is said then."""
    while not re.search(LAST_WORD, seen):
        seen += read_until(captions, b"\n")


@pytest.mark.parametrize("returns", ["at once", "when it was missed"])
def test_a_session_goes_on_soon_after_its_device_is_back(
    machine: Machine,  # noqa: F811
    sound_server: SoundServer,  # noqa: F811
    way: str,  # noqa: F811
    sentence: Path,
    returns: str,
) -> None:
    arguments = ("run", "mic", *QUIET, "--jsonl", "-", "--device", "cpu")
    running = machine.start(*arguments, fake=False)
    assert running.stdout is not None
    assert running.stderr is not None
    captions, messages = running.stdout.fileno(), running.stderr.fileno()
    read_until(messages, b"This machine")
    with played(sound_server, sentence):
        read_sentence(captions)
    took_s = []
    for _ in range(N_TIMES):
        sound_server.unplug()
        if returns == "when it was missed":
            read_until(messages, b"goes on when")
        sound_server.plug()
        back_s = time.monotonic()
        with played(sound_server, sentence):
            seen = read_until(captions, b"\n")
            took_s.append(time.monotonic() - back_s)
            read_sentence(captions, seen)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=TIMEOUT_S)
    took = ", ".join(f"{s:.2f}" for s in sorted(took_s))
    print(f"\nback {returns}, heard by {way}, a caption after so many seconds: {took}")
    assert max(took_s) <= ALLOWED_S
