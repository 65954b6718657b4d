"""Which platform, and how to reach it; plain values, so that settings and tasks can carry them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Name = Literal["local", "encord"]
EUROPE, US = "https://api.encord.com", "https://api.us.encord.com"


@dataclass(frozen=True)
class EncordOptions:
    """Review on Encord. The key itself is never a setting: only the file that holds it."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  pydantic reads it from here

    project: str = "oneclick"
    """Title or id of the project."""
    key_file: str = ""
    """Private Ed25519 key; empty means ENCORD_SSH_KEY_FILE or ENCORD_SSH_KEY."""
    domain: str = EUROPE
    """Where the account lives; in the US https://api.us.encord.com."""
    workflow_template: str = ""
    """Id of the workflow for a project that `review setup` makes; empty is Encord's standard."""
    finished: str = "Complete"
    """Title of the stage where clips are accepted."""
    discarded: str = "Archive"
    """Title of the stage where clips are rejected."""
    hold: str = ""
    """Title of an agent stage before annotation, where clips wait for their labels."""
    titles: Literal["code", "clip"] = "code"
    """What people see there: a code that tells nothing, or the id of the clip."""
    uploads: int = 4
    """Clips brought at once."""
    upload: Literal["file", "bucket"] = "file"
    """Send files to Encord, or copy them into a bucket of yours and register them."""
    bucket: str = ""
    """fsspec URL of the folder in the bucket: s3://ward-clips/oneclick."""
    bucket_url: str = ""
    """The same folder as Encord names it; empty means `bucket`."""
    integration: str = ""
    """Title of the cloud integration that may read the bucket."""
    strict: bool = False
    """Encord's servers cannot read the bucket (strict client-only access): tell them the sizes."""
    listen: str = ""
    """host:port where `oneclick up` waits for Encord's webhooks; empty is nowhere."""
    webhook_secret_file: str = ""
    """What Encord signs them with; empty means ENCORD_WEBHOOK_SECRET."""
    people: Mapping[str, str] = field(default_factory=dict)
    """E-mail to the name that labels and reports carry; others keep their e-mail."""


@dataclass(frozen=True)
class Choice:
    """A platform, and what may be drawn there."""

    name: Name = "local"
    classes: tuple[str, ...] = ("person",)
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What a track may have, and its values."""
    encord: EncordOptions = EncordOptions()
