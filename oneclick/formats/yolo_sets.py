"""What belongs to a YOLO dataset: its pictures by split, and the names of its classes.

A YAML file is read as Ultralytics reads it: `path`, and `train`, `val` and `test` as a folder, a
list of pictures, or several of them. Without one, every picture that has a label file belongs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from oneclick.core import assumptions
from oneclick.core.datasets import Split
from oneclick.core.errors import BadInput, BadLabels
from oneclick.formats import base, class_lists, disk
from oneclick.formats.base import Dialogue
from oneclick.formats.class_lists import ClassList
from oneclick.storage import bounded_documents, bounded_files

DATA = "data.yaml"
NAME_FILES = ("classes.txt", "obj.names")
"""Names of files with a class on each line."""
NOTES = "notes.json"
"""Label Studio's list of classes."""
SETS: dict[str, Split] = {
    "train": "train", "val": "test", "valid": "test", "test": "test", "minival": "test",
}  # fmt: skip
MAX_LIST = 1024 * bounded_files.MEBIBYTE
_MOST_POINTS = 1000
MAX_NOTES = bounded_files.MEBIBYTE


@dataclass(frozen=True, kw_only=True)
class YoloFolder:
    """A folder to import, and the file that describes it."""

    root: Path
    """Nothing outside of it is read, unless the user says so."""
    file: Path | None
    """The YAML file, or Darknet's obj.data."""
    entries: Mapping[str, Any]
    """Of that file."""
    paths: tuple[Path, ...]
    """All pictures and lists of names below `root`."""
    dialogue: Dialogue

    @property
    def follows_links(self) -> bool:
        """Whether what lies outside of `root` may be read."""
        return self.dialogue.answers.is_answer(assumptions.LINKS, "follow")

    def check_inside(self, path: Path) -> Path:
        """Return `path`. Raises BadLabels if it leads out of the folder and must not."""
        if not self.follows_links:
            try:
                bounded_files.inside(self.root, path)
            except BadInput as error:
                raise assumptions.question(assumptions.LINKS, str(error)) from None
        return path

    def base(self) -> Path:
        """Return the folder that the sets of the file are relative to."""
        home = self.file.parent if self.file else self.root
        text = self.entries.get("path")
        if not isinstance(text, str) or not text.strip():
            return home
        if (home / text).is_dir():
            return self.check_inside(home / text)
        self.dialogue.notes[
            f"path of {self.file and self.file.name} that is not on this machine: {text[:80]}; "
            "taken for its own folder"
        ] += 1
        return home


def open_folder(path: Path, failed: dict[str, str], dialogue: Dialogue) -> YoloFolder:
    """Find the file that describes a dataset, and all pictures.

    Raises:
        BadLabels: there are several such files, or it is broken.
    """
    root = path if path.is_dir() else path.parent
    is_following = dialogue.answers.is_answer(assumptions.LINKS, "follow")
    refused: dict[str, str] = {}
    paths = bounded_files.find(root, is_part, refused, is_following)
    for name, reason in refused.items():
        is_link = "leads out of" in reason
        failed[name] = str(assumptions.question(assumptions.LINKS, reason)) if is_link else reason
    entries: Mapping[str, Any] = {}
    file: Path | None = path
    if path.is_dir():
        file = choose_description(root, paths)
    if file is not None:
        bounded_files.inside(root, file)
        entries = read_description(file)
    return YoloFolder(root=root, file=file, entries=entries, paths=tuple(paths), dialogue=dialogue)


def is_part(name: str) -> bool:
    """Check whether a file name is that of a picture, or of a file that describes a dataset."""
    is_named = name in (*NAME_FILES, NOTES, "obj.data")
    return disk.is_image_name(name) or is_named or name.endswith((".yaml", ".yml"))


def choose_description(root: Path, paths: list[Path]) -> Path | None:
    """Return data.yaml or the one other file that describes a dataset, the topmost first.

    Raises:
        BadLabels: there are several.
    """
    if os.path.lexists(root / DATA):
        return root / DATA
    candidates = [p for p in paths if p.suffix in (".yaml", ".yml") or p.name == "obj.data"]
    depths = {p: len(p.parts) for p in candidates if describes_dataset(p)}
    tops = [p for p, depth in depths.items() if depth == min(depths.values())]
    if len(tops) > 1:
        names = ", ".join(str(p.relative_to(root)) for p in tops[:5])
        raise BadLabels(f"{root} holds several datasets: name the file of one ({names})")
    return next(iter(tops), None)


def describes_dataset(file: Path) -> bool:
    """Check whether a YAML file names classes; one that cannot be read is of something else."""
    try:
        return "names" in read_description(file)
    except BadInput:
        return False


def read_description(file: Path) -> Mapping[str, Any]:
    """Return the entries of a YAML file or of Darknet's obj.data. Raises BadLabels."""
    if file.name == "obj.data":
        lines = bounded_files.read_text(file, MAX_NOTES, BadLabels).splitlines()
        pairs = (line.partition("=") for line in lines if "=" in line)
        return {key.strip(): value.strip() for key, _, value in pairs}
    document = bounded_documents.read_yaml(file, BadLabels)
    return document if isinstance(document, dict) else {}


def class_list(folder: YoloFolder, classes: tuple[str, ...]) -> ClassList | None:
    """Return the names of the classes; None where nobody names them.

    Raises:
        BadLabels: a list is broken, or two differ.
    """
    lists = []
    if folder.file is not None and folder.file.name != "obj.data":
        lists.append(yaml_names(folder.file, folder.entries))
    home = folder.base()
    for path in folder.paths:
        if not path.is_relative_to(home):
            continue
        if path.name in NAME_FILES:
            lists.append(class_lists.read_lines(path, 0, folder.root))
        elif path.name == NOTES:
            lists += notes_names(path)
    place = folder.file or folder.root
    return class_lists.choose(lists, place, classes, 0, folder.dialogue.answers)


def yaml_names(file: Path, entries: Mapping[str, Any]) -> ClassList:
    """Return the list of names of a YAML file. Raises BadLabels if it has none."""
    try:
        names: Any = entries["names"]
        pairs = names.items() if isinstance(names, dict) else enumerate(names)
        by_number = {int(number): name for number, name in pairs}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = " ".join(str(error).split())[:80]
        raise BadLabels(f"{file}: no list of class names under `names` ({text})") from None
    if any(isinstance(name, bool) for name in by_number.values()):
        raise BadLabels(f"{file}: YAML takes no, yes, on and off for false and true: quote them")
    if isinstance(names, str) or not all(
        isinstance(n, str | int | float) for n in by_number.values()
    ):
        raise BadLabels(f"{file}: no list of class names under `names`: one is a list or empty")
    count = entries.get("nc", len(by_number))
    if count != len(by_number):
        raise BadLabels(f"{file}: nc is {count!r:.20}, and there are {len(by_number)} names")
    return ClassList({number: str(name) for number, name in by_number.items()}, file.name)


def key_values(folder: YoloFolder) -> int:
    """Return how many numbers describe the key points of an object; 0 where there are none.

    Raises:
        BadLabels: `kpt_shape` is not what Ultralytics takes.
    """
    shape = folder.entries.get("kpt_shape")
    if shape is None:
        return 0
    match shape:
        case [int() as points, 2 | 3 as values] if 0 < points <= _MOST_POINTS:
            return int(points * values)
    raise BadLabels(f"{folder.file}: kpt_shape is no [points, 2 or 3]: correct it")


def notes_names(file: Path) -> list[ClassList]:
    """Return the classes of Label Studio's notes.json; none where it is another file."""
    content = bounded_files.read_bytes(file, MAX_NOTES, BadLabels)
    document = bounded_documents.decode_json(content, file, refusal=BadLabels)
    try:
        names = {int(row["id"]): str(row["name"]) for row in document["categories"]}
    except (KeyError, TypeError, ValueError):
        return []
    return [ClassList(names, file.name)] if names else []


def pictures_by_split(folder: YoloFolder, failed: dict[str, str]) -> dict[Path, Split]:
    """Return all pictures of a dataset with their splits; what is not there goes to `failed`.

    A picture of several sets is one of training.

    Raises:
        BadLabels: no set is there.
    """
    images = [path for path in folder.paths if disk.is_image_name(path.name)]
    entries = {key: folder.entries[key] for key in SETS if folder.entries.get(key)}
    if not entries:
        return {
            image: base.split_of_names(folder.root.name, *image.relative_to(folder.root).parts[:-1])
            for image in images
        }
    splits: dict[Path, Split] = {}
    refused: dict[str, str] = {}
    for key, entry in entries.items():
        for text in entry if isinstance(entry, list) else [entry]:
            try:
                members = list(set_members(folder, str(text), images, failed))
            except BadInput as error:
                if str(error) not in failed.values():
                    refused[f"{key}: {text}"[:200]] = str(error)
                continue
            for image in members:
                if splits.setdefault(image, SETS[key]) != SETS[key]:
                    folder.dialogue.notes[
                        "pictures of training that a set for testing names too, kept in training"
                    ] += 1
    if others := len(set(images) - splits.keys()):
        name = folder.file.name if folder.file else ""
        folder.dialogue.notes[f"pictures that no set of {name} names left out"] += others
    if refused and not splits:
        raise BadLabels(next(iter(refused.values())))
    if others:
        failed |= refused
    else:  # every picture belongs to another set
        folder.dialogue.notes.update(f"empty set: {reason}" for reason in refused.values())
    return splits


def set_members(
    folder: YoloFolder, text: str, images: list[Path], failed: dict[str, str]
) -> Iterator[Path]:
    """Yield the pictures of one entry: a folder with all below it, or a list.

    Raises:
        BadLabels: it is not there, or leads out of the dataset.
    """
    home = folder.base()
    places = [home / text]
    if text.startswith("../"):  # as Roboflow writes it, and Ultralytics reads it
        places.append(home / text[3:])
    if text.startswith("data/"):  # as Darknet and CVAT write it
        places.append(home / text[5:])
    place = next((place for place in places if place.exists()), None)
    if place is None:
        raise BadLabels(f"{folder.file}: {text[:80]} is not there: correct the file")
    folder.check_inside(place)
    place = Path(os.path.normpath(place))
    if place.is_dir():
        members = [image for image in images if image.is_relative_to(place)]
        if not members:  # outside of the folder, or below a link that was followed already
            members = bounded_files.find(place, disk.is_image_name, failed, folder.follows_links)
        if not members:
            raise BadLabels(f"{folder.file}: there is no picture in {text[:80]}")
        yield from members
        return
    missing = []
    for line in bounded_files.read_text(place, MAX_LIST, BadLabels).splitlines():
        if not (name := line.strip()):
            continue
        homes = [place.parent] if name.startswith("./") else [home, place.parent]
        homes = [*homes, *(h for h in homes if name.startswith("data/"))]
        names = [name] * (len(homes) if not name.startswith("data/") else len(homes) // 2)
        names += [name.removeprefix("data/")] * (len(homes) - len(names))
        options = (parent / part for parent, part in zip(homes, names, strict=True))
        picture = next((option for option in options if option.is_file()), None)
        if picture is None:
            missing.append(name)
        else:
            yield Path(os.path.normpath(folder.check_inside(picture)))
    if missing:
        failed[str(place)] = (
            f"{place}: {len(missing):,} pictures are not there, the first {missing[0][:80]}"
        )


def label_path(image: Path, root: Path) -> Path:
    """Return the label file of an image.

    The last folder `images` of its path below `root` becomes `labels`; without one, it lies beside
    the image.
    """
    inner = image.relative_to(root) if image.is_relative_to(root) else image
    parts = list(inner.parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    path = PurePath(*parts)
    return root.joinpath(path).with_suffix(".txt")
