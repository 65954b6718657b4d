"""The page for authors of plug-ins: signatures and docstrings of what they implement and use."""

from __future__ import annotations

import inspect
from enum import Enum
from importlib import import_module
from types import ModuleType
from typing import Any

from oneclick.core import errors, plugins
from tests.docs import markdown, sources

INTRODUCTION = """\
# Python API

What a plug-in implements, and what it may use. A plug-in is an object of a package of yours,
named in its metadata: nothing of oneclick has to be changed. Names and signatures on this page
change only with a new minor version, and the changelog says so; everything else may move at any
time.

Conventions everywhere: frames count from 0; a Span is half-open; boxes are `(n, 4)` float32 px,
`x1 y1 x2 y2`; pictures are `(height, width, 3)` uint8 RGB; times are seconds or frames, and the
name says which; classes are indices into `names`.
"""
SECTIONS: dict[str, dict[str, list[str]]] = {
    "Triggers": {
        "oneclick.triggers.base": ["Trigger"],
        "oneclick.triggers.scene": [
            "Scene",
            "Rows",
            "Mask",
            "hits_from_rows",
            "hits_from_boxes",
            "hits_from_frames",
        ],
        "oneclick.core.hits": ["Hit", "HitBox"],
        "oneclick.core.spans": ["Span"],
        "oneclick.core.detections": ["Detections"],
    },
    "Detectors": {
        "oneclick.detectors": ["Detector", "DetectorKind"],
        "oneclick.detectors.base": [
            "Frame",
            "FrameDetections",
            "LOWEST_SCORE",
            "frame_detections",
            "no_detections",
            "torch_device",
        ],
    },
    "Review platforms": {
        "oneclick.platforms.base": [
            "PlatformAdapter",
            "PlatformOptions",
            "Platform",
            "Offer",
            "SendResult",
            "ErasureReport",
            "Webhook",
            "RequestCheck",
        ],
        "oneclick.platforms.verdict_inbox": ["VerdictInbox"],
        "oneclick.core.review": ["Verdict", "Decision"],
        "oneclick.core.clips": ["Clip", "ClipStage", "ChosenBy"],
        "oneclick.core.labels": ["LabelSet", "LabelTrack"],
    },
    "Formats": {
        "oneclick.formats": [
            "ExchangeFormat",
            "ExportClip",
            "ImportedSequence",
            "SequenceSource",
        ],
        "oneclick.formats.base": ["FormatWriter", "SequenceFinder", "BoxRows"],
    },
    "Panels": {
        "oneclick.tui.panel_plugins": ["PanelPlugin"],
        "oneclick.tui.rows": ["StyledRow"],
        "oneclick.report.snapshot": [
            "Snapshot",
            "StageRow",
            "HitHeatmap",
            "HeatmapRow",
            "Goals",
            "ReviewProgress",
            "Reviewer",
            "ModelStatus",
            "FlowRunRow",
            "ActionItem",
            "Zoom",
        ],
        "oneclick.report.numbers": ["KeptVideo"],
    },
    "Contract tests": {
        "oneclick.testing": [
            "TriggerContract",
            "DetectorContract",
            "PlatformContract",
            "FormatContract",
            "PanelContract",
        ],
    },
}


def render() -> str:
    """Return the page."""
    groups = [[f"`{group}`", kind] for group, kind in plugins.KINDS.items()]
    parts = [
        INTRODUCTION,
        "## Entry points",
        markdown.docstring(inspect.getdoc(plugins) or ""),
        markdown.table(["group", "an entry is the name of a"], groups),
    ]
    for title, modules in SECTIONS.items():
        parts.append(f"## {title}")
        if title == "Contract tests":
            parts.append(
                markdown.docstring(inspect.getdoc(import_module("oneclick.testing")) or "")
            )
        for module_name, names in modules.items():
            module = import_module(module_name)
            for name in names:
                parts += _entry(module, name)
    tree = inspect.getdoc(errors) or ""
    return markdown.join(
        *parts,
        "## Errors",
        "A plug-in may raise these where its contract says so; whatever else it raises is one line "
        "that names the package, its work is left out and counted, and everything else goes on.",
        markdown.block(f"oneclick.core.errors\n\n{tree.partition(chr(10) * 2)[2]}"),
    )


def _entry(module: ModuleType, name: str) -> list[str]:
    value = getattr(module, name)
    place = f"`from {module.__name__} import {name}`"
    if inspect.isclass(value) and value.__module__.startswith("oneclick"):
        return [f"### {name}", place, *_class(value)]
    if inspect.isfunction(value):
        node, lines = sources.function_node(value)
        text = markdown.docstring(inspect.getdoc(value) or "")
        return [f"### {name}", place, markdown.block(sources.header(node, lines), "python"), text]
    code, text = sources.alias(module, name)
    return [f"### {name}", place, markdown.block(code, "python"), markdown.prose(text)]


def _class(cls: type) -> list[str]:
    node, lines = sources.class_node(cls)
    parts = [
        markdown.block(sources.header(node, lines), "python"),
        markdown.docstring(inspect.getdoc(cls) or ""),
    ]
    if issubclass(cls, Enum):
        values = [f"{member.name} = {member.value!r}".replace("'", '"') for member in cls]
        parts.append(markdown.block("\n".join(values), "python"))
    if members := _members(cls):
        parts.append(markdown.table(["attribute", "type", "default", "meaning"], members))
    tests = []
    for method in sources.methods(cls):
        text = sources.docstring(method)
        if method.name.startswith("test_"):
            tests.append([f"`{method.name}`", markdown.prose(text.partition("\n\n")[0])])
        elif not sources.is_property(method):
            header = markdown.block(sources.header(method, lines), "python")
            parts += [header, markdown.docstring(text)]
    if tests:
        parts.append(markdown.table(["test", "what it checks"], tests))
    return parts


def _members(cls: Any) -> list[list[str]]:
    """Return name, type, default and meaning of each field and property."""
    rows = [
        [field.name, field.annotation, field.default, field.text] for field in sources.fields(cls)
    ]
    rows += [
        [method.name, sources.source_of(method.returns), "", sources.docstring(method)]
        for method in sources.methods(cls)
        if sources.is_property(method)
    ]
    return [[*map(markdown.code, row[:3]), markdown.prose(row[3])] for row in rows]
