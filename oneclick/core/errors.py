"""The exceptions that oneclick raises, and their exit codes.

OneclickError                 exit 1   something failed; the message names the thing and the remedy
├── UsageError                exit 2   a wrong argument or contradictory settings
│   ├── UnknownName           exit 2   no detector, trigger, clip or model of that name
│   └── DetectorUnavailable   exit 4   a detector whose file or download is missing
├── BadInput                  exit 3   an invalid file: it is skipped and the rest goes on
│   ├── BadVideo              exit 3
│   └── BadLabels             exit 3
├── IllegalMove               exit 1   a clip cannot go from this stage to that one
├── PlatformRefused           exit 1   the review platform rejects this clip
└── Unavailable               exit 4   an outside resource: disk full, no permission, server down
    ├── NoSpace               exit 4
    ├── PlatformAway          exit 4   the review platform does not answer or denies access
    └── StreamBroken          exit 4   a live source that ends, stalls or cannot be understood
        └── StreamRefused     exit 4   a live source that denies access, or is not there
"""

from __future__ import annotations

from oneclick.core import visible


class OneclickError(Exception):
    """Base class; `str(error)` is one line for the user, shown without a traceback.

    It often quotes names of files, or what others wrote: hidden characters are shown as escapes.
    """

    exit_code = 1

    def __str__(self) -> str:
        return visible.line(super().__str__())


class UsageError(OneclickError):
    """A wrong argument, or contradictory settings."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that does not exist; the message lists the names that do."""

    def __init__(self, kind: str, name: str, names: list[str] | tuple[str, ...] = ()) -> None:
        suffix = f"; known: {', '.join(names)}" if names else ""
        super().__init__(f"no {kind} is called {name!r}{suffix}")


class DetectorUnavailable(UsageError):
    """A detector that cannot load; the message names the missing file or download."""

    exit_code = 4


class BadInput(OneclickError):
    """An invalid input; it is skipped and the rest of the work goes on."""

    exit_code = 3


class BadVideo(BadInput):
    """A video file that cannot be decoded as one."""


class BadLabels(BadInput):
    """A label or detections file that does not parse or contradicts itself."""


class IllegalMove(OneclickError):
    """A transition between two stages that the pipeline does not allow."""


class Unavailable(OneclickError):
    """A resource outside the program is not available: a disk, a server, a permission."""

    exit_code = 4


class NoSpace(Unavailable):
    """The disk is full; no partly written file remains."""


class PlatformAway(Unavailable):
    """The review platform does not answer or denies access; other work goes on."""


class StreamBroken(Unavailable):
    """A live source ends, stalls or sends what cannot be understood; it is tried again."""


class StreamRefused(StreamBroken):
    """A live source denies access or is not there; it is tried again, but less often."""


class PlatformRefused(OneclickError):
    """The review platform rejects or has lost one clip; the others go on."""


def reason(error: Exception, action: str) -> str:
    """Format an error as one line for the user.

    Args:
        error: what was raised; a OneclickError stands as it is.
        action: what failed, such as "read the file"; it is named for all other errors.
    """
    is_ours = isinstance(error, OneclickError)
    text = str(error) if is_ours else f"cannot {action}: {type(error).__name__}: {error}"
    return visible.line(" ".join(text.split()))
