"""The filter language of the clips: `stage:auto cam:hall why:flicker age>2h -split:test word`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from oneclick import design
from oneclick.catalog import Catalog, utc_now
from oneclick.catalog.search import COUNTED, SORTS, TESTS, Term
from oneclick.core.clips import ChosenBy, ClipStage
from oneclick.core.errors import UsageError
from oneclick.report.listings import ClipRow, row

LENGTH = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
REVISION = re.compile(r"[0-9]{1,9}")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST = 100 * 365 * 86_400
"""Seconds: no clip is older."""
SIGNED = ("age>", "age<")
KNOWN = [*(f"{key}:" for key in TESTS if key not in (*SIGNED, "id")), *SIGNED, "sort:"]


@dataclass(frozen=True)
class Query:
    """A filter and an order."""

    terms: tuple[Term, ...] = ()
    sort: str = "new"
    down: bool = True


@dataclass(frozen=True)
class Found:
    """One page."""

    rows: list[ClipRow]
    total: int
    """Clips that match; `more` where the counting was given up."""
    more: bool


def parse(text: str) -> Query:
    """A filter as people type it; words without a key are looked for in the clip's id.

    Raises:
        UsageError: naming the term that is none, and those there are.
    """
    query = Query()
    for word in text.split():
        if not word.isprintable():  # bytes of a command line that are no UTF-8, say
            raise UsageError(f"filter {word!r}: expected characters that can be printed")
        negated = word.startswith("-") and len(word) > 1
        bare = word[1:] if negated else word
        if word.startswith("sort:"):
            sort, down = _order(word[5:])
            query = replace(query, sort=sort, down=down)
        else:
            query = replace(query, terms=(*query.terms, replace(_term(bare), negated=negated)))
    return query


def search(
    home: Path, text: str, limit: int = 100, offset: int = 0, now: datetime | None = None
) -> Found:
    """Clips that meet a filter. Raises as `parse`."""
    query = parse(text)
    with Catalog.open(home) as catalog:
        found, total = catalog.search(
            query.terms, query.sort, query.down, limit, offset, now or utc_now()
        )
    return Found([row(one) for one in found], min(total, COUNTED), total > COUNTED)


def _term(word: str) -> Term:
    for sign in SIGNED:
        if word.startswith(sign):
            return Term(sign, str(_seconds(word[len(sign) :], word)))
    key, colon, value = word.partition(":")
    if not colon:
        return Term("id", word)
    if key not in TESTS or not value:
        raise UsageError(f"filter {word!r}: expected a word, or one of {' '.join(KNOWN)}")
    return Term(key, _value(key, value))


def _value(key: str, value: str) -> str:
    if key == "stage":
        return _stage(value)
    if key == "by":
        return _one(value.lower(), [chosen.value for chosen in ChosenBy], "by")
    if key == "rev" and not REVISION.fullmatch(value):
        raise UsageError(f"filter rev:{value}: expected a number of a revision, 0 for none yet")
    return value


def _stage(value: str) -> str:
    """By its name, or by the word on the screens, or by the beginning of either."""
    words = {stage.value.lower(): stage.value for stage in ClipStage}
    words |= {stage.word.replace(" ", ""): stage.id for stage in design.load().stage}
    exact = words.get(value.lower())
    begun = {name for word, name in words.items() if word.startswith(value.lower())}
    if exact or len(begun) == 1:
        return exact or begun.pop()
    raise UsageError(f"filter stage:{value}: expected one of {', '.join(sorted(words))}")


def _one(value: str, known: list[str], key: str) -> str:
    if value not in known:
        raise UsageError(f"filter {key}:{value}: expected one of {', '.join(known)}")
    return value


def _seconds(text: str, word: str) -> float:
    match = LENGTH.fullmatch(text)
    seconds = float(match[1]) * SECONDS[match[2]] if match else LONGEST + 1
    if seconds > LONGEST:
        raise UsageError(f"filter {word!r}: expected a length such as age>30m, age>2h or age<3d")
    return seconds


def _order(text: str) -> tuple[str, bool]:
    name = text.removeprefix("-")
    if name not in SORTS:
        raise UsageError(f"filter sort:{text}: expected one of {', '.join(SORTS)}, or - before it")
    return name, text.startswith("-")
