"""Tokens that are bound to a key (RFC 9449), and those that are bound to what is not checked (RFC 7800)."""
import base64
import hashlib
import json
import os
import re
import threading
import time
import uuid

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from support.gateway import run
from support.introspection import CLIENT, SECRET, IntrospectionServer, active
from support.judged import INVALID_TOKEN, Judge
from support.tokens import AUDIENCE, ISSUER, Key, b64, bearer, hand_made, mint, number, signing
from support.wire import Client, get

REVOKED = "revoked-1"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
ALGS = f'algs="{" ".join(ALGORITHMS)}"'
BAD_TOKEN = f'Bearer error="invalid_token", DPoP error="invalid_token", {ALGS}'
BAD_TOKEN_REQUIRED = f'DPoP error="invalid_token", {ALGS}'
LEEWAY = 5
HOST = "example.test"


def digest(data):
    return b64(hashlib.sha256(data).digest())


def thumbprint(jwk):
    """RFC 7638 §3."""
    names = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}[jwk["kty"]]
    return digest(json.dumps({name: jwk[name] for name in names}, separators=(",", ":")).encode())


def dpop(token):
    return ("Authorization", f"DPoP {token}")


class Holder:
    """A client with a key of its own, and proofs that it makes with it."""

    def __init__(self, key):
        self.key = key
        self.jwk = {name: value for name, value in key.jwk.items() if name in ("kty", "crv", "x", "y", "n", "e")}
        self.thumbprint = thumbprint(self.jwk)

    def token(self, issuer_key, **changes):
        """A token that is bound to the holder's key (RFC 9449 §6.1)."""
        return mint(issuer_key, cnf={"jkt": self.thumbprint}, **changes)

    def claims(self, token, target="/api/x", method="GET", **changes):
        result = dict(
            jti=uuid.uuid4().hex, htm=method, htu=f"http://{HOST}{target}", iat=int(time.time()),
            ath=digest(token.encode()))
        result.update(changes)
        return {name: value for name, value in result.items() if value is not None}

    def proof(self, token, target="/api/x", header=None, method="GET", **changes):
        """A proof (RFC 9449 §4.2) made by PyJWT; a value of None leaves a member out."""
        return jwt.encode(
            self.claims(token, target, method, **changes), self.key.private, algorithm=self.key.algorithm,
            headers={"typ": "dpop+jwt", "jwk": self.jwk, **(header or {})})

    def crafted(self, token, sign=None, **header):
        """A proof with any header, signed as it is."""
        header = {"typ": "dpop+jwt", "alg": self.key.algorithm, "jwk": self.jwk, **header}
        header = {name: value for name, value in header.items() if value is not None}
        return hand_made(header, self.claims(token), sign or signing(self.key))

    def fields(self, token, target="/api/x", **changes):
        """What proves it in a request."""
        return [dpop(token), ("DPoP", self.proof(token, target, **changes))]


def config(folder, server, workers=1):
    return f"""
    listeners:
      - address: 127.0.0.1:0
    workers: {workers}
    limits: {{ head: 32KiB }}
    revocations: {{ file: {folder}/revoked.txt }}
    providers:
      allowed:
        issuer: "{ISSUER}"
        audiences: [{AUDIENCE}]
        jwks_file: {folder}/issuer.json
        leeway: {LEEWAY}s
        token_from: [authorization, "cookie:session"]
        dpop: allowed
      required:
        issuer: "{ISSUER}"
        audiences: [{AUDIENCE}]
        jwks_file: {folder}/issuer.json
        token_from: [authorization, "cookie:session"]
        dpop: required
      unbound:
        issuer: "{ISSUER}"
        audiences: [{AUDIENCE}]
        jwks_file: {folder}/issuer.json
        token_from: [authorization, "cookie:session"]
      other: {{ issuer: "https://other.example", audiences: [{AUDIENCE}], jwks_file: {folder}/other.json }}
    upstreams:
      app: {{ servers: ["{server}"] }}
    routes:
      - {{ path: /public/**, auth: none, upstream: app }}
      - {{ host: {HOST}, path: /api/**, auth: allowed, upstream: app }}
      - {{ host: {HOST}, path: /required/**, auth: required, upstream: app }}
      - {{ path: /off/**, auth: unbound, upstream: app }}
      - {{ host: {HOST}, path: /optional/**, auth: allowed, anonymous: allow, upstream: app }}
      - {{ path: /offoptional/**, auth: unbound, anonymous: allow, upstream: app }}
      - {{ host: {HOST}, path: /forward/**, auth: allowed, token: forward, upstream: app }}
      - {{ host: {HOST}, path: /both/**, auth: [allowed, other], upstream: app }}
      - {{ host: {HOST}, path: /admin/**, auth: allowed, require: {{ scopes: [admin] }}, upstream: app }}
    """


class Scene:
    def __init__(self, start, upstream, folder, workers=1):
        shared = Key("RS256", "shared").private
        self.issuer = Key("ES256", "issuer-1")
        self.other = Key("ES256", "other-1")
        for name, key in (("issuer", self.issuer), ("other", self.other)):
            (folder / f"{name}.json").write_text(json.dumps({"keys": [key.jwk]}))
        (folder / "revoked.txt").write_text(f"jti {REVOKED}\n")
        self.holders = {name: Holder(Key(name, None, private=shared)) for name in ALGORITHMS}
        self.holder = self.holders["ES256"]
        self.thief = Holder(Key("ES256", None))
        self.app = upstream()
        self.gateway = start(config(folder, self.app.server, workers))
        self.judge = Judge(self.gateway, self.app)

    def token(self, **changes):
        return self.holder.token(self.issuer, **changes)

    def bad(self, fields, reason="proof_invalid", challenge=BAD_TOKEN, target="/api/x", **options):
        return self.judge.refused(401, reason, target=target, fields=fields, challenge=challenge, **options)


@pytest.fixture(scope="module")
def scene(start_once, upstream_once, tmp_path_factory):
    made = Scene(start_once, upstream_once, tmp_path_factory.mktemp("keys"))
    yield made
    made.judge.settled()


# What is believed.


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_of_public_keys_proves(scene, algorithm):
    holder = scene.holders[algorithm]
    token = holder.token(scene.issuer, sub=algorithm)
    for _ in range(2):
        # The second from the cache: the token is remembered, what proves it is not.
        request = scene.judge.allowed(holder.fields(token))
        assert request.field("x-forwarded-user") == algorithm
        assert request.field("authorization") is None and request.field("dpop") is None
    assert [line["cache"] for line in scene.gateway.access()[-2:]] == ["miss", "hit"]
    scene.bad([dpop(token)], "proof_missing")


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP", "dPoP  "])
@pytest.mark.parametrize("name", ["DPoP", "dpop", "DPOP"])
def test_names_are_read_in_any_case(scene, scheme, name):
    token = scene.token()
    request = scene.judge.allowed([("Authorization", f"{scheme} {token}"), (name, scene.holder.proof(token))])
    assert "authorization" not in request.names() and "dpop" not in request.names()


@pytest.mark.parametrize("htu", [
    f"http://{HOST}/api/x", f"https://{HOST}/api/x", f"HTTP://{HOST.upper()}/api/x",
    f"http://{HOST}:80/api/x", f"https://{HOST}:443/api/x", f"http://{HOST}:/api/x",
    f"http://{HOST}/api/x?other=query", f"http://{HOST}/api/x#fragment", f"http://{HOST}./api/x",
    f"http://{HOST}/%61pi/%78"])
def test_a_target_is_compared_without_its_spelling(scene, htu):
    token = scene.token()
    scene.judge.allowed(scene.holder.fields(token, htu=htu), target="/api/x?a=b")


def test_a_target_is_the_path_that_was_decided_on(scene):
    token = scene.token()
    scene.judge.allowed(scene.holder.fields(token, htu=f"http://{HOST}/api/x"), target="/%61pi/%78")
    scene.judge.allowed(scene.holder.fields(token, htu=f"http://{HOST}/api/%c3%a9"), target="/api/%C3%A9")


def test_a_port_is_part_of_the_host(scene):
    token = scene.token()
    host = f"{HOST}:8443"
    scene.judge.allowed(scene.holder.fields(token, htu=f"https://{host}/api/x"), host=host)
    scene.judge.allowed(scene.holder.fields(token, htu=f"http://{host}/api/x"), host=host)
    scene.bad(scene.holder.fields(token), host=host)
    scene.bad(scene.holder.fields(token, htu=f"https://{host}/api/x"))


def test_methods_are_compared_as_they_are(scene):
    token = scene.token()
    request = scene.judge.allowed(scene.holder.fields(token, method="POST"), method="POST", body=b"x=1")
    assert request.body == b"x=1"
    scene.judge.allowed(scene.holder.fields(token, method="PROPFIND"), method="PROPFIND")
    for said, done in (("GET", "POST"), ("GET", "PUT"), ("POST", "GET"), ("get", "GET"), ("GET", "PROPFIND")):
        scene.bad(scene.holder.fields(token, method=said), method=done)


def test_times_have_a_minute_and_the_leeway(scene):
    token = scene.token()
    now = time.time()
    for iat in (int(now) - 50, now - 0.5, now, now + 2):
        scene.judge.allowed(scene.holder.fields(token, iat=iat))
    for iat in (int(now) - 60 - LEEWAY, int(now) - 3600, int(now) + 3600, 0, -1, 1e300, int(now * 1000), "1", True, [1]):
        scene.bad(scene.holder.fields(token, iat=iat))


# What is not: each row breaks one rule of RFC 9449 §4.3.


def faults():
    secret_jwk = {"kty": "oct", "k": b64(b"k" * 64)}
    claims = {
        "no jti": dict(jti=None), "jti empty": dict(jti=""), "jti a number": dict(jti=7),
        "jti too long": dict(jti="j" * 257), "no htm": dict(htm=None), "htm a list": dict(htm=["GET"]),
        "no htu": dict(htu=None), "htu a number": dict(htu=7), "no iat": dict(iat=None), "no ath": dict(ath=None),
        "ath of nothing": dict(ath=digest(b"")), "ath empty": dict(ath=""), "ath a number": dict(ath=7),
        "other path": dict(htu=f"http://{HOST}/api/y"), "path above": dict(htu=f"http://{HOST}/api"),
        "path below": dict(htu=f"http://{HOST}/api/x/"), "path in other case": dict(htu=f"http://{HOST}/Api/x"),
        "encoded slash": dict(htu=f"http://{HOST}/api%2Fx"), "dot segment": dict(htu=f"http://{HOST}/api/./x"),
        "other host": dict(htu="http://evil.test/api/x"), "user in it": dict(htu=f"http://a@{HOST}/api/x"),
        "other port": dict(htu=f"http://{HOST}:8080/api/x"), "other scheme": dict(htu=f"ws://{HOST}/api/x"),
        "no scheme": dict(htu=f"//{HOST}/api/x"), "path alone": dict(htu="/api/x"),
        "expired": dict(exp=int(time.time()) - 3600), "not yet": dict(nbf=int(time.time()) + 3600),
    }
    header = {
        "no typ": dict(typ=None), "typ JWT": dict(typ="JWT"), "typ of a token": dict(typ="at+jwt"),
        "no alg": dict(alg=None), "alg none": dict(alg="none"), "alg of a secret": dict(alg="HS256"),
        "alg of another key": dict(alg="RS256"), "alg of another curve": dict(alg="ES384"),
        "crit": dict(crit=["jwk"]), "b64": dict(b64=True), "cty": dict(cty="JWT"), "zip": dict(zip="DEF"),
        "no jwk": dict(jwk=None), "jwk a text": dict(jwk="{}"), "jwk a secret": dict(jwk=secret_jwk),
        "jwk empty": dict(jwk={}),
    }
    for name, changes in claims.items():
        yield pytest.param(lambda s, t, c=changes: [s.holder.proof(t, **c)], id=name)
    for name, changes in header.items():
        yield pytest.param(lambda s, t, c=changes: [s.holder.crafted(t, **c)], id=name)
    rows = {
        "jwk private": lambda s, t: [s.holder.crafted(t, jwk=dict(
            s.holder.jwk, d=number(s.holder.key.private.private_numbers().private_value, 32)))],
        "jwk for encryption": lambda s, t: [s.holder.crafted(t, jwk=dict(s.holder.jwk, use="enc"))],
        "jwk for another alg": lambda s, t: [s.holder.crafted(t, jwk=dict(s.holder.jwk, alg="RS256"))],
        "jwk off the curve": lambda s, t: [s.holder.crafted(t, jwk=dict(s.holder.jwk, y=s.holder.jwk["x"]))],
        "another's key": lambda s, t: [s.thief.proof(t)],
        "another's signature": lambda s, t: [s.holder.crafted(t, sign=signing(s.thief.key))],
        "signature of zeros": lambda s, t: [s.holder.crafted(t, sign=lambda _: bytes(64))],
        "signature in DER": lambda s, t: [s.holder.crafted(
            t, sign=lambda data: s.holder.key.private.sign(data, ec.ECDSA(hashes.SHA256())))],
        "no signature": lambda s, t: [s.holder.proof(t).rpartition(".")[0] + "."],
        "header cut": lambda s, t: [s.holder.proof(t)[1:]],
        "padded": lambda s, t: [s.holder.proof(t) + "="],
        "the token itself": lambda s, t: [t],
        "empty": lambda s, t: [""],
        "text": lambda s, t: ["x"],
        "encrypted": lambda s, t: ["a.b.c.d.e"],
        "a name twice": lambda s, t: [hand_made(
            {"typ": "dpop+jwt", "alg": "ES256", "jwk": s.holder.jwk},
            json.dumps(s.holder.claims(t)).encode()[:-1] + b', "jti": "x"}', signing(s.holder.key))],
        "claims no object": lambda s, t: [hand_made(
            {"typ": "dpop+jwt", "alg": "ES256", "jwk": s.holder.jwk}, b"[]", signing(s.holder.key))],
        "too large": lambda s, t: [s.holder.proof(t, more="m" * 8192)],
        "two lines": lambda s, t: [s.holder.proof(t), s.holder.proof(t)],
        "the same line twice": lambda s, t: [s.holder.proof(t)] * 2,
        "two in a line": lambda s, t: [s.holder.proof(t) + ", " + s.holder.proof(t)],
    }
    for name, make in rows.items():
        yield pytest.param(make, id=name)


@pytest.mark.parametrize("make", faults())
def test_a_proof_with_a_fault_is_refused(scene, make):
    token = scene.token()
    scene.bad([dpop(token), *(("DPoP", proof) for proof in make(scene, token))])
    # The token is good all the same: with a proof it passes, and the fault has left nothing behind.
    scene.judge.allowed(scene.holder.fields(token))


def test_a_weak_key_proves_nothing(scene):
    weak = Holder(Key("RS256", None, bits=1024))
    token = weak.token(scene.issuer)
    scene.bad(weak.fields(token))


def test_a_stolen_token_is_worth_nothing_alone(scene):
    token = scene.token()
    proof = scene.holder.proof(token)
    scene.judge.allowed([dpop(token), ("DPoP", proof)])
    scene.bad([dpop(token)], "proof_missing")
    scene.bad([bearer(token)], "proof_missing")
    # RFC 9449 §7.2: nor as a bearer token with a proof beside it.
    scene.bad([bearer(token), ("DPoP", scene.holder.proof(token))], "proof_missing")
    scene.bad([dpop(token), ("DPoP", scene.thief.proof(token))])
    # With the proof that was seen.
    scene.bad([dpop(token), ("DPoP", proof)], "proof_replayed")


def test_a_proof_is_for_one_token(scene):
    first, second = scene.token(sub="first"), scene.token(sub="second")
    scene.bad([dpop(first), ("DPoP", scene.holder.proof(second))])
    # What was refused was not used up: it is still good for what it was made for.
    proof = scene.holder.proof(second)
    scene.bad([dpop(first), ("DPoP", proof)])
    scene.bad([dpop(second), ("DPoP", proof)], target="/api/y")
    request = scene.judge.allowed([dpop(second), ("DPoP", proof)])
    assert request.field("x-forwarded-user") == "second"
    scene.bad([dpop(second), ("DPoP", proof)], "proof_replayed")


def test_two_holders_may_choose_the_same_identifier(scene):
    for holder in (scene.holder, scene.thief):
        token = holder.token(scene.issuer)
        scene.judge.allowed(holder.fields(token, jti="the same"))
        scene.bad(holder.fields(token, jti="the same"), "proof_replayed")
        # Also for another request: the identifier is the holder's, whatever it stands for.
        scene.bad(holder.fields(token, "/api/y", jti="the same"), "proof_replayed", target="/api/y")


def test_a_bad_token_is_refused_before_its_proof(scene):
    for token, reason in (
            (scene.token(exp=int(time.time()) - 3600), "token_expired"), (scene.token(aud="other"), "audience_mismatch"),
            ("x", "token_malformed"), ("", "token_malformed"), (scene.holder.token(scene.other), "key_unknown")):
        scene.bad(scene.holder.fields(token), reason, BAD_TOKEN)
        scene.bad([dpop(token)], reason, BAD_TOKEN)


# Replays.


def test_a_proof_passes_once(start, upstream, tmp_path, workers):
    scene = Scene(start, upstream, tmp_path, workers)
    token = scene.token()
    for _ in range(5):
        proof = scene.holder.proof(token)
        scene.judge.allowed([dpop(token), ("DPoP", proof)])
        # Connections of their own, which the loops share out.
        for _ in range(8):
            scene.bad([dpop(token), ("DPoP", proof)], "proof_replayed")
    # A new configuration remembers what the old one saw.
    scene.gateway.reload()
    for _ in range(8):
        scene.bad([dpop(token), ("DPoP", proof)], "proof_replayed")
    scene.judge.settled()


def test_of_many_that_bring_a_proof_at_once_one_passes(start, upstream, tmp_path, workers):
    scene = Scene(start, upstream, tmp_path, workers)
    token = scene.token()
    rounds, count = 25, 8
    for turn in range(rounds):
        head = f"GET /api/x HTTP/1.1\r\nHost: {HOST}\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in scene.holder.fields(token))
        barrier = threading.Barrier(count)
        answers = []

        def send(client):
            barrier.wait(20)
            client.send(head + "\r\n")
            answers.append(client.response())

        clients = [Client(scene.gateway) for _ in range(count)]
        threads = [threading.Thread(target=send, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        for client in clients:
            client.sock.close()
        assert sorted(answer.status for answer in answers) == [200] + [401] * (count - 1)
        refused = [answer for answer in answers if answer.status == 401]
        assert {scene.gateway.access_of(answer.request_id)["reason"] for answer in refused} == {"proof_replayed"}
        assert len(scene.app.wait_requests(turn + 1)) == turn + 1
    scene.judge.forwarded = rounds
    scene.judge.settled()


def test_each_request_of_a_connection_is_proved(scene):
    token = scene.token()
    first, second = scene.holder.proof(token), scene.holder.proof(token)
    rows = [(first, 200, None), (None, 401, "proof_missing"), (first, 401, "proof_replayed"), (second, 200, None),
            (second, 401, "proof_replayed")]
    with Client(scene.gateway) as client:
        for proof, status, reason in rows:
            head = f"GET /api/x HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: DPoP {token}\r\n"
            client.send(head + (f"DPoP: {proof}\r\n" if proof else "") + "\r\n")
            answer = client.response()
            assert answer.status == status, answer
            if reason:
                assert scene.gateway.access_of(answer.request_id)["reason"] == reason
    # Pipelined, on one loop: in their order.
    third = scene.holder.proof(token)
    with Client(scene.gateway) as client:
        request = f"GET /api/x HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: DPoP {token}\r\nDPoP: {third}\r\n\r\n"
        client.send(request * 3)
        assert [client.response().status for _ in range(3)] == [200, 401, 401]
    scene.judge.forwarded += 3
    scene.app.wait_requests(scene.judge.forwarded)
    scene.judge.settled()


# What a provider says of it.


def test_allowed_takes_bearer_tokens_that_are_not_bound(scene):
    token = mint(scene.issuer, sub="bob")
    request = scene.judge.allowed([bearer(token)])
    assert request.field("x-forwarded-user") == "bob"
    # A proof beside it is no application's: it is removed, unread.
    request = scene.judge.allowed([bearer(token), ("DPoP", "x"), ("DPoP", "y")])
    assert request.field("authorization") is None and request.all("dpop") == []
    # The scheme says that there is something to prove.
    scene.bad(scene.holder.fields(token))
    scene.bad([dpop(token)])


def test_required_takes_nothing_else(scene):
    bound, unbound = scene.token(), mint(scene.issuer)
    scene.judge.allowed(scene.holder.fields(bound, "/required/x"), target="/required/x")
    for fields, reason in (
            ([bearer(unbound)], "proof_missing"), ([("Cookie", f"session={unbound}")], "proof_missing"),
            ([bearer(unbound), ("DPoP", scene.holder.proof(unbound, "/required/x"))], "proof_missing"),
            (scene.holder.fields(unbound, "/required/x"), "proof_invalid"), ([bearer(bound)], "proof_missing"),
            ([dpop(bound)], "proof_missing")):
        scene.bad(fields, reason, BAD_TOKEN_REQUIRED, target="/required/x")


def test_off_believes_no_bound_token(scene):
    bound, unbound = scene.token(), mint(scene.issuer)
    scene.judge.allowed([bearer(unbound)], target="/off/x")
    proof = ("DPoP", scene.holder.proof(bound, "/off/x"))
    for fields in ([bearer(bound)], [bearer(bound), proof], [("Cookie", f"session={bound}")],
                   [("Cookie", f"session={bound}"), proof]):
        # Twice: also where the token is remembered.
        scene.bad(fields, "confirmation_unsupported", INVALID_TOKEN, target="/off/x", blame="issuer")
        scene.bad(fields, "confirmation_unsupported", INVALID_TOKEN, target="/off/x", blame="issuer")
    # What stands behind DPoP is a token there too: never anonymous, never forwarded, and no cookie is better (T-14).
    for target in ("/off/x", "/offoptional/x"):
        for more in ([], [("Cookie", f"session={unbound}")]):
            scene.bad([dpop("x"), *more], "token_malformed", INVALID_TOKEN, target=target)
            scene.bad([dpop(unbound), *more], "proof_invalid", INVALID_TOKEN, target=target)
            scene.bad([dpop(bound), proof, *more], "confirmation_unsupported", INVALID_TOKEN, target=target,
                      blame="issuer")
    request = scene.judge.allowed([("DPoP", "y")], target="/offoptional/x")
    assert request.field("dpop") is None and request.field("x-forwarded-user") is None


@pytest.mark.parametrize("prefix", ["api", "required", "off"])
@pytest.mark.parametrize("confirmation, reason", [
    ({"x5t#S256": digest(b"certificate")}, "certificate_mismatch"),
    ({"x5t#S256": digest(b"certificate"), "jkt": digest(b"key")}, "confirmation_unsupported"),
    ({"jkt": "HOLDER", "kid": "x"}, "confirmation_unsupported"), ({"jwk": {"kty": "EC"}}, "confirmation_unsupported"),
    ({"kid": "x"}, "confirmation_unsupported"), ({}, "confirmation_unsupported"), ([], "confirmation_unsupported"),
    ("x", "confirmation_unsupported"), ({"jkt": 7}, "confirmation_unsupported"),
    ({"jkt": "x"}, "confirmation_unsupported"), ({"jkt": "HOLDER="}, "confirmation_unsupported"),
    ({"x5t#S256": "x"}, "confirmation_unsupported"), ({"x5t": digest(b"c")[:27]}, "confirmation_unsupported"),
])
def test_a_token_that_is_bound_to_what_is_not_checked_is_refused(scene, prefix, confirmation, reason):
    if isinstance(confirmation, dict) and isinstance(confirmation.get("jkt"), str):
        confirmation = dict(confirmation, jkt=confirmation["jkt"].replace("HOLDER", scene.holder.thumbprint))
    token = mint(scene.issuer, cnf=confirmation)
    target = f"/{prefix}/x"
    challenge = {"api": BAD_TOKEN, "off": INVALID_TOKEN,
                 "required": BAD_TOKEN_REQUIRED}[prefix]
    blame = "issuer" if reason == "confirmation_unsupported" else "client"
    for fields in ([bearer(token)], [("Cookie", f"session={token}")], scene.holder.fields(token, target)):
        scene.bad(fields, reason, challenge, target=target, blame=blame)


def test_a_null_confirmation_is_none_that_can_be_checked(scene):
    payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": int(time.time()) + 600, "cnf": None}
    token = hand_made({"alg": "ES256", "kid": "issuer-1"}, payload, signing(scene.issuer))
    scene.bad([bearer(token)], "confirmation_unsupported", BAD_TOKEN, blame="issuer")


def test_several_providers_on_a_route(scene):
    other = mint(scene.other, iss="https://other.example", sub="carol")
    assert scene.judge.allowed([bearer(other)], target="/both/x").field("x-forwarded-user") == "carol"
    token = scene.token()
    scene.judge.allowed(scene.holder.fields(token, "/both/x"), target="/both/x")
    # The other provider does not speak it.
    scene.bad([dpop(other)], target="/both/x")
    bound = scene.holder.token(scene.other, iss="https://other.example")
    for fields in ([bearer(bound)], scene.holder.fields(bound, "/both/x")):
        scene.bad(fields, "confirmation_unsupported", target="/both/x", blame="issuer")


# Where the token stands, and what the application sees.


def test_a_token_in_a_cookie_is_proved_too(scene):
    token = scene.token()
    cookie = ("Cookie", f"theme=dark; session={token}")
    request = scene.judge.allowed([cookie, ("DPoP", scene.holder.proof(token))])
    assert request.field("cookie") == "theme=dark" and request.field("dpop") is None
    scene.bad([cookie], "proof_missing")
    scene.bad([cookie, ("DPoP", scene.thief.proof(token))])
    unbound = mint(scene.issuer)
    scene.judge.allowed([("Cookie", f"session={unbound}")])
    # T-14: a token in Authorization is the credential, good or bad.
    scene.bad([dpop("x"), cookie, ("DPoP", scene.holder.proof(token))], "token_malformed", BAD_TOKEN)
    scene.bad([dpop(token), ("Cookie", f"session={unbound}")], "proof_missing")


def test_I_6_what_proves_goes_upstream_only_where_the_token_does(scene):
    token = scene.token()
    fields = scene.holder.fields(token, "/forward/x")
    request = scene.judge.allowed(fields, target="/forward/x")
    assert request.field("authorization") == f"DPoP {token}" and request.field("dpop") == fields[1][1]
    # I-3: no Connection option takes it away, or brings it through.
    fields = scene.holder.fields(token, "/forward/x") + [("Connection", "DPoP, Authorization")]
    request = scene.judge.allowed(fields, target="/forward/x")
    assert request.field("authorization") == f"DPoP {token}" and request.field("dpop") == fields[1][1]
    request = scene.judge.allowed(scene.holder.fields(token) + [("Connection", "DPoP")])
    assert request.field("authorization") is None and request.field("dpop") is None
    request = scene.judge.allowed([dpop(token), ("DPoP", "the application's own")], target="/public/x")
    assert request.field("authorization") == f"DPoP {token}" and request.field("dpop") == "the application's own"


def test_T_15_where_a_token_is_optional_a_bad_proof_is_not_none(scene):
    token = scene.token()
    request = scene.judge.allowed([("DPoP", scene.holder.proof(token, "/optional/x"))], target="/optional/x")
    assert request.field("x-forwarded-user") is None and request.field("dpop") is None
    request = scene.judge.allowed(scene.holder.fields(token, "/optional/x"), target="/optional/x")
    assert request.field("x-forwarded-user") == "alice"
    scene.bad([dpop(token)], "proof_missing", target="/optional/x")
    scene.bad([dpop("x")], "token_malformed", BAD_TOKEN, target="/optional/x")


def test_T_14_two_authorization_lines_are_refused(scene):
    token = scene.token()
    scene.judge.refused(400, "credential_repeated", target="/api/x", fields=[
        *scene.holder.fields(token), bearer(mint(scene.issuer))])
    scene.judge.refused(400, "credential_repeated", target="/api/x", fields=[
        *scene.holder.fields(token), dpop(token)])


def test_a_proof_for_another_server_passes_nowhere(scene):
    """Host is the sender's: a proof that was made for another server comes with that server's name."""
    token = scene.token()
    for host in ("evil.example", f"{HOST}.evil.example", f"a.{HOST}"):
        fields = scene.holder.fields(token, htu=f"https://{host}/api/x")
        scene.judge.refused(404, "no_route", target="/api/x", fields=fields, host=host)
        scene.bad(fields)


def test_a_route_with_proofs_and_no_host_is_refused(tmp_path):
    text = config(tmp_path, "127.0.0.1:9").replace(f"host: {HOST}, path: /both/**", "path: /both/**")
    path = tmp_path / "gateway.conf"
    path.write_text(text)
    (tmp_path / "issuer.json").write_text('{"keys": []}')
    (tmp_path / "other.json").write_text('{"keys": []}')
    result = run("check", "--config", str(path))
    assert result.returncode == 1
    assert '"allowed" has dpop, and a proof is for one server: give the route a "host"' in result.stderr + result.stdout


def test_an_opaque_token_is_proved_too(start, upstream, tmp_path):
    """What the issuer says that it is bound to (RFC 7662) counts as the claim does (RFC 9449 §6.2)."""
    holder, thief, app = Holder(Key("ES256", None)), Holder(Key("ES256", None)), upstream()
    secret = tmp_path / "client.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    endpoint = IntrospectionServer({
        "bound": active(cnf={"jkt": holder.thumbprint}, token_type="DPoP"), "unbound": active()})
    try:
        gateway = start(f"""
    listeners:
      - address: 127.0.0.1:0
    providers:
      company:
        issuer: "{ISSUER}"
        audiences: [{AUDIENCE}]
        jwks_url: "http://127.0.0.1:1/jwks"
        dpop: allowed
        introspection: {{ url: "{endpoint.url}", client_id: "{CLIENT}", client_secret_file: {secret} }}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ host: {HOST}, path: /**, auth: company, upstream: app }}
    """)
        judge = Judge(gateway, app)
        for _ in range(2):
            # Asked about, then remembered.
            fields = holder.fields("bound")
            request = judge.allowed(fields)
            assert request.field("x-forwarded-user") == "alice" and request.field("dpop") is None
            for refused, reason in (
                    (fields, "proof_replayed"), ([dpop("bound")], "proof_missing"), ([bearer("bound")], "proof_missing"),
                    (thief.fields("bound"), "proof_invalid"), (holder.fields("unbound"), "proof_invalid")):
                judge.refused(401, reason, target="/api/x", fields=refused, challenge=BAD_TOKEN)
            judge.allowed([bearer("unbound")])
        judge.settled()
    finally:
        endpoint.close()


# What the client and the log are told.


def test_challenges_offer_what_the_route_speaks(scene):
    for target, challenge in (("/api/x", f"Bearer, DPoP {ALGS}"), ("/required/x", f"DPoP {ALGS}"),
                              ("/off/x", "Bearer"), ("/both/x", f"Bearer, DPoP {ALGS}")):
        scene.bad([], "credential_missing", challenge, target=target)
        scene.bad([("Authorization", "Basic YTpi")], "credential_missing", challenge, target=target)
    token = scene.token(scope="other")
    scene.judge.refused(
        403, "scope_missing", "policy", target="/admin/x", fields=scene.holder.fields(token, "/admin/x"),
        challenge=f'Bearer error="insufficient_scope", scope="admin", '
                  f'DPoP error="insufficient_scope", scope="admin", {ALGS}')
    # The proof comes before the rights.
    scene.bad([dpop(token)], "proof_missing", target="/admin/x")


def masked(answer):
    """An answer's bytes without its id and its date."""
    text = answer.head + b"\r\n\r\n" + answer.body
    return re.sub(rb"\r\nDate: [^\r]+", b"", text.replace(answer.request_id.encode(), b"REQUEST-ID"))


def test_T_18_bad_proofs_are_answered_as_bad_tokens_are(scene):
    token = scene.token()
    used = scene.holder.proof(token)
    scene.judge.allowed([dpop(token), ("DPoP", used)])
    rows = [
        [dpop(token)], [bearer(token)], [dpop(token), ("DPoP", used)], [dpop(token), ("DPoP", "x")],
        scene.holder.fields(token, htm="PUT"), scene.holder.fields(token, htu="x"), scene.holder.fields(token, iat=1),
        scene.holder.fields(token, ath="x"), [dpop(token), ("DPoP", scene.thief.proof(token))],
        [dpop(mint(scene.issuer))], [("Cookie", f"session={token}")],
    ]
    answers = [get(scene.gateway, "/api/x", fields) for fields in rows]
    reasons = {scene.gateway.access_of(answer.request_id)["reason"] for answer in answers}
    assert reasons == {"proof_missing", "proof_invalid", "proof_replayed"}
    assert {answer.status for answer in answers} == {401}
    bad = [[dpop("x")], [bearer("x")], scene.holder.fields(scene.token(exp=1)), [bearer(scene.token(aud="other"))],
           [bearer(mint(scene.issuer, cnf={}))], [bearer(mint(scene.issuer, cnf={"x5t#S256": digest(b"c")}))]]
    answers += [get(scene.gateway, "/api/x", fields) for fields in bad]
    revoked = [[bearer(mint(scene.issuer, jti=REVOKED))], scene.holder.fields(scene.token(jti=REVOKED)),
               [("Cookie", f"session={mint(scene.issuer, jti=REVOKED)}")]]
    for fields in revoked:
        answers.append(get(scene.gateway, "/api/x", fields))
        assert scene.gateway.access_of(answers[-1].request_id)["reason"] == "token_revoked"
    assert len({masked(answer) for answer in answers}) == 1, {masked(answer) for answer in answers}
    scene.judge.settled()


def test_a_refusal_names_the_key_the_provider_and_whose_the_token_is(scene):
    token = scene.token(sub="alice")
    answer = scene.bad([dpop(token)], "proof_missing")
    line = scene.gateway.access_of(answer.request_id)
    assert (line["provider"], line["key_id"]) == ("allowed", "issuer-1")
    assert line["subject"] == "alice" and "upstream" not in line


def test_L_2_no_proof_stands_in_a_log(scene):
    marker = "canary" + os.urandom(8).hex()
    token = scene.token()
    proof = scene.holder.proof(token, jti=marker, more=marker)
    for _ in range(2):
        get(scene.gateway, "/api/x", [dpop(token), ("DPoP", proof)])
    scene.judge.forwarded += 1
    scene.app.wait_requests(scene.judge.forwarded)
    logs = scene.gateway.access_text + scene.gateway.program_text
    for piece in (marker, proof, *proof.split(".")[1:], base64.b64encode(marker.encode()).decode()):
        assert piece not in logs
    scene.judge.settled()
