import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core import ids


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Room 12", "room_12"),
        ("../etc", "etc"),
        ("Flur-Süd", "flur_sud"),
        ("走廊", "zoulang"),
        ("Комната 1", "komnata_1"),
        ("غرفة ٢", "ghrfh_2"),
        ("廊下カメラ", "langxiakamera"),
        ("--", "camera"),
        ("", "camera"),
    ],
)
def test_a_camera_name_is_safe_in_paths(text: str, name: str) -> None:
    assert ids.camera_name(text) == name


@given(st.text())
def test_any_text_becomes_a_name_of_plain_letters_and_stays_it(text: str) -> None:
    name = ids.camera_name(text)
    assert re.fullmatch(r"[a-z0-9_]+", name)
    assert ids.camera_name(name) == name


@pytest.mark.parametrize("text", ["a" * 300, "走" * 300, "ш" * 81])
def test_a_long_name_is_cut_and_differs_from_its_neighbour(text: str) -> None:
    names = {ids.camera_name(text), ids.camera_name(text + "b")}
    assert len(names) == 2
    assert max(map(len, names)) <= ids.LONGEST_NAME
    assert len(ids.with_digest(max(names), text)) <= ids.LONGEST_NAME


SPELLINGS = {
    "case and separators": ("Room 1", "room-1", True),
    "case of another script": ("КОМНАТА", "комната", True),
    "composed or not": ("S\u00fcd", "Su\u0308d", True),
    "full width": ("Ｒｏｏｍ１", "room1", True),
    "an accent": ("Süd", "Sud", False),
    "letters that sound alike": ("走廊", "走郎", False),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_a_spelling_tells_names_apart_that_differ_in_letters(case: str) -> None:
    first, second, is_same = SPELLINGS[case]
    assert (ids.spelling(first) == ids.spelling(second)) is is_same


def test_a_known_start_gives_utc_and_an_unknown_one_the_digest() -> None:
    berlin = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))
    assert ids.video_id("ward", berlin, "ab" * 32) == "ward-20260102T020405Z"
    assert ids.video_id("ward", None, "ab" * 32) == "ward-abababababab"
    assert ids.video_id("ward", berlin.astimezone(UTC), "x") == "ward-20260102T020405Z"


def test_a_clip_is_named_by_its_milliseconds() -> None:
    assert ids.clip_id("ward-x", 2.5) == "ward-x-00002500"


def test_a_pseudonym_reveals_neither_camera_nor_time() -> None:
    clip = ids.clip_id("ward_a-20260105T120000Z", 10.0)
    assert ids.pseudonym(clip) == ids.pseudonym(clip) != ids.pseudonym(clip + "1")
    assert re.fullmatch(r"oneclick-[0-9a-f]{20}", ids.pseudonym(clip))
