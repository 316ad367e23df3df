"""LibreTranslate's pages `/translate` and `/languages`, on the models of the server."""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus

from app.protocols.libretranslate import RequestError, TranslationRequest, languages, sentences
from app.server.access import Access
from app.server.http import Answer, Exchange
from app.server.rate import PeerRateLimit
from app.server.server import Page
from app.server.sessions import Engine
from engine.multilingual import ANY_LANGUAGE, text_translators
from engine.translator import Translator

logger = logging.getLogger(__name__)

MAX_WAITING = 8
"""Requests that wait for the worker, which captions need more."""


def translation_pages(engine: Engine, access: Access, *, per_minute: int) -> dict[str, Page]:
    """The pages by path. They check the token themselves: clients send it as `api_key`."""
    translate = _TranslatePage(engine, access, PeerRateLimit(per_minute))
    target_lang = engine.translator.target_lang
    found = languages(text_translators(engine.translator), target_lang)

    async def list_languages(_: Exchange) -> Answer:
        return Answer.json(found)

    return {"/translate": translate, "/languages": list_languages}


class _TranslatePage:
    """POST /translate."""

    def __init__(self, engine: Engine, access: Access, limit: PeerRateLimit) -> None:
        self._target_lang = engine.translator.target_lang
        self._translators = text_translators(engine.translator)
        self._lane = engine.workers.lane()
        self._access = access
        self._limit = limit
        self._n_waiting = 0

    async def __call__(self, exchange: Exchange) -> Answer:
        """Translate, in the worker between two chunks of sound."""
        if exchange.method != "POST":
            return _error(HTTPStatus.METHOD_NOT_ALLOWED, "POST only")
        try:
            request = TranslationRequest.parse(
                exchange.body, exchange.headers.get("Content-Type", "")
            )
        except RequestError as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))
        refusal = self._access.refusal(exchange.target, exchange.headers)
        if refusal is not None and not self._access.opens(request.api_key):
            return _error(refusal.status, refusal.body.decode().strip())
        if not self._limit.allows(exchange.peer):
            return _error(HTTPStatus.TOO_MANY_REQUESTS, "too many requests")
        translator = self._find(request.source)
        if translator is None:
            return _error(HTTPStatus.BAD_REQUEST, f"{request.source} is not supported")
        if request.target != self._target_lang:
            return _error(HTTPStatus.BAD_REQUEST, f"{request.target} is not supported")
        if self._n_waiting >= MAX_WAITING:
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "the machine is busy")
        return Answer.json(request.answer(await self._translate(translator, request.texts)))

    def _find(self, source_lang: str) -> Translator | None:
        """The translator of that language, or the only one there is."""
        if source_lang == ANY_LANGUAGE and len(self._translators) == 1:
            return next(iter(self._translators.values()))
        return self._translators.get(source_lang)

    async def _translate(self, translator: Translator, texts: Sequence[str]) -> list[str]:
        self._n_waiting += 1
        try:
            return [await self._translate_text(translator, text) for text in texts]
        finally:
            self._n_waiting -= 1

    async def _translate_text(self, translator: Translator, text: str) -> str:
        loop = asyncio.get_running_loop()
        lines = []
        for line in text.split("\n"):
            pieces = [  # one call each: a stream of sound waits for one sentence at most
                await loop.run_in_executor(self._lane, _translate, translator, sentence)
                for sentence in sentences(line)
            ]
            lines.append(" ".join(pieces))
        return "\n".join(lines)


def _translate(translator: Translator, sentence: str) -> str:
    """In the worker; what is too long for the model stays as it is."""
    try:
        return translator.start().update(sentence, finished=True).text
    except ValueError as error:
        logger.info("a text was not translated: %s", error)
        return sentence


def _error(status: HTTPStatus, text: str) -> Answer:
    return Answer.json({"error": text}, status)
