"""Plug-ins are listed without an import, checked once, and one that is broken is one line."""

from __future__ import annotations

import sys

import pytest

from oneclick.core import plugins
from oneclick.core.errors import UnknownName
from oneclick.core.plugins import ContractError, PluginFailure, PluginGroup
from tests.fakes.packages import Install

GROUP = plugins.FORMATS


def number(name: str, value: object) -> int:
    if not isinstance(value, int):
        raise ContractError(f"is a {type(value).__name__} where a number is needed")
    return value


def group(**built_in: str) -> PluginGroup[int]:
    return PluginGroup(GROUP, built_in, number)


def test_names_are_listed_without_importing_the_package(install: Install) -> None:
    install("acme-one", "raise RuntimeError('imported')", {"one": "VALUE"}, GROUP)
    assert group(ours="math:inf").names() == ["ours", "one"]
    assert "acme_one" not in sys.modules


def test_a_plug_in_is_imported_and_checked_once(install: Install) -> None:
    install("acme-two", "VALUE = 2", {"two": "VALUE"}, GROUP)
    checks: list[str] = []

    def check(name: str, value: object) -> int:
        checks.append(name)
        return number(name, value)

    plugin_group = PluginGroup(GROUP, {}, check)
    assert plugin_group.get("two") == plugin_group.get("two") == 2
    assert checks == ["two"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            "import acme_is_not_there",
            "plug-in acme-bad 1.2: format 'bad': cannot be imported: ModuleNotFoundError: "
            "No module named 'acme_is_not_there'; left out",
        ),
        (
            "raise SystemExit('bye\\nnow')",
            "plug-in acme-bad 1.2: format 'bad': cannot be imported: SystemExit: bye now; left out",
        ),
        (
            "OTHER = 1",
            "plug-in acme-bad 1.2: format 'bad': cannot be imported: AttributeError: module "
            "'acme_bad' has no attribute 'VALUE'; left out",
        ),
        (
            "VALUE = 'two'",
            "plug-in acme-bad 1.2: format 'bad': is a str where a number is needed; left out",
        ),
    ],
)
def test_whatever_is_wrong_with_it_is_one_line(install: Install, source: str, line: str) -> None:
    install("acme-bad", source, {"bad": "VALUE"}, GROUP)
    with pytest.raises(PluginFailure) as excinfo:
        group().get("bad")
    assert str(excinfo.value) == line


def test_a_broken_plug_in_does_not_hide_the_others(install: Install) -> None:
    install("acme-bad", "1 / 0", {"bad": "VALUE"}, GROUP)
    install("acme-good", "VALUE = 3", {"good": "VALUE"}, GROUP)
    objects, failures = group().usable()
    assert objects == {"good": 3}
    assert ["ZeroDivisionError" in str(failure) for failure in failures] == [True]


def test_a_name_that_is_taken_stays_with_its_owner(install: Install) -> None:
    install("acme-a", "VALUE = 1", {"same": "VALUE", "ours": "VALUE"}, GROUP)
    install("acme-b", "VALUE = 2", {"same": "VALUE"}, GROUP)
    objects, failures = group(ours="acme_a:VALUE").usable()
    assert objects["same"] == 1
    assert sorted(str(failure) for failure in failures) == [
        "plug-in acme-a 1.2: format 'ours': the name is taken by oneclick; rename it; left out",
        "plug-in acme-b 1.2: format 'same': the name is taken by acme-a 1.2; rename it; left out",
    ]


def test_an_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(UnknownName, match="no format is called 'x'; known: ours"):
        group(ours="math:pi").get("x")
