"""Hidden characters are shown as escapes."""

from __future__ import annotations

import json
import unicodedata

import pytest

from oneclick.core import visible

TEXTS = {
    "plain": ("Bed 7, ward ä 走廊", "Bed 7, ward ä 走廊"),
    "escape": ("\x1b[2Jx", r"\x1b[2Jx"),
    "line breaks": ("a\nb\r\tc", r"a\nb\r\tc"),
    "C1 and DEL": ("\x9b31m\x7f", r"\x9b31m\x7f"),
    "direction": ("a\u202eb\u2066c\u200f", r"a\u202eb\u2066c\u200f"),
    "separators": ("a\u2028b\u2029", r"a\u2028b\u2029"),
    "a byte that is no UTF-8": ("caf\udce9", r"caf\xe9"),
    "half a character": ("\ud83d", r"\ud83d"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_line_shows_what_is_hidden(case: str) -> None:
    text, expected = TEXTS[case]
    assert visible.line(text) == expected
    assert visible.line(expected) == expected
    expected.encode()


def test_a_block_keeps_its_lines() -> None:
    assert visible.block("a\n\tb\x1b\r\n") == "a\n\tb\\x1b\\r\n"


def test_json_says_the_same_with_escapes() -> None:
    value = {"a\x9b\u202e": "\udce9\x7f\n"}
    text = visible.json_text(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert text.isascii()


def test_no_control_character_stays() -> None:
    every = "".join(map(chr, range(0x110000)))
    shown = visible.line(every)
    assert {unicodedata.category(char) for char in shown} & {"Cc", "Cs"} == set()
    assert {char for char in shown if unicodedata.bidirectional(char) in _DIRECTIONS} == set()


_DIRECTIONS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
