"""The ontology of our projects: the classes, attributes and classifications that annotators use.

Every part has a feature hash of ours, made from its name: labels are read back by hash, so a
title that someone changes in the web app changes nothing here. Parts that a team's ontology had
before have hashes of their own and are found by name.
"""

from __future__ import annotations

import base64
import colorsys
import hashlib
import itertools
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
_GOLDEN_RATIO = 0.618033988749895
"""Steps of the golden ratio never repeat a hue."""


def feature_hash(*parts: str) -> str:
    """Return 8 characters that identify `class:person` or `option:person:posture:lying`."""
    return short_hash(":".join(parts))


def short_hash(text: str) -> str:
    """Return the first 6 bytes of the SHA-256 in Base64: the form of every hash of Encord."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:6]).decode()


def build_structure(classes: Sequence[str], attributes: Attributes) -> OntologyStructure:
    """Build an ontology with a box for each class and for IGNORE, and the rejection of a clip.

    Args:
        attributes: of every class but IGNORE; they may change from frame to frame.
    """
    structure = OntologyStructure()
    extend(structure, classes, attributes)
    return structure


def extend(structure: OntologyStructure, classes: Sequence[str], attributes: Attributes) -> bool:
    """Add what is missing by feature hash; nothing is removed or renamed.

    Returns:
        True if something was added, and the ontology has to be saved.
    """
    before = structure.to_dict()
    for name in dict.fromkeys((*classes, IGNORE)):
        item = find_class(structure, name)
        if item is None:
            key = feature_hash("class", name)
            colour = _GREY if name == IGNORE else unused_colour(structure)
            item = structure.add_object(
                name, Shape.BOUNDING_BOX, color=colour, feature_node_hash=key
            )
        if name != IGNORE:
            for attribute, options in attributes.items():
                extend_attribute(item, name, attribute, options)
    reject_hash = feature_hash("reject")
    hashes = [classification.feature_node_hash for classification in structure.classifications]
    if reject_hash not in hashes:
        # Global: it is about the clip, whichever frame the reviewer looks at.
        rejection = structure.add_classification(
            feature_node_hash=reject_hash, level=OntologyClassificationLevel.GLOBAL
        )
        reason_hash = feature_hash("reject", "reason")
        rejection.add_attribute(TextAttribute, REJECT, feature_node_hash=reason_hash)
    return structure.to_dict() != before


def find_class(structure: OntologyStructure, name: str) -> Object | None:
    """Return the ontology object of a class: ours by hash, or a box of that name."""
    key = feature_hash("class", name)
    boxes = [item for item in structure.objects if item.shape is Shape.BOUNDING_BOX]
    by_hash = [item for item in structure.objects if item.feature_node_hash == key]
    by_name = [item for item in boxes if item.name.casefold() == name.casefold()]
    return next(iter([*by_hash, *by_name]), None)


def find_attribute(item: Object, cls: str, name: str) -> RadioAttribute | None:
    """Return the attribute of an ontology object: ours by hash, or one of that name."""
    attributes = frame_attributes(item)
    by_name = [a for a in attributes.values() if a.name.casefold() == name.casefold()]
    return attributes.get(feature_hash("attribute", cls, name)) or next(iter(by_name), None)


def frame_attributes(item: Object) -> dict[str, RadioAttribute]:
    """Return the attributes of an object that may change from frame to frame, by feature hash."""
    return {
        attribute.feature_node_hash: attribute
        for attribute in item.attributes
        if isinstance(attribute, RadioAttribute) and attribute.dynamic
    }


def option_value(cls: str, attribute: str, option: Option) -> str:
    """Return the attribute value of an option: our own value, or the label of a team's option."""
    is_ours = feature_hash("option", cls, attribute, option.value) == option.feature_node_hash
    return option.value if is_ours else option.label


def rejection_reason(row: LabelRowV2) -> str | None:
    """Return why a reviewer rejected the clip: "" without a reason, None if it was not rejected."""
    answers = [
        instance.get_answer()
        for instance in row.get_classification_instances()
        if instance.feature_hash == feature_hash("reject")
    ]
    texts = [answer.strip() for answer in answers if isinstance(answer, str)]
    return next(filter(None, texts), "") if answers else None


def unused_colour(structure: OntologyStructure) -> str:
    """Return the first of a fixed sequence of bright colours that no object has."""
    used_colours = {item.color.lower() for item in structure.objects}
    for step in itertools.count():
        channels = colorsys.hsv_to_rgb(step * _GOLDEN_RATIO % 1, 0.75, 0.95)
        colour = "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)
        if colour not in used_colours:
            break
    return colour


def extend_attribute(item: Object, cls: str, name: str, options: Sequence[str]) -> None:
    """Add an attribute to an ontology object, and the options that it lacks."""
    attribute = find_attribute(item, cls, name) or item.add_attribute(
        RadioAttribute, name, feature_node_hash=feature_hash("attribute", cls, name), dynamic=True
    )
    existing = {option_value(cls, name, option) for option in attribute.options}
    for label in dict.fromkeys(options):
        if label not in existing:
            key = feature_hash("option", cls, name, label)
            attribute.add_option(label, value=label, feature_node_hash=key)
