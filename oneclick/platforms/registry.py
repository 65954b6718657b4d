"""Review platforms by name."""

from __future__ import annotations

from typing import get_args

from oneclick.core.errors import UnknownName
from oneclick.platforms.base import Platform
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.options import PlatformName, PlatformOptions
from oneclick.storage.workspace import Workspace


def platform_names() -> list[str]:
    """List the names of the platforms."""
    return list(get_args(PlatformName))


def open_platform(options: PlatformOptions, workspace: Workspace, patient: bool = True) -> Platform:
    """Open the platform of the settings; no request is made yet.

    Args:
        patient: retry for a while where the platform does not answer.

    Raises:
        UnknownName: there is no platform of that name.
    """
    if options.name == LocalPlatform.name:
        return LocalPlatform(workspace.review_dir())
    if options.name == "encord":
        # The SDK takes more than a second to import.
        from oneclick.platforms.encord.connect import DEFAULT_RETRY_POLICY, RetryPolicy
        from oneclick.platforms.encord.platform import EncordPlatform

        return EncordPlatform(
            options, workspace, DEFAULT_RETRY_POLICY if patient else RetryPolicy(retry_delays=())
        )
    raise UnknownName("review platform", options.name, platform_names())
