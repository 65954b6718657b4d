"""The end state of a workspace: its files and its catalog, without times of day."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oneclick.catalog import Catalog, verify
from oneclick.catalog.rows import ClipEvent
from oneclick.storage import predictions

TIMES = {
    "at",
    "made_at",
    "created_at",
    "moved_at",
    "since",
    "seconds",
    "ms",
    "label_digest",
    "seal",
}
"""Fields that tell when or how long, or the digest of what does: the only ones that may differ."""
UNCOMPARED = ("catalog.sqlite", "generation.json", "retention.json")
"""Beginnings of the names of files that are not compared: what they hold is times, or rows."""
REBUILT = ("*.index", "review/questions/*.json")
"""Paths of files that whoever needs them makes again, by pattern, and are not compared."""
FROM_FILES = "as the files tell"


def without_times(value: Any) -> Any:
    """Return a JSON value without the fields that tell times."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def content(path: Path) -> Any:
    """Return what is compared of a file: JSON without times, arrays, or the digest."""
    data = path.read_bytes()
    if path.suffix == ".json":
        return without_times(json.loads(data))
    if path.name == "metrics.jsonl":
        return len(data.splitlines())
    if path.suffix == ".jsonl":
        return [without_times(json.loads(line)) for line in data.splitlines()]
    if path.suffix == ".parquet" and "signals" in path.parts:
        return predictions.load_signal(path).tolist()
    if path.suffix == ".parquet":
        detections = predictions.load(path)
        return [detections.frames.tolist(), detections.boxes.tolist(), detections.scores.tolist()]
    return hashlib.sha256(data).hexdigest()


def file_state(root: Path) -> dict[str, Any]:
    """Return the content of the files below a folder that are neither times, rows nor rebuilt."""
    return {
        str(path.relative_to(root)): content(path)
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and not path.name.startswith(UNCOMPARED)
        and not any(path.match(pattern) for pattern in REBUILT)
        and not {"locks", "store"} & set(path.relative_to(root).parts)
    }


def catalog_state(home: Path) -> dict[str, Any]:
    """Return the rows of the catalog."""
    with Catalog.open(home) as catalog:
        return {
            "problems": verify.verify(catalog, deep=True),
            "clips": sorted((r.clip.id, r.stage, r.revision, r.error) for r in catalog.clips()),
            "selections": sorted(clip.id for clip in catalog.selections(uncut_only=False)),
            "history": histories(catalog.events()),
            "hits": catalog.hits(),
            "revisions": sorted((r.clip, r.revision, r.kind) for r in catalog.revision_rows()),
            "verdicts": sorted((v.clip, v.decision, v.by, v.images) for v in catalog.verdicts()),
            "datasets": [row.name for row in catalog.datasets()],
            "models": [row.id for row in catalog.models()],
            "counts": catalog.counts(),
            "leases": catalog.holders(),
        }


def histories(events: Sequence[ClipEvent]) -> dict[str, list[str]]:
    """Return the stages that each clip went through, and FROM_FILES where files told of one."""
    stages = defaultdict(list)
    for event in events:
        if event.by in ("rebuild", "reconcile"):
            stages[event.clip].append(FROM_FILES)
        stages[event.clip].append(event.new.value)
    return dict(stages)


def end_state(root: Path) -> dict[str, Any]:
    """Return files and catalog of a trial, of which the workspace is <root>/home."""
    aside = sorted(path.name[:30] for path in root.rglob("*.broken*"))
    return {"files": file_state(root), "aside": aside, **catalog_state(root / "home")}


def differences(state: dict[str, Any], reference: dict[str, Any]) -> list[str]:
    """Return a line for each part in which two end states differ."""
    lines = []
    for part, other in reference.items():
        mine = state[part]
        if part in ("files", "history"):
            for name in sorted(mine.keys() | other.keys()):
                if not is_alike(mine.get(name), other.get(name)):
                    lines.append(f"{name}: {mine.get(name)!r:.200} != {other.get(name)!r:.200}")
        elif mine != other:
            lines.append(f"{part}: {mine!r:.600} != {other!r:.600}")
    return lines


def text(breaks: Mapping[Any, Any]) -> str:
    """Return breaks as the message of a failed test."""
    return "\n".join(f"{trial}: {problems}" for trial, problems in breaks.items())


def is_alike(mine: Any, other: Any) -> bool:
    """Compare contents or histories; where files told of a stage, earlier ones stand nowhere."""
    if isinstance(mine, list) and isinstance(other, list) and FROM_FILES in mine:
        return bool(mine[-1] == other[-1])
    return bool(mine == other)
