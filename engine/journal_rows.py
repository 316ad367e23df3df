"""What stands in the journal's tables: sessions, captions, and what can be searched for."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from engine.captions import Caption


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """What the journal knows of one session."""

    id: str
    started_at: float
    """Seconds since 1970, UTC."""
    ended_at: float | None
    state: str
    """`open` (being written now), `ended` or `interrupted` (its process died)."""
    source: str
    """What was listened to, in words for people."""
    source_lang: str
    target_lang: str
    translator: str
    n_finals: int = 0
    duration_s: float = 0.0
    """Session time of the end of its last caption."""


def insert_session(connection: sqlite3.Connection, record: SessionRecord, owner: str) -> None:
    """Enter a session; `owner` is the process that writes it, see `engine.owner`."""
    connection.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.id,
            record.started_at,
            record.ended_at,
            record.state,
            owner,
            storable(record.source),
            record.source_lang,
            record.target_lang,
            record.translator,
        ),
    )


def insert_captions(connection: sqlite3.Connection, captions: Sequence[Caption]) -> None:
    """Enter captions; finals can be searched for.

    Raises:
        ValueError: a caption has the number of an older one, or no session.
    """
    for caption in captions:
        try:
            connection.execute(
                "INSERT INTO captions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    caption.session,
                    caption.seq,
                    caption.segment,
                    caption.revision,
                    caption.final,
                    caption.start_s,
                    caption.end_s,
                    storable(caption.to_json(detail=True)),
                ),
            )
        except sqlite3.IntegrityError as error:
            raise ValueError(
                f"caption {caption.seq} of session {caption.session!r} cannot follow what the"
                f" journal has: {error}"
            ) from error
        if caption.final:
            texts = (storable(caption.source.committed), storable(caption.target.committed))
            connection.execute(
                "INSERT INTO finals VALUES (?, ?, ?, ?)", (*texts, caption.session, caption.seq)
            )


def storable(text: str) -> str:
    """Text with lone surrogates, which no file can hold, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")
