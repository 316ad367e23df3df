"""A certificate of one's own, for a server on loopback."""

import subprocess
from pathlib import Path


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Certificate and key, PEM files."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
            f"-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout {key} "
            f"-out {certificate}"
        ).split(),
        check=True,
        capture_output=True,
    )
    return certificate, key
