"""The screen as text and as SVG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

_ELSEWHERE = re.compile(r"@font-face\s*\{.*?\}|<!--.*?-->", re.S)


def text(app: App[Any]) -> list[str]:
    """The lines of the screen; the one place that looks into Textual's compositor."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def svg(app: App[Any]) -> str:
    """A picture without fonts from elsewhere."""
    return _ELSEWHERE.sub("", app.export_screenshot(simplify=True))
