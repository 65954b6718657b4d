"""The code stays within the limits of its figures; each check finds what it is there to find."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import voice


def test_the_figures_are_within_their_limits() -> None:
    figures = voice.measure(voice.ROOT)
    assert all(figure.holds for figure in figures), voice.report(figures)


def source(root: Path, text: str, name: str = "oneclick/core/a.py") -> list[voice.SourceFile]:
    """The parsed files of `root` after `text` was written as `name`."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return voice.source_files(root, voice.SOURCES)


@pytest.mark.parametrize(
    "text",
    [
        "found = 1",
        "for one in range(3): pass",
        "def f(given): pass",
        "clips, made = 1, 2",
        "[x for there, x in pairs]",
        "if (kept := 1): pass",
        "with lock as held: pass",
        "f = lambda who: 0",
    ],
)
def test_a_bare_participle_is_named_with_its_place(tmp_path: Path, text: str) -> None:
    figure = voice.participles(source(tmp_path, text), 0, "")
    assert len(figure.offenders) == 1
    assert figure.offenders[0].startswith("oneclick/core/a.py:1 ")
    assert not figure.holds


@pytest.mark.parametrize(
    "text",
    ["clips = found(1)", "report.found = 1", "call(found=1)", "made_boxes = 1", "def made(): ..."],
)
def test_words_that_name_no_variable_are_free(tmp_path: Path, text: str) -> None:
    assert voice.participles(source(tmp_path, text), 0, "").offenders == ()


@pytest.mark.parametrize(
    ("first", "offenders"),
    [
        ("Return the boxes.", 0),
        ("`Yield`, one by one.", 0),
        ("Boxes of a frame.", 1),
        ("Whether it moves.", 1),
        ("Returns the boxes.", 1),
    ],
)
def test_a_docstring_begins_with_an_imperative(tmp_path: Path, first: str, offenders: int) -> None:
    files = source(
        tmp_path, f'class A:\n    def f(self):\n        """{first}\n\n        More.\n        """'
    )
    figure = voice.docstring_verbs(files)
    assert (len(figure.offenders), figure.value) == (offenders, 0 if offenders else 100)


def test_a_private_helper_is_counted_where_it_is_named_once(tmp_path: Path) -> None:
    files = source(
        tmp_path,
        "def _once(): pass\n_once()\n"
        "def _twice(): pass\n_twice(); _twice()\n"
        "def _exported(): pass\n"
        "class A:\n    def __len__(self): return self._size()\n    def _size(self): return 0\n",
    )
    figure = voice.single_use_helpers(files)
    assert figure.offenders == ("oneclick/core/a.py:1 _once", "oneclick/core/a.py:8 _size")
    assert figure.value == pytest.approx(40)


def test_a_call_with_six_positional_arguments_is_named(tmp_path: Path) -> None:
    source(tmp_path, "class Clip: ...")
    files = source(
        tmp_path,
        "Clip(1, 2, 3, 4, 5)\ncore.Clip(1, 2, 3, 4, 5, 6)\n"
        "Clip(1, 2, 3, 4, 5, six=6)\nmax(1, 2, 3, 4, 5, 6)",
        "flows/b.py",
    )
    assert voice.positional_calls(files).offenders == ("flows/b.py:2 Clip with 6 arguments",)


def test_a_class_name_stands_for_one_class(tmp_path: Path) -> None:
    source(tmp_path, "class Row: ...\nclass Clip: ...")
    files = source(tmp_path, "class Table:\n    class Row: ...", "tui/b.py")
    figure = voice.shared_class_names(files)
    assert (figure.value, set(figure.offenders)) == (
        1,
        {"oneclick/core/a.py:1 Row", "tui/b.py:2 Row"},
    )


@pytest.mark.parametrize(
    ("text", "circles"),
    [
        ("from oneclick.core import b", 1),
        ("import oneclick.core.b", 1),
        ("from . import b", 1),
        ("from .b import f", 1),
        ("def f():\n    from oneclick.core.b import f", 1),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from oneclick.core import b", 0),
        ("import os", 0),
    ],
)
def test_modules_that_import_each_other_are_named(tmp_path: Path, text: str, circles: int) -> None:
    source(tmp_path, "from oneclick.core import c", "oneclick/core/b.py")
    source(tmp_path, "from oneclick.core.a import f", "oneclick/core/c.py")
    figure = voice.import_circles(source(tmp_path, text))
    assert figure.value == circles
    assert figure.offenders == ("oneclick.core.a, oneclick.core.b, oneclick.core.c",) * circles


def test_a_circle_through_a_linked_folder_has_its_imported_names(tmp_path: Path) -> None:
    source(tmp_path, "from oneclick.core import a", "flows/lap.py")
    files = source(tmp_path, "from oneclick.flows import lap")
    assert voice.import_circles(files).value == 0
    (tmp_path / "oneclick/flows").symlink_to("../flows")
    files = voice.source_files(tmp_path, voice.SOURCES)
    assert [str(file.path) for file in files] == ["flows/lap.py", "oneclick/core/a.py"]
    assert voice.import_circles(files).offenders == ("oneclick.core.a, oneclick.flows.lap",)


def test_sizes_are_those_of_packages_files_and_functions(tmp_path: Path) -> None:
    source(tmp_path, "def f():\n    return 1\n\n\ndef g(): ...\n")
    files = source(tmp_path, "x = 1\n" * (voice.LINES + 1), "oneclick/web/b.py")
    package = voice.biggest_package(files)
    assert package.offenders == (f"oneclick/web has {voice.LINES + 1} of {voice.LINES + 6} lines",)
    assert not package.holds
    longest = voice.longest_file(files)
    assert longest.offenders == (f"oneclick/web/b.py: {voice.LINES + 1}",)
    assert not longest.holds
    assert voice.median_function(files).value == 1.5


def test_the_report_names_what_stands_against_a_limit(tmp_path: Path) -> None:
    figures = [
        voice.participles(source(tmp_path, "found = 1"), 9.6, "bare participles"),
        voice.docstring_verbs(source(tmp_path, 'def f():\n    """Return 1."""')),
    ]
    text = voice.report(figures)
    assert "bare participles" in text.splitlines()[1]
    assert "9.6%   100.0%   at most 1%" in text
    assert text.endswith("bare participles: 100.0%, at most 1%\n  oneclick/core/a.py:1 found")
