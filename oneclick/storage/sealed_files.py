"""Small JSON files with a seal: whoever reads one notices when a disk changed a bit of it.

The seal is the sha256 of all other fields, whatever their order and however they are indented. It
is the last field of the file. A broken seal means that the file says something else than what was
written. Files of earlier versions, and those of other programs, have no seal and are read as they
are; so is one whose seal a person emptied (`"seal": ""`) after changing it on purpose.
"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import bounded_documents, bounded_files, files

T = TypeVar("T")
FIELD = "seal"
"""Name of the field that holds the seal."""
_DIGEST = re.compile("[0-9a-f]{64}")


def encode(value: Any) -> bytes:
    """Encode a struct, dataclass or dict as indented JSON with a seal; bytes are stable."""
    return add_seal(files.to_json(value))


def add_seal(content: bytes) -> bytes:
    """Add a seal to the bytes of a JSON object, which stay as they are.

    Raises:
        BrokenJson: they are none.
    """
    fields: dict[str, Any] = bounded_documents.parse_json(content, dict[str, Any])
    separator = b"," if fields else b""
    start = content.rstrip()[:-1].rstrip()
    return start + separator + f'\n "{FIELD}": "{compute_seal(fields)}"\n}}\n'.encode()


def compute_seal(fields: dict[str, Any]) -> str:
    """Return the seal of the fields of a file; a seal among them does not count."""
    content = msgspec.json.encode(fields | {FIELD: ""}, order="sorted")
    return sha256(content).hexdigest()


def write(path: Path, value: Any) -> None:
    """Write `encode(value)` atomically. Raises NoSpace or Unavailable."""
    files.write_atomic(path, encode(value))


def read(path: Path, type: type[T] | Any = Any) -> T:
    """Read a file, check its seal and validate its fields against `type`.

    Raises:
        BadInput: it is missing, broken, not of that type, or was changed after it was written.
    """
    return cast(T, decode(bounded_files.read_bytes(path, files.MAX_JSON), path, type))


def decode(content: bytes, path: Path, type: Any = Any) -> Any:
    """Decode the content of a file; `path` names it in errors. Raises as `read`.

    A dict comes without the seal.
    """
    check(content, path)
    value = bounded_documents.decode_json(content, path, type)
    if isinstance(value, dict):
        value.pop(FIELD, None)
    return value


def check(content: bytes, path: Path) -> None:
    """Check the seal of a file that has one. Raises as `read`."""
    fields = bounded_documents.decode_json(content, path)
    if not isinstance(fields, dict):
        return
    try:
        is_sound = _has_sound_seal(fields) if fields.get(FIELD) else not _has_renamed_seal(fields)
    except OverflowError:  # an integer that none of our files holds
        is_sound = False
    if not is_sound:
        raise BadInput(
            f"{path} was changed after it was written: restore it from a backup, or empty its "
            f'"{FIELD}" if somebody changed it on purpose'
        )


def is_sealed(path: Path) -> bool:
    """Check whether a file is JSON with a seal, sound or not; one that is broken is not."""
    try:
        fields: Any = files.read_json(path)
    except BadInput:
        return False
    return isinstance(fields, dict) and FIELD in fields


def _has_sound_seal(fields: dict[str, Any], name: str = FIELD) -> bool:
    """Check whether a field is the seal of the others."""
    others = {key: value for key, value in fields.items() if key != name}
    return bool(fields[name] == compute_seal(others))


def _has_renamed_seal(fields: dict[str, Any]) -> bool:
    """Check for a seal under another name: a bit of the name has changed."""
    return any(
        isinstance(value, str) and _DIGEST.fullmatch(value) and _has_sound_seal(fields, name)
        for name, value in fields.items()
    )
