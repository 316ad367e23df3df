"""How a past session is named on the command line."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.journal import Journal, SessionRecord

LAST = "last"
NAME_HELP = f"id of the session or the beginning of it, or `{LAST}`"


class SessionError(LookupError):
    """No session, or more than one, goes by that name."""


def find(journal: "Journal", name: str) -> "SessionRecord":
    """The session of that id, or whose id alone starts so, or the last one with text in it.

    Raises:
        SessionError: there is none, or more than one.
    """
    sessions = journal.sessions()
    if name == LAST:
        found = [record for record in sessions if record.n_finals][-1:] or sessions[-1:]
    else:
        found = [record for record in sessions if record.id == name]
        found = found or [record for record in sessions if name and record.id.startswith(name)]
    if not found:
        raise SessionError(f"no session {name!r} in {journal.path}; see dragoman sessions list")
    if len(found) > 1:
        ids = ", ".join(record.id for record in found[:5])
        raise SessionError(f"{name!r} is the beginning of {len(found)} sessions: {ids}")
    return found[0]
