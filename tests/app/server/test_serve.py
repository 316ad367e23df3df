"""`dragoman serve` and `dragoman follow` as their users meet them: programs that talk."""

import json
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.client import connect

from engine.captions import Caption
from tests.app.conftest import Machine
from tests.app.running.test_run import one_line_error, read_until
from tests.app.server.sound import tone
from tests.patience import TIMEOUT_S


@contextmanager
def serving(machine: Machine, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server process and its HOST:PORT."""
    process = machine.start("serve", "--port", "0", *options, *machine.options)
    with process:
        assert process.stderr is not None
        seen = read_until(process.stderr.fileno(), rb"http://\S+/\n")
        found = re.search(rb"ws://(\S+)/captions", seen)
        assert found is not None
        try:
            yield process, found[1].decode()
        finally:
            process.kill()


def speak(address: str, seconds: float) -> list[Caption]:
    with connect(f"ws://{address}/audio") as peer:
        peer.send('{"type":"start"}')
        peer.recv(timeout=TIMEOUT_S)
        peer.send(tone(seconds))
        peer.send('{"type":"end"}')
        messages = [json.loads(message) for message in peer]
    return [Caption.from_dict(message) for message in messages if "seq" in message]


def test_a_signal_finishes_the_stream_and_ends_the_server(machine: Machine) -> None:
    with serving(machine) as (process, address):
        with connect(f"ws://{address}/audio") as peer:
            peer.send('{"type":"start"}')
            peer.send(tone(1.0))
            peer.recv(timeout=TIMEOUT_S)
            Caption.from_json(peer.recv(timeout=TIMEOUT_S))
            process.send_signal(signal.SIGTERM)
            captions = [json.loads(message) for message in peer]
        assert captions[-2]["final"]
        assert process.wait(timeout=TIMEOUT_S) == 0
    assert "word1 word2" in machine.run("sessions", "show").stdout


def test_after_a_kill_a_viewer_gets_each_final_once(machine: Machine) -> None:
    with serving(machine) as (process, address):
        sent = speak(address, 4.0)
        session = sent[0].session
        with connect(f"ws://{address}/captions?after={session}:0") as viewer:
            viewer.recv(timeout=TIMEOUT_S)
            first = Caption.from_json(viewer.recv(timeout=TIMEOUT_S))
        process.kill()
        process.wait(timeout=TIMEOUT_S)
    with serving(machine) as (_, address):
        with connect(f"ws://{address}/captions?after={session}:{first.seq}") as viewer:
            assert json.loads(viewer.recv(timeout=TIMEOUT_S))["lost"] == []
            rest = Caption.from_json(viewer.recv(timeout=TIMEOUT_S))
    assert [first, rest] == [caption for caption in sent if caption.final]


def test_follow_prints_captions_and_leaves_with_the_server(machine: Machine) -> None:
    with serving(machine) as (process, address):
        follower = machine.start("follow", f"ws://{address}/captions", "--once", "--jsonl")
        with follower:
            assert follower.stdout is not None
            while not viewers(address):
                pass
            sent = speak(address, 2.0)
            process.send_signal(signal.SIGTERM)
            lines = follower.stdout.read().decode().splitlines()
            assert follower.wait(timeout=TIMEOUT_S) == 0
    assert Caption.from_json(lines[-1]) == sent[-1]


def viewers(address: str) -> int:
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        found = re.search(rb"\ndragoman_viewers (\d+)\n", answer.read())
    assert found is not None
    return int(found[1])


def test_other_machines_need_a_token(machine: Machine) -> None:
    done = machine.run("serve", "--host", "0.0.0.0", "--port", "0", *machine.options)
    line = one_line_error(done)
    assert "--token" in line
    assert "--tls-cert" in line


@pytest.mark.parametrize("url", ["localhost", "ws://127.0.0.1:1/"])
def test_a_feed_that_is_not_there_is_one_line(machine: Machine, url: str) -> None:
    assert url in one_line_error(machine.run("follow", url))
