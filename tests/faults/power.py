"""The disk as it may be after a power cut: what was never flushed may be lost.

The model is stricter than any file system. A write that no fsync of its file followed is lost,
there, or there in part; a new name, a link, a renaming or a removal that no fsync of its folder
followed is undone from some point on, in each folder on its own. Only a renaming between two
folders is never half done in the way that loses the file.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
_HEADER = struct.Struct("<cQqIII")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One line of the journal that shim.c writes."""

    act: str
    """C create, T truncate, W write, S sync, M make folder, D remove folder, U unlink, R rename,
    L link, N note."""
    inode: int
    offset: int
    """Of a write; the new size of a truncation."""
    path: str
    other: str
    """Target of a renaming, source of a link."""
    data: bytes


def read_journal(path: Path) -> Iterator[Change]:
    """Yield the changes of a journal; a torn last one is left out."""
    content, position = path.read_bytes(), 0
    while position + _HEADER.size <= len(content):
        act, inode, offset, *lengths = _HEADER.unpack_from(content, position)
        position += _HEADER.size
        parts = []
        for length in lengths:
            parts.append(content[position : position + length])
            position += length
        if position > len(content):
            return
        yield Change(
            act=act.decode(),
            inode=inode,
            offset=offset,
            path=parts[0].decode(),
            other=parts[1].decode(),
            data=parts[2],
        )


@dataclass(eq=False)
class Content:
    """A file: its flushed bytes, and the writes and truncations since."""

    flushed: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, bytes) of a write, (size, None) of a truncation."""

    def now(self) -> bytes:
        """Return the bytes that a process reads."""
        return _written(self.flushed, self.pending)

    def flush(self) -> None:
        """Put all pending changes on the disk."""
        self.flushed = self.now()
        self.pending.clear()

    def after_cut(self, rng: random.Random) -> bytes:
        """Return what is left after a power cut."""
        changes = list(self.pending)
        way = rng.choice(("none", "all", "first", "some"))
        if way == "none":
            changes = []
        elif way == "first" and changes:
            changes = changes[: rng.randrange(len(changes)) + 1]
            offset, data = changes.pop()
            if data:
                data = data[: rng.randrange(len(data) + 1) // SECTOR * SECTOR]
            changes.append((offset, data))
        elif way == "some":
            changes = [change for change in changes if rng.random() < 0.5]
        return _written(self.flushed, changes)


def _written(content: bytes, changes: Iterable[tuple[int, bytes | None]]) -> bytes:
    """Return a content after writes and truncations; what nobody wrote is zero."""
    result = bytearray(content)
    for offset, data in changes:
        if data is None:
            del result[offset:]
        result.extend(bytes(max(0, offset - len(result))))
        result[offset : offset + len(data or b"")] = data or b""
    return bytes(result)


@dataclass(eq=False)
class NameChange:
    """A name that a folder gained or lost, and that is not flushed."""

    name: str
    node: Content | Folder | None
    """None: the name was removed."""
    needs: NameChange | None = None
    """The new name of a renaming, without which the old one is not gone."""
    is_kept: bool = False


@dataclass(eq=False)
class Folder:
    """A folder: its names now, the flushed ones, and the changes since."""

    names: dict[str, Content | Folder] = field(default_factory=dict)
    flushed: dict[str, Content | Folder] = field(default_factory=dict)
    pending: list[NameChange] = field(default_factory=list)

    def change(self, change: NameChange) -> NameChange:
        """Change a name."""
        _rename(self.names, change)
        self.pending.append(change)
        return change

    def flush(self) -> None:
        """Put all pending changes on the disk."""
        for change in self.pending:
            change.is_kept = True
            _rename(self.flushed, change)
        self.pending.clear()

    def folders(self) -> Iterator[Folder]:
        """Yield this folder and all that are or were below it."""
        yield self
        below = [*self.names.values(), *self.flushed.values(), *(c.node for c in self.pending)]
        for node in {id(node): node for node in below}.values():
            if isinstance(node, Folder):
                yield from node.folders()


def _rename(names: dict[str, Content | Folder], change: NameChange) -> None:
    if change.node is None:
        names.pop(change.name, None)
    else:
        names[change.name] = change.node


class Disk:
    """A folder on a disk whose power may be cut; it begins with everything flushed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[int, Content] = {}
        self._top = self._load(root)

    def _load(self, path: Path) -> Folder:
        folder = Folder()
        for item in path.iterdir():
            if item.is_dir():
                folder.names[item.name] = self._load(item)
            else:
                content = self._files.setdefault(item.stat().st_ino, Content())
                content.flushed = item.read_bytes()
                folder.names[item.name] = content
        folder.flushed = dict(folder.names)
        return folder

    def apply(self, change: Change) -> None:
        """Apply one change of the journal."""
        if change.act == "C":
            self._files[change.inode] = Content()
            self._folder(change.path).change(NameChange(_name(change), self._files[change.inode]))
        elif change.act == "M":
            self._folder(change.path).change(NameChange(_name(change), Folder()))
        elif change.act in "UD":
            self._folder(change.path).change(NameChange(_name(change), None))
        elif change.act == "W":
            self._files[change.inode].pending.append((change.offset, change.data))
        elif change.act == "T":
            self._files[change.inode].pending.append((change.offset, None))
        elif change.act == "R":
            source, target = self._folder(change.path), self._folder(change.other)
            node = source.names[_name(change)]
            new = target.change(NameChange(Path(change.other).name, node))
            source.change(NameChange(_name(change), None, needs=new))
        elif change.act == "L":
            node = self._folder(change.other).names[Path(change.other).name]
            self._folder(change.path).change(NameChange(_name(change), node))
        elif change.act == "S":
            self._node(change).flush()

    def _node(self, change: Change) -> Content | Folder:
        """Return what was flushed."""
        path = Path(change.path)
        if path == self._root:
            return self._top
        node = self._folder(change.path).names.get(path.name)
        return node if isinstance(node, Folder) else self._files[change.inode]

    def _folder(self, path: str) -> Folder:
        """Return the folder that holds a path."""
        folder = self._top
        for name in Path(path).relative_to(self._root).parts[:-1]:
            node = folder.names[name]
            assert isinstance(node, Folder), path
            folder = node
        return folder

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of every file as it is while the power is on."""
        folders = [("", self._top)]
        while folders:
            path, folder = folders.pop()
            for name, node in folder.names.items():
                if isinstance(node, Folder):
                    folders.append((f"{path}{name}/", node))
                else:
                    yield path + name, node.now()

    def cut(self, rng: random.Random, target: Path) -> None:
        """Write the disk as it is after a power cut now into the new folder `target`.

        SQLite's shared memory is left out: the first connection makes it again.
        """
        folders = list({id(folder): folder for folder in self._top.folders()}.values())
        after: dict[int, list[NameChange]] = {}
        for folder in folders:
            after[id(folder)] = folder.pending[: rng.randint(0, len(folder.pending))]
            for change in after[id(folder)]:
                change.is_kept = True
        self._write(self._top, after, rng, target)

    def _write(
        self, folder: Folder, after: dict[int, list[NameChange]], rng: random.Random, target: Path
    ) -> None:
        target.mkdir()
        names = dict(folder.flushed)
        for change in after.get(id(folder), ()):
            if change.needs is None or change.needs.is_kept:
                _rename(names, change)
        for name, node in sorted(names.items()):
            if isinstance(node, Folder):
                self._write(node, after, rng, target / name)
            elif not name.endswith("-shm"):
                (target / name).write_bytes(node.after_cut(rng))


def _name(change: Change) -> str:
    return Path(change.path).name
