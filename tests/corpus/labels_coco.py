"""COCO files as other tools write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.corpus.labels_kit import (
    Box,
    Right,
    Scene,
    as_json,
    case,
    objects,
    save,
    unturn,
    write,
)

COUNT = 4


def document(scene: Scene, **changes: Any) -> dict[str, Any]:
    """Return the file of a scene: two boxes a picture, ids from 1."""
    images = [
        {"id": k + 1, "file_name": f"{k + 1}.jpg", "width": scene.size[0], "height": scene.size[1]}
        for k in range(scene.frames)
    ]
    rows: list[dict[str, Any]] = []
    for k in range(scene.frames):
        for name, box in scene.boxes(k):
            rows.append(row(len(rows) + 1, k + 1, name, box))
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "chair"}]
    return {"images": images, "annotations": rows, "categories": categories} | changes


def row(number: int, image: Any, name: str, box: Box, **changes: Any) -> dict[str, Any]:
    """Return one annotation."""
    x1, y1, x2, y2 = box
    sides = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0}
    category = 1 + (name == "chair")
    return {"id": number, "image_id": image, "category_id": category} | sides | changes


def plain(folder: Path, rng: np.random.Generator, **changes: Any) -> dict[str, Any]:
    """Write the pictures, and return the file."""
    scene = Scene.random(rng, COUNT)
    scene.save(folder / "images", "{}.jpg")
    return document(scene, **changes)


@case("coco")
def nothing_odd(folder: Path, rng: np.random.Generator) -> Right:
    """A file as pycocotools would write it."""
    write(folder / "annotations.json", as_json(plain(folder, rng)))
    return Right(boxes=8, pictures=4, fps=25)


@case("coco")
def byte_order_mark(folder: Path, rng: np.random.Generator) -> Right:
    """Three bytes of Windows before the text."""
    write(folder / "annotations.json", b"\xef\xbb\xbf" + as_json(plain(folder, rng)).encode())
    return Right(boxes=8, pictures=4)


@case("coco")
def ids_as_text(folder: Path, rng: np.random.Generator) -> Right:
    """Annotations name image and category as text, the lists as numbers."""
    file = plain(folder, rng)
    for line in file["annotations"]:
        line |= {"image_id": str(line["image_id"]), "category_id": str(line["category_id"])}
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=8, pictures=4)


@case("coco")
def ids_as_text_in_the_lists(folder: Path, rng: np.random.Generator) -> Right:
    """The lists have text, annotations numbers with a point."""
    file = plain(folder, rng)
    for line in (*file["images"], *file["categories"]):
        line["id"] = str(line["id"])
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=8, pictures=4)


@case("coco")
def ids_with_a_point(folder: Path, rng: np.random.Generator) -> Right:
    """A table program made 1.0 of 1."""
    file = plain(folder, rng)
    for line in file["annotations"]:
        line |= {"image_id": float(line["image_id"]), "category_id": float(line["category_id"])}
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=8, pictures=4)


@case("coco")
def iscrowd_false(folder: Path, rng: np.random.Generator) -> Right:
    """True and false in place of 1 and 0."""
    file = plain(folder, rng)
    for line in file["annotations"]:
        line["iscrowd"] = False
    file["annotations"][0]["iscrowd"] = True
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=7, pictures=4, bare=1, notes=("crowd regions left out",))


@case("coco")
def iscrowd_as_text(folder: Path, rng: np.random.Generator) -> Right:
    """Text in place of numbers, or nothing."""
    file = plain(folder, rng)
    for line, text in zip(file["annotations"], ["0", "0", "false", None] * 2, strict=True):
        line["iscrowd"] = text
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=8, pictures=4)


@case("coco")
def two_pictures_with_one_id(folder: Path, rng: np.random.Generator) -> Right:
    """Whose boxes are which cannot be told; the other pictures go in."""
    file = plain(folder, rng)
    file["images"][1]["id"] = 1
    for line in file["annotations"][2:4]:
        line["image_id"] = 1
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=4, pictures=2, refused=("2 pictures have the id 1 (1.jpg, 2.jpg)",))


def under_several_ids(folder: Path, rng: np.random.Generator) -> None:
    """Write a file that lists each picture once for each of its boxes."""
    scene = Scene.random(rng, 2)
    scene.save(folder / "images", "{}.jpg")
    boxes = [(k, name, box) for k in range(2) for name, box in scene.boxes(k)]
    images = [
        {"id": n, "file_name": f"{k + 1}.jpg", "width": 160, "height": 120}
        for n, (k, _, _) in enumerate(boxes)
    ]
    rows = [row(n, n, name, box) for n, (_, name, box) in enumerate(boxes)]
    write(folder / "annotations.json", as_json(document(scene, images=images, annotations=rows)))


@case("coco")
def one_picture_under_several_ids(folder: Path, rng: np.random.Generator) -> Right:
    """Boxes of one picture, or of two people who drew the same: it is asked."""
    under_several_ids(folder, rng)
    return Right(boxes=0, refused=("1.jpg stands under 2 ids",))


@case("coco")
def one_picture_under_several_ids_merged(folder: Path, rng: np.random.Generator) -> Right:
    """The same, answered."""
    under_several_ids(folder, rng)
    return Right(boxes=4, pictures=2, notes=("several ids",), answers=("repeated=merge",))


def with_strangers(folder: Path, rng: np.random.Generator) -> None:
    """Write a file half of whose annotations name pictures by another scheme."""
    file = plain(folder, rng)
    for line in file["annotations"][4:]:
        line["image_id"] = f"frame_{line['image_id']}"
    write(folder / "annotations.json", as_json(file))


@case("coco")
def annotations_of_no_picture(folder: Path, rng: np.random.Generator) -> Right:
    """Pictures without boxes may be theirs: they never go in as pictures without objects."""
    with_strangers(folder, rng)
    return Right(boxes=4, pictures=2, refused=("4 annotations are of no picture",))


@case("coco")
def annotations_of_no_picture_dropped(folder: Path, rng: np.random.Generator) -> Right:
    """The user says that these are of pictures that are gone."""
    with_strangers(folder, rng)
    return Right(
        boxes=4, pictures=4, bare=4, answers=("unmatched=drop",),
        notes=("annotations of pictures that are not there left out",),
    )  # fmt: skip


@case("coco")
def many_missing_pictures(folder: Path, rng: np.random.Generator) -> Right:
    """A line for all of them, and the others go in."""
    file = plain(folder, rng)
    for k in range(5, 305):
        file["images"].append({"id": k, "file_name": f"{k}.jpg", "width": 160, "height": 120})
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=8, pictures=4, refused=("299 more like it",))


@case("coco")
def a_picture_of_another_size(folder: Path, rng: np.random.Generator) -> Right:
    """Boxes of a scaled picture: it is refused, those beside it go in."""
    file = plain(folder, rng)
    file["images"][2] |= {"width": 320, "height": 240}
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=6, pictures=3, refused=("3.jpg has 160x120 px, not 320x240",))


@case("coco")
def a_picture_that_no_file_names(folder: Path, rng: np.random.Generator) -> Right:
    """It is left out, and counted."""
    write(folder / "annotations.json", as_json(plain(folder, rng)))
    save(folder / "images/99.jpg", Scene.random(rng, 1).image(0))
    return Right(boxes=8, pictures=4, notes=("pictures that no annotations name left out",))


@case("coco")
def a_category_with_two_names(folder: Path, rng: np.random.Generator) -> Right:
    """One id, two classes."""
    categories = [{"id": 1, "name": "person"}, {"id": 1, "name": "chair"}]
    write(folder / "annotations.json", as_json(plain(folder, rng, categories=categories)))
    return Right(boxes=0, refused=("category 1 is person and chair",))


@case("coco")
def scores_in_percent(folder: Path, rng: np.random.Generator) -> Right:
    """They are not cut to 1 without a word."""
    file = plain(folder, rng)
    for line in file["annotations"]:
        line["score"] = 87.5
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=0, refused=("score 87.5",))


def photos(
    folder: Path, rng: np.random.Generator, orientation: int, is_stored: bool, size: tuple[int, int]
) -> None:
    """Write photos with an EXIF orientation, labelled as they are shown or as they are stored."""
    scene = Scene.random(rng, 2, size)
    file = document(scene)
    for k in range(2):
        save(folder / f"images/{k + 1}.jpg", scene.image(k), orientation)
    if is_stored:
        # The objects lie where a viewer without EXIF sees them.
        rows: list[dict[str, Any]] = []
        for k in range(2):
            stored = unturn(scene.image(k), orientation)
            for name, box in objects(stored):
                rows.append(row(len(rows), k + 1, name, box))
            height, width = stored.shape[:2]
            file["images"][k] |= {"width": width, "height": height}
        file["annotations"] = rows
    write(folder / "annotations.json", as_json(file))


@case("coco")
def photo_turned_and_labelled_as_shown(folder: Path, rng: np.random.Generator) -> Right:
    """Width and height of the labels tell that they are of the turned picture."""
    photos(folder, rng, 6, False, (160, 120))
    return Right(boxes=4, pictures=2)


@case("coco")
def photo_turned_and_labelled_as_stored(folder: Path, rng: np.random.Generator) -> Right:
    """Pixels and boxes are turned together."""
    photos(folder, rng, 8, True, (160, 120))
    return Right(boxes=4, pictures=2)


@case("coco")
def square_photo_turned(folder: Path, rng: np.random.Generator) -> Right:
    """Nothing tells, so it is asked."""
    photos(folder, rng, 6, False, (128, 128))
    return Right(boxes=0, refused=("turned by its EXIF orientation (6)",))


@case("coco")
def square_photo_turned_answered_shown(folder: Path, rng: np.random.Generator) -> Right:
    """The same, answered."""
    photos(folder, rng, 5, False, (128, 128))
    return Right(boxes=4, pictures=2, answers=("exif=shown",))


@case("coco")
def square_photo_turned_answered_stored(folder: Path, rng: np.random.Generator) -> Right:
    """The same, labelled by a tool that ignores EXIF."""
    photos(folder, rng, 7, True, (128, 128))
    return Right(boxes=4, pictures=2, answers=("exif=stored",))


@case("coco")
def all_that_stands_twice(folder: Path, rng: np.random.Generator) -> Right:
    """A file was joined with itself: nothing is doubled."""
    file = plain(folder, rng)
    for key in ("images", "annotations", "categories"):
        file[key] += file[key]
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=8, pictures=4, notes=("annotations that stand twice", "stand twice in the"))


@case("coco")
def two_files_of_the_same_pictures(folder: Path, rng: np.random.Generator) -> Right:
    """A copy from before the last correction: the second one is refused."""
    text = as_json(plain(folder, rng))
    write(folder / "labels.json", text)
    write(folder / "labels_old.json", text)
    return Right(boxes=8, pictures=4, refused=("4 of its pictures stand in",))


@case("coco")
def a_picture_named_in_two_ways(folder: Path, rng: np.random.Generator) -> Right:
    """./1.jpg is 1.jpg."""
    file = plain(folder, rng)
    file["images"].append(file["images"][0] | {"id": 99, "file_name": "./1.jpg"})
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=6, pictures=3, refused=("stands under 2 ids",))


@case("coco")
def track_ids_that_are_names(folder: Path, rng: np.random.Generator) -> Right:
    """Two tracks called 7 and 007, and two with names."""
    file = plain(folder, rng)
    for line in file["annotations"]:
        is_chair, is_late = line["category_id"] == 2, line["image_id"] > 2
        line["track_id"] = [["7", "007"], ["bed A", 1.5]][is_chair][is_late]
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=8, tracks=4)


@case("coco")
def boxes_in_shares_of_the_picture(folder: Path, rng: np.random.Generator) -> Right:
    """As YOLO has them: they would all lie in the first pixel."""
    file = plain(folder, rng)
    for line in file["annotations"]:
        line["bbox"] = [value / 200 for value in line["bbox"]]
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=0, refused=("shares of a picture",))


@case("coco")
def boxes_that_cvat_has_turned(folder: Path, rng: np.random.Generator) -> Right:
    """The box before it was turned, and the angle among its attributes."""
    file = plain(folder, rng)
    for line in file["annotations"]:
        x, y, w, h = line["bbox"]
        line["bbox"] = [x + (w - h) / 2, y + (h - w) / 2, h, w]
        line["attributes"] = {"occluded": False, "rotation": 90.0}
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=8, notes=("turned boxes made upright",))


@case("coco")
def a_list_that_stands_twice(folder: Path, rng: np.random.Generator) -> Right:
    """Readers of JSON take the last one."""
    text = as_json(plain(folder, rng))
    write(folder / "annotations.json", text[:-1] + ', "annotations": []}')
    return Right(boxes=0, refused=("annotations stands twice",))


@case("coco")
def two_frames_of_one_number(folder: Path, rng: np.random.Generator) -> Right:
    """Which comes first nobody can tell."""
    file = plain(folder, rng, videos=[{"id": 1, "name": "film"}])
    for k, image in enumerate(file["images"]):
        image |= {"video_id": 1, "frame_id": min(k, 2)}
    write(folder / "annotations.json", as_json(file))
    return Right(boxes=0, refused=("are both frame 2 of one video",))
