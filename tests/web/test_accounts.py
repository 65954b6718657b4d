"""Users of the review pages: signing in and out, roles, links, limits."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from oneclick.core.errors import BadInput, UnknownName, UsageError
from oneclick.storage.workspace import Workspace
from oneclick.web.accounts import limits
from oneclick.web.accounts.limits import LoginLimits
from oneclick.web.accounts.users import Users
from oneclick.web.refusals import Refused
from tests.catalog.samples import Clock
from tests.web.site import PASSWORD, PASSWORDS, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.add("ada")
    return site


def test_a_user_signs_in_and_out(site: Site) -> None:
    browser = site.client()
    assert browser.get("/").headers["location"] == "/login?next=/"
    assert browser.get("/api/me").status_code == 401
    answer = browser.post("/api/login", json={"name": " Ada", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 200
    assert {"httponly", "samesite=strict", "path=/"} <= {*cookie.split("; ")}
    assert browser.get("/api/me").json()["role"] == "annotator"
    stolen = dict(browser.cookies)
    answer = browser.post("/api/logout", json={})
    assert answer.headers["clear-site-data"] == '"cache"'
    thief = site.client()
    thief.cookies.update(stolen)
    assert [browser.get("/api/me").status_code, thief.get("/api/me").status_code] == [401, 401]
    assert site.acts() == [
        ("", "refused", "401"),
        ("ada", "login", "ok"),
        ("ada", "logout", "ok"),
        ("", "refused", "401"),
        ("", "refused", "401"),
    ]


def test_the_cookie_of_a_server_with_tls_is_bound_to_its_host(tmp_path: Path) -> None:
    site = Site(tmp_path, origin="https://review.ward.example")
    site.add("ada")
    answer = site.client().post("/api/login", json={"name": "ada", "password": PASSWORD})
    assert re.match(r"__Host-oneclick-https=[\w-]{43}; ", answer.headers["set-cookie"])
    assert "Secure" in answer.headers["set-cookie"]
    assert "Domain" not in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("minutes", "step", "status"),
    [(14, 14, 200), (16, 16, 401), (11 * 60, 14, 200), (12 * 60 + 1, 14, 401)],
    ids=["short pause", "idle", "long day", "too long a day"],
)
def test_a_session_ends_when_it_is_idle_or_old(
    site: Site, minutes: int, step: int, status: int
) -> None:
    browser, passed, answer = site.client("ada"), 0, 200
    while passed < minutes:
        site.clock.on(60 * min(step, minutes - passed))
        passed += step
        answer = browser.get("/api/me").status_code
    assert answer == status


def test_a_page_that_is_merely_open_does_not_keep_a_session(site: Site) -> None:
    browser = site.client("ada")
    for _ in range(4):
        site.clock.on(5 * 60)
        last = browser.post("/api/clips/x/heartbeat", json={})
    site.access.sessions.find(dict(browser.cookies).popitem()[1], touch=False)
    assert last.status_code in (401, 404)
    assert browser.get("/api/me").status_code == 401


def test_a_forged_cookie_is_nobodys(site: Site) -> None:
    browser = site.client()
    name = site.access.sessions.cookie
    for value in ("", "x", "x" * 43, "'; DROP TABLE web_sessions; --", "\xff" * 43, "x" * 5000):
        headers = [(b"Cookie", f"{name}={value}".encode("latin-1"))]
        assert browser.get("/api/me", headers=headers).status_code == 401
    assert site.client("ada").get("/api/me").status_code == 200


def test_a_planted_cookie_is_not_taken_over(site: Site) -> None:
    browser = site.client()
    browser.cookies.set(site.access.sessions.cookie, "a" * 43, domain="127.0.0.1")
    browser.post("/api/login", json={"name": "ada", "password": PASSWORD})
    planted = site.client()
    planted.cookies.set(site.access.sessions.cookie, "a" * 43)
    assert planted.get("/api/me").status_code == 401


def test_the_database_holds_no_token(site: Site) -> None:
    browser = site.client("ada")
    token = dict(browser.cookies)[site.access.sessions.cookie]
    files = [path for path in site.home.rglob("*") if path.is_file()]
    assert any(b"ada" in path.read_bytes() for path in files)
    assert not [path for path in files if token.encode() in path.read_bytes()]


def test_a_removed_user_and_a_new_role_count_at_once(site: Site) -> None:
    site.add("root", "admin")
    browser = site.client("ada")
    Users(site.workspace).set_role("ada", "viewer", ["hall"])
    assert browser.get("/api/me").json()["role"] == "viewer"
    Users(site.workspace).remove("ada")
    assert browser.get("/api/me").status_code == 401


def test_a_new_password_ends_the_other_sessions(site: Site) -> None:
    here, there = site.client("ada"), site.client("ada")
    new = {"old": "wrong", "new": "a brand new password"}
    assert here.post("/api/account/password", json=new).status_code == 403
    short = here.post("/api/account/password", json={"old": PASSWORD, "new": "short"})
    assert (short.status_code, "12 to 256" in short.json()["error"]) == (422, True)
    new["old"] = PASSWORD
    assert here.post("/api/account/password", json=new).status_code == 200
    assert [here.get("/api/me").status_code, there.get("/api/me").status_code] == [200, 401]
    old = {"name": "ada", "password": PASSWORD}
    assert site.client().post("/api/login", json=old).status_code == 401
    assert ("ada", "password", "ok") in site.acts()


def test_a_link_signs_in_once_and_lets_set_a_password(site: Site) -> None:
    site.access.users.add("eve", "lead")
    token = site.access.users.make_link("eve")
    browser = site.client()
    assert browser.get(f"/enter/{token}").status_code == 200  # a look alone uses nothing up
    assert browser.post("/api/enter", json={"token": token}).status_code == 200
    assert site.client().post("/api/enter", json={"token": token}).status_code == 401
    assert browser.get("/api/me").json()["asks_password"] is False
    assert browser.post("/api/account/password", json={"new": PASSWORD}).status_code == 200
    assert site.client("eve").get("/api/me").json()["role"] == "lead"
    assert token not in site.workspace.users_file.read_text()


def test_a_forgotten_password_is_replaced_through_a_link(site: Site) -> None:
    token = site.access.users.make_link("ada")
    browser = site.client()
    browser.post("/api/enter", json={"token": token})
    answer = browser.post("/api/account/password", json={"new": "another password 1"})
    assert answer.status_code == 200
    again = browser.post("/api/account/password", json={"new": "another password 2"})
    assert again.status_code == 403  # the link was for one


def test_of_many_who_use_a_link_at_once_one_gets_in(tmp_path: Path) -> None:
    Users(Workspace(tmp_path)).add("eve", "lead")
    token = Users(Workspace(tmp_path)).make_link("eve")
    with ThreadPoolExecutor(8) as pool:
        entered = list(pool.map(lambda _: Users(Workspace(tmp_path)).use_link(token), range(8)))
    assert [user.name for user in entered if user] == ["eve"]


def test_links_expire_and_older_ones_end(tmp_path: Path) -> None:
    clock = Clock()
    users = Users(Workspace(tmp_path), clock)
    users.add("eve", "lead")
    old, new = users.make_link("eve"), users.make_link("eve")
    assert users.use_link(old) is None
    clock.on(31 * 60)
    assert users.use_link(new) is None
    last = users.make_link("eve", timedelta(hours=1))
    users.set_password("eve", PASSWORDS.hash(PASSWORD))
    assert users.use_link(last) is None


def test_failed_attempts_have_to_wait(site: Site) -> None:
    browser = site.client()
    wrong = {"name": "ada", "password": "wrong"}
    answers = [browser.post("/api/login", json=wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert 1 <= int(answers[5].headers["retry-after"]) <= 300
    right = browser.post("/api/login", json={"name": "ada", "password": PASSWORD})
    assert right.status_code == 429
    assert site.acts().count(("", "refused", "429")) == 2


def test_limits_count_by_user_and_address_and_forget() -> None:
    now = [0.0]
    guard = LoginLimits(lambda: now[0])

    def attempt(user: str, address: str) -> bool:
        try:
            guard.check(user, address)
        except Refused:
            return False
        guard.fail(user, address)
        return True

    assert [attempt("ada", "1") for _ in range(6)] == [True] * 5 + [False]
    assert attempt("ada", "2")  # who fails on her name elsewhere does not keep her out
    assert [attempt(f"user{k}", "1") for k in range(20)].count(True) == 15
    now[0] += limits.PER_USER_AND_ADDRESS.seconds + 1
    assert not attempt("ada", "1")  # the address has to wait longer
    now[0] += limits.PER_ADDRESS.seconds
    assert attempt("ada", "1")
    guard.succeed("ada", "1")
    assert [attempt("ada", "1") for _ in range(6)] == [True] * 5 + [False]
    for number in range(limits.MOST_KEYS):
        guard.fail(f"user{number}", f"address{number}")
    assert len(guard._failures) <= limits.MOST_KEYS + 3


def test_an_unknown_user_costs_as_much_as_a_wrong_password(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.access.users.add("noone", "viewer")  # without a password
    verified: list[str] = []
    verify = PASSWORDS._hasher.verify

    def count(password: str, hashed: str) -> bool:
        verified.append(hashed)
        return verify(password, hashed)

    monkeypatch.setattr(PASSWORDS._hasher, "verify", count)
    for name in ("ada", "nobody", "noone"):
        answer = site.client().post("/api/login", json={"name": name, "password": "wrong one"})
        assert answer.json() == {"error": "name or password is wrong"}
    costs = {hashed.rsplit("$", 2)[0] for hashed in verified}
    assert (len(verified), len(costs)) == (3, 1)
    decoy = {"name": "nobody", "password": "no user has this password"}
    assert site.client().post("/api/login", json=decoy).status_code == 401


@pytest.mark.parametrize("password", ["", "short", "aaaaaaaaaaaaaaaa", "x" * 257, "adalovelace1"])
def test_passwords_that_are_easy_to_guess_are_refused(password: str) -> None:
    with pytest.raises(UsageError, match="password"):
        PASSWORDS.hash(password, "adalovelace1")


def test_a_password_is_the_same_however_its_accents_are_typed() -> None:
    hashed = PASSWORDS.hash("Grüße aus Köln")
    assert PASSWORDS.check("Gru\u0308\u00dfe aus Ko\u0308ln", hashed)
    assert not PASSWORDS.check("Grusse aus Koln", hashed)


@pytest.mark.parametrize(
    "name", ["", "Ada", "a b", "<b>", "a\x1b[2J", "../x", "a/b", "ä", "x" * 65, ".hidden", "a\n"]
)
def test_names_that_cannot_be_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        Users(Workspace(tmp_path)).add(name, "viewer")
    assert not Workspace(tmp_path).users_file.exists()


def test_the_last_admin_stays(tmp_path: Path) -> None:
    users = Users(Workspace(tmp_path))
    users.add("root", "admin")
    users.add("ada", "lead")
    with pytest.raises(UsageError, match="nobody would be admin"):
        users.remove("root")
    with pytest.raises(UsageError, match="nobody would be admin"):
        users.set_role("root", "lead", None)
    with pytest.raises(UsageError, match="already"):
        users.add("ada", "viewer")
    with pytest.raises(UnknownName):
        users.remove("eve")
    assert [(user.name, user.role) for user in users.all()] == [("ada", "lead"), ("root", "admin")]


def test_the_file_of_users_is_private_and_whole(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    users = Users(workspace)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: Users(workspace).add(f"user{k}", "viewer"), range(8)))
    assert len(users.all()) == 8
    path = workspace.users_file
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(UsageError, match="may be read by others"):
        Users(workspace).all()
    path.chmod(0o600)
    path.write_text("{}x")
    with pytest.raises(BadInput):
        users.all()
