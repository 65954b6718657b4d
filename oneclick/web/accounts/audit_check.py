"""Reading the audit log: its entries, and whether any was changed or removed."""

from __future__ import annotations

import msgspec

from oneclick.storage.workspace import Workspace
from oneclick.web.accounts import audit
from oneclick.web.accounts.audit import NO_MAC, AuditEntry


class AuditVerification(msgspec.Struct, kw_only=True):
    """What a check of the whole log showed."""

    entries: int = 0
    """Number of the last entry."""
    head: str = NO_MAC
    """Its mac: whoever notes it elsewhere can tell later that the log up to here is the same."""
    problems: list[str] = []


def read_entries(workspace: Workspace) -> list[AuditEntry]:
    """Return all entries in order; broken lines are left out, `verify` names them."""
    entries = []
    for path in audit.log_files(workspace):
        for line in path.read_bytes().splitlines(keepends=True):
            try:
                entries.append(audit.parse_line(line)[0])
            except ValueError:
                continue
    return entries


def verify(workspace: Workspace) -> AuditVerification:
    """Check every entry of the log, and that the last one is there.

    Raises:
        Unavailable: the key cannot be read.
    """
    result, changed = AuditVerification(), list[str]()
    head, paths = audit.read_head(audit.head_file(workspace)), audit.log_files(workspace)
    if not paths and head is None:
        return result
    key = audit.load_key(workspace)
    for path in paths:
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
            place = f"{path.name} line {number}"
            try:
                entry, mac, body = audit.parse_line(line)
            except ValueError:
                result.problems.append(f"{place} is broken or cut off")
                continue
            if entry.entry != result.entries + 1:
                result.problems.append(_jump(place, result.entries, entry.entry))
            elif audit.compute_mac(key, result.head, body) != mac:
                changed.append(f"{place}: entry {entry.entry} was changed, or the one before")
            result.entries, result.head = entry.entry, mac
    if changed and len(changed) == result.entries:
        changed = [f"no entry fits the key: {audit.key_file(workspace)} was changed, or the log"]
    result.problems += changed
    if head is None:
        result.problems.append(f"{audit.head_file(workspace)} is lost: the last entries may be too")
    elif head.entry > result.entries:
        result.problems.append(
            f"the log ends with entry {result.entries}, but {head.entry} were written: the last "
            "ones were removed, or lost in a power cut"
        )
    elif head.entry == result.entries and head.mac != result.head:
        result.problems.append(
            f"the last entry, {head.entry}, is not the one that was written, or "
            f"{audit.head_file(workspace)} was changed"
        )
    return result


def _jump(place: str, before: int, after: int) -> str:
    if after > before + 1:
        span = str(before + 1) if after == before + 2 else f"{before + 1} to {after - 1}"
        return f"{place}: entry {span} before it is missing"
    return f"{place}: entry {after} stands after entry {before}"
