"""Exports of Label Studio, as people have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.corpus import label_case
from tests.corpus.label_case import Builder, LabelCase
from tests.formats.samples import HEIGHT, WIDTH

CASES: dict[str, Builder] = {}
case = label_case.register(CASES)
FIRST, LAST = (0.0, 0.0, 32.0, 24.0), (32.0, 24.0, 64.0, 48.0)
"""px; the upper left and the lower right quarter."""
MIDDLE = (16.0, 12.0, 48.0, 36.0)


def point(frame: int, x: float = 0, y: float = 0, **changes: Any) -> dict[str, Any]:
    """A key frame with a box of a quarter of the picture, at x and y percent."""
    box = {"frame": frame, "enabled": True, "rotation": 0, "time": frame / 25}
    return box | {"x": x, "y": y, "width": 50, "height": 50} | changes


def track(*sequence: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A region of a video of five frames."""
    value = {"framesCount": 5, "duration": 0.2, "sequence": list(sequence), "labels": ["person"]}
    region = {"id": "zVykq-1", "type": "videorectangle", "from_name": "box", "to_name": "video"}
    return region | {"value": value | changes}


def box(x: float = 0, y: float = 0, **changes: Any) -> dict[str, Any]:
    """A region of a picture."""
    value = {"x": x, "y": y, "width": 50, "height": 50, "rotation": 0}
    region = {"id": "aB", "type": "rectanglelabels", "from_name": "label", "to_name": "image"}
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    return region | size | {"value": value | {"rectanglelabels": ["person"]}} | changes


def task(name: str, *results: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An annotated task about an uploaded file."""
    kind = "video" if name.endswith(".mp4") else "image"
    data = {kind: f"/data/upload/1/{name}", "note": "ward 3"}
    annotation = {"id": 5, "result": list(results), "was_cancelled": False, "ground_truth": False}
    document = {"id": 1, "data": data, "annotations": [annotation], "predictions": []}
    return document | {"file_upload": name, "project": 1} | changes


def write_video(folder: Path, *tasks: dict[str, Any]) -> None:
    """Write an export beside the pictures of a video of five frames."""
    label_case.draw(folder / "a", *(f"frame_{k:06d}.jpg" for k in range(5)))
    label_case.write_json(folder / "project-1-at-2024.json", list(tasks))


def write_pictures(folder: Path, *tasks: dict[str, Any], names: tuple[str, ...] = ()) -> None:
    """Write an export beside pictures."""
    label_case.draw(folder / "images", *(names or ("1.jpg", "2.jpg")))
    label_case.write_json(folder / "project-1-at-2024.json", list(tasks))


@case
def the_last_key_frame_is_held_to_the_end(folder: Path) -> LabelCase:
    write_video(folder, task("a.mp4", track(point(1), point(3, 50, 50))))
    boxes = (FIRST, MIDDLE, LAST, LAST, LAST)
    entries = tuple((k, "person", box) for k, box in enumerate(boxes))
    return LabelCase(sequences=(entries,), origins="hihii")


@case
def a_key_frame_that_is_not_enabled_is_the_last(folder: Path) -> LabelCase:
    write_video(folder, task("a.mp4", track(point(1), point(3, 50, 50, enabled=False))))
    entries = ((0, "person", FIRST), (1, "person", MIDDLE), (2, "person", LAST))
    return LabelCase(sequences=(entries,), origins="hih")


@case
def a_track_goes_and_comes_back(folder: Path) -> LabelCase:
    write_video(folder, task("a.mp4", track(point(4, 50, 50), point(1, enabled=False))))
    entries = ((0, "person", FIRST), (3, "person", LAST), (4, "person", LAST))
    return LabelCase(sequences=(entries,), origins="hhi")


@case
def an_export_with_interpolated_frames_says_the_same(folder: Path) -> LabelCase:
    points = (point(1), point(2, 25, 25, auto=True), point(3, 50, 50, enabled=False))
    write_video(folder, task("a.mp4", track(*points)))
    entries = ((0, "person", FIRST), (1, "person", MIDDLE), (2, "person", LAST))
    return LabelCase(sequences=(entries,), origins="hih")


@case
def two_regions_are_two_tracks(folder: Path) -> LabelCase:
    regions = [track(point(1, enabled=False)), track(point(1, 50, 50, enabled=False))]
    write_video(folder, task("a.mp4", *(region | {"id": "same"} for region in regions)))
    entries = ((0, "person", FIRST), (0, "person", LAST))
    return LabelCase(sequences=(entries,), track_ids=(1, 2))


@case
def ids_that_are_numbers_are_kept(folder: Path) -> LabelCase:
    regions = [track(point(1, enabled=False)), track(point(1, 50, 50, enabled=False))]
    named = (region | {"id": name} for region, name in zip(regions, ("7", "q"), strict=True))
    write_video(folder, task("a.mp4", *named))
    entries = ((0, "person", FIRST), (0, "person", LAST))
    return LabelCase(sequences=(entries,), track_ids=(1, 7))


@case
def frames_counted_with_another_rate_are_refused(folder: Path) -> LabelCase:
    write_video(folder, task("a.mp4", track(point(1), framesCount=12)))
    return LabelCase(problems=("Label Studio counted 12 frames, the video has 5",))


@case
def a_key_frame_after_the_end_is_refused(folder: Path) -> LabelCase:
    write_video(folder, task("a.mp4", track(point(6))))
    return LabelCase(problems=("key frame 6 of a video of 5 frames",))


@case
def a_missing_video_is_named(folder: Path) -> LabelCase:
    label_case.write_json(folder / "project.json", [task("b.mp4", track(point(1)))])
    return LabelCase(problems=("no video b.mp4 lies in",))


@case
def pictures_go_in_by_the_numbers_in_their_names(folder: Path) -> LabelCase:
    names = ("10.jpg", "2.jpg")
    tasks = [
        task("0a1b2c3d-10.jpg", box(50, 50), id=1),
        task("0a1b2c3d-2.jpg", box(), id=2),
    ]
    write_pictures(folder, *tasks, names=names)
    return LabelCase(sequences=(((0, "person", FIRST), (1, "person", LAST)),))


@case
def pictures_of_a_bucket_and_of_local_files(folder: Path) -> LabelCase:
    addresses = ("s3://ward/images/1.jpg", "/data/local-files/?d=images/2.jpg")
    tasks = [
        task("x.jpg", box(), id=k, data={"image": address}) for k, address in enumerate(addresses)
    ]
    write_pictures(folder, *tasks)
    return LabelCase(sequences=(((0, "person", FIRST), (1, "person", FIRST)),))


@case
def a_turned_box_becomes_the_upright_one_around_it(folder: Path) -> LabelCase:
    turned_value = {"x": 75, "y": 0, "width": 50, "height": 25, "rotation": 90}
    region = box(value=turned_value | {"rectanglelabels": ["person"]})
    write_pictures(folder, task("1.jpg", region))
    return LabelCase(
        sequences=(((0, "person", (36.0, 0.0, 48.0, 32.0)),),),
        notes={"turned boxes made upright, the smallest around them": 1},
    )


@case
def box_and_class_as_two_results(folder: Path) -> LabelCase:
    shape = box(type="rectangle", value={"x": 0, "y": 0, "width": 50, "height": 50})
    label = box(type="labels", value={"labels": ["chair"]})
    write_pictures(folder, task("1.jpg", shape, label))
    return LabelCase(sequences=(((0, "chair", FIRST),),))


@case
def a_box_without_a_class_is_refused(folder: Path) -> LabelCase:
    region = box(value={"x": 0, "y": 0, "width": 50, "height": 50})
    write_pictures(folder, task("1.jpg", region))
    return LabelCase(problems=("task 1: box aB has no class",))


@case
def a_box_of_two_classes_is_refused(folder: Path) -> LabelCase:
    region = box()
    region["value"]["rectanglelabels"] = ["person", "chair"]
    write_pictures(folder, task("1.jpg", region))
    return LabelCase(problems=("task 1: box aB has 2 classes",))


@case
def boxes_drawn_on_another_size_are_refused_and_the_others_go_in(folder: Path) -> LabelCase:
    tasks = [task("1.jpg", box(original_width=640)), task("2.jpg", box(), id=2)]
    write_pictures(folder, *tasks)
    return LabelCase(
        sequences=(((0, "person", FIRST),),),
        problems=("task 1: drawn on 640x48 px, but 1.jpg has 64x48",),
    )


@case
def a_picture_turned_before_it_was_annotated_is_refused(folder: Path) -> LabelCase:
    write_pictures(folder, task("1.jpg", box(image_rotation=90)))
    return LabelCase(problems=("task 1: 1.jpg was turned by 90 degrees",))


@case
def two_annotations_are_a_question(folder: Path) -> LabelCase:
    annotations = [{"result": [box()]}, {"result": [box(50, 50)]}]
    write_pictures(folder, task("1.jpg", annotations=annotations))
    return LabelCase(problems=("task 1 has 2 annotations: mark one as ground truth",))


@case
def the_ground_truth_stands_above_other_annotations(folder: Path) -> LabelCase:
    truth = {"result": [box(50, 50)], "ground_truth": True}
    write_pictures(folder, task("1.jpg", annotations=[{"result": [box()]}, truth]))
    return LabelCase(sequences=(((0, "person", LAST),),))


@case
def a_cancelled_annotation_does_not_count(folder: Path) -> LabelCase:
    cancelled = {"result": [box()], "was_cancelled": True}
    write_pictures(folder, task("1.jpg", annotations=[cancelled, {"result": [box(50, 50)]}]))
    return LabelCase(sequences=(((0, "person", LAST),),))


@case
def a_task_that_nobody_annotated_is_no_empty_truth(folder: Path) -> LabelCase:
    write_pictures(folder, task("1.jpg", annotations=[]), task("2.jpg", box(), id=2))
    return LabelCase(sequences=(((0, "person", FIRST),),), problems=("task 1 is not annotated",))


@case
def an_annotation_without_a_box_is_the_truth(folder: Path) -> LabelCase:
    write_pictures(folder, task("1.jpg"))
    return LabelCase(sequences=((),))


@case
def predictions_are_no_labels_of_people(folder: Path) -> LabelCase:
    prediction = {"result": [box()], "model_version": "v1", "score": 0.5}
    write_pictures(folder, task("1.jpg", annotations=[], predictions=[prediction]))
    return LabelCase(
        sequences=(((0, "person", FIRST),),),
        notes={"pictures with predictions that nobody has annotated": 1},
        origins="d",
    )


@case
def other_results_are_counted(folder: Path) -> LabelCase:
    polygon = box(type="polygonlabels", value={"points": [[0, 0], [1, 1], [2, 0]]})
    answer = {"type": "choices", "value": {"choices": ["night"]}, "from_name": "c"}
    relation = {"type": "relation", "from_id": "aB", "to_id": "b", "direction": "right"}
    write_pictures(folder, task("1.jpg", box(), polygon, answer, relation))
    kinds = ("polygonlabels", "choices", "relation")
    return LabelCase(
        sequences=(((0, "person", FIRST),),),
        notes={f"results of the type {kind} left out": 1 for kind in kinds},
    )


@case
def the_short_json_is_refused(folder: Path) -> LabelCase:
    short = {"image": "/data/upload/1/1.jpg", "id": 1, "label": [box()["value"]]}
    write_pictures(folder, short)
    return LabelCase(problems=("export the project as JSON, not as JSON-MIN",))


@case
def a_byte_order_mark_is_no_text(folder: Path) -> LabelCase:
    write_pictures(folder, task("1.jpg", box()))
    path = folder / "project-1-at-2024.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    return LabelCase(sequences=(((0, "person", FIRST),),))


@case
def two_pictures_of_one_name_are_refused(folder: Path) -> LabelCase:
    write_pictures(folder, task("1.jpg", box(), data={"image": "https://x.org/1.jpg?t=5"}))
    label_case.draw(folder / "other", "1.jpg")
    return LabelCase(problems=("task 1: several files are called 1.jpg",))


@case
def two_tasks_about_one_picture_are_refused(folder: Path) -> LabelCase:
    write_pictures(folder, task("1.jpg", box()), task("1.jpg", box(50, 50), id=2))
    return LabelCase(problems=("two tasks are about",))


@case
def a_box_inside_out_is_refused(folder: Path) -> LabelCase:
    region = box()
    region["value"]["width"] = -5
    write_pictures(folder, task("1.jpg", region))
    return LabelCase(problems=("task 1: a box turned inside out",))
