"""The tokens of a sign-in: what is accepted of them, who shares them, and what is said of them nowhere."""
import base64
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from support.admin import said_by_admin
from support.gateway import run
from support.sign_in import (ALICE, BOB, FORM, HOST, ISSUER, JSON, PASSWORD, SignIn, hashed, person, scene_fixture,
                             until_status, users)
from support.ports import wait_until
from support.tokens import payload
from support.wire import Client


# 40 shapes of header and cookie. @: the token.

SHAPES = [
    ([("Authorization", "Bearer @")], 200, None), ([("Authorization", "bearer @")], 200, None),
    ([("Authorization", "BEARER   @")], 200, None), ([("authorization", "Bearer @")], 200, None),
    ([("Cookie", "portcullis_access=@")], 200, None), ([("Cookie", "a=1; portcullis_access=@")], 200, None),
    ([("Cookie", "a=1;portcullis_access=@;b=2")], 200, None), ([("Cookie", "\tportcullis_access=@\t")], 200, None),
    ([("Authorization", "Basic YTpi"), ("Cookie", "portcullis_access=@")], 200, None),
    ([("Authorization", "Bearer @"), ("Cookie", "portcullis_access=x")], 200, None),
    ([("Authorization", "Bearer @"), ("Cookie", "a=1")], 200, None),
    ([], 401, "credential_missing"), ([("Authorization", "Basic YTpi")], 401, "credential_missing"),
    ([("Cookie", "a=1")], 401, "credential_missing"), ([("Cookie", "portcullis_refresh=@")], 401, "credential_missing"),
    ([("Cookie", "__Host-portcullis_access=@")], 401, "credential_missing"),
    ([("Cookie", "portcullis_acces=@")], 401, "credential_missing"),
    ([("Cookie", "xportcullis_access=@")], 401, "credential_missing"),
    ([("Cookie", "Portcullis_Access=@")], 401, "credential_missing"),
    ([("Cookie", "portcullis_access =@")], 401, "credential_missing"),
    ([("X-Authorization", "Bearer @")], 401, "credential_missing"),
    ([("Proxy-Authorization", "Bearer @")], 401, "credential_missing"),
    ([("Authorization_", "Bearer @")], 401, "credential_missing"),
    ([("Authorization", "@")], 401, "credential_missing"), ([("Authorization", "Token @")], 401, "credential_missing"),
    ([("Authorization", "Bearer-@")], 401, "credential_missing"),
    ([("Authorization", "Bearer")], 401, "token_malformed"), ([("Authorization", "Bearer:@")], 401, "token_malformed"),
    ([("Authorization", "Bearer @ x")], 401, "token_malformed"), ([("Authorization", "Bearer @,@")], 401, "token_encrypted"),
    ([("Authorization", 'Bearer "@"')], 401, "token_malformed"), ([("Authorization", "Bearer @=")], 401, "token_malformed"),
    ([("Authorization", "Bearer x"), ("Cookie", "portcullis_access=@")], 401, "token_malformed"),
    ([("Authorization", "Bearer"), ("Cookie", "portcullis_access=@")], 401, "token_malformed"),
    ([("Cookie", 'portcullis_access="@"')], 401, "token_malformed"),
    ([("Cookie", "portcullis_access=@%20")], 401, "token_malformed"),
    ([("Cookie", "portcullis_access=")], 401, "token_malformed"),
    ([("Cookie", "portcullis_access=@; portcullis_access=@")], 401, "cookie_repeated"),
    ([("Cookie", "portcullis_access=@; portcullis_access=x")], 401, "cookie_repeated"),
    ([("Authorization", "Bearer @"), ("Authorization", "Bearer @")], 400, "credential_repeated"),
    ([("Authorization", "Bearer @"), ("Authorization", "Basic YTpi")], 400, "credential_repeated"),
    ([("Cookie", "a=1"), ("Cookie", "portcullis_access=@")], 400, "field_line_invalid"),
]


def test_shapes_of_header_and_cookie(scene):
    signed_in = scene()
    token = signed_in.tokens()["access_token"]
    for fields, status, reason in SHAPES:
        signed_in.app.forget()
        answer = signed_in.get("/x?access_token=" + token, [(n, v.replace("@", token)) for n, v in fields])
        assert answer.status == status, (fields, answer)
        assert len(signed_in.app.requests) == (1 if status == 200 else 0), fields
        if status != 200:
            assert signed_in.gateway.access_of(answer.request_id)["reason"] == reason, fields
    assert len(SHAPES) >= 40


def test_every_bit_of_a_token_counts(scene):
    signed_in = scene()
    token = signed_in.tokens()["access_token"].encode()
    refused = 0
    with Client(signed_in.gateway, seconds=30) as client:
        for place in range(len(token)):
            for bit in range(8):
                flipped = bytearray(token)
                flipped[place] ^= 1 << bit
                request = b"GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + bytes(flipped) + b"\r\n\r\n"
                if 0x21 <= flipped[place] < 0x7F:
                    client.send(request)
                    assert client.response().status == 401, (place, bit)
                else:
                    # Spaces are no token's characters; what else is none may not stand in the field at all (H-6).
                    with Client(signed_in.gateway) as other:
                        other.send(request)
                        assert other.response().status == (401 if flipped[place] in b" \t" else 400), (place, bit)
                refused += 1
    assert refused == 8 * len(token) and signed_in.app.requests == []
    assert signed_in.get("/x", [signed_in.bearer(token.decode())]).status == 200


def test_two_gateways_that_share_only_signing_keys_accept_each_others_tokens(start, upstream, tmp_path):
    """Each has its own store: what one has ended the other accepts for the rest of its lifetime."""
    import shutil
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    app = upstream()
    one = SignIn(start, app, folders[0])
    (folders[1] / "state").mkdir(mode=0o700)
    for key in (folders[0] / "state").glob("*.pem"):
        shutil.copy2(key, folders[1] / "state")
    two = SignIn(start, app, folders[1])
    for issuing, verifying in ((one, two), (two, one)):
        token = issuing.tokens()["access_token"]
        assert verifying.get("/admin", [verifying.bearer(token)]).status == 200
    # One is killed while both are under load, and no request of the other fails.
    token = one.tokens()["access_token"]
    request = f"GET /x HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\r\n"
    statuses, killed = {one: [], two: []}, threading.Event()

    def load(made):
        with Client(made.gateway) as client:
            after = 0
            while after < 200:
                client.send(request)
                statuses[made].append(client.response().status)
                after += killed.is_set()

    def load_that_ends():
        with contextlib.suppress(OSError, AssertionError):
            load(one)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        loads = [pool.submit(load_that_ends), pool.submit(load, two), pool.submit(load, two)]
        try:
            wait_until(lambda: min(map(len, statuses.values())) > 50, "load on both")
            one.gateway.kill()
        finally:
            killed.set()
    for each in loads:
        each.result()
    assert len(statuses[two]) > 400 and {*statuses[one], *statuses[two]} == {200}


def test_gateways_that_share_a_store_end_each_others_sign_ins(start, upstream, tmp_path):
    one = SignIn(start, upstream(), tmp_path)
    two = SignIn(start, upstream(), tmp_path)
    tokens = one.tokens()
    assert two.get("/x", [two.bearer(tokens["access_token"])]).status == 200
    assert one.post("/auth/logout", None, [one.bearer(tokens["access_token"])]).status == 204
    until_status(lambda: two.get("/x", [two.bearer(tokens["access_token"])]), 401)
    # From the command line, too.
    tokens = one.tokens()
    ended = run("sign-ins", "revoke", "--config", one.gateway.config_path, "--provider", "local", "--user", "alice")
    assert ended.returncode == 0, ended.stderr
    for each in (one, two):
        until_status(lambda: each.get("/x", [each.bearer(tokens["access_token"])]), 401)
        assert each.refresh(tokens["refresh_token"]).status == 401


# Machines.

CLIENTS = f"""  - id: batch
    secret_hash: "{hashed('canary-machine-secret')}"
    roles: [job]
    permissions: [orders.read]
    scopes: ["orders:read", "orders:write"]
"""


def basic(id, secret):
    return ("Authorization", "Basic " + base64.b64encode(f"{id}:{secret}".encode()).decode())


def test_client_credentials(scene):
    signed_in = scene(people=users(ALICE, clients=CLIENTS))
    grant = b"grant_type=client_credentials"
    answer = signed_in.get("/auth/token", [FORM, basic("batch", "canary-machine-secret")], method="POST", body=grant)
    assert answer.status == 200, answer.body
    body = json.loads(answer.body)
    assert body["token_type"] == "Bearer" and body["scope"] == "orders:read orders:write" and "refresh_token" not in body
    part = body["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert claims["sub"] == claims["client_id"] == "batch" and claims["roles"] == ["job"]
    assert claims["permissions"] == ["orders.read"] and "amr" not in claims
    assert signed_in.get("/x", [signed_in.bearer(body["access_token"])]).status == 200
    assert signed_in.app.wait_requests()[0].field("x-forwarded-user") == "batch"
    post = grant + b"&client_id=batch&client_secret=canary-machine-secret&scope=orders%3Aread"
    answer = signed_in.get("/auth/token", [FORM], method="POST", body=post)
    assert answer.status == 200 and json.loads(answer.body)["scope"] == "orders:read"
    # RFC 6749 §3.2: what has no value is as if it were left out.
    empty = grant + b"&scope=&client_id=&client_secret="
    answer = signed_in.get("/auth/token", [FORM, basic("batch", "canary-machine-secret")], method="POST", body=empty)
    assert answer.status == 200 and json.loads(answer.body)["scope"] == "orders:read orders:write", answer.body


@pytest.mark.parametrize("fields, body, status, error", [
    ([FORM, basic("batch", "wrong")], b"grant_type=client_credentials", 401, "invalid_client"),
    ([FORM, basic("nobody", "wrong")], b"grant_type=client_credentials", 401, "invalid_client"),
    ([FORM, basic("alice", PASSWORD)], b"grant_type=client_credentials", 401, "invalid_client"),
    ([FORM], b"grant_type=client_credentials", 401, "invalid_client"),
    ([FORM], b"grant_type=client_credentials&client_id=batch", 401, "invalid_client"),
    ([FORM], b"grant_type=client_credentials&client_id=batch&client_secret=wrong", 401, "invalid_client"),
    ([FORM, ("Authorization", "Basic !!!")], b"grant_type=client_credentials", 401, "invalid_client"),
    ([FORM, ("Authorization", "Bearer abc")], b"grant_type=client_credentials", 401, "invalid_client"),
    ([FORM, ("Authorization", "Digest abc")], b"grant_type=client_credentials", 401, "invalid_client"),
    ([FORM, basic("batch", "x")], b"grant_type=client_credentials&client_id=other", 400, "invalid_request"),
    ([FORM, *[basic("batch", "canary-machine-secret")] * 2], b"grant_type=client_credentials", 400, "invalid_request"),
    ([FORM, basic("batch", "x")], b"", 400, "invalid_request"),
    ([FORM, basic("batch", "x")], b"grant_type=", 400, "invalid_request"),
    ([FORM], b"grant_type=client_credentials&client_id=batch&client_secret=", 401, "invalid_client"),
    ([FORM, basic("batch", "x")], b"grant_type=client_credentials&scope=&scope=admin", 400, "invalid_request"),
    ([FORM, basic("batch", "x")], b"grant_type=client_credentials&client_id=a&client_secret=b", 400, "invalid_request"),
    ([FORM, basic("batch", "x")], b"grant_type=password&username=a&password=b", 400, "unsupported_grant_type"),
    ([FORM, basic("batch", "x")], b"grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
    ([JSON, basic("batch", "x")], b'{"grant_type":"client_credentials"}', 400, "invalid_request"),
    ([FORM, basic("batch", "canary-machine-secret")], b"grant_type=client_credentials&scope=admin", 400, "invalid_scope"),
])
def test_client_credentials_are_refused_as_RFC_6749_says(scene, fields, body, status, error):
    signed_in = scene(people=users(ALICE, clients=CLIENTS))
    answer = signed_in.get("/auth/token", fields, method="POST", body=body)
    assert (answer.status, json.loads(answer.body)["error"]) == (status, error)
    assert answer.field("cache-control") == "no-store"
    assert answer.all("www-authenticate") == (['Basic realm="token"'] if status == 401 else [])


@pytest.mark.parametrize("body, said", [
    ("resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb", "resource is in the form more than once (RFC 6749, 3.2)"),
    ("scope=a&scope=b", "scope is in the form more than once (RFC 6749, 3.2)"),
    ("canary=1&canary=2", "a parameter is in the form more than once (RFC 6749, 3.2)"), ("a=%zz", "the form is malformed")])
def test_a_token_request_that_repeats_something_is_told_what(scene, body, said):
    signed_in = scene(people=users(ALICE, clients=CLIENTS))
    answer = signed_in.get(
        "/auth/token", [FORM, basic("batch", "canary-machine-secret")], method="POST",
        body=f"grant_type=client_credentials&{body}".encode())
    assert answer.status == 400
    assert json.loads(answer.body) == {"error": "invalid_request", "error_description": said}


@pytest.mark.parametrize("scope, given", [
    ("+", "orders:read orders:write"), ("++", "orders:read orders:write"),
    ("orders%3Aread+orders%3Aread", "orders:read"), ("+orders%3Awrite++orders%3Aread+", "orders:write orders:read")])
def test_scopes_are_asked_for_in_any_spelling(scene, scope, given):
    signed_in = scene(people=users(ALICE, clients=CLIENTS))
    answer = signed_in.get(
        "/auth/token", [FORM, basic("batch", "canary-machine-secret")], method="POST",
        body=f"grant_type=client_credentials&scope={scope}".encode())
    assert answer.status == 200 and json.loads(answer.body)["scope"] == given
    assert payload(json.loads(answer.body)["access_token"])["scope"] == given


def test_a_client_may_wait_for_the_challenge(scene):
    import urllib.request
    signed_in = scene(people=users(ALICE, clients=CLIENTS))
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, signed_in.gateway.url, "batch", "canary-machine-secret")
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    request = urllib.request.Request(f"{signed_in.gateway.url}/auth/token", b"grant_type=client_credentials")
    with opener.open(request, timeout=20) as answer:
        assert json.load(answer)["token_type"] == "Bearer"


# Passwords.

def test_people_change_their_own_passwords(scene):
    signed_in = scene()
    kept, other = signed_in.tokens(), signed_in.tokens()
    token = signed_in.bearer(kept["access_token"])

    def change(current, new, fields):
        return signed_in.post("/auth/password", {"current_password": current, "new_password": new}, fields)

    assert change(PASSWORD, "something else", []).status == 403
    assert change(PASSWORD, "something else", [signed_in.bearer("x")]).status == 401
    assert change("wrong", "something else", [token]).status == 401
    assert change(PASSWORD, "short", [token]).status == 400
    assert change(PASSWORD, "x" * 600, [token]).status == 400
    assert signed_in.login().status == 200
    before = signed_in.users_file.stat()
    assert change(PASSWORD, "something else", [token]).status == 204
    assert signed_in.login().status == 401
    assert signed_in.login(password="something else").status == 200
    after = signed_in.users_file.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    assert "something else" not in signed_in.users_file.read_text()
    # Whoever knew the old one is out.
    assert signed_in.get("/x", [token]).status == 200
    assert signed_in.get("/x", [signed_in.bearer(other["access_token"])]).status == 401
    assert signed_in.refresh(other["refresh_token"]).status == 401 and signed_in.refresh(kept["refresh_token"]).status == 200
    # By the cookie from a page of its own.
    browser = signed_in.browser()
    browser.sign_in(password="something else")
    body = json.dumps({"current_password": "something else", "new_password": "and another"}).encode()
    for origin, status in (("http://evil.test", 403), (browser.origin, 204)):
        answer = browser.request("/auth/password", [JSON, ("Origin", origin)], method="POST", body=body)
        assert answer.status == status


# Configuration.

def check(folder, provider, top="", routes="  - { path: /a, auth: none, redirect: 'https://a.example' }", people=None,
          address="127.0.0.1:0"):
    file = folder / "users.yaml"
    file.write_text(people or users(ALICE))
    file.chmod(0o600)
    config = folder / "check.conf"
    config.write_text(f"""listeners: [{{ address: "{address}" }}]
{top}
providers:
{provider}
routes:
{routes}
""")
    result = run("check", "--config", config)
    return result.returncode, result.stdout + result.stderr


SIGNING = "    signing: { state: state }\n"


def provider(more="", issuer=ISSUER, signing=SIGNING, settings=""):
    return (f"  local:\n    issuer: {issuer}\n    audiences: [example]\n{signing}"
            f"    sign_in: {{ users_file: users.yaml{settings} }}\n{more}")


@pytest.mark.parametrize("change, expected", [
    ({}, None),
    ({"provider": provider(settings=", logo: whole.svg")}, None),
    ({"provider": provider(settings=", logo: large.svg")}, "larger than 64 KiB"),
    ({"provider": provider(signing="    jwks_file: users.yaml\n")}, '"sign_in" without "signing"'),
    ({"provider": provider(more="    dpop: required\n")}, "dpop: required"),
    ({"provider": provider(more="    claims: { roles: groups }\n")}, '"claims" with "sign_in"'),
    ({"provider": provider(settings=", path: auth")}, "is not a path for sign-in"),
    ({"provider": provider(settings=", path: /Auth")}, "is not a path for sign-in"),
    ({"provider": provider(settings=", path: /auth/")}, "is not a path for sign-in"),
    ({"provider": provider(settings=", path: /")}, "is not a path for sign-in"),
    ({"provider": provider(settings=", refresh: 1m, lifetime: 10m")}, '"refresh" is shorter than "lifetime"'),
    ({"provider": provider(settings=", hosts: [app.example.com]")}, "with an http issuer"),
    ({"provider": provider(settings=', hosts: ["a:80"]')}, "is not a host"),
    ({"provider": provider(settings=', accent: "blue"')}, "is not a colour"),
    ({"provider": provider(settings=", logo: nothing.png")}, "nothing.png"),
    ({"provider": provider(settings=", logo: users.yaml")}, "is not an image"),
    ({"routes": "  - { path: /auth/x, auth: none, redirect: 'https://a.example' }"}, "the gateway itself answers"),
    ({"routes": "  - { path: /auth, auth: none, redirect: 'https://a.example' }"}, "the gateway itself answers"),
    ({"routes": "  - { host: 127.0.0.1, path: /auth/**, auth: none, redirect: 'https://a.example' }"},
     "the gateway itself answers"),
    ({"routes": "  - { host: a.example, path: /auth/**, auth: none, redirect: 'https://a.example' }"}, None),
    ({"routes": "  - { path: /authors, auth: none, redirect: 'https://a.example' }"}, None),
    ({"people": "demo: true\n" + users(ALICE)}, None),
    ({"people": "demo: true\n" + users(ALICE), "address": "0.0.0.0:0"}, "demo users file"),
    ({"people": "users: []\n"}, "users.yaml:1:"),
    ({"provider": provider() + provider(issuer="http://127.0.0.1:9090").replace("local", "second")},
     "a host has one"),
    ({"provider": "  company: { issuer: x, audiences: [a], jwks_file: check.conf, token_from: cookie }"},
     '"cookie" without "sign_in"'),
])
def test_P_17_A_5_what_check_says(tmp_path, change, expected):
    (tmp_path / "whole.svg").write_bytes(b"x" * (64 << 10))
    (tmp_path / "large.svg").write_bytes(b"x" * ((64 << 10) + 1))
    options = {"provider": provider(), **change}
    status, text = check(tmp_path, **options)
    if expected is None:
        assert status == 0, text
    else:
        assert status == 1 and expected in text, text


def test_reload_takes_new_settings_and_keeps_sign_ins(scene):
    signed_in = scene()
    tokens, ended = signed_in.tokens(), signed_in.tokens()
    assert signed_in.post("/auth/logout", None, [signed_in.bearer(ended["access_token"])]).status == 204
    signed_in.gateway.reload(signed_in.config.replace("users.yaml", "users.yaml, path: /login/here, lifetime: 60s"))
    assert signed_in.get("/auth/me", [signed_in.bearer(tokens["access_token"])]).status == 200  # the application's now
    assert signed_in.get("/login/here/me", [signed_in.bearer(tokens["access_token"])]).status == 200
    assert signed_in.get("/x", [signed_in.bearer(ended["access_token"])]).status == 401
    answer = signed_in.post("/login/here/refresh", {"refresh_token": tokens["refresh_token"]})
    assert answer.status == 200 and json.loads(answer.body)["expires_in"] == 60


# What is said nowhere.

def test_L_2_secrets_are_in_no_log_page_or_error(scene):
    signed_in = scene(people=users(ALICE, BOB, clients=CLIENTS), top="log: { level: debug }\nadmin: { address: 127.0.0.1:0 }")
    canaries = ["canary-password-1", "canary-password-2", "canary-user-name", PASSWORD, "canary-machine-secret"]
    answers = [signed_in.login("alice", canaries[0]), signed_in.login(canaries[2], canaries[1])]
    browser = signed_in.browser()
    answers.append(browser.sign_in("alice", canaries[0]))
    answers += [browser.go("/auth/login?return_to=/" + "canary-query"), browser.sign_in()]
    tokens = signed_in.tokens()
    again = json.loads(signed_in.refresh(tokens["refresh_token"]).body)
    secrets = [browser.access, browser.refresh_token, tokens["access_token"], tokens["refresh_token"],
               again["refresh_token"]]
    answers.append(signed_in.refresh("A" * 64))
    answers.append(signed_in.get("/auth/token", [FORM, basic("batch", "canary-machine-secret")], method="POST",
                                 body=b"grant_type=client_credentials&scope=none"))
    answers.append(signed_in.post("/auth/login", {"username": "alice", "password": canaries[0], "x": 1}))
    answers.append(browser.fetch("/auth/logout", method="POST", body=b""))
    signed_in.gateway.wait_access(path="/auth/logout")
    refused = [line["request_id"] for line in signed_in.gateway.access() if "reason" in line]
    assert len(refused) > 4
    pages = said_by_admin(signed_in.gateway, refused)
    for place in (signed_in.gateway.program_text, signed_in.gateway.access_text, *pages.values()):
        for secret in canaries + secrets + ["canary-query"]:
            assert secret not in place, secret
            assert secret.split(".")[-1] not in place, secret
    for answer in answers:
        for secret in (canaries[0], canaries[1], PASSWORD, "canary-machine-secret"):
            assert secret not in answer.body.decode(), answer
    assert signed_in.gateway.wait_message("signed in")["user"] == "alice"
    assert signed_in.gateway.wait_message("signed out")["subject"] == "u-1"


def test_many_logins_at_once_are_bounded_and_traffic_goes_on(scene):
    people = [person(f"p-{i}", f"user{i}") for i in range(3)]
    signed_in = scene(people=users(ALICE, *people))
    token = signed_in.tokens()["access_token"]
    statuses = []

    def log_in(index):
        statuses.append(signed_in.login(f"user{index % 3}").status)
    threads = [threading.Thread(target=log_in, args=(i,)) for i in range(24)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        assert signed_in.get("/x", [signed_in.bearer(token)]).status == 200
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 429, 503} and statuses.count(200) >= 3


@pytest.fixture
def crowd(scene):
    """People whose passwords take a tenth of a second each, and what signs all of them in at once, again and again."""
    signed_in = scene(people=users(ALICE, *(person(f"p-{i}", f"user{i}", cost=11) for i in range(10))))
    waiting = []

    def sign_in():
        # As many as may wait, and more; of each, and from each address, no more than may be tried at the same time.
        # Nobody reads the answers.
        for index in range(90 + os.cpu_count()):
            body = json.dumps({"username": f"user{index % 10}", "password": PASSWORD}).encode()
            sock = socket.create_connection(
                ("127.0.0.1", signed_in.gateway.port), source_address=(f"127.0.0.{2 + index // 10}", 0))
            sock.sendall(b"POST /auth/login HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n%b" % (HOST.encode(), len(body), body))
            waiting.append(sock)
    yield signed_in, sign_in
    for sock in waiting:
        sock.close()


def test_C_11_where_too_many_sign_in_a_browser_is_told_on_the_page(crowd):
    signed_in, sign_in = crowd
    browser = signed_in.browser()
    form = {**browser.form("/auth/login?return_to=/x"), "username": "alice", "password": PASSWORD}

    def told():
        sign_in()
        return browser.post_form("/auth/login", form)
    answer = until_status(told, 503)
    assert "Many people are signing in" in answer.body.decode() and 'value="/x"' in answer.body.decode()
    assert answer.field("Retry-After") == "2" and answer.field("Cache-Control") == "no-store"
    assert signed_in.gateway.access_of(answer.request_id)["reason"] == "login_busy"


MACHINE_SECRET = "canary-machine-secret"


@pytest.fixture
def slow(scene):
    """A gateway at which passwords and secrets take a while each, and what sends it many at once."""
    # As many as may wait are done within the three seconds that each may, also where much else computes.
    made = scene(people=users(person("u-1", "alice", cost=6), clients=(
        "".join(f"  - id: {name}\n    secret_hash: \"{hashed(MACHINE_SECRET, 6)}\"\n" for name in ("ci", "cd")))))
    opened = contextlib.ExitStack()

    def send(source, count, path, field, body):
        """So many from each of the addresses."""
        clients = [opened.enter_context(Client(made.gateway, 30, source=address))
                   for address in source.split() for _ in range(count)]
        # However slowly they are sent, none of them has ended when the last one comes.
        with made.gateway.paused():
            for index, client in enumerate(clients):
                content = body(index).encode()
                client.send(f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{field[0]}: {field[1]}\r\n"
                            f"Content-Length: {len(content)}\r\n\r\n".encode() + content)
        return clients

    with opened:
        yield made, send


def machine(id, secret=MACHINE_SECRET):
    return "/auth/token", FORM, lambda _: f"grant_type=client_credentials&client_id={id}&client_secret={secret}"


def stranger(index):
    return json.dumps({"username": f"nobody{index}", "password": PASSWORD})


@pytest.mark.parametrize("flood, ends", [
    (machine("ci"), {200}), (machine("ci", "wrong"), {401}), (machine("nobody"), {401}),
    (("/auth/login", JSON, stranger), {401})])
def test_C_11_one_address_does_not_take_the_places_of_all(slow, flood, ends):
    """A machine with its secret, or who makes up secrets or people: 70 at once leave room for everybody else."""
    made, send = slow
    flooding = send("127.0.0.2", 70, *flood)
    # Whoever has no place is told at once, while those that have one still wait.
    first = flooding[-1].response()
    assert (first.status, first.field("Retry-After")) == (503, "2"), (first, first.body)
    assert json.loads(first.body)["error"] == "temporarily_unavailable"
    answer = made.login()
    assert answer.status == 200, (answer, answer.body)
    assert made.get("/auth/token", [FORM], method="POST", body=machine("cd")[2](0).encode()).status == 200
    answers = [client.response() for client in flooding[:-1]] + [first]
    assert {each.status for each in answers} == ends | {503}
    assert 16 <= sum(each.status != 503 for each in answers) < 64
    reasons = {made.gateway.access_of(each.request_id).get("reason") for each in answers}
    assert reasons == {"login_busy", None if ends == {200} else "login_failed"}
    # Once they have ended, the address has its places again.
    assert made.get("/x", [made.bearer(json.loads(answer.body)["access_token"])]).status == 200
    again = send("127.0.0.2", 1, *flood)[0].response()
    assert {again.status} == ends
    assert [request.target for request in made.app.requests] == ["/x"]


def test_C_11_one_machine_does_not_take_the_places_of_all(slow):
    """From however many addresses it asks; and no address alone takes the places that a machine has."""
    made, send = slow
    wrong = send("127.0.0.2", 40, *machine("ci", "wrong"))
    assert wrong[-1].response().status == 503
    assert send("127.0.0.3", 1, *machine("ci"))[0].response().status == 200
    for client in wrong[:-1]:
        client.response()
    many = send(" ".join(f"127.0.0.{number}" for number in range(4, 9)), 16, *machine("ci"))
    answer = many[-1].response()
    assert (answer.status, answer.field("Retry-After")) == (503, "2"), (answer, answer.body)
    assert made.gateway.access_of(answer.request_id)["reason"] == "login_busy"
    assert send("127.0.0.3", 1, *machine("cd"))[0].response().status == 200
    assert made.login().status == 200
    statuses = [client.response().status for client in many[:-1]]
    assert set(statuses) == {200, 503} and 32 <= statuses.count(200) < 64


def test_C_11_a_password_that_is_hashed_lets_others_have_the_processor_between_two_ticks_of_the_clock(crowd):
    signed_in, sign_in = crowd
    task = next(task for task in pathlib.Path(f"/proc/{signed_in.gateway.pid}/task").iterdir()
                if (task / "comm").read_text() == "passwords\n")
    processor = min(os.sched_getaffinity(0))
    os.sched_setaffinity(int(task.name), {processor})

    def spent():
        switches = re.search(r"nonvoluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text()).group(1)
        return int(switches), int((task / "schedstat").read_text().split()[0]) / 1e6
    with subprocess.Popen(["taskset", "-c", str(processor), sys.executable, "-c", "while True: pass"]) as competitor:
        try:
            # It takes its time to start.
            computed = pathlib.Path(f"/proc/{competitor.pid}/schedstat")
            wait_until(lambda: int(computed.read_text().split()[0]) > 50e6, "a competitor", 20)
            before = spent()[0]
            sign_in()
            wait_until(lambda: spent()[0] - before > 30, "what the competitor takes", 20)

            def switches_each_millisecond():
                switches, milliseconds = spent()
                wait_until(lambda: spent()[1] - milliseconds > 50, "more of them", 20)
                after = spent()
                return (after[0] - switches) / (after[1] - milliseconds)
            # By ticks alone one in four milliseconds. The slices are a fifth of one, but groups of processes take turns
            # of their own: where much else computes it shows now and then.
            wait_until(lambda: switches_each_millisecond() > 0.5, "shorter slices", 20)
        finally:
            competitor.kill()


# What ends, and for how long that is remembered.

def test_C_9_a_shorter_lifetime_undoes_no_logout(scene):
    signed_in = scene(settings=", lifetime: 10m")
    token = signed_in.tokens()["access_token"]
    assert signed_in.post("/auth/logout", fields=[signed_in.bearer(token)]).status == 204
    assert signed_in.get("/x", [signed_in.bearer(token)]).status == 401
    shorter = signed_in.config.replace("lifetime: 10m", "lifetime: 1s")
    signed_in.gateway.reload(shorter)
    other = signed_in.tokens("bob")["access_token"]
    assert signed_in.post("/auth/logout", fields=[signed_in.bearer(other)]).status == 204
    time.sleep(2.5)
    assert signed_in.get("/x", [signed_in.bearer(token)]).status == 401
    signed_in.gateway.stop()
    signed_in.gateway = signed_in.start(shorter)
    assert signed_in.get("/x", [signed_in.bearer(token)]).status == 401
    assert not signed_in.app.received


def test_no_token_outlives_its_sign_in(scene):
    signed_in = scene(settings=", lifetime: 40s, refresh: 60s, idle: 60s")
    browser = signed_in.browser()
    browser.sign_in()
    first = payload(browser.access)
    assert first["exp"] == first["iat"] + 40
    # Nobody waits for a minute here: half of it is over for the store.
    signed_in.gateway.stop()
    [database] = list((signed_in.folder / "state").glob("*.sign-ins.db"))
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE sign_ins SET expires_at = expires_at - 30")
        connection.commit()
    signed_in.gateway = signed_in.start(signed_in.config)
    browser.cookies.pop("portcullis_access")
    answer = browser.go("/x")
    assert answer.status == 200
    second = payload(browser.access)
    assert second["exp"] == first["auth_time"] + 30
    access = next(line for line in answer.all("set-cookie") if "portcullis_access=" in line)
    assert int(re.search(r"Max-Age=(\d+)", access).group(1)) <= 30


def test_C_11_large_bodies_are_not_looked_at(scene):
    signed_in = scene()
    body = b"a=1&" * 4000
    for target in ("login", "refresh", "logout", "token", "password"):
        answer = signed_in.get(f"/auth/{target}", [FORM], method="POST", body=body)
        assert answer.status == 400, target
        assert signed_in.gateway.access_of(answer.request_id)["reason"] == "sign_in_request_invalid"


def test_C_11_a_flood_is_answered_and_ends_nobodys_sign_in(scene):
    signed_in = scene()
    browser = signed_in.browser()
    browser.sign_in()
    stop = threading.Event()
    seen = set()

    def flood():
        while not stop.is_set():
            try:
                seen.add(signed_in.login("nobody", "wrong").status)
            except OSError:
                pass
    threads = [threading.Thread(target=flood) for _ in range(100)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert signed_in.get("/auth/jwks.json").status == 200
            browser.cookies.pop("portcullis_access", None)
            answer = browser.go("/x")
            # Renewed; or there was no time for it, and nothing was used up.
            assert answer.status in (200, 303), answer
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert seen <= {401, 429, 503}
    browser.cookies.pop("portcullis_access", None)
    assert until_status(lambda: browser.go("/x"), 200).status == 200
    assert "used again" not in signed_in.gateway.program_text


def test_a_page_of_another_origin(scene):
    """What docs/sign-in.md says of it: the JSON side is not for it, cookies are, and a navigation renews them."""
    page = ("Origin", "http://www.test")
    signed_in = scene(routes='''
  - { path: /back, auth: local, redirect: { to: "http://www.test/", status: 302 } }
  - path: /api/**
    auth: local
    cors: { origins: ["http://www.test"], methods: [GET, POST], credentials: true }
    upstream: app
''')

    def reason(answer):
        return signed_in.gateway.access_of(answer.request_id).get("reason")
    asks = ("Access-Control-Request-Method", "POST")
    for path in ("/auth/login", "/auth/refresh"):
        answer = signed_in.get(path, [page, asks], method="OPTIONS")
        assert answer.status == 405 and answer.field("access-control-allow-origin") is None
        value = {"username": "alice", "password": PASSWORD} if path == "/auth/login" else {"refresh_token": "x"}
        answer = signed_in.post(path, value, [page])
        assert (answer.status, reason(answer)) == (403, "csrf_refused")
    assert signed_in.post("/auth/refresh", None, [page]).status == 403

    # Whoever is not signed in comes to the page, and back.
    to_page = [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Site", "same-site")]
    answer = signed_in.get("/back", to_page)
    assert (answer.status, answer.field("location")) == (303, "/auth/login?return_to=/back")
    tokens = signed_in.tokens()
    access = f"portcullis_access={tokens['access_token']}"
    refresh = f"portcullis_refresh={tokens['refresh_token']}"
    called = [page, ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Site", "same-site")]
    for method, status in (("GET", 200), ("POST", 200), ("PUT", 403)):
        answer = signed_in.get("/api/x", [*called, ("Cookie", access)], method=method)
        assert answer.status == status, method
        assert answer.field("access-control-allow-origin") == "http://www.test"
        assert answer.field("access-control-allow-credentials") == "true"
    # Without the access cookie: not renewed for the page's call, but on the way back.
    answer = signed_in.get("/api/x", [*called, ("Cookie", refresh)])
    assert answer.status == 401 and answer.field("set-cookie") is None
    assert answer.field("access-control-allow-origin") == "http://www.test"
    answer = signed_in.get("/back", [*to_page, ("Cookie", refresh)])
    assert answer.status == 302 and answer.field("location") == "http://www.test/"
    assert any(cookie.startswith("portcullis_access=") for cookie in answer.all("set-cookie"))
    # A token in Authorization needs no cookie, and no credentials.
    answer = signed_in.get("/api/x", [page, ("Sec-Fetch-Site", "cross-site"), signed_in.bearer(tokens["access_token"])])
    assert answer.status == 200
