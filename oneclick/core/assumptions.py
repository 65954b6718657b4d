"""What a user may tell an import where a dataset can be read in two ways: `--assume KEY=VALUE`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from oneclick.core.errors import BadLabels, UsageError


@dataclass(frozen=True)
class Assumption:
    """One question that an import may ask."""

    values: tuple[str, ...]
    """Possible answers; one in capitals stands for a text of the user's own."""
    question: str
    """What is asked, for help and documentation."""


NAMES = "names"
ORDER = "order"
FRAMES = "frames"
COLUMNS = "columns"
SIXTH = "sixth"
EXIF = "exif"
SIZE = "size"
REPEATED = "repeated"
UNMATCHED = "unmatched"
UNLABELLED = "unlabelled"
LINKS = "links"
SETTINGS = "settings"
"""Answer to NAMES: class numbers stand for the setting `classes`."""

VOCABULARY = {
    NAMES: Assumption((SETTINGS, "A,B,C"), "what class numbers mean: in their order, the setting "
                      "`classes`, or these names"),
    ORDER: Assumption(("letters", "numbers"), "whether 10.jpg stands before 2.jpg, or after it"),
    FRAMES: Assumption(("names", "positions"), "whether frame 5 is the picture called 5, or the "
                       "fifth"),
    COLUMNS: Assumption(("mot", "visdrone"), "what columns 8 to 10 of a MOTChallenge line hold: a "
                        "place in the world, or a class as in VisDrone"),
    SIXTH: Assumption(("score", "track"), "what the sixth column of a YOLO label holds"),
    EXIF: Assumption(("shown", "stored"), "whether boxes fit a photo as it is shown, turned by its "
                     "EXIF orientation, or its pixels as they are stored"),
    SIZE: Assumption(("pictures",), "boxes fit the pictures, whatever size the labels name"),
    REPEATED: Assumption(("merge",), "a picture that has several ids gets the boxes of all"),
    UNMATCHED: Assumption(("drop",), "labels of pictures that are not there are of no use"),
    UNLABELLED: Assumption(("empty",), "pictures without a label file show no object"),
    LINKS: Assumption(("follow",), "what lies outside of the dataset's folder may be read"),
}  # fmt: skip
"""All questions, by key."""


@dataclass(frozen=True)
class Assumptions:
    """The answers of one import."""

    answers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Assumptions:
        """Read answers of the form KEY=VALUE.

        Raises:
            UsageError: a key or value that no question has, or two answers to one.
        """
        answers: dict[str, str] = {}
        for text in texts:
            key, _, value = text.partition("=")
            if key not in VOCABULARY:
                raise UsageError(f"--assume {text}: no question is called {key!r}; {usage()}")
            values = VOCABULARY[key].values
            is_free = any(option.isupper() for option in values) and value.strip(", ")
            if value not in values and not is_free:
                raise UsageError(f"--assume {text}: {key} can be {' or '.join(values)}")
            if answers.setdefault(key, value) != value:
                raise UsageError(f"--assume {key} is given twice: leave one")
        return cls(answers)

    def is_answer(self, key: str, value: str) -> bool:
        """Check whether the question was answered with `value`."""
        return self.answers.get(key) == value

    def check_used(self, format_name: str, keys: frozenset[str]) -> None:
        """Raise UsageError for an answer to a question that a format never asks."""
        if unused := sorted(self.answers.keys() - keys):
            raise UsageError(
                f"--assume {unused[0]}: {format_name} never asks for it, only for "
                f"{', '.join(sorted(keys)) or 'nothing'}"
            )


def usage() -> str:
    """Return all keys with their values in one line."""
    return "; ".join(f"{key}={'|'.join(row.values)}" for key, row in VOCABULARY.items())


def question(key: str, problem: str) -> BadLabels:
    """Return the error that asks a question.

    Args:
        key: of VOCABULARY.
        problem: what can be read in two ways, naming the file.
    """
    options = " or ".join(f"--assume {key}={value}" for value in VOCABULARY[key].values)
    return BadLabels(f"{problem}; answer with {options}")
