"""Hostile files of every kind, each written at a path that is free."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from oneclick import video

GIBIBYTE = 1 << 30


Write = Callable[[Path], None]
"""Writes at a path that is free, in a folder that exists."""


def fifo(path: Path) -> None:
    """Make a named pipe that nobody writes to."""
    os.mkfifo(path)


def endless(path: Path) -> None:
    """Link to a device that never ends."""
    path.symlink_to("/dev/zero")


def unix_socket(path: Path) -> None:
    """Make a socket, beside and moved: its name may be longer than sockets allow."""
    short = Path(f"/tmp/oneclick-{os.getpid()}.socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(short))
    short.rename(path)


def folder(path: Path) -> None:
    """Make a folder in place of a file."""
    path.mkdir()


def link_out(path: Path) -> None:
    """Link to a file of this machine."""
    path.symlink_to("/etc/passwd")


def link_loop(path: Path) -> None:
    """Link to itself."""
    path.symlink_to(path.name)


def sparse(path: Path) -> None:
    """Write eight gibibytes of zeros that take no space."""
    with path.open("wb") as file:
        file.truncate(8 * GIBIBYTE)


def zeros(path: Path) -> None:
    """Write more zeros than a line of text or a tag may have."""
    path.write_bytes(bytes(8 << 20))


def one_line(path: Path) -> None:
    """Write a line of forty megabytes."""
    path.write_bytes(b"1," * (20 << 20))


ANY: dict[str, Write] = {
    "pipe": fifo,
    "device": endless,
    "socket": unix_socket,
    "sparse": sparse,
    "zeros": zeros,
    "loop of links": link_loop,
}
"""Files that no reader takes, whatever it reads."""


LINK = {"link out": link_out}


def content(data: bytes | str) -> Write:
    """Return a writer of a file with this content."""

    def write(path: Path) -> None:
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    return write


def deep(opening: str, closing: str, around: str = "{}", times: int = 100_000) -> Write:
    """Return a writer of a nested document."""
    return content(around.replace("{}", opening * times + closing * times, 1))


def png(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that claims this size."""
    _, array = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))
    data = bytearray(array.tobytes())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def jpeg(width: int, height: int) -> bytes:
    """Return a JPEG of a few bytes that claims this size."""
    _, array = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))
    data = bytearray(array.tobytes())
    at = data.find(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


PICTURES: dict[str, Write] = {
    **ANY,
    **LINK,
    "text": content("no picture"),
    "empty": content(b""),
    "PNG of 60000 x 60000": content(png(60_000, 60_000)),
    "JPEG of 65000 x 65000": content(jpeg(65_000, 65_000)),
    "BMP of 40000 x 40000": content(
        b"BM" + struct.pack("<IIIIii", 0, 0, 54, 40, 40_000, -40_000) + bytes(64)
    ),
    "TIFF of 40000 x 40000": content(
        b"II*\0" + struct.pack("<IHHHIIHHIII", 8, 2, 256, 4, 1, 40_000, 257, 4, 1, 40_000, 0)
    ),
    "JPEG without an end of segments": content(b"\xff\xd8" + b"\xff\xe1\0\2" * 50_000),
}


def picture(path: Path, shade: int = 0) -> None:
    """Write a small picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((48, 64, 3), shade, np.uint8))


def film(path: Path, frames: int = 3, shade: int = 0) -> None:
    """Write a short recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    video.write(path, (np.full((48, 64, 3), shade + k, np.uint8) for k in range(frames)), 25)


CVAT = (
    '<annotations><track id="1" label="person"><box frame="0" xtl="1" ytl="2" xbr="9" ybr="9" '
    'outside="0" occluded="0" keyframe="1">{}</box></track></annotations>'
)


def secret_film(path: Path) -> None:
    """Link to a film outside of the dataset."""
    film(path.parent.parent / "secret.mp4", shade=200)
    path.symlink_to(path.parent.parent / "secret.mp4")


def laughs(levels: int = 12) -> str:
    """Return an XML document whose entities stand for ten to the power of `levels` characters."""
    entities = ['<!ENTITY e0 "hahahahaha">']
    for k in range(1, levels):
        refs = f"&e{k - 1};" * 10
        entities.append(f'<!ENTITY e{k} "{refs}">')
    return f"<!DOCTYPE annotations [{''.join(entities)}]>" + CVAT.replace("{}", f"&e{levels - 1};")


def yaml_bomb() -> str:
    """Return YAML of a few hundred bytes whose aliases stand for gigabytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for k in range(1, 9):
        lines.append(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]")
    return "\n".join([*lines, "names: *a8\n"])


def many_samples(path: Path) -> None:
    """Write an MP4 of a few kilobytes that claims fifty million samples."""
    film(path, frames=10)
    data = bytearray(path.read_bytes())
    for name, offset, fields in (
        (b"stsz", 8, (1, 50_000_000)),
        (b"stsc", 16, (50_000_000,)),
        (b"stts", 12, (50_000_000,)),
    ):
        at = data.find(name) + offset
        data[at : at + 4 * len(fields)] = struct.pack(f">{len(fields)}I", *fields)
    path.write_bytes(data)


def big_frames(path: Path) -> None:
    """Write an AVI whose pictures claim 16000 x 16000 px."""
    import av

    data = png(16_000, 16_000)
    with av.open(str(path), "w", format="avi") as out:
        stream = out.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        for k in range(3):
            packet = av.Packet(data)
            packet.stream = stream
            packet.pts = packet.dts = k
            packet.time_base = Fraction(1, 25)
            out.mux(packet)


def playlist(text: str) -> Write:
    """Return a writer of a playlist that names a film beside the folder, and of that film."""

    def write(path: Path) -> None:
        film(path.parent.parent / "secret.mp4", shade=200)
        film(path.parent / ".inside.mp4", shade=200)
        path.write_text(text)

    return write


VIDEOS: dict[str, Write] = {
    **ANY,
    "text": content("no video"),
    "empty": content(b""),
    "concat": playlist("ffconcat version 1.0\nfile .inside.mp4\nfile inside.mp4\n"),
    "HLS": playlist(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n../secret.mp4\n#EXT-X-ENDLIST\n"
    ),
    "samples of 50 million": many_samples,
    "frames of 16000 x 16000": big_frames,
    "link out": secret_film,
}
