"""Formats of other tools, each written and read.

They are COCO, YOLO, MOTChallenge, CVAT for video, and those of datumaro, Label Studio and FiftyOne.

A format is one module with an `ExchangeFormat`; other packages add theirs through the entry point
group `oneclick.formats`.
"""

from __future__ import annotations

from oneclick.core import plugins
from oneclick.core.plugins import ContractError, PluginGroup
from oneclick.formats.base import (
    ExchangeFormat,
    ExportClip,
    FormatWriter,
    ImportedSequence,
    SequenceFinder,
    SequenceSource,
)

__all__ = [
    "GROUP",
    "ExchangeFormat",
    "ExportClip",
    "FormatWriter",
    "ImportedSequence",
    "SequenceFinder",
    "SequenceSource",
    "get",
    "names",
    "validate",
]


OWN_NAMES = ("coco", "yolo", "mot", "cvat", "datumaro", "labelstudio", "fiftyone")
"""Our own formats; each is a module of this package."""


def validate(name: str, value: object) -> ExchangeFormat:
    """Return a format if it keeps the contract.

    Raises:
        ContractError: naming what is wrong.
    """
    if not isinstance(value, ExchangeFormat):
        raise ContractError(f"is a {type(value).__name__}; it must be an ExchangeFormat")
    for part in ("writer", "find"):
        if not callable(getattr(value, part)):
            raise ContractError(f"{part} cannot be called")
    if not isinstance(value.lost, str) or not isinstance(value.video, bool):
        raise ContractError("lost must be a text, and video True or False")
    if not all(isinstance(option, str) and option.isidentifier() for option in value.options):
        raise ContractError("options must be names of arguments of the writer")
    return value


GROUP: PluginGroup[ExchangeFormat] = PluginGroup(
    plugins.FORMATS,
    {name: f"oneclick.formats.{name}:FORMAT" for name in OWN_NAMES},
    validate,
)


def names() -> list[str]:
    """Return the names of all formats, without importing those of other packages."""
    return GROUP.names()


def get(name: str) -> ExchangeFormat:
    """Return the format called `name`.

    Raises:
        UnknownName: if there is none.
        PluginFailure: if its package cannot be used.
    """
    return GROUP.get(name)
