"""TLS to upstreams, whom it is spoken with: rules U-4, U-7 and A-6, client certificates, health checks and reload."""
import contextlib
import signal
import socket
import ssl
import subprocess
import textwrap
import threading
import time

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.certificates import Authority, authority_fixture, server_context
from support.gateway import run
from support.ports import wait_until
from support.upstream import OK, read_head, read_to_end
from support.upstream_tls import VERSIONS, ca, config
from support.wire import Client, get

# What OpenSSL says of an authority that is not believed; the other where it was shown.
UNKNOWN = ("unable_to_get_local_issuer_certificate", "self_signed_certificate_in_certificate_chain")


@pytest.fixture
def other(tmp_path):
    """An authority that nobody has heard of."""
    return Authority(tmp_path, "another")


@pytest.fixture
def secure(upstream, authority):
    """An upstream that speaks TLS for `localhost`."""
    return upstream(context=server_context(authority.issue("server")))


def failures(gateway):
    """Why TLS to servers has failed, as the program log has it."""
    return [m["why"] for m in gateway.said("TLS to a server failed")]


def refused(gateway, *reasons, target="/", status=502, reason="upstream_tls_failed"):
    """Has a request refused, and looks at what the client and the operator learn of it."""
    answer = get(gateway, target)
    assert answer.status == status
    line = gateway.access_of(answer.request_id)
    assert (line["reason"], line["blame"]) == (reason, "upstream"), line
    if reasons:
        wait_until(lambda: any(why in reasons for why in failures(gateway)), f"{reasons} in {failures(gateway)}")
        for word in reasons + ("localhost", "tls", "certificate"):
            assert word.encode() not in answer.head + answer.body
    return line


# What is spoken.


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_and_its_answer(start, upstream, authority, workers, version):
    app = upstream(context=server_context(authority.issue("server"), version=version, protocols=["http/1.1"]))
    gateway = start(config(app.server, tls=ca(authority), workers=workers))
    for _ in range(8):
        with Client(gateway) as client:
            for _ in range(3):
                answer = client.send(b"GET /a HTTP/1.1\r\nHost: example.test\r\n\r\n").response()
                assert (answer.status, answer.body) == (200, b"ok")
    assert len(app.requests) == 24 and len(gateway.wait_access(24)) == 24
    # Each loop keeps its connection; what the upstream is told is what it would be told in clear.
    assert len(app.connections) <= 8
    for request in app.requests:
        assert request.field("host") == "example.test" and request.field("x-forwarded-proto") == "http"
        assert request.field("x-forwarded-host") == "example.test"
    assert {c.sock.version() for c in app.connections} == {version.name.replace("_", ".")}
    assert {c.sock.selected_alpn_protocol() for c in app.connections} == {"http/1.1"}
    assert failures(gateway) == []


def test_the_time_to_connect_holds_the_handshake(start, authority, script):
    def late(connection):
        time.sleep(0.3)
        connection.sock = context.wrap_socket(connection.sock, server_side=True)
        read_head(connection)
        connection.sock.sendall(OK)
    context = server_context(authority.issue("server"))
    app = script(late)
    gateway = start(config(f"https://localhost:{app.address[1]}", tls=ca(authority)))
    assert get(gateway).status == 200
    assert gateway.wait_access(1)[0]["connect_us"] >= 250_000


def test_names_are_told_and_addresses_are_not(start, upstream, authority):
    named = []
    context = server_context(authority.issue("server", ["localhost", "127.0.0.1", "orders.test"]))
    context.sni_callback = lambda sock, name, context: named.append(name)
    app = upstream(context=context)
    port = app.address[1]
    for server, tls, expected in [
            (f"https://localhost:{port}", ca(authority), "localhost"),
            (f"https://127.0.0.1:{port}", ca(authority), None),
            (f"https://127.0.0.1:{port}", ca(authority) + ", server_name: orders.test", "orders.test"),
            (f"https://127.0.0.1:{port}", ca(authority) + ", server_name: Localhost", "localhost"),
            (f"https://localhost:{port}", ca(authority) + ", server_name: 127.0.0.1", None)]:
        gateway = start(config(server, tls=tls))
        assert get(gateway).status == 200, gateway.program_text
        assert named.pop() == expected


def test_an_IPv6_address(start, upstream, authority):
    context = server_context(authority.issue("server", ["::1"]))
    app = upstream(family=socket.AF_INET6, address=("::1", 0), context=context)
    gateway = start(config(f"https://[::1]:{app.address[1]}", tls=ca(authority)))
    assert get(gateway).status == 200
    gateway = start(config(f"https://[::1]:{app.address[1]}", tls=ca(authority) + ', server_name: "::1"'))
    assert get(gateway).status == 200


def test_secured_servers_beside_others(start, upstream, authority, secure):
    plain = upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
    gateway = start(config(secure.server, plain.server, tls=ca(authority)))
    assert sorted(get(gateway).body for _ in range(4)) == [b"ok", b"ok", b"plain", b"plain"]


def test_the_system_s_authorities_are_the_default(start, authority, other, secure):
    gateway = start(config(secure.server), env={"SSL_CERT_FILE": str(authority.path)})
    assert get(gateway).status == 200
    gateway = start(config(secure.server), env={"SSL_CERT_FILE": str(other.path)})
    refused(gateway, *UNKNOWN)
    # Where `ca` is said the system's count no more.
    gateway = start(config(secure.server, tls=ca(other)), env={"SSL_CERT_FILE": str(authority.path)})
    refused(gateway, *UNKNOWN)


def test_a_system_without_authorities_is_a_warning(start, authority, secure, tmp_path):
    folder = tmp_path / "authorities"
    folder.mkdir()
    env = {"SSL_CERT_FILE": str(tmp_path / "none.pem"), "SSL_CERT_DIR": str(folder)}
    gateway = start(config(secure.server), env=env)
    gateway.wait_message("the system has no CA certificates")
    refused(gateway, *UNKNOWN)
    # In the folder they are found by their hash, when a handshake needs them.
    (folder / "authority.pem").write_bytes(authority.path.read_bytes())
    subprocess.run(["openssl", "rehash", folder], check=True, capture_output=True)
    wait_until(lambda: get(gateway).status == 200, "the authority")
    gateway = start(config(secure.server), env=env)
    assert get(gateway).status == 200
    assert not gateway.said("no CA certificates")


# U-7: what is refused.


@pytest.mark.parametrize("names, host, is_good", [
    (["localhost"], None, True), (["*.orders.test"], "a.orders.test", True), (["localhost"], "LOCALHOST", True),
    (["example.test"], None, False), (["127.0.0.1"], None, False), (["*.orders.test"], "orders.test", False),
    (["*.orders.test"], "a.b.orders.test", False), (["a*.orders.test"], "ab.orders.test", False),
    (["localhost"], "127.0.0.1", False), (["xlocalhost"], None, False), ([], "server", False)])
def test_U_7_the_name_of_the_certificate(start, upstream, authority, names, host, is_good):
    app = upstream(context=server_context(authority.issue("server", names)))
    tls = ca(authority) + (f", server_name: {host}" if host else "")
    gateway = start(config(app.server, tls=tls))
    if is_good:
        assert get(gateway).status == 200
        return
    refused(gateway, "hostname_mismatch", "ip_address_mismatch")
    assert app.received == b""


def test_U_7_certificates_that_do_not_hold(start, upstream, authority, other, tmp_path):
    def server(issued):
        return upstream(context=server_context(issued))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
         tmp_path / "self.key", "-out", tmp_path / "self.pem", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-days", "5"], check=True, capture_output=True)
    itself = (None, tmp_path / "self.pem", tmp_path / "self.key")
    for why, app in [
            (UNKNOWN, server(other.issue("unknown"))),
            (("certificate_has_expired",), server(authority.issue("expired", days=-1, since=-10))),
            (("certificate_is_not_yet_valid",), server(authority.issue("future", since=1))),
            (("unsuitable_certificate_purpose",),
             server(authority.issue("use", use=ExtendedKeyUsageOID.CLIENT_AUTH))),
            (("self_signed_certificate",), server(itself)),
            (("ee_certificate_key_too_weak",), server(authority.issue("weak", bits=1024)))]:
        gateway = start(config(app.server, tls=ca(authority)))
        refused(gateway, *why)
        assert app.received == b""
    # One that is named itself is believed.
    gateway = start(config(server(itself).server, tls=f"ca: {tmp_path}/self.pem"))
    assert get(gateway).status == 200


@contextlib.contextmanager
def s_server(issued, *arguments):
    """`openssl s_server`, which answers with a page; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", issued[1], "-key", issued[2], "-www",
         *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.PIPE)

    def is_there():
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
    try:
        wait_until(is_there, "openssl s_server")
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("arguments, bits", [
    (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], None),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"], None),
    (["-tls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"], 2048)], ids=["TLS 1.1", "CBC", "no forward secrecy"])
def test_A_6_what_is_weak_is_refused(start, authority, arguments, bits):
    with s_server(authority.issue("server", bits=bits), *arguments) as port:
        # A client that takes anything gets on with it.
        permissive = ssl.create_default_context(cafile=authority.path)
        permissive.minimum_version = ssl.TLSVersion.TLSv1
        permissive.set_ciphers("ALL:@SECLEVEL=0")
        with (socket.create_connection(("127.0.0.1", port), 10) as sock,
              permissive.wrap_socket(sock, server_hostname="localhost") as client):
            assert client.version() == ("TLSv1.1" if "-tls1_1" in arguments else "TLSv1.2")
        gateway = start(config(f"https://localhost:{port}", tls=ca(authority)))
        refused(gateway)
        assert wait_until(lambda: failures(gateway), "why")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_s_server_answers(start, authority, version):
    with s_server(authority.issue("server"), version) as port:
        gateway = start(config(f"https://localhost:{port}", tls=ca(authority)))
        for _ in range(3):
            answer = get(gateway)
            assert answer.status == 200 and b"s_server" in answer.body


def test_an_application_protocol_that_was_not_offered(start, authority):
    with s_server(authority.issue("server"), "-alpn", "h2") as port:
        gateway = start(config(f"https://localhost:{port}", tls=ca(authority)))
        # It refuses itself, as RFC 7301 wants it.
        refused(gateway)


@pytest.mark.parametrize("said, why", [
    (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "wrong_version_number"),
    (b"SSH-2.0-OpenSSH_9.2p1\r\n", "wrong_version_number"),
    (b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", None), (b"\x15\x03\x03\x00\x02\x02\x28", None)])
def test_U_7_bytes_that_are_no_handshake(start, authority, script, said, why):
    received = []

    def speak(connection):
        connection.sock.sendall(said)
        received.append(connection.sock.recv(65536))
        connection.sock.settimeout(5)
        while connection.sock.recv(65536):
            pass
    app = script(speak)
    gateway = start(config(f"https://localhost:{app.address[1]}", tls=ca(authority)))
    refused(gateway, *([why] if why else []))
    assert wait_until(lambda: failures(gateway), "why")
    # A ClientHello, and nothing of the request.
    assert all(data[:1] == b"\x16" and b"GET" not in data for data in received)


def test_U_7_a_server_in_clear(start, authority, upstream):
    app = upstream()
    gateway = start(config(f"https://localhost:{app.address[1]}", tls=ca(authority), more=", timeouts: { connect: 1s }"))
    answer = get(gateway)
    # It waits for a request line as the gateway does for a ServerHello.
    assert answer.status == 504
    assert b"GET" not in app.received


@pytest.mark.parametrize("way", ["end", "reset", "halfway"])
def test_a_handshake_that_is_cut(start, authority, script, way):
    def cut(connection):
        connection.sock.recv(65536)
        if way == "reset":
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if way == "halfway":
            connection.sock.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")
    app = script(cut)
    gateway = start(config(f"https://localhost:{app.address[1]}", tls=ca(authority)))
    refused(gateway)
    assert wait_until(lambda: failures(gateway), "why")
    assert len(app.connections) == 2


def test_a_handshake_that_hangs(start, authority, script, workers):
    app = script(read_to_end)
    gateway = start(config(
        f"https://localhost:{app.address[1]}", tls=ca(authority), more=", timeouts: { connect: 300ms }, retries: 0",
        workers=workers))
    refused(gateway, "handshake_timeout", status=504, reason="upstream_connect_timeout")
    wait_until(lambda: app.connections[0].ended, "the end of the connection")


def test_why_is_said_once_for_many(start, authority, other, upstream):
    app = upstream(context=server_context(other.issue("server")))
    gateway = start(config(app.server, tls=ca(authority)))
    for _ in range(5):
        refused(gateway)
    assert len(failures(gateway)) == 1
    said = gateway.said("TLS to a server failed")[0]
    assert (said["upstream"], said["server"], said["level"]) == (
        "app", f"127.0.0.1:{app.address[1]}", "warning")


# U-4: another server.


def test_U_4_a_failure_goes_to_the_next_server(start, upstream, authority, other, secure):
    bad = upstream(context=server_context(other.issue("bad")))
    gateway = start(config(bad.server, secure.server, tls=ca(authority)))
    for method, body in [("GET", None), ("POST", b"a body")] * 4:
        answer = get(gateway, method=method, body=body)
        assert answer.status == 200
    assert [r.method for r in secure.requests].count("POST") == 4 and bad.received == b""
    assert {line["retries"] for line in gateway.wait_access(8)} == {0, 1}
    # Three in a row, and it is passed over.
    message = gateway.wait_message("a server is passed over")
    assert message["reason"] == "upstream_tls_failed" and message["server"] == f"127.0.0.1:{bad.address[1]}"


def test_U_4_a_kept_connection_that_was_closed(start, upstream, authority):
    def answer(request, connection):
        connection.sock.sendall(OK)
        connection.sock.unwrap() if request.target == "/polite" else None
        connection.sock.close()
    app = upstream(answer, context=server_context(authority.issue("server")))
    gateway = start(config(app.server, tls=ca(authority)))
    statuses = []
    for target in ["/polite", "/rude"] * 5:
        assert get(gateway, target).status == 200
        statuses.append(get(gateway, target, method="POST", body=b"x").status)
    assert set(statuses) <= {200, 502}
    # Nothing was sent twice that must not be; on a connection that is being closed it may not arrive at all.
    assert statuses.count(200) <= [r.method for r in app.requests].count("POST") <= 10
    assert failures(gateway) == []


# Certificates of ours.


@pytest.mark.parametrize("version", VERSIONS)
def test_the_server_asks_for_a_certificate(start, upstream, authority, other, version):
    context = server_context(authority.issue("server"), clients=other, version=version)
    app = upstream(context=context)
    _, chain, key = other.issue("me", ["gateway.test"])
    gateway = start(config(app.server, tls=ca(authority) + f", certificate: {chain}, key: {key}"))
    for _ in range(3):
        assert get(gateway).status == 200
    shown = app.connections[0].sock.getpeercert()
    assert ("DNS", "gateway.test") in shown["subjectAltName"]
    # None, and one that the server does not believe: it says so within the handshake, or (1.3) behind it.
    gateway = start(config(app.server, tls=ca(authority)))
    refused(gateway, "tlsv13_alert_certificate_required", "sslv3_alert_handshake_failure")
    _, chain, key = authority.issue("wrong", ["gateway.test"])
    gateway = start(config(app.server, tls=ca(authority) + f", certificate: {chain}, key: {key}"))
    refused(gateway, "tlsv1_alert_unknown_ca")
    assert len(app.requests) == 3


def test_a_server_that_does_not_ask(start, authority, secure, other):
    _, chain, key = other.issue("me", ["gateway.test"])
    gateway = start(config(secure.server, tls=ca(authority) + f", certificate: {chain}, key: {key}"))
    assert get(gateway).status == 200
    assert secure.connections[0].sock.getpeercert() is None


# Health checks.


def test_health_checks_speak_tls(start, upstream, authority, other):
    good = upstream(context=server_context(authority.issue("good")))
    bad = upstream(context=server_context(other.issue("bad")))
    gateway = start(config(
        good.server, bad.server, tls=ca(authority), more=", health: { path: /healthz, every: 100ms }"))
    message = gateway.wait_message("a server is down")
    assert message["server"] == f"127.0.0.1:{bad.address[1]}"
    assert message["why"].removeprefix("TLS: ") in UNKNOWN
    wait_until(lambda: len(good.requests) >= 3, "three checks")
    assert good.requests[0].target == "/healthz"
    assert good.requests[0].field("host") == f"localhost:{good.address[1]}"
    assert bad.received == b""
    assert [get(gateway).status for _ in range(4)] == [200] * 4
    assert failures(gateway) == []


def test_health_checks_name_what_the_certificate_is_for(start, upstream, authority):
    app = upstream(context=server_context(authority.issue("server", ["orders.test"])))
    gateway = start(config(
        f"https://127.0.0.1:{app.address[1]}", tls=ca(authority) + ", server_name: orders.test",
        more=", health: { path: /healthz, every: 100ms }"))
    wait_until(lambda: app.requests, "a check")
    assert app.requests[0].field("host") == f"orders.test:{app.address[1]}"
    assert get(gateway).status == 200


# Reload.


def test_a_reload_takes_another_authority(start, upstream, authority, other, workers, tmp_path):
    app = upstream(context=server_context(other.issue("server")))
    believed = tmp_path / "believed.pem"
    believed.write_bytes(authority.path.read_bytes())
    text = config(app.server, tls=f"ca: {believed}", workers=workers)
    gateway = start(text)
    refused(gateway)
    believed.write_bytes(other.path.read_bytes())
    gateway.reload()
    # Each loop takes it when it comes to it.
    wait_until(lambda: all(get(gateway).status == 200 for _ in range(8)), "all loops to take it")
    # One that is equal keeps its connections, also where it stands elsewhere.
    gateway.reload("# a comment\n" + textwrap.dedent(text))
    for _ in range(8):
        assert get(gateway).status == 200
    assert len([c for c in app.connections if not c.tls_error]) <= workers
    believed.write_bytes(authority.path.read_bytes())
    gateway.reload()
    wait_until(lambda: all(get(gateway).status == 502 for _ in range(8)), "all loops to take it")
    refused(gateway)


def test_a_reload_counts_for_who_waits(start, upstream, authority, other, tmp_path):
    goes_on = threading.Event()

    def answer(request, connection):
        if request.target == "/first":
            goes_on.wait(30)
        return OK
    app = upstream(answer, context=server_context(authority.issue("server")))
    believed = tmp_path / "believed.pem"
    believed.write_bytes(authority.path.read_bytes())
    text = config(app.server, tls=f"ca: {believed}", more=", max_connections: 1, queue: 1")
    gateway = start(text)
    with Client(gateway) as first, Client(gateway) as second:
        first.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: b"/first" in app.received, "the first request")
        second.send(b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
        # By then it waits; where it does not yet, the test shows nothing.
        time.sleep(0.2)
        believed.write_bytes(other.path.read_bytes())
        gateway.reload(text.replace("path: /**", "path: /none"))
        wait_until(lambda: get(gateway, "/probe").status == 404, "the loop to take it")
        goes_on.set()
        assert first.response().status == 200
        assert second.response().status == 502
    assert b"/second" not in app.received


def test_a_reload_takes_another_certificate(start, upstream, authority, other):
    app = upstream(context=server_context(authority.issue("server"), clients=other))
    _, chain, key = other.issue("me", ["first.test"])
    gateway = start(config(app.server, tls=ca(authority) + f", certificate: {chain}, key: {key}"))

    def shown():
        assert get(gateway).status == 200
        return app.connections[-1].sock.getpeercert()["subjectAltName"]
    assert shown() == (("DNS", "first.test"),)
    other.issue("me", ["second.test"])
    gateway.reload()
    wait_until(lambda: shown() == (("DNS", "second.test"),), "the new certificate")
    # What cannot be used is refused as a whole.
    key.write_bytes(authority.issue("stray")[2].read_bytes())
    gateway.signal(signal.SIGHUP)
    message = gateway.wait_message("is not the key of the certificate")
    assert message["message"].startswith(f"{gateway.config_path}:6:")
    assert "reload refused" in gateway.wait_message("reload refused")["message"]
    assert shown() == (("DNS", "second.test"),) and len(app.connections) == 2


@pytest.mark.parametrize("fault", ["ca", "chain", "key", "mismatch", "open"])
def test_check_says_which_file_is_bad(tmp_path, authority, fault):
    _, chain, key = authority.issue("me")
    believed = tmp_path / "believed.pem"
    believed.write_bytes(authority.path.read_bytes())
    file, said = {
        "ca": (believed, "contains no certificate in PEM"), "chain": (chain, "contains no certificate in PEM"),
        "key": (key, "contains no private key in PEM, or one that is encrypted"),
        "mismatch": (key, "is not the key of the certificate in"),
        "open": (key, "can be read by users other than its owner"),
    }[fault]
    if fault == "mismatch":
        key.write_bytes(authority.issue("stray")[2].read_bytes())
    elif fault == "open":
        key.chmod(0o644)
    else:
        file.write_text("nothing")
    conf = tmp_path / "gateway.conf"
    conf.write_text(
        "listeners: [{ address: \"127.0.0.1:0\" }]\nupstreams:\n  app:\n    servers: [\"https://localhost:1\"]\n"
        f"    tls:\n      ca: {believed}\n      certificate: {chain}\n      key: {key}\n"
        "routes: [{ path: /**, auth: none, upstream: app }]\n")
    done = run("check", "--config", conf)
    assert done.returncode == 1
    place = {believed: "6:11", chain: "7:20", key: "8:12"}[file]
    assert f"gateway.conf:{place}: " in done.stderr and said in done.stderr, done.stderr
    assert run("serve", "--config", conf).returncode == 78


def test_a_certificate_that_has_expired_is_a_warning(tmp_path, authority, secure, start):
    _, chain, key = authority.issue("me", days=-1, since=-5)
    gateway = start(config(secure.server, tls=ca(authority) + f", certificate: {chain}, key: {key}"))
    assert "servers refuse it" in gateway.wait_message("has expired")["message"]
    assert get(gateway).status == 200
