"""The section `review.local` of the settings: the review pages and who may open them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PORT = 8321


@dataclass(frozen=True, kw_only=True)
class LocalOptions:
    """Review in our own pages, which `oneclick review serve` and `oneclick up` serve."""

    at: str = f"127.0.0.1:{PORT}"
    """host:port to listen on. Another than this machine's own needs users, and TLS or
    `review serve --insecure-lan`."""
    names: tuple[str, ...] = ()
    """Further host names or addresses by which browsers reach the server, without port."""
    certificate: str = ""
    """PEM file of the TLS certificate with its chain."""
    key: str = ""
    """PEM file of its private key."""
    public_url: str = ""
    """https address of a reverse proxy on this machine through which browsers come."""
    idle_minutes: float = 15.0
    """Minutes without use after which a session ends."""
    session_hours: float = 12.0
    """Hours after which a session ends in any case."""
    blur_for: tuple[Literal["viewer", "annotator", "lead", "admin"], ...] = ()
    """Roles to which heads of labelled people are shown blurred."""
    seeded: float = 0.0
    """Share of the clips into whose labels an error is put, to measure how many a reviewer finds;
    it is taken out again before they are accepted. 0.02 … 0.05 is usual."""
    control: float = 0.0
    """Share of the pictures that are looked at as a whole, to measure how often labels that no
    question is about are wrong. 0.005 is usual."""
    second_looks: float = 0.0
    """Share of the accepted clips that somebody else reviews again without seeing the first
    review; leads compare the two where they differ. 0.05 is usual; it needs two annotators."""
    issuer: str = ""
    """Address of an OpenID Connect provider: the hospital's sign-on. Users are added here, by the
    name or e-mail address that it gives them. It needs oneclick[oidc]."""
    client: str = ""
    """Client id that the provider gave these pages."""
    client_secret_file: str = ""
    """File of the client's secret; empty means ONECLICK_OIDC_SECRET."""


def of_section(section: object) -> LocalOptions:
    """Return section `review.local` of the settings; the defaults where it is another's."""
    return section if isinstance(section, LocalOptions) else LocalOptions()


def check(options: LocalOptions) -> None:
    """Check options that are right one by one but may contradict each other.

    Raises:
        ValueError: naming the option and the remedy.
    """
    if bool(options.certificate) != bool(options.key):
        raise ValueError("local.certificate and local.key belong together: set both, or neither")
    if options.public_url and options.certificate:
        raise ValueError(
            "local.public_url means that a proxy has the certificate: set it, or local.certificate"
        )
    if options.public_url and not options.public_url.startswith("https://"):
        raise ValueError(f"local.public_url is {options.public_url!r}: give https://name")
    if not 0 < options.idle_minutes <= options.session_hours * 60:
        raise ValueError(
            f"local.idle_minutes is {options.idle_minutes:g}: more than 0, and at most "
            f"local.session_hours, which is {options.session_hours:g}"
        )
    for name in ("seeded", "control", "second_looks"):
        share = getattr(options, name)
        if not 0 <= share <= 1:
            raise ValueError(f"local.{name} is {share:g}: a share is 0 … 1")
    if bool(options.issuer) != bool(options.client):
        raise ValueError("local.issuer and local.client belong together: set both, or neither")
    if options.issuer and not options.issuer.startswith(("https://", "http://127.0.0.1:")):
        raise ValueError(f"local.issuer is {options.issuer!r}: give https://name")
