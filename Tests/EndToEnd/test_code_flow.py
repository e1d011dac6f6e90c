"""Browsers sign in at an OpenID provider, and have a session at the gateway."""
import concurrent.futures
import contextlib
import json
import sqlite3
import threading
import time
import urllib.parse
import urllib.request

import pytest
from support.certificates import key_pem
from support.code_flow import FLOW, SESSION, URL, CodeFlow, query, scene_fixture
from support.hostile_provider import CLIENT, HostileProvider, provider_fixture
from support.ports import wait_until
from support.sign_in import FETCH, NAVIGATION, until_status
from support.tokens import Key
from support.wire import Client


def identity(answer, made):
    """Who the application was told it is."""
    assert answer.status == 200, (answer, answer.body)
    return made.app.requests[-1].field("x-forwarded-user")


# The whole way.

def test_C_5_C_6_C_9_the_whole_way(scene, provider):
    made = scene(settings=", scopes: [email, openid]")
    browser = made.browser()
    answer = browser.go("/a%20b?c=d&e=%2F")
    assert answer.status == 303
    assert answer.field("location") == "/oauth/login?return_to=/a%2520b%3Fc%3Dd%26e%3D%252F"
    assert answer.field("cache-control") == "no-store"
    answer = browser.go(answer.field("location"))
    assert answer.status == 303
    location = answer.field("location")
    assert location.startswith(provider.issuer + "/authorize?")
    asked = query(location)
    assert {name: asked[name] for name in ("response_type", "client_id", "redirect_uri", "scope",
                                           "code_challenge_method")} == {
        "response_type": "code", "client_id": CLIENT, "redirect_uri": URL + "/oauth/callback",
        "scope": "openid email", "code_challenge_method": "S256"}
    assert len(asked["state"]) >= 22 and len(asked["nonce"]) >= 22 and len(asked["code_challenge"]) == 43
    line, = answer.all("set-cookie")
    assert line.startswith(FLOW) and line.endswith("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax")
    assert made.app.received == b""
    back = browser.at_provider(location)
    answer = browser.go(back)
    assert (answer.status, answer.field("location")) == (303, "/a%20b?c=d&e=%2F")
    session = next(line for line in answer.all("set-cookie") if line.startswith(SESSION))
    assert session.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax")
    assert list(browser.cookies) == [SESSION] and len(browser.cookies[SESSION]) == 43
    assert [each.fault for each in provider.asked if each.fault] == []
    # The application sees who it is, and nothing that the gateway knows them by.
    browser.cookies["theirs"] = "1"
    browser.cookies[FLOW + "x"] = "2"
    answer = browser.go(answer.field("location"))
    assert identity(answer, made) == "alice"
    seen = made.app.requests[-1]
    assert seen.target == "/a%20b?c=d&e=%2F"
    assert seen.field("x-forwarded-email") == "alice@example.com"
    assert seen.field("x-forwarded-groups") == "admin,a%2Cb"
    assert seen.field("cookie") == "theirs=1" and seen.field("authorization") is None
    assert browser.cookies[SESSION].encode() not in made.app.received
    assert identity(browser.go("/admin"), made) == "alice"
    answer = browser.go("/root")
    assert answer.status == 403 and made.gateway.access_of(answer.request_id)["reason"] == "role_missing"
    assert made.gateway.wait_message("signed in")["subject"] == "alice"


def test_access_lines_name_whoever_signs_in_and_out(scene, provider):
    provider.user["employee"] = "e-7"
    made = scene(claims="roles: groups, subject: employee")
    browser = made.browser()
    answer = browser.go(browser.go("/a").field("location"))
    nobody = made.gateway.access_of(answer.request_id)
    assert "provider" not in nobody and "subject" not in nobody
    answer = browser.go(browser.at_provider(answer.field("location")))
    named = [made.gateway.access_of(answer.request_id)]
    assert browser.go(answer.field("location")).status == 200
    named += made.gateway.wait_access(path="/a", status=200)
    former = dict(browser.cookies)
    named.append(made.gateway.access_of(browser.log_out().request_id))
    assert [(line["status"], line["provider"], line["subject"]) for line in named] == [
        (303, "company", "e-7"), (200, "company", "e-7"), (303, "company", "e-7")]
    # The provider names people by other claims than routes do, unless it says more.
    for claims, name in (({"sub": "alice"}, None), ({"sub": "alice", "employee": "e-7"}, "e-7")):
        line = made.gateway.access_of(backchannel(made, provider.logout_token(**claims)).request_id)
        assert (line["status"], line.get("subject")) == (200, name)
    # Whoever has no session that is good is nobody.
    for cookies in ({}, former):
        browser.cookies = dict(cookies)
        line = made.gateway.access_of(browser.log_out().request_id)
        assert line["status"] == 303 and "provider" not in line and "subject" not in line


def test_a_logout_without_use_for_longer_than_idle_names_nobody(scene):
    made = scene(settings=", idle: 1h, lifetime: 2h")
    browser = made.browser()
    browser.sign_in()
    age(made, last_used_at=-3700)
    line = made.gateway.access_of(browser.log_out().request_id)
    assert line["status"] == 303 and "provider" not in line and "subject" not in line


def test_C_13_only_navigations_are_sent_there(scene):
    made = scene()
    for fields, method in ((FETCH, "GET"), (NAVIGATION, "POST"), ([("Accept", "application/json")], "GET"), ([], "GET")):
        answer = made.get("/a", fields, method=method, body=b"" if method == "POST" else None)
        assert (answer.status, answer.field("location")) == (401, None)
        assert answer.field("www-authenticate") == "Bearer"
    with Client(made.gateway) as client:
        client.send("GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        assert client.response().status == 401
    # On another host the browser would not send the cookie.
    assert made.get("/a", NAVIGATION, host="other.test").status == 401
    assert made.app.received == b""
    browser = made.browser()
    assert identity(browser.go("/optional"), made) is None
    browser.sign_in()
    assert identity(browser.go("/optional"), made) == "alice"
    assert identity(browser.fetch("/a"), made) == "alice"


@pytest.mark.parametrize("client", ["private key", "none"])
def test_clients_of_other_kinds(scene, tmp_path, client):
    if client == "none":
        provider, way = HostileProvider(secret=None), "none"
    else:
        key = Key("ES256", "client")
        way = tmp_path / "client.pem"
        way.touch(0o600)
        way.write_bytes(key_pem(key.private))
        provider = HostileProvider(client_key=key)
    with contextlib.closing(provider):
        made = scene(provider=provider, client=way)
        browser = made.browser()
        browser.sign_in()
        assert identity(browser.go("/a"), made) == "alice"
        assert [each.fault for each in provider.asked if each.fault] == []


def test_userinfo(scene, provider):
    made = scene(settings=", userinfo: true")
    provider.claims = {"email": None, "groups": None}
    browser = made.browser()
    browser.sign_in()
    assert identity(browser.go("/admin"), made) == "alice"
    assert made.app.requests[-1].field("x-forwarded-email") == "alice@example.com"
    # Somebody else's is mixed in nowhere.
    provider.userinfo = {"sub": "mallory", "groups": ["root"]}
    other = made.browser()
    answer = other.go(other.begin())
    assert answer.status == 503 and SESSION not in other.cookies, answer


MAIL_ROUTE = "  - { path: /mail, auth: company, require: { claims: { email: [admin@corp.example] } }, upstream: app }"


@pytest.mark.parametrize("stated, userinfo, status", [
    ({"email": None}, {"email_verified": False}, 403),
    ({"email": None}, {"email_verified": None}, 403),
    ({"email": None, "email_verified": False}, {}, 200),
    ({"email": None, "email_verified": None}, {}, 200),
    ({"email": "me@corp.example"}, {}, 403),
    ({"email": "admin@corp.example", "email_verified": None}, {}, 200),
])
def test_I_9_an_address_of_userinfo_is_as_good_as_userinfo_says(scene, provider, stated, userinfo, status):
    made = scene(settings=", userinfo: true", routes=MAIL_ROUTE)
    provider.claims = {"email_verified": True, **stated}
    provider.userinfo = {"email": "admin@corp.example", "email_verified": True, **userinfo}
    browser = made.browser()
    browser.sign_in()
    made.app.forget()
    assert browser.fetch("/mail").status == status
    assert [request.target for request in made.app.requests] == (["/mail"] if status == 200 else [])


# A session's cookie.

def test_T_14_a_session_is_its_cookie_and_nothing_else(scene):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    session = browser.cookies[SESSION]
    assert identity(browser.go("/a"), made) == "alice"
    made.app.forget()
    for fields in ([("Authorization", f"Bearer {session}")], [("Authorization", f"Bearer {SESSION}={session}")],
                   [("Cookie", f"{SESSION}={session}; {SESSION}={session}")],
                   [("Cookie", f"{SESSION}={session}"), ("Authorization", "Bearer x")],
                   [("Cookie", f"{SESSION}={session[:-1]}"), ], [("Cookie", f"__Host-{SESSION}={session}")],
                   [("Cookie", f"{SESSION}=")], [("Cookie", f"{SESSION}={'A' * 43}")]):
        assert made.get("/a", fields).status == 401, fields
    assert made.app.received == b""
    # A page of another site sends it, too.
    for method, origin, status in (("POST", "http://evil.test", 403), ("POST", URL, 200), ("GET", "http://evil.test", 200)):
        answer = browser.fetch("/a", [("Origin", origin)], method=method, body=b"" if method == "POST" else None)
        assert answer.status == status


def test_C_9_no_session_is_fixed(scene):
    made = scene()
    attacker, browser = made.browser(), made.browser()
    attacker.sign_in()
    planted = attacker.cookies[SESSION]
    browser.cookies[SESSION] = planted
    browser.go(browser.at_provider(browser.go("/oauth/login?return_to=/a").field("location")))
    assert browser.cookies[SESSION] != planted
    assert identity(browser.go("/a"), made) == "alice"
    # The one before has ended, on every loop.
    until_status(lambda: attacker.fetch("/a"), 401)


def test_step_up(scene, provider):
    """RFC 9470 §4: a browser is sent to be authenticated as the route asks, and its session is another then."""
    made = scene()
    provider.claims = {"auth_time": lambda now: now - 3600}
    browser = made.browser()
    browser.sign_in()
    before = browser.cookies[SESSION]
    provider.claims = {}
    # A script knows by the challenge what it is about.
    answer = browser.fetch("/strong")
    assert (answer.status, answer.field("location")) == (401, None)
    challenge = 'Bearer error="insufficient_user_authentication", acr_values="gold platinum", max_age="60"'
    assert answer.field("www-authenticate") == challenge
    answer = browser.go("/strong?b=c")
    assert (answer.status, answer.field("cache-control")) == (303, "no-store")
    assert answer.field("location") == "/oauth/login?return_to=/strong%3Fb%3Dc&max_age=60&acr_values=gold%20platinum"
    assert made.gateway.access_of(answer.request_id)["reason"] == "acr_insufficient"
    answer = browser.go(answer.field("location"))
    asked = query(answer.field("location"))
    assert (asked["max_age"], asked["acr_values"]) == ("60", "gold platinum")
    made.app.forget()
    answer = browser.go(browser.at_provider(answer.field("location")))
    assert (answer.status, answer.field("location")) == (303, "/strong?b=c")
    assert identity(browser.go("/strong?b=c"), made) == "alice"
    assert browser.cookies[SESSION] != before
    assert made.get("/a", [("Cookie", f"{SESSION}={before}")]).status == 401
    assert [request.target for request in made.app.requests] == ["/strong?b=c"]
    assert [each.fault for each in provider.asked if each.fault] == []


def test_step_up_that_comes_to_nothing_ends_in_a_page(scene, provider):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    before = browser.cookies[SESSION]
    for claims in ({"acr": "silver"}, {"acr": None}, {"auth_time": None}, {"auth_time": lambda now: now - 3600},
                   {"auth_time": lambda now: now + 3600}, {"auth_time": "now"}):
        provider.claims = claims
        answer = browser.go(browser.at_provider(browser.go(browser.go("/strong").field("location")).field("location")))
        assert (answer.status, answer.field("location")) == (403, None), claims
        assert b'href="/oauth/login?return_to=%2Fstrong&amp;max_age=60&amp;acr_values=gold+platinum"' in answer.body
        assert made.gateway.access_of(answer.request_id)["reason"] == "authentication_insufficient"
    # Somebody else is no better: the page says so, whoever they are.
    provider.claims, provider.user = {}, {"sub": "mallory"}
    answer = browser.go(browser.at_provider(browser.go(browser.go("/strong").field("location")).field("location")))
    assert answer.status == 403
    assert made.gateway.access_of(answer.request_id)["reason"] == "authentication_insufficient"
    provider.user = {"sub": "alice"}
    # The session is what it was, and no worse.
    assert browser.cookies[SESSION] == before and identity(browser.go("/a"), made) == "alice"
    # Who comes from there is not sent again: with so short an age that would have no end.
    provider.claims = {"auth_time": lambda now: now - 2}
    late = made.browser()
    late.sign_in()
    answer = late.go("/fresh")
    assert answer.status == 401 and made.gateway.access_of(answer.request_id)["reason"] == "authentication_too_old"
    assert 'error="insufficient_user_authentication"' in answer.field("www-authenticate")


@pytest.mark.parametrize("seconds", [0, 2, 9, 11, 30, 3600, -5])
@pytest.mark.parametrize("target, acr", [("/fresh", None), ("/strong", "gold"), ("/strong", "silver")])
def test_nobody_is_sent_round_and_round(scene, provider, target, acr, seconds):
    """However old a provider's word is, with `max_age: 1s` and no leeway too, and one that is asked for nothing."""
    made = scene()
    provider.claims = {"auth_time": lambda now: now - seconds} | ({"acr": acr} if acr else {})
    browser = made.browser()
    browser.sign_in()
    made.app.forget()
    hops = []
    answer = browser.go(target)
    while answer.status == 303 and len(hops) < 8:
        place = answer.field("location")
        hops.append(place)
        answer = browser.go(browser.at_provider(place) if place.startswith("http") else place)
    assert len(hops) <= 3 and answer.status in (200, 401, 403), (hops, answer)
    assert [request.target for request in made.app.requests] == ([target] if answer.status == 200 else [])


def followed(browser, answer):
    """The places that a browser is redirected to, up to eight, and what it gets in the end."""
    hops = []
    while answer.status == 303 and len(hops) < 8:
        place = answer.field("location")
        hops.append(place)
        answer = browser.go(browser.at_provider(place) if place.startswith("http") else place)
    return hops, answer


def test_C_13_a_revoked_user_begins_no_session(scene, provider, tmp_path):
    revoked = tmp_path / "revoked.txt"
    revoked.write_text("sub mallory\n")
    made = scene(top=f"revocations: {{ file: {revoked} }}")
    browser = made.browser()
    browser.sign_in()
    (tmp_path / "new.txt").write_text("sub mallory\nsub alice\n")
    (tmp_path / "new.txt").rename(revoked)
    until_status(lambda: browser.go("/a"), 303)
    for begin in (browser, made.browser()):
        hops, answer = followed(begin, begin.go("/a"))
        assert len(hops) == 2 and answer.status == 401, (hops, answer)
        assert made.gateway.access_of(answer.request_id)["reason"] == "token_revoked"
        assert b"Your access has been revoked, or you have been signed out meanwhile." in answer.body and not any(
            line.startswith(SESSION) for line in answer.all("set-cookie"))
    assert "revocations.file" in made.gateway.wait_message("sign-in failed")["why"]
    assert len(made.gateway.said("signed in")) == 1


def test_T_16_what_a_revoked_key_has_signed_is_no_word_of_the_providers(scene, provider, tmp_path):
    revoked = tmp_path / "revoked.txt"
    revoked.write_text("sub mallory\n")
    made = scene(top=f"revocations: {{ file: {revoked} }}")
    browser = made.browser()
    browser.sign_in()
    (tmp_path / "new.txt").write_text(f"kid {provider.key.kid}\n")
    (tmp_path / "new.txt").rename(revoked)

    def refused():
        stranger = made.browser()
        hops, answer = followed(stranger, stranger.go("/a"))
        return answer if answer.status >= 400 else None
    answer = wait_until(refused, "a sign-in that is refused")
    assert made.gateway.access_of(answer.request_id)["reason"] == "id_token_refused"
    assert "its key is revoked" in made.gateway.wait_message("sign-in failed")["why"]
    answer = backchannel(made, provider.logout_token(sub="alice"))
    line = made.gateway.access_of(answer.request_id)
    assert (answer.status, line["reason"]) == (400, "logout_token_refused") and "subject" not in line
    # What it has ended is nothing.
    assert browser.go("/a").status == 200


def test_C_13_a_credential_that_signing_in_does_not_replace_is_refused(scene, provider, tmp_path):
    """Any host of the domain can set a cookie without `__Host-`: it must not keep browsers going round."""
    made = scene(top="forward_auth: { path: /verify, peers: [127.0.0.1] }", provider_keys=f"""token_from: [authorization, "cookie:tok"]
  partner:
    issuer: {provider.issuer}/partner
    audiences: any
    jwks_url: {provider.issuer}/jwks
    token_from: ["cookie:ptok"]""", routes="""
  - { path: /before, auth: [partner, company], upstream: app }
  - { path: /behind, auth: [company, partner], upstream: app }""")

    def asks(browser, target):
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        return made.get("/verify?mode=redirect", [
            ("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", target), ("X-Forwarded-Host", "127.0.0.1:8080"),
            ("X-Forwarded-Proto", "http"), *NAVIGATION, ("Cookie", cookie)])
    for name, target in (("tok", "/a"), ("ptok", "/before"), ("tok", "/behind")):
        browser = made.browser()
        browser.cookies = {name: "stale"}
        for _ in range(2):
            answer = browser.go(target)
            assert (answer.status, answer.field("location")) == (401, None), (name, target)
            assert made.gateway.access_of(answer.request_id)["reason"] == "token_malformed"
            assert asks(browser, target).status == 401
            # Signed in or not.
            browser.cookies.clear()
            browser.sign_in(target)
            browser.cookies[name] = "stale"
    # One that the session takes precedence over is no obstacle.
    browser = made.browser()
    browser.cookies = {"ptok": "stale"}
    assert asks(browser, "/behind").status == 303
    hops, answer = followed(browser, browser.go("/behind"))
    assert hops[-1] == "/behind" and identity(answer, made) == "alice"
    # The own cookie twice, and a token that a program brings.
    for fields in ([("Cookie", f"{SESSION}=a; {SESSION}=b")], [("Authorization", "Bearer stale")]):
        assert made.get("/a", [*NAVIGATION, *fields]).status == 401
    assert made.get("/a", [*NAVIGATION, ("Cookie", f"{SESSION}=a")]).status == 303


@pytest.mark.parametrize("target, place", [
    ("/zz?" + "&" * 1020, "/zz?" + "&" * 1020), ("/zz?" + "&" * 1021, "/zz"), ("/zz?" + "&" * 8000, "/zz"),
    ("/" + "a" * 1024, "/")], ids=len)
def test_C_13_of_a_long_link_the_login_is_told_what_it_takes(scene, target, place):
    browser = scene().browser()
    answer = browser.go(browser.begin(target))
    assert (answer.status, answer.field("location")) == (303, place)


@pytest.mark.parametrize("confirmation", [{"x5t#S256": "A" * 43}, {"jkt": "A" * 43}, {"unknown": 1}], ids=str)
def test_C_13_an_id_token_that_is_bound_begins_a_session_that_is_not(scene, provider, confirmation):
    made = scene()
    provider.claims = {"cnf": confirmation}
    browser = made.browser()
    browser.sign_in()
    assert identity(browser.go("/a"), made) == "alice"


def test_C_9_a_sign_in_that_another_site_begins_is_worth_what_the_provider_says(scene, provider):
    """It takes the place of a stronger one, as each does; then that is asked for again, and nobody passes with less."""
    made = scene()
    provider.claims = {"acr": "gold"}
    browser = made.browser()
    browser.sign_in("/strong")
    assert identity(browser.go("/strong"), made) == "alice"
    before = browser.cookies[SESSION]
    provider.claims = {"acr": "silver"}
    link = [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Site", "cross-site")]
    for asked in ("", "&acr_values=silver", "&max_age=0"):
        answer = browser.request(f"/oauth/login?return_to=/a{asked}", link)
        answer = browser.request(browser.at_provider(answer.field("location")), link)
        made.app.forget()
        answer = browser.go("/strong")
        assert answer.status == 303 and answer.field("location").endswith("&acr_values=gold%20platinum"), asked
        assert made.gateway.access_of(answer.request_id)["reason"] == "acr_insufficient" and made.app.received == b""
    assert made.get("/strong", [("Cookie", f"{SESSION}={before}")]).status == 401
    provider.claims = {"acr": "gold"}
    browser.go(browser.at_provider(browser.go(answer.field("location")).field("location")))
    assert identity(browser.go("/strong"), made) == "alice"


@pytest.mark.parametrize("target", ["/oauth/login?return_to=/{}", "/{}", "/strong?{}"])
def test_C_5_what_another_site_begins_displaces_no_way_of_the_users(scene, target):
    """Windows that it opens, one after the other and many before any answer has come, with the longest addresses."""
    made = scene()
    browser = made.browser()
    back = browser.begin("/wanted")
    own = dict(browser.cookies)
    window = [*NAVIGATION[:2], ("Sec-Fetch-Site", "cross-site")]

    def open_window(in_browser, number, target=target):
        answer = in_browser.request(target.format(f"{'a' * 1000}{number}"), window)
        if answer.field("location").startswith("/"):
            answer = in_browser.request(answer.field("location"), window)
        assert answer.status == 303 and answer.field("location").startswith(made.provider.issuer)
    for number in range(30):
        open_window(browser, number)
    assert browser.cookies.items() >= own.items() and len(browser.cookies) == 13
    kept = dict(browser.cookies)
    for number in range(40):
        other = made.browser()
        other.cookies = dict(kept)
        open_window(other, number)
        browser.cookies |= other.cookies
    line = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    assert browser.cookies.items() >= own.items() and len(browser.cookies) <= 25 and len(line) < 4096, line
    answer = browser.go(back)
    assert (answer.status, answer.field("location")) == (303, "/wanted")
    # What it begins is good, too, and has it forget nothing but the like.
    ways = dict(browser.cookies)
    open_window(browser, 0, "/oauth/login?return_to=/{}")
    assert set(ways) - set(browser.cookies) and SESSION in browser.cookies and len(browser.cookies) == 13
    assert identity(browser.go("/wanted"), made) == "alice"


def test_each_tab_has_a_place_of_its_own(scene):
    fresh = scene().browser()
    back = [fresh.begin(f"/tab{number}") for number in range(12)]
    assert len(fresh.cookies) == 12
    for number, target in enumerate(back):
        answer = fresh.go(target)
        assert (answer.status, answer.field("location")) == (303, f"/tab{number}")


def test_a_tab_whose_cookie_another_one_took_has_a_link_to_its_page(scene, provider):
    made = scene()
    browser, tab = made.browser(), made.browser()
    lost, back = browser.begin("/lost"), tab.begin("/kept")
    # Both have drawn the same name, and the browser keeps one cookie of it.
    (name, _), (other, value) = *browser.cookies.items(), *tab.cookies.items()
    browser.cookies = {name: value}
    browser.cookies = {other: value}
    assert browser.go(back).field("location") == "/kept"
    session, asked = browser.cookies[SESSION], len(provider.of("token"))
    for cookies in ({}, {name: value}, {SESSION: session}, {SESSION: session, name: value}):
        browser.cookies = cookies
        answer = browser.go(lost)
        assert answer.status == 400 and b"return_to=%2Flost" in answer.body and not answer.all("set-cookie")
    assert len(provider.of("token")) == asked and len(made.gateway.said("signed in")) == 1
    assert identity(browser.go("/lost"), made) == "alice"


def test_of_a_long_link_a_small_target_keeps_what_comes_back(scene):
    browser = scene(top="limits: { target: 1KiB }").browser()
    for target, place in [("/zz?" + "a" * 900, "/zz"), ("/zz?" + "a" * 124, "/zz?" + "a" * 124), ("/" + "a" * 900, "/")]:
        answer = browser.go(browser.begin(target))
        assert (answer.status, answer.field("location")) == (303, place)
        browser.cookies.clear()


# What goes on, and what ends.

def age(made, **columns):
    """Changes the one session with the gateway stopped."""
    made.gateway.stop()
    with contextlib.closing(sqlite3.connect(made.state / "company.sessions.db")) as database, database:
        for name, by in columns.items():
            database.execute(f"UPDATE sessions SET {name} = {name} + ?", (by,))
    made.gateway = made.start(made.config)


def test_the_key_of_ID_tokens_is_in_use(scene):
    made = scene(top="admin: { address: 127.0.0.1:0 }")
    port = int(made.gateway.wait_message("serving")["admin"].rpartition(":")[2])

    def used():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=20) as answer:
            company, = json.load(answer)["providers"]
        return [use["count"] for use in company["tokens"]["uses"] if use["of"] == "key"]

    wait_until(lambda: used() == [0], "the key set")
    browser = made.browser()
    browser.sign_in()
    # A request with the session has no token, and uses no key.
    assert browser.fetch("/a").status == 200
    assert used() == [1]


def test_a_restart_keeps_sessions(scene, provider):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    age(made)
    asked = len(provider.of("token"))
    assert identity(browser.go("/a"), made) == "alice"
    assert len(provider.of("token")) == asked


def test_a_session_is_renewed_at_the_provider(scene, provider):
    made = scene(settings=", scopes: [offline_access]")
    browser = made.browser()
    browser.sign_in()
    age(made, renew_at=-3600)
    provider.user = {"sub": "alice", "groups": ["root"]}
    with provider.lock:
        for grant in provider.grants.values():
            grant["user"] = dict(provider.user)
    assert identity(browser.go("/root"), made) == "alice"
    assert [each.form["grant_type"] for each in provider.of("token")] == ["authorization_code", "refresh_token"]
    assert [each.fault for each in provider.asked if each.fault] == []
    # Not once more for the next request.
    assert identity(browser.fetch("/root"), made) == "alice"
    assert len(provider.of("token")) == 2


@pytest.mark.parametrize("answer, status", [
    ((400, {"Content-Type": "application/json"}, b'{"error":"invalid_grant"}'), 303),
    ((500, {}, b""), 503), ((200, {"Content-Type": "text/html"}, b"<p>"), 503),
])
def test_a_session_that_is_not_renewed(scene, provider, answer, status):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    age(made, renew_at=-3600)
    made.app.forget()
    provider.instead["token"] = answer
    assert browser.go("/a").status == status
    assert made.app.received == b""
    provider.instead.clear()
    # What could not be asked is asked again; what was refused is over.
    assert (until_status(lambda: browser.go("/a"), 303 if status == 303 else 200)).status


def test_idle_and_absolute_lifetime(scene):
    made = scene(settings=", idle: 1h, lifetime: 2h")
    browser = made.browser()
    browser.sign_in()
    age(made, last_used_at=-3500)
    assert identity(browser.go("/a"), made) == "alice"
    age(made, last_used_at=-3700)
    assert browser.go("/a").status == 303
    browser.sign_in()
    age(made, expires_at=-7300)
    assert browser.go("/a").status == 303


def test_C_8_logout(scene, provider):
    made = scene(settings=', after_logout: /public/bye')
    browser = made.browser()
    browser.sign_in()
    id_token = provider.made[-1]
    session = browser.cookies[SESSION]
    assert browser.go("/oauth/logout").status == 405
    for origin in ("http://evil.test", "null"):
        answer = browser.log_out(origin)
        assert answer.status == 403 and made.gateway.access_of(answer.request_id)["reason"] == "csrf_refused"
    assert identity(browser.go("/a"), made) == "alice"
    answer = browser.log_out()
    assert answer.status == 303 and SESSION not in browser.cookies
    assert answer.field("location").startswith(provider.issuer + "/logout?")
    assert query(answer.field("location")) == {
        "client_id": CLIENT, "post_logout_redirect_uri": URL + "/public/bye", "id_token_hint": id_token}
    # At once, where it was remembered too.
    made.app.forget()
    assert made.get("/a", [("Cookie", f"{SESSION}={session}")]).status == 401
    assert made.app.received == b""
    assert browser.log_out().status == 303


def test_a_provider_that_ends_no_sessions(scene, provider):
    provider.metadata["end_session_endpoint"] = None
    made = scene()
    browser = made.browser()
    browser.sign_in()
    assert browser.log_out().field("location") == "/"


def backchannel(made, token):
    body = urllib.parse.urlencode({"logout_token": token}).encode()
    return made.get(
        "/oauth/backchannel-logout", [("Content-Type", "application/x-www-form-urlencoded")], method="POST", body=body)


def test_back_channel_logout(scene, provider):
    made = scene()
    browser, other = made.browser(), made.browser()
    browser.sign_in()
    sid = next(iter(provider.grants.values()))["sid"]
    other.sign_in()
    stranger = Key("ES256", provider.key.kid)
    for token in (
            provider.logout_token(), provider.logout_token(sid=sid, nonce="n"), provider.logout_token(sid=sid, events={}),
            provider.logout_token(sid=sid, events=None), provider.logout_token(sid=sid, aud="other"),
            provider.logout_token(sid=sid, iss="http://evil.test"), provider.logout_token(sid=sid, jti=None),
            provider.logout_token(sid=sid, iat=int(time.time()) - 7200, exp=int(time.time()) - 3600),
            provider.logout_token(sid=sid, key=stranger), provider.logout_token(sid=sid) + "x", "", "x"):
        assert backchannel(made, token).status == 400, token
    assert identity(browser.fetch("/a"), made) == "alice"
    token = provider.logout_token(sid=sid)
    answer = backchannel(made, token)
    assert answer.status == 200 and answer.field("cache-control") == "no-store"
    assert browser.fetch("/a").status == 401
    assert identity(other.fetch("/a"), made) == "alice"
    assert backchannel(made, token).status == 400
    # All of somebody's.
    assert backchannel(made, provider.logout_token(sub="alice")).status == 200
    assert other.fetch("/a").status == 401


def test_a_back_channel_logout_ends_what_it_may_mean(scene, provider):
    """Of which of the provider's sessions one of ours is, an ID token without `sid` does not say: it ends with its user's."""
    made = scene()
    unnamed, named, bob = made.browser(), made.browser(), made.browser()
    provider.claims = {"sid": None}
    unnamed.sign_in()
    provider.user = {"sub": "bob"}
    bob.sign_in()
    provider.straighten()
    named.sign_in()
    assert backchannel(made, provider.logout_token(sid="another")).status == 200
    assert backchannel(made, provider.logout_token(sid="another", sub="carol")).status == 200
    assert [each.fetch("/a").status for each in (unnamed, named, bob)] == [200, 200, 200]
    assert backchannel(made, provider.logout_token(sid="another", sub="alice")).status == 200
    assert [each.fetch("/a").status for each in (unnamed, named, bob)] == [401, 200, 200]


@contextlib.contextmanager
def sign_in_under_way(made, provider, browser):
    """The provider has the code and takes its time: what it knows of the sign-in, and what lets it go on to the answer."""
    made.gateway.wait_message("keys updated")
    back = browser.begin()
    came, go_on, make, grants = threading.Event(), threading.Event(), provider.make_id_token, []

    def slowly(grant, access):
        grants.append(grant)
        came.set()
        go_on.wait(15)
        return make(grant, access)
    provider.make_id_token = slowly
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        try:
            answer = pool.submit(browser.go, back)
            assert came.wait(15)
            yield grants[0], lambda: (go_on.set(), answer.result(15))[1]
        finally:
            go_on.set()
            provider.make_id_token = make


@pytest.mark.parametrize("claims, ends", [
    ({}, lambda sid: {"sid": sid}),
    ({}, lambda sid: {"sid": sid, "sub": "alice"}),
    ({"auth_time": lambda now: now - 60}, lambda sid: {"sub": "alice"}),
    ({"auth_time": None}, lambda sid: {"sub": "alice"}),
    ({"auth_time": None, "sid": None}, lambda sid: {"sid": sid, "sub": "alice"}),
])
def test_C_9_a_back_channel_logout_ends_a_sign_in_that_is_under_way(scene, provider, claims, ends):
    made = scene()
    provider.claims = claims
    browser = made.browser()
    with sign_in_under_way(made, provider, browser) as (grant, result):
        assert backchannel(made, provider.logout_token(**ends(grant["sid"]))).status == 200
        answer = result()
    assert answer.status == 401 and SESSION not in browser.cookies, answer
    assert b"you have been signed out meanwhile" in answer.body and b"Sign in again" in answer.body
    assert made.gateway.access_of(answer.request_id)["reason"] == "token_revoked"
    assert "logout token" in made.gateway.wait_message("sign-in failed")["why"]
    assert made.gateway.said("signed in") == [] and made.app.received == b""
    # What begins afterwards is another sign-in.
    until_status(lambda: browser.go(browser.begin()), 303)
    assert identity(browser.fetch("/a"), made) == "alice"


@pytest.mark.parametrize("claims, ends", [
    ({}, {"sid": "another"}),
    ({}, {"sid": "another", "sub": "alice"}),
    ({}, {"sub": "bob"}),
    # The user was authenticated after all that the provider has ended.
    ({"auth_time": lambda now: now - 5}, {"sub": "alice", "iat": lambda now: now - 60}),
])
def test_a_back_channel_logout_of_others_ends_no_sign_in_that_is_under_way(scene, provider, claims, ends):
    made = scene()
    provider.claims = claims
    browser = made.browser()
    with sign_in_under_way(made, provider, browser) as (_, result):
        assert backchannel(made, provider.logout_token(**ends)).status == 200
        assert result().status == 303
    assert identity(browser.fetch("/a"), made) == "alice"


def open_websocket(made, browser, client):
    """Has `client` open one with the browser's session."""
    made.app.answer = lambda request, connection: (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    client.send("GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                f"Origin: {URL}\r\nCookie: {SESSION}={browser.cookies[SESSION]}\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert client.response().status == 101


def test_an_open_websocket_ends_with_its_session(scene, provider):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    with Client(made.gateway) as client:
        open_websocket(made, browser, client)
        assert backchannel(made, provider.logout_token(sub="alice")).status == 200
        assert client.is_closed()
        line, = made.gateway.wait_access(path="/ws")
        assert (line["reason"], line["revoked_by"]) == ("token_revoked", "ended_sign_in")


def test_T_16_an_open_websocket_has_its_session_renewed_and_ends_where_the_provider_refuses(scene, provider):
    """Half a minute goes by until the session is looked up again: no request comes meanwhile."""
    provider.expires_in = 1
    made = scene()
    stays, ends = made.browser(), made.browser()
    stays.sign_in()
    provider.user = {"sub": "bob"}
    ends.sign_in()
    # Whoever was shut out since.
    provider.grants = {token: grant for token, grant in provider.grants.items() if grant["user"]["sub"] != "bob"}
    asked, usual = len(provider.of("token")), made.app.answer
    with Client(made.gateway, 90) as first, Client(made.gateway, 90) as second:
        open_websocket(made, stays, first)
        open_websocket(made, ends, second)
        assert second.is_closed(60)
        wait_until(lambda: len(provider.of("token")) >= asked + 2, "both renewals", 60)
        assert not first.is_closed(3)
        line, = made.gateway.wait_access(path="/ws")
        assert (line["status"], line["reason"], line["subject"]) == (101, "token_revoked", "bob")
    made.app.answer = usual
    assert ends.fetch("/a").status == 401 and stays.fetch("/a").status == 200


def test_two_processes_on_one_folder(start, upstream, provider, tmp_path):
    one = CodeFlow(start, upstream(), provider, tmp_path / "one")
    two = CodeFlow(start, upstream(), provider, tmp_path / "two", state=one.state)
    browser, elsewhere = one.browser(), two.browser()
    # Begun at one, ended at the other; each way is gone once.
    back = browser.begin()
    elsewhere.cookies = dict(browser.cookies)
    assert elsewhere.go(back).status == 303
    assert SESSION not in browser.cookies and browser.go(back).status == 400
    browser.cookies = elsewhere.cookies
    assert identity(browser.fetch("/a"), one) == "alice"
    assert identity(elsewhere.fetch("/a"), two) == "alice"
    cookies = dict(browser.cookies)
    assert browser.log_out().status == 303
    elsewhere.cookies = cookies
    until_status(lambda: elsewhere.fetch("/a"), 401)


def test_a_reload_keeps_sessions(scene):
    made = scene()
    browser = made.browser()
    browser.sign_in()
    made.gateway.reload(made.config.replace("claims: { roles: groups }", "claims: { roles: other }"))
    assert identity(browser.go("/a"), made) == "alice"
    assert browser.go("/admin").status == 403
    back = made.browser()
    back.sign_in()
    assert browser.log_out().status == 303
    assert identity(back.go("/a"), made) == "alice"


def test_a_provider_that_is_down_at_first(start, upstream, tmp_path):
    provider = HostileProvider()
    port = int(provider.issuer.rpartition(":")[2])
    provider.close()
    made = CodeFlow(start, upstream(), provider, tmp_path / "one")
    browser = made.browser()
    answer = browser.go("/oauth/login?return_to=/a")
    assert answer.status == 503 and b"<html" in answer.body
    assert made.gateway.access_of(answer.request_id)["reason"] == "provider_unavailable"
    made.gateway.wait_message("sign-in failed")
    with contextlib.closing(HostileProvider(port=port)):
        wait_until(lambda: browser.go("/oauth/login?return_to=/a").status == 303, "the provider", 15)
        wait_until(lambda: browser.go(browser.begin()).status == 303, "its keys", 40)
        assert identity(browser.go("/a"), made) == "alice"
