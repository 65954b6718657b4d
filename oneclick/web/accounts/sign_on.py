"""The hospital's sign-on: OpenID Connect, authorization code with PKCE, at one provider.

The provider says who somebody is; who may open the pages, and as what, `review users` says: a
user is the one whose name is the verified e-mail address or the user name at the provider.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from oneclick.core.errors import Unavailable, UsageError
from oneclick.platforms.local.options import LocalOptions
from oneclick.web import pages
from oneclick.web.accounts.access import access_of, client_address
from oneclick.web.accounts.audit import Visitor
from oneclick.web.accounts.users import User, Users, digest
from oneclick.web.refusals import Refused

RETURN = "/sign-on/return"
SECRET = "ONECLICK_OIDC_SECRET"
"""Environment variable of the client's secret."""
BEGIN_SECONDS = 600.0
"""Time for signing in at the provider."""
MOST_BEGUN = 1000
HTTP_SECONDS = 10.0
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""Signatures with a public key; `none` and shared secrets are not among them."""


class SignOnAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-on that a browser began."""

    state: str
    nonce: str
    verifier: str
    """Of PKCE: only who began can use the code."""
    at: float


class SignOn:
    """Signs users on through the provider of the settings.

    Args:
        options: section `review.local` of the settings, with an issuer.
        origin: address of these pages; the provider must know `<origin>/sign-on/return`.
        clock: seconds, monotonic.

    Raises:
        UsageError: authlib is not installed, or the secret's file cannot be read.
    """

    def __init__(
        self, options: LocalOptions, origin: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        try:
            import authlib  # noqa: F401
        except ImportError:
            raise UsageError("review.local.issuer needs authlib: install oneclick[oidc]") from None
        self._issuer, self._client = options.issuer.rstrip("/"), options.client
        self._secret = read_secret(options.client_secret_file)
        self._return, self._clock = origin + RETURN, clock
        self._begun: OrderedDict[str, SignOnAttempt] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self) -> tuple[str, str]:
        """Return the provider's address to go to, and the value of the browser's cookie.

        Raises:
            Unavailable: the provider does not answer.
        """
        cookie = secrets.token_urlsafe(32)
        attempt = SignOnAttempt(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            at=self._clock(),
        )
        with self._oauth() as client, _provider_errors(self._issuer):
            endpoint = self._discover()["authorization_endpoint"]
            address, _ = client.create_authorization_url(
                endpoint, state=attempt.state, nonce=attempt.nonce, code_verifier=attempt.verifier
            )
        with self._lock:
            self._begun[digest(cookie)] = attempt
            while len(self._begun) > MOST_BEGUN:
                self._begun.popitem(last=False)
        return str(address), cookie

    def finish(self, cookie: str, state: str, code: str) -> Mapping[str, Any]:
        """Return what the provider says about who signed in; each beginning has one end.

        Raises:
            Refused: the browser began no sign-on, or the provider's answer does not belong to it.
            Unavailable: the provider does not answer.
        """
        from joserfc import jwk, jwt
        from joserfc.errors import JoseError

        with self._lock:
            attempt = self._begun.pop(digest(cookie), None)
        is_ours = attempt is not None and secrets.compare_digest(
            digest(attempt.state), digest(state)
        )
        if attempt is None or not is_ours or self._clock() - attempt.at > BEGIN_SECONDS:
            raise Refused(401, "this sign-on was not begun here, or took too long: begin again")
        with self._oauth() as client, _provider_errors(self._issuer):
            provider = self._discover()
            token = client.fetch_token(
                provider["token_endpoint"], code=code, code_verifier=attempt.verifier
            )
            keys = _fetch(provider["jwks_uri"])
        try:
            decoded = jwt.decode(token["id_token"], jwk.KeySet.import_key_set(keys), ALGORITHMS)
            jwt.JWTClaimsRegistry(
                leeway=60,
                iss={"essential": True, "value": provider["issuer"]},
                aud={"essential": True, "value": self._client},
                exp={"essential": True},
                nonce={"essential": True, "value": attempt.nonce},
            ).validate(decoded.claims)
        except (JoseError, KeyError, ValueError) as error:
            raise Refused(
                401, f"the provider's answer is not valid: {type(error).__name__}"
            ) from None
        return decoded.claims

    def _oauth(self) -> Any:
        from authlib.integrations.httpx_client import OAuth2Client

        return OAuth2Client(
            self._client,
            self._secret,
            scope="openid email profile",
            redirect_uri=self._return,
            code_challenge_method="S256",
            timeout=HTTP_SECONDS,
            # Addresses of a proxy or keys in a .netrc are not meant for it.
            trust_env=False,
        )

    def _discover(self) -> dict[str, Any]:
        """Return the provider's own description, whose addresses are as safe as the issuer's."""
        provider: dict[str, Any] = _fetch(f"{self._issuer}/.well-known/openid-configuration")
        if str(provider.get("issuer", "")).rstrip("/") != self._issuer:
            raise ValueError(f"it calls itself {provider.get('issuer')!r}")
        scheme = urlsplit(self._issuer).scheme
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if urlsplit(str(provider[name])).scheme != scheme:
                raise ValueError(f"its {name} is no {scheme} address")
        return provider


@contextmanager
def _provider_errors(issuer: str) -> Iterator[None]:
    """Turn what goes wrong at the provider into one line."""
    from authlib.common.errors import AuthlibBaseError

    try:
        yield
    except AuthlibBaseError as error:
        raise Refused(401, f"the provider refused: {str(error)[:200]}") from None
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        text = f"{type(error).__name__}: {error}"[:200]
        raise Unavailable(f"provider {issuer} cannot be used: {text}") from None


def _fetch(address: str) -> Any:
    return httpx.get(address, timeout=HTTP_SECONDS, trust_env=False).raise_for_status().json()


def read_secret(path: str) -> str:
    """Return the client's secret from a file, or from the environment.

    Raises:
        UsageError: the file cannot be read, or others may read it.
    """
    if not path:
        return os.environ.get(SECRET, "")
    try:
        mode, content = Path(path).stat().st_mode, Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"review.local.client_secret_file: {error}") from None
    if mode & 0o077:
        raise UsageError(f"{path} may be read by others (mode {mode & 0o777:04o}): chmod 600")
    return content


def user_of(users: Users, claims: Mapping[str, Any]) -> User | None:
    """Return the user that the provider's claims mean, or None."""
    names = [claims.get("preferred_username")]
    if claims.get("email_verified") is True:
        names.insert(0, claims.get("email"))
    for name in names:
        if isinstance(name, str) and (user := users.find(name.lower())):
            return user
    return None


router = APIRouter()


@router.get("/sign-on/state")
def state(request: Request) -> dict[str, bool]:
    """Return whether there is a provider to sign on through."""
    return {"available": request.app.state.sign_on is not None}


@router.get("/sign-on")
def begin(request: Request) -> Response:
    """Send the browser to the provider."""
    address, cookie = _sign_on(request).begin()
    response = RedirectResponse(address, 303)
    sessions = access_of(request).sessions
    # The provider's page leads back here: a strict cookie would not come along.
    response.set_cookie(
        _cookie(request),
        cookie,
        max_age=int(BEGIN_SECONDS),
        path="/",
        secure=sessions.secure,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get(RETURN)
def finish(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """Sign in whom the provider vouches for, if that is a user of these pages."""
    access, address = access_of(request), client_address(request)
    if error:
        raise Refused(401, "the provider signed nobody on")
    claims = _sign_on(request).finish(request.cookies.get(_cookie(request), ""), state, code)
    user = user_of(access.users, claims)
    if user is None:
        subject = str(claims.get("email") or claims.get("preferred_username") or claims.get("sub"))
        access.audit.record(Visitor(subject, address), "sign-on", outcome="no such user")
        raise Refused(403, "you are no user of these pages: an admin has to add you")
    access.audit.record(Visitor(user.name, address), "sign-on")
    # A page of ours goes on from here: the new cookie is strict.
    response = pages.html("entered")
    access.sessions.begin(response, user.name, request.cookies.get(access.sessions.cookie, ""))
    response.delete_cookie(_cookie(request), path="/")
    return response


def _sign_on(request: Request) -> SignOn:
    sign_on: SignOn | None = request.app.state.sign_on
    if sign_on is None:
        raise Refused(404, "there is no sign-on: set review.local.issuer")
    return sign_on


def _cookie(request: Request) -> str:
    return f"{access_of(request).sessions.cookie}-sign-on"
