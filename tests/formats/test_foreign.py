"""Files of other tools: what they leave out, say elsewhere, or say wrongly.

Reading outside of a dataset was looked for in every name that a file may give: pictures of COCO,
MOT and datumaro, lists of YOLO, films of CVAT and FiftyOne, and links are checked before anything
is opened (tests/hostile), pictures of Label Studio are searched by name among those inside; no
further way out was found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from oneclick import formats, video
from oneclick.core.errors import BadInput, OneclickError
from oneclick.formats import ImportedSequence, SequenceSource
from tests.formats import samples as samples

CLASSES = ("person", "chair")


def pictures(folder: Path, count: int = 3, suffix: str = ".jpg", **size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        cv2.imwrite(str(folder / f"{k + 1}{suffix}"), samples.picture(k, **size))


def coco(folder: Path, **changes: Any) -> Path:
    """Three loose pictures with one box each."""
    pictures(folder / "images")
    document: dict[str, Any] = {
        "images": [
            {"id": k, "file_name": f"{k}.jpg", "width": 64, "height": 48} for k in (1, 2, 3)
        ],
        "annotations": [
            {"id": 10 + k, "image_id": k, "category_id": 7, "bbox": [k, 2, 10, 20]}
            for k in (1, 2, 3)
        ],
        "categories": [{"id": 7, "name": "person", "supercategory": "x"}],
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(document | changes))
    return path


def annotation(**changes: Any) -> dict[str, Any]:
    return {"id": 10, "image_id": 1, "category_id": 7, "bbox": [1, 2, 10, 20]} | changes


def find(name: str, path: Path) -> tuple[list[SequenceSource], dict[str, str]]:
    failed: dict[str, str] = {}
    return formats.get(name).find(path, CLASSES, failed), failed


def load_all(name: str, path: Path) -> list[ImportedSequence]:
    return [source.load("h") for source in find(name, path)[0]]


def only(name: str, path: Path) -> ImportedSequence:
    (source,), failed = find(name, path)
    assert not failed
    return source.load("h")


def test_coco_pictures_without_a_sequence_go_together_by_folder(tmp_path: Path) -> None:
    clip = only("coco", coco(tmp_path))
    assert [path.name for path in clip.images] == ["1.jpg", "2.jpg", "3.jpg"]
    assert [(t.id, t.frames.tolist(), t.origins) for t in clip.tracks] == [
        (0, [0], "h"), (1, [1], "h"), (2, [2], "h"),
    ]  # fmt: skip
    assert clip.notes == {"boxes without a track, each a track of its own": 3}


def test_coco_pictures_of_other_sizes_and_long_folders_become_several_clips(tmp_path: Path) -> None:
    images = [
        {"id": k, "file_name": f"{k}.jpg", "width": 64 + (k > 100), "height": 48}
        for k in range(1, 121)
    ]
    pictures(tmp_path / "images", 100)
    for k in range(101, 121):
        picture = samples.picture(k, 65)
        cv2.imwrite(str(tmp_path / f"images/{k}.jpg"), picture)
    sources, _ = find("coco", coco(tmp_path, images=images, annotations=[]))
    assert [source.name for source in sources] == ["1.jpg", "91.jpg", "101.jpg"]


TRACK_IDS = {
    "track_id": annotation(track_id=5),
    "instance_id": annotation(instance_id=5),
    "CVAT's attributes": annotation(attributes={"track_id": 5, "occluded": False}),
}


@pytest.mark.parametrize("case", TRACK_IDS)
def test_coco_track_ids_are_read_where_tools_put_them(case: str, tmp_path: Path) -> None:
    row = TRACK_IDS[case]
    rows = [row, row | {"id": 11, "image_id": 2}]
    (track,) = only("coco", coco(tmp_path, annotations=rows)).tracks
    assert (track.id, track.frames.tolist()) == (5, [0, 1])
    assert track.attributes == ({"occluded": ((0, 2, "false"),)} if "attributes" in row else {})


def test_coco_frames_follow_frame_id_and_not_the_order_of_the_file(tmp_path: Path) -> None:
    images = [
        {"id": k, "file_name": f"{k}.jpg", "width": 64, "height": 48, "video_id": "v",
         "frame_id": 10 * (4 - k)}
        for k in (1, 2, 3)
    ]  # fmt: skip
    clip = only("coco", coco(tmp_path, images=images))
    assert [path.name for path in clip.images] == ["3.jpg", "2.jpg", "1.jpg"]


def test_a_class_that_changes_within_a_track_makes_two_tracks(tmp_path: Path) -> None:
    rows = [
        annotation(track_id=1), annotation(id=11, image_id=2, track_id=1, category_id=8),
        annotation(id=12, image_id=3, track_id=1),
    ]  # fmt: skip
    names = [{"id": 7, "name": "person"}, {"id": 8, "name": "chair"}]
    clip = only("coco", coco(tmp_path, annotations=rows, categories=names))
    assert [(t.id, t.cls, t.frames.tolist()) for t in clip.tracks] == [
        (0, "chair", [1]), (1, "person", [0, 2]),
    ]  # fmt: skip


BOXES: dict[str, tuple[list[float], list[list[float]], dict[str, int]]] = {
    "inside": ([1, 2, 10, 20], [[1, 2, 11, 22]], {}),
    "beyond the right edge": (
        [60, 2, 10, 20], [[60, 2, 64, 22]], {"boxes clipped to the picture": 1},
    ),
    "half a pixel beyond": ([54.4, 2, 10, 20], [[54.4, 2, 64, 22]], {}),
    "beyond all": (
        [100, 2, 10, 20], [],
        {"boxes clipped to the picture": 1, "boxes without area left out": 1},
    ),
    "no width": ([1, 2, 0, 20], [], {"boxes without area left out": 1}),
}  # fmt: skip


@pytest.mark.parametrize("case", BOXES)
def test_boxes_stay_in_the_picture_and_what_was_done_is_counted(case: str, tmp_path: Path) -> None:
    box, expected, notes = BOXES[case]
    clip = only("coco", coco(tmp_path, annotations=[annotation(bbox=box, track_id=1)]))
    got = [row for track in clip.tracks for row in track.boxes.tolist()]
    assert np.allclose(got, expected, atol=1e-4) if expected else got == []
    assert clip.notes == notes


def test_coco_crowds_are_left_out_and_counted(tmp_path: Path) -> None:
    clip = only("coco", coco(tmp_path, annotations=[annotation(iscrowd=1)]))
    assert (clip.tracks, clip.notes) == ((), {"crowd regions left out": 1})


BROKEN_ANNOTATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "bbox is text": (annotation(bbox="abc"), "annotation 10: Expected `array`"),
    "bbox is null": (annotation(bbox=None), "annotation 10: Expected `array`"),
    "no bbox": ({"id": 10, "image_id": 1, "category_id": 7}, "annotation 10: Object missing"),
    "three numbers": (annotation(bbox=[1, 2, 3]), "annotation 10: bbox has 3 numbers"),
    "inside out": (annotation(bbox=[1, 2, -3, 4]), "annotation 10: box turned inside out"),
    "no such category": (annotation(category_id=99), "annotation 10: there is no category 99"),
}


@pytest.mark.parametrize("case", BROKEN_ANNOTATIONS)
def test_a_broken_annotation_is_named_and_only_its_clip_falls(case: str, tmp_path: Path) -> None:
    broken, text = BROKEN_ANNOTATIONS[case]
    images = [
        {"id": k, "file_name": f"{k}.jpg", "width": 64, "height": 48, "video_id": k} for k in (1, 2)
    ]
    rows = [broken, annotation(id=11, image_id=2)]
    (first, second), failed = find("coco", coco(tmp_path, images=images, annotations=rows))
    assert not failed
    assert len(second.load("h").tracks) == 1
    with pytest.raises(BadInput) as error:
        first.load("h")
    assert text in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("image", [99, None, [1]], ids=str)
def test_an_annotation_of_no_picture_is_named_and_the_clips_go_on(
    image: Any, tmp_path: Path
) -> None:
    rows = [annotation(image_id=image), annotation(id=11)]
    (source,), failed = find("coco", coco(tmp_path, annotations=rows))
    assert len(source.load("h").tracks) == 1
    (reason,) = failed.values()
    assert "annotation 10" in reason


def _write(name: str, text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def _mot(line: str, count: int = 3, names: str = "person\nchair\n") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        pictures(folder / "s/img1", count)
        _write("s/seqinfo.ini", "[Sequence]\nseqLength=3\nframeRate=30\n")(folder)
        _write("s/gt/gt.txt", f"1,1,1,2,10,20,1,1,1\n{line}\n")(folder)
        if names:
            _write("s/gt/labels.txt", names)(folder)
        return folder

    return write


def _yolo(line: str, data: str = "names: [person]\n") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        pictures(folder / "images/a")
        _write("labels/a/1.txt", f"0 0.5 0.5 0.1 0.1\n{line}\n")(folder)
        _write("labels/a/2.txt", "")(folder)
        _write("labels/a/3.txt", "")(folder)
        _write("data.yaml", data)(folder)
        return folder

    return write


def _cvat(boxes: str, root: str = "annotations") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        pictures(folder / "images")
        text = f'<{root}><track id="4" label="person">{boxes}</track></{root}>'
        return _write("a.xml", text)(folder)

    return write


def box(
    frame: str = "0", xtl: str = "1", keyframe: int = 1, outside: int = 0, text: str = ""
) -> str:
    return (
        f'<box frame="{frame}" xtl="{xtl}" ytl="2" xbr="11" ybr="22" outside="{outside}" '
        f'occluded="0" keyframe="{keyframe}">{text}</box>'
    )


def _no_pictures(folder: Path) -> Path:
    path = coco(folder)
    for picture in (folder / "images").iterdir():
        picture.unlink()
    return path


BROKEN: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "coco, no JSON": ("coco", _write("a.json", "{"), "a.json: not COCO"),
    "coco, empty": ("coco", _write("a.json", ""), "a.json: not COCO"),
    "coco, another JSON": ("coco", _write("a.json", "[1]"), "images, annotations and categories"),
    "coco, nothing": ("coco", lambda folder: folder, "there is no .json file"),
    "coco, no pictures": ("coco", _no_pictures, "no picture 1.jpg beside it"),
    "mot, nothing": ("mot", lambda folder: folder, "no folder in it holds gt/gt.txt"),
    "mot, text": ("mot", _mot("2,1,x,2,10,20,1,1,1"), "gt.txt line 2"),
    "mot, id is text": ("mot", _mot("2,x,1,2,10,20,1,1,1"), "gt.txt line 2"),
    "mot, half an id": ("mot", _mot("2,1.5,1,2,10,20,1,1,1"), "line 2: id 1.5"),
    "mot, frame beyond": ("mot", _mot("4,1,1,2,10,20,1,1,1"), "line 2: frame 4 is beyond"),
    "mot, few columns": ("mot", _mot("2,1,1,2"), "gt.txt line 2: expected frame,id"),
    "mot, two boxes": ("mot", _mot("1,1,1,2,10,20,1,1,1"), "track 1 has two boxes in frame 0"),
    "mot, pictures missing": ("mot", _mot("2,1,1,2,9,9", 2), "2 pictures of 3 frames"),
    "yolo, nothing": ("yolo", lambda folder: folder, "needs folders images/ and labels/"),
    "yolo, key points": ("yolo", _yolo("0 .1 .1 .2 .1 .2 .2 .3"), "line 2: expected class cx"),
    "yolo, text": ("yolo", _yolo("0 a b c d"), "1.txt line 2: could not convert"),
    "yolo, pixels": ("yolo", _yolo("0 10 20 30 40"), "line 2: not shares of a picture"),
    "yolo, no names": ("yolo", _yolo("", "nc: 1\n"), "data.yaml: no list of class names"),
    "cvat, nothing": ("cvat", lambda folder: folder, "there is no .xml file"),
    "cvat, no pictures": ("cvat", _write("a.xml", "<annotations/>"), "no folder images/"),
    "cvat, truncated": ("cvat", _cvat("<box"), "a.xml: no XML"),
    "cvat, another XML": ("cvat", _cvat("", "plist"), "it holds plist"),
    "cvat, for images": ("cvat", _cvat('</track><image/><track id="5">'), "it holds image"),
    "cvat, text": ("cvat", _cvat(box(xtl="a")), "track 4, frame 0: a number is missing"),
    "cvat, inside out": ("cvat", _cvat(box(xtl="50")), "track 4, frame 0: box turned"),
    "cvat, frame beyond": ("cvat", _cvat(box("9")), "track 4, frame 9: there is no such frame"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_gets_one_clear_line(case: str, tmp_path: Path) -> None:
    name, write, text = BROKEN[case]
    path = write(tmp_path)
    with pytest.raises(OneclickError) as error:
        load_all(name, path)
    assert text in str(error.value)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value) or "track 1" in text


def test_mot_boxes_with_conf_0_are_left_out_and_numbers_count_the_classes(tmp_path: Path) -> None:
    clip = only("mot", _mot("2,1,1,2,10,20,0,1,1\n3,-1,1,2,10,20,1,2,1")(tmp_path))
    assert [(t.id, t.cls, t.frames.tolist()) for t in clip.tracks] == [
        (0, "chair", [2]), (1, "person", [0]),
    ]  # fmt: skip
    assert clip.notes["boxes with conf 0 left out"] == 1
    assert clip.fps == 30


LINES = {
    "2015, with a place in the world": ("2,1,1,2,10,20,1,-4.15,-7.35,0", "person"),
    "2015, without": ("2,1,1,2,10,20,1,-1,-1,-1", "person"),
    "2016, with class and visibility": ("2,1,1,2,10,20,1,2,0.5", "chair"),
    "nor conf": ("2,1,1,2,10,20,1,1", "person"),
}


@pytest.mark.parametrize("case", LINES)
def test_mot_lines_of_every_year_are_read(case: str, tmp_path: Path) -> None:
    line, cls = LINES[case]
    names = "" if case.startswith("2015") else "person\nchair\n"
    clip = only("mot", _mot(line, names=names)(tmp_path))
    assert cls in {track.cls for track in clip.tracks}
    assert sum(len(track.frames) for track in clip.tracks) == 2


def test_yolo_scores_and_names_by_number_are_read(tmp_path: Path) -> None:
    write = _yolo("3 0.5 0.5 0.5 0.5 0.25", "names: {0: person, 3: chair}\n")
    clip = only("yolo", write(tmp_path))
    assert [(t.cls, t.scores.tolist(), t.boxes.tolist()) for t in clip.tracks[1:]] == [
        ("chair", [0.25], [[16, 12, 48, 36]])
    ]


def test_yolo_folders_of_a_split_may_hold_images_and_labels(tmp_path: Path) -> None:
    pictures(tmp_path / "valid/images")
    for k in (1, 2, 3):
        _write(f"valid/labels/{k}.txt", "0 0.5 0.5 0.5 0.5" * (k == 2))(tmp_path)
    _write("classes.txt", "person\n")(tmp_path)
    (source,), _ = find("yolo", tmp_path)
    assert source.split == "test"
    assert [t.frames.tolist() for t in source.load("h").tracks] == [[1]]


def test_cvat_draws_lines_between_key_frames_and_stops_where_a_track_is_outside(
    tmp_path: Path,
) -> None:
    boxes = box("0") + box("2", "5") + box("1", outside=1)
    (track,) = only("cvat", _cvat(boxes)(tmp_path)).tracks
    assert (track.frames.tolist(), track.origins) == ([0, 2], "hh")
    (track,) = only("cvat", _cvat(box("0") + box("2", "5"))(tmp_path)).tracks
    assert (track.id, track.frames.tolist()) == (4, [0, 1, 2])
    assert (track.origins, track.keyframes) == ("hih", (0, 2))
    assert track.boxes[1].tolist() == [3, 2, 11, 22]


def test_cvat_boxes_that_only_repeat_a_key_frame_are_none(tmp_path: Path) -> None:
    text = '<attribute name="key">true</attribute>'
    boxes = box("0", text=text) + box("1", keyframe=0, text=text)
    (track,) = only("cvat", _cvat(boxes)(tmp_path)).tracks
    assert track.keyframes == (0,)


def test_cvat_numbers_of_a_part_of_a_video_are_found_by_the_names_of_its_pictures(
    tmp_path: Path,
) -> None:
    path = _cvat(box("121"))(tmp_path)
    for k in range(3):
        (tmp_path / f"images/{k + 1}.jpg").rename(tmp_path / f"images/frame_{120 + k:06d}.jpg")
    (track,) = only("cvat", path).tracks
    assert track.frames.tolist() == [1, 2]


def test_cvat_polygons_are_left_out_and_counted(tmp_path: Path) -> None:
    clip = only("cvat", _cvat('<polygon frame="0" points="1,2;3,4"/>' + box())(tmp_path))
    assert clip.notes == {"shapes other than boxes left out": 1}


def test_cvat_takes_the_video_of_the_same_name(tmp_path: Path) -> None:
    path = _cvat(box("2"))(tmp_path)
    rgb = (samples.picture(k)[..., ::-1].copy() for k in range(4))
    video.write(tmp_path / "a.mp4", rgb, 12.5)
    clip = only("cvat", path)
    assert (clip.video, clip.images, clip.fps) == (tmp_path / "a.mp4", (), 12.5)
