"""The page on imports lists every question that an import may ask, and no other."""

from __future__ import annotations

import re

from oneclick import formats
from oneclick.core.assumptions import VOCABULARY
from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs/how-to/import.md")


def test_all_questions_and_answers_are_listed() -> None:
    listed = set(re.findall(r"`([a-z]+=[A-Za-z,]+)`", PAGE.text))
    assert listed == {f"{key}={value}" for key, row in VOCABULARY.items() for value in row.values}


def test_each_question_is_asked_by_a_format() -> None:
    asked = {key for name in formats.names() for key in formats.get(name).questions}
    assert asked == VOCABULARY.keys()
