"""Pieces of Markdown: tables, code, and docstrings of Google's style."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SECTION = re.compile(r"(Args|Raises|Returns|Yields):")
_ENTRY = re.compile(r"([\w*, ]+): (.*)")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; line breaks and bars in its cells are made harmless."""
    lines = [columns, ["---"] * len(columns), *rows]
    cells = [[" ".join(text.split()).replace("|", r"\|") for text in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def code(text: str) -> str:
    """Return text as inline code; nothing for an empty text."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}" if text else ""


def prose(text: str) -> str:
    """Return text in which `<name>` outside inline code is no HTML tag."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


def block(text: str, language: str = "text") -> str:
    """Return text as a fenced block."""
    return f"```{language}\n{text.rstrip()}\n```"


def join(*parts: str) -> str:
    """Return the parts that are not empty, with an empty line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def docstring(text: str) -> str:
    """Return a docstring as Markdown: its sections become bold words and lists."""
    lines: list[str] = []
    section = ""
    for line in text.splitlines():
        inner = line.removeprefix("    ")
        if match := _SECTION.fullmatch(line):
            section = match[1]
            lines += ["", f"**{section}**", ""]
        elif not section or not line.startswith("    "):
            section = section if not line.strip() else ""
            lines.append(line)
        elif inner.startswith(" "):
            lines.append(f"  {inner.strip()}")
        elif entry := _ENTRY.fullmatch(inner):
            names = ", ".join(code(name.strip()) for name in entry[1].split(","))
            lines.append(f"- {names}: {entry[2]}")
        else:
            lines.append(inner if lines[-1] else f"- {inner}")
    safe = [line if line.startswith("    ") else prose(line) for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(safe)).strip()
