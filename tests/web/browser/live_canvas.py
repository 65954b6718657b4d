"""What the page of a live camera paints; its pictures are those of tests.web.live_camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

from tests.web.browser.keyboard import strike
from tests.web.live_camera import CELL, DIGITS, HEIGHT, WIDTH

READ_BITS = f"""() => {{
  const canvas = document.getElementById("picture");
  const {{ width, height }} = canvas;
  const scale = Math.min(width / {WIDTH}, height / {HEIGHT});
  const [left, top] = [(width - scale * {WIDTH}) / 2, (height - scale * {HEIGHT}) / 2];
  const context = canvas.getContext("2d");
  let number = 0;
  for (let bit = 0; bit < {DIGITS}; bit++) {{
    const [x, y] = [(bit + 0.5) * {CELL}, {HEIGHT} - {CELL} / 2];
    const [red] = context.getImageData(left + scale * x, top + scale * y, 1, 1).data;
    number += red > 128 ? 1 << bit : 0;
  }}
  return number;
}}"""
"""Reads the number in the picture that is painted."""
READ_NUMBER = f"""() => [({READ_BITS})(), document.getElementById("overlay").dataset.painted]"""
"""Reads the number in the picture that is painted, and what the page says of it."""
HAS_COLOUR = """([x, y, width, height, colour]) => {
  const canvas = document.getElementById("overlay");
  const scale = Math.min(canvas.width / width, canvas.height / height);
  const left = (canvas.width - scale * width) / 2;
  const top = (canvas.height - scale * height) / 2;
  const context = canvas.getContext("2d");
  const [px, py] = [Math.round(left + scale * x), Math.round(top + scale * y)];
  const { data } = context.getImageData(px - 3, py - 3, 7, 7);
  const near = (k) => colour.every((value, c) => Math.abs(data[k + c] - value) < 40);
  for (let k = 0; k < data.length; k += 4) if (data[k + 3] > 100 && near(k)) return true;
  return false;
}"""
"""Looks for a colour near a point of the picture on the canvas of the boxes."""
BLUE, WHITE, YELLOW = [0x6F, 0x8F, 0xFF], [255, 255, 255], [0xFF, 0xD5, 0x4A]
READ_SCENE = f"""(colour) => {{
  const [number, painted] = ({READ_NUMBER})();
  const canvas = document.getElementById("overlay");
  const {{ width, height }} = canvas;
  const {{ data }} = canvas.getContext("2d").getImageData(0, 0, width, height);
  const isLine = (x, y) => {{
    const k = 4 * (y * width + x);
    return data[k + 3] > 100 && colour.every((value, c) => Math.abs(data[k + c] - value) < 40);
  }};
  const rowsOf = (x) => [...Array(height).keys()].filter((y) => isLine(x, y));
  const columns = [...Array(width).keys()].map(rowsOf);
  const tall = Math.max(1, ...columns.map((rows) => rows.length)) / 2;
  const isSide = (rows) => rows.length > tall;
  const [x1, x2] = [columns.findIndex(isSide), columns.findLastIndex(isSide)];
  const scene = {{ number, painted, box: null }};
  if (x1 < 0) return scene;
  // Away from the sides, where the tag stands above or below.
  const middle = columns[x1][columns[x1].length >> 1];
  const rows = rowsOf((x1 + x2) >> 1);
  const [y1, y2] = [rows.findLast((y) => y < middle), rows.find((y) => y > middle)];
  const scale = Math.min(width / {WIDTH}, height / {HEIGHT});
  const [left, top] = [(width - scale * {WIDTH}) / 2, (height - scale * {HEIGHT}) / 2];
  scene.box = [x1 - left, y1 - top, x2 + 1 - left, y2 + 1 - top].map((side) => side / scale);
  return scene;
}}"""
"""Reads the picture's number and name, and the sides in px of the only box of a colour."""


@dataclass(frozen=True, kw_only=True)
class PaintedScene:
    """A picture and its box as they are painted on the page."""

    number: int
    """Burnt into the picture."""
    name: str
    """Of the picture, as the page tells it: its source and its number there."""
    box: tuple[float, float, float, float] | None
    """As drawn, in px of the picture; None where there is no box."""


def read_scene(page: Page) -> PaintedScene:
    """Return what is painted at this moment, picture and box together."""
    scene: dict[str, Any] = page.evaluate(READ_SCENE, BLUE)
    box = scene["box"]
    return PaintedScene(number=scene["number"], name=scene["painted"], box=box and tuple(box))


def is_coloured(page: Page, x: float, y: float, colour: list[int]) -> bool:
    """Check that a colour is near a point of the picture on the canvas of the boxes."""
    answer: bool = page.evaluate(HAS_COLOUR, [x, y, WIDTH, HEIGHT, colour])
    return answer


def held(page: Page) -> Page:
    """Hold the picture still."""
    strike(page, "Space")
    expect(page.locator("body")).to_have_attribute("data-mode", "held")
    return page
