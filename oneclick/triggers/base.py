"""What every trigger is, and what its class must be."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, Protocol, cast

from oneclick.core.hits import Hit
from oneclick.core.plugins import ContractError
from oneclick.triggers.scene import Scene

NAME = re.compile(r"[a-z][a-z0-9_]*")


class Trigger(Protocol):
    """Interface of every trigger: a rule that looks for trouble in predictions and signals.

    A trigger is a frozen dataclass whose fields are its parameters: numbers from 0 up, each with a
    default, in units that suit every camera (seconds, box heights, shares of the picture).
    """

    name: ClassVar[str]
    """What the user types and what Hits carry: a-z, 0-9 and _."""
    summary: ClassVar[str]
    """One line for `oneclick triggers list`."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return the likely errors in a scene, one Hit per object and stretch of time.

        The same scene gives the same Hits, whether live or in replay: no state, clock or chance.
        """
        ...


def parameters(trigger: Any) -> dict[str, float]:
    """Return the parameters of a trigger, or the defaults of a trigger class, by name."""
    return {field.name: float(getattr(trigger, field.name)) for field in fields(trigger)}


def novel(trigger: Any) -> bool:
    """Check whether a trigger reports unusual images rather than errors of the model.

    Its class then has the attribute `novel = True`, and a separate share of the budget pays for it.
    """
    return bool(getattr(trigger, "novel", False))


def validate(name: str, kind: object) -> type[Trigger]:
    """Return the class of a trigger if it keeps the contract.

    Raises:
        ContractError: naming what is wrong.
    """
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise ContractError("is not a dataclass, whose fields would be its parameters")
    if not kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise ContractError("is not frozen: write @dataclass(frozen=True)")
    own_name, summary = getattr(kind, "name", None), getattr(kind, "summary", None)
    if own_name != name:
        raise ContractError(f"has name = {own_name!r}; it must be that of its entry point")
    if not NAME.fullmatch(name):
        raise ContractError(f"the name {name!r} may only have a-z, 0-9 and _")
    if not isinstance(summary, str) or not summary.strip() or "\n" in summary:
        raise ContractError(f"has summary = {summary!r}; it must be one line of text")
    if not callable(getattr(kind, "find", None)):
        raise ContractError("has no method find(scene)")
    for field in fields(kind):
        value = getattr(kind, field.name, None)
        if not _is_number(value):
            raise ContractError(
                f"parameter {field.name!r} has the default {value!r}; it must be a number from 0 up"
            )
    trigger = cast("type[Trigger]", kind)
    trigger()
    return trigger


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def check_hits(name: str, hits: object, length: int) -> Sequence[Hit]:
    """Return what a trigger found in a scene of `length` frames if it keeps the contract.

    Raises:
        ContractError: naming what is wrong.
    """
    if not isinstance(hits, list | tuple):
        raise ContractError(f"find returned a {type(hits).__name__}; it must be a list of Hits")
    for hit in hits:
        if not isinstance(hit, Hit):
            raise ContractError(f"find returned a {type(hit).__name__} among its Hits")
        if hit.trigger != name:
            raise ContractError(f"a Hit carries the trigger name {hit.trigger!r}")
        if not 0 <= hit.span.start < hit.span.stop <= length:
            raise ContractError(
                f"a Hit has frames {hit.span.start}–{hit.span.stop}, the scene has {length}"
            )
        if not 0 <= hit.score <= 1:
            raise ContractError(f"a Hit has the score {hit.score}; it must be in 0 … 1")
        if not all(len(box) == 5 and all(map(math.isfinite, box)) for box in hit.boxes):
            raise ContractError("a Hit has a box that is not (frame, x1, y1, x2, y2)")
        if not isinstance(hit.why, str):
            raise ContractError("a Hit has no text in why")
    return hits
