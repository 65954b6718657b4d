"""YOLO datasets as other tools write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.corpus.labels_kit import HEIGHT, WIDTH, Box, Right, Scene, as_json, case, save, write

COUNT = 4
NAMES = "names: [person, chair]\n"


def line(number: int, box: Box, tail: str = "") -> str:
    """Return one line."""
    x1, y1, x2, y2 = box[0] / WIDTH, box[1] / HEIGHT, box[2] / WIDTH, box[3] / HEIGHT
    return f"{number} {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}{tail}\n"


def labels(scene: Scene, frame: int, numbers: str = "01", tails: tuple[str, str] = ("", "")) -> str:
    """Return the label file of a frame."""
    boxes = [box for _, box in scene.boxes(frame)]
    return "".join(
        line(int(n), box, tail) for n, box, tail in zip(numbers, boxes, tails, strict=True)
    )


def folders(
    root: Path, rng: np.random.Generator, images: str = "images", texts: str = "labels", *,
    numbers: str = "01", count: int = COUNT, tails: tuple[str, str] = ("", ""), name: str = "{}",
) -> Scene:  # fmt: skip
    """Write pictures and labels into two folders."""
    scene = Scene.random(rng, count)
    scene.save(root / images, f"{name}.jpg")
    for k in range(count):
        text = labels(scene, k, numbers, tails)
        write(root / texts / f"{name.format(k + 1)}.txt", text)
    return scene


@case("yolo")
def classes_txt(folder: Path, rng: np.random.Generator) -> Right:
    """LabelImg's list, in another order than the setting."""
    folders(folder, rng, numbers="10")
    write(folder / "classes.txt", "chair\r\nperson\r\n")
    return Right(boxes=8, pictures=4)


@case("yolo")
def classes_txt_among_the_labels(folder: Path, rng: np.random.Generator) -> Right:
    """LabelImg writes it there; it is no label file, and may have a byte order mark."""
    folders(folder, rng, numbers="10")
    write(folder / "labels/classes.txt", b"\xef\xbb\xbfchair\nperson\n\n")
    return Right(boxes=8, pictures=4)


@case("yolo")
def notes_json(folder: Path, rng: np.random.Generator) -> Right:
    """Label Studio's list alone."""
    folders(folder, rng, numbers="10")
    names = [{"id": 0, "name": "chair"}, {"id": 1, "name": "person"}]
    write(folder / "notes.json", as_json({"categories": names}))
    return Right(boxes=8, pictures=4)


@case("yolo")
def a_yaml_of_another_name(folder: Path, rng: np.random.Generator) -> Right:
    """The one file that describes the dataset."""
    folders(folder, rng, numbers="10")
    write(folder / "wards.yml", "names:\n  0: chair\n  1: person\n")
    return Right(boxes=8, pictures=4)


@case("yolo")
def no_names_at_all(folder: Path, rng: np.random.Generator) -> Right:
    """The setting is no list of this dataset."""
    folders(folder, rng)
    return Right(boxes=0, refused=("no classes.txt tells what they are",))


@case("yolo")
def no_names_at_all_answered(folder: Path, rng: np.random.Generator) -> Right:
    """The user says that it is."""
    folders(folder, rng)
    return Right(boxes=8, pictures=4, answers=("names=settings",))


@case("yolo")
def two_lists_that_differ(folder: Path, rng: np.random.Generator) -> Right:
    """data.yaml says one thing, classes.txt another."""
    folders(folder, rng)
    write(folder / "data.yaml", NAMES)
    write(folder / "classes.txt", "chair\nperson\n")
    return Right(boxes=0, refused=("name the classes differently",))


@case("yolo")
def a_class_beyond_the_list(folder: Path, rng: np.random.Generator) -> Right:
    """Class 7 of two names."""
    folders(folder, rng, numbers="07")
    write(folder / "data.yaml", NAMES)
    return Right(boxes=0, refused=("class 7 has no name",))


@case("yolo")
def fewer_names_than_nc(folder: Path, rng: np.random.Generator) -> Right:
    """A list that lost a name may be shifted."""
    folders(folder, rng)
    write(folder / "data.yaml", f"nc: 3\n{NAMES}")
    return Right(boxes=0, refused=("nc is 3, and there are 2 names",))


@case("yolo")
def track_ids_in_column_six(folder: Path, rng: np.random.Generator) -> Right:
    """Ultralytics' tracking, one video a name."""
    folders(folder, rng, tails=(" 1", " 2"), name="ward_{}")
    folders(folder, rng, tails=(" 1", " 2"), name="hall_{}")
    write(folder / "data.yaml", NAMES)
    return Right(boxes=16, tracks=4, pictures=8)


@case("yolo")
def scores_and_track_ids(folder: Path, rng: np.random.Generator) -> Right:
    """Seven columns: Ultralytics' tracking with scores."""
    folders(folder, rng, tails=(" 0.5 3", " 0.75 9"))
    write(folder / "data.yaml", NAMES)
    return Right(boxes=8, tracks=2, pictures=4)


@case("yolo")
def scores_in_column_six(folder: Path, rng: np.random.Generator) -> Right:
    """Ultralytics' predictions."""
    folders(folder, rng, tails=(" 1", " 0.75"))
    write(folder / "data.yaml", NAMES)
    return Right(boxes=8, pictures=4)


@case("yolo")
def scores_above_1(folder: Path, rng: np.random.Generator) -> Right:
    """Neither ids nor scores."""
    folders(folder, rng, tails=(" 87.5", " 93"))
    write(folder / "data.yaml", NAMES)
    return Right(boxes=0, refused=("score 87.5",))


@case("yolo")
def only_ones_in_column_six(folder: Path, rng: np.random.Generator) -> Right:
    """Certain, or the first track: it is asked."""
    folders(folder, rng, tails=(" 1", " 1"))
    write(folder / "data.yaml", NAMES)
    return Right(boxes=0, refused=("sixth column of labels holds whole numbers",))


@case("yolo")
def only_ones_in_column_six_answered(folder: Path, rng: np.random.Generator) -> Right:
    """The same, answered."""
    folders(folder, rng, tails=(" 1", " 1"))
    write(folder / "data.yaml", NAMES)
    return Right(boxes=8, pictures=4, answers=("sixth=score",))


@case("yolo")
def lists_of_pictures(folder: Path, rng: np.random.Generator) -> Right:
    """Train and val as lists; one is relative to its own folder."""
    folders(folder, rng)
    write(folder / "lists/train.txt", "images/1.jpg\nimages/2.jpg\nimages/3.jpg\n")
    write(folder / "lists/val.txt", "./../images/4.jpg\n")
    write(folder / "data.yaml", f"path: .\ntrain: lists/train.txt\nval: lists/val.txt\n{NAMES}")
    return Right(boxes=8, splits={"train": 3, "test": 1})


@case("yolo")
def several_folders_of_other_names(folder: Path, rng: np.random.Generator) -> Right:
    """Val as a list of folders whose names say nothing."""
    for name in ("north", "south", "west"):
        folders(folder, rng, f"{name}/images", f"{name}/labels", count=2)
    write(folder / "data.yaml", f"train: north\nval: [south/images, west/images]\n{NAMES}")
    return Right(boxes=12, splits={"train": 2, "test": 4})


@case("yolo")
def folders_as_roboflow_names_them(folder: Path, rng: np.random.Generator) -> Right:
    """One folder up too far, as Ultralytics reads it."""
    for name in ("train", "valid"):
        folders(folder, rng, f"{name}/images", f"{name}/labels", count=2)
    write(folder / "data.yaml", f"train: ../train/images\nval: ../valid/images\nnc: 2\n{NAMES}")
    return Right(boxes=8, splits={"train": 2, "test": 2})


@case("yolo")
def path_of_another_machine(folder: Path, rng: np.random.Generator) -> Right:
    """The folder of the file stands for it, and it is said."""
    folders(folder, rng)
    write(folder / "data.yaml", f"path: /content/wards\ntrain: images\nval: images\n{NAMES}")
    return Right(boxes=8, splits={"train": 4}, notes=("not on this machine", "kept in training"))


@case("yolo")
def path_names_one_of_two_datasets(folder: Path, rng: np.random.Generator) -> Right:
    """The other one has other names, and is left out."""
    for name in ("wards", "other"):
        folders(folder / name, rng, "images/train", "labels/train")
    write(folder / "other/data.yaml", "path: .\ntrain: images/train\nnames: [chair, person]\n")
    write(folder / "data.yaml", f"path: wards\ntrain: images/train\nval: images/train\n{NAMES}")
    return Right(boxes=8, pictures=4, notes=("pictures that no set of data.yaml names left out",))


@case("yolo")
def two_datasets_beside_each_other(folder: Path, rng: np.random.Generator) -> Right:
    """Which one is asked."""
    for name in ("wards", "other"):
        folders(folder / name, rng)
        write(folder / name / "data.yaml", NAMES)
    return Right(boxes=0, refused=("holds several datasets",))


@case("yolo")
def a_dataset_one_folder_down(folder: Path, rng: np.random.Generator) -> Right:
    """As archives hold it."""
    folders(folder / "wards", rng, "images/val", "labels/val")
    write(folder / "wards/data.yaml", f"train: images/train\nval: images/val\n{NAMES}")
    return Right(boxes=8, splits={"test": 4}, notes=("images/train is not there",))


@case("yolo")
def a_set_that_is_not_there(folder: Path, rng: np.random.Generator) -> Right:
    """Its pictures lie elsewhere: it is said, and the others go in."""
    folders(folder, rng, "images/train", "labels/train")
    folders(folder, rng, "images/valid", "labels/valid")
    write(folder / "data.yaml", f"train: images/train\nval: images/val\n{NAMES}")
    return Right(boxes=8, splits={"train": 4}, refused=("images/val is not there",))


def linked(folder: Path, rng: np.random.Generator) -> None:
    """Write a dataset whose pictures for testing lie outside, behind a link."""
    folders(folder / "set", rng, "images/train", "labels/train")
    folders(folder, rng, "store", "set/labels/val")
    (folder / "set/images/val").symlink_to("../../store")
    write(folder / "set/data.yaml", f"train: images/train\nval: images/val\n{NAMES}")


@case("yolo")
def a_link_out_of_the_dataset(folder: Path, rng: np.random.Generator) -> Right:
    """It is not followed without a word from the user."""
    linked(folder, rng)
    return Right(boxes=8, splits={"train": 4}, refused=("images/val leads out of",), path="set")


@case("yolo")
def a_link_out_of_the_dataset_followed(folder: Path, rng: np.random.Generator) -> Right:
    """The same, answered."""
    linked(folder, rng)
    return Right(boxes=16, splits={"train": 4, "test": 4}, path="set", answers=("links=follow",))


def half_labelled(folder: Path, rng: np.random.Generator) -> None:
    """Write pictures, one without a label file, and a label file without a picture."""
    folders(folder, rng)
    write(folder / "data.yaml", NAMES)
    save(folder / "images/9.jpg", np.full((HEIGHT, WIDTH, 3), 30, np.uint8))
    write(folder / "labels/9_jpg.txt", "0 .5 .5 .2 .2\n")


@case("yolo")
def pictures_and_labels_without_partner(folder: Path, rng: np.random.Generator) -> Right:
    """The picture does not go in as one without objects."""
    half_labelled(folder, rng)
    return Right(
        boxes=8, pictures=4, notes=("label files without a picture",),
        refused=("1 pictures have no label file",),
    )  # fmt: skip


@case("yolo")
def pictures_without_label_answered(folder: Path, rng: np.random.Generator) -> Right:
    """The user says that it shows no object."""
    half_labelled(folder, rng)
    return Right(
        boxes=8, pictures=5, notes=("label files without a picture",),
        answers=("unlabelled=empty",),
    )  # fmt: skip


@case("yolo")
def two_pictures_of_one_label_file(folder: Path, rng: np.random.Generator) -> Right:
    """Which of them shows the boxes nobody knows: both are named, the others go in."""
    folders(folder, rng)
    write(folder / "data.yaml", NAMES)
    save(folder / "images/3.png", np.full((HEIGHT, WIDTH, 3), 30, np.uint8))
    return Right(boxes=6, pictures=3, refused=("have one label file, 3.txt",))


@case("yolo")
def corners_of_polygons(folder: Path, rng: np.random.Generator) -> Right:
    """Segments, or boxes that are turned: the upright box around them, with a note."""
    scene = folders(folder, rng)
    for k in range(COUNT):
        corners = []
        for n, (_, (x1, y1, x2, y2)) in enumerate(scene.boxes(k)):
            points = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
            cells = [f"{x / WIDTH:.6f} {y / HEIGHT:.6f}" for x, y in points]
            corners.append(f"{n} {' '.join(cells)}\n")
        write(folder / f"labels/{k + 1}.txt", "".join(corners))
    write(folder / "data.yaml", NAMES)
    return Right(boxes=8, pictures=4, notes=("polygons and turned boxes",))


@case("yolo")
def labels_beside_the_pictures(folder: Path, rng: np.random.Generator) -> Right:
    """Darknet's layout, as CVAT exports it: obj.data, obj.names and lists."""
    folders(folder, rng, "obj_train_data", "obj_train_data", numbers="10")
    write(folder / "obj.names", "chair\nperson\n")
    write(folder / "obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n")
    names = [f"data/obj_train_data/{k + 1}.jpg\n" for k in range(COUNT)]
    write(folder / "train.txt", "".join(names))
    return Right(boxes=8, splits={"train": 4})


@case("yolo")
def other_yaml_files_beside(folder: Path, rng: np.random.Generator) -> Right:
    """Settings of a training, and one that is no YAML."""
    folders(folder, rng)
    write(folder / "wards.yaml", NAMES)
    write(folder / "hyp.yaml", "lr0: 0.01\n")
    write(folder / "compose.yml", "a: &x 1\nb: *x\nc: [\n")
    return Right(boxes=8, pictures=4)


@case("yolo")
def key_points_behind_the_boxes(folder: Path, rng: np.random.Generator) -> Right:
    """The yaml says how many; they are no corners of polygons."""
    folders(folder, rng, tails=(" 0.9 0.9 2 0.1 0.1 1",) * 2)
    write(folder / "data.yaml", NAMES + "kpt_shape: [2, 3]\n")
    return Right(boxes=8, pictures=4, notes=("key points left out",))


@case("yolo")
def key_points_that_nothing_tells_of(folder: Path, rng: np.random.Generator) -> Right:
    """Two points that are seen: a 2 is no share of a picture."""
    folders(folder, rng, tails=(" 0.9 0.9 2 0.1 0.1 2",) * 2)
    write(folder / "data.yaml", NAMES)
    return Right(boxes=0, refused=("corners beyond the picture",))


@case("yolo")
def lines_that_stand_twice(folder: Path, rng: np.random.Generator) -> Right:
    """Ultralytics takes them once."""
    scene = folders(folder, rng)
    for k in range(COUNT):
        write(folder / f"labels/{k + 1}.txt", labels(scene, k) * 2)
    write(folder / "data.yaml", NAMES)
    return Right(boxes=8, pictures=4, notes=("lines that stand twice taken once",))


@case("yolo")
def names_that_yaml_takes_for_truth_values(folder: Path, rng: np.random.Generator) -> Right:
    """The class `no` becomes false."""
    folders(folder, rng)
    write(folder / "data.yaml", "names: [no, chair]\n")
    return Right(boxes=0, refused=("quote them",))
