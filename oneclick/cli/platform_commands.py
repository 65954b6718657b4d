"""`oneclick review <name> …`: commands that plug-ins of review platforms bring.

They are listed by the names of their packages, and imported when one of them runs.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from oneclick.core import plugins
from oneclick.core.errors import OneclickError
from oneclick.core.plugins import PLATFORMS, Plugin

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""What a wrong argument raises; Typer brings a Click of its own, which has no public name."""


class ReviewGroup(TyperGroup):
    """Our own commands, and one for each review platform of another package.

    A platform that has the name of one of our commands cannot be reached here.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, our own first."""
        names = [plugin.name for plugin in plugins.installed(PLATFORMS)]
        return list(dict.fromkeys([*super().list_commands(ctx), *names]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of that name, or None."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            return command
        installed = plugins.installed(PLATFORMS)
        plugin = next((plugin for plugin in installed if plugin.name == cmd_name), None)
        return plugin and PlatformCommand(plugin)


class PlatformCommand(TyperCommand):
    """All commands of one platform; whatever they raise is one line that names the package."""

    def __init__(self, plugin: Plugin) -> None:
        super().__init__(
            plugin.name,
            callback=None,
            help=f"Commands of review platform {plugin.name} ({plugin.package}).",
            add_help_option=False,
            context_settings={
                "allow_extra_args": True,
                "allow_interspersed_args": False,
                "ignore_unknown_options": True,
            },
        )
        self._plugin = plugin

    def invoke(self, ctx: Any) -> Any:
        """Import the commands, and run the one that the arguments name."""
        from oneclick.platforms import registry

        app = registry.commands(self._plugin.name)
        app.rich_markup_mode = None  # plain help, as that of our own commands
        group = typer.main.get_group(app)
        passing = (OneclickError, USAGE_ERROR, typer.Exit, typer.Abort)
        with (
            self._plugin.isolated(passing=passing),
            group.make_context(self._plugin.name, list(ctx.args), parent=ctx.parent) as context,
        ):
            return group.invoke(context)
