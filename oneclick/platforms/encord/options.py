"""The section `review.encord` of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

EUROPE, US = "https://api.encord.com", "https://api.us.encord.com"


@dataclass(frozen=True, kw_only=True)
class EncordOptions:
    """Review on Encord. The private key itself is never a setting: only the file that holds it."""

    project: str = "oneclick"
    """Title or id of the project."""
    key_file: str = ""
    """Private Ed25519 key; empty means ENCORD_SSH_KEY_FILE or ENCORD_SSH_KEY."""
    domain: str = EUROPE
    """API of the region of the account; in the US https://api.us.encord.com."""
    workflow_template: str = ""
    """Id of the workflow for a project that `review setup` makes; empty is Encord's standard."""
    finished: str = "Complete"
    """Title of the stage where clips are accepted."""
    discarded: str = "Archive"
    """Title of the stage where clips are rejected."""
    hold: str = ""
    """Title of an agent stage before annotation, where clips wait for their labels."""
    titles: Literal["code", "clip"] = "code"
    """Titles that annotators see: a code that reveals nothing, or the id of the clip."""
    uploads: int = 4
    """Clips uploaded at once."""
    upload: Literal["file", "bucket"] = "file"
    """Upload files to Encord, or copy them into a bucket of yours and register them there."""
    bucket: str = ""
    """fsspec URL of the folder in the bucket: s3://ward-clips/oneclick."""
    bucket_url: str = ""
    """The same folder as Encord addresses it; empty means `bucket`."""
    integration: str = ""
    """Title of the cloud integration that may read the bucket."""
    strict: bool = False
    """Encord's servers cannot read the bucket (strict client-only access): send them the sizes."""
    listen: str = ""
    """host:port where `oneclick up` listens for Encord's webhooks; empty means not at all."""
    webhook_secret_file: str = ""
    """File of the secret that Encord signs webhooks with; empty means ENCORD_WEBHOOK_SECRET."""
    people: Mapping[str, str] = field(default_factory=dict)
    """Name by e-mail, for labels and reports; other reviewers keep their e-mail."""

    def name_of(self, email: str | None) -> str:
        """Return the name of a reviewer in labels and reports."""
        return self.people.get(email or "", email or "encord")
