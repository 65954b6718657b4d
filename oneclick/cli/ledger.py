"""`oneclick triggers report`: what each trigger is worth, and what all of them miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.report import Ledger


def report(home: output.Home = None, json: output.Json = False) -> None:
    """What each trigger found, what it cost, and what the random control says they miss."""
    from oneclick import report as numbers

    found = numbers.ledger(output.settings(home).home)
    if json:
        output.show_json(found)
        return
    rows = numbers.columns(found)
    output.table(list(rows[0]), [list(row.values()) for row in rows])
    for line in numbers.sentences(found):
        output.say(line)
    output.say(_coverage(found))


def _coverage(found: Ledger) -> str:
    left = [f"{found.silent} that cannot testify (predictions or labels are gone)"]
    left += [f"{found.rejected} rejected"]
    return f"clips reviewed by people: {found.reviewed}; left out: {', '.join(left)}"
