"""How soon a session goes on whose device vanished: from its return to the next caption."""

import signal
import time

from tests.app.conftest import (
    Machine,
    machine,  # noqa: F401
    sound_server,  # noqa: F401
)
from tests.app.running.test_run import QUIET, read_until
from tests.app.sound_server import NEEDS_SOUND, SoundServer
from tests.patience import TIMEOUT_S

pytestmark = NEEDS_SOUND
N_TIMES = 5
ALLOWED_S = 2.0


def test_a_session_goes_on_soon_after_its_device_is_back(
    machine: Machine,  # noqa: F811
    sound_server: SoundServer,  # noqa: F811
) -> None:
    running = machine.start("run", "mic", *QUIET, "--jsonl", "-", *machine.options)
    assert running.stdout is not None
    assert running.stderr is not None
    sound = machine.sound("speech.wav", [(60.0, 0.5)])
    playing = sound_server.play(sound)
    read_until(running.stdout.fileno(), rb"\n")
    took_s = []
    for _ in range(N_TIMES):
        sound_server.unplug()
        playing.wait(TIMEOUT_S)
        read_until(running.stderr.fileno(), b"goes on when")
        sound_server.plug()
        back_s = time.monotonic()
        playing = sound_server.play(sound)
        read_until(running.stdout.fileno(), b"\n")
        took_s.append(time.monotonic() - back_s)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=TIMEOUT_S)
    playing.terminate()
    playing.wait(TIMEOUT_S)
    print("\na caption so many seconds after the device was back:", [f"{s:.2f}" for s in took_s])
    assert max(took_s) <= ALLOWED_S
