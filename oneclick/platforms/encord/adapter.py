"""How oneclick knows Encord; the SDK is imported when the platform is opened."""

from __future__ import annotations

from functools import partial

from oneclick.platforms.base import Platform, PlatformAdapter, PlatformOptions, Webhook
from oneclick.platforms.encord import webhook
from oneclick.platforms.encord.options import EncordOptions
from oneclick.services import settings_file
from oneclick.storage.workspace import Workspace


class EncordAdapter(PlatformAdapter):
    """Review in a project on Encord."""

    name = "encord"
    Options = EncordOptions

    def open(self, setup: PlatformOptions, workspace: Workspace, patient: bool = True) -> Platform:
        """Open the project of the settings; no request is made yet."""
        # The SDK takes more than a second to import.
        from oneclick.platforms.encord.connect import DEFAULT_RETRY_POLICY, RetryPolicy
        from oneclick.platforms.encord.platform import EncordPlatform

        retry_policy = DEFAULT_RETRY_POLICY if patient else RetryPolicy(retry_delays=())
        return EncordPlatform(setup, workspace, retry_policy)

    def validate_options(self, options: EncordOptions, selected: bool) -> None:
        """Check that uploads can run, and that a bucket has all it needs.

        Raises:
            ValueError: naming the option.
        """
        if options.uploads < 1:
            raise ValueError(f"encord.uploads is {options.uploads}: at least 1")
        if selected and options.upload == "bucket":
            for name in ("bucket", "integration"):
                if not getattr(options, name):
                    raise ValueError(f"encord.upload is bucket: encord.{name} is missing")
            settings_file.check_server(options.bucket)

    def webhook(self, options: EncordOptions) -> Webhook:
        """Return the webhook that Encord calls when a task has moved."""
        return Webhook(options.listen, webhook.PATH, partial(webhook.open_check, options))
