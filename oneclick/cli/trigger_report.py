"""`oneclick triggers report`: precision and cost of each trigger, and what all of them miss."""

from __future__ import annotations

from oneclick.cli import output


def report(home: output.Home = None, json: output.Json = False) -> None:
    """Show what each trigger found and cost, and what the random control says they miss."""
    from oneclick import report as numbers

    ledger = numbers.measure_triggers(output.load_settings(home).home)
    if json:
        output.print_json(ledger)
        return
    rows = numbers.trigger_columns(ledger)
    output.print_table(list(rows[0]), [list(row.values()) for row in rows])
    for line in numbers.control_summary(ledger):
        output.message(line)
    output.message(
        f"clips reviewed by people: {ledger.reviewed}; left out: {ledger.silent} without stored "
        f"predictions or labels, {ledger.rejected} rejected"
    )
