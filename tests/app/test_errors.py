import errno
import os
import socket
import ssl

from app.config import ConfigError
from app.errors import describe, is_expected, reason


def test_our_own_errors_and_the_systems_are_the_users_to_mend_and_bugs_are_not() -> None:
    assert is_expected(ConfigError("x"))
    assert is_expected(FileNotFoundError(2, "No such file or directory", "talk.wav"))
    assert not is_expected(ValueError("x"))
    assert not is_expected(KeyError("x"))


def test_errors_are_told_in_one_line() -> None:
    assert describe(ConfigError("a\nb")) == "a b"
    missing = FileNotFoundError(2, "No such file or directory", "talk.wav")
    assert describe(missing) == "talk.wav: No such file or directory"


def test_the_reason_is_the_systems_own_words_without_numbers_and_addresses() -> None:
    refused = os.strerror(errno.ECONNREFUSED)
    one = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)")
    number = f"[Errno {errno.ECONNREFUSED}] "
    several = OSError(f"Multiple exceptions: {number}Connect call failed ('::1', 1), {number}…")
    assert reason(one) == reason(several) == refused
    assert reason(socket.gaierror(-2, "Name or service not known")) == "Name or service not known"
    assert reason(ssl.SSLError(1, "certificate has expired")) == "certificate has expired"
    assert reason(ConfigError(f"{number}as it is said")) == "as it is said"
    assert reason(TimeoutError("timed out")) == "timed out"
