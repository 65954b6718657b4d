"""CVAT for video 1.1, as CVAT exports tasks, jobs and projects."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np

from tests.corpus.labels_kit import COLOURS, HEIGHT, WIDTH, Box, Right, Scene, case, save, write

COUNT = 6
FRAME = "frame_{:06d}.png"


def task(size: int, number: int = 1, name: str = "t", **entries: object) -> str:
    """Return the description of a task."""
    more = "".join(f"<{key}>{value}</{key}>\n" for key, value in entries.items())
    return f"<task><id>{number}</id><name>{name}</name><size>{size}</size>\n{more}</task>"


def box(frame: int, sides: Box, outside: int = 0, keyframe: int = 1, rotation: float = 0) -> str:
    """Return one box."""
    names = zip(("xtl", "ytl", "xbr", "ybr"), sides, strict=True)
    position = " ".join(f'{name}="{side:.2f}"' for name, side in names)
    turn = f' rotation="{rotation:.2f}"' if rotation else ""
    flags = f'outside="{outside}" occluded="0" keyframe="{keyframe}"'
    return f'<box frame="{frame}" {flags} {position}{turn} z_order="0">\n</box>\n'


def track(number: int, label: str, boxes: str, task_id: int = 0) -> str:
    """Return one track."""
    of_task = f' task_id="{task_id}" subset="default"' if task_id else ""
    head = f'<track id="{number}" label="{label}" source="manual"{of_task}>\n'
    return f"{head}{boxes}</track>\n"


def document(meta: str, tracks: str) -> str:
    """Return a file."""
    head = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
    return f"{head}<meta>{meta}</meta>\n{tracks}</annotations>\n"


def both_tracks(scene: Scene, task_id: int = 0, first: int = 0, step: int = 1) -> str:
    """Return the tracks of a scene, each frame a key frame."""
    rows = {"person": scene.persons, "chair": scene.chairs}
    return "".join(
        track(
            number, name,
            "".join(box(first + step * k, sides) for k, sides in enumerate(boxes)), task_id,
        )
        for number, (name, boxes) in enumerate(rows.items())
    )  # fmt: skip


@case("cvat")
def every_frame_a_key_frame(folder: Path, rng: np.random.Generator) -> Right:
    """Nothing odd."""
    scene = Scene.random(rng, COUNT)
    scene.save(folder / "images", FRAME, 0)
    write(folder / "annotations.xml", document(task(COUNT), both_tracks(scene)))
    return Right(boxes=12, tracks=2, pictures=6)


@case("cvat")
def key_frames_only(folder: Path, rng: np.random.Generator) -> Right:
    """Boxes go in a line to the next key frame, and hold until the end or an outside box."""
    scene = Scene.random(rng, 9)
    scene.chairs[6:] = [scene.chairs[6]] * 3
    persons = list(scene.persons)
    persons[4:7] = [persons[4]] * 3
    scene.persons[:] = persons
    for k in (7, 8):  # gone
        scene.persons[k] = (0, 0, 0, 0)
    scene.save(folder / "images", FRAME, 0)
    tracks = track(
        0, "person", box(0, persons[0]) + box(4, persons[4]) + box(7, persons[6], outside=1)
    )
    tracks += track(1, "chair", box(0, scene.chairs[0]) + box(6, scene.chairs[6]))
    write(folder / "annotations.xml", document(task(9), tracks))
    return Right(boxes=16, tracks=2, pictures=9)


@case("cvat")
def a_single_key_frame(folder: Path, rng: np.random.Generator) -> Right:
    """It holds to the end of the task."""
    scene = Scene.random(rng, COUNT)
    scene.persons[:] = [(0, 0, 0, 0)] * 2 + [scene.persons[2]] * 4
    scene.chairs[:] = [scene.chairs[0]] * COUNT
    scene.save(folder / "images", FRAME, 0)
    tracks = track(0, "person", box(2, scene.persons[2])) + track(
        1, "chair", box(0, scene.chairs[0])
    )
    write(folder / "annotations.xml", document(task(COUNT), tracks))
    return Right(boxes=10, tracks=2)


def turned(rng: np.random.Generator, angles: list[float]) -> tuple[Box, list[np.ndarray]]:
    """Return an upright box, and pictures in which it is turned around its centre."""
    w, h = int(rng.integers(20, 30)), int(rng.integers(40, 60))
    x, y = 60, 30
    images = []
    for angle in angles:
        image = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
        points = cv2.boxPoints(((x + w / 2, y + h / 2), (w, h), angle))
        cv2.fillPoly(image, [np.round(points).astype(np.int32)], COLOURS["person"])
        images.append(image)
    return (x, y, x + w, y + h), images


@case("cvat")
def turned_boxes(folder: Path, rng: np.random.Generator) -> Right:
    """The smallest upright box around each, with a note."""
    angles = [float(angle) for angle in rng.integers(20, 340, 4)]
    sides, images = turned(rng, angles)
    for k, image in enumerate(images):
        save(folder / "images" / FRAME.format(k), image)
    boxes = "".join(box(k, sides, rotation=angle) for k, angle in enumerate(angles))
    write(folder / "annotations.xml", document(task(4), track(0, "person", boxes)))
    return Right(boxes=4, tracks=1, notes=("turned boxes made upright",))


@case("cvat")
def turned_boxes_between_key_frames(folder: Path, rng: np.random.Generator) -> Right:
    """The angle goes the shorter way: from 350 to 10 degrees through 0."""
    sides, images = turned(rng, [350, 0, 10])
    for k, image in enumerate(images):
        save(folder / "images" / FRAME.format(k), image)
    boxes = box(0, sides, rotation=350) + box(2, sides, rotation=10)
    write(folder / "annotations.xml", document(task(3), track(0, "person", boxes)))
    return Right(boxes=3, tracks=1, notes=("turned boxes made upright",))


def project(folder: Path, rng: np.random.Generator, places: str) -> None:
    """Write the export of a project with two tasks."""
    scenes = [Scene.random(rng, COUNT), Scene.random(rng, COUNT - 2)]
    tasks, tracks = "", ""
    for k, scene in enumerate(scenes):
        scene.save(folder / "images" / places.format(k), FRAME, 0)
        tasks += task(scene.frames, 11 + k, f"eye{k}", source=f"eye{k}.mp4")
        tracks += both_tracks(scene, 11 + k)
    meta = f"<project><id>3</id><name>p</name><tasks>{tasks}</tasks></project>"
    write(folder / "annotations.xml", document(meta, tracks))


@case("cvat")
def project_of_two_tasks(folder: Path, rng: np.random.Generator) -> Right:
    """Whose pictures are which cannot be told: one line."""
    project(folder, rng, "")
    return Right(boxes=0, refused=("holds 2 tasks (eye0, eye1)",))


@case("cvat")
def project_of_two_tasks_with_folders(folder: Path, rng: np.random.Generator) -> Right:
    """A clip for each task."""
    project(folder, rng, "eye{}")
    return Right(boxes=20, tracks=4, pictures=10)


@case("cvat")
def two_tracks_with_one_id(folder: Path, rng: np.random.Generator) -> Right:
    """Two elements are two tracks."""
    scene = Scene.random(rng, COUNT)
    scene.chairs[:] = [(0, 0, 0, 0)] * COUNT
    scene.save(folder / "images", FRAME, 0)
    boxes = [box(k, sides) for k, sides in enumerate(scene.persons)]
    first = "".join(boxes[:3]) + box(3, scene.persons[2], outside=1)
    tracks = track(0, "person", first) + track(0, "person", "".join(boxes[3:]))
    write(folder / "annotations.xml", document(task(COUNT), tracks))
    return Right(boxes=6, tracks=2, notes=("with the id of another one",))


def by_letters(folder: Path, rng: np.random.Generator) -> None:
    """Write pictures that CVAT took in the order of letters: 1, 10, 11, 2 …"""
    scene = Scene.random(rng, 12)
    for k, name in enumerate(sorted(f"{n}.jpg" for n in range(1, 13))):
        save(folder / "images" / name, scene.image(k))
    write(folder / "annotations.xml", document(task(12), both_tracks(scene)))


@case("cvat")
def pictures_in_order_of_letters(folder: Path, rng: np.random.Generator) -> Right:
    """The file does not say: it is asked."""
    by_letters(folder, rng)
    return Right(boxes=0, refused=("10.jpg may stand before or after 2.jpg",))


@case("cvat")
def pictures_in_order_of_letters_answered(folder: Path, rng: np.random.Generator) -> Right:
    """The same, answered."""
    by_letters(folder, rng)
    return Right(boxes=24, tracks=2, answers=("order=letters",))


@case("cvat")
def every_fifth_frame(folder: Path, rng: np.random.Generator) -> Right:
    """Names of pictures have the numbers in the video; an end may lie beyond the last."""
    scene = Scene.random(rng, 4)
    for k in range(4):
        save(folder / "images" / FRAME.format(100 + 5 * k), scene.image(k))
    tracks = both_tracks(scene, first=100, step=5)
    tracks = tracks.replace("</track>", box(120, scene.persons[3], outside=1) + "</track>")
    meta = task(4, start_frame=100, stop_frame=115, frame_filter="step=5")
    write(folder / "annotations.xml", document(meta, tracks))
    return Right(boxes=8, tracks=2, pictures=4)


@case("cvat")
def job_whose_pictures_have_names_of_their_own(folder: Path, rng: np.random.Generator) -> Right:
    """Frames count from the start of the job."""
    scene = Scene.random(rng, COUNT)
    scene.save(folder / "images", "ward_{}.jpg", 1)
    meta = task(COUNT, start_frame=50, stop_frame=55).replace("task>", "job>")
    write(folder / "annotations.xml", document(meta, both_tracks(scene, first=50)))
    return Right(boxes=12, tracks=2, pictures=6)


def deleted(folder: Path, rng: np.random.Generator) -> None:
    """Write a task with a picture less than it has frames."""
    scene = Scene.random(rng, COUNT)
    scene.save(folder / "images", FRAME, 0)
    (folder / "images" / FRAME.format(2)).unlink()
    tracks = track(0, "person", box(0, scene.persons[0]) + box(5, scene.persons[5]))
    tracks += track(1, "chair", box(0, scene.chairs[0]) + box(5, scene.chairs[5]))
    write(folder / "annotations.xml", document(task(COUNT), tracks))


@case("cvat")
def a_picture_is_missing(folder: Path, rng: np.random.Generator) -> Right:
    """It is asked."""
    deleted(folder, rng)
    return Right(boxes=0, refused=("5 pictures of 6 frames are there",))


@case("cvat")
def a_picture_was_deleted_in_cvat(folder: Path, rng: np.random.Generator) -> Right:
    """The user says so: the others keep their boxes."""
    deleted(folder, rng)
    return Right(
        boxes=10, tracks=2, pictures=5, answers=("unmatched=drop",),
        notes=("frames without a picture",),
    )  # fmt: skip


def pack(folder: Path, target: Path) -> None:
    """Make a zip archive of a folder, and remove the folder's files."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))


@case("cvat")
def zip_archive(folder: Path, rng: np.random.Generator) -> Right:
    """CVAT's own download."""
    every_fifth_frame(folder / "content", rng)
    pack(folder / "content", folder / "task.zip")
    return Right(boxes=8, tracks=2, path="task.zip")


@case("cvat")
def folder_that_holds_a_zip_archive(folder: Path, rng: np.random.Generator) -> Right:
    """The folder of downloads was named."""
    every_fifth_frame(folder / "content", rng)
    pack(folder / "content", folder / "downloads/task.zip")
    return Right(boxes=8, tracks=2, path="downloads")


@case("cvat")
def zip_bomb(folder: Path, rng: np.random.Generator) -> Right:
    """It unpacks to a thousand times its size."""
    write(folder / "content/annotations.xml", bytes(20 << 20))
    write(folder / "content/images.png", bytes(20 << 20))
    pack(folder / "content", folder / "task.zip")
    return Right(boxes=0, refused=("unpacks to 41,943,040 bytes",), path="task.zip")


@case("cvat")
def zip_that_leads_out(folder: Path, rng: np.random.Generator) -> Right:
    """A name in it lies above."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "task.zip", "w") as archive:
        archive.writestr("../annotations.xml", document(task(1), ""))
    return Right(boxes=0, refused=("may lead out of it",), path="task.zip")


@case("cvat")
def zip_with_a_file_where_a_folder_is(folder: Path, rng: np.random.Generator) -> Right:
    """Nothing can be called so beside the pictures."""
    folder.mkdir()
    archive = folder / "task.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("images/frame_000000.jpg", b"")
        content.writestr("images", b"")
    return Right(boxes=0, path="task.zip", refused=("no file here can be called so",))


@case("cvat")
def zip_that_is_cut_off(folder: Path, rng: np.random.Generator) -> Right:
    """A download that ended early."""
    every_fifth_frame(folder / "content", rng)
    pack(folder / "content", folder / "whole.zip")
    write(folder / "task.zip", (folder / "whole.zip").read_bytes()[:2000])
    return Right(boxes=0, refused=("cannot be unpacked",), path="task.zip")


@case("cvat")
def zip_made_on_a_mac(folder: Path, rng: np.random.Generator) -> Right:
    """It holds a twin of each file, which is none."""
    every_fifth_frame(folder / "content", rng)
    write(folder / "content/__MACOSX/._annotations.xml", b"\0\5\x16\7")
    write(folder / "content/__MACOSX/images/._frame_000100.png", b"\0\5\x16\7")
    pack(folder / "content", folder / "task.zip")
    return Right(boxes=8, tracks=2, path="task.zip")


@case("cvat")
def a_track_of_no_task(folder: Path, rng: np.random.Generator) -> Right:
    """Which of two tasks it belongs to cannot be told."""
    project(folder, rng, "eye{}")
    text = (folder / "annotations.xml").read_text()
    write(folder / "annotations.xml", text.replace(' task_id="12"', "", 1))
    return Right(boxes=0, refused=("a track without a task_id",))


@case("cvat")
def pictures_of_another_size(folder: Path, rng: np.random.Generator) -> Right:
    """They were scaled after they were labelled."""
    scene = Scene.random(rng, COUNT)
    scene.save(folder / "images", FRAME, 0)
    size = "<width>320</width><height>240</height>"
    write(folder / "annotations.xml", document(task(COUNT, original_size=size), both_tracks(scene)))
    return Right(boxes=0, refused=("has 160x120 px, not 320x240",))
