"""The feed as a viewer meets it: a real client on a loopback socket."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.server.captions import CaptionsDoor, Published
from app.server.config import ServerConfig, ServerError, parse_address
from app.server.feed import feed_routes
from app.server.history import History
from app.server.http import Target
from app.server.server import Server
from app.server.stats import ServerStats
from engine.captions import Caption
from engine.journal import Journal
from tests.app.fakes import caption, finals
from tests.app.server.serving import IMPATIENT_S

ANYWHERE = ServerConfig(address="127.0.0.1:0")


@asynccontextmanager
async def serving(
    config: ServerConfig = ANYWHERE, journal: Journal | None = None
) -> AsyncIterator[tuple[Published, str]]:
    """Where to publish captions, and the URL for viewers."""
    stats = ServerStats()
    captions = Published(History(journal), stats)
    captions.begin("test")
    routes = feed_routes(captions, config, stats, session="test")
    async with Server(routes, config, stats).serve() as address:
        yield captions, f"ws://{address}/"
        captions.fanout.close()


@asynccontextmanager
async def viewing(url: str, **options: Any) -> AsyncIterator[tuple[ClientConnection, Any]]:
    """A viewer and the snapshot that it got."""
    async with connect(url, **options) as viewer:
        yield viewer, json.loads(await viewer.recv())


async def next_caption(viewer: ClientConnection) -> Caption:
    return Caption.from_json(await viewer.recv())


async def say_all(viewer: ClientConnection, said: list[str | bytes]) -> None:
    for message in said:
        await viewer.send(message)
    await viewer.recv()


def in_spanish(item: Caption) -> Caption:
    return replace(
        item, source=replace(item.source, lang="pt"), target=replace(item.target, lang="es")
    )


async def read_on(viewer: ClientConnection) -> None:
    while True:
        await viewer.recv()


async def status_of_refusal(url: str, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, **options)
    return refused.value.response.status_code


async def test_a_viewer_gets_captions_as_they_come() -> None:
    async with serving() as (captions, url), viewing(url) as (viewer, snapshot):
        expected = {"type": "snapshot", "v": 1, "session": "test", "captions": [], "lost": []}
        assert snapshot == expected
        sent = caption(0, target=("guten", "Morgen"))
        captions.publish(sent)
        assert await next_caption(viewer) == sent


async def test_captions_are_at_the_root_and_at_their_path_and_nowhere_else() -> None:
    async with serving() as (_, url), viewing(f"{url}captions") as (_, snapshot):
        assert snapshot["type"] == "snapshot"
        assert await status_of_refusal(f"{url}elsewhere") == 404


async def test_a_viewer_that_comes_back_gets_what_it_missed_and_nothing_twice() -> None:
    async with serving() as (captions, url):
        for item in finals(40):  # more than the snapshot holds
            captions.publish(item)
        captions.publish(caption(40, 40, target=("noch", "offen")))
        async with viewing(f"{url}captions?after=test:9") as (viewer, snapshot):
            captions.publish(caption(41, 40, 1, final=True))
            assert snapshot["captions"] == snapshot["lost"] == []
            assert [(await next_caption(viewer)).seq for _ in range(32)] == list(range(10, 42))


async def test_after_a_restart_the_journal_has_what_a_viewer_missed(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.sqlite3") as journal:
        journal.begin_session("old", source_lang="en", target_lang="de")
        journal.append(*(replace(item, session="old") for item in finals(5)))
        async with serving(journal=journal) as (_, url):
            async with viewing(f"{url}captions?after=old:1") as (viewer, snapshot):
                assert snapshot["lost"] == []
                assert [(await next_caption(viewer)).seq for _ in range(3)] == [2, 3, 4]


async def test_a_viewer_is_told_which_session_cannot_be_resumed() -> None:
    async with serving() as (_, url), viewing(f"{url}captions?after=gone:7") as (_, snapshot):
        assert snapshot["lost"] == ["gone"]


async def test_a_viewer_may_ask_for_one_session_and_for_languages() -> None:
    async with serving() as (captions, url):
        async with viewing(f"{url}captions?session=one&lang=fr,de") as (viewer, snapshot):
            assert snapshot["session"] == "one"
            captions.publish(caption(0, session="two"))
            captions.publish(in_spanish(caption(0, session="one")))
            captions.publish(caption(1, session="one"))
            assert await next_caption(viewer) == caption(1, session="one")


async def test_in_reading_mode_no_word_is_ever_taken_back() -> None:
    async with serving() as (captions, url):
        captions.publish(caption(0, 0, target=("", "Gute")))
        async with viewing(f"{url}captions?mode=reading") as (viewer, snapshot):
            assert [c["target"]["tentative"] for c in snapshot["captions"]] == [""]
            captions.publish(caption(1, 0, 1, target=("guten", "Tag")))
            assert (await next_caption(viewer)).target.full == "guten"
            captions.publish(caption(2, 0, 2, target=("guten", "Abend")))
            captions.publish(caption(3, 0, 3, final=True))
            assert (await next_caption(viewer)).seq == 3


async def test_each_caption_stays_for_the_dwell_time() -> None:
    async with serving() as (captions, url):
        async with viewing(f"{url}captions?mode=reading&dwell=2") as (viewer, _):
            captions.publish(caption(0, 0, 0, target=("one", "")))
            assert (await next_caption(viewer)).seq == 0
            for n in (1, 2):
                captions.publish(caption(n, 0, n, target=("one two three"[: 3 + 4 * n], "")))
                await (await viewer.ping())  # what was to be sent at once has been sent
            assert (await next_caption(viewer)).seq == 2
            captions.publish(caption(3, 0, 3, final=True))
            captions.publish(caption(4, 1, 0, final=True))
            assert [(await next_caption(viewer)).seq for _ in range(2)] == [3, 4]


def test_a_dwell_time_is_for_one_session() -> None:
    stats = ServerStats()
    door = CaptionsDoor(Published(History(None), stats), ANYWHERE, stats)
    assert door.refusal(Target.parse("/captions?mode=reading&dwell=2")) is not None
    assert door.refusal(Target.parse("/captions?mode=reading&dwell=2&session=one")) is None


@pytest.mark.parametrize(
    "query",
    [
        "dwell=1",
        "mode=reading&dwell=9",
        "mode=reading&dwell=nan",
        "mode=fast",
        "after=7",
        "after=test:x",
        "after=test:-1",
    ],
)
async def test_a_view_that_does_not_exist_is_refused(query: str) -> None:
    async with serving() as (_, url):
        assert await status_of_refusal(f"{url}captions?{query}") == 400


async def test_the_snapshot_holds_finals_and_the_newest_revision_of_the_open_segment() -> None:
    async with serving() as (captions, url):
        for item in (*finals(3), caption(3, 3, 0), caption(4, 3, 1)):
            captions.publish(item)
        async with viewing(url) as (_, snapshot):
            found = [Caption.from_dict(item) for item in snapshot["captions"]]
    assert [(item.segment, item.revision) for item in found] == [(0, 0), (1, 0), (2, 0), (3, 1)]


async def test_what_a_failed_session_left_open_is_not_shown_to_those_who_come_later() -> None:
    async with serving() as (captions, url):
        captions.publish(caption(0, 0, final=True))
        captions.publish(caption(1, 1))
        captions.publish(caption(0, 0, session="another"))
        captions.end("test")
        async with viewing(f"{url}captions") as (_, snapshot):
            shown = [(c["session"], c["final"]) for c in snapshot["captions"]]
    assert sorted(shown) == [("another", False), ("test", True)]


async def test_two_viewers_see_the_same() -> None:
    async with serving() as (captions, url), viewing(url) as (one, _), viewing(url) as (two, _):
        captions.publish(caption(0))
        assert await next_caption(one) == await next_caption(two)


async def test_a_slow_viewer_is_spared_old_revisions_and_gets_every_final() -> None:
    async with serving() as (captions, url), viewing(url) as (viewer, _):
        for revision in range(50):  # without a turn of the loop in between
            captions.publish(caption(revision, revision=revision))
        captions.publish(caption(50, revision=50, final=True))
        captions.publish(caption(51, 1, final=True))
        assert [(await next_caption(viewer)).seq for _ in range(2)] == [50, 51]


async def test_a_viewer_that_is_too_far_behind_is_closed_with_1013() -> None:
    config = ServerConfig(address="127.0.0.1:0", max_pending=8)
    async with serving(config) as (captions, url), viewing(url) as (viewer, _):
        for item in finals(9):
            captions.publish(item)
        assert [(await next_caption(viewer)).seq for _ in range(8)] == list(range(8))
        with pytest.raises(ConnectionClosed):
            await viewer.recv()
        assert viewer.close_code == 1013
        async with viewing(url) as (_, snapshot):  # it may come back for what it missed
            assert len(snapshot["captions"]) == 9


async def test_a_viewer_that_reads_nothing_holds_up_nobody_and_is_closed() -> None:
    config = ServerConfig(address="127.0.0.1:0", max_pending=8, send_timeout_s=IMPATIENT_S)
    async with serving(config) as (captions, url), viewing(url) as (reader, _):
        async with connect(url, max_queue=1) as deaf:
            await deaf.recv()
            deaf.transport.pause_reading()
            for item in finals(400, text="ein langer Satz " * 2000):
                captions.publish(item)
                assert await next_caption(reader) == item
            deaf.transport.resume_reading()
            with pytest.raises(ConnectionClosed):
                await read_on(deaf)
            assert deaf.close_code == 1013


@pytest.mark.parametrize(("said", "code"), [([b"x" * 5000], 1009), (["hello"] * 61, 1008)])
async def test_what_a_viewer_says_is_ignored_and_too_much_of_it_closes_only_that_viewer(
    said: list[str | bytes], code: int
) -> None:
    async with serving() as (captions, url), viewing(url) as (good, _), viewing(url) as (bad, _):
        await bad.send("hello")
        with pytest.raises(ConnectionClosed):
            await say_all(bad, said)
        assert bad.close_code == code
        captions.publish(caption(0))
        assert (await next_caption(good)).seq == 0


async def test_viewers_get_what_is_pending_before_the_feed_ends() -> None:
    async with serving() as (captions, url):
        viewer = await connect(url)
        await viewer.recv()
        captions.publish(caption(0, final=True))
    assert (await next_caption(viewer)).final
    with pytest.raises(ConnectionClosed):
        await viewer.recv()
    assert viewer.close_code == 1001


async def test_the_token_is_asked_for_in_the_query_or_the_header() -> None:
    async with serving(ServerConfig(address="127.0.0.1:0", token="s3cret")) as (_, url):
        assert await status_of_refusal(url) == 401
        assert await status_of_refusal(f"{url}?token=wrong") == 401
        assert await status_of_refusal(f"{url}?token=") == 401
        async with viewing(f"{url}?token=s3cret") as (_, snapshot):
            assert snapshot["v"] == 1
        header = {"Authorization": "Bearer s3cret"}
        async with viewing(url, additional_headers=header) as (_, snapshot):
            assert snapshot["v"] == 1


@pytest.mark.parametrize("origin", ["https://example.org", "null", "http://localhost.example.org"])
async def test_a_page_from_elsewhere_may_not_listen_in(origin: str) -> None:
    async with serving() as (_, url):
        assert await status_of_refusal(url, origin=origin) == 403


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:1"])
async def test_a_page_of_this_machine_may_listen(origin: str) -> None:
    async with serving() as (_, url), viewing(url, origin=origin) as (_, snapshot):
        assert snapshot["type"] == "snapshot"


async def test_a_page_from_elsewhere_may_listen_with_the_token() -> None:
    async with serving(ServerConfig(address="127.0.0.1:0", token="s3cret")) as (_, url):
        async with viewing(f"{url}?token=s3cret", origin="https://example.org") as (_, snapshot):
            assert snapshot["type"] == "snapshot"


async def test_one_viewer_too_many_is_turned_away() -> None:
    async with serving(ServerConfig(address="127.0.0.1:0", max_viewers=1)) as (_, url):
        async with viewing(url):
            assert await status_of_refusal(url) == 503


async def test_a_handshake_that_is_none_disturbs_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    async with serving() as (_, url), viewing(url):
        port = int(url.rstrip("/").rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
    assert capfd.readouterr().err == ""


async def test_a_host_that_does_not_exist_is_said_in_words() -> None:
    config = ServerConfig(address="nowhere.invalid:0", token="secret")
    with pytest.raises(ServerError, match=r"cannot serve on nowhere\.invalid:0: ") as raised:
        async with serving(config):
            pass
    assert "Unknown" not in str(raised.value)


async def test_a_port_that_is_taken_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ServerError, match=f"cannot serve on {address}: .*in use"):
            async with serving(ServerConfig(address=address)):
                pass


def test_other_machines_need_a_token() -> None:
    with pytest.raises(ValueError, match="--feed-token"):
        ServerConfig(address="0.0.0.0:8765")
    with pytest.raises(ValueError, match="--feed-token"):
        ServerConfig(address="example.org:8765")
    ServerConfig(address="0.0.0.0:8765", token="s3cret")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("localhost:8765", ("localhost", 8765)),
        (":8765", ("localhost", 8765)),
        ("8765", ("localhost", 8765)),
        ("[::1]:0", ("::1", 0)),
    ],
)
def test_addresses_are_read(address: str, expected: tuple[str, int]) -> None:
    assert parse_address(address) == expected


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", "localhost:70000", "a:b:x"])
def test_bad_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(address)
