"""What the pages of the documentation hold: blocks of code, inline code, links and headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(
    r'^( *)```(\w*)(?: title="([^"\n]*)")?[^\n]*\n(.*?)^\1```$', re.MULTILINE | re.DOTALL
)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Return the path from the root of the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        """Return the whole text."""
        return self.path.read_text("utf-8")

    @property
    def prose(self) -> str:
        """Return the text without its fenced blocks."""
        return FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> list[str]:
        """Return the content of the fenced blocks in these languages."""
        return [match[4] for match in FENCE.finditer(self.text) if match[2] in languages]

    def files(self) -> dict[str, str]:
        """Return the content of the blocks that have a title, by the first word of that."""
        matches = [match for match in FENCE.finditer(self.text) if match[3]]
        return {match[3].split()[0]: match[4] for match in matches}

    def commands(self) -> list[str]:
        """Return the command lines that a reader can run as they stand, in order."""
        return [line for block in self.blocks("sh") for line in command_lines(block)]

    def prompts(self) -> list[str]:
        """Return the command lines behind a `$`, which need what only the reader has."""
        lines = [line for block in self.blocks("console") for line in command_lines(block)]
        return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]

    def inline(self) -> list[str]:
        """Return all inline code."""
        return INLINE.findall(self.prose)

    def links(self) -> list[str]:
        """Return the targets of links that are no URLs."""
        return [target for target in LINK.findall(self.prose) if "://" not in target]

    def anchors(self) -> set[str]:
        """Return the anchors of the headings, as GitHub and Zensical make them."""
        titles = [re.sub(r"[^\w\s-]", "", title.lower()) for title in HEADING.findall(self.prose)]
        return {re.sub(r"\s", "-", title.strip()) for title in titles}


def command_lines(block: str) -> list[str]:
    """Return the lines of a block without comments; those that end in a backslash are joined."""
    lines = re.sub(r"\\\n\s*", " ", block).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def all_pages() -> list[Page]:
    """Return the pages at the top (README and others) and everything in docs."""
    paths = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    return [Page(path) for path in paths]


def written_pages() -> list[Page]:
    """Return what people wrote: no page of the reference, which is made from the code."""
    return [page for page in all_pages() if not page.name.startswith("docs/reference/")]
