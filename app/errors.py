"""Errors as the user is told of them."""

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
        text = str(error)
    return " ".join(text.split()) or type(error).__name__


def unwrapped(error: BaseException) -> BaseException:
    """The error itself, or the first one in a group of errors that are all expected."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    found = [unwrapped(inner) for inner in error.exceptions]
    return found[0] if all(map(is_expected, found)) else error
