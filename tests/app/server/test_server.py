"""The port as browsers, probes and broken peers meet it."""

import asyncio
import logging
import re
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.datastructures import Headers

from app.server.access import Access
from app.server.config import ServerConfig, ServerError
from app.server.feed import in_words
from app.server.http import Target
from engine.captions import LiveFigures, LoadState
from tests.app.certificates import make_certificate
from tests.app.fakes import caption, finals
from tests.app.server.serving import IMPATIENT_S, request, say, serving_feed
from tests.patience import TIMEOUT_S


async def test_the_caption_page_and_its_files_need_no_token_and_load_nothing_from_elsewhere() -> (
    None
):
    config = ServerConfig(address="127.0.0.1:0", token="s3cret")
    async with serving_feed(config) as (_, address):
        page = await request(address, "/?token=s3cret")
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        links = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
        assert links
        for link in links:
            assert (await request(address, f"/{link}")).status == 200


async def test_health_answers_anyone_and_metrics_only_with_the_token() -> None:
    config = ServerConfig(address="127.0.0.1:0", token="s3cret")
    async with serving_feed(config) as (published, address):
        health = await request(address, "/health")
        assert health.json() == {"status": "ok", "sessions": 0, "max_sessions": 8}
        assert (await request(address, "/metrics")).status == 401
        for item in finals(3):
            published.publish(item)
        metrics = await request(address, "/metrics?token=s3cret")
        assert b"\ndragoman_finals_total 3\n" in metrics.body
        assert b'\ndragoman_refused_total{status="401"} 1\n' in metrics.body


async def test_metrics_tell_how_the_sessions_stand_that_run_now() -> None:
    def figures(erasure: float, delay_s: float | None, load: LoadState) -> LiveFigures:
        return LiveFigures(
            normalized_erasure=erasure, delay_s=delay_s, load=load, real_time_factor=0.5
        )

    async with serving_feed() as (published, address):
        for session, live in (
            ("one", figures(0.25, 2.0, LoadState.KEEPING_UP)),
            ("two", figures(0.75, None, LoadState.STRETCHED)),
            ("three", figures(1.0, 9.0, LoadState.STRETCHED)),
        ):
            published.publish(replace(caption(0, session=session), live=live))
        published.end("three")
        lines = (await request(address, "/metrics")).body.decode().splitlines()
    assert 'dragoman_sessions_by_load{load="stretched"} 1' in lines
    assert 'dragoman_sessions_by_load{load="finals only"} 0' in lines
    assert "dragoman_normalized_erasure 0.5" in lines
    assert "dragoman_word_delay_seconds 2.0" in lines
    assert "dragoman_real_time_factor 0.5" in lines


async def test_every_line_of_the_metrics_is_one_that_prometheus_reads() -> None:
    async with serving_feed() as (published, address):
        live = LiveFigures(load=LoadState.KEEPING_UP, delay_s=1.25, real_time_factor=0.5)
        published.publish(replace(caption(0), live=live))
        metrics = await request(address, "/metrics")
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"\})? [0-9.e+-]+')
    comment = re.compile(r"# (HELP|TYPE) dragoman_[a-z_]+ .+")
    for line in metrics.body.decode().splitlines():
        assert sample.fullmatch(line) or comment.fullmatch(line), line


@pytest.mark.parametrize(
    ("path", "status"), [("/nothing", 404), ("/captions", 426), ("/../pyproject.toml", 404)]
)
async def test_what_is_not_served_says_so(path: str, status: int) -> None:
    async with serving_feed() as (_, address):
        assert (await request(address, path)).status == status


async def test_a_foreign_host_name_is_refused_without_a_token() -> None:
    async with serving_feed() as (_, address):
        refused = await request(address, "/metrics", headers={"Host": "example.org"})
        assert refused.status == 403


async def test_a_body_that_is_too_large_is_refused_unread() -> None:
    async with serving_feed() as (_, address):
        head = {"Content-Length": str(2**30)}
        answer = await request(address, "/metrics", method="POST", headers=head)
        assert answer.status == 413


async def test_slow_header_bytes_are_cut_off_and_disturb_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = ServerConfig(address="127.0.0.1:0", open_timeout_s=IMPATIENT_S)
    caplog.set_level(logging.INFO)
    async with serving_feed(config) as (published, address):
        async with connect(f"ws://{address}/captions") as viewer:
            await viewer.recv()
            assert await say(address, b"GET /captions HT") == b""
            published.publish(caption(0))
            await viewer.recv()
    assert caplog.messages == ["127.0.0.1 left without a request that can be read"]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 10_000, b"HTTP/1.1 431"),
        (b"HELLO\r\n\r\n", b""),
        (b"\x16\x03\x01\r\n\r\n", b""),
    ],
)
async def test_what_is_no_request_is_refused_with_one_log_line(
    said: bytes, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving_feed() as (_, address):
        assert (await say(address, said))[:12] == answer
    assert caplog.messages == ["127.0.0.1 left without a request that can be read"]


async def viewers(address: str) -> int:
    metrics = await request(address, "/metrics")
    found = re.search(rb"\ndragoman_viewers (\d+)\n", metrics.body)
    assert found is not None
    return int(found[1])


async def test_a_viewer_that_vanishes_is_forgotten() -> None:
    async with serving_feed() as (_, address):
        async with connect(f"ws://{address}/captions") as viewer:
            await viewer.recv()
            viewer.transport.abort()
        async with asyncio.timeout(TIMEOUT_S):
            while await viewers(address):
                pass


async def test_a_half_open_connection_is_noticed_and_disturbs_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    config = ServerConfig(address="127.0.0.1:0", ping_s=IMPATIENT_S)
    handshake = (
        "GET /captions HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    async with serving_feed(config) as (published, address):
        async with connect(f"ws://{address}/captions") as viewer:
            await viewer.recv()
            seen = await say(address, handshake.encode())  # answers nothing, a ping neither
            assert seen.startswith(b"HTTP/1.1 101")
            assert b"keepalive ping timeout" in seen
            published.publish(caption(0))
            await viewer.recv()
    line = "/captions from 127.0.0.1: closed with 1011 keepalive ping timeout"
    assert caplog.messages == [line]


async def test_a_refusal_is_one_log_line_without_the_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = ServerConfig(address="127.0.0.1:0", token="s3cret")
    caplog.set_level(logging.INFO)
    async with serving_feed(config) as (_, address):
        await request(address, "/metrics?token=s3cre7")
    (line,) = [record.getMessage() for record in caplog.records if ": 401 " in record.getMessage()]
    assert line == "GET /metrics from 127.0.0.1: 401 a valid token is required"


async def test_with_a_certificate_the_server_speaks_tls(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    config = ServerConfig(address="127.0.0.1:0", tls_cert=certificate, tls_key=key)
    async with serving_feed(config) as (published, address):
        trust = ssl.create_default_context(cafile=certificate)
        async with connect(f"wss://{address}/captions", ssl=trust) as viewer:
            await viewer.recv()
            published.publish(caption(0))
            await viewer.recv()


def test_a_server_that_others_can_reach_says_how_to_speak_tls(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    open_to_all = ServerConfig(address="0.0.0.0:0", token="s3cret")
    secure = ServerConfig(address="0.0.0.0:0", token="s3cret", tls_cert=certificate, tls_key=key)
    assert "--tls-cert" in in_words("0.0.0.0:8765", open_to_all)
    assert "--tls-cert" not in in_words("0.0.0.0:8765", secure)
    assert "--tls-cert" not in in_words("127.0.0.1:8765", ServerConfig())


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_is_none_is_one_clear_error(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "server.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ServerError, match=r"server.pem: no usable certificate"):
        ServerConfig(tls_cert=file).tls()


def test_a_listed_origin_may_connect_without_a_token() -> None:
    access = Access(None, ("https://example.org",))
    target = Target.parse("/captions")
    headers = Headers({"Host": "localhost:8765", "Origin": "https://example.org"})
    assert access.refusal(target, headers) is None
    headers = Headers({"Host": "localhost:8765", "Origin": "https://example.net"})
    assert access.refusal(target, headers) is not None
