"""A browser's microphone at the doors: what a real MediaRecorder sends is heard."""

import wave
from pathlib import Path

import pytest

from tests.app.server.browser import CHROMIUM, browsing
from tests.app.server.sound import serving_sound, tone

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

RATE_HZ = 48_000
RECORD = """
(async () => {
  window.messages = [];
  window.socket = new WebSocket(`ws://${location.host}%s`);
  socket.onmessage = ({ data }) => messages.push(JSON.parse(data));
  socket.onclose = ({ code }) => (window.closeCode = code);
  await new Promise((resolve) => (socket.onopen = resolve));
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  window.recorder = new MediaRecorder(stream, { mimeType: "audio/webm" });
  const start = %s;
  if (start) socket.send(JSON.stringify(start));
  recorder.ondataavailable = ({ data }) => data.size && socket.send(data);
  recorder.start(100);
})()
"""
LOADED = "location.protocol == 'http:' && document.readyState == 'complete'"
WORDS = "'word1 word2 word3 word4'"


@pytest.fixture
def microphone(tmp_path: Path) -> tuple[str, ...]:
    """Options of a browser whose microphone hears a tone."""
    path = tmp_path / "microphone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(tone(60.0, RATE_HZ))
    return (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={path}",
    )


async def test_whisperlivekit_hears_a_media_recorder(
    tmp_path: Path, microphone: tuple[str, ...]
) -> None:
    async with serving_sound() as doors, browsing(tmp_path / "profile", *microphone) as tab:
        await tab.open(f"http://{doors.address}/")
        await tab.until(LOADED)
        await tab.evaluate(RECORD % ("/asr", "null"))
        await tab.until(f"messages.some((m) => m.lines?.[0]?.text == {WORDS})")
        # As its page does it: an empty message first, and what the recorder still had after that.
        await tab.evaluate("socket.send(new Blob([])); recorder.stop()")
        await tab.until("window.closeCode == 1000")
        assert await tab.evaluate("messages.at(-1)") == {"type": "ready_to_stop"}


async def test_a_page_sends_what_it_records_and_gets_captions(
    tmp_path: Path, microphone: tuple[str, ...]
) -> None:
    start = "{ type: 'start', encoding: 'webm' }"
    async with serving_sound() as doors, browsing(tmp_path / "profile", *microphone) as tab:
        await tab.open(f"http://{doors.address}/")
        await tab.until(LOADED)
        await tab.evaluate(RECORD % ("/audio", start))
        await tab.until(f"messages.some((m) => m.final && m.source.committed == {WORDS})")
        await tab.evaluate(
            "recorder.onstop = () => socket.send(JSON.stringify({ type: 'end' })); recorder.stop()"
        )
        await tab.until("window.closeCode == 1000")
        assert await tab.evaluate("messages.at(-1)") == {"type": "end", "v": 1}
        shown = "document.getElementById('captions').innerText"
        await tab.until(f"{shown}.includes('WORD4 WORD3 WORD2 WORD1')")  # and viewers see it
