"""Our own platform: a queue of clips, and the desk at which people correct their labels.

tasks/<clip>.json             the labels as they were sent
journal/<clip>.jsonl          every edit, `<clip>.2.jsonl` after the clip was reopened; with
                              <clip>.head (storage/edit_journals.py)
desk/<clip>.json              what the reviewer was asked and how long it took, by round
verdicts/ archive/            what was decided (verdict_inbox.py)
reopened/<clip>.2.json        why a clip that was decided is reviewed again
"""

from oneclick.platforms.local.queue import LocalAdapter, LocalPlatform

__all__ = ["LocalAdapter", "LocalPlatform"]
