"""Token introspection (RFC 7662): opaque tokens, which only their issuer knows."""
import calendar
import json
import pathlib
import re
import secrets
import signal as signals
import socket
import struct
import textwrap
import time

import pytest
from conftest import makes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.gateway import run
from support.introspection import CLIENT, SECRET, IntrospectionServer, active
from support.judged import INVALID_TOKEN, Judge
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, bearer, mint
from support.wire import Client, get
from test_tunnels import echoing, handshake

GOOD = "mF_9.B5f-4.1JqM~+/=="


@pytest.fixture
def issuer():
    """Makes introspection endpoints: `issuer(said, …)`."""
    yield from makes(IntrospectionServer, IntrospectionServer.close)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "client.secret"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return path


def config(app, endpoint, credential, more="", introspection="", workers=1, others="", both="company"):
    """`credential`: a secret's path, or what is written instead."""
    if isinstance(credential, pathlib.Path):
        credential = f"client_secret_file: {credential}"
    return f"""
    listeners:
      - address: 127.0.0.1:0
    workers: {workers}
    providers:
      company:
        issuer: "{ISSUER}"
        audiences: [{AUDIENCE}]
        introspection: {{ url: "{endpoint.url}", client_id: "{CLIENT}", {credential}{introspection} }}
        {more}
      {others}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /optional/**, auth: company, anonymous: allow, upstream: app }}
      - {{ path: /admin/**, auth: company, require: {{ roles: [admin] }}, upstream: app }}
      - {{ path: /scoped/**, auth: company, require: {{ scopes: [write], claims: {{ tenant: acme }} }}, upstream: app }}
      - {{ path: /identity/**, auth: company, identity: {{ X-Tenant: tenant }}, upstream: app }}
      - {{ path: /both/**, auth: [{both}], upstream: app }}
      - {{ path: /**, auth: company, upstream: app }}
    """


# No key server answers: keys are never there, and never needed.
NO_KEYS = 'jwks_url: "http://127.0.0.1:1/jwks"'


def everything(gateway):
    """All that the gateway has written."""
    return gateway.program_text + gateway.access_text


# The way of a good token.


@pytest.mark.parametrize("introspection, more", [("", NO_KEYS), (", tokens: all", "")], ids=["opaque", "all"])
def test_an_active_token_passes_and_is_remembered(start, upstream, issuer, secret, workers, introspection, more):
    app = upstream()
    endpoint = issuer({GOOD: active(sub="alice", email="alice@example.com", roles=["admin", "a,b"])})
    gateway = start(config(app, endpoint, secret, more, introspection, workers))
    judge = Judge(gateway, app)
    for _ in range(20):
        request = judge.allowed([bearer(GOOD)])
        assert request.field("x-forwarded-user") == "alice"
        assert request.field("x-forwarded-email") == "alice@example.com"
        assert request.field("x-forwarded-groups") == "admin,a%2Cb"
        assert request.field("authorization") is None
    # Each loop asks once.
    assert 1 <= len(endpoint.asked) <= workers and set(endpoint.asked) == {GOOD} and endpoint.refused == []
    lines = gateway.wait_access(20, status=200)
    misses = [line for line in lines if line["cache"] == "miss"]
    assert len(misses) == len(endpoint.asked) and all(line["cache"] in ("hit", "miss") for line in lines)
    assert all(line["provider"] == "company" and line["subject"] == "alice" for line in lines)
    assert all(line["auth_us"] > 0 for line in misses) and all("key_id" not in line for line in lines)
    assert GOOD.encode() not in app.received and GOOD not in everything(gateway)
    assert SECRET not in everything(gateway)


def test_rules_and_identity_work_as_with_verified_tokens(start, upstream, issuer, secret):
    app = upstream()
    endpoint = issuer({
        "admin": active(roles=["admin"], scope="read write", tenant="acme"),
        "user": active(roles=["xadmin"], scope="read", tenant="acme"),
        "foreign": active(scope="write", tenant="other"),
        "control": active(sub="a\r\nX-Evil: y"),
    })
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    judge = Judge(gateway, app)
    for _ in range(2):
        judge.allowed([bearer("admin")], "/admin/x")
        judge.allowed([bearer("admin")], "/scoped/x")
        assert judge.allowed([bearer("admin")], "/identity/x").field("x-tenant") == "acme"
        judge.refused(403, "role_missing", "policy", "/admin/x", [bearer("user")], 'Bearer error="insufficient_scope"')
        judge.refused(403, "scope_missing", "policy", "/scoped/x", [bearer("user")],
                      'Bearer error="insufficient_scope", scope="write"')
        judge.refused(403, "claim_mismatch", "policy", "/scoped/x", [bearer("foreign")],
                      'Bearer error="insufficient_scope"')
        judge.refused(403, "identity_invalid", "issuer", "/api/x", [bearer("control")],
                      'Bearer error="insufficient_scope"')
    assert len(endpoint.asked) == 4


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("more, audience", [("", None), (', audience: "https://id.example/"', "https://id.example/")])
def test_a_client_with_a_private_key(start, upstream, issuer, keys, tmp_path, algorithm, more, audience):
    app, key = upstream(), keys[algorithm]
    path = tmp_path / "client.pem"
    path.write_bytes(key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    path.chmod(0o600)
    endpoint = issuer({name: active() for name in ("a", "b", "c")}, key=key, audience=audience)
    gateway = start(config(app, endpoint, f"private_key_file: {path}, key_id: {key.kid}{more}", NO_KEYS))
    judge = Judge(gateway, app)
    for token in "abc":
        judge.allowed([bearer(token)])
    assert endpoint.refused == [] and endpoint.asked == ["a", "b", "c"] and len(endpoint.assertions) == 3
    assert endpoint.connections == 1


def test_a_client_that_the_issuer_does_not_know(start, upstream, issuer, tmp_path):
    app, endpoint = upstream(), issuer({GOOD: active()})
    wrong = tmp_path / "wrong"
    wrong.write_text("hush-hush")
    wrong.chmod(0o600)
    gateway = start(config(app, endpoint, wrong, NO_KEYS))
    Judge(gateway, app).refused(503, "introspection_unavailable", "issuer", fields=[bearer(GOOD)])
    why = gateway.wait_message("a token could not be introspected")["why"]
    assert why == "the response has status 401, not 200: the issuer does not accept this client's credentials"
    assert endpoint.asked == [] and endpoint.refused == ["credentials"]
    assert "hush" not in everything(gateway)


def test_a_token_in_a_cookie_and_none_at_all(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({GOOD: active(), "t": active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS + '\n        token_from: [authorization, "cookie:s"]'))
    judge = Judge(gateway, app)
    request = judge.allowed([("Cookie", "s=t; theme=dark")])
    assert request.field("cookie") == "theme=dark"
    judge.allowed([], "/optional/x")
    # T-14, T-15: a bad token is no missing one, and a good cookie does not save it.
    judge.bad_token("bad", "token_inactive", "/optional/x")
    judge.refused(401, "token_inactive", fields=[bearer("bad"), ("Cookie", "s=t")], challenge=INVALID_TOKEN)
    judge.refused(401, "credential_missing", challenge="Bearer")


# Tokens that are not good here.


NOW = int(time.time())
NOT_GOOD = {
    "inactive": ({"active": False}, "token_inactive"),
    "inactive-but-talkative": ({"active": False, "sub": "alice", "iss": ISSUER, "aud": AUDIENCE}, "token_inactive"),
    "expired": (active(exp=NOW - 3600), "token_expired"),
    "not-yet": (active(nbf=NOW + 3600), "token_not_yet_valid"),
    "future": (active(iat=NOW + 3600), "token_issued_in_future"),
    "other-issuer": (active(iss=ISSUER + "/"), "issuer_unknown"),
    "issuer-number": (active(iss=7), "claim_malformed"),
    "other-audience": (active(aud=["other", AUDIENCE + "x"]), "audience_mismatch"),
    "no-audience": (active(aud=None), "claim_missing"),
    "empty-audience": (active(aud=[]), "audience_mismatch"),
    "audience-number": (active(aud=[AUDIENCE, 7]), "claim_malformed"),
    "exp-text": (active(exp=str(NOW + 600)), "claim_malformed"),
    "sub-number": (active(sub=7), "claim_malformed"),
    "mac": (active(token_type="mac"), "token_type_refused"),
    "refresh": (active(token_type="refresh_token"), "token_type_refused"),
    "type-number": (active(token_type=1), "claim_malformed"),
}


def test_what_an_issuer_says_is_checked_as_a_tokens_claims_are(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({token: said for token, (said, _) in NOT_GOOD.items()})
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    judge = Judge(gateway, app)
    bodies = set()
    for token, (_, reason) in [*NOT_GOOD.items(), ("unknown", (None, "token_inactive"))]:
        for _ in range(3):
            answer = judge.bad_token(token, reason)
            bodies.add(answer.body.replace(answer.request_id.encode(), b""))
            assert gateway.access_of(answer.request_id)["provider"] == "company"
    # T-18: the client does not learn why. Each was asked about once, and refused from memory then.
    assert len(bodies) == 1
    assert sorted(endpoint.asked) == sorted([*NOT_GOOD, "unknown"])


def test_what_an_issuer_need_not_say(start, upstream, issuer, secret):
    said = {
        "no-iss": active(iss=None), "no-exp": active(exp=None), "no-sub": active(sub=None),
        "no-type": active(token_type=None), "bearer": active(token_type="bearer"),
        "aud-list": active(aud=["x", AUDIENCE]), "fraction": active(exp=NOW + 3600.5),
        "bare": {"active": True, "aud": AUDIENCE}}
    app, endpoint = upstream(), issuer(said)
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    judge = Judge(gateway, app)
    for token in said:
        judge.allowed([bearer(token)])


@pytest.mark.parametrize("token, reason", [
    ("x" * 8193, "token_too_large"), ("a b", "token_malformed"), ("a\"b", "token_malformed"),
    ("a,b", "token_malformed"), ("a=b", "token_malformed"), ("===", "token_malformed"), ("a:b", "token_malformed"),
    ("a%20b", "token_malformed"), ("{}", "token_malformed"), ("a\tb", "token_malformed"),
    ("a&token=b", "token_malformed"), ("", "token_malformed"),
])
def test_what_cannot_be_a_token_is_not_asked_about(start, upstream, issuer, secret, token, reason):
    app, endpoint = upstream(), issuer({token: active()})
    gateway = start(config(app, endpoint, secret, introspection=", tokens: all"))
    Judge(gateway, app).bad_token(token, reason)
    assert endpoint.asked == [] and endpoint.refused == [] and endpoint.connections == 0


# Issuers that do not answer as they should.


def html(handler):
    handler.answer(200, {"Content-Type": "text/html"}, b"<html>active: true</html>")


BAD_ANSWERS = {
    "active-text": {"active": "true"}, "active-number": {"active": 1}, "active-absent": {"sub": "alice"},
    "duplicate": (200, {}, b'{"active": false, "active": true}'),
    "duplicate-claim": (200, {}, json.dumps(active())[:-1].encode() + b', "sub": "root"}'),
    "escaped-duplicate": (200, {}, b'{"active": false, "\\u0061ctive": true}'),
    "html": html, "text": (200, {"Content-Type": "text/plain"}, json.dumps(active()).encode()),
    "jwt": (200, {"Content-Type": "application/token-introspection+jwt"}, json.dumps(active()).encode()),
    "list": (200, {}, b'[{"active": true}]'), "empty": (200, {}, b""), "two": (200, {}, b'{"active": true}{}'),
    "bad-utf8": (200, {}, b'{"active": true, "sub": "\xff"}'), "bom": (200, {}, b'\xef\xbb\xbf{"active": true}'),
    "deep": (200, {}, b'{"active": true, "a": ' + b"[" * 20 + b"]" * 20 + b"}"),
    "large": (200, {}, b'{"active": true, "a": "' + b"x" * 70_000 + b'"}'),
    "created": (201, {}, json.dumps(active()).encode()), "error": (500, {}, json.dumps(active()).encode()),
    "busy": (503, {"Retry-After": "1"}, b"{}"), "bad-request": (400, {}, b'{"error": "invalid_request"}'),
}


@pytest.mark.parametrize("token", BAD_ANSWERS)
def test_a_bad_answer_lets_nobody_in(start, upstream, issuer, secret, token):
    app, endpoint = upstream(), issuer({token: BAD_ANSWERS[token], GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    judge = Judge(gateway, app)
    for target in ("/api/x", "/optional/x"):
        answer = judge.refused(503, "introspection_unavailable", "issuer", target, [bearer(token)])
        assert int(answer.field("retry-after")) > 0
    gateway.wait_message("a token could not be introspected")
    # Nothing of it is remembered, and others are not refused for it.
    assert endpoint.asked == [token] * 2
    judge.allowed([bearer(GOOD)])
    assert gateway.wait_message("tokens can be introspected again")["provider"] == "company"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_K_1_a_token_does_not_follow_a_redirect(start, upstream, issuer, secret, status):
    app, elsewhere = upstream(), issuer({GOOD: active()})
    endpoint = issuer({GOOD: (status, {"Location": elsewhere.url}, b"")})
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    Judge(gateway, app).refused(503, "introspection_unavailable", "issuer", fields=[bearer(GOOD)])
    assert gateway.wait_message("could not be introspected")["why"] == f"the response has status {status}, not 200"
    assert elsewhere.connections == 0


def test_an_issuer_that_is_not_there(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({GOOD: active()})
    endpoint.close()
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    judge = Judge(gateway, app)
    for number in range(20):
        judge.refused(503, "introspection_unavailable", "issuer", fields=[bearer(f"t{number}")])
    # It is said once, not for each of them.
    assert len(gateway.said("could not be introspected")) == 1


def test_a_slow_issuer_holds_up_nobody_else(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({"slow": active(), GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    judge = Judge(gateway, app)
    judge.allowed([bearer(GOOD)])
    endpoint.released.clear()
    with Client(gateway, 20) as client:
        client.send("GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer slow\r\n\r\n")
        wait_until(lambda: endpoint.in_flight == 1, "the question")
        # Remembered tokens pass meanwhile, on the same loop.
        judge.allowed([bearer(GOOD)])
        judge.allowed([], "/optional/x")
        answer = client.response()
        assert answer.status == 503 and answer.field("www-authenticate") is None
        line = gateway.access_of(answer.request_id)
        assert (line["reason"], line["blame"], line["provider"]) == ("introspection_unavailable", "issuer", "company")
        # It waited, and the line says for how long.
        assert 4_000_000 <= line["auth_us"] <= line["total_us"]
        # The connection goes on.
        endpoint.released.set()
        client.send(f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n")
        assert client.response().status == 200


def test_a_failing_issuer_is_left_alone_and_then_tried_again(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer()
    down = (503, {}, b"{}")
    endpoint.said = {f"t{number}": down for number in range(200)}
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    judge = Judge(gateway, app)
    for number in range(100):
        judge.refused(503, "introspection_unavailable", "issuer", fields=[bearer(f"t{number}")])
    # Three failures in a row, and a probe from time to time.
    assert 3 <= len(endpoint.asked) < 30, endpoint.asked
    endpoint.said = {f"t{number}": active() for number in range(200)}
    wait_until(lambda: get(gateway, "/api/x", [bearer("t150")]).status == 200, "the recovery", 30)
    gateway.wait_message("tokens can be introspected again")


@pytest.mark.parametrize("token", ["duplicate-claim", "deep", "large", "bad-utf8", "bad-request", "error"])
def test_a_token_that_its_issuer_answers_oddly_takes_introspection_from_nobody(
    start, upstream, issuer, secret, token
):
    app, endpoint = upstream(), issuer({token: BAD_ANSWERS[token], GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS, ", cache: 0s"))
    judge = Judge(gateway, app)
    for _ in range(3):
        for _ in range(5):
            judge.refused(503, "introspection_unavailable", "issuer", fields=[bearer(token)])
        judge.allowed([bearer(GOOD)])
    # It was said all the same.
    gateway.wait_message("a token could not be introspected")


# Tunnels.


def test_T_16_a_tunnel_ends_once_the_issuer_says_so(start, script, issuer, secret):
    """Half a minute goes by until the issuer is asked again; of many tunnels it is asked a few at a time."""
    many = {f"many{number}": "/ends" for number in range(30)}
    targets = many | {"revoked": "/kept/revoked", "foreign": "/ends", "stays": "/stays", "silent": "/stays",
                      "over": "/kept/over", "cookie": "/ends"}
    endpoint = issuer({token: active() for token in targets} | {"over": active(exp=int(time.time()) + 10)})
    app = script(echoing)
    routes = "    routes:\n      - { path: /kept/**, auth: company, on_expiry: keep, upstream: app }\n"
    gateway = start(config(
        app, endpoint, secret, NO_KEYS + '\n        token_from: [authorization, "cookie:session"]', ", cache: 5s").replace(
            "    routes:\n", routes))
    clients = {token: Client(gateway, 90) for token in targets}
    for token, client in clients.items():
        field = ("Cookie", "session=cookie") if token == "cookie" else bearer(token)
        client.send(handshake(targets[token], [field, ("Origin", "http://example.test")]))
        assert client.response().status == 101
    assert endpoint.asked == list(targets)
    # The last one was asked about by its tunnel alone since: no request comes.
    endpoint.asked, endpoint.most_in_flight = [], 0
    endpoint.said = {"stays": active(), "silent": (400, {}, b"{}"), "foreign": active(aud="other")}
    endpoint.released.clear()
    wait_until(lambda: endpoint.in_flight == 16, "the first questions", 60)
    endpoint.released.set()
    for token in [*many, "revoked", "foreign", "cookie"]:
        assert clients[token].is_closed(60), token
    assert endpoint.most_in_flight <= 16
    wait_until(lambda: set(endpoint.asked) == set(targets), "all questions", 60)
    for token in ("stays", "silent", "over"):
        assert clients[token].send(b"still").sock.recv(10) == b"still"
    lines = gateway.wait_access(len(many) + 2, path="/ends") + gateway.wait_access(path="/kept/revoked")
    assert {(line["status"], line["reason"]) for line in lines} == {(101, "token_inactive"), (101, "audience_mismatch")}
    assert not any(token in everything(gateway) for token in targets if token.startswith("many"))
    for client in clients.values():
        client.sock.close()


# Many at once.


def test_the_same_token_on_all_loops_is_one_question(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS, workers=4))
    endpoint.released.clear()
    clients = [Client(gateway, 20) for _ in range(40)]
    for client in clients:
        client.send(f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n")
    wait_until(lambda: endpoint.in_flight == 1, "the question")
    # One more round trip through every loop's queue would be a guess: the count at the end is the proof.
    with Client(gateway) as other:
        other.send("GET /optional/x HTTP/1.1\r\nHost: a\r\n\r\n")
        assert other.response().status == 200
    endpoint.released.set()
    assert [client.response().status for client in clients] == [200] * 40
    for client in clients:
        client.sock.close()
    # A loop whose connection was accepted after the answer asks again; most came before.
    assert 1 <= len(endpoint.asked) <= 4 and endpoint.most_in_flight == 1
    assert all(line["subject"] == "alice" for line in gateway.wait_access(41) if line["path"] == "/api/x")


@pytest.mark.memory
def test_a_flood_of_bad_tokens(start, upstream, issuer, secret, workers):
    app, endpoint = upstream(), issuer({GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS, ", cache: 5m", workers))
    judge = Judge(gateway, app)
    good = [Client(gateway, 20) for _ in range(8)]
    request = f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n"
    for client in good:
        # Remembered by the loop of this connection.
        assert client.send(request).response().status == 200
    judge.forwarded = len(app.requests)
    asked_before, resident = len(endpoint.asked), gateway.resident_bytes()
    endpoint.released.clear()
    # Each address has a share of the places.
    flood = [Client(gateway, 30, source=f"127.0.0.{2 + number % 8}") for number in range(400)]
    for client in flood:
        client.send(f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secrets.token_hex(2000)}\r\n\r\n")
    wait_until(lambda: endpoint.in_flight == 64, "64 questions")
    for client in good:
        assert client.send(request).response().status == 200
    assert endpoint.most_in_flight == 64
    endpoint.released.set()
    statuses = [client.response().status for client in flood]
    assert set(statuses) <= {401, 503} and statuses.count(401) >= 64
    for client in [*flood, *good]:
        client.sock.close()
    assert endpoint.most_in_flight <= 64
    assert len(endpoint.asked) - asked_before <= 400
    assert gateway.resident_bytes() - resident < 64 * 1024 * 1024


def test_C_11_one_address_does_not_take_the_places_of_all_questions(start, upstream, issuer, secret):
    """1,100 made-up tokens of one address wait for a slow issuer, or are refused; another client's is asked about at
    once."""
    app, endpoint = upstream(), issuer({GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    endpoint.released.clear()
    flood = [Client(gateway, 30, source="127.0.0.2") for _ in range(1100)]
    for client in flood:
        client.send(f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secrets.token_hex(16)}\r\n\r\n")
    wait_until(lambda: endpoint.in_flight == 16, "16 questions")
    # Those that found no place are told at once.
    refused = flood[-1].response()
    assert refused.status == 503
    assert gateway.access_of(refused.request_id)["reason"] == "introspection_unavailable"
    with Client(gateway, 30) as other:
        other.send(f"GET /api/other HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n")
        # Beside the share of the other address, not behind it.
        wait_until(lambda: endpoint.in_flight == 17, "its question")
        endpoint.released.set()
        assert other.response().status == 200
    statuses = [client.response().status for client in flood[:-1]] + [503]
    for client in flood:
        client.sock.close()
    # Of a slow machine some have waited for too long.
    assert set(statuses) == {401, 503} and 16 <= statuses.count(401) <= 16 + 128
    assert len(endpoint.asked) <= 16 + 128 + 1 and endpoint.most_in_flight == 17
    assert [request.target for request in app.wait_requests(1)] == ["/api/other"]


def test_more_bad_tokens_than_are_remembered(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS, ", cache: 5m"))
    with Client(gateway, 20) as client:
        def status(token):
            request = f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
            return client.send(request).response().status
        assert status(GOOD) == 200
        for number in range(1500):
            assert status(f"bad{number}") == 401
            if number % 500 == 0:
                assert status(GOOD) == 200
    # The good one was never driven out.
    assert endpoint.asked.count(GOOD) == 1 and len(endpoint.asked) == 1501
    assert len(gateway.wait_access(1500, reason="token_inactive")) == 1500


def test_a_client_that_goes_away_while_it_waits(start, upstream, issuer, secret, workers):
    app, endpoint = upstream(), issuer({f"t{number}": active() for number in range(5)} | {GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS, workers=workers))
    endpoint.released.clear()
    for number in range(5):
        with Client(gateway) as client:
            client.send(f"GET /api/gone HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t{number}\r\n\r\n")
            wait_until(lambda: endpoint.in_flight == number + 1, "the question")
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    lines = gateway.wait_access(5, path="/api/gone")
    assert all((line["status"], line["reason"]) == (499, "client_closed") for line in lines)
    # Their places are taken by others when the answer comes: it is not for them.
    with Client(gateway, 20) as client:
        client.send("GET /api/other HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer unknown\r\n\r\n")
        wait_until(lambda: endpoint.in_flight == 6, "the last question")
        endpoint.released.set()
        assert client.response().status == 401
    assert get(gateway, "/api/x", [bearer(GOOD)]).status == 200
    assert len(gateway.wait_access(5, path="/api/gone")) == 5
    assert [request.target for request in app.wait_requests(1)] == ["/api/x"]


def test_requests_behind_one_that_waits_keep_their_order(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({"t": active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    endpoint.released.clear()
    with Client(gateway, 20) as client:
        body = "x" * 20_000
        client.send(
            f"POST /api/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            "GET /api/2 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer bad\r\n\r\n"
            "GET /api/3 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\n\r\n")
        wait_until(lambda: endpoint.in_flight == 1, "the question")
        assert app.received == b""
        endpoint.released.set()
        assert [client.response().status for _ in range(3)] == [200, 401, 200]
    assert [request.target for request in app.requests] == ["/api/1", "/api/3"]
    assert app.requests[0].body == body.encode()
    assert endpoint.asked == ["t", "bad"]


# What is remembered, and for how long.


def test_a_token_that_its_issuer_revokes_stops_within_cache(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS, ", cache: 2s"))
    judge = Judge(gateway, app)
    judge.allowed([bearer(GOOD)])
    endpoint.said = {}
    end = time.monotonic() + 20
    while (answer := get(gateway, "/api/x", [bearer(GOOD)])).status == 200:
        assert time.monotonic() < end
        time.sleep(0.05)
    line = gateway.access_of(answer.request_id)
    assert (answer.status, line["reason"]) == (401, "token_inactive")
    lines = [line for line in gateway.access() if line["status"] == 200]
    # None passed later than that, by the gateway's own clock.
    first, last = (line["time"] for line in (lines[0], lines[-1]))
    assert last[:19] <= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(parsed(first) + 2)), (first, last)
    assert len(endpoint.asked) == 2


def parsed(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def test_T_16_a_remembered_token_dies_with_its_exp(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({})
    gateway = start(config(app, endpoint, secret, NO_KEYS + "\n        leeway: 0s", ", cache: 5m"))
    # Its time begins when there is somebody to ask.
    endpoint.said[GOOD] = active(exp=int(time.time()) + 4)
    Judge(gateway, app).allowed([bearer(GOOD)])
    wait_until(lambda: get(gateway, "/api/x", [bearer(GOOD)]).status == 401, "the end of the token", 20)
    [line] = gateway.wait_access(status=401)
    assert line["reason"] == "token_expired" and len(endpoint.asked) == 2


def test_nothing_is_remembered_where_cache_is_zero(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS, ", cache: 0s"))
    judge = Judge(gateway, app)
    for _ in range(3):
        judge.allowed([bearer(GOOD)])
        judge.bad_token("bad", "token_inactive")
    assert endpoint.asked == [GOOD, "bad"] * 3
    assert endpoint.connections == 1


def test_a_reload_forgets_and_reads_the_secret_again(start, upstream, issuer, secret):
    app, endpoint = upstream(), issuer({GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS, ", cache: 5m"))
    judge = Judge(gateway, app)
    judge.allowed([bearer(GOOD)])
    judge.bad_token("later", "token_inactive")
    secret.write_text("another")
    endpoint.said["later"] = active()
    gateway.reload()
    judge.refused(503, "introspection_unavailable", "issuer", fields=[bearer(GOOD)])
    assert endpoint.refused == ["credentials"]
    secret.write_text(SECRET)
    gateway.reload()
    judge.allowed([bearer(GOOD)])
    judge.allowed([bearer("later")])
    # A file that others can read is not a reason to end: the old one stays in force.
    secret.chmod(0o644)
    gateway.signal(signals.SIGHUP)
    gateway.wait_message("reload refused")
    judge.allowed([bearer(GOOD)])


def test_who_waits_during_a_reload_is_decided_anew(start, upstream, issuer, secret):
    app, old, new = upstream(), issuer({GOOD: {"active": False}}), issuer({GOOD: active()})
    gateway = start(config(app, old, secret, NO_KEYS))
    old.released.clear()
    with Client(gateway, 20) as client:
        client.send(f"GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n\r\n")
        wait_until(lambda: old.in_flight == 1, "the question")
        gateway.write_config(config(app, new, secret, NO_KEYS))
        gateway.signal(signals.SIGHUP)
        assert client.response().status == 200
        old.released.set()
    assert new.asked == [GOOD]
    assert [line["status"] for line in gateway.wait_access()] == [200]


@pytest.mark.parametrize("limits, status, reason", [
    ("fields: 10", 431, "too_many_fields"), ("head: 2KiB", 431, "head_too_large"),
    ("target: 1KiB", 414, "target_too_long")])
def test_who_waits_while_a_reload_lowers_the_limits_is_told(start, upstream, issuer, secret, limits, status, reason):
    app, endpoint = upstream(), issuer({GOOD: active()})
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    endpoint.released.clear()
    with Client(gateway, 20) as client:
        more = "".join(f"X-{number}: {'x' * 100}\r\n" for number in range(20))
        client.send(f"GET /api/{'x' * 1200} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GOOD}\r\n{more}\r\n")
        wait_until(lambda: endpoint.in_flight == 1, "the question")
        gateway.write_config(f"limits: {{ {limits} }}\n" + textwrap.dedent(config(app, endpoint, secret, NO_KEYS)))
        gateway.signal(signals.SIGHUP)
        answer = client.response()
        endpoint.released.set()
    assert answer.status == status and app.requests == []
    assert gateway.access_of(answer.request_id)["reason"] == reason


# To whom a token is shown.


def test_a_jwt_is_not_shown_to_an_issuer_that_did_not_ask_for_it(start, upstream, issuer, secret, key_server, keys):
    app, endpoint = upstream(), issuer({GOOD: active(sub="opaque")})
    gateway = start(config(app, endpoint, secret, f'jwks_url: "{key_server(keys["ES256"]).url}"'))
    gateway.wait_message("keys updated")
    judge = Judge(gateway, app)
    assert judge.allowed([bearer(mint(keys["ES256"], sub="jwt"))]).field("x-forwarded-user") == "jwt"
    assert judge.allowed([bearer(GOOD)]).field("x-forwarded-user") == "opaque"
    judge.bad_token(mint(keys["RS256"]), "key_unknown")
    judge.bad_token(mint(keys["ES256"], exp=1), "token_expired")
    judge.bad_token("a.b.c", "token_malformed")
    judge.bad_token("..", "token_malformed")
    # Not two dots, or another alphabet: opaque.
    judge.bad_token("a.b.c.d.e", "token_inactive")
    judge.bad_token("a.b.c+", "token_inactive")
    judge.bad_token("a.b", "token_inactive")
    assert endpoint.asked == [GOOD, "a.b.c.d.e", "a.b.c+", "a.b"]


def test_all_tokens_are_introspected_where_the_provider_says_so(start, upstream, issuer, secret, keys):
    app = upstream()
    token, stranger = mint(keys["ES256"]), mint(keys["ES256"], iss="https://other.example")
    endpoint = issuer({token: active(sub="asked"), "a.b.c": active(sub="odd")})
    gateway = start(config(app, endpoint, secret, introspection=", tokens: all"))
    judge = Judge(gateway, app)
    assert judge.allowed([bearer(token)]).field("x-forwarded-user") == "asked"
    assert judge.allowed([bearer("a.b.c")]).field("x-forwarded-user") == "odd"
    judge.bad_token(mint(keys["ES256"], sub="another"), "token_inactive")
    # What says that it is another issuer's is shown to nobody.
    judge.bad_token(stranger, "issuer_unknown")
    assert stranger not in endpoint.asked and len(endpoint.asked) == 3
    # No key was looked for.
    assert endpoint.refused == []
    assert not gateway.said("keys")


@pytest.mark.parametrize("required, good, bad", [
    ("", ["JWT", "at+jwt", None], ["logout+jwt", "portcullis-assertion+jwt", "dpop+jwt"]),
    ("require: { typ: at+jwt }", ["at+jwt", "application/at+jwt"], ["JWT", None, "logout+jwt"]),
])
def test_T_6_an_issuer_is_not_asked_about_a_token_of_another_type(
        start, upstream, issuer, secret, keys, required, good, bad):
    app = upstream()
    tokens = {typ: mint(keys["ES256"], headers={"typ": typ}) for typ in {*good, *bad}}
    # The issuer knows each of them, and also reads one that is not as strict as a JWS has to be.
    padded = {token + "=": active() for token in tokens.values()}
    endpoint = issuer({"opaque": active(), **{token: active() for token in tokens.values()}, **padded})
    gateway = start(config(app, endpoint, secret, required, introspection=", tokens: all"))
    judge = Judge(gateway, app)
    for typ in bad:
        judge.bad_token(tokens[typ], "token_type_refused")
        judge.bad_token(tokens[typ] + "=", "token_type_refused")
    assert endpoint.asked == [] and endpoint.refused == []
    for typ in good:
        judge.allowed([bearer(tokens[typ])])
    # A token that is not a JWT has no type.
    judge.allowed([bearer("opaque")])
    assert endpoint.asked == [*(tokens[typ] for typ in good), "opaque"]


def test_T_6_the_type_of_an_introspected_jwt_is_tried(start, upstream, issuer, secret, keys):
    app = upstream()
    plain, typed = (mint(keys["ES256"], headers={"typ": typ}) for typ in ("JWT", "at+jwt"))
    endpoint = issuer({token: active() for token in (plain, typed, "opaque")})
    gateway = start(config(
        app, endpoint, secret, "try: { require: { typ: at+jwt } }", introspection=", tokens: all"))
    judge = Judge(gateway, app)
    for token, shadow in [(plain, "token_type_refused"), (typed, None), ("opaque", None)]:
        request = judge.allowed([bearer(token)])
        assert gateway.access_of(request.field("x-request-id")).get("shadow") == shadow


@pytest.mark.parametrize("introspection", ["", ", tokens: all"])
def test_T_11_beside_another_provider(start, upstream, issuer, secret, key_server, keys, introspection):
    app, endpoint = upstream(), issuer({GOOD: active(sub="opaque")})
    other = f"""other:
        issuer: "https://other.example"
        audiences: [{AUDIENCE}]
        jwks_url: "{key_server(keys["ES256"]).url}"
    """
    more = "" if introspection else f'jwks_url: "{key_server(keys["RS256"]).url}"'
    gateway = start(config(app, endpoint, secret, more, introspection, others=other, both="other, company"))
    fetched = 1 if introspection else 2
    wait_until(lambda: len(gateway.said("keys updated")) == fetched, "the keys")
    judge = Judge(gateway, app)
    theirs = mint(keys["ES256"], iss="https://other.example", sub="theirs")
    ours = mint(keys["RS256"])
    if introspection:
        endpoint.said[ours] = active(sub="ours")
    assert judge.allowed([bearer(theirs)], "/both/x").field("x-forwarded-user") == "theirs"
    assert judge.allowed([bearer(GOOD)], "/both/x").field("x-forwarded-user") == "opaque"
    judge.allowed([bearer(ours)], "/both/x")
    judge.bad_token(theirs, "issuer_unknown" if introspection else "key_unknown", "/api/x")
    judge.bad_token(mint(keys["ES256"], iss="https://third.example"), "issuer_unknown", "/both/x")
    assert endpoint.asked == ([GOOD, ours] if introspection else [GOOD])


def test_L_2_neither_token_nor_secret_is_ever_written(start, upstream, issuer, secret, tmp_path):
    app = upstream()
    canary = "canary-" + secrets.token_hex(16)
    endpoint = issuer({canary: (500, {}, canary.encode()), canary + "b": (302, {"Location": f"/{canary}"}, b""),
                       canary + "c": html, canary + "d": active(sub="alice")})
    gateway = start(config(app, endpoint, secret, NO_KEYS))
    for token in ["", "b", "c", "d", "e", "f g", "x" * 9000]:
        get(gateway, "/api/x", [bearer(canary + token)])
    endpoint.close()
    for _ in range(5):
        get(gateway, "/api/x", [bearer(canary + "z")])
    assert len(gateway.wait_access(12)) == 12
    assert canary not in everything(gateway) and canary.encode() not in app.received
    for said in (SECRET, "s3cr", "Basic "):
        assert said not in everything(gateway)


# The configuration.


@pytest.mark.parametrize("mode, fault", [
    (0o644, "the secret can be read by others; run chmod 600"), (0o604, "the secret can be read by others"),
    (0o640, None), (0o600, None)])
def test_L_3_a_secret_that_others_can_read(tmp_path, upstream, issuer, secret, mode, fault):
    secret.chmod(mode)
    path = tmp_path / "gateway.conf"
    path.write_text(config(upstream(), issuer(), secret, NO_KEYS))
    done = run("check", "--config", path)
    if fault is None:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1 and fault in done.stderr and SECRET not in done.stderr
        assert run("serve", "--config", path).returncode == 78


def serialized(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.mark.parametrize("content, mode, fault", [
    (b"no key", 0o600, "contains no unencrypted RSA, EC or Ed25519 private key in PEM"),
    (lambda: serialized(rsa.generate_private_key(65537, 1024)), 0o600, "holds an RSA key of 1024 bits; 2048 to 8192 are accepted"),
    (None, 0o640, "the private key can be read by users other than its owner"), (None, 0o600, None)])
def test_K_8_a_client_key_that_cannot_be_used(tmp_path, upstream, issuer, keys, content, mode, fault):
    key = tmp_path / "client.pem"
    key.write_bytes((content() if callable(content) else content) or serialized(keys["ES256"].private))
    key.chmod(mode)
    path = tmp_path / "gateway.conf"
    path.write_text(config(upstream(), issuer(), f"private_key_file: {key}", NO_KEYS))
    done = run("check", "--config", path)
    assert (done.returncode == 0) == (fault is None) and (fault or "") in done.stderr, done.stderr
    if fault:
        assert re.match(rf"{re.escape(str(path))}:[0-9]+:[0-9]+: ", done.stderr), done.stderr
        assert run("serve", "--config", path).returncode == 78
