"""What an upstream is told of who sends a request in a signed assertion, which it verifies itself."""
import contextlib
import json
import signal
import time

import jwt
import pytest
from support.certificates import Authority, SecureClient, client_context
from support.gateway import run
from support.introspection import CLIENT, SECRET, IntrospectionServer, active
from support.ports import wait_until
from support.sign_in import ALICE, SignIn, users
from support.tokens import AUDIENCE, ISSUER, bearer, mint, payload
from support.wire import get

HEADER = "X-Portcullis-Assertion"
OURS = "https://gate.test"
CONFIG = """
listeners: [{{ address: 127.0.0.1:0 }}]
workers: {workers}
forward_auth: {{ path: /.portcullis/verify, peers: [127.0.0.1] }}
providers:
  company:
    issuer: "{issuer}"
    audiences: [{audience}]
    jwks_url: "{keys}"
    token_from: [authorization, "cookie:session"]
    leeway: {leeway}
    claims: {{ roles: realm.roles }}
  opaque:
    issuer: "https://opaque.test"
    audiences: [{audience}]
    introspection: {{ url: "{endpoint}", client_id: "{client}", client_secret_file: {secret} }}
  local:
    issuer: {ours}
    audiences: [orders]
    signing: {{ state: "{state}", algorithm: {algorithm} }}
upstreams:
  app: {{ servers: ["{app}"] }}
routes:
  - {{ path: /public/**, auth: none, upstream: app }}
  - {{ path: /plain/**, auth: company, upstream: app }}
  - {{ path: /own/**, auth: local, upstream: app }}
  - {{ name: optional, path: /optional/**, auth: company, anonymous: allow, upstream: app,
       assertion: {{ audience: orders }} }}
  - {{ name: named, path: /named/**, auth: company, upstream: app,
       assertion: {{ audience: named, header: X-Who, lifetime: 10m, provider: local }} }}
  - {{ name: opaque, path: /opaque/**, auth: opaque, upstream: app, assertion: {{ audience: orders }} }}
  - {{ name: orders, path: /orders/**, auth: company, upstream: app, assertion: {{ audience: {told} }} }}
"""


@pytest.fixture
def scene(start, upstream, key_server, keys, tmp_path):
    with contextlib.ExitStack() as closing:
        yield lambda workers=1: Scene(
            start, upstream(), key_server(keys["ES256"]), keys["ES256"], tmp_path, workers, closing)


class Scene:
    def __init__(self, start, app, key_server, key, folder, workers, closing):
        self.app, self.key, self.folder = app, key, folder
        self.endpoint = IntrospectionServer()
        closing.callback(self.endpoint.close)
        secret = folder / "client.secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        self.settings = dict(
            workers=workers, issuer=ISSUER, audience=AUDIENCE, keys=key_server.url, endpoint=self.endpoint.url,
            client=CLIENT, secret=secret, ours=OURS, state=folder / "state", algorithm="ES256", app=app.server,
            told="orders", leeway="0s")
        self.gateway = start(CONFIG.format(**self.settings))

    def token(self, **claims):
        return mint(self.key, **{"sub": "alice", "exp": int(time.time()) + 3600, **claims})

    def seen(self, target, token=None, fields=()):
        """The one request that reached the upstream, which was answered 200."""
        self.app.forget()
        answer = get(self.gateway, target, ([bearer(token)] if token else []) + list(fields))
        assert answer.status == 200, answer
        assert len(self.app.requests) == 1
        return self.app.requests[0]

    def told(self, target, token=None, header=HEADER):
        assertion = self.seen(target, token).field(header)
        assert assertion, "nothing was told"
        return assertion

    def published(self):
        answer = get(self.gateway, "/.well-known/jwks.json", host="gate.test")
        assert answer.status == 200
        return jwt.PyJWKSet.from_dict(json.loads(answer.body))

    def verified(self, assertion, audience="orders", algorithm="ES256"):
        """Its claims, as an upstream finds them that has the published keys alone."""
        header = jwt.get_unverified_header(assertion)
        assert header == {"alg": algorithm, "typ": "portcullis-assertion+jwt", "kid": header["kid"]}
        return jwt.decode(
            assertion, self.published()[header["kid"]].key, algorithms=[algorithm], audience=audience, issuer=OURS,
            leeway=5, options={"require": ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]})

    def reload(self, **changes):
        self.gateway.reload(CONFIG.format(**{**self.settings, **changes}))


def test_an_upstream_verifies_who_it_is_with_the_published_keys(scene, workers):
    scene = scene(workers)
    now = int(time.time())
    token = scene.token(
        realm={"roles": ["admin", "support"]}, permissions=["orders.write"], scope="read write",
        preferred_username="al", email="al@a.test", tenant="acme")
    claims = scene.verified(scene.told("/orders/7", token))
    made = claims["iat"]
    assert now - 1 <= made <= time.time() + 1
    assert len(claims.pop("jti")) == 22
    assert claims == {
        "iss": OURS, "aud": "orders", "sub": "alice", "iat": made, "nbf": made, "exp": made + 60, "idp": ISSUER,
        "preferred_username": "al", "email": "al@a.test", "email_verified": False, "roles": ["admin", "support"],
        "permissions": ["orders.write"], "scope": "read write", "route": "orders", "decided_at": made}
    # The identity headers are there as ever, and the token has gone.
    request = scene.seen("/orders/7", token)
    assert request.field("x-forwarded-user") == "alice" and request.field("authorization") is None
    named = scene.verified(scene.told("/named/7", token, "X-Who"), audience="named")
    assert named["route"] == "named" and named["exp"] == named["iat"] + 600
    assert scene.seen("/plain/7", token).field(HEADER) is None


def test_few_claims_and_no_more(scene):
    scene = scene()
    claims = scene.verified(scene.told("/orders/7", scene.token()))
    assert claims["roles"] == claims["permissions"] == [] and claims["scope"] == ""
    assert "email" not in claims and "email_verified" not in claims and "preferred_username" not in claims


@pytest.mark.parametrize("email, verified, told", [
    ("al@a.test", True, True), ("al@a.test", "true", True), ("al@a.test", None, False), ("al@a.test", False, None),
    ("al@evil@a.test", True, None), ("al@evil@a.test", None, None), ("a.test", True, None)])
def test_I_9_an_address_is_told_with_whether_it_is_verified(scene, email, verified, told):
    scene = scene()
    request = scene.seen("/orders/7", scene.token(email=email, email_verified=verified))
    claims = scene.verified(request.field(HEADER))
    assert (claims.get("email"), claims.get("email_verified")) == (None if told is None else email, told)
    assert request.field("x-forwarded-email") == (None if told is None else email)


def test_another_algorithm(scene):
    scene = scene()
    scene.reload(algorithm="EdDSA")
    claims = scene.verified(scene.told("/orders/7", scene.token()), algorithm="EdDSA")
    assert claims["sub"] == "alice"


def test_one_is_sent_again_and_is_each_ones_own(scene):
    scene = scene()
    alice, bob = scene.token(), scene.token(sub="bob")
    first = scene.told("/named/7", alice, "X-Who")
    assert scene.told("/named/8", alice, "X-Who") == first
    assert payload(scene.told("/named/7", bob, "X-Who"))["sub"] == "bob"
    assert scene.told("/orders/7", alice) != first
    assert scene.told("/named/7", alice, "X-Who") == first


def test_it_is_not_good_for_longer_than_the_token(scene):
    scene = scene()
    end = int(time.time()) + 20
    claims = scene.verified(scene.told("/named/7", scene.token(exp=end), "X-Who"), audience="named")
    assert claims["exp"] == end
    # By the leeway of its provider, an expired one passes; before that, the leeway is not told to the upstream.
    scene.reload(leeway="30s")
    end = int(time.time()) + 20
    claims = scene.verified(scene.told("/named/7", scene.token(sub="soon", exp=end), "X-Who"), audience="named")
    assert claims["sub"] == "soon" and claims["exp"] == end
    ended = int(time.time()) - 5
    claims = scene.verified(scene.told("/named/7", scene.token(sub="late", exp=ended), "X-Who"), audience="named")
    assert claims["sub"] == "late" and time.time() - 1 < claims["exp"] == ended + 30


def test_I_1_I_2_a_clients_own_never_arrives(scene):
    scene = scene()
    for name in ["X-Portcullis-Assertion", "x-portcullis-assertion", "X-PORTCULLIS-ASSERTION", "X_Portcullis_Assertion",
                 "X.Portcullis.Assertion", "x-portcullis_assertion", "X~Portcullis|Assertion", "X-Who", "x_who", "X_WHO"]:
        forged = [(name, "forged-by-the-client"), (name, "forged-again")]
        for target, token in [("/public/a", None), ("/optional/a", None), ("/plain/a", scene.token()),
                              ("/orders/a", scene.token()), ("/named/a", scene.token())]:
            request = scene.seen(target, token, forged)
            assert b"forged" not in scene.app.received, (name, target)
            assert len(request.all(HEADER)) == (target == "/orders/a")
            assert len(request.all("X-Who")) == (target == "/named/a")


def test_of_nobody_nothing_is_told(scene):
    scene = scene()
    assert scene.seen("/optional/a").field(HEADER) is None
    assert payload(scene.told("/optional/a", scene.token()))["sub"] == "alice"
    refused = get(scene.gateway, "/optional/a", [bearer(scene.token(aud="other"))])
    assert refused.status == 401 and HEADER.lower() not in refused.names()


def test_I_3_what_connection_names_cannot_remove_it(scene):
    scene = scene()
    request = scene.seen("/orders/a", scene.token(), [("Connection", HEADER)])
    assert scene.verified(request.field(HEADER))["sub"] == "alice"


def test_T_6_it_is_no_token_to_come_back_with(scene):
    scene = scene()
    assertion = scene.told("/orders/7", scene.token())
    own = run("token", "mint", "--config", scene.gateway.config_path, "--provider", "local", "--subject", "a")
    assert scene.seen("/own/a", own.stdout.strip()).field("x-forwarded-user") == "a"
    scene.app.forget()
    # Issuer, audience, key and times are those of the provider's own tokens.
    answer = get(scene.gateway, "/own/a", [bearer(assertion)])
    assert answer.status == 401 and scene.app.received == b""
    assert scene.gateway.access_of(answer.request_id)["reason"] == "token_type_refused"
    verify = ["token", "verify", "--config", scene.gateway.config_path, "--provider", "local"]
    assert run(*verify, own.stdout.strip()).returncode == 0
    assert run(*verify, assertion).returncode == 1


def test_introspected_tokens_are_told_too(scene):
    scene = scene()
    end = int(time.time()) + 300
    scene.endpoint.said["opaque-token"] = active(iss="https://opaque.test", sub="carol", scope="read", exp=end)
    claims = scene.verified(scene.told("/opaque/a", "opaque-token"))
    assert (claims["sub"], claims["idp"], claims["scope"]) == ("carol", "https://opaque.test", "read")


def test_another_key_signs_after_a_reload_and_is_published_by_then(scene, workers):
    scene = scene(workers)
    token = scene.token()
    first = jwt.get_unverified_header(scene.told("/named/7", token, "X-Who"))["kid"]
    time.sleep(1.1)
    assert run("keys", "generate", "--config", scene.gateway.config_path, "--provider", "local").returncode == 0
    scene.gateway.signal(signal.SIGHUP)

    def another():
        # What was remembered under the old key is not sent again; each is found among the keys that are published then.
        assertion = scene.told("/named/7", token, "X-Who")
        assert scene.verified(assertion, audience="named")["sub"] == "alice"
        return jwt.get_unverified_header(assertion)["kid"] != first
    wait_until(another, "the new key to sign", 30)
    scene.gateway.wait_message("reloaded")


def test_another_key_signs_without_a_reload(scene):
    scene = scene()
    token = scene.token()
    first = jwt.get_unverified_header(scene.told("/named/7", token, "X-Who"))["kid"]
    time.sleep(1.1)
    assert run("keys", "generate", "--config", scene.gateway.config_path, "--provider", "local").returncode == 0

    def another():
        assertion = scene.told("/named/7", token, "X-Who")
        assert scene.verified(assertion, audience="named")["sub"] == "alice"
        return jwt.get_unverified_header(assertion)["kid"] != first
    wait_until(another, "the new key to sign", 60)


def test_a_reload_tells_another_audience(scene):
    scene = scene()
    token = scene.token()
    assert payload(scene.told("/orders/7", token))["aud"] == "orders"
    scene.reload(told="billing")
    assert scene.verified(scene.told("/orders/7", token), audience="billing")["aud"] == "billing"


def test_a_proxy_that_asks_is_told(scene):
    scene = scene()

    def ask(uri, *fields):
        asked = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", "app.test"), ("X-Forwarded-Uri", uri)]
        return get(scene.gateway, "/.portcullis/verify", asked + list(fields), host="gateway.internal")
    answer = ask("/orders/7", bearer(scene.token()), (HEADER, "forged"))
    assert answer.status == 200 and len(answer.all(HEADER)) == 1
    assert scene.verified(answer.field(HEADER))["route"] == "orders"
    # What it is told nothing of, it would let pass.
    nobody = ask("/optional/7", (HEADER, "forged"))
    assert nobody.status == 200 and nobody.all(HEADER) == [""]
    assert HEADER.lower() not in ask("/orders/7", bearer("x.y.z")).names()
    assert scene.app.received == b""


def test_who_signed_in_here_is_told(start, upstream, tmp_path):
    scene = SignIn(
        start, upstream(), tmp_path, people=users(ALICE),
        routes="  - { path: /told, auth: local, upstream: app, assertion: { audience: orders } }")
    browser = scene.browser()
    assert browser.sign_in().status == 200
    scene.app.forget()
    assert browser.go("/told").status == 200
    [request] = scene.app.requests
    assertion = request.field(HEADER)
    keys = jwt.PyJWKSet.from_dict(json.loads(scene.get("/.well-known/jwks.json").body))
    claims = jwt.decode(
        assertion, keys[jwt.get_unverified_header(assertion)["kid"]].key, algorithms=["ES256"], audience="orders",
        leeway=5)
    assert (claims["sub"], claims["preferred_username"]) == ("u-1", "alice")
    assert claims["roles"] == ["admin", "support"] and claims["permissions"] == ["orders.write"]
    assert claims["idp"] == claims["iss"] == scene.issuer
    # It opens none of the gateway's own paths either.
    assert scene.get("/auth/me", [bearer(assertion)]).status == 401


def test_whoever_shows_a_certificate_is_told(start, upstream, tmp_path):
    authority, clients, app = Authority(tmp_path), Authority(tmp_path, "clients"), upstream()
    _, chain, key = authority.issue("server")
    gateway = start(f"""
    listeners:
      - address: 127.0.0.1:0
        tls: {{ certificate: {chain}, key: {key}, client_ca: {clients.path}, client_auth: optional }}
    providers:
      machines: {{ client_certificate: {{ subject: uri, clients: [{{ name: "spiffe://a.test/b", roles: [service] }}] }} }}
      local: {{ issuer: {OURS}, audiences: [orders], signing: {{ state: "{tmp_path}/state" }} }}
    upstreams: {{ app: {{ servers: ["{app.server}"] }} }}
    routes: [{{ path: /told, auth: machines, upstream: app, assertion: {{ audience: orders }} }}]
    """)
    shows = clients.issue("client", ["spiffe://a.test/b"])[1:]
    with SecureClient(gateway, client_context(authority, shows=shows)) as client:
        assert client.send("GET /told HTTP/1.1\r\nHost: example.test\r\n\r\n").response().status == 200
    claims = payload(app.requests[0].field(HEADER))
    assert (claims["iss"], claims["idp"], claims["sub"], claims["roles"]) == (
        OURS, "machines", "spiffe://a.test/b", ["service"])


def test_explain_says_what_would_be_signed(scene):
    scene = scene()
    command = ["explain", "--config", scene.gateway.config_path, "--path"]
    text = run(*command, "/orders/7", "--as", "subject=alice").stdout
    assert "signs      X-Portcullis-Assertion, for orders" in text.splitlines()
    found = json.loads(run(*command, "/named/7", "--as", "subject=alice", "--format", "json").stdout)
    assert found["forwarded"]["assertion"] == {"header": "X-Who", "audience": "named"}
    for path in ("/optional/7", "/public/7"):
        found = json.loads(run(*command, path, "--format", "json").stdout)
        assert found["verdict"] == "allowed" and "assertion" not in found["forwarded"]


def test_L_2_it_is_in_no_log(scene):
    scene = scene()
    assertion = scene.told("/orders/7", scene.token())
    scene.gateway.wait_access(1)
    for part in assertion.split(".")[1:]:
        assert part not in scene.gateway.access_text and part not in scene.gateway.program_text
