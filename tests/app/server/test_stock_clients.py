"""Clients from the package registry, unchanged, at the doors of `dragoman serve`."""

import json
import subprocess
from pathlib import Path

from websockets.sync.client import connect

from engine.captions import Caption
from tests.app.conftest import Machine
from tests.app.server.test_serve import serving
from tests.environments import python_with
from tests.patience import TIMEOUT_S
from tests.ports import free_port

VOSK = """
import asyncio, json, sys
from types import SimpleNamespace
from vosk.transcriber.transcriber import Transcriber
from tests.patience import TIMEOUT_S

# Its constructor loads a model, which recognition on a server has no use for.
client = Transcriber.__new__(Transcriber)
client.args = SimpleNamespace(server=sys.argv[1], output_type="srt")

async def main():
    sound = await asyncio.create_subprocess_exec("cat", sys.argv[2], stdout=asyncio.subprocess.PIPE)
    results, n_bytes = await client.recognize_stream_server(sound)
    return {"results": results, "n_bytes": n_bytes, "srt": client.format_result(results)}

print(json.dumps(asyncio.run(main())))
"""


def finals_of(viewer_url: str, n: int) -> list[str]:
    """The newest finals of a server, as a viewer finds them in the snapshot."""
    with connect(viewer_url) as viewer:
        captions = json.loads(viewer.recv(timeout=TIMEOUT_S))["captions"]
    return [Caption.from_dict(caption).source.full for caption in captions][-n:]


def test_simulstreams_client_sends_its_files(machine: Machine) -> None:
    client = python_with("clients").with_name("simulstream_wavs_client")
    for name in ("one.wav", "two.wav"):
        machine.sound(name, [(2.0, 0.4), (0.5, 0.0), (1.0, 0.4)])
    files = machine.home / "files.txt"
    files.write_text("one.wav\ntwo.wav\n")
    with serving(machine) as (_, address):
        options = ("--wav-list-file", str(files), "--src-lang", "en", "--tgt-lang", "de")
        done = subprocess.run(
            [client, "--uri", f"ws://{address}/simulstream", *options],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "All 2 files sent." in done.stderr
        finals = finals_of(f"ws://{address}/captions", 4)
    assert sorted(finals) == ["word1 word2 word3 word4"] * 2 + ["word5 word6"] * 2


def test_vosks_client_goes_in_lockstep_and_writes_subtitles(machine: Machine) -> None:
    sound = Path(machine.sound("talk.wav", [(2.0, 0.4), (0.5, 0.0), (1.0, 0.4)]))
    sound.write_bytes(sound.read_bytes()[44:])  # without the head: s16le at its 16 kHz
    port = free_port()
    with serving(machine, "--vosk-port", str(port)):
        done = subprocess.run(
            [python_with("clients"), "-c", VOSK, f"ws://localhost:{port}/", str(sound)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    heard = json.loads(done.stdout)
    assert heard["n_bytes"] == sound.stat().st_size
    # A reply too many or too few would have been taken for that of another frame.
    assert [result["text"] for result in heard["results"]] == [
        "word1 word2 word3 word4",
        "word5 word6",
    ]
    assert "00:00:00,000 --> 00:00:02," in heard["srt"]
    assert "word1 word2 word3 word4" in heard["srt"]
