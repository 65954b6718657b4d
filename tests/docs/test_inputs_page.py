"""The page on what goes in names a test that exists for every row."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs/explanation/inputs.md")
ROWS = [line for line in PAGE.text.splitlines() if line.startswith("| ")]
NAME = re.compile(r"`([\w/]+\.py): ([^`]+)`")


def names_in(value: dict[Any, Any]) -> Iterator[str]:
    """Yield the names of cases in a table of a test, and in tables within it."""
    for key, inner in value.items():
        if isinstance(key, str):
            yield key
        if isinstance(inner, dict):
            yield from names_in(inner)


def known_in(file: str) -> set[str]:
    """Return the functions and cases of a file of tests, as a page calls them."""
    module = importlib.import_module("tests." + file.removesuffix(".py").replace("/", "."))
    names: set[str] = set()
    for name, value in vars(module).items():
        if name.startswith("test_"):
            names.add(name.removeprefix("test_").replace("_", " "))
        elif name.isupper() and isinstance(value, dict):
            names |= set(names_in(value))
    return names


def test_every_row_names_a_test() -> None:
    bare = [row for row in ROWS if not NAME.search(row) and not row.endswith("| held by |")]
    assert len(ROWS) > 60
    assert bare == []


@pytest.mark.parametrize("file", sorted({file for file, _ in NAME.findall(PAGE.text)}))
def test_each_test_that_the_page_names_exists(file: str) -> None:
    named = {name for other, name in NAME.findall(PAGE.text) if other == file}
    assert named - known_in(file) == set()
