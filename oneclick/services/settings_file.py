"""oneclick.toml: read with its size and nesting bounded, and changed in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import TomlConfigSettingsSource

from oneclick.core.errors import UsageError
from oneclick.services import source_settings
from oneclick.storage import bounded_documents, bounded_files, files, locks

_READ_ONLY = ("zip", "tar", "libarchive", "http", "https", "git", "github", "jupyter", "reference")
_FORGETFUL = ("memory", "data", "dir", "dask", "generic")
_CACHES = ("blockcache", "cached", "filecache", "simplecache")
NO_SERVERS = frozenset((*_READ_ONLY, *_FORGETFUL, *_CACHES))
"""Protocols of fsspec that keep no files for other machines."""


class TomlSource(TomlConfigSettingsSource):
    """The settings of a TOML file. Raises UsageError where it cannot be read."""

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        path = Path(str(file_path))
        document = bounded_documents.parse_toml(read(path), path, UsageError)
        if "sources" in document:  # a table, so that the environment can add to it
            document["sources"] = source_settings.as_section(document["sources"])
        return document


def read(path: Path) -> bytes:
    """Return the content of a settings file. Raises UsageError where it cannot be read."""
    return bounded_files.read_bytes(path, bounded_documents.MAX_TOML, UsageError)


def set_values(path: Path, section: Sequence[str], values: Mapping[str, Any]) -> None:
    """Write values into a section of a TOML file; comments and all else stay as they are.

    Raises:
        UsageError: the file is not TOML, or has something else in place of the section.
        NoSpace, Unavailable: it cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    with locks.file_lock(path.parent):
        content = read(path) if path.exists() else b""
        bounded_documents.parse_toml(content, path, UsageError)
        try:
            document = tomlkit.parse(content.decode("utf-8"))
            table: Any = document
            for name in section:
                table = table.setdefault(name, tomlkit.table())
            table.update(values)
        except (TOMLKitError, ValueError, AttributeError, RecursionError) as error:
            raise UsageError(f"{path} cannot be changed: {error}") from None
        files.write_atomic(path, tomlkit.dumps(document))


def check_server(address: str) -> str:
    """Return the address of a training server, bucket or backup.

    Raises:
        ValueError: its protocol keeps no files.
    """
    protocol = address.partition("://")[0].partition("::")[0].lower()
    if protocol != address.lower() and protocol in NO_SERVERS:
        raise ValueError(
            f"{protocol}:// keeps no files for others: name a folder or a bucket, such as s3://"
        )
    return address


def refusal(error: ValidationError, section: Sequence[str] = ()) -> UsageError:
    """Return the error that names the settings that are wrong, and why.

    Args:
        error: of pydantic.
        section: that was validated alone.
    """
    problems = []
    for problem in error.errors():
        setting = ".".join(map(str, (*section, *problem["loc"]))) or "settings"
        problems.append(f"{setting}: {problem['msg'].removeprefix('Value error, ')}")
    return UsageError(f"settings: {'; '.join(problems)}")
