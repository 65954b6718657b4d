"""The platforms by name."""

from __future__ import annotations

from typing import get_args

from oneclick.core.errors import UnknownName
from oneclick.platforms.base import Platform
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.options import Choice, Name
from oneclick.storage.workspace import Workspace


def known() -> list[str]:
    """Names of the platforms."""
    return list(get_args(Name))


def open_platform(choice: Choice, workspace: Workspace, patient: bool = True) -> Platform:
    """The platform chosen; nothing is asked of it yet.

    Args:
        patient: try again for a while where it does not answer.

    Raises:
        UnknownName: if there is none of that name.
    """
    if choice.name == LocalPlatform.name:
        return LocalPlatform(workspace.review_dir())
    if choice.name == "encord":
        # Its library takes more than a second to load.
        from oneclick.platforms.encord.connect import PATIENT, Patience
        from oneclick.platforms.encord.platform import EncordPlatform

        return EncordPlatform(choice, workspace, PATIENT if patient else Patience(tries=()))
    raise UnknownName("review platform", choice.name, known())
