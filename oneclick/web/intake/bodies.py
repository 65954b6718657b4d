"""Bodies of the intake: read, unpacked and decoded within limits."""

from __future__ import annotations

import zlib

from fastapi import Request

from oneclick.core.edge_messages import EdgeBatch, EdgeFrame
from oneclick.storage.bounded_documents import (
    BrokenJson,
    BrokenMessage,
    JsonDecoder,
    MessagePackDecoder,
)
from oneclick.web.refusals import Refused
from oneclick.web.server import MAX_BODY_BYTES

MAX_UNPACKED = 8 << 20
"""Bytes of a body after it is unpacked."""
NDJSON, MESSAGE_PACK = "application/x-ndjson", "application/msgpack"
_HEADER = JsonDecoder[EdgeBatch](EdgeBatch)
_FRAME = JsonDecoder[EdgeFrame](EdgeFrame)
_BATCH = MessagePackDecoder[EdgeBatch](EdgeBatch)


async def read(request: Request) -> bytes:
    """Return the body of a request, unpacked.

    Raises:
        Refused: 413 where it is too large, 415 where it is packed in an unknown way, 400 where it
            cannot be unpacked.
    """
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise too_large()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return bytes(body)
    if encoding != "gzip":
        raise Refused(415, "Content-Encoding: gzip or none")
    return unpack(bytes(body))


def unpack(content: bytes) -> bytes:
    """Return the content of a gzip file of one member. Raises Refused as `read`."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = unpacker.decompress(content, MAX_UNPACKED + 1)
    except zlib.error:
        raise Refused(400, "the body is no gzip") from None
    if len(text) > MAX_UNPACKED:
        raise Refused(413, f"the body has more than {MAX_UNPACKED >> 20} MiB after unpacking")
    if not unpacker.eof or unpacker.unused_data:
        raise Refused(400, "the body is no whole gzip")
    return text


def too_large() -> Refused:
    """Return the refusal of a body that is too large."""
    return Refused(413, "the body is too large: at most 1 MiB")


def decode(kind: str, body: bytes) -> EdgeBatch:
    """Return the batch of a body.

    Args:
        kind: Content-Type of the request.
        body: unpacked.

    Raises:
        Refused: 415 for another type, 400 where it is broken.
    """
    name = kind.partition(";")[0].strip().lower()
    try:
        if name == MESSAGE_PACK:
            return _BATCH.decode(body)
        if name == NDJSON:
            first, *lines = body.splitlines() or [b""]
            header = _HEADER.decode(first)
            frames = tuple(_FRAME.decode(line) for line in lines if line)
            return EdgeBatch(
                source=header.source,
                sent_at=header.sent_at,
                oldest=header.oldest,
                frames=frames,
            )
    except (BrokenJson, BrokenMessage) as error:
        raise Refused(400, f"the batch is broken: {str(error)[:200]}") from None
    raise Refused(415, f"send {NDJSON} or {MESSAGE_PACK}")
