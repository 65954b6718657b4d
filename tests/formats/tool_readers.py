"""Exports as the tools themselves open them; a tool that is not installed skips its test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.formats.exports import FRAMES, HEIGHT, SPLITS, WIDTH, BoxRow


def _tool(module: str, package: str) -> Any:
    """Import a tool, or skip the test that needs it."""
    reason = f"{package} is not installed: uv pip install {package}"
    return pytest.importorskip(module, reason=reason, exc_type=ImportError)


def pycocotools(root: Path) -> Iterator[BoxRow]:
    """Read COCO with its own API."""
    api = _tool("pycocotools.coco", "pycocotools")
    yield from _coco_api(root, api.COCO)


def faster_coco_eval(root: Path) -> Iterator[BoxRow]:
    """Read COCO with the API of faster-coco-eval."""
    from faster_coco_eval import COCO

    yield from _coco_api(root, COCO)


def _coco_api(root: Path, reader: Any) -> Iterator[BoxRow]:
    for file in root.glob("*/annotations.json"):
        coco = reader(str(file))
        videos = {video["id"]: video["name"] for video in coco.dataset["videos"]}
        for image_id in coco.getImgIds():
            (image,) = coco.loadImgs([image_id])
            assert (file.parent / "images" / image["file_name"]).is_file()
            for row in coco.loadAnns(coco.getAnnIds(imgIds=[image_id])):
                x, y, w, h = row["bbox"]
                (category,) = coco.loadCats([row["category_id"]])
                yield BoxRow(
                    split=file.parent.name,
                    clip=videos[image["video_id"]],
                    frame=image["frame_id"],
                    cls=category["name"],
                    box=(x, y, x + w, y + h),
                    track=row["track_id"],
                )


def supervision_coco(root: Path) -> Iterator[BoxRow]:
    """Read COCO with supervision."""
    supervision = _tool("supervision", "supervision")
    for split in ("train", "test"):
        dataset = supervision.DetectionDataset.from_coco(
            str(root / split / "images"), str(root / split / "annotations.json")
        )
        yield from _supervision(dataset, split, lambda path: (path.parent.name, path.stem))


def supervision_yolo(root: Path) -> Iterator[BoxRow]:
    """Read flat YOLO with supervision."""
    supervision = _tool("supervision", "supervision")
    for split in ("train", "test"):
        dataset = supervision.DetectionDataset.from_yolo(
            str(root / "images" / split), str(root / "labels" / split), str(root / "data.yaml")
        )
        assert len(dataset) == sum(FRAMES[clip] for clip in SPLITS if SPLITS[clip] == split)
        yield from _supervision(dataset, split, lambda path: path.stem.rsplit("_", 1))


def _supervision(dataset: Any, split: str, name: Any) -> Iterator[BoxRow]:
    for path, detections in dataset.annotations.items():
        clip, frame = name(Path(path))
        for box, number in zip(detections.xyxy.tolist(), detections.class_id, strict=True):
            yield BoxRow(
                split=split,
                clip=clip,
                frame=int(frame),
                cls=dataset.classes[int(number)],
                box=(box[0], box[1], box[2], box[3]),
            )


def trackeval(root: Path) -> Iterator[BoxRow]:
    """Read MOTChallenge with TrackEval, which knows classes by number and ids as they stand."""
    tool = _tool("trackeval", "trackeval")
    for split in ("train", "test"):
        clips = [clip for clip in SPLITS if SPLITS[clip] == split]
        dataset = tool.datasets.MotChallenge2DBox(
            {
                "GT_FOLDER": str(root / split),
                "TRACKERS_FOLDER": str(root / split),
                "TRACKERS_TO_EVAL": [],
                "SEQ_INFO": dict.fromkeys(clips),
                "SKIP_SPLIT_FOL": True,
                "PRINT_CONFIG": False,
            }
        )
        assert dataset.seq_lengths == {clip: FRAMES[clip] for clip in clips}
        for clip in clips:
            names = (root / split / clip / "gt/labels.txt").read_text().splitlines()
            raw = dataset._load_raw_file("", clip, is_gt=True)
            columns = (raw["gt_dets"], raw["gt_ids"], raw["gt_classes"])
            for frame, parts in enumerate(zip(*columns, strict=True)):
                for (x, y, w, h), track, number in zip(*parts, strict=True):
                    yield BoxRow(
                        split=split,
                        clip=clip,
                        frame=frame,
                        cls=names[int(number) - 1],
                        box=(x, y, x + w, y + h),
                        track=int(track),
                    )


def motmetrics(root: Path) -> Iterator[BoxRow]:
    """Read MOTChallenge with motmetrics, which has the corner from 0."""
    tool = _tool("motmetrics", "motmetrics")
    for file in root.glob("*/*/gt/gt.txt"):
        names = (file.parent / "labels.txt").read_text().splitlines()
        table = tool.io.loadtxt(str(file), fmt="mot16", min_confidence=1)
        for (frame, track), row in table.iterrows():
            x, y = row["X"] + 1, row["Y"] + 1
            yield BoxRow(
                split=file.parents[2].name,
                clip=file.parents[1].name,
                frame=int(frame) - 1,
                cls=names[int(row["ClassId"]) - 1],
                box=(x, y, x + row["Width"], y + row["Height"]),
                track=int(track),
            )


def datumaro_mot(root: Path) -> Iterator[BoxRow]:
    """Read MOTChallenge with datumaro, one sequence at a time."""
    for clip, split in SPLITS.items():
        for row, item in _datumaro(root / split / clip, "mot_seq"):
            yield _moved(row, split, clip, int(item.id) - 1)


def datumaro_yolo(root: Path) -> Iterator[BoxRow]:
    """Read flat YOLO with datumaro, which knows no folders below those of the splits."""
    for row, item in _datumaro(root, "yolo"):
        clip, _, frame = str(item.id).rpartition("_")
        yield _moved(row, item.subset, clip, int(frame))


def datumaro_cvat(root: Path) -> Iterator[BoxRow]:
    """Read CVAT for video with datumaro."""
    for file in root.glob("*/*.xml"):
        for row, item in _datumaro(file, "cvat"):
            if not row.outside:
                yield _moved(row, file.parent.name, file.stem, item.attributes["frame"])


def datumaro_own(root: Path) -> Iterator[BoxRow]:
    """Read datumaro's own format with datumaro."""
    for row, item in _datumaro(root, "datumaro"):
        clip, _, frame = str(item.id).rpartition("/")
        assert Path(item.media.path).is_file()
        yield _moved(row, item.subset, clip, int(frame))


class _Annotation:
    """A box as datumaro has it."""

    def __init__(self, annotation: Any, names: Any) -> None:
        x, y, w, h = annotation.get_bbox()
        self.box = (x, y, x + w, y + h)
        self.cls: str = names[annotation.label].name
        self.track: int | None = annotation.attributes.get("track_id")
        self.outside: bool = annotation.attributes.get("outside", False)


def _datumaro(path: Path, kind: str) -> Iterator[tuple[_Annotation, Any]]:
    tool = _tool("datumaro", "datumaro")
    dataset = tool.Dataset.import_from(str(path), kind)
    names = dataset.categories()[tool.AnnotationType.label]
    for item in dataset:
        for annotation in item.annotations:
            yield _Annotation(annotation, names), item


def _moved(row: _Annotation, split: str, clip: str, frame: int) -> BoxRow:
    return BoxRow(split=split, clip=clip, frame=frame, cls=row.cls, box=row.box, track=row.track)


def label_studio_sdk(root: Path) -> Iterator[BoxRow]:
    """Read Label Studio's JSON with what its own export interpolates."""
    module = "label_studio_sdk._extensions.label_studio_tools.postprocessing.video"
    tool = _tool(module, "label-studio-sdk")
    for file in root.glob("*/tasks.json"):
        for task in json.loads(file.read_text()):
            for region in tool.extract_key_frames(task["annotations"][0]["result"]):
                boxes = {point["frame"]: point for point in region["value"]["sequence"]}
                for number, point in boxes.items():
                    x, y = point["x"] / 100 * WIDTH, point["y"] / 100 * HEIGHT
                    w, h = point["width"] / 100 * WIDTH, point["height"] / 100 * HEIGHT
                    yield BoxRow(
                        split=file.parent.name,
                        clip=task["data"]["clip"],
                        frame=number - 1,
                        cls=region["value"]["labels"][0],
                        box=(x, y, x + w, y + h),
                        track=int(region["id"]),
                    )


def eta(root: Path) -> Iterator[BoxRow]:
    """Read FiftyOne's video labels with the library that FiftyOne reads them with."""
    tool = _tool("eta.core.datasets", "voxel51-eta")
    for split in ("train", "test"):
        dataset = tool.load_dataset(str(root / split))
        paths = zip(dataset.iter_data_paths(), dataset.iter_labels(), strict=True)
        for path, labels in paths:
            for number in labels:
                for item in labels[number].objects:
                    x1, y1, x2, y2 = item.bounding_box.to_coords()
                    box = np.multiply((x1, y1, x2, y2), (WIDTH, HEIGHT, WIDTH, HEIGHT)).tolist()
                    yield BoxRow(
                        split=split,
                        clip=Path(path).stem,
                        frame=number - 1,
                        cls=item.label,
                        box=(box[0], box[1], box[2], box[3]),
                        track=item.index,
                    )
