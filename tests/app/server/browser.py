"""A headless Chromium, driven over its DevTools protocol."""

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.patience import TIMEOUT_S

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # needs rights that a container does not give; the page is our own
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-port=0",
)


class Tab:
    """One page."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = count(1)

    async def call(self, method: str, **parameters: Any) -> Any:
        number = next(self._ids)
        await self._connection.send(
            json.dumps({"id": number, "method": method, "params": parameters})
        )
        while True:
            message = json.loads(await self._connection.recv())
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    async def open(self, url: str, *, width: int = 390, height: int = 700) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self.call("Page.navigate", url=url)

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression; of a promise, what it comes to."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression is true, asked with every frame that the page paints."""
        async with asyncio.timeout(TIMEOUT_S):
            while not await self.evaluate(
                "new Promise((resolve) => requestAnimationFrame(() => "
                f"requestAnimationFrame(() => resolve(Boolean({expression})))))"
            ):
                pass

    async def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, text=key)

    async def screenshot(self, file: Path) -> None:
        picture = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(file.write_bytes, base64.b64decode(picture["data"]))


@asynccontextmanager
async def browsing(folder: Path, *options: str) -> AsyncIterator[Tab]:
    """A browser with one empty page; `folder` is for its profile."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *_OPTIONS,
        *options,
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            url = await _devtools_url(process.stderr)
            async with connect(url, max_size=2**26) as browser:
                page = await _first_page(Tab(browser))
        address = url.partition("/devtools/")[0]
        async with connect(f"{address}/devtools/page/{page}", max_size=2**26) as tab:
            yield Tab(tab)
    finally:
        process.terminate()
        await process.communicate()


async def _first_page(browser: Tab) -> str:
    """Its id, once it is there: the browser listens before it has opened one."""
    while True:
        targets = await browser.call("Target.getTargets")
        for target in targets["targetInfos"]:
            if target["type"] == "page":
                return str(target["targetId"])


async def _devtools_url(stream: asyncio.StreamReader) -> str:
    async for line in stream:
        _, found, url = line.decode().partition("DevTools listening on ")
        if found:
            return url.strip()
    raise AssertionError("the browser ended before it listened")
