"""What `oneclick doctor` says about the review pages: who may sign in, and how they are reached."""

from __future__ import annotations

from oneclick.core.errors import BadInput, UsageError
from oneclick.platforms.local.options import LocalOptions
from oneclick.storage.workspace import Workspace
from oneclick.web import exposure
from oneclick.web.accounts import audit_check
from oneclick.web.accounts.users import ROLES, User, Users

LEADS = ROLES[ROLES.index("lead") :]


def check(workspace: Workspace, options: LocalOptions) -> str:
    """Check users, address, certificate and audit log without changing anything.

    Args:
        workspace: that has them.
        options: section `review.local` of the settings.

    Returns:
        A line about what is there.

    Raises:
        UsageError, BadInput, Unavailable: naming what is wrong and the remedy.
    """
    users = Users(workspace).all()
    exposure.tls_files(options)
    exposure.check(options, options.at, users)
    people = _check_users(users, bool(options.issuer))
    verification = audit_check.verify(workspace)
    if problems := verification.problems:
        raise BadInput(
            f"audit log: {problems[0]} ({len(problems)} such lines): oneclick review audit verify"
        )
    address = options.public_url or options.at
    return f"{people}; at {address}; audit log whole, {verification.entries:,} entries"


def _check_users(users: list[User], has_sign_on: bool) -> str:
    """Return who there is. Raises UsageError where nobody who leads can sign in."""
    can_sign_in = [user for user in users if user.password is not None or has_sign_on]
    if not can_sign_in:
        return "nobody has a password yet: oneclick review serve prints a link"
    leads = [user for user in users if user.role in LEADS]
    if not leads:
        raise UsageError(
            f"{len(users)} users, and nobody leads them: clips are reopened, and reviews that "
            f"differ are compared, by leads: oneclick review users roles {users[0].name} lead"
        )
    if not any(user in can_sign_in for user in leads):
        raise UsageError(
            f"nobody who leads has a password: oneclick review users passwd {leads[0].name}"
        )
    return f"users: {len(users)}, of whom {len(leads)} lead"
