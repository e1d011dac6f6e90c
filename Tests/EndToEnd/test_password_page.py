"""People change their own passwords at the gateway's page: its form, and what comes of it."""
import html
import re
import sqlite3
import urllib.parse

import pytest
from support.sign_in import BOB, FETCH, FORM, NAVIGATION, PASSWORD, goes_on, person, scene_fixture, until_status, users

NEW = "something else entirely"
PATH = "/auth/password"
ORIGIN = "http://127.0.0.1"


@pytest.fixture
def signed_in(scene):
    """Alice's browser, and the gateway."""
    made = scene()
    browser = made.browser()
    assert browser.sign_in().status == 200
    return made, browser


def filled(browser, current=PASSWORD, new=NEW, again=None):
    return {**browser.form(PATH), "current_password": current, "new_password": new,
            "new_password_again": new if again is None else again}


def change(browser, **options):
    return browser.post_form(PATH, filled(browser, **options))


def reason(made, answer):
    return made.gateway.access_of(answer.request_id).get("reason")


def alert(answer):
    found = re.search(r'<p role="alert"[^>]*>(.*?)</p>', answer.body.decode())
    return found and html.unescape(found.group(1))


def is_as_it_was(made):
    """Nothing is changed, and nobody behind the gateway was asked."""
    assert made.login().status == 200
    assert made.login(password=NEW).status == 401
    assert made.app.received == b""
    return True


def test_people_change_their_passwords_with_the_form(signed_in):
    made, browser = signed_in
    other = made.tokens()
    page = browser.go(PATH)
    text = page.body.decode()
    assert page.status == 200 and page.field("cache-control") == "no-store"
    assert "You are signed in as alice." in text and 'name="username" value="alice" autocomplete="username"' in text
    answer = change(browser)
    assert answer.status == 200 and 'role="status"' in answer.body.decode() and alert(answer) is None
    assert answer.field("cache-control") == "no-store" and reason(made, answer) is None
    assert made.login().status == 401 and made.login(password=NEW).status == 200
    # C-9: whoever knew the old one is out, and who has changed it goes on.
    assert made.refresh(other["refresh_token"]).status == 401
    until_status(lambda: made.get("/x", [made.bearer(other["access_token"])]), 401)
    assert browser.go("/x").status == 200 and made.app.wait_requests()[0].field("x-forwarded-user") == "u-1"
    browser.cookies.pop("portcullis_access")
    assert browser.go("/x").status == 200
    made.gateway.wait_message("a user has changed their password")
    # L-2.
    for secret in (PASSWORD, NEW, urllib.parse.quote_plus(NEW)):
        assert secret not in made.gateway.access_text + made.gateway.program_text


def test_the_page_is_sent_to_who_is_signed_in_and_others_are_sent_to_sign_in(signed_in):
    made, browser = signed_in
    place = f"/auth/login?return_to={PATH}"
    for cookies in ({}, {"portcullis_access": "x"}, {"portcullis_refresh": "x"}, {"portcullis_access": "x", "portcullis_refresh": "y"}):
        nobody = made.browser()
        nobody.cookies = dict(cookies)
        answer = nobody.go(PATH)
        assert (answer.status, answer.field("location"), answer.field("cache-control")) == (303, place, "no-store"), cookies
    # C-13: a script is told.
    answer = made.browser().fetch(PATH)
    assert answer.status == 401 and reason(made, answer) == "credential_missing" and answer.field("location") is None
    assert answer.field("www-authenticate").startswith("Bearer")
    # The way there and back.
    nobody = made.browser()
    nobody.go(PATH)
    answer = nobody.sign_in(target=place)
    assert goes_on(answer) == PATH
    assert nobody.go(PATH).status == 200
    for method, body in (("GET", True), ("HEAD", False)):
        answer = browser.request(PATH, NAVIGATION, method=method)
        assert answer.status == 200 and bool(answer.body) == body
    for method in ("PUT", "DELETE", "OPTIONS"):
        answer = browser.request(PATH, NAVIGATION, method=method)
        assert answer.status == 405 and answer.field("allow") == "GET, HEAD, POST"
    assert made.app.received == b""


@pytest.mark.parametrize("fields, method, is_sent", [
    ([], "GET", False),
    ([("Accept", "*/*")], "GET", False),
    ([("Accept", "application/json, text/html")], "GET", False),
    ([("Accept", "text/html,*/*;q=0.8")], "GET", True),
    ([("Accept", "text/html,*/*;q=0.8")], "HEAD", False),
    ([("Accept", "text/html"), ("Sec-Fetch-Site", "same-origin")], "GET", False),
    ([("Accept", "text/html"), *FETCH], "GET", False),
    ([("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")], "GET", False),
    ([("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")], "GET", True),
], ids=lambda value: None if isinstance(value, bool) else str(value))
def test_C_13_only_who_asks_for_a_page_is_sent_to_sign_in(signed_in, fields, method, is_sent):
    made, _ = signed_in
    for cookies in ({}, {"portcullis_access": "x"}):
        nobody = made.browser()
        nobody.cookies = dict(cookies)
        answer = nobody.request(PATH, fields, method=method)
        if is_sent:
            assert (answer.status, answer.field("location")) == (303, f"/auth/login?return_to={PATH}")
        else:
            assert (answer.status, answer.field("location")) == (401, None)
            assert answer.field("www-authenticate").startswith("Bearer") and reason(made, answer) == "credential_missing"
    assert made.app.received == b""


@pytest.mark.parametrize("settings, within", [
    (", lifetime: 15m", "15 minutes"), (", lifetime: 61s", "2 minutes"), (", lifetime: 60s", "1 minute"),
    (", lifetime: 30s", "30 seconds")])
def test_C_9_where_other_sign_ins_could_not_be_ended_the_page_says_until_when_they_go_on(scene, settings, within):
    made = scene(settings=settings)
    browser = made.browser()
    assert browser.sign_in().status == 200
    other = made.tokens()
    form = filled(browser)
    # The store takes what is to come, and fails once the password is written.
    with sqlite3.connect(made.folder / "state" / "local.sign-ins.db", isolation_level=None) as database:
        database.execute(
            "CREATE TRIGGER fault BEFORE UPDATE OF password_digest ON sign_ins BEGIN SELECT RAISE(ABORT, 'fault'); END")
    answer = browser.post_form(PATH, form, NAVIGATION)
    text = answer.body.decode()
    assert answer.status == 200 and alert(answer) is None
    assert "You are signed out everywhere else" not in text
    assert f"You could not be signed out everywhere else at once: that takes up to {within}." in text
    made.gateway.wait_message("sign-ins could not be read or written")
    assert made.login().status == 401 and made.login(password=NEW).status == 200
    # As it says: they end with the access token that is out.
    assert made.refresh(other["refresh_token"]).status == 401
    browser.cookies.pop("portcullis_access", None)
    assert browser.go("/x").status == 200


def test_an_expired_token_is_renewed_at_the_page_and_with_the_form(scene):
    made = scene(settings=", lifetime: 1s")
    browser = made.browser()
    browser.sign_in()
    form = filled(browser)
    for request, status in ((lambda: browser.go(PATH), 200), (lambda: browser.post_form(PATH, form, NAVIGATION), 200)):
        before = browser.access, browser.refresh_token
        until_status(lambda: made.get("/auth/me", [made.bearer(before[0])]), 401)
        answer = request()
        assert answer.status == status and alert(answer) is None
        assert browser.access != before[0] and browser.refresh_token != before[1]
        assert {line.partition("=")[0] for line in answer.all("set-cookie")} == {
            "portcullis_access", "portcullis_refresh", "portcullis_login"}
    assert made.login(password=NEW).status == 200
    # It is kept with what was renewed.
    until_status(lambda: made.get("/auth/me", [made.bearer(browser.access)]), 401)
    assert browser.go("/x").status == 200


def test_who_is_signed_out_meanwhile_is_told(signed_in):
    made, browser = signed_in
    form = filled(browser)
    kept = dict(browser.cookies)
    assert browser.post_form("/auth/logout", {}).status == 303
    browser.cookies = kept
    answer = browser.post_form(PATH, form, NAVIGATION)
    assert answer.status == 401 and reason(made, answer) == "credential_missing"
    assert alert(answer) == "You are signed out. Sign in to change your password."
    assert f'href="/auth/login?return_to={PATH}"' in answer.body.decode()
    assert is_as_it_was(made)


@pytest.mark.parametrize("people", [
    users(BOB), users(person("u-1", "alice", disabled=True), BOB), users(person("u-9", "alice"), BOB)],
    ids=["gone", "disabled", "another"])
def test_who_is_no_user_any_more_changes_nothing(signed_in, people):
    made, browser = signed_in
    form = filled(browser)
    made.write_users(people)
    made.gateway.wait_message("users file read")
    before = made.users_file.read_text()
    for answer in (browser.go(PATH), browser.post_form(PATH, form)):
        assert answer.status == 401 and reason(made, answer) == "login_failed"
        assert alert(answer) == "This account has no password that can be changed here."
        assert "<form" not in answer.body.decode()
    assert made.users_file.read_text() == before and made.app.received == b""


@pytest.mark.parametrize("options, status, code, words, field", [
    ({"current": "wrong"}, 401, "login_failed", "The current password is wrong.", "current_password"),
    ({"current": ""}, 401, "login_failed", "The current password is wrong.", "current_password"),
    ({"current": "x" * 512}, 401, "login_failed", "The current password is wrong.", "current_password"),
    ({"current": b"\xff\xfe" * 4}, 401, "login_failed", "The current password is wrong.", "current_password"),
    ({"again": NEW + "x"}, 400, "password_refused", "The two new passwords do not match.", "new_password"),
    ({"again": ""}, 400, "password_refused", "The two new passwords do not match.", "new_password"),
    ({"new": "short"}, 400, "password_refused", "at least 8 characters, and at most 511 bytes", "new_password"),
    ({"new": "ä" * 7}, 400, "password_refused", "at least 8 characters, and at most 511 bytes", "new_password"),
    ({"new": ""}, 400, "password_refused", "at least 8 characters, and at most 511 bytes", "new_password"),
    ({"new": "x" * 512}, 400, "password_refused", "at least 8 characters, and at most 511 bytes", "new_password"),
    ({"new": "ä" * 256}, 400, "password_refused", "at least 8 characters, and at most 511 bytes", "new_password"),
    ({"new": "nul\0nul\0nul"}, 400, "password_refused", "at least 8 characters, and at most 511 bytes", "new_password"),
    ({"new": b"\xff\xfe" * 8}, 400, "password_refused", "at least 8 characters, and at most 511 bytes", "new_password"),
    ({"new": b"\xed\xa0\x80" * 8}, 400, "password_refused", "at least 8 characters, and at most 511 bytes", "new_password"),
])
def test_errors_are_said_in_words_beside_the_field(signed_in, options, status, code, words, field):
    made, browser = signed_in
    answer = change(browser, **options)
    assert answer.status == status and reason(made, answer) == code and words in alert(answer)
    assert answer.field("cache-control") == "no-store"
    text = answer.body.decode()
    [wrong] = re.findall(r'<input id="(\w+)"[^>]*aria-invalid="true"[^>]*>', text)
    [focused] = re.findall(r'<input id="(\w+)"[^>]* autofocus[^>]*>', text)
    assert wrong == focused == field
    assert re.search(rf'<input id="{field}"[^>]*aria-describedby="message[ "]', text)
    # Nothing of what was typed comes back.
    assert not re.search(r'type="password"[^>]*value=', text) and NEW not in text
    assert is_as_it_was(made)
    # And the page goes on.
    assert change(browser).status == 200


def test_the_longest_and_the_shortest_password_are_taken(signed_in):
    made, browser = signed_in
    current = PASSWORD
    for new in ("ä" * 8, "x" * 511, "ä" * 255 + "x", PASSWORD):
        assert change(browser, current=current, new=new).status == 200, new
        assert made.login(password=new).status == 200
        current = new


def test_no_browser_is_told_to_cut_a_password(signed_in):
    """What is too long is refused in words; what was cut would be somebody's password without their knowing."""
    made, browser = signed_in
    for path, count in (("/auth/login", 1), (PATH, 3)):
        inputs = re.findall(r'<input [^>]*type="password"[^>]*>', browser.go(path).body.decode())
        assert len(inputs) == count and not any("maxlength" in each for each in inputs), inputs
    answer = made.browser().sign_in(password=PASSWORD + "x" * 600)
    assert answer.status == 401 and alert(answer) == "Wrong user name or password."


def test_C_8_another_site_changes_no_password(signed_in):
    made, browser = signed_in
    form = filled(browser)
    sent = [
        (form, "http://evil.test", ()), (form, "null", ()), (form, "null", [("Sec-Fetch-Site", "cross-site")]),
        (form, "http://127.0.0.1.evil.test", ()), (form, ORIGIN + ":1", ()),
        ({**form, "csrf": "x" * 22}, None, ()), ({**form, "csrf": ""}, None, ()),
        ({name: value for name, value in form.items() if name != "csrf"}, None, ()),
    ]
    for fields, origin, more in sent:
        answer = browser.post_form(PATH, fields, more, origin=origin)
        assert answer.status == 403 and reason(made, answer) == "csrf_refused", (origin, fields)
        assert "<form" not in answer.body.decode() and "alice" not in answer.body.decode()
        assert alert(answer) == "This page was open for too long, or cookies are off. Try again."
    # Of neither field: no browser of this decade; and a token in Authorization does not stand for the page's.
    body = urllib.parse.urlencode(form).encode()
    for more in ((), [made.bearer(browser.access)]):
        assert browser.request(PATH, [FORM, *more], method="POST", body=body).status == 403
    # Without the cookie of the form, and with one of an attacker's making.
    kept = browser.cookies.pop("portcullis_login")
    assert browser.post_form(PATH, form).status == 403
    for planted in ("x", "x" * 22, f'"{kept}"'):
        browser.cookies["portcullis_login"] = planted
        answer = browser.post_form(PATH, {**form, "csrf": planted})
        assert (answer.status, reason(made, answer)) == (403, "csrf_refused"), planted
    browser.cookies["portcullis_login"] = kept
    assert is_as_it_was(made)
    # The same from the page itself.
    assert browser.post_form(PATH, form).status == 200


def test_a_token_in_Authorization_is_not_who_the_browser_is_of(signed_in):
    made, browser = signed_in
    bob = made.tokens("bob")["access_token"]
    page = browser.request(PATH, [*NAVIGATION, made.bearer(bob)])
    assert page.status == 200 and "signed in as alice" in page.body.decode()
    nobody = made.browser()
    assert nobody.request(PATH, [*NAVIGATION, made.bearer(bob)]).status == 303
    answer = browser.post_form(PATH, filled(browser), [made.bearer(bob)])
    assert answer.status == 200
    assert made.login("bob").status == 200 and made.login(password=NEW).status == 200
    assert made.app.received == b""


def test_C_2_and_C_3_cookies_are_read_as_everywhere(signed_in):
    made, browser = signed_in
    for cookie in (f"portcullis_access={browser.access}; portcullis_access={browser.access}",
                   f'portcullis_access="{browser.access}"', f"Portcullis_access={browser.access}"):
        assert made.get(PATH, [("Cookie", cookie), *NAVIGATION]).status == 303, cookie
    assert made.get(PATH, [("Cookie", f"a=1; portcullis_access={browser.access}"), *NAVIGATION]).status == 200


def test_C_11_guessing_the_current_password_is_throttled(signed_in):
    made, browser = signed_in
    form = filled(browser, current="wrong")
    assert [browser.post_form(PATH, form).status for _ in range(10)] == [401] * 10
    answer = browser.post_form(PATH, {**form, "current_password": PASSWORD})
    assert answer.status == 429 and reason(made, answer) == "login_throttled"
    assert 0 < int(answer.field("retry-after")) <= 900 and "Too many attempts. Try again in 15 minutes." == alert(answer)
    # As at the login, which counts the same.
    assert made.login().status == 429 and made.login("bob").status == 200
    assert made.login(password=NEW).status == 429
    assert made.app.received == b""


def test_what_is_no_try_is_not_counted(signed_in):
    """A new password that nobody may have, or that is not the same twice, says nothing about the current one."""
    made, browser = signed_in
    form = filled(browser, current="wrong")
    for _ in range(11):
        assert browser.post_form(PATH, {**form, "new_password_again": "x"}).status == 400
        assert browser.post_form(PATH, {**form, "csrf": "x"}).status == 403
    assert change(browser).status == 200


@pytest.mark.parametrize("body, type", [
    (b"current_password=a&current_password=b", FORM[1]), (b"csrf=%zz", FORM[1]), (b"\xff=a", FORM[1]),
    (b"{}", "text/plain"), (b"x", None), (b"--x", "multipart/form-data; boundary=x"),
])
def test_bodies_are_read_strictly(signed_in, body, type):
    made, browser = signed_in
    fields = [("Origin", ORIGIN)] + ([("Content-Type", type)] if type else [])
    answer = browser.request(PATH, fields, method="POST", body=body)
    assert answer.status == 400 and reason(made, answer) == "sign_in_request_invalid"
    assert is_as_it_was(made)


@pytest.mark.parametrize("missing", ["current_password", "new_password", "new_password_again"])
def test_a_form_that_lacks_a_field_changes_nothing(signed_in, missing):
    made, browser = signed_in
    form = filled(browser)
    del form[missing]
    answer = browser.post_form(PATH, form)
    assert answer.status == 400 and reason(made, answer) == "sign_in_request_invalid"
    assert is_as_it_was(made)


def test_a_form_that_is_sent_again_is_no_failure(signed_in):
    """As a reload of the last page does."""
    made, browser = signed_in
    form = filled(browser)
    assert browser.post_form(PATH, form).status == 200
    for _ in range(11):
        answer = browser.post_form(PATH, form)
        assert answer.status == 403 and reason(made, answer) == "csrf_refused"
    assert made.login(password=NEW).status == 200


def test_what_cannot_be_written_is_said(signed_in):
    made, browser = signed_in
    made.users_file.unlink()
    made.users_file.mkdir()
    answer = change(browser)
    assert answer.status == 500 and reason(made, answer) == "internal_error"
    assert alert(answer) == "The password could not be changed. Try again later."
    made.gateway.wait_message("a password could not be changed")
    assert browser.go(PATH).status == 200 and is_as_it_was(made)


def test_what_cannot_be_read_is_said_with_its_place(signed_in):
    made, browser = signed_in
    made.users_file.write_text(made.users_file.read_text() + "\npeople: [\n")
    assert change(browser).status == 500
    why = made.gateway.wait_message("a password could not be changed")["why"]
    assert re.match(rf"{re.escape(str(made.users_file))}:\d+:\d+: ", why), why


def test_C_12_the_page_is_inert_and_says_so(scene):
    evil = '"><script>alert(1)</script>'
    made = scene(people=users(person("u-1", evil), BOB), settings=', title: "Acme <&>", accent: "#ffd700"')
    browser = made.browser()
    assert browser.sign_in(evil).status == 200
    form = filled(browser, current="wrong")
    for answer in (browser.go(PATH), browser.post_form(PATH, form), browser.post_form(PATH, {**form, "csrf": evil}),
                   browser.post_form(PATH, {**form, "current_password": PASSWORD})):
        text = answer.body.decode()
        assert "<script" not in text and '<html lang="en">' in text
        policy = answer.field("content-security-policy")
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        for part in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "img-src data:"):
            assert part in policy
        assert answer.field("referrer-policy") == "same-origin" and answer.field("cache-control") == "no-store"
        assert answer.field("x-frame-options") == "DENY" and answer.field("x-content-type-options") == "nosniff"
        login = made.browser().go("/auth/login")
        assert policy == login.field("content-security-policy")
        assert re.search("<style>.*</style>", text, re.S).group() == re.search("<style>.*</style>", login.body.decode(), re.S).group()
        for name in re.findall(r'<label for="(\w+)">', text):
            assert f'id="{name}"' in text
        names = re.findall(r'autocomplete="([\w-]+)"', text)
        assert names in ([], ["username", "current-password", "new-password", "new-password"])


def test_a_script_of_the_page_sends_JSON_as_before(signed_in):
    made, browser = signed_in
    answer = browser.fetch(PATH, [("Content-Type", "application/json")], method="POST",
                           body=b'{"current_password":"%b","new_password":"%b"}' % (PASSWORD.encode(), NEW.encode()))
    assert answer.status == 204 and made.login(password=NEW).status == 200
