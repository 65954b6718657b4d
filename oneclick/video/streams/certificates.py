"""Certificates of network sources: what FFmpeg checks, and why one is not trusted."""

from __future__ import annotations

import contextlib
import socket
import ssl
from urllib.parse import urlsplit

from oneclick.core.stream_addresses import StreamAddress

ANY = "any"
"""Trust every certificate."""
_PORTS = {"https": 443, "rtsps": 322}
_SECONDS = 5.0


def tls_options(address: StreamAddress, authorities: str) -> dict[str, str]:
    """Return the options with which FFmpeg checks the certificate of a source; none without TLS.

    Args:
        address: of the source.
        authorities: PEM file of those who sign certificates; empty for those that the system
            knows, ANY to check nothing.
    """
    if urlsplit(address.place).scheme not in _PORTS or authorities == ANY:
        return {}
    path = authorities or ssl.get_default_verify_paths().cafile or ""
    return {"tls_verify": "1", "ca_file": path}


def why_untrusted(address: StreamAddress, authorities: str) -> str:
    """Ask a source for its certificate; return why it is not trusted, otherwise nothing.

    FFmpeg says no more than that it cannot read.
    """
    if not tls_options(address, authorities):
        return ""
    parts = urlsplit(address.place)
    place = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
    try:
        context = ssl.create_default_context(cafile=authorities or None)
    except (OSError, ValueError):
        return f"live.certificates: {authorities} holds no certificate"
    try:
        with (
            contextlib.closing(socket.create_connection(place, _SECONDS)) as bare,
            context.wrap_socket(bare, server_hostname=place[0]),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not trusted, {error.verify_message}: see live.certificates"
    except (OSError, ValueError):
        return ""
