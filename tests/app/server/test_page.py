"""The caption page in a real browser."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from app.server.config import ServerConfig
from tests.app.fakes import caption
from tests.app.server.browser import CHROMIUM, Tab, browsing
from tests.app.server.serving import LOOPBACK, serving_feed
from tests.patience import TIMEOUT_S

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

SHOWN = "document.getElementById('captions').innerText"


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    async with browsing(tmp_path / "profile") as tab:
        yield tab


async def test_a_caption_is_revised_in_place_and_settles(tab: Tab, tmp_path: Path) -> None:
    async with serving_feed() as (published, address):
        await tab.open(f"http://{address}/")
        published.publish(caption(0, 0, 0, target=("Guten", "Abend zusammen")))
        await tab.until(f"{SHOWN} == 'Guten Abend zusammen'")
        assert await tab.evaluate("document.querySelector('.tentative').innerText") == (
            "Abend zusammen"
        )
        published.publish(caption(1, 0, 1, target=("Guten Morgen allerseits.", ""), final=True))
        published.publish(caption(2, 1, 0, target=("Wir", "fangen an")))
        await tab.until(f"{SHOWN}.includes('fangen an')")
        assert (await tab.evaluate(SHOWN)).split("\n") == [
            "Guten Morgen allerseits.",
            "",
            "Wir fangen an",
        ]
        assert await tab.evaluate("document.getElementById('spoken').textContent") == (
            "Guten Morgen allerseits."
        )
        await tab.screenshot(tmp_path / "phone.png")


async def test_for_obs_two_lines_on_nothing_at_all(tab: Tab, tmp_path: Path) -> None:
    async with serving_feed() as (published, address):
        for seq in range(8):
            published.publish(caption(seq, seq, final=True, target=(f"Satz Nummer {seq}", "")))
        await tab.open(
            f"http://{address}/?lines=2&background=transparent&size=60px&align=centre&outline=black",
            width=1280,
            height=360,
        )
        await tab.until(f"{SHOWN}.includes('Satz Nummer 7')")
        style = "getComputedStyle(document.body).backgroundColor"
        assert await tab.evaluate(style) == "rgba(0, 0, 0, 0)"
        visible = await tab.evaluate(
            "(() => { const box = document.getElementById('captions').getBoundingClientRect();"
            " return [...document.querySelectorAll('#captions p')].filter((p) => {"
            " const b = p.getBoundingClientRect(); return b.bottom > box.top + 1 && b.height > 0 })"
            ".map((p) => p.innerText) })()"
        )
        assert visible == ["Satz Nummer 6", "Satz Nummer 7"]
        assert not await tab.evaluate("document.getElementById('tools').checkVisibility()")
        await tab.call(
            "Emulation.setDefaultBackgroundColorOverride", color={"r": 40, "g": 90, "b": 140}
        )
        await tab.screenshot(tmp_path / "obs.png")


async def test_right_to_left_text_runs_from_the_right(tab: Tab) -> None:
    async with serving_feed() as (published, address):
        arabic = caption(0, target=("مرحبا بكم", ""), final=True)
        published.publish(replace(arabic, target=replace(arabic.target, lang="ar")))
        await tab.open(f"http://{address}/")
        await tab.until(f"{SHOWN} == 'مرحبا بكم'")
        side = "getComputedStyle(document.querySelector('.target')).direction"
        assert await tab.evaluate(side) == "rtl"


async def test_a_full_stop_stays_with_a_word_that_is_longer_than_the_line(tab: Tab) -> None:
    word = "Rindfleischetikettierungsgesetz"
    async with serving_feed() as (published, address):
        published.publish(caption(0, target=(f"{word}.", ""), final=True))
        await tab.open(f"http://{address}/?size=16px", width=320)
        await tab.until(f"{SHOWN} == '{word}.'")
        await tab.evaluate(
            "line = document.querySelector('.target'); line.style.width = 'max-content';"
            "letters = []; const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);"
            "for (let node; (node = texts.nextNode()); )"
            " for (let at = 0; at < node.length; at++) {"
            " const range = document.createRange(); letters.push(range);"
            " range.setStart(node, at); range.setEnd(node, at + 1) }"
            "box = (at) => letters.at(at).getBoundingClientRect();"
            "line.style.width = `${box(-1).left - box(0).left + 1}px`"  # all but the full stop fits
        )
        first, last, stop = await tab.evaluate("[box(0).top, box(-2).top, box(-1).top]")
        assert first < last == stop


async def test_keys_change_the_size_and_show_the_original(tab: Tab) -> None:
    async with serving_feed() as (published, address):
        published.publish(caption(0, final=True))
        await tab.open(f"http://{address}/")
        await tab.until(f"{SHOWN} == 'guten Morgen'")
        height = "parseFloat(getComputedStyle(document.body).fontSize)"
        before = await tab.evaluate(height)
        await tab.press("+")
        assert await tab.evaluate(height) > before
        await tab.press("o")
        await tab.until(f"{SHOWN} == 'good morning\\nguten Morgen'")


async def test_keys_scale_the_size_that_the_address_asks_for(tab: Tab) -> None:
    async with serving_feed() as (published, address):
        published.publish(caption(0, final=True))
        await tab.open(f"http://{address}/?size=44px")
        await tab.until(f"{SHOWN} == 'guten Morgen'")
        size = "parseFloat(getComputedStyle(document.getElementById('captions')).fontSize)"
        assert await tab.evaluate(size) == 44
        await tab.press("+")
        assert await tab.evaluate(size) > 44
        for key in "--":
            await tab.press(key)
        assert await tab.evaluate(size) < 44


async def test_the_newest_caption_stays_in_sight_when_the_text_or_the_phone_changes(
    tab: Tab,
) -> None:
    in_sight = (
        "document.querySelector('#captions').lastElementChild.getBoundingClientRect().bottom"
        " <= document.getElementById('captions').getBoundingClientRect().bottom"
    )
    async with serving_feed() as (published, address):
        for seq in range(20):
            published.publish(caption(seq, seq, final=True, target=(f"Satz Nummer {seq}", "")))
        await tab.open(f"http://{address}/", width=320, height=568)
        await tab.until(f"{SHOWN}.includes('Satz Nummer 19')")
        for _ in range(4):
            await tab.press("+")
            assert await tab.evaluate(in_sight)
        await tab.call(
            "Emulation.setDeviceMetricsOverride",
            width=568,
            height=320,
            deviceScaleFactor=1,
            mobile=False,
        )
        await tab.until(f"innerWidth == 568 && {in_sight}")


async def test_a_screen_reader_is_given_each_sentence_once(tab: Tab) -> None:
    async with serving_feed() as (published, address):
        published.publish(caption(0, final=True))
        await tab.open(f"http://{address}/")
        await tab.until(f"{SHOWN} == 'guten Morgen'")
        await tab.press("r")  # connects anew
        published.publish(caption(1, 1, final=True, target=("guten Abend", "")))
        await tab.until(f"{SHOWN}.includes('guten Abend')")
        given = "[...document.getElementById('spoken').children].map((p) => p.textContent)"
        assert await tab.evaluate(given) == ["guten Morgen", "guten Abend"]


async def test_colours_of_the_system_leave_letters_and_pressed_buttons_clear(tab: Tab) -> None:
    async with serving_feed() as (_, address):
        await tab.call(
            "Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}]
        )
        await tab.open(f"http://{address}/?show=both")
        await tab.until("document.getElementById('both')?.ariaPressed == 'true'")
        stroke = "getComputedStyle(document.getElementById('captions')).webkitTextStrokeWidth"
        assert await tab.evaluate(stroke) == "0px"
        colours = "['both', 'steady'].map((id) => getComputedStyle(window[id]).backgroundColor)"
        pressed, other = await tab.evaluate(colours)
        assert pressed != other


async def test_without_javascript_the_page_says_what_it_needs(tab: Tab) -> None:
    async with serving_feed() as (_, address):
        await tab.call("Emulation.setScriptExecutionDisabled", value=True)
        await tab.call("Page.enable")
        await tab.open(f"http://{address}/")
        told = ""
        async with asyncio.timeout(TIMEOUT_S):
            while "JavaScript" not in told:
                tree = await tab.call("Accessibility.getFullAXTree")
                told = " ".join(str(node.get("name", {}).get("value")) for node in tree["nodes"])
        assert "This page needs JavaScript" in told


async def test_a_page_that_waits_for_the_first_caption_says_so(tab: Tab) -> None:
    async with serving_feed() as (published, address):
        await tab.open(f"http://{address}/")
        await tab.until("document.getElementById('state')?.innerText == 'No captions yet'")
        published.publish(caption(0))
        await tab.until("document.getElementById('state').innerText == ''")


async def test_the_page_comes_back_after_a_restart_of_the_server(tab: Tab) -> None:
    async with serving_feed() as (published, address):
        published.publish(caption(0, final=True, target=("vorher", "")))
        await tab.open(f"http://{address}/")
        await tab.until(f"{SHOWN} == 'vorher'")
    await tab.until("document.getElementById('state').innerText.startsWith('Not connected')")
    async with serving_feed(replace(LOOPBACK, address=address)) as (published, _):
        published.publish(caption(0, final=True, session="next", target=("nachher", "")))
        await tab.until(f"{SHOWN}.includes('nachher')")
        assert "vorher" in await tab.evaluate(SHOWN)


async def test_the_module_ignores_what_a_later_server_may_say(tab: Tab) -> None:
    async def answer(connection: ServerConnection) -> None:
        for message in ({"type": "weather", "v": 1}, {"type": "weather", "v": 2}):
            await connection.send(json.dumps(message))
        later = {**caption(0).to_dict(), "mood": "good"}
        await connection.send(json.dumps(later))
        await connection.wait_closed()

    async with serving_feed() as (_, address), serve(answer, "127.0.0.1", 0) as later:
        port = next(iter(later.sockets)).getsockname()[1]
        await tab.open(f"http://{address}/")
        await tab.until("document.readyState == 'complete' && location.protocol == 'http:'")
        await tab.evaluate(
            "(async () => { const { CaptionFeed } = await import('/dragoman.js');"
            " window.seen = []; window.errors = [];"
            " window.onerror = (error) => errors.push(error);"
            f" const feed = new CaptionFeed('ws://127.0.0.1:{port}/');"
            " feed.addEventListener('caption', ({ detail }) => seen.push(detail.seq)); feed.open();"
            " })()"
        )
        await tab.until("seen.length")
        assert await tab.evaluate("seen") == [0]
        assert await tab.evaluate("errors") == []


async def test_the_token_of_the_page_goes_to_the_feed(tab: Tab) -> None:
    config = ServerConfig(address="127.0.0.1:0", token="s3cret")
    async with serving_feed(config) as (published, address):
        published.publish(caption(0, final=True))
        await tab.open(f"http://{address}/?token=s3cret")
        await tab.until(f"{SHOWN} == 'guten Morgen'")
        await tab.open(f"http://{address}/?token=other")
        await tab.until("document.getElementById('state')?.innerText.includes('right token')")
