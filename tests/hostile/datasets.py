"""Datasets, recordings and detections, good but for one file."""

from __future__ import annotations

import json
from pathlib import Path

from tests.hostile.files import CVAT, Write, content, film, picture


def coco_document(names: list[str], **changes: object) -> str:
    """Return a COCO file of pictures with one box each."""
    images = [
        {"id": k, "file_name": name, "width": 64, "height": 48} for k, name in enumerate(names)
    ]
    boxes = [
        {"id": k, "image_id": k, "category_id": 1, "bbox": [1, 2, 9, 9]} for k in range(len(names))
    ]
    document = {
        "images": images,
        "annotations": boxes,
        "categories": [{"id": 1, "name": "person"}],
    }
    return json.dumps(document | changes)


def coco(root: Path, file: Write) -> None:
    """Write a good dataset, and one whose annotations are hostile."""
    for k, name in enumerate(("a", "b")):
        picture(root / name / "images/1.jpg", 90 * k)
    (root / "a/annotations.json").write_text(coco_document(["1.jpg"]))
    file(root / "b/annotations.json")


def coco_picture(root: Path, file: Write) -> None:
    """Write a dataset with a good picture and a hostile one."""
    picture(root / "images/1.jpg")
    file(root / "images/2.jpg")
    (root / "annotations.json").write_text(coco_document(["1.jpg", "2.jpg"]))


def coco_name(root: Path, name: str) -> None:
    """Write a dataset with a good picture and one whose name leads elsewhere; it lies there."""
    picture(root.parent / "secret.jpg", 200)
    picture(root / "images/1.jpg")
    (root / "annotations.json").write_text(
        coco_document(["1.jpg", name.replace("{}", str(root.parent))])
    )


def yolo(root: Path, picture_file: Write | None, label: Write | None, data: Write | None) -> None:
    """Write a dataset of two folders of pictures, one file of which is hostile."""
    for split in ("train", "val"):
        picture(root / f"images/{split}/1.jpg", 100 * (split == "val"))
        (root / f"labels/{split}").mkdir(parents=True)
        (root / f"labels/{split}/1.txt").write_text("0 .5 .5 .2 .2\n")
    if picture_file:
        picture_file(root / "images/val/2.jpg")
    if label:
        picture(root / "images/bad/3.jpg", 30)
        (root / "labels/bad").mkdir()
        label(root / "labels/bad/3.txt")
    (data or content("names: [person]\n"))(root / "data.yaml")


def mot(root: Path, truth: Write | None = None, info: Write | None = None) -> None:
    """Write two sequences, the second with a hostile file."""
    for k, name in enumerate(("a", "b")):
        picture(root / name / "img1/000001.jpg", 90 * k)
        (root / name / "gt").mkdir()
    (root / "a/gt/gt.txt").write_text("1,1,1,2,9,9,1,1,1\n")
    (truth or content("1,1,1,2,9,9,1,1,1\n"))(root / "b/gt/gt.txt")
    if info:
        info(root / "b/seqinfo.ini")


def mot_picture(root: Path, file: Write) -> None:
    """Write two sequences, the second with a hostile picture."""
    mot(root)
    (root / "b/img1/000001.jpg").unlink()
    file(root / "b/img1/000001.jpg")


def mot_folder(root: Path, name: str) -> None:
    """Write two sequences, the second with its pictures elsewhere."""
    picture(root.parent / "secret/000001.jpg", 200)
    mot(root, info=content(f"[Sequence]\nimDir={name.format(root.parent)}\n"))


def cvat(root: Path, file: Write) -> None:
    """Write two films with their XML, the second hostile."""
    film(root / "a.mp4")
    film(root / "b.mp4", shade=90)
    (root / "a.xml").write_text(CVAT)
    file(root / "b.xml")


def cvat_film(root: Path, file: Write) -> None:
    """Write two films with their XML, the second film hostile."""
    cvat(root, content(CVAT))
    (root / "b.mp4").unlink()
    file(root / "b.mp4")


def recordings(root: Path, file: Write) -> None:
    """Write a folder of recordings, one of them hostile."""
    film(root / "a.mp4")
    file(root / "b.mp4")


def detections(root: Path, file: Write) -> None:
    """Write detections of two models, those of the second hostile."""
    (root / "a.txt").write_text("1,-1,1,2,9,9,1\n2,-1,1,2,9,9,1\n")
    file(root / "b.txt")


def only(root: Path, name: str, file: Write) -> None:
    """Write one file and nothing besides."""
    file(root / name)


def datumaro_document(name: str) -> str:
    """Return a subset in datumaro's format with one picture and one box."""
    box = {"type": "bbox", "label_id": 0, "bbox": [1, 2, 9, 9]}
    item = {"id": "1", "annotations": [box], "image": {"path": name, "size": [48, 64]}}
    return json.dumps({"categories": {"label": {"labels": [{"name": "person"}]}}, "items": [item]})


def datumaro(root: Path, file: Write) -> None:
    """Write a good subset of datumaro's format, and one whose items are hostile."""
    picture(root / "images/a/1.jpg")
    (root / "annotations").mkdir()
    (root / "annotations/a.json").write_text(datumaro_document("1.jpg"))
    file(root / "annotations/b.json")


def datumaro_name(root: Path, name: str) -> None:
    """Write a good subset, and one whose picture lies elsewhere."""
    picture(root.parent / "secret.jpg", 200)
    picture(root / "images/b/2.jpg", 90)
    datumaro(root, content(datumaro_document(name.format(root.parent))))


def yolo_list(root: Path, name: str) -> None:
    """Write a dataset one picture of whose list lies elsewhere, and has its label there."""
    picture(root.parent / "images/secret.jpg", 200)
    (root.parent / "labels").mkdir()
    (root.parent / "labels/secret.txt").write_text("0 .5 .5 .2 .2\n")
    yolo(root, None, None, content("names: [person]\nval: images/val\ntrain: train.txt\n"))
    (root / "train.txt").write_text(f"images/train/1.jpg\n{name.format(root.parent)}\n")


def labelstudio(root: Path, file: Write) -> None:
    """Write a good export of Label Studio, and a hostile one."""
    picture(root / "images/1.jpg")
    value = {"x": 1, "y": 2, "width": 9, "height": 9, "rectanglelabels": ["person"]}
    regions = [{"id": "a", "type": "rectanglelabels", "value": value}]
    task = {"id": 1, "data": {"image": "images/1.jpg"}, "annotations": [{"result": regions}]}
    (root / "a.json").write_text(json.dumps([task]))
    file(root / "b.json")


def fiftyone(root: Path, file: Write) -> None:
    """Write labels of a good video, and hostile ones."""
    for k, name in enumerate(("a", "b")):
        picture(root / f"data/{name}/1.jpg", 90 * k)
    corners = {"top_left": {"x": 0.1, "y": 0.1}, "bottom_right": {"x": 0.5, "y": 0.5}}
    entry = {"label": "person", "bounding_box": corners}
    (root / "labels").mkdir()
    document = {"frames": {"1": {"objects": {"objects": [entry]}}}}
    (root / "labels/a.json").write_text(json.dumps(document))
    file(root / "labels/b.json")


def fiftyone_film(root: Path) -> None:
    """Write labels of a good video, and of one that lies elsewhere."""
    fiftyone(root, content(json.dumps({"frames": {}})))
    film(root.parent / "secret.mp4", shade=200)
    (root / "data/b.mp4").symlink_to(root.parent / "secret.mp4")
