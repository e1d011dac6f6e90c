"""The sign-in's own paths: whose cookies they renew, whom their access lines name, and what their errors say."""
import json
import sqlite3

import pytest
from support.sign_in import (ALICE, BOB, FETCH, FORM, JSON, NAVIGATION, PASSWORD, hashed, person, scene_fixture, until_status,
                             users)
from support.tokens import payload

NEW_PASSWORD = "another horse altogether"
PASSWORDS = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}


def reason(signed_in, answer):
    return signed_in.gateway.access_of(answer.request_id).get("reason")


# Renewal.

@pytest.mark.parametrize("spoil", ["absent", "expired", "garbage"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_me_renews_the_cookies_of_a_page(scene, spoil, method):
    signed_in = scene(settings=", lifetime: 1s" if spoil == "expired" else "")
    browser = signed_in.browser()
    browser.sign_in()
    access, refresh = browser.access, browser.refresh_token
    if spoil == "expired":
        until_status(lambda: signed_in.get("/auth/me", [signed_in.bearer(access)]), 401)
    elif spoil == "garbage":
        browser.cookies["portcullis_access"] = "x"
    else:
        del browser.cookies["portcullis_access"]
    # A token that lives for a second may be over before it is looked at.
    answer = until_status(lambda: browser.fetch("/auth/me", method=method), 200)
    assert answer.field("cache-control") == "no-store"
    assert len(answer.all("set-cookie")) == 2
    assert browser.access not in (None, "x", access) and browser.refresh_token not in (None, refresh)
    assert payload(browser.access)["sid"] == payload(access)["sid"]
    if method == "GET":
        assert json.loads(answer.body)["sub"] == "u-1"
        assert json.loads(answer.body)["exp"] == payload(browser.access)["exp"]
    # What it has set is good at once, and is not renewed again.
    if spoil != "expired":
        again = browser.fetch("/auth/me")
        assert again.status == 200 and again.all("set-cookie") == []
    assert signed_in.app.requests == []


@pytest.mark.parametrize("fields, status", [
    (FETCH, 200), (NAVIGATION, 200),
    ([("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "cross-site")], 200),
    ([*FETCH, ("Authorization", "Basic YTpi")], 200),
    # Programs, pages of other origins, and who brings a token.
    ([], 401), ([("Accept", "application/json")], 401),
    ([("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "cross-site")], 401),
    ([("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Site", "same-site")], 401),
    ([("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "none")], 401),
    ([*FETCH, ("Authorization", "Bearer x")], 401),
])
def test_C_14_me_renews_what_a_route_renews(scene, fields, status):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    refresh = browser.refresh_token
    cookies = {"portcullis_refresh": refresh}
    browser.cookies = dict(cookies)
    answer = browser.request("/auth/me", fields)
    assert answer.status == status
    assert len(answer.all("set-cookie")) == (2 if status == 200 else 0)
    browser.cookies = cookies
    assert browser.request("/x", fields).status == status


@pytest.mark.parametrize("origin", ["https://evil.test", "null"])
def test_C_14_me_renews_nothing_for_a_foreign_origin(scene, origin):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    del browser.cookies["portcullis_access"]
    fields = [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "cross-site"), ("Origin", origin)]
    answer = browser.request("/auth/me", fields)
    assert answer.status == 401 and answer.all("set-cookie") == []


def test_C_2_an_access_cookie_twice_is_not_renewed(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    twice = f"portcullis_access=x; portcullis_access=y; portcullis_refresh={browser.refresh_token}"
    for target in ("/auth/me", "/x"):
        answer = signed_in.get(target, [*FETCH, ("Cookie", twice)])
        assert answer.status == 401 and answer.all("set-cookie") == []
        assert reason(signed_in, answer) == "cookie_repeated"
    answer = signed_in.get("/auth/password", [*NAVIGATION, ("Cookie", twice)])
    assert answer.status == 303 and answer.all("set-cookie") == []
    # And the page is there, which sends nobody back.
    answer = signed_in.get(answer.field("location"), [*NAVIGATION, ("Cookie", twice)])
    assert answer.status == 200 and b"<form" in answer.body
    assert not any(cookie.startswith(("portcullis_access", "portcullis_refresh")) for cookie in answer.all("set-cookie"))


def test_me_renews_nothing_of_an_ended_sign_in(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    refresh = browser.refresh_token
    assert signed_in.post("/auth/logout", {"refresh_token": refresh}).status == 204
    del browser.cookies["portcullis_access"]
    answer = browser.fetch("/auth/me")
    assert answer.status == 401 and answer.all("set-cookie") == [] and reason(signed_in, answer) == "credential_missing"
    browser.cookies = {"portcullis_refresh": "x" * 64}
    assert browser.fetch("/auth/me").status == 401
    # A bad access token stays the reason.
    browser.cookies = {"portcullis_access": "x", "portcullis_refresh": refresh}
    answer = browser.fetch("/auth/me")
    assert answer.status == 401 and reason(signed_in, answer) == "token_malformed"


def test_me_renews_nothing_of_a_disabled_or_revoked_user(scene, tmp_path):
    revoked = tmp_path / "revoked.txt"
    revoked.write_text("")
    signed_in = scene(top=f"revocations: {{ file: {revoked} }}")
    browser, other = signed_in.browser(), signed_in.browser()
    browser.sign_in()
    other.sign_in("bob")
    revoked.write_text("sub u-2\n")
    until_status(lambda: other.fetch("/x"), 401)
    del other.cookies["portcullis_access"]
    answer = other.fetch("/auth/me")
    assert answer.status == 401 and answer.all("set-cookie") == [] and reason(signed_in, answer) == "token_revoked"
    signed_in.write_users(users(person("u-1", "alice", disabled=True), BOB))
    signed_in.gateway.wait_message("users file read")
    del browser.cookies["portcullis_access"]
    answer = browser.fetch("/auth/me")
    assert answer.status == 401 and answer.all("set-cookie") == []
    assert signed_in.gateway.wait_message("its user is disabled")["subject"] == "u-1"


def test_C_10_me_replaces_a_refresh_token_once_its_successor_is_used(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    first = browser.refresh_token

    def ask(refresh):
        browser.cookies = {"portcullis_refresh": refresh}
        return browser.fetch("/auth/me"), browser.refresh_token

    _, lost = ask(first)
    answer, second = ask(first)
    assert answer.status == 200 and len({first, lost, second}) == 3
    answer, third = ask(second)
    assert answer.status == 200 and third not in (first, lost, second)
    # Replaced now: good for an access token for a little, and for no other refresh token.
    answer, kept = ask(first)
    assert answer.status == 200 and kept == first and len(answer.all("set-cookie")) == 1
    with sqlite3.connect(signed_in.folder / "state" / "local.sign-ins.db", timeout=10) as store:
        assert store.execute("UPDATE sign_ins SET replaced = x''").rowcount == 1
    assert ask(first)[0].status == 401
    said = signed_in.gateway.wait_message("used again")
    assert said["subject"] == "u-1" and said["client"] == "127.0.0.1"
    assert ask(third)[0].status == 401


def test_me_says_where_renewing_fails_that_it_may_be_tried_again(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    signed_in.drop_store()
    del browser.cookies["portcullis_access"]
    answer = browser.fetch("/auth/me")
    assert answer.status == 503 and answer.all("set-cookie") == []
    assert json.loads(answer.body)["error"] == "temporarily_unavailable" and reason(signed_in, answer) == "sign_in_unavailable"


def test_a_script_that_changes_a_password_is_renewed(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    refresh = browser.refresh_token

    def change(passwords, fields):
        body = json.dumps(passwords).encode()
        return browser.request("/auth/password", [("Content-Type", "application/json"), *fields], method="POST", body=body)

    own = ("Origin", browser.origin)
    del browser.cookies["portcullis_access"]
    # A page of another site, and a program, whose cookies nobody renews.
    for fields, status in (([*FETCH[:2], ("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.test")], 403),
                           ([*FETCH, ("Origin", "https://evil.test")], 403), ([], 403), ([own], 401),
                           ([own, ("Sec-Fetch-Site", "same-site")], 401), ([*FETCH, own, ("Authorization", "Basic YTpi")], 401)):
        answer = change(PASSWORDS, fields)
        assert answer.status == status and answer.all("set-cookie") == [], fields
    assert browser.refresh_token == refresh
    # Refused, it keeps what was renewed.
    answer = change({**PASSWORDS, "current_password": "wrong"}, [*FETCH, own])
    assert answer.status == 401 and reason(signed_in, answer) == "login_failed"
    assert len(answer.all("set-cookie")) == 2 and browser.access and browser.refresh_token != refresh
    del browser.cookies["portcullis_access"]
    answer = change(PASSWORDS, [*FETCH, own])
    assert answer.status == 204 and len(answer.all("set-cookie")) == 2
    # The sign-in goes on, with what it was given.
    assert browser.fetch("/x").status == 200
    del browser.cookies["portcullis_access"]
    assert browser.go("/x").status == 200
    assert signed_in.login().status == 401 and signed_in.login(password=NEW_PASSWORD).status == 200


# Whom access lines name.

SECRET = "another machine's secret"


def named(signed_in, answer):
    """The sender as the access line has it."""
    line = signed_in.gateway.access_of(answer.request_id)
    assert "claims" not in line and "key_id" not in line and "route" not in line
    return line.get("provider"), line.get("subject")


NOBODY = (None, None)
ALICES = ("local", "u-1")


def test_access_lines_name_who_was_verified(scene):
    clients = f"  - id: batch\n    secret_hash: \"{hashed(SECRET)}\"\n"
    signed_in = scene(people=users(ALICE, BOB, clients=clients), top="log: { claims: rules }")
    browser = signed_in.browser()
    form = {**browser.form(), "username": "alice", "password": PASSWORD}
    assert named(signed_in, browser.go("/auth/login")) == NOBODY
    # By the form, and by JSON.
    assert named(signed_in, browser.post_form("/auth/login", form)) == ALICES
    answer = signed_in.login("bob")
    assert answer.status == 200 and named(signed_in, answer) == ("local", "u-2")
    tokens = json.loads(answer.body)
    answer = signed_in.refresh(tokens["refresh_token"])
    assert named(signed_in, answer) == ("local", "u-2")
    again = json.loads(answer.body)
    assert named(signed_in, signed_in.get("/auth/me", [signed_in.bearer(again["access_token"])])) == ("local", "u-2")
    assert named(signed_in, signed_in.post("/auth/logout", {"refresh_token": again["refresh_token"]})) == ("local", "u-2")
    # Its cookies.
    refresh = browser.fetch("/auth/refresh", [("Origin", browser.origin)], method="POST", body=b"")
    assert refresh.status == 204 and named(signed_in, refresh) == ALICES
    assert named(signed_in, browser.fetch("/auth/me")) == ALICES
    del browser.cookies["portcullis_access"]
    assert named(signed_in, browser.fetch("/auth/me")) == ALICES
    del browser.cookies["portcullis_access"]
    answer = browser.go("/auth/login?return_to=/x")
    assert answer.status == 303 and named(signed_in, answer) == ALICES
    assert named(signed_in, browser.go("/auth/password")) == ALICES
    fields = {**browser.form("/auth/password"), "current_password": "wrong", "new_password": NEW_PASSWORD,
              "new_password_again": NEW_PASSWORD}
    answer = browser.post_form("/auth/password", fields)
    assert answer.status == 401 and named(signed_in, answer) == ALICES
    answer = browser.post_form("/auth/password", {**fields, "current_password": PASSWORD})
    assert answer.status == 200 and named(signed_in, answer) == ALICES
    token = signed_in.bearer(browser.access)
    answer = signed_in.post("/auth/password", {"current_password": NEW_PASSWORD, "new_password": "short"}, [token])
    assert answer.status == 400 and named(signed_in, answer) == ALICES
    answer = browser.fetch("/auth/logout", [("Origin", browser.origin)], method="POST", body=b"")
    assert answer.status == 204 and named(signed_in, answer) == ALICES
    # A machine, also where it asks for more than it may have.
    body = f"grant_type=client_credentials&client_id=batch&client_secret={SECRET.replace(' ', '+')}"
    for more, status in (("", 200), ("&scope=orders:write", 400)):
        answer = signed_in.get("/auth/token", [FORM], method="POST", body=(body + more).encode())
        assert answer.status == status and named(signed_in, answer) == ("local", "batch")
    for message, who in (("signed out", "u-2"), ("a user has changed their password", None)):
        said = signed_in.gateway.wait_message(message)
        assert said["client"] == "127.0.0.1" and said.get("subject") == who and said["provider"] == "local"


def test_access_lines_name_nobody_who_was_not_verified(scene):
    signed_in = scene(people=users(ALICE, BOB, clients=f"  - id: batch\n    secret_hash: \"{hashed(SECRET)}\"\n"))
    browser = signed_in.browser()
    browser.sign_in()
    token = browser.access
    answers = [signed_in.login(password="wrong"), signed_in.login(PASSWORD, "alice"),
               browser.post_form("/auth/login", {**browser.form(), "username": "alice", "password": "wrong"}),
               browser.post_form("/auth/login", {"username": "alice", "password": PASSWORD}),
               signed_in.refresh("x" * 64), signed_in.get("/auth/me"),
               signed_in.get("/auth/me", [signed_in.bearer(token[:-8] + "AAAAAAAA")]), signed_in.get("/auth/password"),
               signed_in.post("/auth/password", PASSWORDS), signed_in.post("/auth/logout", {"refresh_token": "x"}),
               signed_in.get("/auth/jwks.json", [signed_in.bearer(token)]),
               signed_in.get("/auth/nothing", [signed_in.bearer(token)]),
               signed_in.get("/auth/token", [FORM], method="POST",
                             body=b"grant_type=client_credentials&client_id=batch&client_secret=wrong")]
    assert signed_in.post("/auth/logout", {}, [signed_in.bearer(token)]).status == 204
    answers.append(signed_in.get("/auth/me", [signed_in.bearer(token)]))
    assert reason(signed_in, answers[-1]) == "token_revoked"
    assert [named(signed_in, answer) for answer in answers] == [NOBODY] * len(answers)
    # The next request of the connection is another's.
    assert PASSWORD not in signed_in.gateway.access_text + signed_in.gateway.program_text


def test_a_replaced_refresh_token_names_nobody_at_logout(scene):
    signed_in = scene()
    first = signed_in.tokens()["refresh_token"]
    signed_in.refresh(first)
    with sqlite3.connect(signed_in.folder / "state" / "local.sign-ins.db", timeout=10) as store:
        assert store.execute("UPDATE sign_ins SET replaced = x''").rowcount == 1
    answer = signed_in.post("/auth/logout", {"refresh_token": first})
    assert answer.status == 204 and named(signed_in, answer) == NOBODY
    assert signed_in.gateway.wait_message("signed out")["client"] == "127.0.0.1"


def test_what_could_not_be_begun_names_whose_password_it_was(scene):
    signed_in = scene()
    signed_in.drop_store()
    answer = signed_in.login()
    assert answer.status == 503 and named(signed_in, answer) == ALICES
    answer = signed_in.login(password="wrong")
    assert answer.status == 401 and named(signed_in, answer) == NOBODY


# What errors say.

TYPES = "Content-Type has to be application/json, or application/x-www-form-urlencoded for a form"
OWN_PAGE = "a request with cookies has to come from a page of this host, as Origin or Sec-Fetch-Site: same-origin says"
ANOTHER_SITE = "the page belongs to another site"
CANARY = "canary-value"


def told(signed_in, answer, status, error="invalid_request"):
    """What the error says, which repeats nothing of the request."""
    assert answer.status == status, (answer, answer.body)
    assert answer.field("content-type") == "application/json" and answer.field("cache-control") == "no-store"
    body = json.loads(answer.body)
    assert body["error"] == error and set(body) == {"error", "error_description"}, body
    assert CANARY not in answer.body.decode() and CANARY not in repr(answer.fields)
    return body["error_description"]


@pytest.mark.parametrize("path, instead", [
    ("/auth/refresh", "a program sends its refresh_token as JSON, with Content-Type: application/json"),
    ("/auth/logout", "a program sends a token in Authorization, or its refresh_token as JSON"),
])
def test_C_8_a_program_is_told_what_its_cookies_lack(scene, path, instead):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    before = dict(browser.cookies)
    for fields in ([], [FORM], [("Sec-Fetch-Site", "none")]):
        answer = browser.request(path, fields, method="POST", body=b"")
        assert told(signed_in, answer, 403, "access_denied") == f"{OWN_PAGE}; {instead}"
        assert reason(signed_in, answer) == "csrf_refused"
    assert told(signed_in, signed_in.post(path), 403, "access_denied") == f"{OWN_PAGE}; {instead}"
    for field in (("Origin", "https://evil.test"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")):
        answer = browser.request(path, [field], method="POST", body=b"")
        assert told(signed_in, answer, 403, "access_denied") == ANOTHER_SITE
    # Nothing has come of them.
    assert browser.cookies == before and browser.fetch("/x").status == 200


def test_C_8_a_program_is_told_how_to_change_a_password(scene):
    signed_in = scene()
    answer = signed_in.post("/auth/password", PASSWORDS)
    assert told(signed_in, answer, 403, "access_denied") == f"{OWN_PAGE}; a program sends a token in Authorization"


@pytest.mark.parametrize("path", ["/auth/login", "/auth/password", "/auth/logout"])
@pytest.mark.parametrize("type", ["text/plain", "text/json", "multipart/form-data; boundary=x", None])
def test_a_body_of_another_type_is_told_the_types(scene, path, type):
    signed_in = scene()
    token = signed_in.bearer(signed_in.tokens()["access_token"])
    fields = [token] + ([("Content-Type", type)] if type else [])
    body = json.dumps({"username": "alice", "password": CANARY}).encode()
    answer = signed_in.get(path, fields, method="POST", body=body)
    assert told(signed_in, answer, 400) == TYPES and reason(signed_in, answer) == "sign_in_request_invalid"


def test_a_login_without_a_body_is_told_the_types(scene):
    signed_in = scene()
    assert told(signed_in, signed_in.post("/auth/login"), 400) == TYPES


def test_a_token_request_is_told_its_type(scene):
    signed_in = scene()
    answer = signed_in.post("/auth/token", {"grant_type": "client_credentials", "client_secret": CANARY})
    assert told(signed_in, answer, 400) == "Content-Type has to be application/x-www-form-urlencoded"
    answer = signed_in.get("/auth/token", [FORM], method="POST", body=b"grant_type=%zz" + CANARY.encode())
    assert told(signed_in, answer, 400) == "the form is malformed"


MEMBERS = [
    ("/auth/login", "username and password, both strings", [
        {"user": CANARY, "password": CANARY}, {"username": CANARY, "password": CANARY, CANARY: 1}, {}, [CANARY], CANARY, None,
        {"username": CANARY}, {"username": 1, "password": CANARY}]),
    ("/auth/refresh", "refresh_token, a string", [
        {"refreshToken": CANARY}, {"refresh_token": None}, {"grant_type": "refresh_token", "refresh_token": CANARY}]),
    ("/auth/logout", "refresh_token, a string, and everywhere, true or false, neither of which is needed", [
        {"token": CANARY}, {"everywhere": "true"}, {"refresh_token": 1}, {"refresh_token": None}]),
    ("/auth/password", "current_password and new_password, both strings", [
        {"password": CANARY}, {"current_password": CANARY, "new_password": 1}, {**PASSWORDS, "new_password_again": CANARY}]),
]


@pytest.mark.parametrize("path, members, values", MEMBERS, ids=[path for path, _, _ in MEMBERS])
def test_a_body_with_other_members_is_told_those_that_there_are(scene, path, members, values):
    signed_in = scene()
    token = signed_in.bearer(signed_in.tokens()["access_token"])
    for value in values:
        answer = signed_in.get(path, [JSON, token], method="POST", body=json.dumps(value).encode())
        assert told(signed_in, answer, 400) == f"the body has to be a JSON object with {members}, and no other members"
        assert reason(signed_in, answer) == "sign_in_request_invalid"
    for body in (b"", b'{"password":"' + CANARY.encode(), b'{"everywhere":true,"everywhere":true}', b"\xff" + CANARY.encode()):
        answer = signed_in.get(path, [JSON, token], method="POST", body=body)
        assert told(signed_in, answer, 400) == "the body is not JSON, or has a member twice"
    # Nobody is signed out, and nothing is changed.
    assert signed_in.get("/x", [token]).status == 200 and signed_in.login().status == 200
    assert CANARY not in signed_in.gateway.access_text + signed_in.gateway.program_text


@pytest.mark.parametrize("path, method, allowed", [
    ("/auth/me", "POST", "GET, HEAD"),
    ("/auth/login", "PUT", "GET, HEAD, POST"), ("/auth/password", "DELETE", "GET, HEAD, POST"),
    ("/auth/refresh", "GET", "POST"), ("/auth/logout", "GET", "POST"), ("/auth/token", "GET", "POST"),
])
def test_a_method_that_a_path_does_not_take_is_told_those_that_there_are(scene, path, method, allowed):
    signed_in = scene()
    answer = signed_in.get(path, method=method, body=None if method == "GET" else b"")
    assert told(signed_in, answer, 405) == f"allowed here: {allowed}" and answer.field("allow") == allowed
    assert reason(signed_in, answer) == "method_refused"


@pytest.mark.parametrize("path", ["/auth/jwks.json", "/.well-known/jwks.json", "/.well-known/openid-configuration"])
def test_a_method_that_a_document_does_not_take_is_told_with_the_request_id(scene, path):
    answer = scene().get(path, method="PUT", body=b"")
    assert answer.status == 405 and answer.field("allow") == "GET, HEAD"
    assert json.loads(answer.body)["request_id"] == answer.request_id
