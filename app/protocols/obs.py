"""obs-websocket 5: the messages for `SendStreamCaption`. No I/O."""

import base64
import hashlib
import json
import textwrap
from dataclasses import dataclass
from typing import Any

OUTPUT_NOT_RUNNING = 501
"""OBS does not stream at the moment."""

MAX_CAPTION_BYTES = 128
CAPTION_ROWS, CAPTION_COLUMNS = 4, 32
"""What OBS shows of one caption; it cuts off the rest, wherever that is."""

_RPC_VERSION = 1
_HELLO, _IDENTIFY, _IDENTIFIED, _REQUEST, _RESPONSE = 0, 1, 2, 6, 7


class ObsError(ValueError):
    """What answers is not OBS, or it wants a password."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request."""

    done: bool
    code: int


def identify(hello: str | bytes, password: str | None) -> str:
    """The answer to the first message of OBS.

    Raises:
        ObsError: it is not from OBS, or asks for a password and there is none.
    """
    data = _data(hello, _HELLO)
    answer: dict[str, object] = {"rpcVersion": _RPC_VERSION, "eventSubscriptions": 0}
    if isinstance(challenge := data.get("authentication"), dict):
        if password is None:
            raise ObsError("OBS asks for a password; set obs_password in the table [push]")
        secret = _digest(password + str(challenge.get("salt")))
        answer["authentication"] = _digest(secret + str(challenge.get("challenge")))
    return json.dumps({"op": _IDENTIFY, "d": answer})


def check_identified(message: str | bytes) -> None:
    """Read the second message of OBS.

    Raises:
        ObsError: it is not the expected one.
    """
    _data(message, _IDENTIFIED)


def caption_texts(text: str) -> list[str]:
    """A text in pieces that OBS shows whole, one after the other, for two seconds each."""
    pieces: list[str] = []
    for word in text.split():
        longer = f"{pieces[-1]} {word}" if pieces else word
        if pieces and _fits(longer):
            pieces[-1] = longer
        else:
            pieces.append(word)
    return pieces


def _fits(text: str) -> bool:
    rows = textwrap.wrap(text, CAPTION_COLUMNS)
    n_bytes = len(text.encode("utf-8", "replace"))
    return len(rows) <= CAPTION_ROWS and n_bytes <= MAX_CAPTION_BYTES


def caption_request(request_id: str, text: str) -> str:
    """The request that shows a text in the captions of the stream."""
    data = {
        "requestType": "SendStreamCaption",
        "requestId": request_id,
        "requestData": {"captionText": text},
    }
    return json.dumps({"op": _REQUEST, "d": data}, ensure_ascii=False)


def outcome(message: str | bytes) -> Outcome:
    """Read the answer to a request.

    Raises:
        ObsError: it is none.
    """
    data = _data(message, _RESPONSE)
    status = data.get("requestStatus")
    if not isinstance(status, dict):
        raise ObsError("an answer without a status")
    code = status.get("code")
    return Outcome(status.get("result") is True, code if isinstance(code, int) else 0)


def _data(message: str | bytes, operation: int) -> dict[str, Any]:
    try:
        parsed = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise ObsError("not an obs-websocket message") from error
    if not isinstance(parsed, dict) or parsed.get("op") != operation:
        raise ObsError("not the expected obs-websocket message")
    data = parsed.get("d")
    if not isinstance(data, dict):
        raise ObsError("an obs-websocket message without data")
    return data


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
