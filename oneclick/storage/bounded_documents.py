"""Documents of strangers (JSON, YAML, TOML, XML …), bounded before memory is used."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

import msgspec

from oneclick.core.errors import BadInput, BadLabels
from oneclick.storage import bounded_files
from oneclick.storage.bounded_files import MEBIBYTE, Refusal

T = TypeVar("T")
MAX_YAML = MEBIBYTE
MAX_TOML = MEBIBYTE
MAX_YAML_DEPTH = 32
MAX_YAML_NODES = 100_000
MAX_XML_DEPTH = 32
MAX_XML_TOKEN = MEBIBYTE
"""Bytes of one tag or text."""
_CHUNK = 16 << 10
_LONG_TOML_KEY = re.compile(
    r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}"""
)
# Strings are one token: what looks like a bracket in them is none.
_JSON_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]')
_JSON_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},]')


class BrokenJson(BadInput):
    """What was read is no JSON, or not of the expected form; the message is the reason alone."""


class BrokenMessage(BadInput):
    """What was read is no MessagePack, or not of the expected form; the message is the reason."""


class JsonDecoder(Generic[T]):
    """Decodes JSON of one type; whatever is wrong with it raises BrokenJson.

    msgspec has an exception for the syntax and the types, and lets others through: for bytes or
    characters that are no UTF-8, and for values nested too deeply.

    Args:
        type: what the values are checked against (struct, dataclass or builtin).
    """

    def __init__(self, type: type[T] | Any) -> None:
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(type)

    def decode(self, content: Any) -> T:
        """Decode bytes, a mapped file, a part of JSON or text.

        Raises:
            BrokenJson: it is no JSON, nested too deeply, or not of the type.
        """
        try:
            return cast(T, self._decoder.decode(content))
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise BrokenJson(str(error)) from None
        except RecursionError:
            raise BrokenJson("it is nested too deeply") from None


class MessagePackDecoder(Generic[T]):
    """Decodes MessagePack of one type; whatever is wrong with it raises BrokenMessage.

    Args:
        type: what the values are checked against (struct, dataclass or builtin).
    """

    def __init__(self, type: type[T] | Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(type)

    def decode(self, content: Any) -> T:
        """Decode bytes.

        Raises:
            BrokenMessage: they are no MessagePack, nested too deeply, or not of the type.
        """
        try:
            return cast(T, self._decoder.decode(content))
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise BrokenMessage(str(error)) from None
        except RecursionError:
            raise BrokenMessage("it is nested too deeply") from None


def parse_json(content: Any, type: type[T] | Any = Any) -> T:
    """Decode JSON once. Raises as `JsonDecoder.decode`."""
    return JsonDecoder[T](type).decode(content)


def decode_json(content: Any, path: Path, type: Any = Any, refusal: Refusal = BadInput) -> Any:
    """Decode the JSON of a file.

    Args:
        content: bytes, or a mapped file.
        path: for the message.
        type: what msgspec checks the values against.
        refusal: exception to raise.

    Raises:
        BadInput: or `refusal`: it is no JSON, nested too deeply, or not of that type.
    """
    try:
        return parse_json(content, type)
    except BrokenJson as error:
        raise refusal(f"{path} is broken: {error}; restore or delete it") from None


def repeated_keys(content: Any) -> list[set[str]]:
    """Return the keys of each JSON object in which one stands twice; none where it is no JSON.

    It reads slowly: ask where a key is seen twice in the text.
    """
    objects: list[set[str]] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        names = {name for name, _ in pairs}
        if len(names) < len(pairs):
            objects.append(names)

    with contextlib.suppress(ValueError, RecursionError):  # its reader says what is wrong
        json.loads(bytes(content), object_pairs_hook=look)
    return objects


def json_elements(text: str) -> Iterator[str]:
    """Yield the text of each element of a JSON array, which is known to be well-formed.

    Nothing is decoded: memory is that of the text. A value that is no array yields nothing.
    """
    start, at, depth = text.find("[") + 1, 0, 0
    while token := (_JSON_TOKEN if depth == 1 else _JSON_BRACKET).search(text, at):
        at = token.end()
        match token[0][0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case ",":
                yield text[start : token.start()]
                start = at
        if depth == 0:
            if element := text[start : token.start()].strip():
                yield element
            return


def read_yaml(path: Path, refusal: Refusal = BadInput) -> Any:
    """Read a small YAML file of plain values.

    Aliases are refused: a few of them stand for gigabytes.

    Raises:
        BadInput: or `refusal`: it is no YAML, has aliases, or is nested too deeply or too long.
    """
    import yaml

    content = bounded_files.read_bytes(path, MAX_YAML, refusal)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for count, event in enumerate(yaml.parse(content, loader)):
            if isinstance(event, yaml.AliasEvent):
                raise refusal(f"{path}: aliases (*{event.anchor}) are not read: write it out")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_YAML_DEPTH or count > MAX_YAML_NODES:
                raise refusal(f"{path} is nested too deeply or too long: keep the class names only")
        return yaml.load(content, loader)
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError) as error:
        text = " ".join(str(error).split())[:80]
        raise refusal(f"{path} is no YAML that can be read ({text})") from None


def parse_toml(content: bytes, path: Path, refusal: Refusal = BadInput) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        BadInput: or `refusal`: it is no TOML, not UTF-8, or nested too deeply.
    """
    try:
        text = content.decode("utf-8")
        if _LONG_TOML_KEY.search(text):  # tomllib takes time and memory by the square of its parts
            raise refusal(f"{path} is not TOML that can be read: a key of too many parts")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise refusal(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise refusal(f"{path} is not TOML: {error}") from None
    except (RecursionError, ValueError) as error:  # ValueError: a number of 5,000 digits
        text = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise refusal(f"{path} is not TOML that can be read: {text}") from None


def xml_events(
    path: Path, limit: int, refusal: Refusal = BadLabels
) -> Iterator[tuple[str, Element]]:
    """Yield ("start" or "end", element) of an XML file, as `ElementTree.iterparse` does.

    Document types are refused, since their entities may stand for gigabytes or for other files.
    The caller removes elements that it has seen; one tag or text is bounded here.

    Raises:
        BadLabels: or `refusal`: it is no XML, has a document type, or is nested too deeply.
    """
    with bounded_files.open_regular(path, limit, refusal) as file:
        chunk = file.read(MAX_XML_TOKEN // 16)
        _check_prolog(path, chunk, refusal)
        parser: ElementTree.XMLPullParser[Element] = ElementTree.XMLPullParser(("start", "end"))
        depth = silent = 0
        try:
            while chunk:
                parser.feed(chunk)
                silent += len(chunk)
                for event, element in _elements(parser):
                    silent = 0
                    depth += 1 if event == "start" else -1
                    if depth > MAX_XML_DEPTH:
                        raise refusal(f"{path} is nested too deeply: it is no dataset's XML")
                    yield event, element
                if silent > MAX_XML_TOKEN:
                    raise refusal(f"{path}: a tag or text of more than 1 MB: no dataset's XML")
                chunk = file.read(_CHUNK)
            parser.close()
            yield from _elements(parser)
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise refusal(f"{path}: no XML: {error}") from None


def _elements(parser: ElementTree.XMLPullParser[Element]) -> Iterator[tuple[str, Element]]:
    """Yield the events so far; only those of elements were asked for."""
    for event in parser.read_events():
        name, element = cast(tuple[str, Element], event)
        yield name, element


class _RootSeen(Exception):
    """The prolog ends: the root element begins."""


def _check_prolog(path: Path, head: bytes, refusal: Refusal) -> None:
    """Refuse a document type, which stands before the root element; broken XML is seen later."""

    def refuse(*_: object) -> None:
        raise refusal(f"{path} has a document type (<!DOCTYPE>): remove it, it is not needed")

    def stop(*_: object) -> None:
        raise _RootSeen

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = stop
    try:
        parser.Parse(head, False)
    except (_RootSeen, expat.ExpatError, ValueError, LookupError):
        return
    raise refusal(f"{path}: no element in its first {len(head):,} bytes: no dataset's XML")
