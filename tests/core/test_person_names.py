from __future__ import annotations

import pytest

from oneclick.core.person_names import looks_like_person

# fmt: off
PERSONS = [
    "Anna Schmidt", "anna_schmidt", "anna.schmidt", "Schmidt, Anna", "schmidt-anna", "AnnaSchmidt",
    "ANNA SCHMIDT", "Mr Smith", "Mrs. O'Brien", "O'Brien", "Herr Dr. Meier", "frau müller",
    "anna.schmidt@example.org", "Anna Schmidt 1940-03-12", "Schmidt 12.03.1940", "geb. Schmidt",
    "Zimmer Schmidt", "Room 12 Anna Schmidt", "patient_meier", "A. Schmidt", "Anna S.", "Anna S",
    "José García", "Jose\u0301 Garci\u0301a", "Müller-Lüdenscheidt", "Иван Петров",
    "mueller_hans_room3", "van der Berg Jan", "山田", "山田太郎", "王小明", "김철수",
]
DEVICES = [
    "ward_a", "ward_3", "cam1", "CAM-01", "room-12", "corridor", "hall", "Other Cam", "Living Room",
    "front_door", "FrontDoor", "camera 2", "Kitchen", "axis_p3245", "MOT17-02-FRCNN", "IMG_2034",
    "Ward A", "Station 4 Nord", "Zimmer 12", "day_room", "Hikvision", "GoPro", "kamera links",
    "room_12_bed_2", "2026-11-21", "ward_a_20261121", "ch01_main", "PETS09-S2L1", "", "anna",
    "走廊", "东病房", "3号房间", "玄関", "廊下カメラ", "복도", "병실 2", "коридор", "Комната 1",
    "غرفة",
]
# fmt: on


@pytest.mark.parametrize("text", PERSONS)
def test_a_name_that_may_be_a_persons(text: str) -> None:
    assert looks_like_person(text)


@pytest.mark.parametrize("text", DEVICES)
def test_a_name_of_a_device_or_one_plain_word(text: str) -> None:
    assert not looks_like_person(text)
