"""Errors as the user is told of them."""

import os
import re

_SYSTEM_ERROR = re.compile(r"\[Errno (\d+)\] ")
_OWN_PACKAGES = {"app", "engine", "models", "ui"}


def is_expected(error: BaseException) -> bool:
    """Whether an error is the user's to mend: one of our own classes, or the system's."""
    own = type(error).__module__.partition(".")[0] in _OWN_PACKAGES
    return own or isinstance(error, OSError)


def describe(error: BaseException) -> str:
    """An error as one line."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = reason(error)
    return " ".join(text.split()) or type(error).__name__


def reason(error: BaseException) -> str:
    """Why something failed: in the words of the system, where it is the system that says so.

    Libraries put its numbers and their addresses around them, once for each address that they try.
    """
    text = str(error)
    if isinstance(error, OSError):
        number = _SYSTEM_ERROR.search(text)
        if (
            number is not None and type(error).__module__ == "builtins"
        ):  # others count for themselves
            return os.strerror(int(number[1]))
        text = error.strerror or text
    return _SYSTEM_ERROR.sub("", text)


def unwrapped(error: BaseException) -> BaseException:
    """The error itself, or the first one in a group of errors that are all expected."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    found = [unwrapped(inner) for inner in error.exceptions]
    return found[0] if all(map(is_expected, found)) else error
