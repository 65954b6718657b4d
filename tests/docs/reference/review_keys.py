"""The page of the keys of the review page, from design.toml."""

from __future__ import annotations

from oneclick import design

GROUPS = {
    "doubt": "Doubts",
    "box": "Boxes",
    "track": "Tracks",
    "look": "Looking",
    "clip": "Clip and page",
}


def render() -> str:
    """Return the page as Markdown."""
    lines = ["# Keys of the review page", "", "`?` shows them on the page, where any action can"]
    lines += ["be started by its name or given another key.", ""]
    for group, title in GROUPS.items():
        lines += [f"## {title}", "", "| key | action | what it does |", "|---|---|---|"]
        lines += [
            f"| {key.cap} | {key.verb} | {key.says} |"
            for key in design.load().web_key
            if key.group == group
        ]
        lines.append("")
    lines += ["While a box is drawn or changed, the arrow keys move it by 1 px, with shift by 10;"]
    lines += ["with alt they move its right and lower side. `ctrl+z` and `ctrl+y` work too."]
    return "\n".join(lines) + "\n"
