"""URLs as they may be shown: without the names, passwords and tokens that they hold."""

from __future__ import annotations

import re
from collections.abc import Callable

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
# Between the URLs of a chain, not in an IPv6 address.
_CHAIN = re.compile(r"::(?=[A-Za-z][A-Za-z0-9+.-]*(?:://|::|$))")


def label(url: str) -> str:
    """Return a URL without name, password, query and fragment; other text stays as it is.

    Of a chain, such as `zip://a.mp4::https://host/b.zip`, each URL is cut.
    """
    return "::".join(_cut(part) for part in _CHAIN.split(url))


def host_label(url: str) -> str:
    """Return scheme and host alone, for URLs whose path is a secret; empty where it is no URL."""
    scheme, separator, rest = label(url).partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if separator else ""


def masked(text: str, show: Callable[[str], str] = label) -> str:
    """Return a text with each URL in it as `show` shows it."""
    return _URL.sub(lambda match: show(match[0]), text)


def _cut(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    authority, slash, path = rest.partition("/")
    _, colon, port = authority.rpartition(":")
    is_split_password = bool(colon) and "]" not in port and not port.isdigit() and "@" in path
    if "@" in authority or not is_split_password:
        place = authority.rpartition("@")[2] + slash + path
    else:  # a slash in the password
        place = path.rpartition("@")[2]
    # Other kinds of storage have # in their names.
    ends = r"[?#]" if scheme.lower().startswith("http") else r"\?"
    return f"{scheme}://{re.split(ends, place)[0]}"
