"""Names and passwords of cameras, from a file that its owner alone may read."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from oneclick.core.errors import UsageError
from oneclick.core.stream_addresses import Credentials, StreamAddress
from oneclick.services import settings_file
from oneclick.storage import bounded_documents

_FIELDS = {"user", "password"}


def load(path: Path) -> dict[str, Credentials]:
    """Return the credentials of a TOML file by section: the name of a camera, or a host.

    Raises:
        UsageError: it is missing, others may read it, or a section is not of that form. The message
            holds nothing of its content.
    """
    if not path.is_file():
        raise UsageError(f"live.credentials: there is no file {path}")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"live.credentials: others may read {path}: chmod 600 {path}")
    document = bounded_documents.parse_toml(settings_file.read(path), path, UsageError)
    result = {}
    for name, section in document.items():
        is_section = isinstance(section, dict) and set(section) == _FIELDS
        if not is_section or not all(isinstance(value, str) for value in section.values()):
            raise UsageError(
                f'{path}: section [{name}] must have user = "…" and password = "…" alone'
            )
        result[name] = Credentials(user=section["user"], password=section["password"])
    return result


def find(
    sections: Mapping[str, Credentials], camera: str, address: StreamAddress
) -> Credentials | None:
    """Return the credentials of a camera: by its name, its host with the port, or its host."""
    host = address.host
    names = (camera, host, host.rpartition(":")[0] or host)
    return next((sections[name] for name in names if name and name in sections), None)
