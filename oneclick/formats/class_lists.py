"""Names of classes that a dataset stores as numbers: never guessed, each with what says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions
from oneclick.core.errors import BadLabels
from oneclick.storage import bounded_files

MAX_BYTES = bounded_files.MEBIBYTE


@dataclass(frozen=True)
class ClassList:
    """Class names by their number in a dataset."""

    names: Mapping[int, str]
    origin: str
    """What says so, for the user: `data.yaml`."""

    def name_of(self, number: int, place: str) -> str:
        """Return the name of a number. Raises BadLabels, naming the `place`, if it has none."""
        if number not in self.names:
            numbers = ", ".join(str(key) for key in sorted(self.names)[:20])
            raise BadLabels(
                f"{place}: class {number} has no name in {self.origin}, which has {numbers}"
            )
        return self.names[number]


def read_lines(file: Path, first: int, root: Path) -> ClassList:
    """Read a file of one name a line; the first line has the number `first`.

    Raises:
        BadLabels: it is empty, has an empty line before its last name, or is no text.
    """
    bounded_files.inside(root, file)
    lines = [
        line.strip() for line in bounded_files.read_text(file, MAX_BYTES, BadLabels).split("\n")
    ]
    while lines and not lines[-1]:
        lines.pop()
    if not lines or not all(lines):
        raise BadLabels(f"{file}: a class without a name: write one name on each line")
    return ClassList(dict(enumerate(lines, first)), str(file.relative_to(root)))


def choose(
    lists: Sequence[ClassList],
    place: Path,
    classes: Sequence[str],
    first: int,
    answers: Assumptions,
) -> ClassList | None:
    """Return the list of names that counts, or None where nobody names the classes.

    Args:
        lists: those in the dataset, which must agree.
        place: dataset, for the message.
        classes: the setting.
        first: number of the first class where the user names them.
        answers: to the question NAMES; it stands above all lists.

    Raises:
        BadLabels: two lists name the classes differently.
    """
    if answer := answers.answers.get(assumptions.NAMES):
        is_setting = answer == assumptions.SETTINGS
        names = list(classes) if is_setting else [name.strip() for name in answer.split(",")]
        origin = "the setting `classes`" if is_setting else "--assume names"
        return ClassList(dict(enumerate(names, first)), origin)
    for other in lists[1:]:
        if dict(other.names) != dict(lists[0].names):
            raise assumptions.question(
                assumptions.NAMES,
                f"{place}: {lists[0].origin} and {other.origin} name the classes differently",
            )
    return lists[0] if lists else None
