"""People sign in at the gateway: SECURITY C, and what the application sees of it."""
import base64
import contextlib
import json
import re
import sqlite3
import struct
import time
import urllib.parse

import pytest
from support.admin import Admin
from support.gateway import Gateway, run
from support.ports import wait_until
from support.sign_in import (ALICE, BOB, FETCH, FORM, HOST, ISSUER, NAVIGATION, PASSWORD, SignIn, goes_on, hashed, person,
                             scene_fixture, until_status, users)
from support.tokens import payload


def header(token):
    part = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def segment(members):
    return base64.urlsafe_b64encode(json.dumps(members).encode()).decode().rstrip("=")


# What the mission demands.

def test_login_generates_a_token_with_exact_claims_that_others_verify(scene):
    import jwt
    from joserfc import jwk, jwt as joserfc_jwt
    signed_in = scene()
    before = int(time.time())
    answer = signed_in.login()
    assert answer.status == 200, answer.body
    assert answer.field("cache-control") == "no-store" and answer.all("set-cookie") == []
    body = json.loads(answer.body)
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert body["token_type"] == "Bearer" and body["expires_in"] == 600
    token = body["access_token"]
    keys = json.loads(signed_in.get("/auth/jwks.json").body)
    assert keys == json.loads(signed_in.get("/.well-known/jwks.json").body)
    claims = jwt.decode(
        token, jwt.PyJWKSet.from_dict(keys)[header(token)["kid"]].key, algorithms=["ES256"], audience="example",
        issuer=ISSUER)
    assert joserfc_jwt.decode(token, jwk.KeySet.import_key_set(keys), algorithms=["ES256"]).claims == claims
    assert header(token) == {"alg": "ES256", "typ": "at+jwt", "kid": keys["keys"][0]["kid"]}
    now = claims["iat"]
    assert before <= now <= time.time()
    assert len(claims.pop("jti")) == 22 and len(claims.pop("sid")) == 22
    assert claims == {
        "iss": ISSUER, "sub": "u-1", "preferred_username": "alice", "client_id": ISSUER, "roles": ["admin", "support"],
        "permissions": ["orders.write"], "scope": "orders:read", "aud": "example", "iat": now, "nbf": now,
        "exp": now + 600, "auth_time": now, "amr": ["pwd"], "tenant": "acme"}


def test_a_user_without_roles_gets_an_empty_list(scene):
    signed_in = scene()
    claims = payload(signed_in.tokens("bob")["access_token"])
    assert claims["roles"] == [] and claims["permissions"] == [] and "scope" not in claims


def test_the_token_opens_protected_routes_by_header_and_by_cookie(scene, workers):
    signed_in = scene(workers=workers)
    token = signed_in.tokens()["access_token"]
    assert signed_in.get("/x").status == 401
    assert signed_in.get("/admin", [signed_in.bearer(token)]).status == 200
    assert signed_in.get("/admin", [("Cookie", f"a=1; portcullis_access={token}; b=2")]).status == 200
    by_header, by_cookie = signed_in.app.wait_requests(2)
    for request in (by_header, by_cookie):
        assert request.field("x-forwarded-user") == "u-1" and request.field("x-forwarded-groups") == "admin,support"
        assert request.field("authorization") is None
    assert by_cookie.field("cookie") == "a=1; b=2"
    bob = signed_in.tokens("bob")["access_token"]
    assert signed_in.get("/admin", [signed_in.bearer(bob)]).status == 403


def test_a_wrong_password_and_an_unknown_user_get_the_same_401(scene):
    signed_in = scene()
    answers = [signed_in.login(password="wrong"), signed_in.login("nobody", "wrong"), signed_in.login("", "")]
    for answer in answers:
        assert answer.status == 401 and json.loads(answer.body)["error"] == "invalid_grant"
        assert signed_in.gateway.access_of(answer.request_id)["reason"] == "login_failed"
    strip = [[f for f in a.fields if f[0].lower() not in ("x-request-id", "date")] for a in answers]
    assert strip[0] == strip[1] == strip[2] and answers[0].body == answers[1].body == answers[2].body


def test_C_11_the_hundredth_try_is_throttled_for_known_and_unknown_users(scene):
    signed_in = scene()
    for name in ("alice", "nobody"):
        statuses = [signed_in.login(name, "wrong").status for _ in range(10)]
        assert statuses == [401] * 10
        last = [signed_in.login(name, "wrong") for _ in range(15)]
        assert {answer.status for answer in last} == {429}
        assert 0 < int(last[-1].field("retry-after")) <= 900
    # The right password too, and nobody else.
    assert signed_in.login().status == 429
    assert signed_in.login("bob").status == 200
    for _ in range(30):
        signed_in.login("carol%d" % _, "wrong")
    # Fifty from one address: bob cannot either.
    assert signed_in.login("bob").status == 429


def test_C_11_a_bound_is_told_when_it_is_reached_and_each_failure_in_the_end(scene):
    signed_in = scene()
    for number in range(1, 13):
        assert signed_in.login(password="wrong").status == (401 if number <= 10 else 429)
    # Nobody tries again.
    told = signed_in.gateway.wait_message("too many failed sign-ins")
    assert (told["user"], told["client"], told["limit"]) == ("alice", "127.0.0.1", "account")
    assert 0 < int(told["seconds"]) <= 900

    def failures():
        return [int(each["failures"]) for each in signed_in.gateway.said("sign-in failed")]

    wait_until(lambda: sum(failures()) == 12, "the failures that were left out")
    assert len(failures()) == 2 and signed_in.gateway.said("sign-in failed")[-1]["last_of"] == "alice"
    # A name that is nobody's is a bound too, and not told: it may be a password.
    for _ in range(10):
        signed_in.login("hunter2", "wrong")
    of_alice, told = wait_until(
        lambda: len(said := signed_in.gateway.said("too many failed sign-ins")) == 2 and said, "the other account")
    assert told["limit"] == "account" and "user" in of_alice and "user" not in told and "hunter2" not in signed_in.gateway.program_text
    # Another password ends none of it.
    signed_in.write_users(users(person("u-1", "alice", password="another " + PASSWORD), BOB))
    signed_in.gateway.wait_message("users file read")
    assert signed_in.login(password="another " + PASSWORD).status == 429


def test_C_11_an_address_that_has_reached_its_bound_is_told(scene):
    signed_in = scene()
    for number in range(50):
        assert signed_in.login(f"user-{number}", "wrong").status == 401
    told = signed_in.gateway.wait_message("too many failed sign-ins")
    assert (told["limit"], told["client"]) == ("address", "127.0.0.1") and "user" not in told


def test_C_11_whoever_is_unknown_or_disabled_costs_the_same_work(scene):
    """Counted in the gateway's own processor time, as what is waited for says nothing where others compute."""
    secret = hashed("another machine's secret", 11)
    people = [person("u-1", "alice", cost=11), person("u-2", "bob", cost=11, disabled=True)]
    signed_in = scene(people=users(*people, clients="".join(
        f"  - {{ id: {id}, secret_hash: \"{secret}\", disabled: {disabled} }}\n"
        for id, disabled in (("batch", "false"), ("former", "true")))))
    spent = dict.fromkeys(
        [("user", "alice", "wrong"), ("user", "bob", "wrong"), ("user", "bob", PASSWORD), ("user", "nobody", "wrong"),
         # What bcrypt cannot take, and what nothing can.
         ("user", "nobody", "x" * 80), ("user", "alice", "x" * 80), ("user", "nobody", "a\0b"),
         ("machine", "batch", "wrong"), ("machine", "former", "wrong"), ("machine", "nobody", "wrong")], 0)
    # In turns, so that what else the machine does is as much with each.
    for _ in range(3):
        for kind, name, password in spent:
            before = signed_in.gateway.cpu_seconds()
            if kind == "user":
                answer = signed_in.login(name, password)
            else:
                body = urllib.parse.urlencode(
                    dict(grant_type="client_credentials", client_id=name, client_secret=password)).encode()
                answer = signed_in.get("/auth/token", [FORM], method="POST", body=body)
            assert answer.status == 401, (kind, name, answer)
            spent[kind, name, password] += signed_in.gateway.cpu_seconds() - before
    assert min(spent.values()) > max(spent.values()) / 2, spent


# Cookies.

def test_C_1_cookies_have_the_host_prefix_and_every_attribute(scene):
    browser = scene(issuer="https://example.test").browser()
    page = browser.go("/auth/login")
    answer = browser.sign_in()
    assert goes_on(answer) == "/"
    lines = page.all("set-cookie") + answer.all("set-cookie")
    names = [line.partition("=")[0] for line in lines]
    assert names == ["__Host-portcullis_login", "__Host-portcullis_access", "__Host-portcullis_refresh"]
    for line in lines:
        attributes = [part.strip().lower() for part in line.split(";")[1:]]
        assert {"path=/", "httponly", "samesite=lax", "secure"} < set(attributes)
        assert not any(a.startswith("domain") for a in attributes)
    assert browser.go("/x").status == 200


def test_C_1_on_loopback_over_http_cookies_lack_what_browsers_would_refuse(scene):
    browser = scene().browser()
    answer = browser.sign_in()
    assert [line.partition("=")[0] for line in answer.all("set-cookie")][:2] == ["portcullis_access", "portcullis_refresh"]
    assert not any("secure" in line.lower() for line in answer.all("set-cookie"))


def test_C_1_the_upstream_sets_none_of_our_cookies(start, upstream, tmp_path):
    own = ["portcullis_access=x", " portcullis_refresh = x; Path=/", "=portcullis_login=x", "PORTCULLIS_ACCESS=x",
           "portcullis_access"]
    others = ["session=portcullis_access", "portcullis_accessible=1", "a=b; Path=/"]
    lines = "".join(f"Set-Cookie: {line}\r\n" for line in own + others)
    app = upstream(f"HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok".encode())
    signed_in = SignIn(start, app, tmp_path)
    for target, fields in (("/public/x", []), ("/x", [signed_in.bearer(signed_in.tokens()["access_token"])])):
        assert signed_in.get(target, fields).all("set-cookie") == others


def test_C_2_our_cookie_twice_is_no_credential(scene):
    signed_in = scene()
    token = signed_in.tokens()["access_token"]
    answer = signed_in.get("/x", [("Cookie", f"portcullis_access={token}; portcullis_access={token}")])
    assert answer.status == 401
    assert signed_in.gateway.access_of(answer.request_id)["reason"] == "cookie_repeated"
    answer = signed_in.get("/x", [("Cookie", f"portcullis_access={token}"), ("Cookie", "a=1")])
    assert answer.status == 400
    browser = signed_in.browser()
    browser.sign_in()
    twice = "; ".join([f"portcullis_refresh={browser.refresh_token}"] * 2)
    assert signed_in.get("/x", [("Cookie", twice), *NAVIGATION]).status == 303
    assert signed_in.app.requests == []


def test_C_3_cookies_are_read_plainly(scene):
    signed_in = scene()
    token = signed_in.tokens()["access_token"]
    for cookie, reason in (
            (f'portcullis_access="{token}"', "token_malformed"),
            (f"$Version=1; portcullis_access=\"x; portcullis_access={token}\"", "cookie_repeated"),
            (f"\u2000portcullis_access={token}", "credential_missing"), (f"portcullis_access ={token}", "credential_missing"),
            (f"portcullis%5faccess={token}", "credential_missing"), (f"Portcullis_access={token}", "credential_missing"),
            (f'a="; portcullis_access=x{token}"', "token_malformed")):
        answer = signed_in.get("/x", [("Cookie", cookie.encode().decode("latin-1"))])
        assert (answer.status, signed_in.gateway.access_of(answer.request_id)["reason"]) == (401, reason), cookie
    assert signed_in.app.requests == []
    assert signed_in.get("/x", [("Cookie", f"a=1;\t portcullis_access={token} ;b=2")]).status == 200


@pytest.mark.parametrize("target", ["/public/x", "/optional", "/forward", "/x", "/ws"])
def test_I_6_our_cookies_never_reach_an_upstream(scene, target):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    browser.form()
    access = browser.access
    assert len(browser.cookies) == 3
    browser.cookies["app"] = "mine"
    answer = browser.fetch(target)
    assert answer.status == 200
    request = signed_in.app.wait_requests()[0]
    forwarded = f"portcullis_access={access}; app=mine" if target == "/forward" else "app=mine"
    assert sorted(request.field("cookie").split("; ")) == sorted(forwarded.split("; "))
    for line in request.fields:
        assert "portcullis_refresh" not in str(line) and "portcullis_login" not in str(line)


# The page and its form.

@pytest.mark.parametrize("wanted, place", [
    ("/orders?a=1&b=%2F", "/orders?a=1&b=%2F"), ("/", "/"), ("/a/b#", "/a/b#"), ("", "/"), ("//e", "/"), ("/\\e", "/"),
    ("/%09/e", "/"), ("/\t/e", "/"), ("https:e", "/"), ("https://e", "/"), ("/%0d%0aX: y", "/"), ("/\r\nX: y", "/"),
    ("/%5ce", "/"), ("/%2fe", "/"), ("javascript:alert(1)", "/"), ("/ a", "/"), ("/\u00e4", "/"), ("e", "/"),
])
def test_C_4_return_to_is_a_path_of_this_host(scene, wanted, place):
    browser = scene().browser()
    fields = browser.form()
    fields["return_to"] = wanted
    answer = browser.post_form("/auth/login", {**fields, "username": "alice", "password": PASSWORD})
    assert goes_on(answer) == place
    assert answer.field("x") is None


def test_C_6_nothing_that_a_client_says_is_in_a_location(scene):
    signed_in = scene()
    liars = [("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "ftp"), ("Forwarded", "host=evil.test")]
    answer = signed_in.get("/x", [*NAVIGATION, *liars])
    assert answer.status == 303 and answer.field("location") == "/auth/login?return_to=/x"
    document = json.loads(signed_in.get("/.well-known/openid-configuration", liars).body)
    assert document["token_endpoint"] == f"{ISSUER}/auth/token" and document["issuer"] == ISSUER


def test_C_8_a_form_of_another_site_is_refused(scene):
    signed_in = scene()
    browser = signed_in.browser()
    form = {**browser.form(), "username": "alice", "password": PASSWORD}
    assert browser.post_form("/auth/login", form, origin="http://evil.test").status == 403
    assert browser.post_form("/auth/login", form, origin="null").status == 403
    assert browser.post_form("/auth/login", {**form, "csrf": "x" * 22}).status == 403
    assert browser.post_form("/auth/login", {k: v for k, v in form.items() if k != "csrf"}).status == 403
    without = signed_in.browser()
    answer = without.post_form("/auth/login", form)
    assert answer.status == 403 and 'role="alert"' in answer.body.decode()
    assert signed_in.gateway.access_of(answer.request_id)["reason"] == "csrf_refused"
    # Of neither field: no browser of this decade.
    body = "&".join(f"{k}={v}" for k, v in form.items()).replace(" ", "+").encode()
    cookie = [("Cookie", f"portcullis_login={form['csrf']}")]
    type = ("Content-Type", "application/x-www-form-urlencoded")
    assert signed_in.get("/auth/login", [type, *cookie], method="POST", body=body).status == 403
    own = [type, *cookie, ("Sec-Fetch-Site", "same-origin")]
    assert signed_in.get("/auth/login", own, method="POST", body=body).status == 200
    assert signed_in.login(fields=[("Origin", "http://evil.test")]).status == 403
    assert browser.access is None and without.access is None


def test_nobody_is_sent_to_the_page_and_back_without_end(scene):
    """With `max_age: 1s` and no leeway nobody passes for long; they see the page, and are renewed on the way once at most."""
    signed_in = scene(routes="  - { path: /fresh, auth: local, require: { max_age: 1s }, upstream: app }")
    browser = signed_in.browser()
    browser.sign_in()
    until_status(lambda: browser.go("/fresh"), 303)
    signed_in.app.forget()
    for lost in ("portcullis_login", "portcullis_access"):
        browser.cookies.pop(lost, None)
        for begin in ("/fresh", "/auth/login?return_to=/fresh"):
            hops, answer = [], browser.go(begin)
            while answer.status == 303 and len(hops) < 8:
                hops.append(answer.field("location"))
                answer = browser.go(hops[-1])
            assert answer.status == 200 and len(hops) <= 2 and b'name="password"' in answer.body, hops
    assert signed_in.app.received == b""


def test_C_13_a_revoked_user_begins_no_sign_in(scene, tmp_path):
    revoked = tmp_path / "revoked.txt"
    revoked.write_text("sub u-1\n")
    signed_in = scene(top=f"revocations: {{ file: {revoked} }}")
    browser = signed_in.browser()
    answer = browser.sign_in(target="/auth/login?return_to=/x")
    assert answer.status == 401 and b"You may not use this application." in answer.body
    assert browser.access is None and browser.refresh_token is None
    assert signed_in.gateway.access_of(answer.request_id)["reason"] == "token_revoked"
    answer = signed_in.login()
    assert answer.status == 401 and json.loads(answer.body)["error"] == "invalid_grant"
    assert signed_in.gateway.said("signed in") == []
    assert "alice" not in run("sign-ins", "list", "--config", signed_in.gateway.config_path).stdout
    # Who it is learns nobody who does not have the password.
    assert b"Wrong user name or password" in signed_in.browser().sign_in(password="wrong").body
    assert signed_in.browser().sign_in("bob").status == 200


def test_C_13_a_cookie_that_signing_in_does_not_replace_is_refused(scene):
    signed_in = scene(provider='token_from: ["cookie:before", cookie, "cookie:behind"]')
    for cookie, status in (("before=stale", 401), ("behind=stale", 303), ("portcullis_access=stale", 303),
                           ("portcullis_access=a; portcullis_access=b", 401)):
        answer = signed_in.get("/x", [*NAVIGATION, ("Cookie", cookie)])
        assert (answer.status, answer.field("location") is None) == (status, status == 401), cookie


def test_where_no_cookie_is_looked_for_nothing_is_renewed(scene):
    """`token_from: authorization`: a browser that signed in has nothing that a route would take."""
    signed_in = scene(provider="token_from: authorization")
    browser = signed_in.browser()
    browser.sign_in()
    refresh = browser.refresh_token
    assert refresh
    browser.cookies.pop("portcullis_access", None)
    answer = browser.go("/x")
    assert answer.status == 401 and answer.field("location") is None and not answer.all("set-cookie")
    assert signed_in.app.requests == []
    # It was not used either.
    assert json.loads(signed_in.refresh(refresh).body)["access_token"]


def test_of_several_providers_the_one_of_the_host_has_people_sign_in(scene, tmp_path):
    (tmp_path / "others.yaml").write_text(users(ALICE))
    (tmp_path / "others.yaml").chmod(0o600)
    signed_in = scene(provider=f"""
  other:
    issuer: http://localhost:8080
    audiences: [example]
    signing: {{ state: {tmp_path}/other }}
    sign_in: {{ users_file: {tmp_path}/others.yaml, path: /other }}""",
        routes="  - { path: /both, auth: [local, other], upstream: app }")
    for host, location in ((HOST, "/auth/login?return_to=/both"), ("localhost", "/other/login?return_to=/both"),
                           ("LOCALHOST:8080", "/other/login?return_to=/both"), ("elsewhere", None)):
        answer = signed_in.get("/both", NAVIGATION, host=host)
        assert (answer.status, answer.field("location")) == ((303, location) if location else (401, None)), host
        if location:
            said = run("explain", "--config", signed_in.gateway.config_path, "--path", "/both", "--host", host)
            assert location.partition("?")[0] in said.stdout, said
    assert signed_in.app.requests == []


def test_C_8_a_page_that_sends_no_referrer_is_the_hosts_own(scene):
    """`Referrer-Policy: no-referrer` makes Origin `null` of its own forms too (Fetch, 3.2)."""
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    form = {**browser.form(), "username": "alice", "password": PASSWORD}
    for site in ("cross-site", "same-site", "none", "", "same-origin, cross-site"):
        own = [("Sec-Fetch-Site", site), ("Origin", "null")]
        for target in ("/auth/logout", "/x"):
            assert browser.request(target, own, method="POST", body=b"").status == 403, (target, site)
        assert browser.post_form("/auth/login", form, own[:1], origin="null").status == 403, site
        assert browser.go("/optional").status == 200
    assert [request.target for request in signed_in.app.requests] == ["/optional"] * 5
    signed_in.app.forget()
    own = [("Sec-Fetch-Site", "same-origin"), ("Origin", "null")]
    assert browser.request("/x", own, method="POST", body=b"").status == 200
    assert signed_in.app.wait_requests()[0].field("x-forwarded-user") == "u-1"
    # Of a WebSocket no page is its own that does not say so.
    key = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
    answer = browser.request("/ws", [*own, *key])
    assert answer.status == 403 and signed_in.gateway.access_of(answer.request_id)["reason"] == "origin_refused"
    assert len(signed_in.app.requests) == 1
    assert browser.post_form("/auth/login", form, own[:1], origin="null").status == 200
    assert browser.request("/auth/logout", own, method="POST", body=b"").status == 204 and browser.access is None


def test_C_8_each_page_gives_its_form_the_whole_time(scene):
    signed_in = scene()
    browser = signed_in.browser()
    first = browser.form()
    wrong = {**first, "username": "alice", "password": "wrong"}
    for page in (browser.go("/auth/login"), browser.post_form("/auth/login", wrong)):
        [cookie] = page.all("set-cookie")
        assert cookie.startswith(f"portcullis_login={first['csrf']};") and "; Max-Age=3600" in cookie
    # What no page can have set is neither kept nor said again.
    browser.cookies["portcullis_login"] = "x; Domain=test"
    assert "x" != browser.form()["csrf"] != first["csrf"]
    assert browser.sign_in().status == 200


def test_C_8_login_pages_that_are_open_beside_each_other_each_sign_in_once(scene):
    signed_in = scene()
    browser = signed_in.browser()
    first = browser.form()
    second = browser.form()
    entered = {"username": "alice", "password": PASSWORD}
    assert browser.post_form("/auth/login", {**first, **entered}).status == 200
    token = browser.access
    assert browser.post_form("/auth/login", {**second, **entered}).status == 200 and browser.access != token
    assert browser.go("/x").status == 200
    assert browser.request("/auth/logout", [("Origin", browser.origin)], method="POST", body=b"").status == 204
    # What it repeats is still this browser's alone, and a page of another site still sends nothing.
    other = signed_in.browser()
    other.form()
    for form, at, origin in ((first, other, None), (first, browser, "http://evil.test"), ({**first, "csrf": "x" * 22}, browser, None)):
        answer = at.post_form("/auth/login", {**form, **entered}, **({"origin": origin} if origin else {}))
        assert answer.status == 403 and signed_in.gateway.access_of(answer.request_id)["reason"] == "csrf_refused"
        assert at.access is None


def test_C_8_a_GET_never_signs_out_nor_does_another_site(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    answer = browser.go("/auth/logout")
    assert answer.status == 405 and answer.field("allow") == "POST"
    for origin in ("http://evil.test", "null"):
        assert browser.request("/auth/logout", [("Origin", origin)], method="POST", body=b"").status == 403
    assert browser.request("/auth/logout", [("Sec-Fetch-Site", "cross-site")], method="POST", body=b"").status == 403
    assert browser.go("/x").status == 200


def test_C_8_a_page_that_came_in_clear_is_not_the_hosts_own(scene):
    """Whoever sits on the way can write one; the browser's cookies say that it speaks TLS."""
    signed_in = scene(issuer="https://app.example.test")
    browser = signed_in.browser()
    assert browser.sign_in().status == 200
    clear, secure = "http://app.example.test", "https://app.example.test"
    assert browser.request("/auth/logout", [("Origin", clear)], method="POST", body=b"").status == 403
    assert browser.request("/x", [("Origin", clear)], method="POST", body=b"").status == 403
    assert signed_in.app.requests == []
    assert browser.request("/x", [("Origin", secure)], method="POST", body=b"").status == 200
    assert browser.request("/auth/logout", [("Origin", secure)], method="POST", body=b"").status == 204


def test_C_12_the_page_is_inert_and_says_so(scene):
    signed_in = scene(settings=', title: "Acme <&> \\"us\\"", accent: "#ffd700"')
    browser = signed_in.browser()
    page = browser.go("/auth/login?return_to=" + '/%22%3E%3Cscript%3Ealert(1)%3C/script%3E')
    evil = '"><script>alert(1)</script>'
    failed = browser.post_form(
        "/auth/login", {**browser.form(), "username": evil, "password": "x", "return_to": "/" + evil})
    assert failed.status == 401 and failed.field("www-authenticate") == "Bearer"
    for answer in (page, failed):
        text = answer.body.decode()
        assert "<script" not in text and "Acme &lt;&amp;&gt; &quot;us&quot;" in text
        policy = answer.field("content-security-policy")
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        for part in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "img-src data:"):
            assert part in policy
        assert answer.field("referrer-policy") == "same-origin" and answer.field("cache-control") == "no-store"
        assert 'autocomplete="username"' in text and 'autocomplete="current-password"' in text
        assert '<html lang="en">' in text and '<label for="username">' in text and '<label for="password">' in text
    import hashlib
    style = re.search(r"<style>(.*?)</style>", page.body.decode(), re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page.field("content-security-policy")
    assert 'role="alert"' in failed.body.decode() and "&quot;&gt;&lt;script&gt;" in failed.body.decode()


# Who is sent to the page.

SENT = [
    (NAVIGATION, "GET", 303), ([("Accept", "text/html,*/*;q=0.8")], "GET", 303),
    ([("Accept", "application/json, text/html")], "GET", 401), ([], "GET", 401), (FETCH, "GET", 401),
    ([*FETCH, ("Accept", "text/html")], "GET", 401), (NAVIGATION, "POST", 401), (NAVIGATION, "HEAD", 401),
    ([("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")], "GET", 401),
    # A service worker has passed it on.
    ([("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Site", "same-origin")], "GET", 303),
    ([("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "object")], "GET", 401), ([("Sec-Fetch-Mode", "navigate")], "GET", 401),
    ([("Accept", "text/html;q=0, */*")], "GET", 401),
    ([("Sec-Fetch-Site", "cross-site"), ("Accept", "text/html")], "GET", 401),
    ([("Authorization", "Bearer x"), *NAVIGATION], "GET", 401), ([("Authorization", "Basic eDp5"), *NAVIGATION], "GET", 303),
]


@pytest.mark.parametrize("target, place", [
    ("/zz?" + "&" * 2044, "/zz%3F" + "%26" * 2044), ("/zz?" + "&" * 2045, "/zz"), ("/zz?" + "&" * 8000, "/zz"),
    ("/" + "a" * 2047 + "?b", "/" + "a" * 2047), ("/" + "a" * 2048 + "?b", "/")], ids=len)
def test_C_13_of_a_long_link_the_page_is_told_what_it_takes(scene, target, place):
    signed_in = scene()
    browser = signed_in.browser()
    answer = browser.go(target)
    assert answer.status == 303 and answer.field("location") == f"/auth/login?return_to={place}"
    assert goes_on(browser.sign_in(target=answer.field("location"))) == urllib.parse.unquote(place)


def test_C_13_a_link_is_no_longer_than_the_gateway_takes(scene):
    browser = scene(top="limits: { target: 1KiB }").browser()
    for target, place in (("/zz?" + "&" * 320, "/zz%3F" + "%26" * 320), ("/zz?" + "&" * 400, "/zz"),
                          ("/" + ":" * 400, "/")):
        answer = browser.go(target)
        assert answer.status == 303 and answer.field("location") == f"/auth/login?return_to={place}"
        assert browser.go(answer.field("location")).status == 200


@pytest.mark.parametrize("fields, method, status", SENT)
def test_C_13_only_a_browser_on_its_way_to_a_page_is_sent_to_sign_in(scene, fields, method, status):
    signed_in = scene()
    answer = signed_in.get("/orders/7?q=a%20b&r=%22", fields, method=method, body=b"" if method == "POST" else None)
    assert answer.status == status
    line = signed_in.gateway.access_of(answer.request_id)
    assert line["status"] == status and line["reason"] in ("credential_missing", "token_malformed")
    if status == 303:
        assert answer.field("location") == "/auth/login?return_to=/orders/7%3Fq%3Da%2520b%26r%3D%2522"
        assert answer.field("cache-control") == "no-store"
    else:
        assert answer.field("www-authenticate").startswith("Bearer")
    assert signed_in.app.requests == []


def test_C_13_a_websocket_and_another_host_are_not_sent_to_sign_in(scene):
    signed_in = scene()
    handshake = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                 ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Accept", "text/html")]
    assert signed_in.get("/ws", handshake).status == 401
    # The browser would not bring the cookies of one host to another.
    assert signed_in.get("/x", NAVIGATION, host="other.test").status == 401
    assert signed_in.app.requests == []


def test_the_browser_comes_back_to_where_it_wanted_to_go(scene):
    browser = scene().browser()
    sent = browser.go("/orders/7?q=a%20b&r=%22")
    answer = browser.sign_in(target=sent.field("location"))
    assert goes_on(answer) == "/orders/7?q=a%20b&r=%22" and answer.field("cache-control") == "no-store"
    assert "form-action 'self'" in answer.field("content-security-policy")
    assert browser.go(goes_on(answer)).status == 200
    assert browser.scene.app.wait_requests()[0].target == "/orders/7?q=a%20b&r=%22"


# The end of a sign-in.

def test_C_9_logout_ends_the_sign_in_on_every_loop_and_its_family(scene, workers):
    signed_in = scene(workers=workers)
    browser = signed_in.browser()
    browser.sign_in()
    access, refresh = browser.access, browser.refresh_token
    other = signed_in.tokens()
    for _ in range(8):
        assert signed_in.get("/x", [signed_in.bearer(access)]).status == 200
    answer = browser.fetch("/auth/logout", method="POST", body=b"")
    assert answer.status == 204 and browser.access is None and browser.refresh_token is None
    # T-16: verified before, on whatever loop.
    for _ in range(16):
        answer = signed_in.get("/x", [signed_in.bearer(access)])
        assert answer.status == 401
        assert signed_in.gateway.access_of(answer.request_id)["reason"] == "token_revoked"
    assert signed_in.refresh(refresh).status == 401
    assert signed_in.get("/auth/me", [signed_in.bearer(access)]).status == 401
    # Another sign-in of the same user goes on.
    assert signed_in.get("/x", [signed_in.bearer(other["access_token"])]).status == 200
    assert payload(other["access_token"])["sid"] != payload(access)["sid"]


def test_C_9_everywhere_ends_all_sign_ins_of_the_user_alone(scene):
    signed_in = scene()
    first, second, bob = signed_in.tokens(), signed_in.tokens(), signed_in.tokens("bob")
    answer = signed_in.post("/auth/logout", {"everywhere": True}, [signed_in.bearer(first["access_token"])])
    assert answer.status == 204
    for tokens, status in ((first, 401), (second, 401), (bob, 200)):
        assert signed_in.get("/x", [signed_in.bearer(tokens["access_token"])]).status == status
        assert signed_in.refresh(tokens["refresh_token"]).status == status


def test_logout_by_refresh_token_and_by_a_form(scene):
    signed_in = scene()
    tokens = signed_in.tokens()
    assert signed_in.post("/auth/logout", {"refresh_token": tokens["refresh_token"]}).status == 204
    assert signed_in.get("/x", [signed_in.bearer(tokens["access_token"])]).status == 401
    browser = signed_in.browser()
    browser.sign_in()
    access = browser.access
    del browser.cookies["portcullis_access"]
    answer = browser.post_form("/auth/logout", {"return_to": "//evil"})
    assert answer.status == 303 and answer.field("location") == "/" and browser.cookies.keys() == set()
    assert signed_in.get("/x", [signed_in.bearer(access)]).status == 401


def test_what_has_ended_stays_so_over_restart_and_what_goes_on_goes_on(start, upstream, tmp_path):
    (tmp_path / "first").mkdir()
    signed_in = SignIn(lambda config: Gateway(tmp_path / "first", config), upstream(), tmp_path)
    ended, lasting = signed_in.tokens(), signed_in.tokens("bob")
    assert signed_in.post("/auth/logout", None, [signed_in.bearer(ended["access_token"])]).status == 204
    signed_in.gateway.kill()
    signed_in.gateway = start(signed_in.config)
    assert signed_in.get("/x", [signed_in.bearer(ended["access_token"])]).status == 401
    assert signed_in.refresh(ended["refresh_token"]).status == 401
    assert signed_in.get("/x", [signed_in.bearer(lasting["access_token"])]).status == 200
    assert signed_in.refresh(lasting["refresh_token"]).status == 200


# Refresh tokens.

def replaced_before(signed_in, seconds):
    """Has all refresh tokens that were replaced have been so that much earlier: the store has each with its time."""
    database = sqlite3.connect(signed_in.folder / "state" / "local.sign-ins.db", timeout=10)
    with contextlib.closing(database), database:
        for sign_in, replaced in database.execute("SELECT id, replaced FROM sign_ins WHERE replaced != x''").fetchall():
            entries = [(at - seconds, token) for at, token in struct.iter_unpack(">q32s", replaced)]
            assert entries
            database.execute("UPDATE sign_ins SET replaced = ? WHERE id = ?", (
                b"".join(struct.pack(">q32s", *entry) for entry in entries), sign_in))


def test_C_10_refresh_tokens_rotate_have_a_grace_and_end_their_family(scene):
    signed_in = scene()
    first = signed_in.tokens()
    second = json.loads(signed_in.refresh(first["refresh_token"]).body)
    assert second["refresh_token"] != first["refresh_token"] and len(second["refresh_token"]) == 64
    assert payload(second["access_token"])["sid"] == payload(first["access_token"])["sid"]
    assert payload(second["access_token"])["auth_time"] == payload(first["access_token"])["auth_time"]
    # Another tab, at the same time.
    again = json.loads(signed_in.refresh(first["refresh_token"]).body)
    assert "refresh_token" not in again and again["access_token"]
    replaced_before(signed_in, 11)
    answer = signed_in.refresh(first["refresh_token"])
    assert answer.status == 401
    assert signed_in.gateway.access_of(answer.request_id)["reason"] == "refresh_reused"
    assert signed_in.refresh(second["refresh_token"]).status == 401
    assert signed_in.get("/x", [signed_in.bearer(second["access_token"])]).status == 401
    assert signed_in.gateway.wait_message("used again")["subject"] == "u-1"
    # At rest there is no token.
    for file in (signed_in.folder / "state").iterdir():
        content = file.read_bytes()
        assert first["refresh_token"].encode() not in content and second["refresh_token"].encode() not in content


@pytest.mark.parametrize("token", ["", "x", "A" * 64, "A" * 43, "=" * 64, "A" * 200])
def test_C_10_what_was_never_a_refresh_token_is_refused(scene, token):
    answer = scene().refresh(token)
    assert answer.status == 401 and json.loads(answer.body)["error"] == "invalid_grant"


def test_a_disabled_user_is_refused_at_the_next_refresh(scene):
    signed_in = scene(top="admin: { address: 127.0.0.1:0 }")
    admin = Admin(signed_in.gateway)
    gauge = 'portcullis_users_file_last_read_successful{provider="local"}'
    tokens = signed_in.tokens()
    signed_in.write_users(users(person("u-1", "alice", disabled=True), BOB))
    signed_in.gateway.wait_message("users file read")
    assert signed_in.login().status == 401
    assert signed_in.refresh(tokens["refresh_token"]).status == 401
    assert signed_in.get("/x", [signed_in.bearer(tokens["access_token"])]).status == 401
    assert admin.status()["faults"] == [] and admin.metrics()[gauge] == 1
    # What cannot be used changes nothing.
    signed_in.write_users("users: [")
    why = signed_in.gateway.wait_message("the users file cannot be used")["why"]
    assert signed_in.login("bob").status == 200
    assert admin.status()["faults"] == [{"what": "users_file", "provider": "local", "why": why}]
    assert admin.metrics()[gauge] == 0
    signed_in.write_users(users(BOB))
    wait_until(lambda: admin.metrics()[gauge] == 1, "the file that is good again")
    assert admin.status()["faults"] == []


# Silent renewal.

def test_a_browser_is_renewed_on_its_way_to_a_page_without_noticing(scene, workers):
    signed_in = scene(workers=workers)
    browser = signed_in.browser()
    browser.sign_in()
    access, refresh = browser.access, browser.refresh_token
    for spoil in ("absent", "expired", "garbage"):
        if spoil == "absent":
            del browser.cookies["portcullis_access"]
        else:
            browser.cookies["portcullis_access"] = "x" if spoil == "garbage" else access[:-8] + "AAAAAAAA"
        answer = browser.go("/orders?x=1")
        assert answer.status == 200, spoil
        assert len(answer.all("set-cookie")) == 2 and answer.field("cache-control") == "no-store"
        assert browser.access not in (None, access) and browser.refresh_token != refresh
        assert payload(browser.access)["sid"] == payload(access)["sid"]
        refresh = browser.refresh_token
        assert browser.go("/orders").all("set-cookie") == []
    assert len(signed_in.app.wait_requests(6)) == 6
    assert all(r.field("x-forwarded-user") == "u-1" and r.field("cookie") is None for r in signed_in.app.requests)


@pytest.mark.parametrize("spoil", ["absent", "expired", "forged", "another_spelling"])
def test_I_6_where_the_token_is_forwarded_it_is_the_renewed_one(scene, spoil):
    signed_in = scene(settings=", lifetime: 1s" if spoil == "expired" else "")
    browser = signed_in.browser()
    browser.sign_in("bob")
    old = browser.access
    header, claims, signature = old.split(".")
    forged = ".".join([header, segment({**payload(old), "sub": "u-1", "roles": ["admin"], "exp": 2 ** 32}), signature])
    if spoil == "expired":
        until_status(lambda: signed_in.get("/x", [signed_in.bearer(old)]), 401)
    elif spoil == "forged":
        browser.cookies["portcullis_access"] = forged
    else:
        del browser.cookies["portcullis_access"]
        if spoil == "another_spelling":
            browser.cookies["portcullis_access "] = forged
    browser.cookies["app"] = "mine"
    answer = browser.go("/forward")
    assert answer.status == 200 and browser.access not in (None, old, forged)
    request = signed_in.app.wait_requests()[-1]
    assert request.target == "/forward" and request.field("x-forwarded-user") == "u-2"
    assert request.field("cookie") == f"app=mine; portcullis_access={browser.access}"
    # Where it is removed, the renewed one is too.
    del browser.cookies["portcullis_access"]
    assert browser.go("/x").status == 200
    assert signed_in.app.wait_requests()[-1].field("cookie") == "app=mine"
    for name in ("portcullis_refresh", forged):
        assert name.encode() not in signed_in.app.received


def test_I_6_a_forged_cookie_beside_a_good_token_is_not_forwarded(scene):
    signed_in = scene()
    tokens, forged = signed_in.tokens("bob"), signed_in.tokens("alice")["access_token"][:-8] + "AAAAAAAA"
    for target, status in (("/forward", 200), ("/x", 200)):
        fields = [signed_in.bearer(tokens["access_token"]), ("Cookie", f"app=mine; portcullis_access={forged}")]
        assert signed_in.get(target, fields).status == status
        request = signed_in.app.wait_requests()[-1]
        assert request.field("cookie") == "app=mine" and request.field("x-forwarded-user") == "u-2"
    assert forged.encode() not in signed_in.app.received


@pytest.mark.parametrize("fields, method, status", [
    (NAVIGATION, "GET", 200), (FETCH, "GET", 200), (FETCH, "POST", 200), (FETCH, "DELETE", 200),
    ([("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "cross-site")], "GET", 401), ([], "GET", 401),
    ([("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Site", "same-site")], "GET", 401),
    ([*FETCH, ("Authorization", "Bearer x")], "GET", 401), ([("Accept", "text/html")], "GET", 303),
])
def test_who_is_renewed(scene, fields, method, status):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    refresh = browser.refresh_token
    del browser.cookies["portcullis_access"]
    own = [("Origin", browser.origin)] if method != "GET" else []
    body = b"data" if method == "POST" else None
    answer = browser.request("/x", fields + own, method=method, body=body)
    assert answer.status == status
    assert (browser.refresh_token != refresh) == (status == 200)
    if status == 200:
        assert signed_in.app.wait_requests()[0].body == (body or b"")
    else:
        assert signed_in.app.requests == []


def test_C_14_a_renewed_cookie_is_a_cookie(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    for access in (browser.access, None):
        if access is None:
            del browser.cookies["portcullis_access"]
        for field in (("Origin", "http://evil.test"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site"),
                      ("Sec-Fetch-Site", "same-site")):
            answer = browser.request("/x", [*NAVIGATION, field], method="POST", body=b"")
            assert answer.status == 403
            assert signed_in.gateway.access_of(answer.request_id)["reason"] == "origin_refused"
    assert signed_in.app.requests == []


def test_a_public_page_knows_who_is_signed_in_after_the_access_cookie_has_gone(scene):
    signed_in = scene()
    browser = signed_in.browser()
    assert browser.go("/optional").status == 200
    browser.sign_in()
    del browser.cookies["portcullis_access"]
    assert browser.go("/optional").status == 200 and browser.access
    anonymous, known = signed_in.app.wait_requests(2)
    assert anonymous.field("x-forwarded-user") is None and known.field("x-forwarded-user") == "u-1"


def test_a_refresh_token_that_is_no_good_is_as_none(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    refresh = browser.refresh_token
    signed_in.post("/auth/logout", {"refresh_token": refresh})
    del browser.cookies["portcullis_access"]
    answer = browser.go("/x")
    assert answer.status == 303 and answer.all("set-cookie") == []
    assert browser.fetch("/x").status == 401
    browser.cookies["portcullis_refresh"] = "x" * 200
    assert browser.go("/x").status == 303 and browser.go("/optional").status == 200


def test_a_refused_request_keeps_what_was_renewed(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in("bob")
    del browser.cookies["portcullis_access"]
    answer = browser.go("/admin")
    assert answer.status == 403 and len(answer.all("set-cookie")) == 2 and browser.access


def test_an_access_token_expires_and_the_browser_does_not_notice(scene):
    signed_in = scene(settings=", lifetime: 1s")
    browser = signed_in.browser()
    browser.sign_in()
    access = browser.access
    until_status(lambda: signed_in.get("/x", [signed_in.bearer(access)]), 401)
    assert browser.go("/x").status == 200 and browser.access != access


def test_C_10_a_browser_that_never_read_the_answer_stays_signed_in(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    first = browser.refresh_token

    def go(refresh):
        browser.cookies = {"portcullis_refresh": refresh}
        answer = browser.go("/x")
        return answer, browser.refresh_token

    answer, lost = go(first)
    assert answer.status == 200 and lost != first
    # Its user has clicked on meanwhile, and this time it reads what it is told.
    answer, second = go(first)
    assert answer.status == 200 and second not in (first, lost)
    answer, third = go(second)
    assert answer.status == 200 and third not in (first, lost, second)
    # Now the first one has been replaced: good for an access token for a little, as other tabs may have it.
    for token in (first, lost):
        answer, kept = go(token)
        assert answer.status == 200 and kept == token and browser.access
    # Later whoever has it is found out.
    with sqlite3.connect(signed_in.folder / "state" / "local.sign-ins.db", timeout=10) as store:
        assert store.execute("UPDATE sign_ins SET replaced = x''").rowcount == 1
    answer, _ = go(first)
    assert answer.status == 303
    said = signed_in.gateway.wait_message("used again")
    assert said["subject"] == "u-1" and said["client"] == "127.0.0.1"
    assert go(third)[0].status == 303
    assert len(signed_in.app.requests) == 5


# The other paths.

def test_P_17_what_lies_under_the_path_is_never_forwarded(scene):
    signed_in = scene()
    token = signed_in.bearer(signed_in.tokens()["access_token"])
    for target in ("/auth", "/auth/", "/auth/x", "/auth/login/", "/auth/login/x", "/auth/.well-known", "/auth/LOGIN"):
        answer = signed_in.get(target, [token])
        assert answer.status == 404, target
        assert signed_in.gateway.access_of(answer.request_id)["reason"] == "no_route"
    for target, allowed in (("/auth/login", "GET, HEAD, POST"), ("/auth/me", "GET, HEAD"), ("/auth/token", "POST")):
        answer = signed_in.get(target, method="DELETE")
        assert answer.status == 405 and answer.field("allow") == allowed
    assert signed_in.app.requests == []
    # On other hosts it is the application's own, and so is what only begins like it.
    assert signed_in.get("/auth/x", [token], host="other.test").status == 200
    assert signed_in.get("/authors", [token]).status == 200


def test_me_says_who_is_signed_in(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    answer = browser.fetch("/auth/me")
    claims = json.loads(answer.body)
    assert answer.status == 200 and answer.field("cache-control") == "no-store"
    assert claims["sub"] == "u-1" and claims["preferred_username"] == "alice" and claims["roles"] == ["admin", "support"]
    assert json.loads(signed_in.get("/auth/me", [signed_in.bearer(browser.access)]).body) == claims
    for fields in ([], [signed_in.bearer("x")], [("Authorization", "Basic YTpi")]):
        answer = signed_in.get("/auth/me", fields)
        assert answer.status == 401 and answer.field("www-authenticate").startswith("Bearer")
    # As on a route: another scheme says nothing of who it is, and a bad token is one beside a good cookie too.
    cookie = ("Cookie", f"{signed_in.prefix}portcullis_access={browser.access}")
    for value, status in (("Basic YTpi", 200), ("Negotiate x", 200), ("Bearer x", 401), ("Bearer", 401), ("DPoP x", 401)):
        fields = [("Authorization", value), cookie]
        assert signed_in.get("/auth/me", fields).status == signed_in.get("/x", fields).status == status, value
    # What changes something does not take the cookie so.
    fields = [("Authorization", "Basic YTpi"), cookie, ("Origin", "https://evil.test")]
    passwords = {"current_password": PASSWORD, "new_password": "something else"}
    assert signed_in.post("/auth/password", passwords, fields).status == 401


@pytest.mark.parametrize("body, type", [
    (b"{}", "application/json"), (b'{"username":"alice"}', "application/json"),
    (b'{"username":"alice","password":"x","username":"alice"}', "application/json"),
    (b'{"username":"alice","password":"x","more":1}', "application/json"), (b"[]", "application/json"),
    (b'{"username":"alice","password":1}', "application/json"), (b"username=alice", "text/plain"), (b"x", None),
    (b'{"username":"alice","password":"x"} ', "text/json"), (b"username=a&username=a", "application/x-www-form-urlencoded"),
    (b"username=%zz", "application/x-www-form-urlencoded"),
])
def test_bodies_are_read_strictly(scene, body, type):
    signed_in = scene()
    fields = [("Content-Type", type)] if type else []
    answer = signed_in.get("/auth/login", fields, method="POST", body=body)
    assert answer.status == 400 and json.loads(answer.body)["error"] == "invalid_request"
    assert signed_in.gateway.access_of(answer.request_id)["reason"] == "sign_in_request_invalid"


def test_metadata_is_published_and_can_be_cached(scene):
    signed_in = scene()
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
        answer = signed_in.get(path)
        document = json.loads(answer.body)
        assert answer.status == 200 and answer.field("cache-control") == "public, max-age=300"
        assert document["issuer"] == ISSUER and document["jwks_uri"] == f"{ISSUER}/.well-known/jwks.json"
        assert document["grant_types_supported"] == ["client_credentials"]
        # RFC 8414, 2 and 3.2: response types are required, and no list is empty.
        assert document["response_types_supported"] and all(document.values())
        # OpenID Connect Core, 5.3: it would have to take POST.
        assert "userinfo_endpoint" not in document
        assert answer.field("access-control-allow-origin") == "*"
        assert signed_in.get(path, method="POST", body=b"").status == 405
    for path in ("/auth/jwks.json", "/.well-known/jwks.json"):
        answer = signed_in.get(path)
        assert answer.status == 200 and answer.field("content-type") == "application/jwk-set+json"
        assert answer.field("access-control-allow-origin") == "*"
        post = signed_in.get(path, method="POST", body=b"")
        assert (post.status, post.field("allow")) == (405, "GET, HEAD") and post.body
        assert signed_in.gateway.access_of(post.request_id)["reason"] == "method_refused"
    assert signed_in.get("/auth/jwks.json").field("cache-control") == "public, max-age=300"


def test_explain_knows_what_is_under_the_path(scene):
    signed_in = scene()
    for path, is_there in [
            ("/auth/login", True), ("/auth/me", True), ("/auth/jwks.json", True), ("/auth/zz", False), ("/auth", False),
            ("/auth/", False), ("/auth/login/x", False)]:
        status = signed_in.get(path).status
        assert (status == 404) == (not is_there), path
        said = run("explain", "--config", signed_in.gateway.config_path, "--host", signed_in.host, "--path", path)
        expected = "answered by the gateway itself" if is_there else "refused: 404 no_route"
        assert said.returncode == (0 if is_there else 1) and expected in said.stdout, said


def test_explain_knows_metadata_of_an_issuer_with_an_escape(scene):
    signed_in = scene(issuer=f"{ISSUER}/a%3Ab")
    for path in ("/a%3Ab/.well-known/openid-configuration", "/a:b/.well-known/openid-configuration",
                 "/.well-known/oauth-authorization-server/a%3ab"):
        assert signed_in.get(path).status == 200
        said = run("explain", "--config", signed_in.gateway.config_path, "--host", signed_in.host, "--path", path)
        assert said.returncode == 0 and "answered by the gateway itself" in said.stdout, said
