"""Where people review: our own queue, and the services that teams already use."""

from oneclick.core.errors import UnknownName
from oneclick.io.workspace import Workspace
from oneclick.platforms.base import Platform
from oneclick.platforms.local import LocalPlatform

__all__ = ["LocalPlatform", "Platform", "known", "open_platform"]


def known() -> list[str]:
    """Names of the platforms."""
    return [LocalPlatform.name]


def open_platform(name: str, workspace: Workspace) -> Platform:
    """The platform of that name.

    Raises:
        UnknownName: if there is none.
    """
    if name == LocalPlatform.name:
        return LocalPlatform(workspace.review_dir())
    raise UnknownName("review platform", name, known())
