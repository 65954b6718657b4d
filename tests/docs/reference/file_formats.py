"""The page of all files in a workspace, from the code that writes them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import MISSING, is_dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pyarrow as pa

from oneclick.core.clips import Clip, Video
from oneclick.core.datasets import DatasetClip
from oneclick.core.evaluation import DetectionMetrics
from oneclick.core.hits import Hit
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.spans import Span
from oneclick.core.timing import Timing
from oneclick.core.tracks import ORIGIN_WORDS
from oneclick.formats import mot_text
from oneclick.platforms import verdict_inbox
from oneclick.storage import (
    cards,
    datasets,
    inventories,
    labels,
    model_cards,
    model_registry,
    predictions,
    sealed_files,
    verdicts,
)
from oneclick.storage.workspace import Workspace
from oneclick.testing import samples
from tests.docs import markdown, sources, type_names

INTRODUCTION = f"""\
# File formats

A workspace is one folder of ordinary files. What people and models made lives in files that are
written once, in one atomic step; the catalog is an index over them, and `oneclick catalog
rebuild` makes it again. Frames count from 0 and spans are half-open: `start` is the first frame,
`stop` the first one after. Boxes are `x1, y1, x2, y2` in pixels.

Ids are readable and deterministic. A video is `<camera>-<start in UTC>`, or `<camera>-<digest of
the file>` where nobody knows its start; a clip is `<video>-<milliseconds from its start>`. A second
recording with that start has `_<digest>` at the end of its id. Doing a thing twice makes it once.

## Schema versions

Label files carry `schema`, now {labels.SCHEMA}. Other files may get fields with a default later:
readers ignore fields that they do not know.
"""
PARTS = {
    "video": samples.VIDEO,
    "camera": "<camera>",
    "video_id": "<video>",
    "model_id": "<model>",
    "name": "<signal>",
    "clip_id": "<camera>-<rest of the id>",
    "kind": "<kind>",
    "frame": 0,
    "incident": "<incident>",
    "mute": "<mute>",
    "version": "<version>",
}
"""What stands for each argument of the paths of a workspace."""


TITLES: dict[type, str] = {
    cards.HitsCard: "Hits of a video",
    cards.QuarantineCard: "Quarantine card",
    labels._LabelDocument: "Label revision",
    labels.TrackDocument: "Label track",
    verdicts.VerdictFile: "Verdict",
    DatasetClip: "Manifest line",
    datasets.DatasetHeader: "Version header",
    model_cards.ModelCard: "Model card",
    model_registry.ModelRegistry: "Model in service",
    model_registry.ServicePeriod: "Period of service",
    DetectionMetrics: "Test metrics",
}


def render() -> str:
    """Return the page."""
    type_names.TITLES |= TITLES
    return markdown.join(
        INTRODUCTION,
        "## The workspace folder",
        "`home` in `oneclick.toml`, `ONECLICK_HOME` or `--home` names it; else it is `workspace`.",
        markdown.table(["path", "what it is"], paths()),
        *_seals(),
        *_videos_and_clips(),
        *_parquet(),
        *_labels(),
        *_reviews(),
        *_datasets(),
        *_models(),
        "## MOTChallenge text",
        markdown.docstring(inspect.getdoc(mot_text) or ""),
        "`oneclick triggers scan` and `oneclick label hindsight` read it. Detections have the "
        "score in column 7; the labels that `label hindsight` writes have the track id in column "
        "2 and the confidence of the label in column 7. `seqinfo.ini` beside the file, if there "
        "is one, tells frame rate, length and picture size.",
    )


def paths() -> list[list[str]]:
    """Return every path of a workspace, in order, with what it is."""
    workspace = Workspace(Path())
    rows = []
    for node in sources.methods(Workspace):
        value = getattr(workspace, node.name)
        if callable(value):
            value = value(**{name: PARTS[name] for name in inspect.signature(value).parameters})
        text = sources.docstring(node).removeprefix("Return ").rstrip(".")
        path = str(value).replace(samples.VIDEO.camera, "<camera>", 1)
        path = path.replace(samples.VIDEO.id, "<video>")
        rows.append([f"`{path}{'/' * node.name.endswith('_dir')}`", text[0].upper() + text[1:]])
    return sorted(rows)


def _seals() -> list[str]:
    return [
        "## Seals and lists of files",
        markdown.docstring(inspect.getdoc(sealed_files) or ""),
        "Label files have none: the catalog and the manifests hold their digests. Programs that "
        "write files of a workspace need not seal them.",
        markdown.docstring(inspect.getdoc(inventories) or ""),
    ]


def _videos_and_clips() -> list[str]:
    return [
        "## Videos and clips",
        "Cards are JSON. `videos/<camera>/<video>.json` is a Video, `clip.json` is a Clip.",
        *fields_of(Video),
        *fields_of(Timing),
        *fields_of(Clip),
        "A clip of the contract tests, for example:",
        _sample(sealed_files.encode(samples.clip())),
        *fields_of(Span),
        "## Hits and quarantine",
        "`hits/<video>.json` tells what the triggers found in a video, and what was selected.",
        *fields_of(cards.HitsCard),
        *fields_of(Hit),
        *fields_of(cards.ModelPair),
        *fields_of(cards.ModelRef),
        *fields_of(cards.QuarantineCard),
    ]


def _parquet() -> list[str]:
    key = predictions.METADATA_KEY.decode()
    return [
        "## Predictions and signals",
        "Parquet, compressed with zstd and with page checksums; rows are sorted by frame. What is "
        f"true of the whole file is JSON under the key `{key}` of the schema's metadata.",
        "### Predictions",
        _columns(predictions._PREDICTION),
        "Metadata: `fps`, `frames` (number of frames in the video, with and without boxes), "
        "`names` (class names by `class_id`), `model`, and `threshold` (operating point of the "
        "model) where it is known. Boxes far below the operating point are kept: triggers and "
        "hindsight need them. `sha256` is that of all values, column by column, and `seal` that of "
        "the other metadata; files of earlier versions have neither.",
        "### Signals",
        _columns(predictions._SIGNAL),
        "One row for every frame. Metadata: `frames`, `sha256` and `seal`.",
    ]


def _columns(schema: pa.Schema) -> str:
    return markdown.table(["column", "type"], [[f"`{f.name}`", f"`{f.type}`"] for f in schema])


def _labels() -> list[str]:
    origins = [[f"`{letter}`", text] for letter, text in ORIGIN_WORDS.items()]
    return [
        "## Label files",
        markdown.docstring(inspect.getdoc(labels) or ""),
        *fields_of(labels._LabelDocument, texts_of=LabelSet),
        *fields_of(labels.TrackDocument, texts_of=LabelTrack),
        "### Origins",
        markdown.table(["letter", "how the box was made"], origins),
        "### Example",
        _sample(labels.encode(samples.auto_labels(samples.clip()))),
    ]


def _reviews() -> list[str]:
    return [
        "## Reviews",
        "The local queue is `review/`; other platforms keep their records in a folder of their "
        "name there.",
        markdown.docstring(inspect.getdoc(verdict_inbox) or ""),
        *fields_of(verdicts.VerdictFile),
    ]


def _datasets() -> list[str]:
    line = DatasetClip(
        clip=samples.clip().id,
        camera=samples.VIDEO.camera,
        revision=2,
        label_digest="1" * 64,
        clip_digest="2" * 64,
        split="train",
        frames=samples.FRAMES,
        width=samples.WIDTH,
        height=samples.HEIGHT,
        fps=samples.FPS,
        origins={"h": samples.FRAMES},
        chosen_by="trigger",
        led_by="flicker",
    )
    return [
        "## Dataset versions",
        markdown.docstring(inspect.getdoc(datasets) or ""),
        *fields_of(DatasetClip),
        markdown.block(datasets.manifest([line]).decode(), "json"),
        "`version.json`, written last, is the Version header.",
        *fields_of(datasets.DatasetHeader),
    ]


def _models() -> list[str]:
    return [
        "## Models",
        "`models/<model>/` holds `model.pt` (weights), `metrics.jsonl` (one line a step that was "
        "logged) and, written last, `card.json`: a Model card, whose `metrics` are Test metrics. "
        "`models/champion.json` is the Model in service; models that only label have a file each, "
        "`models/labeller-<architecture>.json`.",
        *fields_of(model_cards.ModelCard),
        *fields_of(model_cards.TrainingDataset),
        *fields_of(DetectionMetrics),
        *fields_of(model_registry.ModelRegistry),
        *fields_of(model_registry.ServicePeriod),
    ]


def fields_of(kind: type, texts_of: type | None = None) -> list[str]:
    """Return heading, docstring and fields of a record.

    Args:
        kind: dataclass or Struct that is encoded.
        texts_of: class whose docstrings describe the fields; by default `kind` itself.
    """
    described = texts_of or kind
    texts = {field.name: field.text for field in sources.fields(described)}
    hints = get_type_hints(kind, include_extras=True)
    optional = _optional(kind)
    rows = [
        [
            f"`{encoded}`",
            _type(hints[name]),
            f"`{type_names.json_text(optional[name])}`" if name in optional else "",
            markdown.prose(texts.get(name, "")),
        ]
        for name, encoded in _names(kind).items()
    ]
    text = markdown.docstring(inspect.getdoc(described) or "").partition("\n\n")[0]
    title = f"### {type_names.heading(kind)}"
    return [title, text, markdown.table(["field", "type", "default", "meaning"], rows)]


def _type(hint: Any) -> str:
    if hint is msgspec.Raw:
        return "JSON"
    if get_origin(hint) is tuple and set(get_args(hint)) == {float}:
        return f"[{', '.join(['number'] * len(get_args(hint)))}]"
    return type_names.describe(hint)


def _names(kind: Any) -> dict[str, str]:
    """Return the names of fields by that in Python to that in the file."""
    if issubclass(kind, msgspec.Struct):
        return {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    return {field.name: field.name for field in dataclass_fields(kind)}


def _optional(kind: Any) -> dict[str, Any]:
    """Return the defaults of the fields that have one."""
    no_default: Sequence[Any] = (MISSING, msgspec.NODEFAULT)
    every: Sequence[Any] = (
        dataclass_fields(kind) if is_dataclass(kind) else msgspec.structs.fields(kind)
    )
    values: dict[str, Any] = {}
    for field in every:
        if field.default not in no_default:
            values[field.name] = field.default
        elif field.default_factory not in no_default:
            values[field.name] = field.default_factory()
    return values


def _sample(content: bytes) -> str:
    """Return JSON as a block, one field a line."""
    document = json.loads(content)
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in document.items()]
    return markdown.block("{\n" + ",\n".join(lines) + "\n}", "json")
