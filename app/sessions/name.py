"""Names of sessions: when they began, and something to tell two of a second apart."""

import datetime
import secrets


def new_session_name() -> str:
    """A name that no other session has."""
    return f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
