"""The filter language for clips: `stage:auto cam:hall why:flicker age>2h -split:test word`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from oneclick import design
from oneclick.catalog import Catalog, utc_now
from oneclick.catalog.search import COUNTED, SORTS, TESTS, SearchTerm
from oneclick.core.clips import ChosenBy, ClipStage
from oneclick.core.errors import UsageError
from oneclick.report.listings import ClipRow, clip_row

DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
REVISION = re.compile(r"[0-9]{1,9}")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MAX_AGE = 100 * 365 * 86_400
"""Largest age that a filter may name, in seconds."""
AGE_KEYS = ("age>", "age<")
FORMS = [*(f"{key}:" for key in TESTS if key not in (*AGE_KEYS, "id")), *AGE_KEYS, "sort:"]
"""Beginnings of all terms but a bare word."""


@dataclass(frozen=True)
class ClipQuery:
    """Parsed text of a search for clips: conditions and an order."""

    terms: tuple[SearchTerm, ...] = ()
    sort: str = "new"
    down: bool = True


@dataclass(frozen=True)
class SearchPage:
    """One page of the clips that match a filter."""

    rows: list[ClipRow]
    total: int
    """Number of matches, counted up to `catalog.search.COUNTED`."""
    more: bool
    """Whether there are more matches than `total`."""


def parse_query(text: str) -> ClipQuery:
    """Parse a filter; words without a key are looked for in the id of the clip.

    Raises:
        UsageError: names the term that is not valid, and the valid ones.
    """
    query = ClipQuery()
    for term in text.split():
        if not term.isprintable():  # bytes of a command line that are not UTF-8, say
            raise UsageError(f"filter {term!r}: expected characters that can be printed")
        if term.startswith("sort:"):
            name = term.removeprefix("sort:").removeprefix("-")
            if name not in SORTS:
                sorts = ", ".join(SORTS)
                raise UsageError(f"filter {term}: expected one of {sorts}, or - before it")
            query = replace(query, sort=name, down=term.startswith("sort:-"))
        else:
            negated = term.startswith("-") and len(term) > 1
            search_term = replace(parse_term(term[1:] if negated else term), negated=negated)
            query = replace(query, terms=(*query.terms, search_term))
    return query


def search_clips(
    home: Path, text: str, limit: int = 100, offset: int = 0, at: datetime | None = None
) -> SearchPage:
    """Return a page of the clips that match a filter; ages count until `at`, by default now.

    Raises:
        UsageError: as `parse_query`.
    """
    query = parse_query(text)
    with Catalog.open(home) as catalog:
        records, total = catalog.search(
            query.terms, query.sort, query.down, limit, offset, at or utc_now()
        )
    return SearchPage([clip_row(r) for r in records], min(total, COUNTED), total > COUNTED)


def parse_term(text: str) -> SearchTerm:
    """Parse one condition, such as `stage:auto`, `age>2h`, or a part of an id.

    Raises:
        UsageError: names the term that is not valid, and the valid ones.
    """
    for key in AGE_KEYS:
        if text.startswith(key):
            return SearchTerm(key, str(parse_age(text, key)))
    key, colon, value = text.partition(":")
    if not colon:
        return SearchTerm("id", text)
    if key not in TESTS or not value:
        raise UsageError(f"filter {text!r}: expected a word, or one of {' '.join(FORMS)}")
    if key == "stage":
        value = parse_stage(value)
    elif key == "by":
        value = value.lower()
        methods = [method.value for method in ChosenBy]
        if value not in methods:
            raise UsageError(f"filter by:{value}: expected one of {', '.join(methods)}")
    elif key == "rev" and not REVISION.fullmatch(value):
        raise UsageError(f"filter rev:{value}: expected a number of a revision, 0 for none yet")
    return SearchTerm(key, value)


def parse_age(text: str, key: str) -> float:
    """Return the seconds of an age such as `age>2h`, of which `key` is the beginning.

    Raises:
        UsageError: this is not a duration, or a too long one.
    """
    match = DURATION.fullmatch(text.removeprefix(key))
    seconds = float(match[1]) * SECONDS[match[2]] if match else MAX_AGE + 1
    if seconds > MAX_AGE:
        raise UsageError(f"filter {text!r}: expected a length such as age>30m, age>2h or age<3d")
    return seconds


def parse_stage(text: str) -> str:
    """Return the ClipStage with this name or screen name, or the only one that begins so.

    Raises:
        UsageError: no stage has this name, or several begin with it.
    """
    stages = {stage.value.lower(): stage.value for stage in ClipStage}
    stages |= {stage.word.replace(" ", ""): stage.id for stage in design.load().stage}
    exact = stages.get(text.lower())
    matches = {stage for name, stage in stages.items() if name.startswith(text.lower())}
    if exact or len(matches) == 1:
        return exact or matches.pop()
    raise UsageError(f"filter stage:{text}: expected one of {', '.join(sorted(stages))}")
