"""Datasets in datumaro's own format, as datumaro and CVAT write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.corpus import label_case
from tests.corpus.label_case import Builder, LabelCase
from tests.formats.samples import HEIGHT, WIDTH

CASES: dict[str, Builder] = {}
case = label_case.register(CASES)
BOX = (1.0, 2.0, 11.0, 22.0)


def bbox(**changes: Any) -> dict[str, Any]:
    """An annotation as CVAT exports it."""
    attributes = {"occluded": False} | changes.pop("attributes", {})
    annotation = {"id": 0, "type": "bbox", "group": 0, "label_id": 0, "z_order": 0}
    return annotation | {"bbox": [1.0, 2.0, 10.0, 20.0], "attributes": attributes} | changes


def item(k: int, *annotations: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A frame of a video."""
    image = {"path": f"frame_{k:06d}.jpg", "size": [HEIGHT, WIDTH]}
    document = {"id": f"frame_{k:06d}", "annotations": list(annotations), "attr": {"frame": k}}
    return document | {"image": image} | changes


def write(folder: Path, *items: dict[str, Any], subset: str = "default", count: int = 3) -> None:
    """Write a subset and its pictures."""
    names = (f"frame_{k:06d}.jpg" for k in range(count))
    label_case.draw(folder / "images" / subset, *names)
    labels: list[dict[str, Any]] = [
        {"name": name, "parent": "", "attributes": []} for name in ("person", "chair")
    ]
    categories = {"label": {"labels": labels, "attributes": ["occluded"]}}
    document = {"info": {}, "categories": categories, "items": list(items)}
    label_case.write_json(folder / "annotations" / f"{subset}.json", document)


@case
def a_task_of_cvat_with_a_track(folder: Path) -> LabelCase:
    boxes = [
        bbox(attributes={"track_id": 4, "keyframe": k != 1, "outside": k == 2}) for k in range(3)
    ]
    write(folder, *(item(k, row) for k, row in enumerate(boxes)))
    return LabelCase(
        sequences=(((0, "person", BOX), (1, "person", BOX)),), origins="hi", track_ids=(4,)
    )


@case
def frames_in_any_order_of_the_file(folder: Path) -> LabelCase:
    write(folder, item(2, bbox(label_id=1)), item(0), item(1, bbox()))
    return LabelCase(sequences=(((1, "person", BOX), (2, "chair", BOX)),))


@case
def pictures_without_frames_are_in_the_order_of_their_names(folder: Path) -> LabelCase:
    rows = [item(k, bbox(label_id=k % 2), attr={}) for k in (1, 0, 2)]
    write(folder, *rows)
    entries = ((0, "person", BOX), (1, "chair", BOX), (2, "person", BOX))
    return LabelCase(sequences=(entries,))


@case
def the_subset_is_the_split(folder: Path) -> LabelCase:
    write(folder, *(item(k) for k in range(3)), subset="val")
    return LabelCase(sequences=((),), splits=("test",))


@case
def pictures_lie_beside_the_subset_in_old_datasets(folder: Path) -> LabelCase:
    write(folder, item(0, bbox()), count=1)
    (folder / "images/default/frame_000000.jpg").rename(folder / "images/frame_000000.jpg")
    return LabelCase(sequences=(((0, "person", BOX),),))


@case
def a_turned_box_becomes_the_upright_one_around_it(folder: Path) -> LabelCase:
    write(folder, item(0, bbox(attributes={"rotation": 90.0})), count=1)
    return LabelCase(
        sequences=(((0, "person", (0.0, 7.0, 16.0, 17.0)),),),
        notes={
            "turned boxes made upright, the smallest around them": 1,
            "boxes clipped to the picture": 1,
        },
    )


@case
def other_annotations_are_counted(folder: Path) -> LabelCase:
    polygon = {"id": 1, "type": "polygon", "label_id": 0, "points": [0, 0, 5, 0, 5, 5]}
    write(folder, item(0, bbox(), polygon, {"type": "label", "label_id": 1}), count=1)
    kinds = ("polygon", "label")
    return LabelCase(
        sequences=(((0, "person", BOX),),),
        notes={f"annotations of the type {kind} left out": 1 for kind in kinds},
    )


@case
def a_class_number_without_a_name_is_refused(folder: Path) -> LabelCase:
    write(folder, item(0, bbox(label_id=2)), count=1)
    return LabelCase(problems=("annotation 0: label 2 is not among the 2 names",))


@case
def a_box_without_a_class_is_refused(folder: Path) -> LabelCase:
    write(folder, item(0, bbox(label_id=None)), count=1)
    return LabelCase(problems=("annotation 0: label None is not among the 2 names",))


@case
def a_picture_of_another_size_is_named_and_the_others_go_in(folder: Path) -> LabelCase:
    image = {"path": "frame_000000.jpg", "size": [480, 640]}
    write(folder, item(0, bbox(), image=image), item(1, bbox()))
    return LabelCase(sequences=(((0, "person", BOX),),), problems=("has 64x48 px, not 640x480",))


@case
def a_missing_picture_is_named_and_the_others_go_in(folder: Path) -> LabelCase:
    write(folder, item(0, bbox()), item(7, bbox()), count=1)
    return LabelCase(
        sequences=(((0, "person", BOX),),), problems=("no picture 'frame_000007.jpg'",)
    )


@case
def a_broken_item_is_named_and_the_others_go_in(folder: Path) -> LabelCase:
    write(folder, item(0, bbox()), item(1, bbox(bbox=[1, 2, 3])))
    return LabelCase(sequences=(((0, "person", BOX),),), problems=("item 2 is broken",))


@case
def two_videos_in_one_folder_are_refused(folder: Path) -> LabelCase:
    write(folder, item(0, bbox()), item(1, bbox(), attr={"frame": 0}))
    return LabelCase(problems=("two pictures of . are frame 0",))


@case
def frames_that_are_left_out_are_said(folder: Path) -> LabelCase:
    write(folder, *(item(k, bbox(), attr={"frame": 5 * k}) for k in range(3)))
    return LabelCase(
        sequences=(tuple((k, "person", BOX) for k in range(3)),),
        notes={"videos of which frames are left out, the others taken as consecutive": 1},
    )


@case
def another_format_is_refused(folder: Path) -> LabelCase:
    label_case.write_json(folder / "annotations/instances.json", {"images": [], "annotations": []})
    return LabelCase(problems=("not datumaro's format, which has items and categories",))


@case
def a_box_inside_out_is_refused(folder: Path) -> LabelCase:
    write(folder, item(0, bbox(bbox=[5, 5, -3, 2])), count=1)
    return LabelCase(problems=("annotation 0: box turned inside out",))
