"""Textual's themes, made of the colours in design.toml."""

from __future__ import annotations

from textual.theme import Theme

from oneclick import design


def make(mode: design.Mode) -> Theme:
    """Return the theme `oneclick-dark` or `oneclick-light`."""
    ink = design.ink(mode)
    return Theme(
        name=f"oneclick-{mode}",
        primary=ink["accent"],
        secondary=ink["run"],
        accent=ink["accent"],
        warning=ink["warn"],
        error=ink["fail"],
        success=ink["ok"],
        foreground=ink["text"],
        background=ink["ink"],
        surface=ink["surface"],
        panel=ink["panel"],
        dark=mode == "dark",
        variables={
            "border": ink["accent"],
            "border-blurred": ink["rule"],
            "block-cursor-background": ink["panel"],
            "block-cursor-foreground": ink["text"],
            "input-selection-background": f"{ink['accent']} 35%",
        },
    )
