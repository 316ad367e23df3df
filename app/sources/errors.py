"""What can be wrong with a source, and the warnings that are given once."""

import logging


class SourceError(OSError):
    """A source that cannot be opened or that ended in an error; one clear line as message."""


class OnceLogger:
    """Passes each kind of warning on once per source, however often it occurs."""

    def __init__(self, logger: logging.Logger) -> None:
        """Wrap a module's logger."""
        self._logger = logger
        self._given: set[str] = set()

    def warn(self, message: str, *arguments: object) -> None:
        """Log the warning, unless one with the same `message` was logged."""
        if message not in self._given:
            self._given.add(message)
            self._logger.warning(message, *arguments)
