"""Docstrings and headers as they stand in the source: of classes, fields, functions and aliases."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Documented(NamedTuple):
    """A field or an alias with the docstring below it."""

    name: str
    annotation: str
    """As it is written; empty for an assignment without one."""
    default: str
    text: str


@cache
def class_node(cls: type) -> tuple[ast.ClassDef, tuple[str, ...]]:
    """Return the syntax tree of a class, and the lines of source that it counts."""
    source = textwrap.dedent(inspect.getsource(cls))
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef)
    return node, tuple(source.splitlines())


def fields(cls: type) -> list[Documented]:
    """Return the public annotated fields of a class in order, those of its bases first."""
    documented: dict[str, Documented] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("oneclick"):
            class_fields = _documented(class_node(base)[0].body)
            documented |= {field.name: field for field in class_fields if field.name[0] != "_"}
    return [field for field in documented.values() if field.annotation]


def alias(module: ModuleType, name: str) -> tuple[str, str]:
    """Return `name = value` of a module as it is written, and the docstring below it."""
    source = inspect.getsource(module)
    body = ast.parse(source).body
    (text,) = [entry.text for entry in _documented(body) if entry.name == name]
    (node,) = [node for node in body if name in _targets(node)]
    return ast.get_source_segment(source, node) or "", text


def header(node: ast.ClassDef | FunctionNode, lines: tuple[str, ...]) -> str:
    """Return the source of a class or function, decorators included, before its body."""
    start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    text = textwrap.dedent("\n".join(lines[start - 1 : node.body[0].lineno - 1]))
    return text.rstrip().removesuffix(":")


def function_node(function: Any) -> tuple[FunctionNode, tuple[str, ...]]:
    """Return the syntax tree of a function, and the lines of source that it counts."""
    source = textwrap.dedent(inspect.getsource(function))
    (node,) = ast.parse(source).body
    assert isinstance(node, FunctionNode)
    return node, tuple(source.splitlines())


def methods(cls: type) -> Iterator[FunctionNode]:
    """Yield the constructor, the public methods and the properties of the body of a class."""
    for node in class_node(cls)[0].body:
        if isinstance(node, FunctionNode) and (node.name[0] != "_" or node.name == "__init__"):
            yield node


def docstring(node: FunctionNode) -> str:
    """Return the docstring of a function, that of a property as a noun; empty where it has none."""
    text = ast.get_docstring(node) or ""
    if not is_property(node):
        return text
    noun = text.removeprefix("Return ")
    return noun[:1].upper() + noun[1:]


def source_of(expression: ast.expr | None) -> str:
    """Return an expression as it is written; empty for none."""
    return "" if expression is None else ast.unparse(expression)


def is_property(node: FunctionNode) -> bool:
    """Check whether a method is read like a field."""
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def _documented(body: list[ast.stmt]) -> Iterator[Documented]:
    """Yield each assignment of a body with the docstring below it."""
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        text = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = inspect.cleandoc(str(after.value.value))
        for name in _targets(node):
            annotation, value = (getattr(node, part, None) for part in ("annotation", "value"))
            yield Documented(name, source_of(annotation), source_of(value), text)


def _targets(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]
