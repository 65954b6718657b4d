"""The page of all settings, section by section."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, is_dataclass
from dataclasses import fields as dataclass_fields
from typing import Any, get_type_hints

from pydantic import BaseModel

from oneclick.platforms import registry
from oneclick.settings import ReviewSettings, Settings
from tests.docs import markdown, sources, type_names

INTRODUCTION = """\
# Settings

Everything works with nothing set. What is set comes from, in this order: an argument of the
command, the environment, `oneclick.toml` in the current folder, the default. Lists and tables are
JSON in the environment: `ONECLICK_DETECT__LABELLERS='["opencv:hog"]'`. A setting that does not
exist, is out of range or contradicts another is refused in one line that names it, with exit code
2. A review platform has a section of its own, `[review.NAME]`; those of platforms that come from
other packages are described there.
"""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting, as the page shows it."""

    path: tuple[str, ...]
    kind: str
    default: str
    text: str

    @property
    def variable(self) -> str:
        """Return the name of its environment variable."""
        return f"ONECLICK_{'__'.join(self.path).upper()}"


def sections(model: type, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], type]]:
    """Yield a section of the settings and those below it, by their path."""
    yield path, model
    for name, kind, _, _ in _fields(model):
        if _is_section(kind):
            yield from sections(kind, (*path, name))
    if model is ReviewSettings:
        for name, plugin in registry.GROUP.plugins().items():
            if plugin.own and dataclass_fields(options := registry.GROUP.get(name).Options):
                yield (*path, name), options


def settings_of(model: type, path: tuple[str, ...]) -> list[Setting]:
    """Return the settings of one section without those below it.

    Raises:
        ValueError: one of them has no docstring.
    """
    texts = {field.name: field.text for field in sources.fields(model)}
    rows = []
    for name, kind, constraints, default in _fields(model):
        if _is_section(kind):
            continue
        if not texts[name]:
            raise ValueError(f"{model.__name__}.{name} has no docstring below it")
        described = type_names.describe(kind, constraints).replace("or null", "or unset")
        rows.append(
            Setting(
                path=(*path, name), kind=described, default=type_names.toml(default),
                text=texts[name],
            )
        )  # fmt: skip
    return rows


def all_settings() -> list[Setting]:
    """Return every setting."""
    return [setting for path, model in sections(Settings) for setting in settings_of(model, path)]


def render() -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for path, model in sections(Settings):
        title = f"## `[{'.'.join(path)}]`" if path else "## Without a section"
        rows = [
            [
                f"`{setting.path[-1]}`<br>`{setting.variable}`",
                setting.kind,
                markdown.code(setting.default),
                markdown.prose(setting.text),
            ]
            for setting in settings_of(model, path)
        ]
        text = markdown.docstring(model.__doc__ or "") if path else ""
        parts += [title, text, markdown.table(["setting", "type", "default", "meaning"], rows)]
    return markdown.join(*parts)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, BaseModel))


def _fields(model: Any) -> Iterator[tuple[str, Any, tuple[Any, ...], Any]]:
    """Yield name, type, constraints and default of each field of a model or dataclass."""
    if issubclass(model, BaseModel):
        for name, info in model.model_fields.items():
            yield (
                name,
                info.annotation,
                tuple(info.metadata),
                info.get_default(call_default_factory=True),
            )
        return
    hints = get_type_hints(model, include_extras=True)
    for field in dataclass_fields(model):
        factory = field.default_factory
        default = field.default if factory is MISSING else factory()
        yield field.name, hints[field.name], (), default
