"""Real OpenID providers: the gateway is told the issuer's name alone, and takes the tokens that a sign-in ends with."""
import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import urllib.parse

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from support import toolkit_provider
from support.browser import NAVIGATION, sign_in, walk
from support.judged import Judge
from support.ports import free_port, wait_until
from support.tokens import Key, bearer, hand_made, number, signing
from support.wire import get

PROGRAMS = pathlib.Path(sys.executable).parent
REDIRECT = "http://127.0.0.1:1/callback"
CLIENT, SECRET, PASSWORD = "shop", "client secret", "correct horse battery staple"


def program(name):
    path = PROGRAMS / name
    assert path.exists(), f"{path} is missing: pip install -r requirements-oidc.txt"
    return str(path)


class Provider:
    """A provider's process, once its discovery document is there."""

    def __init__(self, command, port, log, env=None, cwd=None):
        self.issuer = f"http://127.0.0.1:{port}"
        self.log = open(log, "wb")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env={**os.environ, **(env or {})},
            cwd=cwd, start_new_session=True)
        try:
            wait_until(self._answers, f"{command[0]} to answer; {log} says more", 60)
        except AssertionError:
            self.close()
            raise

    def _answers(self):
        assert self.process.poll() is None, "it has ended"
        try:
            return requests.get(self.issuer + "/.well-known/openid-configuration", timeout=5).ok
        except requests.RequestException:
            return False

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.log.close()


@pytest.fixture(scope="module")
def canaille(tmp_path_factory):
    """Canaille, with a database, a user and a client that has registered itself."""
    folder, port = tmp_path_factory.mktemp("canaille"), free_port()
    key = Key("RS256", "canaille-1")
    private = key.private.private_numbers()
    jwk = {name: value for name, value in key.jwk.items() if name in ("kty", "n", "e", "kid")}
    jwk.update({name: number(value) for name, value in (
        ("d", private.d), ("p", private.p), ("q", private.q), ("dp", private.dmp1), ("dq", private.dmq1),
        ("qi", private.iqmp))})
    table = ", ".join(f"{name} = {json.dumps(value)}" for name, value in jwk.items())
    (folder / "canaille.toml").write_text(f"""
SECRET_KEY = "only for a test"
PREFERRED_URL_SCHEME = "http"
SERVER_NAME = "127.0.0.1:{port}"
BROKER = "dramatiq_eager_broker:EagerBroker"
[CANAILLE]
DATABASE = "sql"
JAVASCRIPT = false
HTMX = false
[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{folder}/canaille.sqlite"
[CANAILLE_OIDC]
DYNAMIC_CLIENT_REGISTRATION_OPEN = true
TRUSTED_DOMAINS = ["127.0.0.1", "127.0.0.2"]
ACTIVE_JWKS = [{{{table}}}]
""")
    env = {"CANAILLE_CONFIG": str(folder / "canaille.toml")}
    for arguments in (
        ["install"],
        ["create", "user", "--user-name", "alice", "--password", PASSWORD, "--family-name", "Liddell", "--given-name",
         "Alice", "--formatted-name", "Alice Liddell", "--emails", "alice@example.com"],
    ):
        subprocess.run([program("canaille"), *arguments], check=True, capture_output=True, timeout=60, cwd=folder,
                       env={**os.environ, **env})
    provider = Provider([program("canaille"), "run", "--bind", f"127.0.0.1:{port}"], port, folder / "log", env, folder)
    # RFC 7591: its answer says what the client is called.
    answer = requests.post(provider.issuer + "/oauth/register", timeout=20, json={
        "client_name": "Shop", "redirect_uris": [REDIRECT], "grant_types": ["authorization_code"],
        "response_types": ["code"], "scope": "openid profile email",
        "token_endpoint_auth_method": "client_secret_basic"})
    assert answer.status_code == 201, answer.text
    provider.client = answer.json()
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def provider_mock(tmp_path_factory):
    """oidc-provider-mock, with a user who has roles."""
    port = free_port()
    user = {"sub": "bob", "email": "bob@example.com", "groups": ["admin", "a,b"]}
    provider = Provider(
        [program("oidc-provider-mock"), "--port", str(port), "--user-claims", json.dumps(user)], port,
        tmp_path_factory.mktemp("mock") / "log")
    yield provider
    provider.close()


@pytest.fixture
def toolkit(tmp_path):
    """django-oauth-toolkit, with a user and a client that is a gateway; `url` is the gateway's."""
    port, url, key = free_port(), f"http://127.0.0.2:{free_port()}", Key("RS256", "unused")
    (tmp_path / "settings.json").write_text(json.dumps({
        "key": key.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode(),
        "client_id": "gateway", "client_secret": SECRET, "redirect_uri": url + "/oauth/callback",
        "after_logout": url + "/bye", "username": "alice", "password": PASSWORD}))
    command = [sys.executable, pathlib.Path(toolkit_provider.__file__), str(port), str(tmp_path)]
    provider = Provider(command, port, tmp_path / "log")
    provider.url, provider.log_path = url, tmp_path / "log"
    yield provider
    provider.close()


def config(app, issuer, more="", audience=CLIENT):
    return f"""
    listeners:
      - address: 127.0.0.1:0
    workers: 1
    providers:
      company: {{ issuer: "{issuer}", audiences: [{audience}]{more} }}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /admin/**, auth: company, require: {{ roles: [admin] }}, upstream: app }}
      - {{ path: /**, auth: company, upstream: app }}
    """


def test_a_token_of_canaille_passes(start, upstream, canaille):
    app = upstream()
    client = canaille.client["client_id"]
    gateway = start(config(app, canaille.issuer, audience=client))
    gateway.wait_message("keys updated", 20)
    judge = Judge(gateway, app)
    tokens = sign_in(canaille.issuer, client, REDIRECT, {"login": "alice", "password": PASSWORD},
                     canaille.client["client_secret"])
    token = tokens["id_token"]
    stated = jwt.decode(token, options={"verify_signature": False})
    assert stated["iss"] == canaille.issuer and stated["sub"]
    request = judge.allowed([bearer(token)])
    assert request.field("x-forwarded-user") == stated["sub"]
    assert request.field("x-forwarded-email") == stated.get("email")
    judge.refused(403, "role_missing", "policy", "/admin/x", [bearer(token)], 'Bearer error="insufficient_scope"')
    refused_when_changed(judge, token)


def test_a_token_of_a_second_provider_passes(start, upstream, provider_mock):
    app = upstream()
    gateway = start(config(app, provider_mock.issuer, ", claims: { roles: groups }"))
    gateway.wait_message("keys updated", 20)
    judge = Judge(gateway, app)
    token = sign_in(provider_mock.issuer, CLIENT, REDIRECT, {"sub": "bob"}, SECRET)["id_token"]
    request = judge.allowed([bearer(token)], "/admin/x")
    assert request.field("x-forwarded-user") == "bob"
    assert request.field("x-forwarded-email") == "bob@example.com"
    assert request.field("x-forwarded-groups") == "admin,a%2Cb"
    refused_when_changed(judge, token)


def test_a_token_of_canaille_is_introspected_until_it_is_revoked(start, upstream, canaille, tmp_path):
    app = upstream()
    client, secret = canaille.client["client_id"], canaille.client["client_secret"]
    file = tmp_path / "secret"
    file.write_text(secret)
    file.chmod(0o600)
    gateway = start(config(app, canaille.issuer, f""", introspection: {{
        url: "{canaille.issuer}/oauth/introspect", client_id: "{client}", client_secret_file: "{file}", cache: 1s,
        tokens: all }}""", audience=client))
    judge = Judge(gateway, app)
    token = sign_in(canaille.issuer, client, REDIRECT, {"login": "alice", "password": PASSWORD}, secret)["access_token"]
    assert judge.allowed([bearer(token)]).field("x-forwarded-user") == "alice"
    judge.bad_token(token + "x", "token_inactive")
    revoked = requests.post(canaille.issuer + "/oauth/revoke", auth=(client, secret), timeout=20,
                            data={"token": token, "token_type_hint": "access_token"})
    assert revoked.status_code == 200, revoked.text
    answer = wait_until(lambda: (get(gateway, "/x", [bearer(token)]).status == 401) and get(
        gateway, "/x", [bearer(token)]), "the revocation", 20)
    assert gateway.access_of(answer.request_id)["reason"] == "token_inactive"


def test_a_browser_signs_in_at_canaille_and_out_again(start, upstream, canaille, tmp_path):
    """The gateway is at another address than the provider: cookies know no ports."""
    app = upstream()
    url = f"http://127.0.0.2:{free_port()}"
    answer = requests.post(canaille.issuer + "/oauth/register", timeout=20, json={
        "client_name": "Gateway", "redirect_uris": [url + "/oauth/callback"], "post_logout_redirect_uris": [url + "/bye"],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "scope": "openid profile email", "token_endpoint_auth_method": "client_secret_basic"})
    assert answer.status_code == 201, answer.text
    client = answer.json()
    file = tmp_path / "secret"
    file.touch(0o600)
    file.write_text(client["client_secret"])
    gateway = start(f"""
    listeners:
      - address: {url.partition("://")[2]}
    log: {{ level: debug }}
    providers:
      company:
        issuer: "{canaille.issuer}"
        audiences: ["{client["client_id"]}"]
        code_flow:
          client_id: "{client["client_id"]}"
          client_secret_file: {file}
          url: "{url}"
          scopes: [profile, email]
          userinfo: true
          after_logout: /bye
          state: {tmp_path / "state"}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /bye, auth: none, upstream: app }}
      - {{ path: /**, auth: company, upstream: app }}
    """)
    gateway.wait_message("keys updated", 20)
    browser = requests.Session()
    wanted = url + "/orders?year=2026"
    page = browser.get(wanted, timeout=20, allow_redirects=False, headers=NAVIGATION)
    target = walk(browser, page, wanted, {"login": "alice", "password": PASSWORD})
    assert target == wanted and app.received == b""
    assert browser.get(target, timeout=20, headers=NAVIGATION).status_code == 200
    seen = app.wait_requests(1)[0]
    assert seen.field("x-forwarded-user") and seen.field("x-forwarded-email") == "alice@example.com"
    assert seen.target == "/orders?year=2026" and seen.field("cookie") is None and seen.field("authorization") is None
    # A script's request has the session too; without it there is none.
    assert browser.get(url + "/api", timeout=20).status_code == 200
    assert requests.get(url + "/api", timeout=20).status_code == 401
    page = browser.post(url + "/oauth/logout", timeout=20, allow_redirects=False, headers={"Origin": url})
    assert page.headers["Location"].startswith(canaille.issuer)
    assert walk(browser, page, url, {"answer": "logout"}) == url + "/bye"
    assert browser.get(url + "/api", timeout=20).status_code == 401
    page = browser.get(wanted, timeout=20, allow_redirects=False, headers=NAVIGATION)
    assert page.status_code == 303 and page.headers["Location"].startswith("/oauth/login?"), page.headers
    assert client["client_secret"] not in gateway.program_text + gateway.access_text


class ToolkitScene:
    """A gateway that signs people in at django-oauth-toolkit, and a browser."""

    def __init__(self, start, app, toolkit, folder):
        (folder / "secret").touch(0o600)
        (folder / "secret").write_text(SECRET)
        self._start, self.app, self.toolkit, self.folder = start, app, toolkit, folder
        self.wanted = toolkit.url + "/orders?year=2026"
        self.browser = requests.Session()
        self.start()

    def start(self):
        self.gateway = self._start(f"""
        listeners:
          - address: {self.toolkit.url.partition("://")[2]}
        providers:
          company:
            issuer: "{self.toolkit.issuer}"
            audiences: [gateway]
            claims: {{ roles: groups }}
            code_flow:
              client_id: gateway
              client_secret_file: {self.folder}/secret
              url: "{self.toolkit.url}"
              scopes: [profile, email]
              userinfo: true
              after_logout: /bye
              state: {self.folder / "state"}
        upstreams:
          app: {{ servers: ["{self.app.server}"] }}
        routes:
          - {{ path: /bye, auth: none, upstream: app }}
          - {{ path: /admin, auth: company, require: {{ roles: [admin] }}, upstream: app }}
          - {{ path: /root, auth: company, require: {{ roles: [root] }}, upstream: app }}
          - {{ path: /**, auth: company, upstream: app }}
        """)
        self.gateway.wait_message("keys updated", 20)

    def ask(self, path, **options):
        return self.browser.get(self.toolkit.url + path, timeout=20, allow_redirects=False, **options)

    def _at_the_provider(self):
        """Where the provider sends the browser back to."""
        page = self.ask("/orders?year=2026", headers=NAVIGATION)
        return walk(self.browser, page, self.toolkit.url + "/oauth/callback", {"username": "alice", "password": PASSWORD})

    def signs_in(self):
        """The address that the browser comes back with, once the gateway has taken it."""
        target = self._at_the_provider()
        page = self.browser.get(target, timeout=20, allow_redirects=False, headers=NAVIGATION)
        assert page.status_code == 303 and urllib.parse.urljoin(target, page.headers["Location"]) == self.wanted
        return target

    def said_no_secret(self):
        return SECRET not in self.gateway.program_text + self.gateway.access_text


@pytest.fixture
def toolkit_scene(start, upstream, toolkit, tmp_path):
    return ToolkitScene(start, upstream(), toolkit, tmp_path)


def test_a_browser_signs_in_at_django_oauth_toolkit(toolkit_scene):
    scene = toolkit_scene
    target = scene.signs_in()
    # RFC 9207: it says who it is, and the gateway has read that it does.
    assert f"iss={urllib.parse.quote_plus(scene.toolkit.issuer)}" in target and scene.app.received == b""
    assert scene.ask("/orders?year=2026", headers=NAVIGATION).status_code == 200
    seen = scene.app.wait_requests(1)[0]
    # The address is in userinfo alone.
    assert seen.field("x-forwarded-email") == "alice@example.com" and seen.field("x-forwarded-user") == "1"
    assert seen.field("x-forwarded-preferred-username") == "alice" and seen.field("x-forwarded-groups") == "admin,a%2Cb"
    assert seen.target == "/orders?year=2026" and seen.field("cookie") is None and seen.field("authorization") is None
    assert [scene.ask(path).status_code for path in ("/admin", "/root")] == [200, 403]
    assert scene.said_no_secret()


def test_C_5_whoever_brings_the_toolkits_code_once_more_or_without_the_cookies_is_nobody(toolkit_scene):
    target = toolkit_scene.signs_in()
    for session in (toolkit_scene.browser, requests.Session()):
        assert session.get(target, timeout=20, allow_redirects=False, headers=NAVIGATION).status_code == 400
    assert toolkit_scene.app.received == b""


def test_a_browser_stays_signed_in_while_the_toolkit_replaces_refresh_tokens(toolkit_scene):
    scene = toolkit_scene
    scene.signs_in()
    # Each use of one replaces it.
    for _ in range(2):
        scene.gateway.stop()
        with contextlib.closing(sqlite3.connect(scene.folder / "state/company.sessions.db")) as database, database:
            assert database.execute("UPDATE sessions SET renew_at = renew_at - 86400").rowcount == 1
        scene.start()
        assert scene.ask("/admin").status_code == 200
        assert scene.app.wait_requests(1)[-1].field("x-forwarded-email") == "alice@example.com"
    asked = scene.toolkit.log_path.read_text()
    assert asked.count('"POST /token/ HTTP/1.1" 200') == 3 and asked.count('"GET /userinfo/ HTTP/1.1" 200') == 3
    assert scene.said_no_secret()


def test_a_logout_ends_the_session_at_the_gateway_and_at_the_toolkit(toolkit_scene):
    scene = toolkit_scene
    scene.signs_in()
    page = scene.browser.post(
        scene.toolkit.url + "/oauth/logout", timeout=20, allow_redirects=False, headers={"Origin": scene.toolkit.url})
    assert page.headers["Location"].startswith(scene.toolkit.issuer + "/logout/?")
    assert walk(scene.browser, page, scene.toolkit.url, {}) == scene.toolkit.url + "/bye"
    assert scene.ask("/api").status_code == 401
    # It asks for the password again.
    page = scene.browser.get(scene.wanted, timeout=20, headers=NAVIGATION)
    assert page.url.startswith(scene.toolkit.issuer + "/login/") and "password" in page.text


def refused_when_changed(judge, token):
    """What may not pass: a changed payload, a changed signature, another's key under the same name."""
    header, payload, signature = token.split(".")
    stated = jwt.decode(token, options={"verify_signature": False})
    # One of the two names its key.
    kid = jwt.get_unverified_header(token).get("kid")
    forged = jwt.encode({**stated, "sub": "root"}, "secret" * 8, "HS256").split(".")[1]
    judge.bad_token(f"{header}.{forged}.{signature}", "signature_invalid")
    judge.bad_token(f"{header}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}", "signature_invalid")
    stolen = {"alg": "RS256", **({"kid": kid} if kid else {})}
    judge.bad_token(hand_made(stolen, stated, signing(Key("RS256", kid))), "signature_invalid")
    judge.bad_token(jwt.encode(stated, None, algorithm="none"), "algorithm_refused")
    judge.refused(401, "credential_missing", challenge="Bearer")


def test_T_12_a_token_for_another_client_is_refused(start, upstream, provider_mock):
    app = upstream()
    gateway = start(config(app, provider_mock.issuer))
    gateway.wait_message("keys updated", 20)
    token = sign_in(provider_mock.issuer, "another", REDIRECT, {"sub": "bob"}, SECRET)["id_token"]
    Judge(gateway, app).bad_token(token, "audience_mismatch")


def test_K_7_another_name_of_the_issuer_is_another_issuer(start, upstream, provider_mock):
    app = upstream()
    # It answers under this name too, but says that it is called otherwise; or its tokens do.
    for issuer in [provider_mock.issuer + "/"]:
        gateway = start(config(app, issuer))
        assert "discovery document is for the issuer" in gateway.wait_message("keys could not be fetched", 20)["why"]
        token = sign_in(provider_mock.issuer, CLIENT, REDIRECT, {"sub": "bob"}, SECRET)["id_token"]
        answer = get(gateway, "/x", [bearer(token)])
        assert answer.status == 503 and app.received == b""
