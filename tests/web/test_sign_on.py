"""Sign-on through OpenID Connect, against a provider that runs in the test."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from oneclick.core.errors import UsageError
from oneclick.platforms.local.options import LocalOptions, check
from oneclick.web import pages
from oneclick.web.accounts import sign_on
from tests.waits import HANG_SECONDS
from tests.web.site import Site

CLIENT = "review"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider on this machine that knows three people."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own old parts
        import oidc_provider_mock
        from oidc_provider_mock import User

        ada = {"email": "Ada@ward.example", "email_verified": True}
        people = [
            User(sub="1", claims=ada),
            User(sub="2", claims={"preferred_username": "ben"}),
            User(sub="3", claims={"email": "ada@ward.example", "email_verified": False}),
        ]
        with oidc_provider_mock.run_server_in_thread(user_claims=people) as provider:
            yield f"http://127.0.0.1:{provider.server_port}"


@pytest.fixture
def site(tmp_path: Path, issuer: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv(sign_on.SECRET, "a secret of the client")
    monkeypatch.setattr(sign_on, "HTTP_SECONDS", HANG_SECONDS)
    site = Site(tmp_path, issuer=issuer, client=CLIENT)
    site.access.users.add("ada@ward.example", "lead")
    site.access.users.add("ben", "viewer", ["hall"])
    return site


def leave(browser: TestClient) -> str:
    """Begin to sign on; return the provider's address."""
    answer = browser.get("/sign-on")
    assert answer.status_code == 303
    address: str = answer.headers["location"]
    return address


def at_provider(address: str, subject: str) -> str:
    """Sign in at the provider; return the path that it sends the browser back to."""
    answer = httpx.post(address, data={"sub": subject}, trust_env=False, timeout=HANG_SECONDS)
    assert answer.status_code == 302
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://127.0.0.1:8321/sign-on/return"
    return f"{back.path}?{back.query}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("subject", "name", "role"), [("1", "ada@ward.example", "lead"), ("2", "ben", "viewer")]
)
def test_a_person_of_the_house_signs_on(site: Site, subject: str, name: str, role: str) -> None:
    browser = site.client()
    assert browser.get("/sign-on/state").json() == {"available": True}
    address = leave(browser)
    query = parse_qs(urlsplit(address).query)
    assert query["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} < query.keys()
    answer = browser.get(at_provider(address, subject))
    assert answer.status_code == 200
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    me = browser.get("/api/me").json()
    assert (me["name"], me["role"]) == (name, role)
    assert (name, "sign-on", "ok") in site.acts()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("subject", ["3", "<b>eve\x1b[2J"])
def test_who_is_no_user_stays_outside(site: Site, subject: str) -> None:
    browser = site.client()
    answer = browser.get(at_provider(leave(browser), subject))
    assert (answer.status_code, list(answer.json())) == (403, ["error"])
    assert browser.get("/api/me").status_code == 401
    entry = next(entry for entry in site.audit() if entry.act == "sign-on")
    assert entry.outcome == "no such user"
    assert "\x1b" not in entry.user


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_browser_is_told_on_the_page_of_sign_in(site: Site) -> None:
    path = "/sign-on/return?error=access_denied&state=x"
    answer = site.client().get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert '<p id="message" role="alert">the provider signed nobody on</p>' in answer.text
    assert pages.login_page_saying("<b>&").count(b"&lt;b&gt;&amp;") == 1


def test_an_answer_that_does_not_belong_to_the_browser_is_refused(site: Site) -> None:
    browser, other = site.client(), site.client()
    path = at_provider(leave(browser), "1")
    leave(other)
    assert other.get(path).status_code == 401  # a planted answer
    assert site.client().get(path).status_code == 401
    parts = dict(parse_qs(urlsplit(path).query))
    forged = urlencode({"code": parts["code"][0], "state": "x" * 43})
    assert browser.get(f"/sign-on/return?{forged}").status_code == 401
    assert browser.get(path).status_code == 401  # the beginning is used up
    denied = browser.get("/sign-on/return?error=access_denied&state=x")
    assert denied.status_code == 401
    assert browser.get("/api/me").status_code == 401


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_code_works_once_and_not_for_ever(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = site.client()
    path = at_provider(leave(browser), "1")
    code = parse_qs(urlsplit(path).query)["code"][0]
    assert browser.get(path).status_code == 200
    state = parse_qs(urlsplit(leave(browser)).query)["state"][0]
    again = browser.get(f"/sign-on/return?{urlencode({'code': code, 'state': state})}")
    assert (again.status_code, "refused" in again.json()["error"]) == (401, True)
    path = at_provider(leave(browser), "1")
    monkeypatch.setattr(sign_on, "BEGIN_SECONDS", -1.0)
    assert browser.get(path).status_code == 401


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_token_for_another_client_or_without_our_nonce_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = site.client()
    path = at_provider(leave(browser), "1")
    monkeypatch.setattr(site.app.state.sign_on, "_client", "another")
    assert browser.get(path).status_code == 401
    monkeypatch.undo()
    path = at_provider(leave(browser), "1")
    begun = site.app.state.sign_on._begun
    for cookie, value in begun.items():
        begun[cookie] = sign_on.SignOnAttempt(
            state=value.state, nonce="other", verifier=value.verifier, at=value.at
        )
    answer = browser.get(path)
    assert (answer.status_code, "not valid" in answer.json()["error"]) == (401, True)


def test_a_provider_that_is_away_is_one_line(tmp_path: Path) -> None:
    site = Site(tmp_path, issuer="http://127.0.0.1:9", client=CLIENT)
    answer = site.client().get("/sign-on")
    assert (answer.status_code, list(answer.json())) == (503, ["error"])
    site = Site(tmp_path / "none")
    assert site.client().get("/sign-on").status_code == 404
    assert site.client().get("/sign-on/state").json() == {"available": False}


def test_the_secret_comes_from_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("hush\n")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="may be read by others"):
        sign_on.read_secret(str(path))
    path.chmod(0o600)
    assert sign_on.read_secret(str(path)) == "hush"
    with pytest.raises(UsageError, match="client_secret_file"):
        sign_on.read_secret(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"issuer": "https://sso.example"}, "client belong together"),
        ({"issuer": "http://sso.example", "client": "x"}, "give https"),
        ({"certificate": "c.pem"}, "key belong together"),
        ({"certificate": "c", "key": "k", "public_url": "https://x"}, "proxy has the certificate"),
        ({"public_url": "http://x"}, "give https"),
        ({"idle_minutes": 0.0}, "idle_minutes is 0"),
        ({"idle_minutes": 800.0}, "at most local.session_hours"),
    ],
)
def test_options_that_contradict_each_other_are_named(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check(LocalOptions(**options))  # type: ignore[arg-type]
