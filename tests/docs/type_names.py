"""Types in words, for those who write TOML or read JSON."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from annotated_types import Ge, Gt, Le, Lt

PLAIN = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    Path: "path",
    datetime: "time (ISO 8601, UTC)",
    type(None): "null",
    Any: "anything",
}


TITLES: dict[type, str] = {}
"""Headings of records that are not called as their class is."""


def heading(kind: type) -> str:
    """Return the heading under which a page describes a record."""
    return TITLES.get(kind, kind.__name__)


def describe(kind: Any, constraints: tuple[Any, ...] = ()) -> str:
    """Return a type in words, with its range."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return describe(arguments[0], arguments[1:])
    if kind in PLAIN:
        return PLAIN[kind] + _limits(constraints)
    if origin is Literal:
        return ", ".join(f"`{json.dumps(value)}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(part) for part in arguments)
    if origin in (tuple, list):
        return _sequence(arguments)
    if origin in (dict, Mapping):
        values = describe(arguments[1])
        return (
            f"{values} by name" if arguments[0] is str else f"{values} by {describe(arguments[0])}"
        )
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{json.dumps(member.value)}`" for member in kind)
    if isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, msgspec.Struct)):
        title = heading(kind)
        return f"[{title}](#{title.lower().replace(' ', '-')})"
    raise TypeError(f"no words for {kind!r}")


def _sequence(arguments: tuple[Any, ...]) -> str:
    if arguments[-1] is Ellipsis or len(arguments) == 1:
        item = describe(arguments[0])
        return f"list of {item}s" if item.endswith("number") else f"list of {item}"
    return f"[{', '.join(describe(part) for part in arguments)}]"


def _limits(constraints: tuple[Any, ...]) -> str:
    low = [f"from {c.ge:g}" for c in constraints if isinstance(c, Ge)]
    low += [f"above {c.gt:g}" for c in constraints if isinstance(c, Gt)]
    high = [f"to {c.le:g}" for c in constraints if isinstance(c, Le)]
    high += [f"below {c.lt:g}" for c in constraints if isinstance(c, Lt)]
    return "".join(f" {limit}" for limit in (*low, *high))


def toml(value: Any) -> str:
    """Return a default as it would stand in a TOML file; empty for None."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value if isinstance(value, str | bool | int | float) else str(value))


def json_text(value: Any) -> str:
    """Return a default as it would stand in a JSON file."""
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    return json.dumps(msgspec.to_builtins(value))
