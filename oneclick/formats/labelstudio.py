"""Label Studio's JSON: one task a clip, its tracks as regions of the tag VideoRectangle.

    labels.xml              labelling interface of the project, with the classes
    <split>/tasks.json      to import into the project, written as a stream
    <split>/<clip>.mp4      for a local storage with its root beside labels.xml

Label Studio draws boxes between key frames, so a region has the key frames that interpolation needs
to meet every box. Labels of people are annotations, automatic ones predictions. Frames count from
1, boxes are percent of the picture, and a key frame with `enabled` false ends a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core.labels import LabelTrack
from oneclick.formats import base, disk, keyframes
from oneclick.formats.base import ExchangeFormat, ExportClip
from oneclick.formats.labelstudio_read import find
from oneclick.storage import bulk_files, files

__all__ = ["LOST", "LabelStudioWriter", "find"]

LOST = "attributes, origins, scores and which boxes are key frames"
TASKS, INTERFACE = "tasks.json", "labels.xml"
_MODEL = "oneclick"
"""Version of the model that predictions need."""


class LabelStudioWriter:
    """Writes one JSON file per split; only one clip is in memory at a time."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root, self._classes = root, list(classes)
        self._counts: dict[str, int] = {}

    def add(self, clip: ExportClip) -> None:
        """Append the task of one clip, and export its video."""
        folder = self._root / clip.split
        if clip.video is not None:
            bulk_files.copy(clip.video, folder / f"{clip.name}.mp4")
        names = dict.fromkeys(track.cls for track in clip.labels.tracks)
        self._classes += [name for name in names if name not in self._classes]
        number = self._counts.get(clip.split, 0) + 1
        with files.guard(folder / TASKS):
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / TASKS).open("ab") as file:
                file.write(b",\n" if number > 1 else b"[\n")
                file.write(msgspec.json.encode(task(clip, number)))
        self._counts[clip.split] = number

    def close(self) -> None:
        """End the files of tasks, and write the labelling interface."""
        for split in self._counts:
            path = self._root / split / TASKS
            with files.guard(path), path.open("ab") as file:
                file.write(b"]\n")
        labels = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in self._classes)
        interface = (
            '<View>\n  <Labels name="labels" toName="video">\n'
            f"{labels}  </Labels>\n"
            '  <Video name="video" value="$video" frameRate="$fps"/>\n'
            '  <VideoRectangle name="box" toName="video"/>\n</View>\n'
        )
        disk.write_lines(self._root / INTERFACE, [interface])


def task(clip: ExportClip, number: int) -> dict[str, Any]:
    """Return the task of a clip, whose id is `number`."""
    labels = clip.labels
    regions = [
        {
            "id": str(track.id),
            "type": "videorectangle",
            "from_name": "box",
            "to_name": "video",
            "origin": "manual" if labels.kind == "human" else "prediction",
            "original_width": labels.width,
            "original_height": labels.height,
            "value": {
                "framesCount": labels.frames,
                "duration": labels.frames / clip.fps,
                "sequence": key_points(track, boxes, clip),
                "labels": [track.cls],
            },
        }
        for track, boxes in zip(labels.tracks, base.rounded_boxes(labels), strict=True)
    ]
    is_human = labels.kind == "human"
    predictions = [] if is_human else [{"model_version": _MODEL, "result": regions}]
    return {
        "id": number,
        "data": {
            "video": f"/data/local-files/?d={clip.split}/{clip.name}.mp4",
            "fps": clip.fps,
            "clip": clip.name,
        },
        "annotations": [{"result": regions, "was_cancelled": False}] if is_human else [],
        "predictions": predictions,
    }


def key_points(
    track: LabelTrack, boxes: NDArray[np.float64], clip: ExportClip
) -> list[dict[str, Any]]:
    """Return the sequence of a region: key frames, the last of a run with `enabled` false."""
    size = np.array([clip.labels.width, clip.labels.height] * 2, np.float64)
    shares = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]) / size * 100
    frames = track.frames.tolist()
    points = []
    for row in keyframes.find_rows(track, boxes):
        x, y, width, height = shares[row].round(8).tolist()
        is_last = row + 1 == len(frames) or frames[row + 1] > frames[row] + 1
        points.append(
            {
                "frame": frames[row] + 1,
                "enabled": not is_last,
                "rotation": 0,
                "x": x,
                "y": y,
                "width": width,
                "height": height,
                "time": round((frames[row] + 1) / clip.fps, 6),
            }
        )
    return points


FORMAT = ExchangeFormat(LabelStudioWriter, find, LOST, video=True)
