"""Tracebacks of failed items: `<home>/logs/<item>.log`, newest entry last.

The user gets one line that names the file; the traceback is for whoever mends the code. Folders
outside the workspace may be called after people, so their paths are shortened to the suffix.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from oneclick import __version__
from oneclick.core import urls, visible
from oneclick.core.errors import OneclickError, Unavailable, UnknownName, UsageError, reason
from oneclick.storage import files
from oneclick.storage.workspace import Workspace

LARGEST = 256 * 1024
"""Bytes from which on a log is put beside as `.old.log`, in place of the one before."""
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,150}")
# A path ends at a quote, at a colon before a space, or with the line: names may hold spaces.
_PATH = re.compile(r"(?<![\w<>.:/])(?:~|[A-Za-z]:)?/(?:(?!: )[^\n'\"])*")


@contextmanager
def isolate(
    failed: dict[str, str],
    workspace: Workspace,
    item: str,
    doing: str,
    on_failure: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Let an exception of one item become its line in `failed`, so that the batch goes on.

    What would fail every item alike is raised: the disk, a server or a permission that is missing
    (Unavailable), and settings that cannot be right (UsageError).

    Args:
        failed: gets the one-line reason under `item`.
        doing: verb and object for the message of an unforeseen exception: `extract clip-1`.
        on_failure: called with the reason, unless there is no such item at all.
    """
    try:
        yield
    except UnknownName as error:
        failed[item] = str(error)
    except (Unavailable, UsageError):
        raise
    except Exception as error:
        failed[item] = record(workspace, item, doing, error)
        if on_failure:
            on_failure(failed[item])


def record(workspace: Workspace, item: str, doing: str, error: Exception) -> str:
    """Return the one-line reason of a failed item; keep the traceback where it tells more.

    Our own errors without a cause say all there is to say in their line and leave no log. A log
    that cannot be written, on a full disk for example, costs only the traceback.
    """
    line = reason(error, doing)
    if isinstance(error, OneclickError) and error.__cause__ is None:
        return line
    path = log_file(workspace, item)
    try:
        append(path, f"{doing} (oneclick {__version__})", error, workspace.home)
    except Unavailable:
        return line
    return f"{line}; traceback in {path}"


def log_file(workspace: Workspace, item: str) -> Path:
    """Return where tracebacks of an item go; names that are not ids are hidden behind a digest."""
    name = (
        item if _SAFE_NAME.fullmatch(item) else f"item-{sha256(os.fsencode(item)).hexdigest()[:12]}"
    )
    return workspace.logs_dir / f"{name}.log"


def append(path: Path, heading: str, error: BaseException, home: Path) -> None:
    """Add a traceback with a heading and the time (UTC).

    Raises:
        NoSpace, Unavailable: if it cannot be written.
    """
    text = "".join(traceback.format_exception(error))
    head = f"== {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {visible.line(heading)}"
    entry = f"{head}\n{visible.block(scrub(text, home))}\n"
    with files.guard(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST:
            path.replace(path.with_suffix(".old.log"))
        # One write at the end of the file: entries of two processes never mix.
        with path.open("ab", buffering=0) as file:
            file.write(entry.encode(errors="replace"))


def scrub(text: str, home: Path) -> str:
    """Return a traceback with paths of code and workspace shortened, others and tokens hidden."""
    for root, name in ((str(home.absolute()), "<home>"), *_code_roots()):
        text = text.replace(root, name)
    text = urls.masked(text)
    return _PATH.sub(lambda match: "<path>" + Path(match.group().split(" ")[-1]).suffix, text)


def _code_roots() -> list[tuple[str, str]]:
    """Return folders of the code, longest first, with what stands for them in a log."""
    here = Path(__file__).parents[2]
    roots = {str(here): "<code>", sys.prefix: "<python>", sys.base_prefix: "<python>"}
    return sorted(roots.items(), key=lambda pair: -len(pair[0]))
