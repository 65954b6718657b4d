"""Review platforms by name: ours, and those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_type_hints

from oneclick.core import plugins
from oneclick.core.errors import OneclickError, UsageError
from oneclick.core.plugins import ContractError, Plugin, PluginGroup
from oneclick.platforms import base
from oneclick.platforms.base import (
    Platform,
    PlatformAdapter,
    PlatformOptions,
    RequestCheck,
    Webhook,
)
from oneclick.platforms.isolated import IsolatedPlatform
from oneclick.storage import bounded_documents
from oneclick.storage.bounded_documents import BrokenJson
from oneclick.storage.workspace import Workspace

if TYPE_CHECKING:
    import typer

GROUP: PluginGroup[PlatformAdapter] = PluginGroup(
    plugins.PLATFORMS,
    {
        "local": "oneclick.platforms.local:LocalAdapter",
        "encord": "oneclick.platforms.encord.adapter:EncordAdapter",
    },
    base.validate,
)


def platform_names() -> list[str]:
    """List the names of the platforms, without importing those of other packages."""
    return GROUP.names()


def read_section(name: str, values: object, selected: bool) -> Any:
    """Return the section `review.<name>` of the settings as Options of the adapter.

    Args:
        name: of a platform.
        values: by option; objects of Options stay as they are.
        selected: clips are reviewed on this platform, and not on another one.

    Raises:
        ValueError: an option does not exist or is wrong (pydantic's ValidationError), or the
            options contradict each other.
        PluginFailure: the package of the platform cannot be used.
    """
    from pydantic import ConfigDict, Field, create_model

    plugin, adapter = GROUP.plugin(name), GROUP.get(name)
    with plugin.isolated("while its settings were read", passing=(ValueError,)):
        model: Any = create_model(
            "Review",
            __config__=ConfigDict(extra="forbid"),
            section=(adapter.Options, Field(alias=name)),
        )
        values = _with_json(adapter.Options, values)
        section: Any = vars(model.model_validate({name: values}))["section"]
        adapter.validate_options(section, selected)
    return section


def _with_json(options: type[Any], values: object) -> object:
    """Return a section in which lists and tables that came as text of the environment are read."""
    if not isinstance(values, Mapping):
        return values
    kinds = get_type_hints(options)
    return {
        name: _parse_json(name, value)
        if isinstance(value, str) and value[:1] in ("[", "{") and kinds.get(name, str) is not str
        else value
        for name, value in values.items()
    }


def _parse_json(name: str, text: str) -> object:
    try:
        return bounded_documents.parse_json(text)
    except BrokenJson as error:
        raise ValueError(f"{name}: {error}") from None


def open_platform(options: PlatformOptions, workspace: Workspace, patient: bool = True) -> Platform:
    """Open the platform of the settings; no request is made yet.

    Args:
        patient: retry for a while where the platform does not answer.

    Raises:
        UnknownName: there is no platform of that name.
        UsageError: its options are not right.
        PluginFailure: its package cannot be used.
    """
    plugin, adapter = GROUP.plugin(options.name), GROUP.get(options.name)
    setup = _with_section(options)
    if plugin.own:
        return adapter.open(setup, workspace, patient)
    with plugin.isolated("while it was opened", passing=(OneclickError,)):
        return IsolatedPlatform(plugin, adapter.open(setup, workspace, patient))


def open_webhook(options: PlatformOptions) -> Webhook | None:
    """Return the webhook of the platform of the settings, or None where it has none.

    Raises:
        UnknownName: there is no platform of that name.
        UsageError: its options are not right.
        PluginFailure: its package cannot be used.
    """
    plugin, adapter = GROUP.plugin(options.name), GROUP.get(options.name)
    setup = _with_section(options)
    with plugin.isolated("while its webhook was made", passing=(OneclickError,)):
        webhook = adapter.webhook(setup.section)
        if webhook is None or plugin.own:
            return webhook
        if not isinstance(webhook, Webhook):
            raise ContractError(f"webhook answered a {type(webhook).__name__}")
        if not isinstance(webhook.address, str) or not str(webhook.path).startswith("/"):
            raise ContractError("its webhook has an address that is no text, or a path without /")
        return replace(webhook, open_check=lambda: _isolated_check(plugin, webhook))


def commands(name: str) -> typer.Typer:
    """Return the further commands of the platform of that name.

    Raises:
        UnknownName: there is no platform of that name.
        UsageError: it has no commands of its own.
        PluginFailure: its package cannot be used.
    """
    plugin, adapter = GROUP.plugin(name), GROUP.get(name)
    with plugin.isolated("while its commands were made", passing=(OneclickError,)):
        app = adapter.commands()
    if app is None:
        raise UsageError(f"review platform {name} has no commands of its own")
    return app


def _with_section(options: PlatformOptions) -> PlatformOptions:
    """Return the options with a section that the adapter understands.

    Settings keep a section as plain values where the adapter could not read it.
    """
    section = {} if options.section is None else options.section
    if not isinstance(section, Mapping):
        return options
    try:
        return replace(options, section=read_section(options.name, section, selected=True))
    except ValueError as error:
        raise UsageError(f"settings: {' '.join(str(error).split())}") from None


def _isolated_check(plugin: Plugin, webhook: Webhook) -> RequestCheck:
    """Return the check of requests of a webhook that another package made."""
    with plugin.isolated("while its webhook was made", passing=(OneclickError,)):
        check = webhook.open_check()

    def isolated_check(headers: Mapping[str, str], body: bytes, timestamp: float) -> bool:
        with plugin.isolated("while it checked a request", passing=(OneclickError,)):
            return bool(check(headers, body, timestamp))

    return isolated_check
