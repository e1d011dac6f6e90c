"""SECURITY L-2 of the whole gateway: made-up secrets in every place where somebody may put one, by right or by mistake,
and a look through everything that is written."""
import base64
import json
import secrets
import urllib.parse

import pytest
import requests
from support.admin import said_by_admin
from support.code_flow import URL
from support.collector import Collector
from support.gateway import logfmt, run
from support.hostile_provider import CLIENT, SECRET, provider_fixture
from support.introspection import CLIENT as ASKING
from support.introspection import SECRET as ASKED_WITH
from support.introspection import IntrospectionServer
from support.ports import wait_until
from support.sign_in import ALICE, FETCH, FORM, JSON, NAVIGATION, hashed, users
from support.tokens import AUDIENCE, ISSUER, mint
from support.wire import Client, get

HOST = "127.0.0.1"
# One host has one sign-in.
FLOW_HOST = "localhost"
FLOW_URL = f"http://{FLOW_HOST}:8080"
VERIFY = "/.portcullis/verify"
MACHINE_SECRET = "canary machine secret: %41+&"


def config(app, form, folder, keys, asked, provider, collector):
    return f"""
    listeners: [{{ address: 127.0.0.1:0 }}]
    admin: {{ address: 127.0.0.1:0 }}
    workers: 1
    log: {{ level: debug, format: {form}{"" if form == "combined" else ", claims: rules"} }}
    otlp: {{ url: "{collector.url}", traces: 100%, headers_file: {folder}/otlp.headers }}
    forward_auth: {{ path: {VERIFY}, peers: [127.0.0.1] }}
    providers:
      company:
        issuer: "{ISSUER}"
        audiences: [{AUDIENCE}]
        jwks_url: "{keys.url}"
        token_from: [authorization, "cookie:session", websocket_protocol]
        dpop: allowed
      asked:
        issuer: "{ISSUER}"
        audiences: [{AUDIENCE}]
        introspection: {{ url: "{asked.url}", client_id: "{ASKING}", client_secret_file: {folder}/asking.secret }}
      local:
        issuer: {URL}
        audiences: [example]
        signing: {{ state: {folder}/state }}
        sign_in: {{ users_file: {folder}/users.yaml }}
      elsewhere:
        issuer: {provider.issuer}
        audiences: [orders]
        code_flow: {{ client_id: {CLIENT}, client_secret_file: {folder}/client.secret, url: "{FLOW_URL}", state: {folder}/flow }}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ host: {HOST}, path: /jwt/**, auth: company, upstream: app }}
      - {{ host: {HOST}, path: /ruled/**, auth: company, require: {{ roles: [admin], claims: {{ tenant: acme }} }}, upstream: app }}
      - {{ host: {HOST}, path: /bound/**, auth: company, upstream: app, assertion: {{ provider: local, audience: app }} }}
      - {{ path: /asked/**, auth: asked, upstream: app }}
      - {{ path: /here/**, auth: local, upstream: app }}
      - {{ path: /there/**, auth: elsewhere, upstream: app }}
      - {{ path: /open/**, auth: none, upstream: app }}
    """


class Scene:
    """A gateway of everything, what it is asked, and what it has answered."""

    def __init__(self, start, upstream, folder, form, key, key_server, asked, provider, collector):
        self.provider, self.collector, self.form = provider, collector, form
        self.issuer, self.host = URL, HOST
        for name, text in (("asking.secret", ASKED_WITH), ("client.secret", SECRET), ("users.yaml", users(
                ALICE, clients=f'  - {{ id: batch, secret_hash: "{hashed(MACHINE_SECRET)}", scopes: [a] }}\n')),
                           ("otlp.headers", "X-Key: canary-of-the-collector\n")):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        self.app = upstream()
        self.text = config(self.app, form, folder, key_server(key), asked, provider, collector)
        self.gateway = start(self.text)
        self.gateway.wait_message("keys updated")
        self.answers = []

    def get(self, target, fields=(), method="GET", body=None, host=None):
        host = host or (FLOW_HOST if target.startswith(("/oauth/", "/there/")) else HOST)
        answer = get(self.gateway, target, fields, host=host, method=method, body=body)
        self.answers.append(answer)
        return answer

    def raw(self, data):
        with Client(self.gateway) as client:
            client.send(data)
            self.answers.append(client.response())
            client.finish()
            while client._more():
                pass
            self.answers.append(client.data)

    def lines(self):
        """The access lines; none of a format that says no reason."""
        text = self.gateway.access_text.rpartition("\n")[0].splitlines()
        return [] if self.form == "combined" else [json.loads(line) if self.form == "json" else logfmt(line) for line in text]

    def written(self):
        """Everything that operators and clients can read of it, by where it stands."""
        assert get(self.gateway, "/open/last", host=HOST).status == 200
        wait_until(lambda: "/open/last" in self.gateway.access_text, "the last line")
        # One of each reason: all of them are shown alike.
        refusals = {line["reason"]: line["request_id"] for line in self.lines() if "reason" in line}
        said = {"access": self.gateway.access_text, "program": self.gateway.program_text}
        said.update(said_by_admin(self.gateway, []))
        admin = self.gateway.wait_message("serving")["admin"]
        place = type("Admin", (), dict(host=admin.rpartition(":")[0], port=int(admin.rpartition(":")[2])))
        for id in refusals.values():
            said[f"/requests/{id}"] = get(place, f"/requests/{id}", host=HOST).body.decode()
        wait_until(lambda: any(b"/open/last" in body for _, _, body in self.collector.requests), "the last span")
        said["spans"] = b"".join(body for _, _, body in self.collector.requests).decode()
        known = [id for id in refusals.values() if "not_remembered" not in said[f"/requests/{id}"]]
        assert self.form == "combined" or len(known) > 3
        commands = [("why", id, "--admin", admin) for id in known[-3:]]
        commands += [("logs", self.gateway.folder / "access.log"), ("logs", "--summary", self.gateway.folder / "access.log"),
                     ("sign-ins", "list", "--config", self.gateway.config_path, "--provider", "local"),
                     ("sign-ins", "list", "--config", self.gateway.config_path, "--provider", "elsewhere"),
                     ("check", "--effective", "--config", self.gateway.config_path)]
        for command in commands:
            result = run(*command)
            said[" ".join(map(str, command[:2]))] = result.stdout + result.stderr
        return said


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def asked():
    made = IntrospectionServer()
    yield made
    made.close()


@pytest.fixture(params=["json", "logfmt", "combined"])
def scene(request, start, upstream, tmp_path, keys, key_server, asked, provider, collector):  # noqa: F811
    made = Scene(start, upstream, tmp_path, request.param, keys["ES256"], key_server, asked, provider, collector)
    made.asked, made.keys = asked, keys
    return made


def canary(kind):
    return f"canary-{kind}-{secrets.token_urlsafe(24)}"


def places(secret):
    """Requests with it in every place of a head: target, fields and body."""
    fields = [
        [("Authorization", f"Bearer {secret}")], [("Authorization", f"bearer  {secret}")],
        [("Authorization", f"DPoP {secret}"), ("DPoP", secret)], [("Authorization", f"Basic {secret}")],
        [("Authorization", secret)], [("Authorization", f"Bearer {secret}")] * 2, [("Authorization", f"Digest username={secret}")],
        [("Proxy-Authorization", f"Bearer {secret}")], [("X-Api-Key", secret)], [("DPoP", secret), ("DPoP", secret)],
        [("User-Agent", secret), ("Referer", f"{URL}/?code={secret}"), ("From", secret)],
        [("X-Request-Id", secret), ("X-Forwarded-For", secret), ("Forwarded", f'for="{secret}"'), ("X-Forwarded-User", secret)],
        [("traceparent", f"00-{secret}-01"), ("tracestate", f"a={secret}"), ("baggage", f"token={secret}")],
        [("Bad Name", secret)], [("Expect", secret)], [("Transfer-Encoding", secret)], [("Content-Length", secret)],
        [("Accept", f"text/html, {secret}"), ("Accept-Language", secret)], [("Origin", f"https://{secret}")],
        [("Upgrade", secret), ("Connection", "upgrade")], [("Connection", secret)],
    ]
    names = ["session", "portcullis_access", "portcullis_refresh", "portcullis_login", "portcullis_session", "portcullis_flow_a"]
    fields += [[("Cookie", f"{name}={secret}")] for name in names]
    fields += [[("Cookie", f"{name}={secret}; {name}={secret}"), *NAVIGATION] for name in names]
    shake = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
             ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
    fields += [[*shake, ("Sec-WebSocket-Protocol", value)] for value in (
        f"bearer, {secret}", secret, f"bearer, {secret}, bearer, {secret}", f"{secret}, bearer")]
    for where in ("/jwt/a", "/ruled/a", "/bound/a", "/asked/a", "/here/a", "/there/a", "/open/a", "/nowhere"):
        for each in fields:
            yield "GET", where, each, None
        for target in (f"{where}?access_token={secret}", f"{where}/../../a?{secret}", f"{where}#access_token={secret}",
                       f"http://{secret}:{secret}@{HOST}{where}?{secret}", f"http://{HOST}{where}?code={secret}"):
            yield "GET", target, NAVIGATION, None
        yield "TRACE", f"{where}?{secret}", [("Authorization", f"Bearer {secret}")], None
    for each in fields + [[]]:
        asks = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", HOST), ("X-Forwarded-Uri", f"/jwt/a?access_token={secret}")]
        if "X-Forwarded-User" not in dict(each):
            yield "GET", f"{VERIFY}?redirect=true&x={secret}", asks + each, None
    for uri in (f"/jwt/a#{secret}", f"/jwt/a {secret}", f"http://{secret}@{HOST}/jwt", f"/jwt/../../a?{secret}", ""):
        yield "GET", VERIFY, [("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", HOST), ("X-Forwarded-Uri", uri)], None
    for host in (f"{secret}@{HOST}", f"user:{secret}@{HOST}"):
        yield "GET", VERIFY, [("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", host), ("X-Forwarded-Uri", "/a")], None


def bodies(secret):
    """Requests with it in every place of what a sign-in reads, and in some that it does not."""
    own = [("Cookie", f"portcullis_login={base64.urlsafe_b64encode(b'c' * 16).decode()[:22]}")]
    csrf = base64.urlsafe_b64encode(b"c" * 16).decode()[:22]
    text = urllib.parse.quote(secret, safe="")
    forms = [f"username=alice&password={text}&csrf={csrf}&return_to=/a", f"username={text}&password={text}&csrf={csrf}",
             f"username=alice&password={text}&csrf={text}", f"password={text}", f"username=alice&password={text}&password={text}",
             f"current_password={text}&new_password={text}&new_password_again={text}&csrf={csrf}",
             f"grant_type=client_credentials&client_id=batch&client_secret={text}",
             f"grant_type=client_credentials&client_id={text}&client_secret={text}", f"grant_type={text}&scope={text}",
             f"grant_type=refresh_token&refresh_token={text}", f"refresh_token={text}&return_to=//{text}&everywhere={text}",
             f"logout_token={text}", f"{text}={text}", f"%zz{text}", text]
    values = [{"username": "alice", "password": secret}, {"username": secret, "password": secret}, {"username": "alice", "password": [secret]},
              {"password": {secret: secret}}, {"username": "alice", "password": secret, secret: 1}, secret, [secret],
              {"refresh_token": secret}, {"refresh_token": [secret]}, {"refresh_token": secret, "everywhere": secret},
              {"current_password": secret, "new_password": secret}, {"sub": secret}]
    for path in ("/auth/login", "/auth/refresh", "/auth/logout", "/auth/password", "/auth/token", "/auth/me", "/auth/x",
                 "/oauth/login", "/oauth/callback", "/oauth/logout", "/oauth/backchannel-logout"):
        origin = ("Origin", FLOW_URL if path.startswith("/oauth") else URL)
        for method, extra in (("POST", [origin, *own]), ("POST", []), ("PUT", own)):
            for form in forms if method == "POST" and extra else forms[:1]:
                yield method, path, [FORM, *extra], form.encode()
        for value in values:
            yield "POST", path, [JSON, origin], json.dumps(value).encode()
        for kind in ("text/plain", f"application/{secret}"):
            yield "POST", path, [("Content-Type", kind)], secret.encode()
        yield "POST", path, [JSON], f'{{"password": "{secret}'.encode()
        for fields in ([("Authorization", f"Bearer {secret}")], [("Authorization", f"Basic {secret}"), FORM],
                       [FORM, ("Authorization", "Basic " + base64.b64encode(f"batch:{secret}".encode()).decode())],
                       [FORM, ("Authorization", "Basic " + base64.b64encode(f"{secret}:{secret}".encode()).decode())],
                       [("Cookie", f"portcullis_access={secret}; portcullis_refresh={secret}; portcullis_session={secret}"), *FETCH],
                       [("Cookie", f"portcullis_refresh={secret}"), *NAVIGATION]):
            body = b"grant_type=client_credentials"
            yield "POST", path, fields, body
            yield "GET", path, fields, None
        for question in (f"code={text}&state={text}", f"error={text}&state={text}&error_description={text}",
                         f"return_to=/a?token={text}", f"return_to={text}", f"iss={text}", text):
            yield "GET", f"{path}?{question}", NAVIGATION, None


def chunks(secret):
    """Parts of it: that something is cut somewhere makes it no less of a leak."""
    found = [secret[at:at + 14] for at in range(0, max(len(secret) - 13, 1), 14)]
    encoded = [f"{name}:{secret}".encode() for name in ("batch", secret)] + [secret.encode()]
    found += [base64.b64encode(each).decode()[12:36] for each in encoded if len(each) > 30]
    return [each for each in found if len(each) >= 12]


def look_through(said, kept):
    for name, text in said.items():
        for secret in kept:
            for chunk in chunks(secret):
                at = text.find(chunk)
                assert at < 0, f"{secret[:60]} stands in {name}: {text[max(at - 400, 0):at + 200]}"


def test_L_2_a_secret_in_the_wrong_place_is_written_nowhere(scene):
    key, other = scene.keys["ES256"], scene.keys["EdDSA"]
    tokens = [canary("word"), mint(key, aud="elsewhere"), mint(other, headers={"kid": key.kid}),
              mint(key, cnf={"jkt": canary("x")[:43]})]
    for secret in tokens:
        for method, target, fields, body in places(secret):
            scene.get(target, fields, method, body)
        scene.raw(f"POST /auth/refresh HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n{secret}\r\n\r\n")
        scene.raw(f"GET /jwt/a HTTP/1.1\r\nHost: {HOST}\r\n\r\nAuthorization: Bearer {secret}\r\n\r\n")
        scene.raw(f"POST /open/a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Token: {secret}\r\n\r\n")
        scene.raw(f"POST /open/a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n1;{secret}={secret}\r\na\r\n{secret}\r\n")
    said = scene.written()
    reasons = {line["reason"] for line in scene.lines() if "reason" in line}
    assert scene.form == "combined" or len(reasons) > 12, reasons
    look_through(said, tokens)
    # What a client is told: a browser that is sent to sign in takes along where it was, which is its own.
    for answer in scene.answers:
        if not isinstance(answer, bytes) and answer.status >= 400:
            look_through({f"the answer {answer}": (answer.head + answer.body).decode()}, tokens)


def test_L_2_a_secret_of_a_sign_in_is_written_nowhere(scene):
    tokens = [canary("word"), mint(scene.keys["ES256"])]
    for secret in tokens:
        for method, target, fields, body in bodies(secret):
            scene.get(target, fields, method, body)
    look_through(scene.written(), tokens)


def test_L_2_what_an_issuer_is_asked_with_and_says_is_written_nowhere(scene):
    """Issuers that repeat what they are sent, or say nothing of use; the same code twice."""
    said = {canary("echo"): (400, {}, b""), canary("page"): (500, {}, b""), canary("word"): (200, {}, b"")}
    for token, (status, headers, _) in said.items():
        body = json.dumps({"error": token, "active": token, "error_description": token}).encode()
        scene.asked.said[token] = (status, headers, body)
        scene.get("/asked/a", [("Authorization", f"Bearer {token}")])
    unknown = canary("inactive")
    scene.get("/asked/a", [("Authorization", f"Bearer {unknown}")])
    scene.asked.close()
    scene.get("/asked/a", [("Authorization", f"Bearer {canary('late')}")])
    kept = [*said, unknown, ASKED_WITH, SECRET, MACHINE_SECRET, "canary-of-the-collector"]
    for answer in ((400, {"Content-Type": "application/json"}, json.dumps({"error": SECRET}).encode()), None, None):
        scene.provider.instead["token"] = answer
        login = scene.get("/oauth/login?return_to=/there/a", NAVIGATION)
        cookie = login.field("set-cookie").partition(";")[0]
        back = requests.get(login.field("location"), allow_redirects=False, timeout=10).headers["Location"]
        for _ in range(2):
            answered = scene.get(back[len(FLOW_URL):], [("Cookie", cookie), *NAVIGATION])
            kept += [line.partition(";")[0].partition("=")[2] for line in answered.all("set-cookie") if "session=" in line]
        kept.append(cookie.partition("=")[2])
    kept += scene.provider.made
    tokens = [scene.provider.logout_token(sub="alice", nonce="x"), scene.provider.logout_token(sub="alice")[:-9]]
    for token in tokens:
        scene.get("/oauth/backchannel-logout", [FORM], "POST", f"logout_token={token}".encode())
    look_through(scene.written(), [each for each in kept + tokens if each])
