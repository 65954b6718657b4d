"""What review platforms keep of each clip: `review/<platform>/records/<clip>.json`.

The rest of such a file belongs to the platform's adapter; its `title` is for all to read.
"""

from __future__ import annotations

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import sealed_files
from oneclick.storage.workspace import Workspace


class _TitleRecord(msgspec.Struct, frozen=True):
    title: str = ""


def clip_titles(workspace: Workspace, clip_id: str) -> dict[str, str]:
    """Return the title of a clip on each platform that it was sent to; skip broken records."""
    titles = {}
    for path in sorted(workspace.review_dir().glob(f"*/records/{clip_id}.json")):
        try:
            record: _TitleRecord = sealed_files.read(path, _TitleRecord)
        except BadInput:
            continue
        if record.title:
            titles[path.parts[-3]] = record.title
    return titles
