"""The screen as text and as SVG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

_REMOTE_FONTS = re.compile(r"@font-face\s*\{.*?\}|<!--.*?-->", re.S)


def text(app: App[Any]) -> list[str]:
    """Return the lines of the screen; the one place that uses Textual's private compositor."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def svg(app: App[Any]) -> str:
    """Return the screen as SVG, without the fonts that a browser would load from the network."""
    return _REMOTE_FONTS.sub("", app.export_screenshot(simplify=True))
