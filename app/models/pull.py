"""Fetching a public model: resumable, checked, and only if it fits on the disk."""

import hashlib
import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Protocol

_PATTERNS = ("*.yaml", "*.pth", "*.model", "*.npz", "*.json", "*.safetensors", "*.onnx", "*.md")
"""What a recogniser's repository needs; training logs and pictures stay where they are."""

_SPARE_BYTES = 200_000_000  # left free on the disk
_BLOCK_BYTES = 1 << 22

logger = logging.getLogger(__name__)


class PullError(ValueError):
    """A model cannot be fetched: no connection, no such repository, no room, a damaged file."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a repository."""

    name: str
    """Path within the repository."""
    size: int
    """In bytes."""
    sha256: str | None
    """Of large files; small ones have none."""


class Hub(Protocol):
    """Where models are kept."""

    def files(self, repository: str) -> list[RemoteFile]:
        """The repository's files.

        Raises:
            PullError: there is no connection or no such repository.
        """
        ...

    def fetch(self, repository: str, name: str, directory: Path) -> None:
        """Write a file below `directory`, going on where an earlier call was interrupted.

        Raises:
            PullError: the connection was lost.
        """
        ...


def pull(hub: Hub, repository: str, directory: Path) -> list[Path]:
    """Fetch a repository's model into a folder; what is there and whole is not fetched again.

    Returns:
        The files, in the repository's order.

    Raises:
        PullError: see the class; what has been fetched stays for the next attempt.
    """
    wanted = [
        file for file in hub.files(repository) if any(fnmatch(file.name, p) for p in _PATTERNS)
    ]
    if not wanted:
        raise PullError(f"{repository}: has no files of a model")
    missing = [file for file in wanted if not _is_whole(directory / file.name, file)]
    _check_space(directory, missing)
    for file in missing:
        logger.info("fetching %s, %.1f MB", file.name, file.size / 1e6)
        hub.fetch(repository, file.name, directory)
        path = directory / file.name
        if not _is_whole(path, file):
            path.unlink(missing_ok=True)
            raise PullError(f"{file.name}: arrived damaged and was removed; pull again")
    return [directory / file.name for file in wanted]


def _is_whole(path: Path, file: RemoteFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    if file.sha256 is None:
        return True
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest() == file.sha256


def _check_space(directory: Path, files: Iterable[RemoteFile]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    needed = sum(file.size for file in files)
    free = shutil.disk_usage(directory).free
    if needed and free < needed + _SPARE_BYTES:
        raise PullError(
            f"{directory}: {needed / 1e9:.1f} GB are to be fetched, but only {free / 1e9:.1f} GB "
            "are free; make room, or name another folder with --out"
        )


class HuggingFaceHub:
    """The public hub, through its own client, which shows progress and resumes.

    Args:
        endpoint: another server that speaks the same protocol; None for the client's own choice.

    Raises:
        PullError: the extra `models` is not installed.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        """Look for the client; nothing is sent yet."""
        try:
            from httpx2 import HTTPError  # what the client itself is built on
            from huggingface_hub import HfApi, errors
        except ImportError as error:
            raise PullError("pulling models needs: pip install 'dragoman[models]'") from error
        self._errors = errors
        # Not every OSError: a full disk is told as what it is.
        self._expected = (
            HTTPError,
            ConnectionError,
            errors.EntryNotFoundError,
            errors.HFValidationError,
            errors.XetDownloadError,
        )
        self._api = HfApi(endpoint=endpoint)

    def files(self, repository: str) -> list[RemoteFile]:
        """The repository's files; errors as in `Hub`."""
        try:
            info = self._api.model_info(repository, files_metadata=True)
        except self._expected as error:
            raise self._explained(repository, error) from error
        return [
            RemoteFile(item.rfilename, item.size or 0, item.lfs.sha256 if item.lfs else None)
            for item in info.siblings or []
        ]

    def fetch(self, repository: str, name: str, directory: Path) -> None:
        """Write a file; errors as in `Hub`."""
        try:
            self._api.hf_hub_download(repository, name, local_dir=directory)
        except self._expected as error:
            raise self._explained(repository, error) from error

    def _explained(self, repository: str, error: Exception) -> PullError:
        errors = self._errors
        if isinstance(error, errors.HFValidationError):
            return PullError(f"{repository!r} is no name of a repository; write OWNER/NAME")
        if isinstance(error, errors.GatedRepoError):
            return PullError(f"{repository}: its owner asks for a login; log in and pull again")
        if isinstance(error, errors.RepositoryNotFoundError):
            return PullError(f"{repository}: no such public repository")
        return PullError(
            f"{repository}: cannot be reached ({type(error).__name__}); check the connection and "
            "pull again: what has arrived is kept"
        )
