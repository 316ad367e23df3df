"""Where the server listens, who may come in, and how much anyone may ask of it."""

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path


class ServerError(OSError):
    """The server cannot be started as it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """The table `[feed]`: one server, for `dragoman run --feed` and `dragoman serve` alike.

    Attributes:
        address: HOST:PORT, or a port alone for loopback; port 0 takes a free one. None: no server.
        token: what a peer has to show; required on any address but loopback.
        vosk_port: of `dragoman serve`: where the vosk protocol is served at the root; 0 takes a
            free one.
        tls_cert: certificate chain, a PEM file; with it the server speaks TLS only.
        tls_key: its private key; None: it is in the file of the certificate.
        origins: web origins whose pages may connect, such as `https://example.org`, besides those
            of this machine.
        workers: threads in which the models of `dragoman serve` run; None: one for each processor,
            one in all where there is a GPU.
        max_viewers: the next viewer gets HTTP status 503.
        max_sessions: the next stream of sound gets HTTP status 503 (or close code 1013 where the
            protocol carries several streams).
        max_pending: captions that a viewer may be behind, after outdated revisions are left out.
        max_behind_s: a caption that waits so long for its viewer closes that viewer.
        send_timeout_s: a peer that takes no message for so long is closed, too.
        max_message_bytes: of a message with sound or of an HTTP body.
        max_requests_per_minute: translations that one address may ask for.
        idle_timeout_s: a stream of sound without any message, or with empty ones only, for so long
            is closed.
        ping_s: how often peers are pinged, and how long one may take to answer.
        open_timeout_s: a peer that has not finished its request by then is dropped.
    """

    address: str | None = None
    token: str | None = None
    vosk_port: int | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    origins: tuple[str, ...] = ()
    workers: int | None = None
    max_viewers: int = 250
    max_sessions: int = 8
    max_pending: int = 64
    max_behind_s: float = 10.0
    send_timeout_s: float = 10.0
    max_message_bytes: int = 2**20
    max_requests_per_minute: int = 600
    idle_timeout_s: float = 60.0
    ping_s: float = 20.0
    open_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        """Raise ValueError, naming key, value and valid range, for the first bad setting."""
        counts = (
            "max_viewers",
            "max_sessions",
            "max_pending",
            "max_message_bytes",
            "max_requests_per_minute",
        )
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, must be at least 1")
        for name in (
            "max_behind_s",
            "send_timeout_s",
            "idle_timeout_s",
            "ping_s",
            "open_timeout_s",
        ):
            if not 0 < getattr(self, name) <= 3600:
                raise ValueError(f"{name} is {getattr(self, name)}, must be within 0 … 3600")
        if self.vosk_port is not None and not 0 <= self.vosk_port <= 65535:
            raise ValueError(f"vosk_port is {self.vosk_port}, must be from 0 to 65535")
        if self.workers is not None and not 1 <= self.workers <= 256:
            raise ValueError(f"workers is {self.workers}, must be from 1 to 256")
        if self.token == "":
            raise ValueError("token is empty; give a long random one, or none")
        if self.tls_key is not None and self.tls_cert is None:
            raise ValueError("tls_key is set without tls_cert; a key needs its certificate")
        if self.address is not None:
            host, _ = parse_address(self.address)
            if self.token is None and not is_loopback(host):
                raise ValueError(
                    f"{self.address} can be reached from other machines: set a token "
                    "(--feed-token, or --token of serve), or use localhost; with --tls-cert and "
                    "--tls-key nobody on the way can read it"
                )

    def tls(self) -> ssl.SSLContext | None:
        """The TLS side of the server, None without a certificate.

        Raises:
            ServerError: the files cannot be read, or do not belong together.
        """
        if self.tls_cert is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.tls_cert, self.tls_key)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
            raise ServerError(f"{self.tls_cert}: no usable certificate and key: {reason}") from (
                error
            )
        return context


def parse_address(address: str) -> tuple[str, int]:
    """Split HOST:PORT, [IPv6]:PORT, :PORT or PORT; the host defaults to loopback.

    Raises:
        ValueError: there is no port in it from 0 to 65535.
    """
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"feed address is {address!r}, must be HOST:PORT, such as localhost:8765")
    return host.removeprefix("[").removesuffix("]") or "localhost", int(port)


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine by its very form; nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
