"""Folders as recorders and storage boxes leave them: good recordings among all kinds of others."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oneclick import video
from tests.hostile import files

Write = Callable[[Path], None]
BOX = 64
"""Bytes at the end of a film that tell it from the others."""


def film(seed: int, frames: int = 3) -> bytes:
    """Return a small MP4 that differs from those of other seeds in its pictures."""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"oneclick-film-{os.getpid()}-{seed}.mp4"
    pixels = np.random.default_rng(seed).integers(0, 255, (frames, 16, 16, 3), np.uint8)
    video.write(path, iter(pixels), 5)
    content = path.read_bytes()
    path.unlink()
    return content


def variant(base: bytes, number: int) -> bytes:
    """Return a film with other bytes: a box at its end that players pass over."""
    return base + struct.pack(">I4sI", BOX, b"free", number) + bytes(BOX - 12)


def bad_files(base: bytes) -> dict[str, tuple[str, Write]]:
    """Return names, and what writes a file there that cannot be taken, by kind."""
    media = base.index(b"mdat")
    sound = b"RIFF\x24\x08\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    content = files.content
    return {
        "empty": ("empty{}.mp4", content(b"")),
        "a text": ("text{}.mp4", content("this is no video\n")),
        "a page of the web": ("page{}.avi", content("<!doctype html><title>404</title>")),
        "a playlist": ("list{}.ts", content("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")),
        "a list of parts": ("parts{}.mkv", content("ffconcat version 1.0\nfile good.mp4\n")),
        "zeros": ("zeros{}.ts", content(bytes(188 * 64))),
        "noise": ("noise{}.mp4", content(np.random.default_rng(5).bytes(4096))),
        "a picture": ("picture{}.mov", content(files.png(16, 16))),
        "a zip": ("archive{}.mp4", content(b"PK\x03\x04" + bytes(400))),
        "no head": ("headless{}.mp4", content(base[media:])),
        "no end": ("cut{}.mp4", content(base[: media + 8])),
        "a sound": ("sound{}.avi", content(sound + b"data\0\x08\0\0" + bytes(2048))),
        "a link to nowhere": ("dangling{}.mp4", lambda path: path.symlink_to("nowhere.mp4")),
        "a link in a circle": ("loop{}.mp4", files.link_loop),
        "a link out": ("out{}.mp4", files.link_out),
        "a device": ("device{}.mp4", files.endless),
        "a named pipe": ("pipe{}.mp4", files.fifo),
        "a socket": ("socket{}.mp4", files.unix_socket),
        "no UTF-8": (os.fsdecode(b"caf\xe9 {}.mp4"), content(b"no video")),
        "a line break and escapes": ("a\nb\x1b[2J{}.mp4", content(b"no video")),
    }


def good_names(number: int) -> list[str]:
    """Return names of recordings in folders of cameras, as people and recorders write them."""
    shapes = [
        "hall/hall_20260501_{clock}.mp4",
        "走廊/{clock}_{i}.mp4",
        "Комната 1/запись {i}.mp4",
        "2026-05-01/08/kitchen/{minute}.mp4",
        "yi/2022Y04M12D18H/{minute_yi}.mp4",
        "x" * 200 + "/" + "y" * 240 + "{i:03d}.mp4",
        "a\nb/c\x1b[1m{i}.mp4",
        os.fsdecode(b"caf\xe9/{i}.mp4"),
    ]
    names = []
    for i in range(number):
        minute, second = divmod(i, 60)
        clock, spots = f"08{minute:02d}{second:02d}", f"{minute:02d}.{second:02d}"
        names.append(
            shapes[i % len(shapes)].format(
                i=i, clock=clock, minute=spots, minute_yi=f"{minute:02d}M{second:02d}S60"
            )
        )
    return names


@dataclass(frozen=True, kw_only=True)
class MixedFolder:
    """What a mixed folder holds."""

    good: int
    bad: frozenset[str]
    """Paths of the files that cannot be taken."""
    left_out: dict[str, int]
    """Files and folders that are no recordings, by kind."""


def mixed_folder(root: Path, good: int, bad: int) -> MixedFolder:
    """Write a folder of recordings, with bad ones of all kinds among them."""
    base = film(1)
    for number, name in enumerate(good_names(good)):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(variant(base, number))
    kinds = list(bad_files(base).values())
    paths = []
    for number in range(bad):
        name, write = kinds[number % len(kinds)]
        path = root / f"camera {number % 3}" / name.format(number)
        path.parent.mkdir(exist_ok=True)
        write(path)
        paths.append(str(path))
    for name in ("@eaDir/a.mp4", "#recycle/b.mp4", "hall/c.jpg", "hall/.d.mp4", "hall/e"):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(variant(base, 10_000))
    left_out = {
        "folders @eaDir": 1,
        "folders #recycle": 1,
        ".jpg files": 1,
        "hidden files": 1,
        "files without a suffix": 1,
    }
    return MixedFolder(good=good, bad=frozenset(paths), left_out=left_out)
