"""How plainly the code is worded, in figures.

    python -m tests.house.voice

Prints each figure beside the one counted before version 0.2 and its limit, and names what stands
against a limit by file and line. Everything is read from syntax trees; no module is imported.
"""

from __future__ import annotations

import ast
import gc
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("flows", "oneclick", "tui")
POSITIONAL = 6
LINES = 380
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def words(name: str) -> frozenset[str]:
    """Read the words of a list in this folder; a line that begins with # is a comment."""
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    return frozenset(verb for line in lines if not line.startswith("#") for verb in line.split())


VERBS = words("verbs.txt")
PARTICIPLES = words("participles.txt")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure, the one of before 0.2 and its limit, `most` or `least`; who stands against it."""

    name: str
    before: float
    value: float
    most: float = float("inf")
    least: float = 0.0
    unit: str = ""
    offenders: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Check whether the figure is within its limit."""
        return self.least <= self.value <= self.most

    @property
    def limit(self) -> str:
        """Return the limit as it is printed."""
        low = f"at least {self.least:g}" if self.least else f"at most {self.most:g}"
        return low + self.unit

    def __str__(self) -> str:
        """Return the figure and, a line each, the first twenty of its offenders."""
        head = f"{self.name}: {self.value:.1f}{self.unit}, {self.limit}"
        return "\n  ".join((head, *self.offenders[:20]))


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of `tree` in the order of the text, without operators and contexts."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        children: list[ast.AST] = []
        for name in node._fields:
            child = getattr(node, name, None)
            if isinstance(child, list):
                children += [part for part in child if isinstance(part, ast.AST)]
            elif isinstance(child, ast.AST) and child._fields:
                children.append(child)
        stack += reversed(children)


class SourceFile:
    """One parsed file: its nodes, the name under which it is imported, and what it imports."""

    def __init__(self, root: Path, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        self.path = path.relative_to(root)
        self.lines = len(text.splitlines())
        self.tree = ast.parse(text, str(self.path))
        self.nodes = list(walk(self.tree))
        parts = list(self.path.with_suffix("").parts)
        self.is_package = parts[-1] == "__init__"
        if (root / "oneclick" / parts[0]).is_symlink():
            parts.insert(0, "oneclick")
        self.module = ".".join(parts[:-1] if self.is_package else parts)

    def at(self, node: ast.stmt | ast.expr | ast.arg, text: str) -> str:
        """Return `file:line text`."""
        return f"{self.path}:{node.lineno} {text}"

    @cached_property
    def functions(self) -> list[FunctionNode]:
        """Return all functions and methods, nested ones too."""
        return [node for node in self.nodes if isinstance(node, FunctionNode)]

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        """Return all classes, nested ones too."""
        return [node for node in self.nodes if isinstance(node, ast.ClassDef)]

    def bindings(self) -> Iterator[tuple[ast.Name | ast.arg, str]]:
        """Yield every place where a variable or an argument gets its name, with the name."""
        for node in self.nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node, node.id
            elif isinstance(node, ast.arg):
                yield node, node.arg

    def uses(self) -> Counter[str]:
        """Count how often each name is read, alone or as an attribute."""
        counts: Counter[str] = Counter()
        for node in self.nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                counts[node.id] += 1
            elif isinstance(node, ast.Attribute):
                counts[node.attr] += 1
        return counts

    def imports(self, modules: Iterable[str]) -> set[str]:
        """Return which of `modules` the file imports when it runs, inside functions too."""
        known_modules = set(modules)
        typing_only = {
            node
            for branch in self.nodes
            if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
            for statement in branch.body
            for node in ast.walk(statement)
        }
        names = set()
        for node in self.nodes:
            if node in typing_only:
                continue
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                source = self._origin(node)
                for alias in node.names:
                    submodule = f"{source}.{alias.name}"
                    names.add(submodule if submodule in known_modules else source)
        return (names & known_modules) - {self.module}

    def _origin(self, node: ast.ImportFrom) -> str:
        """Return the absolute name of the module that `node` imports from."""
        if not node.level:
            return node.module or ""
        package = self.module.split(".")
        package = package[: len(package) - node.level + self.is_package]
        return ".".join([*package, *filter(None, [node.module])])


def source_files(root: Path, folders: Iterable[str]) -> list[SourceFile]:
    """Parse every Python file of `folders` below `root`; links are not followed."""
    paths = (path for folder in folders for path in sorted((root / folder).rglob("*.py")))
    real_paths = [path for path in paths if not _is_linked(root, path)]
    gc.disable()  # the collector looks at millions of fresh nodes again and again: 4.5 s, not 1.4
    try:
        return [SourceFile(root, path) for path in real_paths]
    finally:
        gc.enable()


def _is_linked(root: Path, path: Path) -> bool:
    return any((root / part).is_symlink() for part in path.relative_to(root).parents)


def participles(files: list[SourceFile], before: float, name: str) -> Figure:
    """Return the share of variables and arguments whose name is a banned word."""
    total = 0
    offenders = []
    for file in files:
        for node, variable in file.bindings():
            total += 1
            if variable in PARTICIPLES:
                offenders.append(file.at(node, variable))
    return Figure(
        name=name,
        before=before,
        value=_percent(len(offenders), total),
        most=1,
        unit="%",
        offenders=tuple(offenders),
    )


def docstring_verbs(files: list[SourceFile]) -> Figure:
    """Return the share of function docstrings whose first word is an imperative verb."""
    total = 0
    offenders = []
    for file in files:
        for function in file.functions:
            docstring = ast.get_docstring(function)
            if not docstring:
                continue
            total += 1
            if docstring.split()[0].strip("`*.,:;").lower() not in VERBS:
                offenders.append(file.at(function, docstring.splitlines()[0]))
    return Figure(
        name="function docstrings that begin with a verb",
        before=23,
        value=_percent(total - len(offenders), total),
        least=80,
        unit="%",
        offenders=tuple(offenders),
    )


def single_use_helpers(files: list[SourceFile]) -> Figure:
    """Return the share of functions that are private and named only once in their file."""
    offenders = []
    for file in files:
        uses = file.uses()
        for function in file.functions:
            is_private = function.name.startswith("_") and not function.name.startswith("__")
            if is_private and uses[function.name] == 1:
                offenders.append(file.at(function, function.name))
    return Figure(
        name="private helpers named once in their file",
        before=31,
        value=_percent(len(offenders), sum(len(file.functions) for file in files)),
        most=15,
        unit="%",
        offenders=tuple(offenders),
    )


def positional_calls(files: list[SourceFile]) -> Figure:
    """Count the calls that give six or more positional arguments to a class of ours."""
    names = {node.name for file in files for node in file.classes}
    offenders = []
    for file in files:
        for node in file.nodes:
            if isinstance(node, ast.Call) and len(node.args) >= POSITIONAL:
                callee = ast.unparse(node.func).rpartition(".")[2]
                if callee in names:
                    offenders.append(file.at(node, f"{callee} with {len(node.args)} arguments"))
    return Figure(
        name="calls with six or more positional arguments to our classes",
        before=133,
        value=len(offenders),
        most=0,
        offenders=tuple(offenders),
    )


def shared_class_names(files: list[SourceFile]) -> Figure:
    """Count the class names that stand for two classes or more."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for file in files:
        for node in file.classes:
            places[node.name].append(file.at(node, node.name))
    shared = [place for place in places.values() if len(place) > 1]
    return Figure(
        name="class names that stand for two classes",
        before=53,
        value=len(shared),
        most=0,
        offenders=tuple(place for group in shared for place in group),
    )


def import_circles(files: list[SourceFile]) -> Figure:
    """Count the groups of modules that import each other, what functions import included."""
    modules = {file.module for file in files}
    graph = {file.module: file.imports(modules) for file in files}
    circles = [group for group in components(graph) if len(group) > 1]
    return Figure(
        name="import circles",
        before=3,
        value=len(circles),
        most=0,
        offenders=tuple(", ".join(sorted(group)) for group in circles),
    )


def components(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of `graph` (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in order:
                visit(target)
            if target in stack:
                lowest[node] = min(lowest[node], lowest[target])
        if lowest[node] == order[node]:
            start = stack.index(node)
            groups.append(stack[start:])
            del stack[start:]

    for node in graph:
        if node not in order:
            visit(node)
    return groups


def biggest_package(files: list[SourceFile]) -> Figure:
    """Return the share of all lines that the biggest package holds."""
    sizes: Counter[str] = Counter()
    for file in files:
        top, *rest = file.path.parts
        name = f"{top}/{rest[0]}" if top == "oneclick" else top
        sizes[name] += file.lines
    (biggest, lines), *_ = sizes.most_common()
    return Figure(
        name="biggest package, share of the code",
        before=21,
        value=_percent(lines, sizes.total()),
        most=10,
        unit="%",
        offenders=(f"{biggest} has {lines} of {sizes.total()} lines",),
    )


def longest_file(files: list[SourceFile]) -> Figure:
    """Return the number of lines of the longest file."""
    ordered = sorted(files, key=lambda file: -file.lines)
    return Figure(
        name="longest file, lines",
        before=391,
        value=ordered[0].lines,
        most=LINES,
        offenders=tuple(f"{file.path}: {file.lines}" for file in ordered if file.lines > LINES),
    )


def median_function(files: list[SourceFile]) -> Figure:
    """Return the median number of lines of a function, from `def` to its last line."""
    sizes = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for file in files
        for node in file.functions
    ]
    value = statistics.median(sizes) if sizes else 0
    return Figure(name="median function, lines", before=7, value=value, most=15)


def _percent(part: float, total: float) -> float:
    return 100 * part / total if total else 0.0


def measure(root: Path) -> list[Figure]:
    """Return all figures of the code below `root`; the last one is of its tests."""
    files = source_files(root, SOURCES)
    tests = source_files(root, ["tests"])
    return [
        participles(files, 9.6, "bare participles among names of variables"),
        docstring_verbs(files),
        single_use_helpers(files),
        positional_calls(files),
        shared_class_names(files),
        import_circles(files),
        biggest_package(files),
        longest_file(files),
        median_function(files),
        participles(tests, 12.0, "bare participles among names of variables, tests"),
    ]


def report(figures: list[Figure]) -> str:
    """Format a table of the figures, and below it what stands against those that do not hold."""
    width = max(len(figure.name) for figure in figures)
    lines = [f"{'':{width}}  before 0.2      now   limit"]
    for figure in figures:
        before, value = (f"{number:.1f}{figure.unit}" for number in (figure.before, figure.value))
        lines.append(f"{figure.name:{width}}  {before:>10} {value:>8}   {figure.limit}")
    return "\n".join([*lines, *(f"\n{figure}" for figure in figures if not figure.holds)])


if __name__ == "__main__":
    measured = measure(ROOT)
    sys.stdout.write(report(measured) + "\n")
    sys.exit(not all(figure.holds for figure in measured))
