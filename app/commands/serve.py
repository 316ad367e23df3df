"""`dragoman serve`: one engine behind many doors."""

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.options import (
    JOURNAL_OPTIONS,
    OUTLET_TABLES,
    RETENTION_TABLE,
    STABILITY_TABLE,
    add_file_options,
    add_journal_options,
    add_outlet_options,
    add_stability_options,
    add_translation_options,
)
from app.commands.policy import POLICY_OPTIONS, add_policy_options
from app.models.registry import BACKENDS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_DESCRIPTION = """\
Take sound from many clients at once and serve the captions to everyone who may see them; see
docs/feed.md for the protocols. It listens on this machine only, unless --host says otherwise and
--token sets what a client has to show. Ctrl-C finishes every stream and ends."""

DEFAULT_PORT = 8765


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options; one that is not given stays out of the result."""
    parser = commands.add_parser(
        "serve",
        help="captions for and from many clients",
        description=_DESCRIPTION,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(main=main)
    add = parser.add_argument
    add("--host", metavar="HOST", help="address to listen on (localhost)")
    add("--port", type=int, metavar="PORT", help=f"0 takes a free one ({DEFAULT_PORT})")
    add("--vosk-port", type=int, metavar="PORT", help="the vosk protocol at the root of this port")
    add("--token", metavar="TOKEN", help="what clients must show; needed beyond this machine")
    add("--tls-cert", type=Path, metavar="FILE", help="certificate, PEM")
    add("--tls-key", type=Path, metavar="FILE", help="its private key, PEM")
    add("--origin", dest="origins", action="append", metavar="ORIGIN", help="web page let in")
    add("--max-sessions", type=int, metavar="N", help="streams of sound at once (8)")
    add("--workers", type=int, metavar="N", help="threads for the models (one for each processor)")
    add("--backend", choices=BACKENDS, help="what runs the models; on a CPU exports (auto)")
    add("--max-viewers", type=int, metavar="N", help="caption viewers at once (250)")
    add_translation_options(add)
    add_policy_options(parser)
    add_stability_options(add)
    add_outlet_options(add)
    add_journal_options(add)
    add_file_options(add)


def main(arguments: argparse.Namespace) -> int:
    """Serve until the user ends it."""
    from app import config
    from app.server import serve

    given = vars(arguments)
    tables = {
        table: {key: given[key] for key in keys if key in given} for table, keys in _TABLES.items()
    }
    if "origins" in given:
        tables["feed"]["origins"] = tuple(given["origins"])
    if "host" in given or "port" in given:
        tables["feed"]["address"] = _address(given)
    settings = config.load(given.get("config"), tables)
    if settings.feed.address is None:
        feed = dataclasses.replace(settings.feed, address=_address(given))
        settings = dataclasses.replace(settings, feed=feed)
    return serve.main(settings)


def _address(given: Mapping[str, Any]) -> str:
    host, port = given.get("host", "localhost"), given.get("port", DEFAULT_PORT)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_TABLES = {
    "run": (
        "source_lang",
        "target_lang",
        "translator",
        *POLICY_OPTIONS,
        "device",
        "backend",
        *JOURNAL_OPTIONS,
        "models",
    ),
    **STABILITY_TABLE,
    **OUTLET_TABLES,
    **RETENTION_TABLE,
    "feed": (
        "vosk_port",
        "token",
        "tls_cert",
        "tls_key",
        "origins",
        "max_sessions",
        "max_viewers",
        "workers",
    ),
}
"""Which options go into which table of the settings."""
