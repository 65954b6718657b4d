"""The settings of sources: where recordings come from, and how their names are read."""

from __future__ import annotations

import zoneinfo
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from oneclick.core import layouts
from oneclick.core.source_options import SKIPPED_FOLDERS, SourceOptions


def as_section(value: Any) -> Any:
    """Return the section `[sources]` for `sources = […]`, which names the paths alone."""
    return {"paths": value} if isinstance(value, list | tuple) else value


class SourceSettings(BaseModel):
    """Sources of recordings; `sources = [...]` names the paths alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paths: tuple[str, ...] = ()
    """Folders, files or URLs that `collect` fetches from on schedule."""
    pattern: tuple[str, ...] = ()
    """Regular expressions that read camera and start from a path, before the known layouts: groups
    are called camera, year, month, day, hour, minute, second, offset, epoch and half (AM or PM)."""
    timezone: str = ""
    """IANA zone of times in names without an offset, such as Europe/Berlin; empty takes them as
    UTC."""
    settle_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """Seconds for which a file must not have changed; one that was just written is waited for, and
    one that still grows is left for the next pass."""
    skip: tuple[str, ...] = SKIPPED_FOLDERS
    """Folders that are not searched: names or ends of paths, with * and ?."""

    @model_validator(mode="before")
    @classmethod
    def _read_list(cls, value: Any) -> Any:
        return as_section(value)

    @field_validator("pattern", mode="before")
    @classmethod
    def _read_one_pattern(cls, value: Any) -> Any:
        return ((value,) if value else ()) if isinstance(value, str) else value

    @field_validator("pattern")
    @classmethod
    def _check_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            layouts.check_pattern(pattern)
        return patterns

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name or "UTC")
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"{name!r} is no time zone: name one such as Europe/Berlin or America/New_York"
            ) from None
        return name

    def options(self) -> SourceOptions:
        """Return what fetching takes of these settings."""
        return SourceOptions(
            patterns=self.pattern, timezone=self.timezone, skip=self.skip, settle_s=self.settle_s
        )
