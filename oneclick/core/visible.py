r"""Text of strangers on a terminal: file names, reasons and names of people may hold any character.

Control characters, changes of the writing direction and bytes that are no UTF-8 are shown as
escapes (`\x1b`, `\u202e`), so that they can neither move the cursor, nor hide or forge a line.
Text that is escaped already stays as it is.
"""

from __future__ import annotations

import re

# C0, DEL and C1; marks, embeddings and isolates of the writing direction; line and paragraph
# separators; lone surrogates, which stand for bytes that are no UTF-8.
_HIDDEN = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_IN_LINE = re.compile(f"[{_HIDDEN}]")
_IN_BLOCK = re.compile(f"(?![\n\t])[{_HIDDEN}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def line(text: str) -> str:
    """Return the text with every hidden character as an escape; line breaks too."""
    return _IN_LINE.sub(_escape, text)


def block(text: str) -> str:
    """Return a text of several lines with every hidden character but line break and tab escaped."""
    return _IN_BLOCK.sub(_escape, text)


def json_text(text: str) -> str:
    """Return a JSON document whose strings hold escapes of JSON in place of hidden characters."""
    return _IN_BLOCK.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] in _SHORT:
        return _SHORT[match[0]]
    if 0xDC80 <= code <= 0xDCFF:  # Python's stand-in for a byte of a name that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
