"""Datumaro's own format: JSON with a list of items, one a picture, each with its annotations.

    images/<split>/<clip>/000000.jpg
    annotations/<split>.json            written as a stream

The attributes `track_id`, `score`, `origin` and `keyframe` of a box are ours, and so is
`infos.clips` with the frame rate of each clip; readers of the format keep what they do not know.
The frame of an item stands in its attribute `frame`, as CVAT writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from oneclick.formats import base
from oneclick.formats.base import ExchangeFormat, ExportClip
from oneclick.formats.datumaro_read import (
    ANNOTATIONS,
    IMAGES,
    OWN_ATTRIBUTES,
    QUESTIONS,
    TEXT_OF_BOOL,
    find,
)
from oneclick.storage import files

__all__ = ["LOST", "DatumaroWriter", "find"]

LOST = ""
_MEDIA_TYPE = 2
"""Datumaro's number of images."""
_BOOL_OF_TEXT = {text: value for value, text in TEXT_OF_BOOL.items()}


class DatumaroWriter:
    """Writes one JSON file per split; only one clip is in memory at a time."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root, self._classes = root, list(classes)
        self._items: dict[str, int] = {}
        self._attributes: set[str] = set()
        self._clips: dict[str, dict[str, float]] = {}

    def add(self, clip: ExportClip) -> None:
        """Append the items of one clip, and export its images."""
        base.export_frames(clip, self._root / IMAGES / clip.split / clip.name)
        names = dict.fromkeys(track.cls for track in clip.labels.tracks)
        self._classes += [name for name in names if name not in self._classes]
        self._attributes.update(*(track.attributes for track in clip.labels.tracks))
        path = self._root / ANNOTATIONS / f"{clip.split}.json"
        head = {"dm_format_version": "1.0", "media_type": _MEDIA_TYPE}
        with files.guard(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                if clip.split not in self._items:
                    file.write(msgspec.json.encode(head)[:-1] + b',"items":[\n')
                elif self._items[clip.split]:
                    file.write(b",\n")
                file.write(b",\n".join(map(msgspec.json.encode, self._clip_items(clip))))
        self._items[clip.split] = self._items.get(clip.split, 0) + clip.labels.frames
        self._clips[clip.name] = {"fps": clip.fps}

    def close(self) -> None:
        """Write the class names and frame rates, which end each file.

        Datumaro reads several files as one dataset only if these are the same in all of them.
        """
        attributes = [*OWN_ATTRIBUTES, *sorted(self._attributes - {*OWN_ATTRIBUTES})]
        labels = [{"name": name, "parent": "", "attributes": []} for name in self._classes]
        categories = {"labels": labels, "label_groups": [], "attributes": attributes}
        tail = {"infos": {"clips": self._clips}, "categories": {"label": categories}}
        for split in self._items:
            path = self._root / ANNOTATIONS / f"{split}.json"
            with files.guard(path), path.open("ab") as file:
                file.write(b"],\n" + msgspec.json.encode(tail)[1:] + b"\n")

    def _clip_items(self, clip: ExportClip) -> list[dict[str, Any]]:
        """Return the items of a clip, one a frame."""
        labels = clip.labels
        items: list[dict[str, Any]] = [
            {
                "id": f"{clip.name}/{frame:06d}",
                "annotations": [],
                "attr": {"frame": frame},
                "image": {
                    "path": f"{clip.name}/{frame:06d}.jpg",
                    "size": [labels.height, labels.width],
                },
            }
            for frame in range(labels.frames)
        ]
        for track, boxes in zip(labels.tracks, base.rounded_boxes(labels), strict=True):
            corners = np.hstack([boxes[:, :2], np.round(boxes[:, 2:] - boxes[:, :2], 2)])
            scores = np.round(track.scores.astype(np.float64), 4)
            columns = (column.tolist() for column in (track.frames, corners, scores))
            rows = zip(*columns, track.origins, base.attributes_per_box(track), strict=True)
            label_id, keyframes = self._classes.index(track.cls), {*track.keyframes}
            for frame, bbox, score, origin, attributes in rows:
                own = (track.id, score, origin, frame in keyframes)
                values = {name: _BOOL_OF_TEXT.get(v, v) for name, v in attributes.items()}
                items[frame]["annotations"].append(
                    {
                        "id": len(items[frame]["annotations"]),
                        "type": "bbox",
                        "attributes": values | dict(zip(OWN_ATTRIBUTES, own, strict=True)),
                        "group": 0,
                        "object_id": track.id,
                        "label_id": label_id,
                        "z_order": 0,
                        "bbox": bbox,
                    }
                )
        return items


FORMAT = ExchangeFormat(DatumaroWriter, find, LOST, questions=QUESTIONS)
