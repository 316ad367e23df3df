"""The messages of a real server are those that docs/asyncapi.yaml describes."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from websockets.asyncio.client import connect

from tests.app.server.sound import pieces, serving_sound, start, tone

ROOT = Path(__file__).parents[3]
API = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8"))


def validator(name: str) -> jsonschema.Draft202012Validator:
    """Checks the payload of one message."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": API["components"]}
    return jsonschema.Draft202012Validator(schema)


def kind_of(message: dict[str, Any]) -> str:
    kind = message.get("type", "caption")
    return "ended" if kind == "end" else str(kind)


async def test_every_message_of_a_session_is_described() -> None:
    async with serving_sound() as doors:
        url = f"ws://{doors.address}/captions"
        async with connect(url) as viewer, connect(f"ws://{doors.address}/audio") as peer:
            sent = [json.loads(await viewer.recv())]
            start_message = {"type": "start", "rate_hz": 16_000, "channels": 1}
            validator("start").validate(start_message)
            await start(peer, **start_message)
            for piece in pieces(tone(3.0), 3200):
                await peer.send(piece)
            await peer.send('{"type":"end"}')
            validator("end").validate({"type": "end"})
            sent += [json.loads(message) async for message in peer]
            sent += [json.loads(await viewer.recv())]
        session = sent[1]["session"]
        query = f"after={session}:0&after=gone:1&mode=reading&detail=words"
        async with connect(f"{url}?{query}") as viewer:
            detailed = [json.loads(await viewer.recv()), json.loads(await viewer.recv())]
    for message in [*sent, *detailed]:
        validator(kind_of(message)).validate(message)
    assert [word["text"] for word in detailed[1]["words"]]
    assert all("live" in message for message in sent if kind_of(message) == "caption")
    assert not any("words" in message for message in sent)
    assert {kind_of(message) for message in sent} == {"snapshot", "caption", "ended"}


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        found = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return found + [ref for value in node.values() for ref in references(value)]
    if isinstance(node, list):
        return [ref for value in node for ref in references(value)]
    return []


@pytest.mark.parametrize("reference", sorted(set(references(API))))
def test_what_is_referred_to_is_there(reference: str) -> None:
    node = API
    for key in reference.removeprefix("#/").split("/"):
        node = node[key]
    assert node
