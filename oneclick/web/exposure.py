"""Who can reach the review pages: this machine alone, unless there are users and TLS."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from oneclick.core.errors import UsageError
from oneclick.platforms.local.options import LocalOptions
from oneclick.services.origin_guard import origin_of
from oneclick.web import server
from oneclick.web.accounts.users import User
from oneclick.web.server import Tls


@dataclass(frozen=True)
class Exposure:
    """How the pages are served."""

    origins: tuple[str, ...]
    """Addresses that are answered; the last is the one for people."""
    tls: Tls | None
    lines: tuple[str, ...]
    """What the operator must know."""


def tls_files(options: LocalOptions) -> Tls | None:
    """Return certificate and key of the settings, or None where there are none.

    Raises:
        UsageError: they cannot be used.
    """
    if not options.certificate:
        return None
    tls = Tls(Path(options.certificate), Path(options.key))
    server.check_tls(tls)
    return tls


def check(
    options: LocalOptions, address: str, users: list[User], insecure_lan: bool = False
) -> None:
    """Check that an address may be listened on.

    Args:
        options: section `review.local` of the settings.
        address: host:port.
        users: that there are.
        insecure_lan: passwords and video may cross the network in the clear.

    Raises:
        UsageError: naming what is missing.
        Unavailable: it is no address.
    """
    host, _ = server.split_address(address)
    ip = ipaddress.ip_address(host)
    if ip.is_loopback and not options.public_url:
        return
    if not options.issuer and all(user.password is None for user in users):
        raise UsageError(
            f"others could reach {options.public_url or address}, and nobody has a password yet: "
            "oneclick review users add NAME --role admin"
        )
    if ip.is_loopback:
        return
    if not options.certificate and not insecure_lan:
        raise UsageError(
            f"{address} is not this machine's own 127.0.0.1, and there is no TLS: set "
            "review.local.certificate and review.local.key, put a reverse proxy with TLS before it "
            "(review.local.public_url), or say --insecure-lan"
        )
    if ip.is_unspecified and not options.names:
        raise UsageError(
            f"{address} is every address of this machine: name one, or say in review.local.names "
            "by which names and addresses browsers reach it"
        )


def describe(
    options: LocalOptions, address: tuple[str, int], users: list[User], tls: Tls | None
) -> Exposure:
    """Return how pages on a socket's address are reached, and what is exposed."""
    host, port = address
    ip = ipaddress.ip_address(host)
    scheme = "https" if tls else "http"
    names = [] if ip.is_unspecified else [host]
    if ip.is_loopback:
        names.insert(0, "localhost")
    # The first of the names is what people are told.
    origins = [origin_of(scheme, name, port) for name in (*names, *reversed(options.names))]
    if options.public_url:
        origins.append(options.public_url.rstrip("/").lower())
    lines: list[str] = []
    if not ip.is_loopback or options.public_url:
        count = f"{len(users)} user" + ("s" if len(users) != 1 else "")
        lines.append(
            f"exposed     {origins[-1]}: whoever reaches it is asked to sign in ({count}); video "
            "and labels of the cameras in each one's scope"
        )
        if not tls and not options.public_url:
            lines.append(
                "exposed     without TLS passwords and video can be read and changed on the way"
            )
    return Exposure(tuple(origins), tls, tuple(lines))
