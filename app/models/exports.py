"""Exported networks in a folder of the user: made once of a checkpoint, when a CPU first needs it.

They take a fraction of torch's work and of its time to start. An export is known by what it was
made of, weights and code, so another version of either has another; one that nobody has used for
months is removed. Here and in what it calls, torch is not imported: the export itself is a run of
`dragoman export`.
"""

import contextlib
import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import platformdirs

from engine.policies.config import PolicyConfig
from models.checkpoint import (
    CONFIG_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    read_config,
    weights_fingerprint,
)
from models.errors import CheckpointError, ExportError, StaleExportError
from models.ngram import NGRAM_FILE
from models.shortlist import SHORTLIST_FILE

logger = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")
Exported = TypeVar("Exported")

_ROOT = Path(__file__).resolve().parents[2]
_CODE = ("models/*.py", "models/export/*.py", "models/owsm_ctc/*.py")  # that makes exports
_LARGEST = 400_000_000  # bytes of weights; in half precision, a graph of 1 GB: the format holds 2
_KEPT_S = 60 * 86_400.0
_UNFINISHED = "unfinished-"
_UNFINISHED_S = 86_400.0  # what is older was left by a process that was killed


@dataclass(frozen=True, slots=True)
class Form:
    """What a checkpoint is exported as; the values are those of `dragoman export`'s options."""

    engine: str
    quantization: str
    packages: tuple[str, ...]
    """What writes it; the extras `edge` and `export` bring them."""

    def __str__(self) -> str:
        """For people."""
        name = {"ctranslate2": "CTranslate2", "onnx": "ONNX Runtime"}[self.engine]
        return f"{name}, {self.quantization}"


RECOGNIZER = Form("onnx", "float32", ("onnx",))
"""In eight bits it is no faster, and hears less: WER 41.9 % instead of 41.4 % (LibriSpeech dev)."""
_CTRANSLATE2 = Form("ctranslate2", "int8", ("ctranslate2",))
_STREAM = Form("onnx", "int8", ("onnx",))
_EXACT = Form("onnx", "float32", ("onnx",))


def translator_form(checkpoint: Path, policy: PolicyConfig) -> Form | None:
    """What suits a translator that decodes so; None if there is nothing but torch.

    Raises:
        CheckpointError: its configuration is missing or damaged.
    """
    config = read_config(checkpoint)
    kind = config.get("kind")
    if kind == "fretna":
        drafts = policy.lossless or config.get("form") != "stream"
        return None if drafts else _STREAM
    if kind == "reta" and not policy.speculative:
        return _CTRANSLATE2
    # In eight bits, one pass over a draft does not predict quite what single steps do.
    return _EXACT if kind == "reta" else _STREAM


def open_export(
    checkpoint: Path, form: Form, load: Callable[[Path], Loaded], *, beside: bool
) -> Loaded:
    """Load an export, which is made if it is not there.

    Args:
        checkpoint: folder of the weights.
        form: of the export.
        load: loads the network from a folder.
        beside: whether the checkpoint's folder has an export, of whatever form; it is taken unless
            it was made of other weights.

    Raises:
        ExportError: there is none and none can be made, for want of a package, of room or of
            rights, or because the checkpoint is damaged.
        CheckpointError: the one beside the checkpoint is damaged.
    """
    if beside:
        try:
            return load(checkpoint)
        except StaleExportError as error:
            logger.warning("%s; it is not used", error)
    folder = _folder() / _name(checkpoint, form)
    if not folder.is_dir():
        if obstacle := find_obstacle(checkpoint, form):
            raise ExportError(obstacle)
        _make(checkpoint, form, folder)
    try:
        loaded = load(folder)
    except CheckpointError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ExportError(f"{error}; it is made again the next time") from error
    with contextlib.suppress(OSError):
        os.utime(folder)  # it is in use
    return loaded


def choose(
    backend: str,
    device: str,
    checkpoint: Path,
    load_exported: Callable[[], Exported],
    load_weights: Callable[[], Loaded],
) -> Exported | Loaded:
    """Load one or the other.

    Args:
        backend: `onnx` for the export, `torch` for the weights, `auto` for the export unless a GPU
            is wanted, but the weights where there can be no export.
        device: where the weights would run.
        checkpoint: folder of the weights, which may lack them.
        load_exported: loads the one.
        load_weights: loads the other.

    Raises:
        ExportError: there can be no export, and nothing else was to be used.
        Exception: what the loaders raise.
    """
    on_gpu = device != "cpu" and (checkpoint / WEIGHTS_FILE).exists()
    if backend == "torch" or (backend == "auto" and on_gpu):
        return load_weights()
    try:
        return load_exported()
    except ExportError as error:
        if backend == "onnx":
            raise
        loaded = load_weights()  # which says itself what is wrong with a damaged checkpoint
        logger.warning("%s; torch is used, which is slower", error)
        return loaded


def describe(checkpoint: Path, form: Form | None, device: str) -> str:
    """What a run takes for a checkpoint that has no export beside it.

    Raises:
        ExportError: a file of the checkpoint cannot be read.
    """
    if device != "cpu" or form is None or find_obstacle(checkpoint, form) is not None:
        return f"torch, {device}"
    return f"{form}" if is_made(checkpoint, form) else f"{form} (once exported)"


def is_made(checkpoint: Path, form: Form) -> bool:
    """Whether an export is there already.

    Raises:
        ExportError: a file of the checkpoint cannot be read.
    """
    return (_folder() / _name(checkpoint, form)).is_dir()


def find_obstacle(checkpoint: Path, form: Form) -> str | None:
    """What is known beforehand to be in the way of an export; None if nothing is."""
    weights = checkpoint / WEIGHTS_FILE
    if not weights.is_file():
        return f"{weights}: is missing"
    n_bytes = weights.stat().st_size
    if n_bytes > _LARGEST:
        return f"{checkpoint}: weights of {n_bytes / 1e6:.0f} MB are too large for an export"
    missing = [name for name in form.packages if importlib.util.find_spec(name) is None]
    if missing:
        return f"an export takes {' and '.join(missing)}: pip install 'dragoman[edge,export]'"
    return None


def _folder() -> Path:
    return platformdirs.user_cache_path("dragoman") / "exports"


def _name(checkpoint: Path, form: Form) -> str:
    """Of the checkpoint's export: another one for other weights, another form, other code."""
    digest = hashlib.sha256(f"{form.engine} {form.quantization}".encode())
    try:
        for path in (checkpoint / name for name in (WEIGHTS_FILE, NGRAM_FILE, SHORTLIST_FILE)):
            if path.exists() or path.name == WEIGHTS_FILE:
                digest.update(weights_fingerprint(path).encode())
        for name in (CONFIG_FILE, TOKENIZER_FILE):
            digest.update((checkpoint / name).read_bytes())
        for pattern in _CODE:
            for path in sorted(_ROOT.glob(pattern)):
                digest.update(path.read_bytes())
    except OSError as error:
        raise ExportError(f"{error.filename}: {error.strerror}") from error
    return f"{checkpoint.name}-{digest.hexdigest()[:16]}"


def _make(checkpoint: Path, form: Form, folder: Path) -> None:
    """Write an export into a folder that appears as a whole; another process may have been first.

    Raises:
        ExportError: it cannot be written.
    """
    logger.info("%s is exported for this machine's processor, once", checkpoint.name)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_unused(folder.parent)
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=_UNFINISHED, ignore_cleanup_errors=True
        ) as temporary:
            made = Path(temporary) / folder.name
            _export(checkpoint, form, made)
            made.rename(folder)
    except OSError as error:
        if not folder.is_dir():  # where another process was first, it cannot be renamed
            raise ExportError(f"{folder}: {error.strerror}") from error


def _export(checkpoint: Path, form: Form, out: Path) -> None:
    """Run `dragoman export`: it loads torch, which this program may do without."""
    arguments = [str(checkpoint.resolve()), "--out", str(out)]
    options = ["--engine", form.engine, "--quantization", form.quantization]
    done = subprocess.run(
        [sys.executable, "-m", "app", "export", *arguments, *options],
        cwd=_ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ExportError(f"{checkpoint}: cannot be exported: {lines[-1]}")


def _remove_unused(exports: Path) -> None:
    now = time.time()
    for folder in exports.iterdir():
        longest_s = _UNFINISHED_S if folder.name.startswith(_UNFINISHED) else _KEPT_S
        with contextlib.suppress(OSError):  # another process may remove it, too
            if now - folder.stat().st_mtime > longest_s:
                shutil.rmtree(folder, ignore_errors=True)
