"""MOTChallenge sequences as other tools write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.corpus.labels_kit import Box, Right, Scene, case, save, write

COUNT = 6
INFO = "[Sequence]\nname=s\nimDir=img1\nframeRate=10\nimWidth=160\nimHeight=120\nimExt=.jpg\n"
LABELS = "person\nchair\n"


def truth(scene: Scene, first: int = 1, tail: str = "1,{},1", classes: str = "12") -> str:
    """Return gt.txt of a scene; frames count from `first`."""
    lines = []
    for k in range(scene.frames):
        for track, (_, box) in enumerate(scene.boxes(k)):
            lines.append(line(first + k, track + 1, box, tail.format(classes[track])))
    return "".join(lines)


def line(frame: int, track: int, box: Box, tail: str) -> str:
    """Return one line."""
    x1, y1, x2, y2 = box
    return f"{frame},{track},{x1},{y1},{x2 - x1},{y2 - y1},{tail}\n"


def sequence(
    folder: Path, rng: np.random.Generator, *, info: str | bytes = INFO, labels: str = LABELS,
    first: int = 1, tail: str = "1,{},1", classes: str = "12",
) -> Scene:  # fmt: skip
    """Write one sequence."""
    scene = Scene.random(rng, COUNT)
    scene.save(folder / "s/img1", first=first)
    write(folder / "s/gt/gt.txt", truth(scene, first, tail, classes))
    if info:
        write(folder / "s/seqinfo.ini", info)
    if labels:
        write(folder / "s/gt/labels.txt", labels)
    return scene


@case("mot")
def labels_txt_beside_gt(folder: Path, rng: np.random.Generator) -> Right:
    """CVAT's list of names, in another order than the setting."""
    sequence(folder, rng, labels="chair\nperson\n", classes="21")
    return Right(boxes=12, tracks=2, pictures=6, fps=10)


@case("mot")
def class_numbers_without_names(folder: Path, rng: np.random.Generator) -> Right:
    """Two classes, and nobody says which."""
    sequence(folder, rng, labels="")
    return Right(boxes=0, refused=("neither gt/labels.txt nor classes=",))


@case("mot")
def class_numbers_answered(folder: Path, rng: np.random.Generator) -> Right:
    """The user names them."""
    sequence(folder, rng, labels="", classes="21")
    return Right(boxes=12, tracks=2, answers=("names=chair,person",))


@case("mot")
def two_lists_that_differ(folder: Path, rng: np.random.Generator) -> Right:
    """labels.txt says one thing, seqinfo.ini another."""
    sequence(folder, rng, info=f"{INFO}classes=chair,person\n")
    return Right(boxes=0, refused=("name the classes differently",))


@case("mot")
def a_class_beyond_the_list(folder: Path, rng: np.random.Generator) -> Right:
    """Class 9 of two names."""
    sequence(folder, rng, classes="19")
    return Right(boxes=0, refused=("class 9 has no name",))


@case("mot")
def seqinfo_in_small_letters(folder: Path, rng: np.random.Generator) -> Right:
    """As TrackEval and motmetrics read it."""
    sequence(folder, rng, info=INFO.lower().replace("[sequence]", "[Sequence]"))
    return Right(boxes=12, tracks=2, fps=10)


@case("mot")
def seqinfo_in_capitals(folder: Path, rng: np.random.Generator) -> Right:
    """Written by a script for Windows."""
    sequence(folder, rng, info=INFO.upper().replace("IMG1", "img1").replace("\n", "\r\n"))
    return Right(boxes=12, tracks=2, fps=10)


@case("mot")
def seqinfo_with_a_byte_order_mark(folder: Path, rng: np.random.Generator) -> Right:
    """Three bytes of Windows before the text."""
    sequence(folder, rng, info=b"\xef\xbb\xbf" + INFO.replace("=", " = ").encode())
    return Right(boxes=12, tracks=2, fps=10)


@case("mot")
def seqinfo_that_is_broken(folder: Path, rng: np.random.Generator) -> Right:
    """It is not taken for one that is missing."""
    sequence(folder, rng, info=INFO.replace("[Sequence]\n", ""))
    return Right(boxes=0, refused=("seqinfo.ini cannot be read",))


@case("mot")
def a_rate_that_is_no_number(folder: Path, rng: np.random.Generator) -> Right:
    """It is not taken for one that is missing."""
    sequence(folder, rng, info=INFO.replace("frameRate=10", "frameRate=10 fps"))
    return Right(boxes=0, refused=("frameRate=10 fps cannot be",))


@case("mot")
def pictures_numbered_from_n(folder: Path, rng: np.random.Generator) -> Right:
    """Frames have the numbers of the pictures."""
    sequence(folder, rng, first=int(rng.integers(3, 9)))
    return Right(boxes=12, tracks=2, pictures=6)


@case("mot")
def pictures_numbered_from_0(folder: Path, rng: np.random.Generator) -> Right:
    """Frames are numbered from 0 too, which MOTChallenge never does: names decide."""
    sequence(folder, rng, first=0)
    return Right(boxes=12, tracks=2, pictures=6)


def from_0_and_1(folder: Path, rng: np.random.Generator, frames: int) -> None:
    """Write pictures numbered from 0, frames from 1, of which the last ones have no box."""
    scene = sequence(folder, rng, first=0)
    text = "".join(
        line(k + 1, t + 1, box, f"1,{t + 1},1")
        for k in range(frames)
        for t, (_, box) in enumerate(scene.boxes(k))
    )
    write(folder / "s/gt/gt.txt", text)


@case("mot")
def pictures_from_0_and_frames_from_1(folder: Path, rng: np.random.Generator) -> Right:
    """The last frame has no picture of its name: places decide."""
    from_0_and_1(folder, rng, COUNT)
    return Right(boxes=12, tracks=2)


@case("mot")
def pictures_from_0_and_frames_within(folder: Path, rng: np.random.Generator) -> Right:
    """Both could be: it is asked."""
    from_0_and_1(folder, rng, COUNT - 1)
    return Right(boxes=0, refused=("pictures are numbered from 0, frames from 1",))


@case("mot")
def pictures_from_0_and_frames_within_answered(folder: Path, rng: np.random.Generator) -> Right:
    """The same, answered."""
    from_0_and_1(folder, rng, COUNT - 1)
    return Right(boxes=10, tracks=2, bare=2, answers=("frames=positions",))


@case("mot")
def frames_that_no_picture_has(folder: Path, rng: np.random.Generator) -> Right:
    """A part of a sequence, with the labels of another part."""
    scene = sequence(folder, rng, first=20)
    write(folder / "s/gt/gt.txt", truth(scene, 40))
    return Right(boxes=0, refused=("frame 40 is beyond the last frame, 25",))


@case("mot")
def ten_columns_of_visdrone(folder: Path, rng: np.random.Generator) -> Right:
    """A class, truncation and occlusion, where MOTChallenge has a place in the world."""
    sequence(folder, rng, tail="1,{},0,0", labels="", classes="14")
    return Right(boxes=0, refused=("has ten columns",))


@case("mot")
def ten_columns_of_visdrone_answered(folder: Path, rng: np.random.Generator) -> Right:
    """The user says so, and what the numbers are."""
    sequence(folder, rng, tail="1,{},0,1", labels="", classes="14")
    return Right(
        boxes=12, tracks=2, answers=("columns=visdrone", "names=ignore,person,people,bike,chair")
    )


@case("mot")
def ten_columns_of_2015(folder: Path, rng: np.random.Generator) -> Right:
    """No class: all are persons, as MOTChallenge says."""
    scene = sequence(folder, rng, labels="")
    text = "".join(
        line(k + 1, 1, scene.persons[k], "1,-4.5,7.25,0" if k % 2 else "1,-1,-1,-1")
        for k in range(COUNT)
    )
    write(folder / "s/gt/gt.txt", text)
    return Right(boxes=6, tracks=1, bare=6)


@case("mot")
def conf_above_1(folder: Path, rng: np.random.Generator) -> Right:
    """A track id or percent in the column of the flag."""
    sequence(folder, rng, tail="87,{},1")
    return Right(boxes=0, refused=("conf 87 is neither",))


@case("mot")
def another_size_than_the_pictures(folder: Path, rng: np.random.Generator) -> Right:
    """Boxes of a scaled sequence."""
    sequence(folder, rng, info=INFO.replace("160", "1920").replace("120", "1080"))
    return Right(boxes=0, refused=("has 160x120 px, not 1920x1080",))


@case("mot")
def a_sequence_without_truth(folder: Path, rng: np.random.Generator) -> Right:
    """It is named; the others go in."""
    sequence(folder, rng)
    write(folder / "t/seqinfo.ini", INFO)
    return Right(boxes=12, tracks=2, refused=("without gt/gt.txt",))


@case("mot")
def nine_columns_of_uavdt(folder: Path, rng: np.random.Generator) -> Right:
    """Out of view, occlusion and class, where MOTChallenge has a flag, class and visibility."""
    sequence(folder, rng, tail="1,{},3")
    return Right(boxes=0, refused=("visibility 3 in column 9",))


@case("mot")
def two_pictures_of_one_number(folder: Path, rng: np.random.Generator) -> Right:
    """000003.jpg and 3.jpg."""
    scene = sequence(folder, rng)
    save(folder / "s/img1/3.jpg", scene.image(3))
    return Right(boxes=0, refused=("7 pictures have 6 numbers",))


@case("mot")
def pictures_whose_numbers_stand_in_front(folder: Path, rng: np.random.Generator) -> Right:
    """10_left.jpg stands before 2_left.jpg, or after it."""
    scene = Scene.random(rng, 11)
    scene.save(folder / "s/img1", "{}_left.jpg")
    write(folder / "s/gt/gt.txt", truth(scene))
    write(folder / "s/gt/labels.txt", LABELS)
    return Right(boxes=0, refused=("_left.jpg may stand before or after 2_left.jpg",))


@case("mot")
def pictures_whose_numbers_stand_in_front_answered(folder: Path, rng: np.random.Generator) -> Right:
    """The same, answered."""
    pictures_whose_numbers_stand_in_front(folder, rng)
    return Right(boxes=22, tracks=2, answers=("order=numbers",))
