"""Readers of other tools' formats, each written from its documentation alone, without our code."""

from __future__ import annotations

import configparser
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from tests.formats.exports import HEIGHT, WIDTH, BoxRow


def read_yolo(root: Path) -> Iterator[BoxRow]:
    """Read YOLO as Ultralytics documents it.

    Folders of data.yaml are relative to the file and searched to any depth; the labels of a picture
    lie where the last `images` of its path is `labels`, with the suffix .txt.
    """
    data = yaml.safe_load((root / "data.yaml").read_text())
    for key in ("train", "val"):
        if key not in data:
            continue
        pictures = sorted((root / data[key]).rglob("*.jpg"))
        assert pictures, f"{key} names a folder without pictures"
        for picture in pictures:
            head, _, tail = str(picture).rpartition("/images/")
            for line in Path(f"{head}/labels/{tail}").with_suffix(".txt").read_text().splitlines():
                number, *shares = line.split(" ")
                cx, cy, w, h = map(float, shares)
                x, y = (cx - w / 2) * WIDTH, (cy - h / 2) * HEIGHT
                clip, _, frame = picture.stem.rpartition("_")
                yield BoxRow(
                    split="train" if key == "train" else "test",
                    clip=clip or picture.parent.name,
                    frame=int(frame),
                    cls=data["names"][int(number)],
                    box=(x, y, x + w * WIDTH, y + h * HEIGHT),
                )


def read_mot(root: Path) -> Iterator[BoxRow]:
    """Read MOTChallenge: frames and ids from 1, names in gt/labels.txt as CVAT documents it."""
    for file in root.glob("*/*/gt/gt.txt"):
        folder = file.parent.parent
        parser = configparser.ConfigParser()
        parser.read(folder / "seqinfo.ini")
        info = parser["Sequence"]
        pictures = list((folder / info["imDir"]).glob(f"*{info['imExt']}"))
        assert len(pictures) == int(info["seqLength"])
        names = (file.parent / "labels.txt").read_text().splitlines()
        for line in file.read_text().splitlines():
            frame, track, x, y, w, h, conf, number, visibility = map(float, line.split(","))
            assert (conf, 0 <= visibility <= 1, frame >= 1, track >= 1) == (1, True, True, True)
            yield BoxRow(
                split=folder.parent.name,
                clip=info["name"],
                frame=int(frame) - 1,
                cls=names[int(number) - 1],
                box=(x, y, x + w, y + h),
                track=int(track),
            )


def read_cvat(root: Path) -> Iterator[BoxRow]:
    """Read CVAT for video 1.1 as CVAT itself shows it.

    Only key frames count; the box between two of them is interpolated linearly, and after one with
    outside="1" there is none.
    """
    for file in root.glob("*/*.xml"):
        document = ElementTree.parse(file).getroot()
        stop = int(document.findtext("meta/task/stop_frame") or -1)
        names = {label.findtext("name") for label in document.iter("label")}
        for track in document.iter("track"):
            assert track.get("label") in names
            keys = [box for box in track.iter("box") if box.get("keyframe") == "1"]
            assert keys[0].get("outside") == "0"
            for key, following in zip(keys, [*keys[1:], None], strict=True):
                end = stop + 1 if following is None else int(following.attrib["frame"])
                last = key if following is None or following.get("outside") == "1" else following
                if key.get("outside") == "1":
                    continue
                start = int(key.attrib["frame"])
                for frame in range(start, end):
                    share = (frame - start) / (end - start)
                    first, final = _corners(key), _corners(last)
                    box = [a + share * (b - a) for a, b in zip(first, final, strict=True)]
                    yield BoxRow(
                        split=file.parent.name,
                        clip=file.stem,
                        frame=frame,
                        cls=track.attrib["label"],
                        box=(box[0], box[1], box[2], box[3]),
                        track=int(track.attrib["id"]),
                    )


def _corners(box: ElementTree.Element) -> list[float]:
    return [float(box.attrib[name]) for name in ("xtl", "ytl", "xbr", "ybr")]


def read_cvat_boxes(root: Path) -> Iterator[BoxRow]:
    """Read every box of CVAT for video that is in the picture, as converters do."""
    for file in root.glob("*/*.xml"):
        for track in ElementTree.parse(file).getroot().iter("track"):
            for box in track.iter("box"):
                x1, y1, x2, y2 = _corners(box)
                if box.get("outside") == "0":
                    yield BoxRow(
                        split=file.parent.name,
                        clip=file.stem,
                        frame=int(box.attrib["frame"]),
                        cls=track.attrib["label"],
                        box=(x1, y1, x2, y2),
                        track=int(track.attrib["id"]),
                    )


def read_datumaro(root: Path) -> Iterator[BoxRow]:
    """Read datumaro's format: bbox is x y width height, label_id counts the names from 0."""
    for file in root.glob("annotations/*.json"):
        document = json.loads(file.read_text())
        names = [label["name"] for label in document["categories"]["label"]["labels"]]
        for item in document["items"]:
            picture = root / "images" / file.stem / item["image"]["path"]
            assert picture.is_file()
            assert item["image"]["size"] == [HEIGHT, WIDTH]
            for annotation in item["annotations"]:
                x, y, w, h = annotation["bbox"]
                yield BoxRow(
                    split=file.stem,
                    clip=picture.parent.name,
                    frame=item["attr"]["frame"],
                    cls=names[annotation["label_id"]],
                    box=(x, y, x + w, y + h),
                    track=annotation["attributes"]["track_id"],
                )


def read_labelstudio(root: Path) -> Iterator[BoxRow]:
    """Read Label Studio's JSON as its editor shows a region, frame by frame.

    The box of a frame is that of the key frame, or between two of them, if the first is enabled,
    interpolated linearly; a key frame is shown even if it is not enabled.
    """
    interface = ElementTree.parse(root / "labels.xml").getroot()
    names = {label.get("value") for label in interface.iter("Label")}
    for file in root.glob("*/tasks.json"):
        for task in json.loads(file.read_text()):
            for region in task["annotations"][0]["result"]:
                value = region["value"]
                (cls,) = value["labels"]
                assert (region["type"], cls in names) == ("videorectangle", True)
                for number in range(1, value["framesCount"] + 1):
                    if box := _shown(value["sequence"], number):
                        yield BoxRow(
                            split=file.parent.name,
                            clip=task["data"]["clip"],
                            frame=number - 1,
                            cls=cls,
                            box=_pixels(box, region["original_width"], region["original_height"]),
                            track=int(region["id"]),
                        )


def _shown(sequence: list[dict[str, Any]], number: int) -> dict[str, Any] | None:
    """Return x, y, width and height that are shown in frame `number`."""
    before = [key for key in sequence if key["frame"] <= number]
    after = [key for key in sequence if key["frame"] > number]
    if not before or (not before[-1]["enabled"] and before[-1]["frame"] != number):
        return None
    if before[-1]["frame"] == number or not after:
        return before[-1]
    share = (number - before[-1]["frame"]) / (after[0]["frame"] - before[-1]["frame"])
    return {
        side: before[-1][side] + share * (after[0][side] - before[-1][side])
        for side in ("x", "y", "width", "height")
    }


def _pixels(
    box: dict[str, Any], width: int = WIDTH, height: int = HEIGHT
) -> tuple[float, float, float, float]:
    x, y = box["x"] / 100 * width, box["y"] / 100 * height
    return x, y, x + box["width"] / 100 * width, y + box["height"] / 100 * height


def read_fiftyone(root: Path) -> Iterator[BoxRow]:
    """Read FiftyOneVideoLabelsDataset: frames from 1, corners as shares of the picture."""
    for manifest in root.glob("*/manifest.json"):
        for pair in json.loads(manifest.read_text())["index"]:
            labels = json.loads((manifest.parent / pair["labels"]).read_text())
            for number, frame in labels["frames"].items():
                assert frame["frame_number"] == int(number)
                for item in frame["objects"]["objects"]:
                    low, high = item["bounding_box"].values()
                    yield BoxRow(
                        split=manifest.parent.name,
                        clip=Path(pair["data"]).stem,
                        frame=int(number) - 1,
                        cls=item["label"],
                        box=(
                            low["x"] * WIDTH,
                            low["y"] * HEIGHT,
                            high["x"] * WIDTH,
                            high["y"] * HEIGHT,
                        ),
                        track=item["index"],
                    )
