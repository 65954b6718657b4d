"""Settings without what is wrong in them, for what must go on while somebody edits them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from oneclick import settings
from oneclick.core.errors import UsageError
from oneclick.services.settings_file import TomlSource
from oneclick.settings import Settings

_NEEDED = ("home", "alerts", "live", "cameras")
"""What is kept longest: who is told of which cameras."""


class RepairedSettings(Settings):
    """Settings whose values are all given: neither file nor environment is read."""

    model_config = SettingsConfigDict(toml_file=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the arguments alone."""
        return (init_settings,)


def load(**overrides: object) -> tuple[Settings, str]:
    """Read the settings; where they are wrong, return the rest of them and the reason in one line.

    A file that is no TOML at all leaves the environment and the defaults.
    """
    try:
        return settings.load(**overrides), ""
    except (UsageError, ValueError) as error:
        problem = str(error)
    values: dict[str, Any] = {}
    for source in (TomlSource, EnvSettingsSource):
        with suppress(UsageError, ValueError):
            values = _merge(values, source(Settings)())
    values |= {name: value for name, value in overrides.items() if value is not None}
    needed = {name: value for name, value in values.items() if name in _NEEDED}
    home = {name: value for name, value in values.items() if name == "home"}
    for candidate in (values, needed, home):
        if (repaired := _validate(candidate)) is not None:
            return repaired, problem
    return RepairedSettings(), problem


def _validate(values: dict[str, Any]) -> Settings | None:
    """Return settings of these values, less those that are wrong; None where that is no use."""
    while True:
        try:
            return RepairedSettings(**values)
        except ValidationError as error:
            remaining = values
            for wrong in error.errors():
                remaining = _without(remaining, wrong["loc"])
            if remaining == values:
                return None
            values = remaining
        except UsageError:
            return None


def _without(values: Mapping[str, Any], place: Sequence[object]) -> dict[str, Any]:
    """Return values without the one at a place: the last of its keys that names one."""
    if not place or place[0] not in values:
        return dict(values)
    name, inner = str(place[0]), values[str(place[0])]
    if isinstance(inner, dict) and len(place) > 1 and place[1] in inner:
        return {**values, name: _without(inner, place[1:])}
    return {key: value for key, value in values.items() if key != name}


def _merge(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return two nested dicts as one; `more` counts where both have a value."""
    merged = dict(values)
    for name, value in more.items():
        inner = merged.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            value = _merge(inner, value)
        merged[name] = value
    return merged
