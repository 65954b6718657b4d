"""A certificate of 127.0.0.1, signed by itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

REQUEST = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=here"


def create(folder: Path, name: str = "certificate") -> Path:
    """Write a certificate with its key into one PEM file; skip the test without openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("NOTHING OVER TLS IS TESTED: openssl is not installed")
    path, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    arguments = [*REQUEST.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", *arguments, "-keyout", str(key), "-out", str(path)],
        check=True,
        capture_output=True,
    )
    path.write_text(key.read_text() + path.read_text())
    return path
