"""The table of hostile files: for every reader the good files, and one that is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.hostile import datasets
from tests.hostile.files import (
    ANY,
    CVAT,
    LINK,
    PICTURES,
    VIDEOS,
    Write,
    content,
    deep,
    laughs,
    one_line,
    sparse,
    yaml_bomb,
)

GOOD_COCO = datasets.coco_document(["1.jpg"])


@dataclass(frozen=True, kw_only=True)
class Case:
    """One hostile file."""

    reader: str
    """Command that reads it: a format of `data import`, video, scan, hindsight, settings, …"""
    write: Callable[[Path], None]
    """Writes all files of the case into an empty folder."""
    names: str
    """What the one line must hold: the name of the file."""
    good: int
    """Clips, recordings or files beside it that go in."""


def cases() -> dict[str, Case]:
    """Return all cases by name."""
    table: dict[str, Case] = {}

    def add(reader: str, part: str, files: dict[str, Write], names: str, good: int) -> None:
        builders: dict[str, Callable[..., None]] = {
            "coco annotations": datasets.coco,
            "coco picture": datasets.coco_picture,
            "yolo picture": lambda root, file: datasets.yolo(root, file, None, None),
            "yolo label": lambda root, file: datasets.yolo(root, None, file, None),
            "yolo data.yaml": lambda root, file: datasets.yolo(root, None, None, file),
            "mot truth": lambda root, file: datasets.mot(root, truth=file),
            "mot seqinfo": lambda root, file: datasets.mot(root, info=file),
            "mot picture": datasets.mot_picture,
            "cvat xml": datasets.cvat,
            "datumaro annotations": datasets.datumaro,
            "labelstudio annotations": datasets.labelstudio,
            "fiftyone annotations": datasets.fiftyone,
            "cvat film": datasets.cvat_film,
            "video recording": datasets.recordings,
            "scan detections": datasets.detections,
            "hindsight detections": datasets.detections,
        }
        build = builders[f"{reader} {part}"]
        for kind, file in files.items():
            table[f"{reader} {part}: {kind}"] = Case(
                reader=reader,
                write=partial(build, file=file),
                names=names,
                good=good,
            )

    json_bombs = {
        "nested": deep("[", "]"),
        "nested where nobody looks": deep("[", "]", '{"x": {}, "images": []}'),
        "nested attributes": content(
            GOOD_COCO.replace(
                '"bbox"', '"attributes": ' + '{"a":' * 9000 + "1" + "}" * 9000 + ', "bbox"', 1
            )
        ),
        "ten million numbers for annotations": content(
            '{"images": [], "categories": [], "annotations": [' + "0," * 10_000_000 + "0]}"
        ),
        "ten million numbers for a box": content(
            GOOD_COCO.replace("[1, 2, 9, 9]", "[" + "0," * 10_000_000 + "0]")
        ),
        "a number of a million digits": content(
            GOOD_COCO.replace("[1, 2, 9, 9]", "[" + "9" * 1_000_000 + ",2,3,4]")
        ),
        "no UTF-8": content(GOOD_COCO.encode().replace(b"person", b"\xff\xfe")),
    }
    add("coco", "annotations", {**ANY, **LINK, **json_bombs}, "b/", 1)
    add("coco", "picture", PICTURES, "2.jpg", 1)
    for name in ("../secret.jpg", "x/../../secret.jpg", "{}/secret.jpg", "a\0b.jpg", "n" * 5000):
        table[f"coco name: {name[:20]!r}"] = Case(
            reader="coco",
            write=partial(datasets.coco_name, name=name),
            names="secret" if "secret" in name else "images/",
            good=1,
        )
    for name in ("../../../secret.jpg", "{}/secret.jpg"):
        table[f"datumaro name: {name}"] = Case(
            reader="datumaro",
            write=partial(datasets.datumaro_name, name=name),
            names="secret",
            good=1,
        )
    for name in ("../images/secret.jpg", "{}/images/secret.jpg"):
        table[f"yolo list: {name}"] = Case(
            reader="yolo",
            write=partial(datasets.yolo_list, name=name),
            names="secret",
            good=1,
        )
    numbers_only = "0," * 10_000_000 + "0"
    lists = {
        "nested": deep("[", "]"),
        "ten million numbers": content(f"[{numbers_only}]"),
        "ten million numbers for items": content(
            f'{{"categories": {{}}, "items": [{numbers_only}], "frames": [{numbers_only}]}}'
        ),
        "ten million numbers in a task": content(
            f'[{{"data": {{"image": "1.jpg"}}, "annotations": [{{"result": [{numbers_only}]}}]}}]'
        ),
        "a number of a million digits": content("[" + "9" * 1_000_000 + "]"),
        "no UTF-8": content(b'[{"data": "\xff\xfe"}]'),
    }
    for name in ("datumaro", "labelstudio", "fiftyone"):
        add(name, "annotations", {**ANY, **LINK, **lists}, "b.json", 1)
    texts: dict[str, Write] = {**ANY, **LINK, "a long line": one_line, "text": content("a b c\n")}
    add("yolo", "label", texts, "3.txt", 2)
    add("yolo", "picture", PICTURES, "2.jpg", 2)
    yaml_bombs = {
        "aliases": content(yaml_bomb()),
        "nested": deep("[", "]", "names: {}", 20_000),
        "nested in blocks": content("names:\n" + "".join(" " * k + "-\n" for k in range(1, 900))),
        "a number of a million digits": content("names: {" + "9" * 900_000 + ": person}"),
        "tags of Python": content("names: !!python/object/apply:os.system ['true']\n"),
        "no UTF-8": content(b"names: [\xff\xfe]"),
    }
    add("yolo", "data.yaml", {**ANY, **LINK, **yaml_bombs}, "data.yaml", 0)
    add("mot", "truth", texts, "gt.txt", 1)
    far = {"frame of next year": content("900000000,1,1,2,9,9,1,1,1\n")}
    add("mot", "truth", far, "gt.txt", 1)
    add("mot", "picture", PICTURES, "000001.jpg", 1)
    numbers = {
        "length of a year": content("[Sequence]\nseqLength=1e12\n"),
        "length without an end": content("[Sequence]\nseqLength=inf\n"),
        "no rate": content("[Sequence]\nframeRate=nan\n"),
    }
    add("mot", "seqinfo", {**ANY, **LINK, **numbers}, "seqinfo.ini", 1)
    for name in ("../../secret", "{}/secret"):
        table[f"mot imDir: {name}"] = Case(
            reader="mot",
            write=partial(datasets.mot_folder, name=name),
            names="secret",
            good=1,
        )
    xml_bombs = {
        "a billion laughs": content(laughs()),
        "a file of this machine": content(
            '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + CVAT.replace("{}", "&e;")
        ),
        "nested": deep("<a>", "</a>", CVAT),
        "a million elements": content(CVAT.replace("{}", "<attribute/>" * 1_000_000)),
        "a million boxes": content(
            CVAT.replace("{}", '</box><box frame="0" xtl="1" ytl="2" xbr="9" ybr="9">' * 300_000)
        ),
        "a tag of ten megabytes": content(CVAT.replace("{}", f'<a b="{"c" * 10_000_000}"/>')),
        "a text of ten megabytes": content(CVAT.replace("{}", "c" * 10_000_000)),
        "no end of the prolog": content("<!--" + "c" * 1_000_000),
        "no UTF-8": content(CVAT.encode().replace(b"person", b"\xff\xfe")),
    }
    add("cvat", "xml", {**ANY, **LINK, **xml_bombs}, "b.xml", 1)
    add("cvat", "film", VIDEOS, "", 1)
    table["fiftyone film: link out"] = Case(
        reader="fiftyone", write=datasets.fiftyone_film, names="b.mp4", good=1
    )
    add("video", "recording", VIDEOS, "b.mp4", 1)
    lines = {
        **ANY,
        "a long line": one_line,
        "text": content("a b c\n"),
        "frame of next year": content("900000000,-1,1,2,9,9,1\n"),
        "frame of next week": content("19000000,-1,1,2,9,9,1\n"),
        "infinity": content("1,-1,inf,2,9,9,1\n"),
    }
    add("scan", "detections", lines, "b.txt", 0)
    add("hindsight", "detections", lines, "b.txt", 1)
    settings: dict[str, Write] = {
        "no UTF-8": content(b'home = "\xff\xfe"\n'),
        "nested": deep("[", "]", "classes = {}"),
        "nested tables": content("a" + ".a" * 100_000 + " = 1\n"),
        "long": content(b"#" * (2 << 20)),
        "a number of a million digits": content("batch = " + "9" * 900_000),
        "sparse": sparse,
    }
    for kind, file in settings.items():
        table[f"settings: {kind}"] = Case(
            reader="settings",
            write=partial(datasets.only, name="oneclick.toml", file=file),
            names="oneclick.toml",
            good=0,
        )
    for kind, file in (ANY | LINK | {"text": content("no model")}).items():
        table[f"onnx: {kind}"] = Case(
            reader="onnx",
            write=partial(datasets.only, name="m.onnx", file=file),
            names="m.onnx",
            good=0,
        )
    return table
