"""What an exported network has beside it, and how a translator's knows its checkpoint again."""

import shutil
from pathlib import Path

from models.checkpoint import (
    CONFIG_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    check_origin,
    weights_fingerprint,
)
from models.ngram import NGRAM_FILE
from models.shortlist import SHORTLIST_FILE

_FINGERPRINT_FILE = "weights.fingerprint"


def write_origin(network: Path, checkpoint: Path) -> None:
    """Note in an exported network's folder what weights it was made of."""
    (network / _FINGERPRINT_FILE).write_text(weights_fingerprint(checkpoint / WEIGHTS_FILE) + "\n")


def check_translator(network: Path) -> None:
    """Refuse an exported translator that was made of other weights than those beside it.

    Args:
        network: its folder, in that of the checkpoint or elsewhere.

    Raises:
        StaleExportError: the checkpoint was trained further, or is another one.
    """
    file = network / _FINGERPRINT_FILE
    fingerprint = file.read_text(encoding="utf-8").strip() if file.is_file() else None
    check_origin(network, fingerprint, network.parent)


def copy_rest(checkpoint: Path, out: Path) -> None:
    """Copy what an exported network needs besides: what it is, its text, its tables."""
    if checkpoint.resolve() == out.resolve():
        return
    for name in (CONFIG_FILE, TOKENIZER_FILE, NGRAM_FILE, SHORTLIST_FILE):
        if (checkpoint / name).exists():
            shutil.copyfile(checkpoint / name, out / name)
