"""Write docs/reference/ from the code: `python -m tests.docs.generate [--check]`.

With `--check` nothing is written; the exit code is 1 if a page is not what would be written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.docs.reference import command_line, file_formats, python_api, review_keys, settings

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
NOTE = "<!-- Written by `python -m tests.docs.generate` from the code: change the docstrings. -->"
PAGES = {
    "settings.md": settings.render,
    "command-line.md": command_line.render,
    "file-formats.md": file_formats.render,
    "python-api.md": python_api.render,
    "review-keys.md": review_keys.render,
}


def pages() -> dict[str, str]:
    """Return the text of every page by the name of its file."""
    return {name: f"{render().rstrip()}\n\n{NOTE}\n" for name, render in PAGES.items()}


def outdated(texts: dict[str, str]) -> list[str]:
    """Return the names of the pages whose file is missing or has another text."""
    files = {name: FOLDER / name for name in texts}
    return [
        name
        for name, file in files.items()
        if not file.exists() or file.read_text("utf-8") != texts[name]
    ]


def main() -> int:
    """Write or check the pages; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if outdated")
    check = parser.parse_args().check
    texts = pages()
    names = outdated(texts)
    for name in names:
        if not check:
            FOLDER.mkdir(parents=True, exist_ok=True)
            (FOLDER / name).write_text(texts[name], "utf-8")
        sys.stderr.write(f"{FOLDER.name}/{name}: {'outdated' if check else 'written'}\n")
    return int(check and bool(names))


if __name__ == "__main__":
    sys.exit(main())
