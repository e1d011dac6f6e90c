"""TLS on listeners: rules A-6, P-15 and H-9, certificates, sessions, reload, and how connections end."""
import array
import contextlib
import fcntl
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import termios
import threading
import time

import pytest
from support.admin import said_by_admin
from support.certificates import Authority, SecureClient, authority_fixture, client_context, key_pem, reachable, thumbprint
from support.gateway import run
from support.ports import PATIENCE, wait_until
from support.wire import Client, split_requests

REQUEST = b"GET /a/x HTTP/1.1\r\nHost: example.test\r\n\r\n"


def config(app, tls, workers=1, more="", routes=""):
    return f"""
    listeners:
      - address: 127.0.0.1:0
        tls: {{ {tls} }}
    workers: {workers}
    {more}
    upstreams:
      app: {{ servers: ["{app.server}"] }}
    routes:
      - {{ path: /a/**, auth: none, upstream: app }}
      {routes}
    """


def files(issued):
    return f"certificate: {issued[1]}, key: {issued[2]}"


def secure(gateway, authority, **options):
    return SecureClient(gateway, client_context(authority), **options)


def failures(gateway):
    """Why handshakes failed, as the program log has it."""
    return [m["why"] for m in gateway.said("TLS handshakes failed")]


def wait_failure(gateway, *reasons):
    return wait_until(lambda: [why for why in failures(gateway) if why in reasons], f"one of {reasons}")


# What is spoken.


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_request_and_its_answer(start, upstream, authority, workers, version):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server")), workers))
    for _ in range(8):
        with SecureClient(gateway, client_context(authority, version=version)) as client:
            for _ in range(3):
                assert client.send(REQUEST).response().body == b"ok"
            assert client.sock.selected_alpn_protocol() == "http/1.1"
            assert client.sock.version() == version.name.replace("_", ".")
    assert all(request.field("x-forwarded-proto") == "https" for request in app.requests)
    assert len(app.requests) == 24
    assert len(gateway.wait_access(24)) == 24


def test_curl_is_served(start, upstream, authority):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server"))))
    url = f"https://example.test:{gateway.port}/a/curl"
    done = subprocess.run(
        ["curl", "-sS", "--cacert", authority.path, "--resolve", f"example.test:{gateway.port}:127.0.0.1", url, url],
        capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "okok"), done.stderr
    assert [r.target for r in app.requests] == ["/a/curl"] * 2


@pytest.mark.parametrize("arguments", [
    ["-tls1"], ["-tls1_1"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES256-SHA"],
    ["-tls1_2", "-cipher", "AES128-GCM-SHA256"], ["-tls1_3", "-groups", "P-521"]], ids=" ".join)
def test_A_6_what_is_weak_is_refused(start, upstream, authority, arguments):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server"))))
    arguments = [a + ":@SECLEVEL=0" if "-cipher" in arguments and a.isupper() else a for a in arguments]
    if arguments[0] in ("-tls1", "-tls1_1"):
        arguments += ["-cipher", "ALL:@SECLEVEL=0"]
    done = s_client(gateway, arguments)
    assert "Cipher is (NONE)" in done and "200 OK" not in done, done
    assert app.received == b"" and gateway.access() == []
    wait_failure(gateway, "unsupported_protocol", "no_shared_cipher", "no_suitable_key_share", "no_suitable_groups")


def test_A_6_nothing_is_negotiated_anew(start, upstream, authority):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server"))))
    with OpenSSLClient(gateway, "-tls1_2", "-msg") as client:
        client.wait("Verify return code")
        client.send(b"R\n")
        client.wait("no renegotiation")
    # It asked, the gateway refused by an alert, and nothing more went over that connection.
    assert "RENEGOTIATING" in client.said and "<<< TLS 1.2, Alert [length 0002], warning no_renegotiation" in client.said
    assert app.received == b"" and gateway.access() == []


def test_A_6_no_early_data_and_the_minimum(start, upstream, authority):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server")) + ', minimum: "1.3"'))
    assert "Max Early Data: 0" in s_client(gateway, ["-tls1_3"])
    with pytest.raises(ssl.SSLError):
        SecureClient(gateway, client_context(authority, version=ssl.TLSVersion.TLSv1_2))


@pytest.mark.parametrize("count, is_served", [(5, True), (60, False)])
def test_D_1_a_flood_of_key_updates_ends_the_connection(start, upstream, authority, count, is_served):
    """Each makes both ends derive keys, and none is data: a loop that reads on would serve nobody else."""
    app = upstream()
    gateway = start(config(app, files(authority.issue("server"))))
    with OpenSSLClient(gateway, "-tls1_3") as client:
        client.wait("Verify return code")
        for _ in range(count):
            client.send(b"k\n")
        client.send(REQUEST)
        client.wait("200 OK")
    assert ("200 OK" in client.said, len(app.requests)) == (is_served, int(is_served)), client.said[-500:]
    assert client.said.count("KEYUPDATE") == count if is_served else "KEYUPDATE" in client.said
    with secure(gateway, authority) as client:
        assert client.send(REQUEST).response().status == 200


class OpenSSLClient:
    """A running `openssl s_client`, and what it has said."""

    def __init__(self, gateway, *arguments):
        self.said = ""
        self._process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-servername", "example.test", *arguments],
            bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def send(self, data):
        """Sends `data`, or has it do a command: a line that it reads alone. Nothing once it has ended."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(data)
        wait_until(lambda: self._unread() == 0 or self._process.poll() is not None, "what was sent to be read")

    def _unread(self):
        count = array.array("i", [0])
        fcntl.ioctl(self._process.stdin, termios.FIONREAD, count)
        return count[0]

    def wait(self, text, seconds=20):
        """Back once it has said `text`, or has ended."""
        output, until = self._process.stdout, time.monotonic() + seconds
        while text not in self.said:
            assert select.select([output], [], [], max(0, until - time.monotonic()))[0], f"no {text!r}: {self.said}"
            if not (piece := os.read(output.fileno(), 65536)):
                return
            self.said += piece.decode(errors="replace")

    def end(self):
        """Has it say the rest, and end."""
        self.said += self._process.communicate(timeout=20)[0].decode(errors="replace")


def s_client(gateway, arguments, sent=REQUEST):
    """What `openssl s_client` says of a connection over which `sent` goes, up to the answer."""
    with OpenSSLClient(gateway, *arguments) as client:
        client.send(sent)
        client.wait("200 OK")
        client.end()
    return client.said


def test_alpn_is_http_1_1_or_nothing(start, upstream, authority):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server"))))
    for offered, agreed in [((), None), (("h2", "http/1.1"), "http/1.1")]:
        with SecureClient(gateway, client_context(authority, offered)) as client:
            assert client.sock.selected_alpn_protocol() == agreed
            assert client.send(REQUEST).response().status == 200
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        SecureClient(gateway, client_context(authority, ("h2",)))
    wait_failure(gateway, "no_application_protocol")


def test_a_client_hello_that_comes_byte_by_byte(start, upstream, authority):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server"))))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context(authority).wrap_bio(incoming, outgoing, server_hostname="example.test")
    with reachable(gateway) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def pump(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    pass
                for byte in outgoing.read():
                    sock.sendall(bytes([byte]))
                incoming.write(sock.recv(65536))

        pump(tls.do_handshake)
        tls.write(REQUEST)
        assert pump(lambda: tls.read(1000)).startswith(b"HTTP/1.1 200 OK")


# Hosts and certificates.


def test_the_certificate_is_that_of_the_host(start, upstream, authority):
    app = upstream()
    first = authority.issue("first", ["example.test", "127.0.0.1"])
    second = authority.issue("second", ["*.w.test"])
    third = authority.issue("third", ["x.w.test"], bits=2048)
    more = ", ".join(f"{{ {files(each)} }}" for each in (second, third))
    gateway = start(config(app, f"{files(first)}, certificates: [{more}]"))
    for name, issued in [("example.test", first), ("y.w.test", second), ("X.W.test", third)]:
        with secure(gateway, authority, name=name) as client:
            assert client.shown == thumbprint(issued[0])
            assert client.send(REQUEST.replace(b"example.test", name.encode())).response().status == 200
    for name in (None, "other.test", "a.b.w.test"):
        with SecureClient(gateway, client_context(), name=name) as client:
            assert client.shown == thumbprint(first[0])
            assert client.send(REQUEST).response().status == 200
            assert client.send(REQUEST.replace(b"example.test", b"127.0.0.1:1234")).response().status == 200


@pytest.mark.parametrize("host", ["other.test", "x.example.test", "example.test.evil.test", "127.0.0.1", "[::1]"])
def test_P_15_a_host_that_the_certificate_does_not_cover(start_tls, host):
    gateway, app, authority = start_tls
    app.forget()
    with secure(gateway, authority) as client:
        answer = client.send(REQUEST.replace(b"example.test", host.encode())).response()
        assert answer.status == 421
        assert gateway.access_of(answer.request_id)["reason"] == "host_not_covered"
        assert app.received == b""
        # The connection is good for the hosts that the certificate is for.
        for good in (b"example.test", b"EXAMPLE.test:443", b"example.test."):
            assert client.send(REQUEST.replace(b"example.test", good)).response().status == 200


@pytest.fixture(scope="module")
def start_tls(start_once, upstream_once, tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    app = upstream_once()
    return start_once(config(app, files(authority.issue("server", ["example.test"])))), app, authority


def test_H_9_the_scheme_of_an_absolute_target_is_https(start_tls):
    gateway, app, authority = start_tls
    app.forget()
    with secure(gateway, authority) as client:
        client.send(b"GET https://example.test/a/x HTTP/1.1\r\nHost: example.test\r\n\r\n")
        assert client.response().status == 200
    app.forget()
    with secure(gateway, authority) as client:
        client.send(b"GET http://example.test/a/x HTTP/1.1\r\nHost: example.test\r\n\r\n")
        assert client.response().status == 400
    assert app.received == b""


# Sessions.


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_goes_on_whatever_loop_it_comes_to(start, upstream, authority, version):
    app = upstream()
    tls = files(authority.issue("server"))
    gateway = start(config(app, tls, workers=4))
    context = client_context(authority, version=version)

    def resumed(session):
        with SecureClient(gateway, context, session=session) as client:
            assert client.send(REQUEST).response().status == 200
            return client.sock.session_reused, client.sock.session

    was, session = resumed(None)
    assert not was
    for _ in range(16):
        assert resumed(session)[0]
    # Another certificate takes nothing away.
    authority.issue("server")
    gateway.reload()
    assert all(resumed(session)[0] for _ in range(8))
    # What clients have to show does.
    gateway.reload(config(app, f"{tls}, client_ca: {authority.path}, client_auth: optional", workers=4))
    wait_until(lambda: not any(resumed(session)[0] for _ in range(8)), "sessions to begin anew")


def test_a_session_does_not_go_on_at_another_listener(start, upstream, authority):
    app = upstream()
    tls = files(authority.issue("server"))
    gateway = start(config(app, tls).replace("workers:", f"  - address: 127.0.0.2:0\n        tls: {{ {tls} }}\n    workers:"))
    context = client_context(authority)
    with SecureClient(gateway, context) as client:
        client.send(REQUEST).response()
        session = client.sock.session
    host, _, port = gateway.addresses[1].rpartition(":")
    with SecureClient(gateway, context, session=session, address=(host, int(port))) as client:
        assert client.send(REQUEST).response().status == 200
        assert not client.sock.session_reused


# Reload.


def test_a_reload_swaps_the_certificate_and_cuts_no_connection(start, upstream, authority, workers):
    app = upstream()
    issued = authority.issue("server")
    gateway = start(config(app, files(issued), workers))
    held = [secure(gateway, authority) for _ in range(8)]
    new = authority.issue("server")
    gateway.reload()
    wait_until(lambda: shown(gateway, authority, 8) == {thumbprint(new[0])}, "the new certificate")
    for client in held:
        assert client.shown == thumbprint(issued[0])
        assert client.send(REQUEST).response().status == 200


def shown(gateway, authority, count):
    clients = [secure(gateway, authority) for _ in range(count)]
    result = {client.shown for client in clients}
    for client in clients:
        client.sock.close()
    return result


def test_A_4_a_bad_file_at_a_reload_changes_nothing(start, upstream, authority):
    app = upstream()
    issued = authority.issue("server")
    gateway = start(config(app, files(issued)))
    issued[1].write_text("no certificate")
    gateway.write_config(config(app, files(issued), routes="- { path: /b/**, auth: none, upstream: app }"))
    count = len(gateway.messages())
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: any("reload refused" in m["message"] for m in gateway.messages()[count:]), "the refusal")
    assert any("contains no certificate in PEM" in m["message"] for m in gateway.messages()[count:])
    with secure(gateway, authority) as client:
        assert client.shown == thumbprint(issued[0])
        assert client.send(REQUEST.replace(b"/a/", b"/b/")).response().status == 404


def test_a_reload_reads_no_files_of_a_listener_that_was_removed(start, upstream, authority):
    """It goes on until a restart, with what it has: whoever removes it may remove its files too."""
    app = upstream()
    second = authority.issue("second")
    text = config(app, files(authority.issue("server")))
    gateway = start(text.replace(
        "workers:", f"  - {{ address: 127.0.0.2:0, tls: {{ {files(second)} }} }}\n    workers:"))
    host, _, port = gateway.addresses[1].rpartition(":")

    def answer():
        with SecureClient(gateway, client_context(authority), address=(host, int(port))) as client:
            assert client.shown == thumbprint(second[0])
            return client.send(REQUEST).response().status
    assert answer() == 200
    for path in second[1:]:
        path.unlink()
    gateway.reload(text)
    assert answer() == 200
    gateway.reload()
    assert answer() == 200
    with secure(gateway, authority) as client:
        assert client.send(REQUEST).response().status == 200


def test_a_listener_begins_and_ends_to_speak_tls_by_a_reload(start, upstream, authority):
    app = upstream()
    text = config(app, files(authority.issue("server")))
    plain = "\n".join(line for line in text.splitlines() if "tls:" not in line)
    gateway = start(plain)
    with Client(gateway) as held:
        assert held.send(REQUEST).response().status == 200
        gateway.reload(text)
        wait_until(lambda: len(shown(gateway, authority, 2)) == 1, "TLS")
        assert held.send(REQUEST).response().status == 200
    gateway.reload(plain)
    with Client(gateway) as client:
        assert client.send(REQUEST).response().status == 200


# What is not TLS.


def test_slow_handshakes_end_in_time_and_write_no_access_line(start, upstream, authority):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server")), more="timeouts: { handshake: 500ms }"))
    silent = reachable(gateway)
    with reachable(gateway) as sock:
        sock.settimeout(0.1)
        began = time.monotonic()
        ended = False
        # One byte after the other extends nothing.
        for byte in b"\x16\x03\x01\x01\x00" + bytes(200):
            try:
                sock.sendall(bytes([byte]))
                if sock.recv(1) == b"":
                    ended = True
                    break
            except TimeoutError:
                continue
            except OSError:
                ended = True
                break
        assert ended and time.monotonic() - began < 15
    assert silent.recv(1) == b""
    silent.close()
    wait_failure(gateway, "handshake_timeout")
    with secure(gateway, authority) as client:
        assert client.send(REQUEST).response().status == 200
    assert len(gateway.wait_access(1)) == 1


@pytest.mark.parametrize("sent, reason", [
    (REQUEST, "http_request"), (b"\x00" * 100, "wrong_version_number"), (b"garbage" * 1000, "wrong_version_number"),
    (b"\x16\x03\x01\xff\xff" + b"\x01" * 70000, "packet_length_too_long"),
    (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "length_too_short"), (b"\x15\x03\x01\x00\x02\x02\x28", None)],
    ids=["plain", "zeros", "garbage", "long record", "short hello", "alert"])
def test_what_is_no_handshake_is_closed_cleanly(start_tls, sent, reason):
    gateway, app, _ = start_tls
    lines = len(gateway.access())
    app.forget()
    with reachable(gateway) as sock:
        try:
            sock.sendall(sent)
            sock.shutdown(socket.SHUT_WR)
            rest = b""
            while piece := sock.recv(4096):
                rest += piece
        except ConnectionResetError:
            pass
        assert b"HTTP" not in rest
    assert app.received == b"" and len(gateway.access()) == lines
    assert "garbage" not in gateway.program_text


def test_failed_handshakes_are_counted_and_not_said_one_by_one(start, upstream, authority):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server"))))
    for _ in range(50):
        with reachable(gateway) as sock:
            sock.sendall(REQUEST)
            while sock.recv(100):
                pass
    # Whoever only looks whether the port is open fails at nothing.
    for _ in range(10):
        reachable(gateway).close()
    wait_failure(gateway, "http_request")
    assert failures(gateway) == ["http_request"]
    assert gateway.access() == []


# Bodies, and how connections end.


def test_large_bodies_both_ways(start, script, authority, workers):
    size = 8 << 20
    body = bytes(range(256)) * (size // 256)

    def echo(connection):
        while True:
            received = bytearray()
            while b"\r\n\r\n" not in received:
                if not (piece := connection.sock.recv(65536)):
                    return
                received += piece
            head, _, rest = bytes(received).partition(b"\r\n\r\n")
            received = bytearray(rest)
            is_chunked = b"chunked" in head
            while not received.endswith(b"\r\n0\r\n\r\n") if is_chunked else len(received) < size:
                received += connection.sock.recv(1 << 20)
            whole = split_requests(head + b"\r\n\r\n" + bytes(received))[0][0].body
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(whole) + whole)

    gateway = start(config(script(echo), files(authority.issue("server")), workers))
    with secure(gateway, authority, seconds=60) as client:
        head = b"POST /a/x HTTP/1.1\r\nHost: example.test\r\n"
        client.send(head + b"Content-Length: %d\r\n\r\n" % size + body)
        assert client.response().body == body
        client.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 100_000):
            piece = body[at:at + 100_000]
            client.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
        assert client.send(b"0\r\n\r\n").response().body == body


def test_D_3_a_slow_reader_gets_everything(start, upstream, authority):
    body = bytes(range(256)) * 4096
    app = upstream(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    gateway = start(config(app, files(authority.issue("server"))))
    clients = [secure(gateway, authority, seconds=60) for _ in range(4)]
    for client in clients:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(REQUEST)
    time.sleep(0.5)
    with secure(gateway, authority, seconds=30) as client:
        assert client.send(REQUEST).response().body == body
    for client in clients:
        assert client.response().body == body


def test_pipelined_requests(start_tls):
    gateway, app, authority = start_tls
    app.forget()
    with secure(gateway, authority) as client:
        client.send(REQUEST * 100)
        assert [client.response().status for _ in range(100)] == [200] * 100


def test_a_connection_ends_with_close_notify(start, upstream, authority):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server")), more="timeouts: { idle: 500ms }"))
    with secure(gateway, authority) as client:
        client.send(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert client.response().status == 200
        assert client.ended_with_notice()
    with secure(gateway, authority) as client:
        assert client.send(b"BAD\r\n\r\n").response().status == 400
        assert client.ended_with_notice()
    with secure(gateway, authority) as idle:
        assert idle.send(REQUEST).response().status == 200
        assert idle.ended_with_notice()


@pytest.mark.parametrize("notice", [False, True])
def test_a_client_that_leaves_is_noticed(start, script, authority, notice):
    asked, ended = threading.Event(), threading.Event()

    def answer(connection):
        connection.sock.recv(65536)
        asked.set()
        if connection.sock.recv(1) == b"":
            ended.set()

    gateway = start(config(script(answer), files(authority.issue("server"))))
    with secure(gateway, authority) as client:
        client.send(REQUEST)
        assert asked.wait(PATIENCE)
        if notice:
            client.sock.close()
        else:
            # The TCP half alone, as clients do that know nothing of close_notify.
            socket.socket.shutdown(client.sock, socket.SHUT_WR)
        assert ended.wait(PATIENCE)
        [line] = gateway.wait_access(1, reason="client_closed")
    assert line["status"] == 499


@pytest.mark.parametrize("says_it", [False, True])
def test_a_body_that_is_cut_is_no_request(start, upstream, authority, says_it):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server"))))
    client = secure(gateway, authority)
    client.send(b"POST /a/x HTTP/1.1\r\nHost: example.test\r\nContent-Length: 100\r\n\r\nhalf")
    wait_until(lambda: b"half" in app.received, "the half")
    if says_it:
        client.sock.settimeout(5)
        try:
            client.sock.unwrap()
        except (OSError, ssl.SSLError):
            pass
    client.sock.close()
    assert gateway.wait_access(1)[0]["reason"] == "client_closed"
    assert app.requests == []


def test_U_6_an_answer_that_is_cut_does_not_end_cleanly(start, script, authority):
    def cut(connection):
        connection.sock.recv(65536)
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        connection.sock.close()

    gateway = start(config(script(cut), files(authority.issue("server"))))
    with secure(gateway, authority) as client:
        client.send(REQUEST)
        with pytest.raises((ssl.SSLError, ConnectionResetError, AssertionError)):
            client.response()
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            assert client.sock.recv(1) != b""
    assert gateway.wait_access(1)[0]["reason"] == "upstream_truncated"


def test_D_7_a_drain_ends_connections_with_close_notify(start, upstream, authority, workers):
    app = upstream()
    gateway = start(config(app, files(authority.issue("server")), workers))
    clients = [secure(gateway, authority) for _ in range(8)]
    for client in clients:
        assert client.send(REQUEST).response().status == 200
    gateway.signal(signal.SIGTERM)
    assert all(client.ended_with_notice() for client in clients)
    assert gateway.wait() == 0


# The configuration.


@pytest.mark.parametrize("case", [
    "missing", "no certificate", "other key", "open key", "encrypted key", "no name", "weak", "no clients' authority",
    "client_ca alone", "client_auth alone"])
def test_A_3_what_is_wrong_with_the_files_is_said(tmp_path, authority, case):
    certificate, chain, key = authority.issue("server", [] if case == "no name" else ["a.test"],
                                              bits=1024 if case == "weak" else None)
    tls = f"certificate: {chain}, key: {key}"
    expected = {
        "missing": f"{chain}: No such file or directory", "no certificate": f"{chain} contains no certificate in PEM",
        "other key": f"{key} is not the key of the certificate in {chain}", "open key": f"run chmod 600 {key}",
        "encrypted key": f"{key} contains no private key in PEM, or one that is encrypted",
        "no name": f"{chain} is not valid for any host", "weak": f"{chain} is too weak",
        "no clients' authority": "contains no certificate in PEM",
        "client_ca alone": '"client_ca" without "client_auth"',
        "client_auth alone": '"client_auth" without "client_ca"'}[case]
    if case == "missing":
        chain.unlink()
    elif case == "no certificate":
        chain.write_text("nothing")
    elif case == "other key":
        shutil.copy(authority.issue("other")[2], key)
    elif case == "open key":
        key.chmod(0o640)
    elif case == "encrypted key":
        key.write_bytes(key_pem(authority.key, b"a password"))
    elif case == "no clients' authority":
        (tmp_path / "empty.pem").write_text("")
        tls += f", client_ca: {tmp_path}/empty.pem, client_auth: optional"
    elif case == "client_ca alone":
        tls += f", client_ca: {authority.path}"
    elif case == "client_auth alone":
        tls += ", client_auth: required"
    path = tmp_path / "gateway.conf"
    path.write_text(
        f"listeners:\n  - address: 127.0.0.1:0\n    tls: {{ {tls} }}\n"
        "upstreams: { echo: { builtin: echo } }\nroutes: [{ path: /, auth: none, upstream: echo }]\n")
    for command, status in [("check", 1), ("serve", 78)]:
        done = run(command, "--config", path)
        assert done.returncode == status, done.stderr
        [line] = done.stderr.splitlines()
        assert line.startswith(f"{path}:3:") and expected in line, line


@pytest.mark.parametrize("days, since, words", [
    (-1, -2, "has expired"), (2, 1, "is not valid yet"), (1, -9, "five sixths of its lifetime are over: renew it")])
def test_a_certificate_out_of_its_time_is_warned_of(start, upstream, authority, days, since, words):
    app = upstream()
    issued = authority.issue("server", days=days, since=since)
    gateway = start(config(app, files(issued)))
    assert words in gateway.wait_message(str(issued[1]))["message"]
    done = run("check", "--config", gateway.config_path)
    assert done.returncode == 0 and words in done.stderr
    with SecureClient(gateway, client_context()) as client:
        assert client.send(REQUEST).response().status == 200


def test_when_certificates_end_is_a_metric(start, upstream, authority):
    near, far = authority.issue("near", days=1, since=-9), authority.issue("far", ["far.test"], days=2, since=-1)
    text = config(upstream(), files(far)).replace("listeners:", "admin: { address: 127.0.0.1:0 }\n    listeners:")
    gateway = start(text)

    def ends():
        lines = said_by_admin(gateway, [])["/metrics as text/html"].splitlines()
        return {line.split('"')[1]: float(line.split()[-1]) - time.time() for line in lines
                if line.startswith("portcullis_certificate_expiry_timestamp_seconds{")}
    assert "renew" not in gateway.program_text
    assert list(ends()) == [str(far[1])] and ends()[str(far[1])] == pytest.approx(2 * 86400, abs=100)
    gateway.reload(text.replace(str(far[1]), str(near[1])).replace(str(far[2]), str(near[2])))
    assert list(ends()) == [str(near[1])] and ends()[str(near[1])] == pytest.approx(86400, abs=100)
    assert str(near[1]) in gateway.wait_message("renew it")["message"]


# What stands before TLS and behind it.


def test_a_proxy_header_comes_before_the_handshake(start, upstream, authority):
    app = upstream()
    text = config(app, files(authority.issue("server"))).replace("        tls:", "        proxy_protocol: true\n        tls:")
    gateway = start(text)
    with reachable(gateway) as sock:
        # In one piece with the beginning of the handshake.
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client_context(authority).wrap_bio(incoming, outgoing, server_hostname="example.test")
        head = b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\n"

        def pump(step):
            nonlocal head
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    pass
                sock.sendall(head + outgoing.read())
                head = b""
                incoming.write(sock.recv(65536))

        pump(tls.do_handshake)
        tls.write(REQUEST)
        assert pump(lambda: tls.read(1000)).startswith(b"HTTP/1.1 200 OK")
    assert app.requests[0].field("x-forwarded-for") == "192.0.2.7"
    assert gateway.wait_access(1)[0]["client"] == "192.0.2.7"
    # TLS that begins without it is not a header.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secure(gateway, authority)
    assert gateway.wait_access(1, reason="proxy_header_invalid")


def test_a_tunnel_passes_both_ways_and_ends_one_way_first(start, script, authority):
    def tunnel(connection):
        read = b""
        while b"\r\n\r\n" not in read:
            read += connection.sock.recv(65536)
        connection.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello")
        connection.sock.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.sock.recv(65536):
            received += piece
        connection.received = received

    app = script(tunnel)
    gateway = start(config(
        app, files(authority.issue("server")), routes="- { path: /t, auth: none, upgrade: [x], upstream: app }"))
    with secure(gateway, authority) as client:
        client.send(b"GET /t HTTP/1.1\r\nHost: example.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        assert client.response().status == 101
        while len(client.data) < 5:
            assert client._more()
        assert client.data == b"hello"
        client.data = b""
        # The upstream's end is said, and this half goes on.
        assert client.ended_with_notice()
        client.send(b"a" * 100_000)
        client.send(b"b" * 100_000)
        try:
            client.sock.unwrap()
        except (OSError, ssl.SSLError):
            pass
    wait_until(lambda: app.connections[0].received == b"a" * 100_000 + b"b" * 100_000, "what was sent last")


# redirect, hsts, ocsp.


def test_a_listener_in_clear_sends_to_https(start, upstream, authority):
    app = upstream()
    text = config(app, files(authority.issue("server")) + ", hsts: 180d").replace(
        "workers:", "  - { address: 127.0.0.2:0, redirect: https }\n"
        "      - { address: 127.0.0.3:0, redirect: \"https:8443\" }\n    trusted_proxies: [127.0.0.1]\n    workers:")
    gateway = start(text)
    addresses = [(host, int(port)) for host, _, port in (a.rpartition(":") for a in gateway.addresses[1:])]

    def answer(address, head, fields="", method="GET"):
        with Client(gateway, address=address) as client:
            return client.send(f"{head} HTTP/1.1\r\n{fields}\r\n").response(method)

    for head, fields, location in [
            ("GET /a/x?q=/%41&b", "Host: example.test:8080\r\n", "https://example.test{}/a/x?q=/%41&b"),
            ("POST /%61/", "Host: EXAMPLE.test.\r\nContent-Length: 3\r\n", "https://EXAMPLE.test{}/a/"),
            ("GET /nowhere", "Host: [::1]\r\n", "https://[::1]{}/nowhere")]:
        for address, port in zip(addresses, ("", ":8443")):
            answered = answer(address, head, fields)
            assert (answered.status, answered.field("location")) == (308, location.format(port))
            assert answered.field("strict-transport-security") is None
    assert answer(addresses[0], "GET /a/../x", "Host: a\r\n").status == 400
    assert app.received == b""
    # Behind a proxy that speaks https with the client there is nothing to redirect.
    fields = "Host: example.test\r\nX-Forwarded-Proto: https\r\n"
    assert answer(addresses[0], "GET /a/x", fields).status == 200
    assert answer(addresses[0], "GET /a/x", fields.replace("https", "http")).status == 308


def test_a_listener_in_clear_sends_nobody_to_other_hosts(start, upstream, authority):
    app = upstream()
    text = config(app, files(authority.issue("server"))).replace(
        "workers:", "  - { address: 127.0.0.2:0, redirect: https }\n    workers:").replace(
        "path: /a/**", "host: example.test, path: /a/**") + (
        '  - { host: "*.w.test", path: /, auth: none, upstream: app }\n')
    gateway = start(text)
    host, _, port = gateway.addresses[1].rpartition(":")

    def answer(name):
        with Client(gateway, address=(host, int(port))) as client:
            return client.send(f"GET /b HTTP/1.1\r\nHost: {name}\r\n\r\n").response()

    for name in ("example.test", "EXAMPLE.test:80", "x.w.test"):
        answered = answer(name)
        assert answered.status == 308
        # A cache that does not look at Host would send others there.
        assert answered.field("cache-control") == "no-store"
    for name in ("evil.test", "w.test", "127.0.0.2", "example.test.evil.test"):
        answered = answer(name)
        assert (answered.status, answered.field("location")) == (404, None)
        assert gateway.access_of(answered.request_id)["reason"] == "no_route"


def test_answers_tell_browsers_to_come_back_with_tls(start, upstream, authority):
    app = upstream(
        b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 2\r\n\r\nok")
    tls = files(authority.issue("server"))
    gateway = start(config(app, tls + ", hsts: 180d"))

    def said(request=REQUEST):
        with secure(gateway, authority) as client:
            return client.send(request).response().all("strict-transport-security")

    for request in (REQUEST, REQUEST.replace(b"/a/x", b"/nowhere"), b"BAD\r\n\r\n"):
        assert said(request) == ["max-age=15552000"]
    gateway.reload(config(app, tls))
    wait_until(lambda: said() == ["max-age=1"], "the upstream's word")


def test_an_ocsp_response_is_stapled(start, upstream, authority):
    app = upstream()
    issued = authority.issue("server")
    staple = authority.staple(issued[0])
    gateway = start(config(app, f"{files(issued)}, ocsp: {staple}"))
    assert "OCSP Response Status: successful" in s_client(gateway, ["-status"])
    staple.write_bytes(b"no response")
    done = run("check", "--config", gateway.config_path)
    assert done.returncode == 1 and f"{staple} contains no OCSP response" in done.stderr
    authority.staple(authority.issue("other")[0])
    done = run("check", "--config", gateway.config_path)
    assert done.returncode == 1 and f"{staple} is for certificates other than the one in" in done.stderr


def test_an_ocsp_response_that_is_out_of_date_is_not_stapled(start, upstream, authority):
    """It would have clients refuse a certificate that is good. What renews it may be late: no reason not to start."""
    app = upstream()
    issued = authority.issue("server")
    staple = authority.staple(issued[0], days=-1)
    gateway = start(config(app, f"{files(issued)}, ocsp: {staple}"))
    assert f"{staple} is out of date (nextUpdate); it is not stapled" in gateway.wait_message("nextUpdate")["message"]
    assert "OCSP response: no response sent" in s_client(gateway, ["-status"])
    # One that goes out of date meanwhile.
    authority.staple(issued[0], days=10 / 86_400)
    gateway.reload()
    assert "OCSP Response Status: successful" in s_client(gateway, ["-status"])
    wait_until(lambda: "OCSP response: no response sent" in s_client(gateway, ["-status"]), "the end of it", 20)


def test_A_3_a_redirect_beside_tls_is_a_fault(tmp_path, authority):
    _, chain, key = authority.issue("server")
    path = tmp_path / "gateway.conf"
    path.write_text(
        f"listeners:\n  - address: 127.0.0.1:0\n    tls: {{ certificate: {chain}, key: {key} }}\n"
        "    redirect: https\nupstreams: { echo: { builtin: echo } }\n"
        "routes: [{ path: /, auth: none, upstream: echo }]\n")
    done = run("check", "--config", path)
    assert done.returncode == 1 and f'{path}:4:5: "redirect" together with "tls"' in done.stderr
    path.write_text(path.read_text().replace("redirect: https", "redirect: http"))
    assert "is neither https nor https and a port" in run("check", "--config", path).stderr
