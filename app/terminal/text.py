"""Text for a terminal. No I/O."""

import unicodedata


def clock_time(seconds: float) -> str:
    """Minutes and seconds, and hours from the first one on."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def printable(text: str) -> str:
    """The text without characters that would act on the terminal: controls, text direction."""
    return "".join(" " if _acts(char) else char for char in text)


def _acts(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        or "\u202a" <= char <= "\u202e"
        or "\u2066" <= char <= "\u2069"
    )
