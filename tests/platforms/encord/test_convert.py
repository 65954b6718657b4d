"""Labels on an Encord label row and back, through the SDK's own blobs; no server."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from encord.objects import LabelRowV2, OntologyStructure, RadioAttribute, Shape
from encord.ontology import Ontology
from encord.orm.ontology import Ontology as OrmOntology
from encord.orm.storage import CustomerProvidedVideoMetadata
from hypothesis import given, settings

from oneclick.core import edits
from oneclick.core.edits import Edits
from oneclick.core.errors import BadLabels
from oneclick.core.labels import IGNORE, LabelSet, LabelTrack, Ranges
from oneclick.platforms.encord import convert, schema
from tests.fakes.label_sets import ATTRIBUTES, CLASSES, NOON, assert_same, label_set, label_sets

CODE = "c0ffee"
SCHEMA = schema.build_structure(CLASSES, ATTRIBUTES).to_dict()
Blob = dict[str, Any]


def row(labels: LabelSet, structure: OntologyStructure | None = None) -> LabelRowV2:
    """An initialised row without labels, of no project."""
    structure_of_row = structure or OntologyStructure.from_dict(SCHEMA)
    ontology = OrmOntology(
        title="ward",
        structure=structure_of_row,
        ontology_hash="o",
        created_at=NOON,
        last_edited_at=NOON,
    )
    video = CustomerProvidedVideoMetadata(
        fps=1,
        duration=labels.frames,
        width=labels.width,
        height=labels.height,
        file_size=1,
        mime_type="video/mp4",
    )
    return LabelRowV2.from_media_metadata(Ontology(ontology, None), video)  # type: ignore[arg-type]


def sent_out(labels: LabelSet, structure: OntologyStructure | None = None) -> Blob:
    """What the service would store."""
    filled = row(labels, structure)
    convert.fill_row(filled, labels, CODE)
    blob: Blob = json.loads(json.dumps(filled.to_encord_dict(), allow_nan=False))
    return blob


def read(
    labels: LabelSet, blob: Blob, structure: OntologyStructure | None = None
) -> tuple[LabelTrack, ...]:
    fetched = row(labels, structure)
    fetched.from_labels_dict(blob)
    return convert.read_tracks(fetched, labels, CODE)


def reviewed(labels: LabelSet, blob: Blob) -> tuple[tuple[LabelTrack, ...], Edits]:
    return edits.reconcile(labels.tracks, convert.visible_tracks(labels), read(labels, blob))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(label_sets())
def test_what_nobody_touched_comes_back_as_it_was_sent(labels: LabelSet) -> None:
    tracks, change = reviewed(labels, sent_out(labels))
    assert change == Edits()
    assert_same(tracks, labels)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(label_sets())
def test_what_is_read_is_what_was_shown(labels: LabelSet) -> None:
    blob = sent_out(labels)
    by_id = sorted(convert.visible_tracks(labels), key=lambda track: track.id)
    for track, other in zip(read(labels, blob), by_id, strict=True):
        assert (track.id, track.cls, track.origins) == (other.id, other.cls, other.origins)
        assert (track.frames.tolist(), track.keyframes) == (other.frames.tolist(), other.keyframes)
        np.testing.assert_allclose(track.boxes, other.boxes, atol=0.01)
        np.testing.assert_allclose(track.scores, other.scores, atol=1e-6)
        for name, ranges in other.attributes.items():
            values = edits.values_per_frame(track.attributes.get(name, ()), track.frames)
            assert values.tolist() == edits.values_per_frame(ranges, other.frames).tolist()


def boxes_of(blob: Blob) -> list[Blob]:
    """Every box of the blob with its frame, in order of time."""
    (unit,) = blob["data_units"].values()
    frames = unit["labels"].items()
    return [{"frame": int(k), "box": box} for k, at in frames for box in at["objects"]]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(label_sets())
def test_boxes_leave_inside_the_picture(labels: LabelSet) -> None:
    for item in boxes_of(sent_out(labels)):
        x, y, w, h = (item["box"]["boundingBox"][side] for side in "xywh")
        assert min(x, y) >= 0
        assert min(w, h) > 0
        assert max(x + w, y + h) <= 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(label_sets())
def test_a_service_that_rounds_to_four_decimals_makes_no_edits(labels: LabelSet) -> None:
    labels = replace(labels, width=1920, height=1080)
    blob = sent_out(labels)
    for item in boxes_of(blob):
        box = item["box"]["boundingBox"]
        box.update({side: round(value, 4) for side, value in box.items()})
        item["box"]["confidence"] = round(item["box"]["confidence"], 2)
    tracks, change = reviewed(labels, blob)
    assert change == Edits()
    assert_same(tracks, labels)


def test_the_same_labels_make_the_same_hashes() -> None:
    assert convert.object_hash("c", 1) == convert.object_hash("c", 1)
    keys = {convert.object_hash(code, track) for code in "abc" for track in range(50)}
    assert len(keys) == 150
    assert {len(key) for key in keys} == {8}


def person(key: int = 3, cls: str = "person") -> LabelTrack:
    steps = np.arange(10, dtype=np.float32)
    ends = np.stack([40 * steps, steps * 0 + 50, 40 * steps + 30, steps * 0 + 150], axis=1)
    posture: dict[str, Ranges] = {"posture": ((0, 4, "lying"), (4, 30, "sitting up"))}
    at = np.arange(10, dtype=np.int32)
    return LabelTrack(
        id=key,
        cls=cls,
        frames=at,
        boxes=ends,
        scores=np.full(10, 0.5, np.float32),
        origins="u" * 10,
        keyframes=(0, 9),
        attributes=posture,
    )


PAIR = label_set([person(8, "車椅子"), person(3)])
KEY = convert.object_hash(CODE, 3)
"""Of the person."""


def of_person(blob: Blob, frame: int) -> Blob:
    tracks: list[Blob] = [
        item["box"]
        for item in boxes_of(blob)
        if item["frame"] == frame and item["box"]["objectHash"] == KEY
    ]
    assert len(tracks) == 1
    return tracks[0]


def frame_of(blob: Blob, frame: int) -> list[Blob]:
    (unit,) = blob["data_units"].values()
    objects: list[Blob] = unit["labels"][str(frame)]["objects"]
    return objects


def move(blob: Blob) -> None:
    of_person(blob, 4)["boundingBox"]["x"] += 0.1


def delete(blob: Blob) -> None:
    for frame in (4, 5):
        frame_of(blob, frame).remove(of_person(blob, frame))
    for action in blob["object_actions"][KEY]["actions"]:
        action["range"] = [[0, 3]] if action["range"] == [[0, 3]] else [[6, 9]]


def delete_track(blob: Blob) -> None:
    for frame in range(10):
        frame_of(blob, frame).remove(of_person(blob, frame))


def draw(blob: Blob) -> None:
    """Two tracks: the SDK meets the later one first."""
    for key, first in (("AAAAAAAA", 6), ("ZZZZZZZZ", 5)):
        blob["object_answers"][key] = {"objectHash": key, "classifications": []}
        for frame in (first, 7):
            box = {**of_person(blob, frame), "objectHash": key, "manualAnnotation": True}
            frame_of(blob, frame).insert(0, box)


def rename(blob: Blob) -> None:
    """As the web app does it: the answers of the old class go."""
    other = schema.feature_hash("class", IGNORE)
    for frame in range(10):
        of_person(blob, frame).update(featureHash=other, name=IGNORE)
    del blob["object_actions"][KEY]


def answer(blob: Blob) -> None:
    ranges = {"lying": [[0, 5]], "sitting up": [[6, 9]]}
    for action in blob["object_actions"][KEY]["actions"]:
        action["range"] = ranges[action["answers"][0]["name"]]


def mark_deleted(blob: Blob) -> None:
    of_person(blob, 4)["isDeleted"] = True


def set_key(blob: Blob) -> None:
    of_person(blob, 6)["manualAnnotation"] = True


REVIEWS: dict[str, tuple[Callable[[Blob], None], Edits, str]] = {
    "a box moved": (move, Edits(moved=1), "uuuuhuuuuu"),
    "boxes deleted": (delete, Edits(deleted=2), "u" * 8),
    "a box marked as deleted": (mark_deleted, Edits(deleted=1), "u" * 9),
    "a track deleted": (delete_track, Edits(deleted=10), ""),
    "tracks drawn": (draw, Edits(added=4), "u" * 10),
    "the class changed": (rename, Edits(renamed=10), "h" * 10),
    "an answer changed": (answer, Edits(attributes=2), "u" * 10),
    "a key box set": (set_key, Edits(), "u" * 10),
}


@pytest.mark.parametrize(("review", "expected", "origins"), REVIEWS.values(), ids=REVIEWS)
def test_what_a_human_did_is_found_and_nothing_else(
    review: Callable[[Blob], None], expected: Edits, origins: str
) -> None:
    blob = sent_out(PAIR)
    review(blob)
    tracks, change = reviewed(PAIR, blob)
    assert change == expected
    after = {track.id: track for track in tracks}
    assert_same((after[8],), replace(PAIR, tracks=(PAIR.tracks[0],)))
    assert (after[3].origins if 3 in after else "") == origins


def test_a_moved_box_is_where_the_human_put_it() -> None:
    blob = sent_out(PAIR)
    move(blob)
    (track, _), _ = reviewed(PAIR, blob)
    np.testing.assert_allclose(track.boxes[4], [160 + 64, 50, 190 + 64, 150], atol=0.01)
    assert track.scores.tolist() == [0.5] * 4 + [1] + [0.5] * 5


def test_what_was_drawn_gets_ids_above_all_that_were_sent_in_order_of_time() -> None:
    blob = sent_out(PAIR)
    draw(blob)
    tracks, _ = reviewed(PAIR, blob)
    assert [(track.id, track.frames.tolist()) for track in tracks[2:]] == [
        (9, [5, 7]),
        (10, [6, 7]),
    ]
    assert [track.keyframes for track in tracks[2:]] == [(5, 7), (6, 7)]


def test_answers_and_keys_of_a_human_come_back() -> None:
    blob = sent_out(PAIR)
    answer(blob)
    set_key(blob)
    (track, _), _ = reviewed(PAIR, blob)
    assert track.attributes == {"posture": ((0, 6, "lying"), (6, 10, "sitting up"))}
    assert track.keyframes == (0, 6, 9)


def test_answers_go_out_only_on_frames_with_boxes_and_join_across_the_gap() -> None:
    gap = edits.select_boxes(person(), np.array([0, 1, 7, 9]))
    blob = sent_out(label_set([gap]))
    (actions,) = blob["object_actions"].values()
    ranges_by_answer = {item["answers"][0]["name"]: item["range"] for item in actions["actions"]}
    assert ranges_by_answer == {"lying": [[0, 1]], "sitting up": [[7, 7], [9, 9]]}
    (track,) = read(label_set([gap]), blob)
    assert track.attributes == {"posture": ((0, 2, "lying"), (7, 10, "sitting up"))}


def test_titles_that_somebody_changed_in_the_web_app_change_nothing() -> None:
    blob = sent_out(PAIR)
    other = OntologyStructure.from_dict(
        json.loads(json.dumps(SCHEMA).replace('"posture"', '"Haltung"').replace('"person"', '"P"'))
    )
    reply = read(PAIR, blob, other)
    tracks, change = edits.reconcile(PAIR.tracks, convert.visible_tracks(PAIR), reply)
    assert change == Edits()
    assert_same(tracks, PAIR)


def test_an_option_that_somebody_added_in_the_web_app_is_read_as_it_is_shown() -> None:
    structure = schema.build_structure(CLASSES, ATTRIBUTES)
    question = next(iter(schema.frame_attributes(structure.objects[0]).values()))
    added = question.add_option("Kneeling Down")
    blob = sent_out(PAIR, structure)
    for action in blob["object_actions"][KEY]["actions"]:
        action["answers"][0]["featureHash"] = added.feature_node_hash
    (track, _) = read(PAIR, blob, structure)
    assert track.attributes == {"posture": ((0, 10, "Kneeling Down"),)}


def foreign(shape: Shape, name: str) -> OntologyStructure:
    """Our ontology and a class that somebody added in the web app."""
    structure = schema.build_structure(CLASSES, ATTRIBUTES)
    structure.add_object(name, shape, feature_node_hash="AAAAAAAA")
    return structure


def test_a_class_nobody_knows_is_named_with_its_clip_and_its_remedy() -> None:
    blob = sent_out(PAIR)
    rename(blob)
    of_person(blob, 0)["featureHash"] = "AAAAAAAA"
    with pytest.raises(BadLabels, match=r"clip-1.*'wheelchair'.*`classes` in oneclick.toml"):
        read(PAIR, blob, foreign(Shape.BOUNDING_BOX, "wheelchair"))


def test_a_shape_other_than_a_box_is_named_with_its_clip_and_its_remedy() -> None:
    blob = sent_out(PAIR)
    structure = schema.build_structure(CLASSES, ATTRIBUTES)
    structure.objects[0].shape = Shape.POLYGON
    corners = {"0": {"x": 0.1, "y": 0.1}, "1": {"x": 0.2, "y": 0.1}, "2": {"x": 0.2, "y": 0.2}}
    for frame in range(10):
        of_person(blob, frame).update(shape="polygon", polygon=corners)
    with pytest.raises(BadLabels, match=r"clip-1.*'person'.*draw it as a box"):
        read(PAIR, blob, structure)


def test_a_class_that_the_ontology_lacks_cannot_be_sent() -> None:
    with pytest.raises(BadLabels, match=r"clip-1.*no class 'person'.*`classes` in oneclick.toml"):
        sent_out(PAIR, schema.build_structure(("車椅子",), {}))


def test_an_ontology_grows_by_what_is_missing_and_by_nothing_else() -> None:
    structure = schema.build_structure(("person",), {"posture": ("lying",)})
    before = structure.to_dict()
    assert not schema.extend(structure, ("person",), {"posture": ("lying",)})
    assert structure.to_dict() == before
    assert schema.extend(structure, CLASSES, ATTRIBUTES)
    assert not schema.extend(structure, ("person",), {})
    assert hashes(structure.to_dict()) == hashes(SCHEMA)
    assert schema.extend(OntologyStructure(), (), {})


def test_a_team_keeps_the_classes_and_attributes_that_it_had() -> None:
    team_structure = OntologyStructure()
    person = team_structure.add_object("Person", Shape.BOUNDING_BOX, feature_node_hash="AAAAAAAA")
    team_structure.add_object("bed", Shape.POLYGON, feature_node_hash="BBBBBBBB")
    posture = person.add_attribute(RadioAttribute, "Posture", dynamic=True)
    posture.add_option("lying")
    assert schema.extend(team_structure, CLASSES, ATTRIBUTES)
    names = [item.name for item in team_structure.objects]
    assert names == ["Person", "bed", *CLASSES[1:], IGNORE]
    assert [option.label for option in posture.options] == list(ATTRIBUTES["posture"])
    tracks, change = edits.reconcile(
        PAIR.tracks,
        convert.visible_tracks(PAIR),
        read(PAIR, sent_out(PAIR, team_structure), team_structure),
    )
    assert change == Edits()
    assert_same(tracks, PAIR)


def hashes(part: Any) -> set[str]:
    """Every feature hash of an ontology."""
    if isinstance(part, list):
        return set().union(*map(hashes, part))
    if not isinstance(part, dict):
        return set()
    node_hashes = {part["featureNodeHash"]} if "featureNodeHash" in part else set()
    return node_hashes.union(*map(hashes, part.values()))


def test_hashes_are_ours_and_the_sdk_keeps_them() -> None:
    structure = OntologyStructure.from_dict(json.loads(json.dumps(SCHEMA)))
    names = [*CLASSES, IGNORE]
    assert [item.feature_node_hash for item in structure.objects] == [
        schema.feature_hash("class", n) for n in names
    ]
    option = schema.feature_hash("option", "person", "posture", "läuft")
    assert structure.get_child_by_hash(option).title == "läuft"
    assert not schema.frame_attributes(structure.objects[-1])


def test_many_classes_have_as_many_colours() -> None:
    names = [f"class {k}" for k in range(60)]
    colours = [item.color for item in schema.build_structure(names, {}).objects]
    assert len(set(colours)) == 61
    assert colours == [item.color for item in schema.build_structure(names, {}).objects]


@pytest.mark.parametrize(("comment", "reason"), [("too dark ", "too dark"), ("", ""), (None, "")])
def test_a_rejection_is_read_with_its_reason(comment: str | None, reason: str) -> None:
    first = row(PAIR)
    assert schema.rejection_reason(first) is None
    classification = first.ontology_structure.classifications[0].create_instance()
    if comment is not None:
        classification.set_answer(comment)
    first.add_classification_instance(classification)
    assert schema.rejection_reason(first) == reason
    second = row(PAIR)
    second.from_labels_dict(json.loads(json.dumps(first.to_encord_dict())))
    assert schema.rejection_reason(second) == reason
