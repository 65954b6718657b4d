"""Addresses where users sign in and out, and change their password."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from oneclick.core.errors import UsageError
from oneclick.settings import Settings
from oneclick.web.accounts.access import (
    Access,
    SessionUser,
    access_of,
    client_address,
    current_user,
)
from oneclick.web.accounts.audit import Visitor
from oneclick.web.accounts.limits import LoginLimits
from oneclick.web.accounts.passwords import Passwords
from oneclick.web.refusals import Refused

router = APIRouter()
Text = Annotated[str, Field(max_length=1024)]
CurrentUser = Annotated[SessionUser, Depends(current_user)]


class _AccountBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class LoginBody(_AccountBody):
    """What the page of sign-in sends."""

    name: Text
    password: Text


class EnterBody(_AccountBody):
    """What the page of a one-time link sends."""

    token: Text


class LogoutBody(_AccountBody):
    """Whether all other sessions of the user end too."""

    everywhere: bool = False


class PasswordBody(_AccountBody):
    """Body of the request that sets a new password."""

    old: Text = ""
    new: Text


@router.post("/api/login")
async def log_in(request: Request, body: LoginBody) -> Response:
    """Sign a user in by name and password; which of the two is wrong is not told."""
    access, limits = access_of(request), _limits(request)
    name, address = body.name.strip().lower(), client_address(request)
    visitor = Visitor(name, address)
    limits.check(name, address)
    limits.fail(name, address)
    user = access.users.find(name)
    hashed = user.password if user else None
    if not await _passwords(request).check_in_turn(body.password, hashed) or user is None:
        await _record(access, visitor, "login", "wrong name or password")
        raise Refused(401, "name or password is wrong")
    limits.succeed(name, address)
    return await _begin(request, access, user.name, "login")


@router.post("/api/enter")
async def enter(request: Request, body: EnterBody) -> Response:
    """Sign in whom a one-time link is for."""
    access = access_of(request)
    user = await asyncio.to_thread(access.users.use_link, body.token)
    if user is None:
        raise Refused(401, "this link was used or has expired: ask for a new one")
    return await _begin(request, access, user.name, "enter")


@router.post("/api/logout")
def log_out(request: Request, body: LogoutBody, user: CurrentUser) -> Response:
    """End the session, or all sessions of the user."""
    access = access_of(request)
    access.audit.record(user, "logout", detail="everywhere" if body.everywhere else "")
    if body.everywhere:
        access.sessions.end_all(user.name)
    access.sessions.end(request.cookies.get(access.sessions.cookie, ""))
    response = JSONResponse({})
    access.sessions.forget(response)
    return response


@router.get("/api/me")
def me(request: Request, user: CurrentUser) -> dict[str, object]:
    """Return who is signed in."""
    settings: Settings = request.app.state.settings
    record = access_of(request).users.find(user.name)
    has_password = record is not None and record.password is not None
    return {
        "name": user.name,
        "role": user.role,
        "language": _language(request.headers.get("accept-language", "")),
        "goal": list(settings.review.goal),
        "blurred": access_of(request).view_mode(user) == "blurred",
        "has_password": has_password,
        "asks_password": has_password and user.session not in request.app.state.entered,
    }


@router.post("/api/account/password")
async def change_password(request: Request, body: PasswordBody, user: CurrentUser) -> Response:
    """Change one's password; all other sessions of the user end.

    The old one is asked for, unless there is none, or the user came by a one-time link.
    """
    access, limits, passwords = access_of(request), _limits(request), _passwords(request)
    record = access.users.find(user.name)
    entered: set[str] = request.app.state.entered
    if record is not None and record.password is not None and user.session not in entered:
        limits.check(user.name, user.address)
        limits.fail(user.name, user.address)
        if not await passwords.check_in_turn(body.old, record.password):
            await _record(access, user, "password", "wrong old password")
            raise Refused(403, "the old password is wrong")
        limits.succeed(user.name, user.address)
    try:
        hashed = await asyncio.to_thread(passwords.hash, body.new, user.name)
    except UsageError as error:
        raise Refused(422, str(error)) from None
    await _record(access, user, "password", "ok")
    await asyncio.to_thread(access.users.set_password, user.name, hashed)
    await asyncio.to_thread(access.sessions.end_all, user.name, user.session)
    entered.discard(user.session)
    return JSONResponse({})


async def _begin(request: Request, access: Access, name: str, act: str) -> Response:
    """Record the sign-in, and answer with the cookie of a new session."""
    await _record(access, Visitor(name, client_address(request)), act, "ok")
    response = JSONResponse({"name": name})
    old = request.cookies.get(access.sessions.cookie, "")
    session = await asyncio.to_thread(access.sessions.begin, response, name, old)
    if act == "enter":
        request.app.state.entered.add(session.digest)
    return response


async def _record(access: Access, user: Visitor | SessionUser, act: str, outcome: str) -> None:
    await asyncio.to_thread(access.audit.record, user, act, outcome=outcome)


def _limits(request: Request) -> LoginLimits:
    limits: LoginLimits = request.app.state.limits
    return limits


def _passwords(request: Request) -> Passwords:
    passwords: Passwords = request.app.state.passwords
    return passwords


def _language(accepted: str) -> str:
    """Return the first language that the browser asks for, two letters, or en."""
    first = accepted.split(",")[0].split("-")[0].split(";")[0].strip().lower()
    return first if len(first) == 2 and first.isalpha() and first.isascii() else "en"
