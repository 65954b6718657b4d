"""Formats of other tools, each written and read.

They are COCO, YOLO, MOTChallenge, CVAT for video, and those of datumaro, Label Studio and FiftyOne.

A format is one module with an `ExchangeFormat`; other packages add theirs through the entry point
group `oneclick.formats`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from oneclick.core import plugins
from oneclick.core.errors import OneclickError
from oneclick.core.plugins import ContractError, Plugin, PluginGroup
from oneclick.formats.base import (
    Dialogue,
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
    "find_sequences",
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


def find_sequences(
    name: str, path: Path, classes: Sequence[str], failed: dict[str, str], dialogue: Dialogue
) -> list[SequenceSource]:
    """List the sequences at `path`, as `ExchangeFormat.find_sequences` does.

    Raises:
        PluginFailure: the package of the format does something else; so may each `load`.
        BadInput: there is nothing of that format.
    """
    plugin, exchange_format = GROUP.plugin(name), get(name)
    with plugin.isolated(passing=(OneclickError, OSError)):
        sources = exchange_format.find_sequences(path, classes, failed, dialogue)
        if not isinstance(sources, list):
            raise ContractError("find must return a list of SequenceSource")
        return [replace(source, load=partial(_load, plugin, source.load)) for source in sources]


def _load(plugin: Plugin, load: Callable[[str], ImportedSequence], origin: str) -> ImportedSequence:
    with plugin.isolated(passing=(OneclickError, OSError)):
        sequence = load(origin)
        if not isinstance(sequence, ImportedSequence):
            raise ContractError("load must return an ImportedSequence")
        return sequence
