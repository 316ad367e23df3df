"""The services that finals are pushed to."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class PushConfig:
    """The table `[push]`.

    Attributes:
        zoom: the caption URL that a host copies in the meeting; it is a secret.
        youtube: the caption ingestion URL of a live stream; it is a secret.
        obs: HOST:PORT of obs-websocket.
        obs_password: what it asks for.
    """

    zoom: str | None = None
    youtube: str | None = None
    obs: str | None = None
    obs_password: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError, naming the key but no secret, for the first bad setting."""
        for name in ("zoom", "youtube"):
            url = getattr(self, name)
            if url is not None and not _is_http(url):
                raise ValueError(f"{name} must be a URL that starts with https://")
        if self.obs is not None and not self.obs.rpartition(":")[2].isdigit():
            raise ValueError(f"obs is {self.obs!r}, must be HOST:PORT, such as localhost:4455")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
