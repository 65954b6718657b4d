"""Annotators against the goal of the day."""

from __future__ import annotations

from datetime import tzinfo

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.snapshot import Reviewing
from tui import rows
from tui.rows import Row

NAME, NUMBER = 12, 7


def draw(found: Reviewing, room: int, height: int, ink: Ink, zone: tzinfo | None) -> list[Row]:
    """A row for each person, the day against its goal, pace and forecast."""
    quiet, lines = ink["quiet"], []
    people = sorted(found.people, key=lambda one: (-one.today, one.name))
    for one in people[: max(height - 1, 1)]:
        name = rows.left(one.name, min(NAME, room // 3))
        hour = rows.right(f"{one.hours[-1]:,}/h", NUMBER)
        begin: Row = [(name, ink["text"]), (" ", ""), (rows.spark(one.hours), ink["run"])]
        end: Row = [
            (hour, quiet),
            (rows.right(formatting.count(one.today), NUMBER), f"{ink['text']} bold"),
        ]
        lines.append(rows.spread(begin, end, room))
    if not people:
        lines.append([("nobody reviewed today: oneclick review list", quiet)])
    lines.append(_day(found, room, ink))
    return [*lines, _pace(found, ink, zone)] if height > len(lines) else lines


def _day(found: Reviewing, room: int, ink: Ink) -> Row:
    """A bar up to the higher goal, with a mark at the lower one."""
    low, high = found.goal
    reached = found.today >= low
    mark = f" {ink.design.state['ok']}" if reached else ""
    number = rows.right(f"{formatting.count(found.today)}{mark}", NUMBER + 1)
    inner = max(room - len("today ") - NUMBER - 3, 8)
    full = min(round(inner * found.today / max(high, found.today)), inner)
    goal = min(round(inner * low / max(high, found.today)), inner - 1)
    cells = ["━" if k < full else "─" for k in range(inner)]
    colour = ink["ok"] if reached else ink["run"]
    bar: Row = [
        ("".join(cells[:goal]), colour if full else ink["rule"]),
        ("┃", ink["accent"]),
        ("".join(cells[goal + 1 :]), colour if full > goal else ink["rule"]),
    ]
    if 0 < full < goal:
        bar[:1] = [("━" * full, colour), ("─" * (goal - full), ink["rule"])]
    text = f"{ink['ok'] if reached else ink['text']} bold"
    return rows.spread([("today ", ink["quiet"]), *bar], [(number, text)], room)


def _pace(found: Reviewing, ink: Ink, zone: tzinfo | None) -> Row:
    low, high = found.goal
    goal = f"goal {formatting.count(low)}–{formatting.count(high)}"
    when = ""
    if found.reached:
        when = f", {formatting.count(low)} {formatting.today(found.reached, found.at, zone)}"
    return [(f"{found.pace:,} in the last hour{when} · {goal}", ink["quiet"])]
