"""The ontology of our projects: what a reviewer can draw, answer and say about a clip.

Every part has a feature hash of ours, made from its name: labels are read back by hash, so a
title that somebody changes in the web app changes nothing here. Parts that a team had before us
have hashes of their own and are known by name.
"""

from __future__ import annotations

import base64
import colorsys
import hashlib
from collections.abc import Mapping, Sequence

from encord.objects import LabelRowV2, Object, OntologyStructure, RadioAttribute, Shape
from encord.objects.attributes import TextAttribute
from encord.objects.classification import OntologyClassificationLevel
from encord.objects.options import Option

from oneclick.core.labels import IGNORE

Attributes = Mapping[str, Sequence[str]]
"""Options by attribute: {"posture": ("lying", "sitting")}."""

REJECT = "Reject clip"
"""Title of the classification that rejects a clip; its text is the reason."""

_GREY = "#808080"
_GOLDEN = 0.618033988749895
"""Steps of the golden ratio never come back to a hue that was there."""


def feature_hash(*parts: str) -> str:
    """8 characters that stand for `class:person` or `option:person:posture:lying`."""
    return short_hash(":".join(parts))


def short_hash(text: str) -> str:
    """Base64 of the first 6 bytes of the SHA-256: the form of every hash of Encord."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:6]).decode()


def structure(classes: Sequence[str], attributes: Attributes) -> OntologyStructure:
    """An ontology with a box for each class and for IGNORE, and the rejection of a clip.

    Args:
        attributes: asked about every object but those of IGNORE, and free to change in time.
    """
    made = OntologyStructure()
    grow(made, classes, attributes)
    return made


def grow(structure: OntologyStructure, classes: Sequence[str], attributes: Attributes) -> bool:
    """Add what is missing, found by feature hash; nothing is removed or renamed.

    Returns:
        True if something was added, and the ontology has to be saved.
    """
    before = structure.to_dict()
    for name in dict.fromkeys((*classes, IGNORE)):
        item = find(structure, name) or _class(structure, name)
        if name != IGNORE:
            for attribute, options in attributes.items():
                _ask(item, name, attribute, options)
    _rejection(structure)
    return structure.to_dict() != before


def find(structure: OntologyStructure, name: str) -> Object | None:
    """What a class is drawn as: ours by its hash, or a box that a team had before, by its name."""
    key = feature_hash("class", name)
    boxes = [item for item in structure.objects if item.shape is Shape.BOUNDING_BOX]
    ours = [item for item in structure.objects if item.feature_node_hash == key]
    named = [item for item in boxes if item.name.casefold() == name.casefold()]
    return next(iter([*ours, *named]), None)


def find_question(item: Object, cls: str, name: str) -> RadioAttribute | None:
    """What asks for an attribute: ours by its hash, or a team's own, by its name."""
    asked = questions(item)
    named = [one for one in asked.values() if one.name.casefold() == name.casefold()]
    return asked.get(feature_hash("attribute", cls, name)) or next(iter(named), None)


def questions(item: Object) -> dict[str, RadioAttribute]:
    """What is asked about an object frame by frame, by feature hash."""
    return {
        asked.feature_node_hash: asked
        for asked in item.attributes
        if isinstance(asked, RadioAttribute) and asked.dynamic
    }


def value(cls: str, attribute: str, option: Option) -> str:
    """The answer that an option stands for: ours as we wrote it, any other as it is shown."""
    ours = feature_hash("option", cls, attribute, option.value) == option.feature_node_hash
    return option.value if ours else option.label


def rejection(row: LabelRowV2) -> str | None:
    """Why a human rejected the clip, "" where no reason was written, None if nobody did."""
    given = [
        found.get_answer()
        for found in row.get_classification_instances()
        if found.feature_hash == feature_hash("reject")
    ]
    written = [answer.strip() for answer in given if isinstance(answer, str)]
    return next(filter(None, written), "") if given else None


def _class(structure: OntologyStructure, name: str) -> Object:
    taken = {item.color.lower() for item in structure.objects}
    colour = _GREY if name == IGNORE else _colour(taken)
    return structure.add_object(
        name, Shape.BOUNDING_BOX, color=colour, feature_node_hash=feature_hash("class", name)
    )


def _colour(taken: set[str]) -> str:
    """The first of a fixed row of bright colours that is not taken."""
    step = 0
    while (colour := _bright(step)) in taken:
        step += 1
    return colour


def _bright(step: int) -> str:
    parts = colorsys.hsv_to_rgb(step * _GOLDEN % 1, 0.75, 0.95)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def _ask(item: Object, cls: str, name: str, options: Sequence[str]) -> None:
    asked = find_question(item, cls, name) or item.add_attribute(
        RadioAttribute, name, feature_node_hash=feature_hash("attribute", cls, name), dynamic=True
    )
    known = {value(cls, name, option) for option in asked.options}
    for label in dict.fromkeys(options):
        if label not in known:
            key = feature_hash("option", cls, name, label)
            asked.add_option(label, value=label, feature_node_hash=key)


def _rejection(structure: OntologyStructure) -> None:
    key = feature_hash("reject")
    if any(known.feature_node_hash == key for known in structure.classifications):
        return
    # Global: it is about the clip, whichever frame the reviewer looks at.
    whole = OntologyClassificationLevel.GLOBAL
    made = structure.add_classification(feature_node_hash=key, level=whole)
    made.add_attribute(TextAttribute, REJECT, feature_node_hash=feature_hash("reject", "reason"))
