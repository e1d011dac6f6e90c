"""Clients who are known by the certificate that they show on their connection."""
import ssl
import textwrap
import threading

import pytest
from support.certificates import Authority, SecureClient, authority_fixture, client_context
from support.gateway import run
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, mint
from support.wire import Client

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
ORDERS = "spiffe://example.test/orders"
BATCH = "spiffe://example.test/batch"


@pytest.fixture
def clients(tmp_path):
    return Authority(tmp_path, "clients")


def config(app, authority, clients, keys, subject="uri", listed=True, more=""):
    _, chain, key = authority.issue("server")
    known = f"""
          clients:
            - {{ name: "{ORDERS}", roles: [service, writer], permissions: [orders.write] }}
            - {{ name: "{BATCH}" }}""" if listed else ""
    return f"""
    listeners:
      - address: 127.0.0.1:0
        tls: {{ certificate: {chain}, key: {key}, client_ca: {clients.path}, client_auth: optional }}
      - address: 127.0.0.2:0
    providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{keys.url}" }}
      machines:
        client_certificate:
          subject: {subject}{known}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /machines/**, auth: machines, upstream: app }}
      - {{ path: /writers/**, auth: machines, require: {{ roles: [writer], permissions: [orders.write] }}, upstream: app }}
      - {{ path: "/own/{{name}}", auth: machines, require: {{ owner: {{ path: name, claim: common_name }} }}, upstream: app }}
      - {{ path: /named/**, auth: machines, require: {{ claims: {{ dns: [a.test, b.test] }} }}, upstream: app }}
      - {{ path: /either/**, auth: [company, machines], upstream: app, upgrade: [websocket] }}
      - {{ path: /anyone/**, auth: machines, anonymous: allow, upstream: app }}
    {more}
    """


class Scene:
    def __init__(self, start, upstream, key_server, keys, authority, clients, **options):
        self.app, self.key = upstream(), keys["ES256"]
        self.authority, self.clients = authority, clients
        self.text = config(self.app, authority, clients, key_server(self.key), **options)
        self.gateway = start(self.text)

    def connect(self, names=(), file="client", version=None, session=None, days=30, context=None):
        """A connection whose client shows a certificate with these names; None: none."""
        shows = None if names is None else self.clients.issue(file, names, days=days)[1:]
        context = context or client_context(self.authority, version=version, shows=shows)
        return SecureClient(self.gateway, context, session=session)

    def in_clear(self):
        host, _, port = self.gateway.addresses[1].rpartition(":")
        return Client(self.gateway, address=(host, int(port)))

    def ask(self, client, path, *fields, method="GET"):
        """The answer, and the request as the application saw it; None where it did not."""
        self.app.forget()
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        answer = client.send(f"{method} {path} HTTP/1.1\r\nHost: example.test\r\n{lines}\r\n").response()
        return answer, self.app.requests[0] if self.app.requests else None

    def refused_or_none(self, client):
        return client.send("GET /machines/x HTTP/1.1\r\nHost: example.test\r\n\r\n").response().status

    def refused(self, client, path, *fields, method="GET"):
        """Status and reason of a request that the application must not see."""
        answer, seen = self.ask(client, path, *fields, method=method)
        assert seen is None, seen
        return answer.status, self.gateway.access_of(answer.request_id)["reason"]


@pytest.fixture
def scene(start, upstream, key_server, keys, authority, clients):
    return lambda **options: Scene(start, upstream, key_server, keys, authority, clients, **options)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_says_who_a_client_is(scene, version):
    made = scene()
    session = context = None
    for _ in range(3):
        with made.connect([ORDERS], version=version, session=session, context=context) as client:
            context = client.sock.context
            for _ in range(2):
                answer, seen = made.ask(client, "/writers/x", ("X-Forwarded-User", "root"), ("X-Forwarded-Groups", "all"),
                                        ("X-Forwarded-Client-Cert", "URI=spiffe://other"))
                assert answer.status == 200
                assert seen.all("x-forwarded-user") == [ORDERS]
                assert seen.all("x-forwarded-groups") == ["service,writer"]
                assert seen.all("x-forwarded-client-cert") == []
                line = made.gateway.wait_access(status=200)[-1]
                assert (line["subject"], line["provider"]) == (ORDERS, "machines")
            session = client.sock.session


@pytest.mark.parametrize("names, expected", [
    (None, (403, "certificate_missing")),
    (["spiffe://example.test/orders/"], (403, "certificate_refused")),
    (["spiffe://example.test/ORDERS"], (403, "certificate_refused")),
    ([ORDERS, BATCH], (403, "certificate_refused")),
    ([ORDERS, ORDERS], (403, "certificate_refused")),
    ([ORDERS + "\0.evil"], (403, "certificate_refused")),
    ([ORDERS, "a\0b.test"], (403, "certificate_refused")),
    (["example.test"], (403, "certificate_refused")),
    ([], (403, "certificate_refused")),
])
def test_whoever_is_not_known_is_refused(scene, names, expected):
    made = scene()
    with made.connect(names) as client:
        assert made.refused(client, "/machines/x") == expected
        # No token is asked for where none would do.
        answer, _ = made.ask(client, "/machines/x")
        assert answer.all("www-authenticate") == []


def test_what_it_may_do(scene):
    made = scene()
    with made.connect([BATCH]) as client:
        assert made.ask(client, "/machines/x")[0].status == 200
        assert made.refused(client, "/writers/x") == (403, "role_missing")
    with made.connect([ORDERS, "b.test", "c.test"], file="tenant") as client:
        assert made.ask(client, "/named/x")[0].status == 200
        assert made.ask(client, "/own/tenant")[0].status == 200
        assert made.refused(client, "/own/another") == (403, "owner_mismatch")
    with made.connect([ORDERS, "c.test"]) as client:
        assert made.refused(client, "/named/x") == (403, "claim_mismatch")


@pytest.mark.parametrize("subject, names, expected", [
    ("dns", ["a.test", ORDERS], "a.test"), ("dns", ["a.test", "b.test"], None), ("email", ["me@a.test"], "me@a.test"),
    ("common_name", [], "client"), ("common_name", ["a.test"], "client"), ("email", ["a.test"], None),
])
def test_which_name_says_who(scene, subject, names, expected):
    made = scene(subject=subject, listed=False)
    with made.connect(names) as client:
        if expected is None:
            assert made.refused(client, "/machines/x") == (403, "certificate_refused")
        else:
            assert made.ask(client, "/machines/x")[1].all("x-forwarded-user") == [expected]


def test_T_14_a_token_goes_before_a_certificate(scene):
    made = scene()
    good, bad = mint(made.key, sub="alice"), mint(made.key, sub="alice", exp=1)
    with made.connect([ORDERS]) as client:
        _, seen = made.ask(client, "/either/x", ("Authorization", f"Bearer {good}"))
        assert seen.all("x-forwarded-user") == ["alice"]
        assert made.refused(client, "/either/x", ("Authorization", f"Bearer {bad}")) == (401, "token_expired")
        _, seen = made.ask(client, "/either/x")
        assert seen.all("x-forwarded-user") == [ORDERS]
        # A route that reads no tokens leaves the application its own.
        _, seen = made.ask(client, "/machines/x", ("Authorization", "Bearer theirs"))
        assert seen.all("authorization") == ["Bearer theirs"] and seen.all("x-forwarded-user") == [ORDERS]
    with made.connect(None) as client:
        answer, seen = made.ask(client, "/either/x")
        assert (answer.status, seen) == (401, None) and answer.field("www-authenticate").startswith("Bearer")


def test_anonymous_is_for_those_who_show_none(scene):
    made = scene()
    with made.connect(None) as client:
        assert made.ask(client, "/anyone/x")[1].all("x-forwarded-user") == []
    with made.connect([BATCH]) as client:
        assert made.ask(client, "/anyone/x")[1].all("x-forwarded-user") == [BATCH]
    with made.connect(["spiffe://example.test/unknown"]) as client:
        assert made.refused(client, "/anyone/x") == (403, "certificate_refused")


def test_in_clear_nobody_has_one(scene):
    made = scene()
    with made.in_clear() as client:
        for forged in ("X-Client-Cert", "X-SSL-Client-Verify", "X-Forwarded-Client-Cert", "Client-Cert"):
            assert made.refused(client, "/machines/x", (forged, "URI=" + ORDERS)) == (403, "certificate_missing")


def test_I_7_what_a_trusted_proxy_shows_is_its_own(scene):
    made = scene(more="trusted_proxies: [127.0.0.1]")
    with made.connect([ORDERS]) as client:
        assert made.refused(client, "/machines/x", ("X-Forwarded-For", "192.0.2.1")) == (403, "certificate_missing")
        assert made.refused(client, "/machines/x") == (403, "certificate_missing")


def test_C_7_browsers_send_certificates_unasked(scene):
    """So a page of another site can make them do so, as with cookies."""
    made = scene()
    foreign, own = ("Origin", "https://evil.test"), ("Origin", "https://example.test")
    length = ("Content-Length", "0")
    with made.connect([ORDERS]) as client:
        assert made.refused(client, "/machines/x", foreign, length, method="POST") == (403, "origin_refused")
        assert made.refused(
            client, "/either/x", foreign, ("Connection", "Upgrade"), ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")) == (403, "origin_refused")
        assert made.ask(client, "/machines/x", own, length, method="POST")[0].status == 200
        assert made.ask(client, "/machines/x", length, method="POST")[0].status == 200
        assert made.ask(client, "/machines/x", foreign)[0].status == 200


def test_a_connection_outlives_no_certificate(scene):
    made = scene()
    with made.connect([ORDERS], days=4 / 86400) as client:
        assert made.ask(client, "/machines/x")[0].status == 200
        wait_until(lambda: made.ask(client, "/machines/x")[0].status == 403, "its end")
        assert made.refused(client, "/machines/x") == (403, "certificate_expired")
        assert made.refused(client, "/anyone/x") == (403, "certificate_expired")


@pytest.mark.parametrize("kind", ["serial number", "name"])
def test_T_16_a_certificate_is_revoked(scene, tmp_path, kind):
    revoked = tmp_path / "revoked"
    revoked.write_text("")
    made = scene(more=f"revocations: {{ file: {revoked} }}")
    certificate, *shows = made.clients.issue("client", [ORDERS])
    context = client_context(made.authority, shows=shows)
    with made.connect(context=context) as client, made.connect([BATCH], file="other") as other:
        assert made.ask(client, "/machines/x")[0].status == 200
        revoked.write_text(
            f"jti {certificate.serial_number:x}\n" if kind == "serial number" else f"sub {ORDERS}\n")
        wait_until(lambda: made.ask(client, "/machines/x")[0].status == 403, "the revocation")
        assert made.refused(client, "/machines/x") == (403, "certificate_revoked")
        assert made.ask(other, "/machines/x")[0].status == 200
    with made.connect(context=context) as client:
        assert made.refused(client, "/machines/x") == (403, "certificate_revoked")
    # Of a request that the cache knew, and of one that was verified.
    by = [line["revoked_by"] for line in made.gateway.access() if line.get("reason") == "certificate_revoked"]
    assert len(by) >= 3 and set(by) == {"file_jti" if kind == "serial number" else "file_sub"}, by


def test_a_reload_takes_other_rights(scene):
    made = scene()
    with made.connect([BATCH]) as client:
        assert made.refused(client, "/writers/x") == (403, "role_missing")
        made.gateway.reload(made.text.replace(
            f'name: "{BATCH}"', f'name: "{BATCH}", roles: [writer], permissions: [orders.write]'))
        assert made.ask(client, "/writers/x")[0].status == 200


SWITCHED = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
HANDSHAKE = ("GET /either/x HTTP/1.1\r\nHost: example.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def is_gone(client):
    """Whether the connection ends: a tunnel that is cut ends without TLS's own notice."""
    try:
        while client.sock.recv(4096):
            pass
    except (ssl.SSLError, ConnectionError):
        pass
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("change, by_token", [
    ("clients", False), ("client_ca", False), ("client_ca", True), ("nothing", False), ("nothing", True)])
def test_a_websocket_ends_with_what_its_certificate_was_known_by(scene, change, by_token):
    """A connection that nobody would be let in with any more ends, whoever is on it."""
    made = scene()
    made.app.answer = SWITCHED
    others = Authority(made.clients.folder, "others")
    with made.connect([BATCH]) as client:
        token = f"Authorization: Bearer {mint(made.key)}\r\n\r\n" if by_token else "\r\n"
        client.send(HANDSHAKE.removesuffix("\r\n") + token)
        assert client.response().status == 101
        made.gateway.reload({
            "clients": made.text.replace(f'- {{ name: "{BATCH}" }}', ""),
            "client_ca": made.text.replace(str(made.clients.path), str(others.path)),
            "nothing": made.text + "limits: { fields: 50 }\n"}[change])
        if change == "nothing":
            client.send("x")
            wait_until(lambda: made.app.received.endswith(b"x"), "a byte by the tunnel")
        else:
            assert is_gone(client)
            assert made.gateway.wait_access(reason="certificate_refused")


@pytest.fixture
def late(scene):
    """Makes a gateway whose upstream holds back its 101 until `release` is set."""
    release = threading.Event()

    def make(**options):
        made = scene(**options)

        def answer(request, connection):
            if "upgrade" in request.names():
                release.wait(20)
                return SWITCHED
            return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        made.app.answer, made.release = answer, release
        return made
    yield make
    release.set()


def test_T_16_a_websocket_whose_certificate_is_revoked_while_it_opens(late, tmp_path):
    revoked = tmp_path / "revoked"
    revoked.write_text("")
    made = late(more=f"revocations: {{ file: {revoked} }}")
    with made.connect([BATCH]) as opening, made.connect([BATCH]) as other:
        opening.send(HANDSHAKE)
        made.app.wait_requests()
        revoked.write_text(f"sub {BATCH}\n")
        wait_until(lambda: made.refused_or_none(other) == 403, "the revocation")
        made.release.set()
        assert is_gone(opening)


@pytest.mark.parametrize("change", ["clients", "client_ca", "nothing"])
def test_T_16_a_websocket_that_opens_while_what_its_certificate_was_known_by_is_taken_away(late, change):
    made = late()
    others = Authority(made.clients.folder, "others")
    with made.connect([BATCH]) as opening:
        opening.send(HANDSHAKE)
        made.app.wait_requests()
        made.gateway.reload({
            "clients": made.text.replace(f'- {{ name: "{BATCH}" }}', ""),
            "client_ca": made.text.replace(str(made.clients.path), str(others.path)),
            "nothing": made.text + "limits: { fields: 50 }\n"}[change])
        made.release.set()
        if change == "nothing":
            assert opening.response().status == 101
        else:
            assert is_gone(opening)
            assert made.gateway.wait_access(reason="certificate_refused")


def test_explain_and_tests_know_certificates(scene, tmp_path):
    made = scene(more="""tests:
      - { request: GET /writers/x, as: { provider: machines, roles: [writer], permissions: [orders.write] }, expect: allowed }
      - { request: GET /machines/x, expect: certificate_missing }
    """)
    path = made.gateway.config_path
    answer = run("explain", "--config", path, "--path", "/machines/x", "--format", "json")
    assert answer.returncode == 1 and "certificate_missing" in answer.stdout, answer
    answer = run("explain", "--config", path, "--path", "/machines/x", "--as", "subject=" + ORDERS)
    assert answer.returncode == 0 and ORDERS in answer.stdout, answer
    assert run("check", "--config", path).returncode == 0


@pytest.mark.parametrize("change, expected", [
    (("subject: uri", "subject: uid"), '"uid" is not uri, dns, email or common_name'),
    (("subject: uri", "dpop: off"), '"subject" is missing'),
    ((", client_ca: CLIENTS, client_auth: optional", ""), "no listener asks for certificates"),
    (("machines:\n", "machines:\n        issuer: x\n"), '"issuer" together with "client_certificate"'),
    ((f'name: "{BATCH}"', f'name: "{ORDERS}"'), "is named twice"),
    (("- address: 127.0.0.2:0", "- { address: 127.0.0.2:0, tls: { certificate: CHAIN, key: KEY, client_ca: CHAIN, client_auth: optional } }"),
     'different "client_ca"'),
    (("auth: [company, machines]", "auth: [machines, others]"), "a route can name one of them"),
])
def test_what_check_says(upstream, key_server, keys, authority, clients, tmp_path, change, expected):
    text = config(upstream(), authority, clients, key_server(keys["ES256"]))
    text = text.replace(
        "    upstreams:", "      others: { client_certificate: { subject: dns } }\n    upstreams:")
    before, after = (
        part.replace("CLIENTS", str(clients.path)).replace("CHAIN", str(tmp_path / "server.pem"))
        .replace("KEY", str(tmp_path / "server.key")) for part in change)
    assert before in text
    path = tmp_path / "gateway.conf"
    path.write_text(textwrap.dedent(text.replace(before, after)))
    answer = run("check", "--config", path)
    assert answer.returncode == 1 and expected in answer.stderr + answer.stdout, answer
