"""`dragoman run mic` on a real audio device: the monitor of a PulseAudio null sink."""

import signal

from tests.app.conftest import Machine
from tests.app.running.test_run import QUIET, captions_of, read_until
from tests.app.sound_server import NEEDS_SOUND, SoundServer
from tests.patience import TIMEOUT_S

pytestmark = NEEDS_SOUND


def test_what_a_microphone_hears_becomes_captions_until_ctrl_c(
    machine: Machine, sound_server: SoundServer
) -> None:
    running = machine.start("run", "mic", *QUIET, "--jsonl", "-", *machine.options)
    playing = sound_server.play(machine.sound("speech.wav", [(60.0, 0.5)]))
    assert running.stdout is not None
    seen = read_until(running.stdout.fileno(), rb'"final":true.*\n')
    running.send_signal(signal.SIGINT)
    rest, errors = running.communicate(timeout=TIMEOUT_S)
    playing.terminate()
    playing.wait(TIMEOUT_S)
    assert running.returncode == 0, errors.decode()
    captions = captions_of((seen + rest).decode())
    assert captions[0].source.full.startswith("word1")
    assert captions[-1].final


def test_a_device_that_vanishes_and_comes_back_goes_on_in_the_same_session(
    machine: Machine, sound_server: SoundServer
) -> None:
    running = machine.start("run", "mic", *QUIET, "--jsonl", "-", *machine.options)
    assert running.stdout is not None
    assert running.stderr is not None
    sound = machine.sound("speech.wav", [(60.0, 0.5)])
    playing = sound_server.play(sound)
    seen = read_until(running.stdout.fileno(), rb'"final":true.*\n')
    sound_server.unplug()
    playing.wait(TIMEOUT_S)
    said = read_until(running.stderr.fileno(), b"goes on when")
    sound_server.plug()
    playing = sound_server.play(sound)
    seen += read_until(running.stdout.fileno(), rb'"final":true.*\n')
    running.send_signal(signal.SIGINT)
    rest, errors = running.communicate(timeout=TIMEOUT_S)
    playing.terminate()
    playing.wait(TIMEOUT_S)
    assert running.returncode == 0, (said + errors).decode()
    assert len({caption.session for caption in captions_of((seen + rest).decode())}) == 1


def test_what_one_of_several_speakers_plays_is_heard_by_name(
    machine: Machine, sound_server: SoundServer
) -> None:
    sound_server.command("pactl", "load-module", "module-null-sink", "sink_name=other")
    sound_server.command("pactl", "set-default-source", "other.monitor")
    listed = machine.run("devices", "--once").stdout
    assert {"speaker.monitor", "other.monitor"} <= set(listed.split())
    options = ("--jsonl", "-", *machine.options)
    running = machine.start("run", "mic:speaker.monitor", *QUIET, *options)
    playing = sound_server.play(machine.sound("speech.wav", [(60.0, 0.5)]), "speaker")
    assert running.stdout is not None
    read_until(running.stdout.fileno(), rb'"final":true.*\n')
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=TIMEOUT_S)
    playing.terminate()
    playing.wait(TIMEOUT_S)
    assert running.returncode == 0, errors.decode()
