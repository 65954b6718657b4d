"""Lists in JSON of other tools, decoded one by one: a broken element leaves out itself alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from oneclick.core.errors import BadLabels
from oneclick.storage import bounded_documents, bounded_files
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder

T = TypeVar("T")
MAX_BROKEN = 1000
"""Broken elements, beyond which a file is none of its format."""
_BOM = b"\xef\xbb\xbf"


def read_document(path: Path, limit: int, type: type[T] | Any, form: str) -> T:
    """Read a JSON file, with or without a byte order mark.

    Args:
        path: file of at most `limit` bytes.
        limit: in bytes.
        type: what it must be.
        form: what it is not where it is something else, for the message.

    Raises:
        BadLabels: it is something else. BadInput: it cannot be read.
    """
    content = bounded_files.read_bytes(path, limit).removeprefix(_BOM)
    try:
        document: T = bounded_documents.parse_json(content, type)
    except BrokenJson as error:
        raise BadLabels(f"{path}: {form} ({error})") from None
    return document


def decode_elements(
    path: Path, array: msgspec.Raw, type: type[T], name: str
) -> tuple[list[T], dict[str, str]]:
    """Return the elements of a JSON array, and one line for each that is not of the type.

    Args:
        path: the file, for messages.
        array: text of the array.
        type: of each element.
        name: what an element is called, as "item".

    Raises:
        BadLabels: there are more than MAX_BROKEN broken ones, or the text is not UTF-8.
    """
    try:
        text = str(memoryview(array), "utf-8")
    except UnicodeDecodeError as error:
        raise BadLabels(f"{path} is not UTF-8 ({error.reason})") from None
    decoder = JsonDecoder[T](type)
    elements: list[T] = []
    broken: dict[str, str] = {}
    for number, element in enumerate(bounded_documents.json_elements(text), 1):
        try:
            elements.append(decoder.decode(element))
        except BrokenJson as error:
            broken[f"{name} {number}"] = f"{path}: {name} {number} is broken: {error}"
            if len(broken) > MAX_BROKEN:
                raise BadLabels(
                    f"{path}: more than {MAX_BROKEN:,} {name}s are broken, the last: {error}"
                ) from None
    return elements, broken
