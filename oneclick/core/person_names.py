"""A look at names of folders and files: do they look like the name of a person?

There is no list of names: what is made of words for places and devices, numbers and single letters
is the name of a device, and one plain word may be. The rest is taken for a person's, since a code
in place of a device's name costs nothing, and a patient's name in the ids of clips is in every
label, manifest and model for ever.
"""

from __future__ import annotations

import re
import unicodedata

_TITLE_WORDS = """
    mr mrs ms miss mister mx dr prof doctor sir madam herr frau hr fr monsieur madame mme mlle
    signor signora sig senor senora sra schwester sister brother nurse pfleger pfarrer father
"""
_MARK_WORDS = """
    patient patientin resident bewohner bewohnerin klient klientin client geb geboren born dob
"""
_ROOM_WORDS = """
    room zimmer raum chambre bed bett lit suite apartment wohnung flat
"""
_PLACE_WORDS = """
    cam camera cams cameras ipcam webcam kamera camera channel kanal nvr dvr sensor device stream
    video videos recording recordings footage clip clips demo test sample train val seq sequence
    ward station floor etage stock level stage hall hallway corridor flur gang aisle door tuer tür
    porte kitchen kueche küche cuisine bath bathroom bad toilet wc lounge living dining day night
    entrance entry exit eingang ausgang lobby lift elevator stairs stairwell treppe garden garten
    yard hof office buero büro reception empfang wing fluegel flügel block building haus house home
    area zone pos position site unit lab desk window fenster wall wand ceiling decke parking street
    north south east west nord sued süd ost left right links rechts mitte front back rear top bottom
    upper lower inner outer side main center centre middle oben unten hinten vorne inside outside
    indoor outdoor new old big small wide near far low high hd sd ir rgb thermal static moving view
    red blue green yellow white black grey orange rot blau gruen grün gelb weiss schwarz
    morning evening noon early late person people walking running scene busy quiet empty crowd
    the of in at on and der die das im am und von la le les de du et
"""
_SPACELESS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff々]{2,6}")
"""A whole name in scripts that write no space between the parts of a person's name."""
_SPACELESS_PLACES = re.compile(
    # Rooms, corridors, doors, beds, floors, wards, sides and cameras in Chinese, Japanese, Korean.
    "[室房间間屋廊厅廳堂門门床楼樓層层階阶病院区區厨廚厕廁梯厂廠园園庭台臺机機像頭头号號口路道东東"
    "南西北左右前后後上下内內外侧側]|玄関|部屋|カメラ|ロビー|ホール|トイレ|ベッド|フロア"
    "|[실방문층동관]$|병실|병동|복도|거실|주방|현관|입구|카메라|침대|화장실|로비"
)
_TITLES = frozenset(_TITLE_WORDS.split())
_MARKS = frozenset(_MARK_WORDS.split())
_ROOMS = frozenset(_ROOM_WORDS.split())
_COMMON = _TITLES | _MARKS | _ROOMS | frozenset(_PLACE_WORDS.split())
_E_MAIL = re.compile(r"[^\s@]@[^\s@]")
_APOSTROPHE = re.compile(r"[^\W\d_]['’`´][^\W\d_]")
_INITIAL = re.compile(r"\b[^\W\d_]\.\s*[^\W\d_]{2,}|[^\W\d_]{2,}[\s_]+[^\W\d_]\.(?![^\W_])")
_BIRTH = re.compile(
    r"(?<!\d)(?:\d{1,2}[.\-/_]\d{1,2}[.\-/_]19\d\d|19\d\d[.\-/_]?\d\d[.\-/_]?\d\d)(?!\d)"
)
_CAMEL_CASE = re.compile(r"(?<=[a-zà-ÿ]{3})(?=[A-ZÀ-Þ][a-zà-ÿ]{2})")
_WORD = re.compile(r"[^\W\d_]+")
_MODEL_NUMBER = re.compile(
    r"(?<![^\W_])(?:[A-Z]+\d[A-Z\d]*|\d+[A-Z]+[A-Z\d]*|[a-z]{1,3}\d+[a-z\d]*)(?![^\W_])"
)


def looks_like_person(text: str) -> bool:
    """Check whether a name of a folder, a file or a camera may be that of a person.

    True for titles, e-mail addresses, apostrophes, initials and dates of birth, and for two or more
    words of which none is that of a place or device: "Anna Schmidt", "schmidt_anna", "AnnaSchmidt".
    """
    name = unicodedata.normalize("NFC", text)
    words = _WORD.findall(_CAMEL_CASE.sub(" ", _MODEL_NUMBER.sub(" ", name)))
    unknown = [word for word in words if len(word) > 1 and word.lower() not in _COMMON]
    lowered = {word.lower() for word in words}
    if _SPACELESS.fullmatch(name.strip()) and not _SPACELESS_PLACES.search(name):
        return True
    is_capital = any(word[:1].isupper() for word in unknown)
    if _E_MAIL.search(name) or _APOSTROPHE.search(name):
        return True
    if not unknown:
        return False
    if len(unknown) > 1 or _INITIAL.search(name) or _BIRTH.search(name):
        return True
    if lowered & (_TITLES | _MARKS):
        return True
    # "Zimmer Schmidt", "Anna S"
    has_initial = len(words) == 2 and any(len(w) == 1 and w.isupper() for w in words)
    return is_capital and (bool(lowered & _ROOMS) or has_initial)
