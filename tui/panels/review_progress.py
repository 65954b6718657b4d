"""Annotators against the goal of the day."""

from __future__ import annotations

from datetime import tzinfo

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.snapshot import ReviewProgress
from oneclick.tui import rows
from oneclick.tui.rows import StyledRow

NAME_WIDTH, NUMBER_WIDTH = 12, 7


def draw(
    progress: ReviewProgress, width: int, height: int, ink: Ink, zone: tzinfo | None
) -> list[StyledRow]:
    """Return a row for each annotator, the day against its goal, and pace with forecast."""
    quiet = ink["quiet"]
    lines: list[StyledRow] = []
    people = sorted(progress.people, key=lambda person: (-person.today, person.name))
    for person in people[: max(height - 1, 1)]:
        name = rows.align_left(person.name, min(NAME_WIDTH, width // 3))
        hour = rows.align_right(f"{person.hours[-1]:,}/h", NUMBER_WIDTH)
        today = rows.align_right(formatting.count(person.today), NUMBER_WIDTH)
        start = [(name, ink["text"]), (" ", ""), (rows.sparkline(person.hours), ink["run"])]
        lines.append(rows.justify(start, [(hour, quiet), (today, f"{ink['text']} bold")], width))
    if not people:
        lines.append([("nobody reviewed today: oneclick review list", quiet)])
    lines.append(goal_bar(progress, width, ink))
    return [*lines, pace(progress, ink, zone)] if height > len(lines) else lines


def goal_bar(progress: ReviewProgress, width: int, ink: Ink) -> StyledRow:
    """Return a bar of today's images up to the higher goal, with a mark at the lower one."""
    low, high = progress.goal
    reached = progress.today >= low
    check = f" {ink.design.state['ok']}" if reached else ""
    number = rows.align_right(f"{formatting.count(progress.today)}{check}", NUMBER_WIDTH + 1)
    inner = max(width - len("today ") - NUMBER_WIDTH - 3, 8)
    full = min(round(inner * progress.today / max(high, progress.today)), inner)
    goal = min(round(inner * low / max(high, progress.today)), inner - 1)
    cells = ["━" if k < full else "─" for k in range(inner)]
    colour = ink["ok"] if reached else ink["run"]
    bar: StyledRow = [
        ("".join(cells[:goal]), colour if full else ink["rule"]),
        ("┃", ink["accent"]),
        ("".join(cells[goal + 1 :]), colour if full > goal else ink["rule"]),
    ]
    if 0 < full < goal:
        bar[:1] = [("━" * full, colour), ("─" * (goal - full), ink["rule"])]
    style = f"{ink['ok'] if reached else ink['text']} bold"
    return rows.justify([("today ", ink["quiet"]), *bar], [(number, style)], width)


def pace(progress: ReviewProgress, ink: Ink, zone: tzinfo | None) -> StyledRow:
    """Return images of the last hour, when the lower goal is reached at this pace, and the goal."""
    low, high = progress.goal
    goal = f"goal {formatting.count(low)}–{formatting.count(high)}"
    forecast = ""
    if progress.reached:
        time = formatting.today(progress.reached, progress.at, zone)
        forecast = f", {formatting.count(low)} {time}"
    return [(f"{progress.pace:,} in the last hour{forecast} · {goal}", ink["quiet"])]
