"""Every error the engine raises on purpose.

OneclickError                 exit 1   something failed; the message names the thing and the remedy
├── UsageError                exit 2   a wrong argument or contradictory settings
│   ├── UnknownName           exit 2   no detector, trigger, clip or model of that name
│   └── DetectorUnavailable   exit 4   a detector whose file or download is missing
├── BadInput                  exit 3   a file that is not what it says: skipped, the rest goes on
│   ├── BadVideo              exit 3
│   └── BadLabels             exit 3
├── IllegalMove               exit 1   a clip cannot go from this stage to that one
├── PlatformRefused           exit 1   the review platform will not have this clip
└── Unavailable               exit 4   the world outside: disk full, no permission, server away
    ├── NoSpace               exit 4
    └── PlatformAway          exit 4   the review platform does not answer, or lets nobody in
"""


class OneclickError(Exception):
    """Base of all; `str(error)` is one line for the user, without a traceback."""

    exit_code = 1


class UsageError(OneclickError):
    """An argument or a setting cannot be right."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that nothing answers to; the message lists the names that exist."""

    def __init__(self, kind: str, name: str, known: list[str] | tuple[str, ...] = ()) -> None:
        known_text = f"; known: {', '.join(known)}" if known else ""
        super().__init__(f"no {kind} is called {name!r}{known_text}")


class DetectorUnavailable(UsageError):
    """A detector cannot load; the message says which file or download is missing."""

    exit_code = 4


class BadInput(OneclickError):
    """One input is broken; it is skipped and the rest of the work goes on."""

    exit_code = 3


class BadVideo(BadInput):
    """A video file that cannot be decoded as one."""


class BadLabels(BadInput):
    """A label or detections file that does not parse or contradicts itself."""


class IllegalMove(OneclickError):
    """A clip was asked to move between two stages that are not neighbours."""


class Unavailable(OneclickError):
    """Something outside the program is away: a disk, a server, a permission."""

    exit_code = 4


class NoSpace(Unavailable):
    """The device is full; nothing half-written was left."""


class PlatformAway(Unavailable):
    """The review platform does not answer, or lets nobody in; other work goes on."""


class PlatformRefused(OneclickError):
    """The review platform will not have one clip, or has lost it; the others go on."""


def reason(error: Exception, what: str) -> str:
    """One line for the user: our own errors speak for themselves, others name `what` failed."""
    own = isinstance(error, OneclickError)
    text = str(error) if own else f"cannot {what}: {type(error).__name__}: {error}"
    return " ".join(text.split())
