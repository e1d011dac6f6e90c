"""Another proxy forwards the requests and asks whether they may pass: nginx's auth_request, Caddy's forward_auth."""
import contextlib
import http.client
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import threading

import pytest

from support.code_flow import CodeFlow
from support.gateway import ROOT, run
from support.hostile_provider import provider_fixture
from support.ports import free_port, wait_until
from support.sign_in import ALICE, NAVIGATION, PASSWORD, SignIn, goes_on, until_status, users
from support.tokens import bearer, mint
from support.wire import Client, get

CONFIG = """
listeners: [{{ address: 127.0.0.1:0 }}]
workers: {workers}
forward_auth: {{ path: /.portcullis/verify, peers: {peers} }}
providers:
  company:
    issuer: https://id.test
    audiences: [example]
    jwks_url: {jwks}
    token_from: [authorization, "cookie:session"]
upstreams:
  app: {{ servers: ["{app}"] }}
routes:
  - {{ host: public.test, path: /**, auth: none, upstream: app }}
  - {{ host: app.test, path: "/public/things:purge", auth: company, require: {{ roles: [admin] }}, upstream: app }}
  - {{ host: app.test, path: /public/**, auth: none, upstream: app }}
  - host: app.test
    path: /changed/**
    auth: none
    headers: {{ set: {{ X-Env: prod }}, remove: [X-Tenant-Path, Origin] }}
    upstream: app
  - {{ host: app.test, path: /old/**, auth: none, redirect: "https://app.test/new{{path}}" }}
  - host: app.test
    path: /admin/**
    auth: company
    require: {{ roles: [admin] }}
    identity: {{ X-Tenant: tenant }}
    upstream: app
  - {{ host: app.test, path: /own/**, auth: company, identity: {{ x-tenant: tenant, defaults: false }}, upstream: app }}
  - {{ host: app.test, path: /limited/**, auth: none, rate_limit: {{ by: client, rate: 1/h, burst: 1 }}, upstream: app }}
  - host: app.test
    path: /cors/**
    auth: company
    cors: {{ origins: ["https://page.test"] }}
    upstream: app
  - {{ host: app.test, path: /**, auth: company, upstream: app }}
"""
VERIFY = "/.portcullis/verify"


@pytest.fixture
def gateway(start, upstream, key_server, keys):
    app = upstream()

    def make(peers="[127.0.0.1]", workers=1, top=""):
        gateway = start(top + CONFIG.format(
            workers=workers, peers=peers, app=app.server,
            jwks=key_server(keys["ES256"]).url))
        gateway.app = app
        return gateway
    return make


def asked(method="GET", uri="/x", host="app.test", *more):
    return [("X-Forwarded-Method", method), ("X-Forwarded-Host", host), ("X-Forwarded-Uri", uri), *more]


def ask(gateway, *arguments):
    return get(gateway, VERIFY, asked(*arguments), host="gateway.internal")


def reason(gateway, answer):
    return gateway.access_of(answer.request_id).get("reason")


@pytest.fixture
def token(keys):
    return mint(keys["ES256"], iss="https://id.test", aud="example", sub="alice", email="a@app.test", tenant="acme")


def test_I_8_a_question_that_waits_is_no_request_after_a_reload(start, upstream, key_server, keys, token):
    """The path that is asked at has gone while the key set was fetched: nothing of the question is an answer to it."""
    app, server, over = upstream(), key_server(keys["ES256"]), threading.Event()
    server.instead = lambda handler: over.wait(30)
    text = CONFIG.format(workers=1, peers="[127.0.0.1]", app=app.server, jwks=server.url)
    gateway = start(text)
    with Client(gateway) as client:
        lines = [f"{name}: {value}" for name, value in [*asked(uri="/admin/x"), bearer(token)]]
        client.send("\r\n".join([f"GET {VERIFY} HTTP/1.1", "Host: gateway.internal", *lines, "", ""]))
        # The start asks for the key set too: that it was asked for does not say that the question waits.
        gateway.wait_taken(client)
        gateway.write_config(text.replace(VERIFY, "/moved") + "  - { path: /**, auth: none, upstream: app }\n")
        gateway.signal(signal.SIGHUP)
        answer = client.response()
    over.set()
    assert answer.status == 404 and reason(gateway, answer) == "no_route"
    assert not app.requests


def test_who_may_pass_is_told_with_whose_it_is(gateway, token):
    gateway = gateway()
    answer = ask(gateway, "GET", "/x?a=1", "app.test", bearer(token), ("X-Forwarded-User", "root"))
    assert answer.status == 200 and answer.body == b""
    assert answer.all("x-forwarded-user") == ["alice"]
    assert answer.field("x-forwarded-email") == "a@app.test" and answer.field("cache-control") == "no-store"
    # What it has nothing to say in is there too: else a proxy would let the client's pass.
    assert answer.all("x-forwarded-groups") == [""] and answer.all("x-forwarded-preferred-username") == [""]
    assert answer.all("authorization") == [""] and answer.all("cookie") == [""]
    assert not gateway.app.received
    line = gateway.access_of(answer.request_id)
    assert (line["method"], line["host"], line["path"], line["subject"]) == ("GET", "app.test", "/x", "alice")
    assert line["status"] == 200 and "reason" not in line


NAMES = ["x-forwarded-user", "x-forwarded-preferred-username", "x-forwarded-email", "x-forwarded-groups", "x-tenant"]


@pytest.mark.parametrize("path, told", [
    ("/x", ["alice", "", "a@app.test", "", ""]), ("/own/x", ["", "", "", "", "acme"]), ("/public/x", [""] * 5)])
def test_I_1_every_response_has_the_identity_headers_of_every_route(gateway, token, path, told):
    """A proxy copies one list of headers for all routes."""
    answer = ask(gateway(), "GET", path, "app.test", bearer(token))
    assert answer.status == 200
    assert [answer.all(name) for name in NAMES] == [[value] for value in told]


def test_I_1_no_placeholder_of_Caddy_s_is_an_identity(proxied, token, monkeypatch):
    """What Caddy copies from a response that does not have it arrives as `{http.reverse_proxy.header.X-Tenant}`."""
    documented = caddy

    def with_tenant(folder, port, app, gateway):
        command = documented(folder, port, app, gateway)
        config = folder / "Caddyfile"
        text, count = re.subn("copy_headers ", "copy_headers X-Tenant ", config.read_text())
        assert count == 1
        config.write_text(text.replace("route {", "route {\n    request_header -X-Tenant"))
        return command
    monkeypatch.setitem(globals(), "caddy", with_tenant)
    proxy = proxied("caddy")
    for path, told in (("/x", ["alice", "", "a@app.test", "", ""]), ("/own/x", ["", "", "", "", "acme"])):
        assert get(proxy, path, [bearer(token), ("X-Tenant", "forged")], host="app.test").status == 200
        [request] = proxy.app.wait_requests()
        assert [request.field(name) or "" for name in NAMES] == told
        assert not any("{" in value for _, value in request.fields)
        proxy.app.forget()


@pytest.mark.parametrize("workers", [1, 4])
def test_the_rules_of_the_request_that_is_asked_about(gateway, token, keys, workers):
    gateway = gateway(workers=workers)
    authorization = bearer(token)
    admin = bearer(mint(
        keys["ES256"], iss="https://id.test", aud="example", sub="bob", roles=["admin"], tenant="acme"))
    for arguments, status, because in [
        (("GET", "/x", "app.test"), 401, "credential_missing"),
        (("GET", "/x", "app.test", ("Authorization", "Bearer bad")), 401, "token_malformed"),
        (("GET", "/admin/x", "app.test", authorization), 403, "role_missing"),
        (("GET", "/admin/x", "app.test", admin), 200, None),
        (("GET", "/public/x", "app.test"), 200, None),
        (("GET", "/x", "other.test", authorization), 403, "no_route"),
        (("GET", "/public/../admin/x", "app.test"), 403, "path_dot_segment"),
        (("GET", "/public/%2e%2e/admin", "app.test"), 403, "path_dot_segment"),
        (("GET", "/public%2fx", "app.test"), 403, "path_encoded_slash"),
        (("GET", "/%61dmin/x", "app.test", authorization), 403, "role_missing"),
        (("GET", "/admin/x", "APP.test.:443", authorization), 403, "role_missing"),
        (("TRACE", "/x", "app.test", authorization), 403, "method_refused"),
        (("POST", "/x", "app.test", ("Cookie", f"session={token}"), ("Origin", "https://evil.test")), 403,
         "origin_refused"),
        (("POST", "/x", "app.test", ("Cookie", f"session={token}"), ("Origin", "https://app.test")), 200, None),
        (("OPTIONS", "/cors/x", "app.test", ("Origin", "https://page.test"),
          ("Access-Control-Request-Method", "POST")), 401, "credential_missing"),
        (("GET", VERIFY, "app.test"), 401, "credential_missing"),
    ]:
        answer = ask(gateway, *arguments)
        assert (answer.status, reason(gateway, answer)) == (status, because), arguments
        assert (answer.field("www-authenticate") is not None) == (status == 401 or because == "role_missing"), arguments
        if status != 200:
            assert answer.field("x-forwarded-user") is None
    assert not gateway.app.received


def test_I_8_only_listed_peers_may_ask(gateway, token):
    gateway = gateway(peers="[10.0.0.0/8, unix]")
    answer = ask(gateway, "GET", "/x", "app.test", bearer(token))
    assert (answer.status, reason(gateway, answer)) == (403, "client_refused")
    assert answer.field("x-forwarded-user") is None and not gateway.app.received


@pytest.mark.parametrize("fields", [
    [("X-Forwarded-Host", "app.test"), ("X-Forwarded-Uri", "/public/x")],
    [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/public/x")],
    [("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", "app.test")],
    asked("GET", "/public/x", "app.test", ("X-Forwarded-Uri", "/public/x")),
    asked("GET", "/public/x", "app.test", ("x-forwarded-method", "GET")),
    asked("GET", "/public/x", "app.test", ("X-FORWARDED-HOST", "app.test")),
    asked("GET", "public/x"), asked("GET", "http://app.test/public/x"), asked("GET", "*"), asked("GET", ""),
    asked("GET", "/public/x /public/y"), asked("GET", "/public/x HTTP/1.1"), asked("GET", "/public/\tx"),
    asked("GET /public/y", "/public/x"), asked("", "/public/x"), asked("GET", "/public/x", ""),
    asked("GET", "/public/x", "app.test evil"),
])
def test_I_8_method_host_and_URI_stand_there_once(gateway, fields):
    gateway = gateway()
    answer = get(gateway, VERIFY, fields, host="gateway.internal")
    assert (answer.status, reason(gateway, answer)) == (400, "forwarded_invalid")
    assert not gateway.app.received


@pytest.mark.parametrize("fields, because", [
    (asked("G(T", "/public/x"), "request_line_invalid"), (asked("GET", "/public/x#y"), "target_invalid"),
    (asked("GET", "/public/x", "app.test,evil.test"), "host_invalid"),
    (asked("GET", "/public/x", "app.test", ("X-Forwarded-For", "nobody")), "forwarded_invalid"),
    (asked("GET", "/" + "x" * 9000), "target_too_long"),
])
def test_I_8_what_is_no_request_does_not_pass(gateway, fields, because):
    gateway = gateway()
    answer = get(gateway, VERIFY, fields, host="gateway.internal")
    assert (answer.status, reason(gateway, answer)) == (403, because)
    assert not gateway.app.received


@pytest.mark.parametrize("fields", [
    [("User-Agent", "kube-probe/1.29")], [("User-Agent", "GoogleHC/1.0")], [("User-Agent", "ELB-HealthChecker/2.0")],
    [("Connection", "X-Forwarded-Uri")],
])
@pytest.mark.parametrize("uri", ["/x", "/ping", "/healthz"])
def test_I_8_nothing_is_magic(gateway, fields, uri):
    gateway = gateway()
    answer = ask(gateway, "GET", uri, "app.test", *fields)
    assert (answer.status, reason(gateway, answer)) == (401, "credential_missing")
    assert not gateway.app.received


def test_what_peers_say_of_the_client_is_believed(gateway):
    gateway = gateway()
    statuses = [ask(gateway, "GET", "/limited/x", "app.test", ("X-Forwarded-For", client)).status
                for client in ("203.0.113.1", "203.0.113.2", "203.0.113.1")]
    assert statuses == [200, 200, 403]
    assert {line["client"] for line in gateway.wait_access(3)} == {"203.0.113.1", "203.0.113.2"}


def test_the_connection_goes_on_and_the_question_may_have_a_body(gateway, token):
    gateway = gateway()
    head = "".join(f"{name}: {value}\r\n" for name, value in asked(
        "POST", "/x", "app.test", bearer(token)))
    question = f"GET {VERIFY} HTTP/1.1\r\nHost: gateway.internal\r\n{head}\r\n".encode()
    refused = question.replace(b"Authorization: Bearer ", b"Authorization: Bearer x")
    with Client(gateway) as client:
        client.send(question + refused + question.replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n") + question)
        assert [client.response().status for _ in range(4)] == [200, 401, 200, 200]


def test_I_6_the_answer_says_what_is_left_of_the_credentials(gateway, token):
    gateway = gateway()
    for fields, authorization, cookie in [
        ([bearer(token), ("Cookie", "a=1; session=x; b=2")], "", "a=1; b=2"),
        ([("Authorization", "Basic YTpi"), ("Cookie", f"session={token}")], "Basic YTpi", ""),
        ([("Cookie", f"session={token}; a=1")], "", "a=1"),
    ]:
        answer = ask(gateway, "GET", "/x", "app.test", *fields)
        assert (answer.status, answer.all("authorization"), answer.all("cookie")) == (200, [authorization], [cookie])
    answer = ask(gateway, "GET", "/public/x", "app.test", bearer(token), ("X-Forwarded-User", "root"))
    assert answer.status == 200 and answer.all("x-forwarded-user") == [""]
    assert answer.all("authorization") == [f"Bearer {token}"]


@pytest.mark.parametrize("handshake", [
    [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
     ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")],
    [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")],
    [("Sec-Fetch-Mode", "websocket")], [("Upgrade", "WebSocket")],
])
def test_C_14_a_foreign_page_opens_no_WebSocket_with_the_cookie(gateway, token, handshake):
    gateway = gateway()
    cookie = ("Cookie", f"session={token}")
    answer = ask(gateway, "GET", "/x", "app.test", cookie, ("Origin", "https://evil.test"), *handshake)
    assert (answer.status, reason(gateway, answer)) == (403, "origin_refused")
    assert ask(gateway, "GET", "/x", "app.test", cookie, ("Origin", "https://app.test"), *handshake).status == 200
    assert ask(gateway, "GET", "/x", "app.test", bearer(token), ("Origin", "https://evil.test"), *handshake).status == 200


WEBSOCKET = [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]


@pytest.mark.parametrize("more, reason_of", [
    ([("Sec-WebSocket-Protocol", "bearer, garbage")], "field_refused"),
    ([("Sec-WebSocket-Protocol", "chat"), ("sec-websocket-protocol", "bearer, garbage")], "field_refused"),
    ([("Sec-WebSocket-Protocol", "Bearer, garbage")], "field_refused"),
    ([("Sec-WebSocket-Protocol", "bearer")], "field_refused"),
    ([("Sec-WebSocket-Protocol", "bearer garbage")], "field_refused"),
    ([("Sec_WebSocket_Protocol", "bearer, garbage")], "field_refused"),
    ([("Sec_WebSocket_Protocol", "chat")], "field_refused"),
    ([("Sec-WebSocket-Protocol", "chat, x")], None), ([], None),
])
def test_T_14_a_token_among_protocols_reaches_no_application(start, upstream, key_server, keys, token, more, reason_of):
    """The proxy forwards the client's Sec-WebSocket-Protocol: a token in it would reach the application, good or bad."""
    app = upstream()
    gateway = start(CONFIG.format(workers=1, peers="[127.0.0.1]", jwks=key_server(keys["ES256"]).url, app=app.server)
                    .replace('"cookie:session"]', '"cookie:session", websocket_protocol]'))
    for handshake in (WEBSOCKET, []):
        for credential in (bearer(token), ("Cookie", f"session={token}")):
            answer = ask(gateway, "GET", "/x", "app.test", credential, *handshake, *more)
            assert (answer.status, reason(gateway, answer)) == ((403, reason_of) if reason_of else (200, None))
        if reason_of:
            answer = ask(gateway, "GET", "/x", "app.test", *handshake, *more)
            assert (answer.status, reason(gateway, answer)) == (403, "field_refused")
        # No token is read there on this route.
        assert ask(gateway, "GET", "/public/x", "app.test", *handshake, ("Sec-WebSocket-Protocol", "bearer, x")).status == 200
    assert not app.received


@pytest.mark.parametrize("asks, path, status", [
    (WEBSOCKET, "/x", 200), (WEBSOCKET, "/none/x", 403), (WEBSOCKET, "/chat/x", 403),
    ([("Sec-Fetch-Mode", "websocket")], "/none/x", 403), ([("Upgrade", "WebSocket")], "/none/x", 403),
    ([("Upgrade", "websocket")], "/x", 200), ([("Upgrade", "CHAT/2")], "/chat/x", 200), ([("Upgrade", "chat/2")], "/x", 403),
    ([("Upgrade", "websocket"), ("Upgrade", "websocket")], "/x", 403), ([("Upgrade", "websocket, h2c")], "/x", 403),
    # HTTP/2 would carry requests past the rules; most proxies do not show Upgrade in what they ask.
    ([("Upgrade", "h2c")], "/x", 403),
    ([("Sec-WebSocket-Version", "13")], "/none/x", 200),
])
def test_U_5_a_proxy_opens_the_tunnels_that_the_route_allows(start, upstream, asks, path, status):
    app = upstream()
    gateway = start(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
forward_auth: {{ path: {VERIFY}, peers: [127.0.0.1] }}
upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
routes:
  - {{ path: /none/**, auth: none, upgrade: none, upstream: app }}
  - {{ path: /chat/**, auth: none, upgrade: [chat/2], upstream: app }}
  - {{ path: /**, auth: none, upstream: app }}
""")
    for fields in (asks, [*asks, ("Connection", "Upgrade")]):
        answer = ask(gateway, "GET", path, "app.test", *fields)
        assert (answer.status, reason(gateway, answer)) == (status, "field_refused" if status == 403 else None)


def test_after_a_wait_too_there_is_no_other_refusal(start, upstream, key_server):
    keys = key_server()
    keys.instead = (500, {}, b"")
    gateway = start(CONFIG.format(workers=1, peers="[127.0.0.1]", app=upstream().server, jwks=keys.url))
    token = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2lkLnRlc3QifQ." + "A" * 86
    answer = ask(gateway, "GET", "/x", "app.test", bearer(token))
    assert (answer.status, reason(gateway, answer)) == (403, "keys_unavailable")


def test_a_question_elsewhere_is_a_request(gateway, token):
    gateway = gateway()
    for target in (VERIFY + "/", VERIFY + "/x", "/.portcullis", "/x"):
        answer = get(gateway, target, asked("GET", "/public/x"), host="app.test")
        assert answer.status == 401, target
    answer = get(gateway, VERIFY, [bearer(token)], host="app.test")
    assert (answer.status, reason(gateway, answer)) == (400, "forwarded_invalid")
    assert not gateway.app.received


# People who sign in.

SETTINGS = """forward_auth: { path: /.portcullis/verify, peers: [127.0.0.1] }
trusted_proxies: [127.0.0.1]
"""


def test_mode_nginx_refuses_and_mode_redirect_sends_people_to_sign_in(start, upstream, tmp_path):
    scene = SignIn(start, upstream(), tmp_path, top=SETTINGS)

    def ask(query, method="GET", fields=NAVIGATION):
        return scene.get(VERIFY + query, asked(method, "/x?a=/b", scene.host, *fields), host="gateway.internal")
    for query in ("", "?mode=nginx", "?a=1"):
        assert ask(query).status == 401
    answer = ask("?mode=redirect")
    assert answer.status == 303 and answer.field("location") == "/auth/login?return_to=/x%3Fa%3D/b"
    assert ask("?mode=redirect", "POST").status == 401 and ask("?mode=redirect", fields=[]).status == 401
    # A new refresh token would stay with the proxy: none is used up.
    browser = scene.browser()
    browser.sign_in()
    refresh = browser.refresh_token
    cookie = ("Cookie", f"portcullis_refresh={refresh}")
    answer = ask("?mode=redirect", fields=[*NAVIGATION, cookie])
    assert answer.status == 303 and not answer.all("set-cookie")
    # The login page renews, and sends them back.
    browser.cookies.pop("portcullis_access")
    answer = browser.go(answer.field("location"))
    assert answer.status == 303 and answer.field("location") == "/x?a=/b"
    assert browser.access and browser.refresh_token != refresh
    answer = ask("", fields=[("Cookie", f"portcullis_access={browser.access}")])
    assert answer.status == 200 and answer.field("x-forwarded-user") == "u-1"
    # With a good access token it is the page: they were sent there for something else.
    assert browser.go("/auth/login?return_to=/x").status == 200
    assert not scene.app.received


# What would tell the application another path, method or user, and is not removed, as the proxy forwards it.

MISLEADING = [
    ("SCRIPT_NAME", "/public"), ("Script-Name", "/public"), ("PATH_INFO", "/admin"), ("Daphne-Root-Path", "/public"),
    ("X-Script-Name", "/public"), ("X-Forwarded-Prefix", "/public"), ("X-Forwarded-Path", "/admin"),
    ("X-Rewrite-URL", "/admin"), ("X-Original-URL", "/admin"), ("X-Original-URL", "http://app.test?/public/x"),
    ("X-Original-URL", "http://app.test/admin/public/x"), ("X-Original-URL", "http://app.test#/public/x"),
    ("X-Original-URL", "://app.test/public/x"), ("X-Original-URI", "/x/public/x"), ("X-Original-URI", "/public/x?"),
    ("X_Original_URL", "/public/x"), ("X-Original-Method", "DELETE"),
    ("X-HTTP-Method-Override", "DELETE"), ("X-HTTP-Method", "DELETE"), ("X-Method-Override", "DELETE"),
    ("Remote-User", "root"), ("X-Remote-User", "root"), ("X-Auth-Request-User", "root"), ("X-WebAuth-User", "root"),
    # Other spellings than the one that the proxy replaces.
    ("X_Forwarded_User", "root"), ("X-Forwarded_User", "root"), ("X.Forwarded.Groups", "admin"),
    ("X_Forwarded_Uri", "/admin"), ("X_Forwarded_For", "10.0.0.1"), ("X_Real_IP", "10.0.0.1"), ("Content_Length", "0"),
    # The identity header of another route, which the proxy does not replace on this one.
    ("X-Tenant", "acme"),
]


@pytest.mark.parametrize("field", MISLEADING, ids=lambda field: f"{field[0]}: {field[1]}")
def test_P_16_a_request_that_is_another_one_to_the_application_does_not_pass(gateway, token, field):
    gateway = gateway()
    for fields in ([], [bearer(token)]):
        answer = ask(gateway, "GET", "/public/x", "app.test", field, *fields)
        assert (answer.status, reason(gateway, answer)) == (403, "field_refused")
        assert answer.field("x-forwarded-user") is None and answer.field("www-authenticate") is None
    line = gateway.access_of(answer.request_id)
    assert line["blame"] == "client" and line["path"] == "/public/x"
    assert not gateway.app.received


def test_P_16_nobody_removes_what_the_route_changes(gateway):
    gateway = gateway()
    for name in ("X-Env", "x_env", "X-Tenant-Path", "X.TENANT.PATH", "Origin", "Destination"):
        answer = ask(gateway, "GET", "/changed/x", "app.test", (name, "https://app.test/evil"))
        assert (answer.status, reason(gateway, answer)) == (403, "field_refused"), name
    assert ask(gateway, "GET", "/changed/x", "app.test", ("X-Other", "a")).status == 200
    # Another route changes nothing, and the same request to the gateway itself arrives without them.
    assert ask(gateway, "GET", "/public/x", "app.test", ("X-Env", "evil"), ("Origin", "https://app.test")).status == 200
    assert not gateway.app.received
    fields = [("X_Env", "evil"), ("X-Tenant-Path", "/evil"), ("Origin", "https://app.test")]
    assert get(gateway, "/changed/x", fields, host="app.test").status == 200
    [request] = gateway.app.wait_requests(1)
    assert request.field("x-env") == "prod" and b"evil" not in gateway.app.received
    assert request.field("x-tenant-path") is None and request.field("origin") is None


@pytest.mark.parametrize("field", [
    ("X-Original-URL", "https://app.test/public/x"), ("X-Original-URL", "http://app.test:8080/public/x"),
    ("X-Original-URL", "/public/x"), ("X-Original-URI", "/public/x"), ("X-Original-Method", "GET"),
    ("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443"),
    ("X-Forwarded-Server", "traefik-1"), ("X-Real-Ip", "10.0.0.1"), ("X-Auth-Request-Redirect", "/public/x"),
    ("X-Request-Id", "abc"), ("X-Forwarded-User", "root"), ("x-forwarded-groups", "admin"), ("Via", "1.1 Caddy"),
    ("CF-Connecting-IP", "10.0.0.1"), ("X-Sent-From", "nginx-ingress-controller"), ("X_Other", "a")],
    ids=lambda field: f"{field[0]}: {field[1]}")
def test_P_16_what_proxies_add_by_themselves_passes(gateway, field):
    gateway = gateway()
    answer = ask(gateway, "GET", "/public/x", "app.test", field)
    assert answer.status == 200 and answer.all("x-forwarded-user") == [""]


def test_I_2_the_header_of_a_route_passes_where_the_proxy_replaces_it(gateway, keys):
    gateway = gateway()
    admin = bearer(mint(keys["ES256"], iss="https://id.test", aud="example", sub="bob", roles=["admin"], tenant="acme"))
    answer = ask(gateway, "GET", "/admin/x", "app.test", admin, ("x-tenant", "other"))
    assert answer.status == 200 and answer.all("x-tenant") == ["acme"]
    answer = ask(gateway, "GET", "/admin/x", "app.test", admin, ("X_Tenant", "other"))
    assert (answer.status, reason(gateway, answer)) == (403, "field_refused")


def test_P_1_a_question_names_one_path(start, upstream):
    app = upstream()
    gateway = start(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
forward_auth: {{ path: {VERIFY}, peers: [127.0.0.1] }}
upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
routes:
  - {{ path: /shared/**, methods: [GET, COPY], auth: none, upstream: app }}
  - {{ path: /**, auth: none, upstream: app }}
""")
    for method, path, name, status in [
        ("COPY", "/x", "Destination", 403), ("MOVE", "/shared/x", "destination", 403), ("GET", "/x", "Destination", 403),
        ("COPY", "/shared/x", "Destination", 200), ("COPY", "/x", "X-Destination", 200)]:
        answer = ask(gateway, method, path, "app.test", (name, "/users/u-2/x"))
        assert (answer.status, reason(gateway, answer)) == (status, "field_refused" if status == 403 else None)
    assert not app.received


# Proxies that ask.

def serving(process, port, path="/"):
    def is_there():
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        return subprocess.run(
            ["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}{path}"], capture_output=True).returncode == 0
    wait_until(is_there, "the proxy to serve")


def nginx(folder, port, app, gateway, pages="/auth/"):
    """Its command, with the configuration of docs/forward-auth.md; `pages`: where the gateway's own are."""
    for name in ("logs", "temp"):
        (folder / name).mkdir()
    locations = re.search(r"```nginx\n(.*?)```", (ROOT / "docs/forward-auth.md").read_text(), re.S).group(1)
    for old, new in (("http://127.0.0.1:8080", f"http://127.0.0.1:{gateway.port}"), ("http://app;", f"http://{app.server};"),
                     ("location /auth/", f"location {pages}")):
        assert old in locations
        locations = locations.replace(old, new)
    config = folder / "nginx.conf"
    config.write_text(f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_buffer_size 256k;
  client_body_temp_path {folder}/temp; proxy_temp_path {folder}/temp/p; fastcgi_temp_path {folder}/temp/f;
  uwsgi_temp_path {folder}/temp/u; scgi_temp_path {folder}/temp/s;
  server {{
    listen 127.0.0.1:{port};
    server_name app.test;
    {locations}
  }}
}}""")
    return ["nginx", "-p", str(folder), "-c", str(config)]


def caddy(folder, port, app, gateway):
    """Its command, with the configuration of docs/forward-auth.md."""
    site = re.search(r"## Caddy\n\n```\n(.*?)```", (ROOT / "docs/forward-auth.md").read_text(), re.S).group(1)
    for old, new in (("app.example.com {", f":{port} {{\n  bind 127.0.0.1"), ("app:3000", app.server),
                     ("127.0.0.1:8080", f"127.0.0.1:{gateway.port}")):
        assert old in site
        site = site.replace(old, new)
    config = folder / "Caddyfile"
    config.write_text(f"{{\n  admin off\n  auto_https off\n  storage file_system {folder}/caddy\n}}\n{site}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]


@pytest.fixture
def proxied(gateway, tmp_path, upstream):
    """A proxy in front of an application of its own, which asks the gateway: its port, application and gateway."""
    processes = []

    def make(kind, top=""):
        gateway_ = gateway(top=top)
        app = upstream()
        port = free_port()
        if not shutil.which(kind, path="/usr/sbin:/usr/bin"):
            pytest.skip(f"{kind} is not installed")
        if kind == "nginx":
            command = nginx(tmp_path, port, app, gateway_)
        else:
            command = caddy(tmp_path, port, app, gateway_)
        processes.append(subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"HOME": str(tmp_path), "PATH": "/usr/sbin:/usr/bin:/bin"}))
        serving(processes[-1], port)
        app.forget()
        proxy = Proxy(port, app, gateway_)
        return proxy

    yield make
    for process in processes:
        process.terminate()
        process.wait(10)


class Proxy:
    def __init__(self, port, app, gateway):
        self.port, self.app, self.gateway, self.host = port, app, gateway, "127.0.0.1"


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_a_real_proxy_asks(proxied, kind, token, keys):
    proxy = proxied(kind)
    good = bearer(token)
    answer = get(proxy, "/x?a=1", [good, ("X-Forwarded-User", "root")], host="app.test")
    assert answer.status == 200
    [request] = proxy.app.wait_requests()
    assert request.all("x-forwarded-user") == ["alice"] and request.target == "/x?a=1"
    proxy.app.forget()
    for target, fields, status in [
        ("/x", [], 401), ("/x", [("X-Forwarded-User", "root")], 401), ("/admin/x", [good], 403),
        ("/public/%2e%2e/admin/x", [], 403),
        # What the client says of the request is not what the proxy asks about.
        ("/x", [("X-Forwarded-Uri", "/public/x")], 401), ("/x", [("X-Forwarded-Method", "OPTIONS")], 401),
        ("/admin/x", [good, ("X-Forwarded-Uri", "/public/x"), ("X-Forwarded-Host", "app.test")], 403),
        ("/x", [("X-Forwarded-Host", "other.test")], 401),
    ]:
        answer = get(proxy, target, fields, host="app.test")
        assert answer.status == status, (target, fields, answer)
        # Whom it was refused to can say which request it was.
        [asked] = answer.all("x-request-id")
        assert proxy.gateway.access_of(asked)["status"] in (401, 403), asked
    assert not proxy.app.received
    # P-16: what the proxy asks with is not the client's, in the request that it forwards either.
    steering = [("X-Forwarded-Uri", "/admin/x"), ("X-Forwarded-Method", "DELETE")]
    assert get(proxy, "/public/x", [("X-Forwarded-User", "root"), *steering], host="app.test").status == 200
    [request] = proxy.app.wait_requests()
    assert not any(request.all("x-forwarded-user"))
    assert not any(any(request.all(name.lower())) for name, _ in steering), request.fields
    proxy.app.forget()
    # Every identity header is the gateway's, also those that it has nothing to say in; no credential goes on.
    names = ("X-Forwarded-Preferred-Username", "X-Forwarded-Email", "X-Forwarded-Groups")
    plain = bearer(mint(keys["ES256"], iss="https://id.test", aud="example", sub="bob"))
    assert get(proxy, "/x", [plain, ("Cookie", "a=1; session=t; b=2"), *((name, "root") for name in names)],
               host="app.test").status == 200
    [request] = proxy.app.wait_requests()
    assert request.all("x-forwarded-user") == ["bob"] and not any(any(request.all(name.lower())) for name in names)
    assert not any(request.all("authorization")) and request.field("cookie") == "a=1; b=2"
    proxy.app.forget()
    # P-16: it forwards the client's headers itself. nginx drops those whose names have other signs than dashes.
    for field in MISLEADING:
        answer = get(proxy, "/public/x", [field], host="app.test")
        seen = proxy.app.requests
        assert answer.status == 403 or kind == "nginx" and not re.fullmatch("[A-Za-z-]+", field[0]), (field, answer)
        assert not [request for request in seen if field in request.fields], field
        proxy.app.forget()
    # RFC 9112 §3.2.2: the host of the target counts, for the proxy too.
    with Client(proxy) as client:
        client.send(b"GET http://app.test/x HTTP/1.1\r\nHost: public.test\r\n\r\n")
        assert client.response().status == 401
    with Client(proxy) as client:
        client.send(b"GET http://public.test/x HTTP/1.1\r\nHost: app.test\r\n\r\n")
        assert client.response().status == 200
    assert not any(request.target == "/x" and "app.test" in (request.field("host") or "") for request in proxy.app.requests)
    proxy.app.forget()
    body = b"x" * 100_000
    answer = get(proxy, "/x", [good], host="app.test", method="POST", body=body)
    assert answer.status == 200
    wait_until(lambda: any(each.body == body for each in proxy.app.requests), "the body")


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_I_7_a_client_does_not_name_its_line_in_the_log(proxied, kind):
    """Where the proxy that asks is trusted: it says what the request is called, and by which port it came."""
    proxy = proxied(kind, "trusted_proxies: [127.0.0.1]")
    for name, path, status in (("X-Request-Id", "/public/a", 200), ("X-Request-Id", "/x", 401),
                               ("X-Request-Id", "/auth/x", 401), ("X-Forwarded-Port", "/public/b", 200)):
        assert get(proxy, path, [(name, "chosen")], host="app.test").status == status, (name, path)
        line = proxy.gateway.wait_access(path=path)[-1]
        assert line["request_id"] != "chosen"
        if status == 200:
            [arrived] = proxy.app.wait_requests()
            assert arrived.all("x-request-id") == [line["request_id"]]
            proxy.app.forget()
    assert "chosen" not in proxy.gateway.access_text


IDENTITY = ("X-Forwarded-User", "X-Forwarded-Preferred-Username", "X-Forwarded-Email", "X-Forwarded-Groups")


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_I_3_a_client_has_the_proxy_remove_no_identity(proxied, kind, keys):
    """What `Connection` names is removed by a proxy (RFC 9110 §7.6.1): the client's header, and not the gateway's."""
    proxy = proxied(kind)
    good = bearer(mint(
        keys["ES256"], iss="https://id.test", aud="example", sub="alice", email="a@app.test", roles=["admin"]))
    for options in (", ".join(IDENTITY), "close, " + ", ".join(IDENTITY).lower(), "Upgrade, X-Forwarded-User",
                    "X-Forwarded-Uri, X-Forwarded-Host, X-Forwarded-For, Authorization, Cookie, Host"):
        for more in ([], [("Upgrade", "websocket")]):
            fields = [good, ("Connection", options), ("Cookie", "a=1"), *((name, "root") for name in IDENTITY), *more]
            assert get(proxy, "/x", fields, host="app.test").status == 200
            [request] = proxy.app.wait_requests()
            assert request.all("x-forwarded-user") == ["alice"], options
            assert request.all("x-forwarded-email") == ["a@app.test"]
            assert not any(any(request.all(name.lower())) for name in (IDENTITY[1], "Authorization"))
            assert not any(request.all("connection")) or request.field("connection").lower() in ("close", "upgrade")
            proxy.app.forget()


def test_I_2_Caddy_forwards_no_identity_of_the_client_s_whatever_copy_headers_does(proxied, keys, monkeypatch):
    """Releases that copy only what is not empty do not replace the client's headers (GHSA-7r4p-vjf4-gxv4): as here,
    where none is copied."""
    documented = caddy

    def without_copies(folder, port, app, gateway):
        command = documented(folder, port, app, gateway)
        config = folder / "Caddyfile"
        text, count = re.subn(r"copy_headers .*", "", config.read_text())
        assert count == 1
        config.write_text(text)
        return command
    monkeypatch.setitem(globals(), "caddy", without_copies)
    proxy = proxied("caddy")
    assert get(proxy, "/public/x", [(name, "root") for name in IDENTITY], host="app.test").status == 200
    [request] = proxy.app.wait_requests()
    assert not any(request.all(name.lower()) for name in IDENTITY), request.fields


def test_a_WebSocket_passes_Caddy(proxied, keys):
    proxy = proxied("caddy")
    handshake = [("Upgrade", "websocket"), ("Connection", "keep-alive, Upgrade"), *WEBSOCKET]
    assert get(proxy, "/public/x", handshake, host="app.test").status == 200
    [request] = proxy.app.wait_requests()
    assert request.field("upgrade") == "websocket" and request.field("connection") == "Upgrade"
    assert request.field("sec-websocket-key") == WEBSOCKET[1][1]


def test_U_5_no_upgrade_to_HTTP_2_passes_Caddy(proxied, keys):
    """Caddy shows no Upgrade in the question: the requests that followed would pass unasked."""
    proxy = proxied("caddy")
    fields = [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")]
    assert get(proxy, "/public/x", fields, host="app.test").status == 200
    [request] = proxy.app.wait_requests()
    assert not any(request.all("upgrade")) and not any(request.all("connection"))


@pytest.mark.parametrize("upgrade, forwarded", [
    ("websocket", "websocket"), ("WebSocket", "websocket"), ("h2c", None), ("websocket, h2c", None), ("h2c,websocket", None),
    (None, None)])
def test_U_5_of_upgrades_only_WebSockets_pass_nginx(proxied, keys, monkeypatch, upgrade, forwarded):
    """With what docs/forward-auth.md adds for them: the gateway does not see what nginx forwards."""
    documented = nginx
    first, maps, headers = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/forward-auth.md").read_text(), re.S)

    def with_websockets(*arguments):
        command = documented(*arguments)
        config = arguments[0] / "nginx.conf"
        text = config.read_text()
        for place, more in (("http {", maps), ("location / {", headers)):
            assert text.count(place) == 1
            text = text.replace(place, f"{place}\n{more}")
        config.write_text(text)
        return command
    monkeypatch.setitem(globals(), "nginx", with_websockets)
    proxy = proxied("nginx")
    fields = [("Upgrade", upgrade), ("Connection", "Upgrade, HTTP2-Settings"), *WEBSOCKET] if upgrade else []
    assert get(proxy, "/public/x", fields, host="app.test").status == 200
    [request] = proxy.app.wait_requests()
    assert request.field("upgrade") == forwarded
    assert request.field("connection") == ("upgrade" if forwarded else "close")


def login(port, scene, address, username, password="wrong", **fields):
    """The status of a login from one of the addresses of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(address, 0))
    body = json.dumps({"username": username, "password": password})
    names = {name.replace("_", "-"): value for name, value in fields.items()}
    connection.request("POST", "/auth/login", body, {"Host": scene.host, "Content-Type": "application/json", **names})
    status = connection.getresponse().status
    connection.close()
    return status


def nobody_shuts_others_out(port, scene):
    """I-7, C-11: who signs in through the proxy has an address of their own, whatever they say of it."""
    statuses = [login(port, scene, "127.0.0.2", f"nobody{n}") for n in range(51)]
    assert 401 in statuses and statuses[-1] == 429, statuses
    for fields in ({"X_Forwarded_For": "127.0.0.9"}, {"X_Real_IP": "127.0.0.9"}, {"Forwarded": "for=127.0.0.9"},
                   {"Forwarded": "for=127.0.0.9", "X_Forwarded_For": "127.0.0.9", "X_Forwarded_Port": "1"}):
        assert login(port, scene, "127.0.0.2", "alice", PASSWORD, **fields) == 429, fields
        assert login(port, scene, "127.0.0.3", "alice", PASSWORD, **fields) == 200, fields


def test_people_sign_in_behind_caddy(start, upstream, tmp_path):
    if not shutil.which("caddy"):
        pytest.skip("caddy is not installed")
    scene = SignIn(start, upstream(), tmp_path, top=SETTINGS)
    app, port = upstream(), free_port()
    process = subprocess.Popen(
        caddy(tmp_path, port, app, scene.gateway), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    try:
        serving(process, port, "/auth/login")
        scene.gateway = Proxy(port, app, scene.gateway)
        browser = scene.browser()
        answer = browser.go("/x?a=1")
        assert answer.status == 303 and answer.field("location") == "/auth/login?return_to=/x%3Fa%3D1"
        answer = browser.sign_in(target=answer.field("location"))
        assert goes_on(answer) == "/x?a=1"
        assert not app.received
        assert browser.go("/x?a=1").status == 200
        [request] = app.wait_requests()
        assert request.target == "/x?a=1" and request.all("x-forwarded-user") == ["u-1"]
        nobody_shuts_others_out(port, scene)
        browser.cookies.pop("portcullis_access")
        answer = browser.go("/y")
        assert answer.status == 303
        answer = browser.go(answer.field("location"))
        assert answer.status == 303 and answer.field("location") == "/y" and browser.go("/y").status == 200
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def behind_nginx(tmp_path, upstream):
    """nginx in front of an application of its own, which has people sent to sign in."""
    processes = []

    def make(gateway, pages):
        if not shutil.which("nginx", path="/usr/sbin:/usr/bin"):
            pytest.skip("nginx is not installed")
        app, port = upstream(), free_port()
        command = nginx(tmp_path, port, app, gateway, pages)
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"HOME": str(tmp_path), "PATH": "/usr/sbin:/usr/bin:/bin"})
        processes.append(process)
        serving(process, port)
        return Proxy(port, app, gateway)

    yield make
    for process in processes:
        process.terminate()
        process.wait(10)


def test_people_sign_in_behind_nginx_and_stay_signed_in(start, upstream, tmp_path, behind_nginx):
    scene = SignIn(start, upstream(), tmp_path, settings=", lifetime: 2s", top=SETTINGS)
    scene.gateway = proxy = behind_nginx(scene.gateway, "/auth/")
    wanted = "/x/y?a=1&b=%2F&mode=nginx"
    browser = scene.browser()
    answer = browser.go(wanted)
    assert answer.status == 303 and not answer.all("set-cookie"), answer
    assert answer.field("location") == "/auth/login?return_to=/x/y%3Fa%3D1%26b%3D%252F%26mode%3Dnginx"
    answer = browser.sign_in(target=answer.field("location"))
    assert goes_on(answer) == wanted
    assert not proxy.app.received
    assert browser.go(wanted).status == 200
    [request] = proxy.app.wait_requests()
    assert request.target == wanted and request.all("x-forwarded-user") == ["u-1"] and not any(request.all("cookie"))
    # The access token is over: the next page brings a new one, and nobody is asked for anything.
    until_status(lambda: browser.fetch("/x"), 401)
    refresh = browser.refresh_token
    proxy.app.forget()
    answer = browser.go("/later?c=d")
    assert answer.status == 303 and answer.field("location") == "/auth/login?return_to=/later%3Fc%3Dd", answer
    answer = browser.go(answer.field("location"))
    assert answer.status == 303 and answer.field("location") == "/later?c=d"
    assert browser.refresh_token != refresh and not proxy.app.received
    assert browser.go("/later?c=d").status == 200
    # Scripts, forms and whoever is no browser are told, and go nowhere; scripts renew by themselves.
    until_status(lambda: browser.fetch("/x"), 401)
    proxy.app.forget()
    for answer in (
            browser.fetch("/x"), browser.fetch("/x", method="POST", body=b"a=b"),
            browser.go("/x", method="POST", body=b"a=b"), get(proxy, "/x", host="127.0.0.1")):
        assert answer.status == 401 and answer.field("location") is None, answer
        [challenge] = answer.all("www-authenticate")
        assert challenge.startswith("Bearer"), answer
    assert not proxy.app.received
    assert browser.fetch("/auth/refresh", [("Origin", browser.origin)], method="POST", body=b"").status in (200, 204)
    assert browser.fetch("/x").status == 200
    nobody_shuts_others_out(proxy.port, scene)
    # Who may not is not sent to sign in.
    bob = scene.browser()
    bob.sign_in("bob")
    assert bob.go("/admin").status == 403
    # C-9: what is ended stays ended.
    old = dict(browser.cookies)
    assert browser.post_form("/auth/logout", {}).status in (204, 303)
    browser.cookies = old
    answer = browser.go("/x")
    assert answer.status == 303 and browser.go(answer.field("location")).status == 200
    assert browser.go("/x").status == 303


def test_behind_nginx_there_is_room_for_cookies_and_for_where_people_were(start, upstream, tmp_path, behind_nginx):
    scene = SignIn(start, upstream(), tmp_path, top=SETTINGS)
    scene.gateway = proxy = behind_nginx(scene.gateway, "/auth/")
    browser = scene.browser()
    cookies = {f"c{n}": "x" * 1000 for n in range(7)}
    browser.cookies |= cookies
    wanted = "/x?a=" + "%26" * 600
    answer = browser.go(wanted)
    assert answer.status == 303 and answer.field("location") == "/auth/login?return_to=/x%3Fa%3D" + "%2526" * 600
    answer = browser.sign_in(target=answer.field("location"))
    assert goes_on(answer) == wanted
    assert not proxy.app.received
    assert browser.go(wanted).status == 200
    [request] = proxy.app.wait_requests()
    assert request.target == wanted and request.all("x-forwarded-user") == ["u-1"]
    assert dict(cookie.split("=") for cookie in request.field("cookie").split("; ")) == cookies


def test_people_sign_in_at_a_provider_behind_nginx(start, upstream, provider, tmp_path, behind_nginx):
    """A session is renewed by the gateway alone, whoever asks."""
    scene = CodeFlow(start, upstream(), provider, tmp_path / "one", top=SETTINGS)
    asked = scene.gateway
    scene.gateway = proxy = behind_nginx(asked, "/oauth/")
    browser = scene.browser()
    browser.sign_in("/a?b=c")
    assert not proxy.app.received and browser.navigate("/a?b=c").status == 200
    [request] = proxy.app.wait_requests()
    assert request.all("x-forwarded-user") == ["alice"] and not any(request.all("cookie"))
    asked.stop()
    with contextlib.closing(sqlite3.connect(scene.state / "company.sessions.db")) as database, database:
        database.execute("UPDATE sessions SET renew_at = renew_at - 3600")
    start(scene.config.replace("127.0.0.1:0", f"127.0.0.1:{asked.port}"))
    assert browser.fetch("/a").status == 200
    assert [each.form["grant_type"] for each in provider.of("token")] == ["authorization_code", "refresh_token"]

@pytest.mark.parametrize("uri, why", [
    ("/public/things:purge", "credential_missing"), ("/public/things%3Apurge", "credential_missing"),
    ("/public/things%3apurge/?x", "credential_missing"), ("/public/things%3Bpurge", "path_parameter"),
    ("/public/things%2Fpurge", "path_encoded_slash"), ("/public/things%3Fpurge", None)])
def test_P_9_both_spellings_that_a_proxy_asks_about_have_one_rule(gateway, uri, why):
    made = gateway()
    answer = ask(made, "GET", uri)
    assert (answer.status == 200) == (why is None) and made.app.received == b""
    assert made.wait_access(1)[0].get("reason") == why


def test_P_17_its_path_has_both_spellings(start, upstream):
    app = upstream()
    gateway = start(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
forward_auth: {{ path: "/.portcullis/verify:it", peers: [10.0.0.1] }}
upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
routes: [{{ path: /**, auth: none, upstream: app }}]
""")
    for path in ("/.portcullis/verify:it", "/.portcullis/verify%3Ait", "/.portcullis/verify%3ait"):
        answer = get(gateway, path, asked())
        assert (answer.status, reason(gateway, answer)) == (403, "client_refused") and app.received == b""


@pytest.mark.parametrize("path, fault", [
    ("/auth/login", "another answer"), ("/auth", "another answer"), ("/.well-known/jwks.json", "another answer"),
    ("/x", "the gateway itself answers this path"),
])
def test_P_17_the_path_is_the_gateways_alone(tmp_path, path, fault):
    (tmp_path / "users.yaml").write_text(users(ALICE))
    (tmp_path / "users.yaml").chmod(0o600)
    (tmp_path / "gateway.conf").write_text(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
forward_auth: {{ path: {path}, peers: [127.0.0.1] }}
providers:
  local:
    issuer: http://127.0.0.1
    audiences: [a]
    signing: {{ state: state }}
    sign_in: {{ users_file: users.yaml }}
upstreams: {{ app: {{ builtin: echo }} }}
routes: [{{ path: /x, auth: local, upstream: app }}]
""")
    result = run("check", "--config", tmp_path / "gateway.conf")
    assert result.returncode == 1 and fault in result.stderr, result.stderr
