"""What lies beside a foreign graph, or in its metadata: class names and how pictures are prepared.

`FILE.names` lists the classes, one a line; beside graphs that optimum exported, `config.json` and
`preprocessor_config.json` are read as well; graphs of Ultralytics name their classes themselves.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from oneclick.core.errors import BadInput, DetectorUnavailable
from oneclick.detectors import coco
from oneclick.detectors.onnx_pictures import IMAGENET_MEAN, IMAGENET_STD
from oneclick.storage import bounded_documents, bounded_files

BACKGROUND = ("background", "__background__")
"""First lines of lists in which class 0 stands for nothing."""
MOST_CLASSES, LONGEST_SIDE = 10_000, 8192
Deviation = Annotated[float, msgspec.Meta(gt=0)]
Side = Annotated[int, msgspec.Meta(gt=0, le=LONGEST_SIDE)]


class Processor(msgspec.Struct):
    """The fields of `preprocessor_config.json` that matter."""

    do_normalize: bool | None = True
    do_rescale: bool | None = True
    image_mean: tuple[float, float, float] = IMAGENET_MEAN
    image_std: tuple[Deviation, Deviation, Deviation] = IMAGENET_STD
    size: dict[str, Side | None] | Side = {}

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """Return height and width in px where both are given."""
        size = self.size if isinstance(self.size, dict) else {}
        height, width = size.get("height"), size.get("width")
        return (height, width) if height and width else None


class _Config(msgspec.Struct):
    """The field of `config.json` that matters."""

    id2label: dict[str, str] = {}


@dataclass(frozen=True)
class ListedNames:
    """Class names in the order of their numbers."""

    names: tuple[str, ...] = ()
    """Without a first line that stands for nothing."""
    has_background: bool = False
    """Whether such a line was there: the first name has number 1."""


def beside(path: Path, counts: Collection[int] = ()) -> ListedNames:
    """Read class names from `<path>.names`; an empty list without that file.

    A blank line between names is a number without a class, unless that gives none of `counts`.

    Raises:
        DetectorUnavailable: the file is no text, or lists another number of names than `counts`.
    """
    names_file = path.with_name(path.name + ".names")
    if not names_file.is_file():
        return ListedNames()
    try:
        text = bounded_files.read_text(names_file, bounded_files.MEBIBYTE)
    except BadInput as error:
        raise DetectorUnavailable(f"detector onnx:{path}: {error}") from None
    names = [line.strip() for line in text.rstrip().splitlines()]
    if counts and len(names) not in counts:
        names = [name for name in names if name]
    if counts and len(names) not in counts:
        expected = " or ".join(map(str, sorted(counts, reverse=True)))
        raise DetectorUnavailable(
            f"{names_file}: expected {expected} names, one a line, got {len(names)}"
        )
    has_background = bool(names) and names[0].lower() in BACKGROUND
    return ListedNames(tuple(names[has_background:]), has_background)


def of_count(path: Path, metadata: Mapping[str, str], count: int) -> tuple[str, ...]:
    """Return the names of so many classes: those beside the graph, its own, or the usual ones.

    Raises:
        DetectorUnavailable: as `beside`.
    """
    listed = beside(path, (count,))
    # Where number 0 stands for nothing it keeps its place, without a name.
    names = ("",) * listed.has_background + listed.names or in_metadata(metadata)
    return names if len(names) == count else usual(count)


def usual(count: int) -> tuple[str, ...]:
    """Return the names that so many classes usually have."""
    known = {80: coco.NAMES, 91: coco.NUMBERED_NAMES, 1: ("person",)}
    return known.get(count, tuple(f"class{k}" for k in range(count)))


def in_metadata(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names that Ultralytics writes into its graphs, `{0: 'person'}`; () without."""
    text = metadata.get("names", "")
    if not text or len(text) > bounded_files.MEBIBYTE:
        return ()
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ()
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return ()
    return _by_number({str(k): str(name) for k, name in value.items()})


def size_in_metadata(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the height and width in px that Ultralytics names for a graph of open size."""
    sides = [part.strip() for part in metadata.get("imgsz", "").strip("[]()").split(",")]
    if len(sides) != 2 or not all(side.isdecimal() and len(side) < 5 for side in sides):
        return None
    height, width = (int(side) for side in sides)
    return (
        (height, width) if min(height, width) > 0 and max(height, width) <= LONGEST_SIDE else None
    )


def in_config(path: Path) -> tuple[str, ...]:
    """Return the class names in optimum's `config.json` beside a graph; () without.

    Raises:
        DetectorUnavailable: it is no such file.
    """
    config = _read_beside(path, "config.json", _Config)
    return _by_number(config.id2label) if config else ()


def processor(path: Path) -> Processor | None:
    """Return what `preprocessor_config.json` beside a graph says; None without that file.

    Raises:
        DetectorUnavailable: it is no such file.
    """
    found: Processor | None = _read_beside(path, "preprocessor_config.json", Processor)
    return found


def _by_number(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return names by their numbers, empty where there is none; those without one are left out."""
    numbers = {int(k): name for k, name in labels.items() if k.isdecimal() and len(k) < 6}
    last = max((k for k in numbers if k < MOST_CLASSES), default=-1)
    return tuple(numbers.get(k, "") for k in range(last + 1))


def _read_beside(path: Path, name: str, kind: type[Any]) -> Any:
    """Read a JSON file beside a graph or in the folder above; None where there is none.

    Raises:
        DetectorUnavailable: it is no such file.
    """
    folders = [path.parent, path.parent.parent] if path.parent.name == "onnx" else [path.parent]
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if file is None:
        return None
    try:
        content = bounded_files.read_bytes(file, bounded_files.MEBIBYTE)
        return bounded_documents.parse_json(content, kind)
    except (BadInput, ValueError) as error:
        raise DetectorUnavailable(f"detector onnx:{path}: {file}: {error}") from None
