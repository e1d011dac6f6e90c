"""Certificates that clients show, and tokens that are bound to one (RFC 8705)."""
import contextlib
import socket
import ssl
import subprocess
import threading

import pytest
from support.certificates import Authority, SecureClient, authority_fixture, client_context, thumbprint
from support.ports import wait_until
from support.tokens import AUDIENCE, ISSUER, b64, mint
from support.wire import get

REQUEST = "GET /{} HTTP/1.1\r\nHost: example.test\r\n{}\r\n"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def clients(tmp_path):
    return Authority(tmp_path, "the clients' authority".replace("'", ""))


def config(app, authority, clients, client_auth, keys, workers=1):
    _, chain, key = authority.issue("server")
    return f"""
    listeners:
      - address: 127.0.0.1:0
        tls: {{ certificate: {chain}, key: {key}, client_ca: {clients.path}, client_auth: {client_auth} }}
      - address: 127.0.0.2:0
    workers: {workers}
    providers:
      company: {{ issuer: "{ISSUER}", audiences: [{AUDIENCE}], jwks_url: "{keys.url}" }}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /free/**, auth: none, upstream: app }}
      - {{ path: /api/**, auth: company, upstream: app }}
    """


def connect(gateway, authority, shows=None, version=None, session=None):
    """A connection on which the server has said that the handshake is over."""
    return SecureClient(
        gateway, client_context(authority, version=version, shows=shows), session=session)


def status(client, path="free/x", token=None):
    field = f"Authorization: Bearer {token}\r\n" if token else ""
    return client.send(REQUEST.format(path, field)).response().status


def is_refused(gateway, authority, **options):
    """Whether the handshake fails; with TLS 1.3 the client hears it when it reads."""
    try:
        with connect(gateway, authority, **options) as client:
            status(client)
    except (ssl.SSLError, ConnectionError, AssertionError):
        return True
    return False


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("client_auth", ["required", "optional"])
def test_certificates_are_verified(start, upstream, key_server, keys, authority, clients, client_auth, version):
    app = upstream()
    gateway = start(config(app, authority, clients, client_auth, key_server(keys["ES256"])))
    good = clients.issue("good", ["client"])[1:]
    with connect(gateway, authority, good, version) as client:
        assert status(client) == 200
    strangers = Authority(clients.folder, "strangers")
    app.forget()
    for bad in (clients.issue("old", ["client"], days=-1, since=-2), strangers.issue("stranger", ["client"]),
                authority.issue("other", ["client"])):
        assert is_refused(gateway, authority, shows=bad[1:], version=version)
    assert is_refused(gateway, authority, version=version) == (client_auth == "required")
    assert len(app.requests) == (client_auth == "optional")
    wait_until(lambda: any(
        m["message"] == "TLS handshakes failed" for m in gateway.messages()), "a reason")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_token_that_is_bound_to_a_certificate(start, upstream, key_server, keys, authority, clients, workers,
                                                version):
    app = upstream()
    gateway = start(config(app, authority, clients, "optional", key_server(keys["ES256"]), workers))
    holder, other = (clients.issue(name, ["client"]) for name in ("holder", "other"))
    bound = mint(keys["ES256"], cnf={"x5t#S256": b64(thumbprint(holder[0]))})
    free = mint(keys["ES256"])
    sessions = {}
    for _ in range(2):
        for issued, expected in [(holder, 200), (other, 401), (None, 401)]:
            shows = issued and issued[1:]
            for _ in range(4):
                with connect(gateway, authority, shows, version) as client:
                    assert status(client, "api/x", bound) == expected
                    assert status(client, "api/x", free) == 200
    # A session that goes on keeps the certificate, and no other comes to it.
    context = client_context(authority, version=version, shows=holder[1:])
    for _ in range(4):
        with SecureClient(gateway, context, session=sessions.get("last")) as client:
            assert client.sock.session_reused == ("last" in sessions)
            assert status(client, "api/x", bound) == 200
            sessions["last"] = client.sock.session
    app.forget()
    # In clear nobody shows one.
    host, _, port = gateway.addresses[1].rpartition(":")
    gateway.host, gateway.port = host, int(port)
    answer = get(gateway, "/api/x", [("Authorization", f"Bearer {bound}")])
    assert answer.status == 401 and app.received == b""
    assert gateway.access_of(answer.request_id)["reason"] == "certificate_mismatch"


@pytest.mark.parametrize("change", ["another authority", "required", "none", "no change"])
def test_a_reload_that_lets_in_other_clients_ends_what_was_let_in_before(
        start, upstream, key_server, keys, authority, clients, workers, change):
    release = threading.Event()

    def slow(request, connection):
        if request.target.endswith("slow"):
            release.wait(20)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    app = upstream(slow)
    before = config(app, authority, clients, "optional", key_server(keys["ES256"]), workers)
    other = Authority(clients.folder, "others")
    after = {
        "another authority": before.replace(str(clients.path), str(other.path)),
        "required": before.replace("client_auth: optional", "client_auth: required"),
        "none": before.replace(f", client_ca: {clients.path}, client_auth: optional", ""),
        "no change": before + "limits: { fields: 50 }\n",
    }[change]
    assert after != before
    gateway = start(before)
    shows = clients.issue("good", ["client"])[1:]
    with connect(gateway, authority, shows) as idle, connect(gateway, authority, shows) as busy:
        assert status(idle) == 200
        busy.send(REQUEST.format("free/slow", ""))
        app.wait_requests(2)
        gateway.reload(after)
        ends = change != "no change"
        if ends:
            assert idle.is_closed()
        else:
            assert status(idle) == 200
        release.set()
        answer = busy.response()
        assert (answer.status, answer.field("connection")) == (200, "close" if ends else None)
        if ends:
            assert busy.is_closed()
        else:
            assert status(busy) == 200
    # Those who come now are let in as the new configuration says.
    if change == "another authority":
        assert is_refused(gateway, authority, shows=shows)
        shows = other.issue("another", ["client"])[1:]
    with connect(gateway, authority, shows) as client:
        assert status(client) == 200
        assert status(client) == 200


@pytest.mark.parametrize("version", VERSIONS)
def test_a_reload_that_lets_in_other_clients_ends_handshakes_that_are_under_way(
        start, upstream, key_server, keys, authority, clients, version):
    app = upstream()
    before = config(app, authority, clients, "required", key_server(keys["ES256"]))
    other = Authority(clients.folder, "others")
    gateway = start(before)
    context = client_context(authority, version=version, shows=clients.issue("good", ["client"])[1:])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="example.test")
    with socket.create_connection((gateway.host, gateway.port), 20) as plain:
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        plain.sendall(outgoing.read())
        # The server has answered; nothing shows who the client is yet.
        wait_until(lambda: plain.recv(1, socket.MSG_PEEK), "the server's part")
        gateway.reload(before.replace(str(clients.path), str(other.path)))
        answer = None
        while answer is None:
            try:
                tls.do_handshake()
                tls.write(REQUEST.format("free/x", "").encode())
                answer = tls.read()
            except ssl.SSLWantReadError:
                try:
                    plain.sendall(outgoing.read())
                    received = plain.recv(65536)
                except ConnectionError:
                    break
                if not received:
                    break
                incoming.write(received)
    assert not answer and app.requests == []


def test_a_reload_that_lets_in_other_clients_ends_heads_that_are_not_whole(
        start, upstream, key_server, keys, authority, clients):
    app = upstream()
    before = config(app, authority, clients, "required", key_server(keys["ES256"]))
    other = Authority(clients.folder, "others")
    gateway = start(before)
    shows = clients.issue("good", ["client"])[1:]
    with connect(gateway, authority, shows) as first, connect(gateway, authority, shows) as second:
        assert status(second) == 200
        first.send("GET /free/first HTTP/1.1\r\n")
        second.send("GET /free/second HTTP/1.1\r\nHost: example.test\r\n")
        gateway.wait_taken(first, second)
        gateway.reload(before.replace(str(clients.path), str(other.path)))
        for path in ("/free/first", "/free/second"):
            assert [line["reason"] for line in gateway.wait_access(path=path)] == ["certificate_refused"]
        for client in (first, second):
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                client.send("Host: example.test\r\n\r\n")
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                assert client.sock.recv(1) == b""
    assert [request.target for request in app.requests] == ["/free/x"]


def test_the_chain_is_what_the_file_has(start, upstream, authority, key_server):
    """Also where the listener knows more certificates: none is looked for among those of the clients' authorities."""
    app = upstream()
    text = config(app, authority, authority, "optional", key_server())
    chain = authority.folder / "server.pem"
    first = chain.read_text().partition("-----END CERTIFICATE-----\n")
    chain.write_text(first[0] + first[1])
    gateway = start(text)
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-showcerts"], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=20).stdout
    assert shown.count("BEGIN CERTIFICATE") == 1, shown
