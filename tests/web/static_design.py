"""Writes what the review page has from design.toml: `python -m tests.web.static_design`."""

from __future__ import annotations

import json

import msgspec

from oneclick import design
from oneclick.web import pages

NOTE = "Written by `python -m tests.web.static_design` from oneclick/design.toml; edit that."


def _block(selector: str, variables: dict[str, str]) -> str:
    lines = "".join(f"  --{name}: {value};\n" for name, value in variables.items())
    return f"{selector} {{\n{lines}}}\n"


def variables() -> str:
    """Return the style sheet with the colours."""
    table = design.load()
    heat = {
        mode: {f"heat-{step}": colour for step, colour in enumerate(getattr(table.heat, mode))}
        for mode in ("dark", "light")
    }
    stages = {
        mode: {f"stage-{stage.id}": getattr(stage, mode) for stage in table.stage}
        for mode in ("dark", "light")
    }
    dark = {"color-scheme": "dark"} | table.dark | heat["dark"] | stages["dark"]
    light = {"color-scheme": "light"} | table.light | heat["light"] | stages["light"]
    boxes = {f"box-{name}": colour for name, colour in table.box.items()}
    blocks = [
        _block(":root", boxes | dark),
        _block(':root[data-theme="light"]', light),
    ]
    return f"/* {NOTE} */\n" + "".join(blocks).replace("--color-scheme", "color-scheme")


def key_table() -> str:
    """Return the module with the keys."""
    table = design.load()
    glyphs = json.dumps(table.state, ensure_ascii=False)
    stages = json.dumps({stage.id: stage.glyph for stage in table.stage}, ensure_ascii=False)
    return (
        f"// {NOTE}\n"
        "/** @typedef {{id: string, key: string, cap: string, group: string, verb: string, "
        "says: string, verb_de: string, says_de: string, hint: boolean, once: boolean}} WebKey */\n"
        f"/** @type {{WebKey[]}} */\nexport const KEYS = [\n{_rows(table.web_key)}];\n"
        f"/** @type {{WebKey[]}} */\nexport const LANE_KEYS = [\n{_rows(table.lane_key)}];\n"
        "/** @type {WebKey[]} */\n"
        f"export const SEARCH_KEYS = [\n{_rows(table.search_key)}];\n"
        f"/** @type {{Record<string, string>}} */\nexport const GLYPHS = {glyphs};\n"
        f"/** @type {{Record<string, string>}} */\nexport const STAGES = {stages};\n"
    )


def _rows(keys: tuple[design.WebKey, ...]) -> str:
    lines = (json.dumps(msgspec.to_builtins(key), ensure_ascii=False) for key in keys)
    return "".join(f"  {line},\n" for line in lines)


FILES = {"variables.css": variables, "key_table.js": key_table}

if __name__ == "__main__":
    for name, content in FILES.items():
        (pages.FOLDER / name).write_text(content())
