"""TLS to upstreams, what goes through it: rules U-3 and U-6, sessions, large bodies, backpressure and tunnels."""
import contextlib
import hashlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
import websockets.sync.client
import websockets.sync.server

from support.certificates import authority_fixture, server_context
from support.nginx import nginx, pieces_of, put_and_get
from support.ports import wait_until
from support.servers import established
from support.upstream import OK, read_head, read_to_end
from support.upstream_tls import VERSIONS, ca, config
from support.wire import Client, get

MIB = 1 << 20


# U-6: truncation.


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("framing, ending, is_whole", [
    ("close", "notice", True), ("close", "end", False), ("close", "reset", False), ("length", "end", True),
    ("chunked", "end", True), ("short", "notice", False), ("short", "end", False), ("short chunks", "notice", False)])
def test_U_6_an_answer_that_is_cut(start, upstream, authority, version, framing, ending, is_whole):
    fields = {
        "close": b"", "length": b"Content-Length: 4\r\n", "short": b"Content-Length: 9\r\n",
        "chunked": b"Transfer-Encoding: chunked\r\n", "short chunks": b"Transfer-Encoding: chunked\r\n"}[framing]
    body = {"chunked": b"4\r\nbody\r\n0\r\n\r\n", "short chunks": b"4\r\nbody\r\n"}.get(framing, b"body")

    def answer(request, connection):
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n" + body)
        if ending == "notice":
            with contextlib.suppress(OSError):
                connection.sock.unwrap()
        if ending == "reset":
            time.sleep(0.3)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sock.close()
    app = upstream(answer, context=server_context(authority.issue("server"), version=version))
    gateway = start(config(app.server, tls=ca(authority)))
    with Client(gateway) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        if is_whole:
            assert client.response().body == b"body"
            assert "reason" not in gateway.wait_access(1)[0]
        else:
            with pytest.raises(AssertionError):
                client.response()
            assert gateway.wait_access(1)[0]["reason"] == "upstream_truncated"


def test_U_6_a_flood_of_key_updates_is_no_end(start, authority):
    with Ticketing(authority.issue("server")) as server:
        gateway = start(config(f"https://localhost:{server.port}", tls=ca(authority)))
        with Client(gateway) as client:
            client.send(b"GET /until-close HTTP/1.1\r\nHost: a\r\n\r\n")
            while b"body" not in client.data:
                assert client._more()
            for _ in range(60):
                server.say("update")
            with pytest.raises((AssertionError, ConnectionError)):
                client.response()
        assert gateway.wait_access(1)[0]["reason"] == "upstream_truncated"


# U-3: connections that are kept.


def test_U_3_tickets_on_a_free_connection_do_not_close_it(start, authority):
    """A server that gives its tickets late: nginx and OpenSSL give them at once, others when they like."""
    with Ticketing(authority.issue("server")) as server:
        gateway = start(config(f"https://localhost:{server.port}", tls=ca(authority)))
        assert get(gateway).status == 200
        for _ in range(4):
            server.give_ticket()
            time.sleep(0.1)
            assert get(gateway).status == 200
        assert server.connections == 1


def test_U_3_a_flood_of_tickets_closes_it(start, authority):
    with Ticketing(authority.issue("server")) as server:
        gateway = start(config(f"https://localhost:{server.port}", tls=ca(authority)))
        assert get(gateway).status == 200
        for _ in range(60):
            server.give_ticket()
        wait_until(lambda: established(gateway.pid, server.port) == 0, "the end of the connection")
        assert get(gateway).status == 200


SERVER = """
import ctypes, ctypes.util, select, socket, sys
ssl = ctypes.CDLL(ctypes.util.find_library("ssl"))
for name in ("TLS_server_method", "SSL_CTX_new", "SSL_new"):
    getattr(ssl, name).restype = ctypes.c_void_p
P = ctypes.c_void_p
context = P(ssl.SSL_CTX_new(P(ssl.TLS_server_method())))
assert ssl.SSL_CTX_use_certificate_chain_file(context, sys.argv[1].encode()) == 1
assert ssl.SSL_CTX_use_PrivateKey_file(context, sys.argv[2].encode(), 1) == 1
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connections, count, current = {}, 0, None
block = ctypes.create_string_buffer(65536)
whole = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"
while True:
    for ready in select.select([listener, sys.stdin, *connections], [], [])[0]:
        if ready is listener:
            sock = listener.accept()[0]
            connection = P(ssl.SSL_new(context))
            ssl.SSL_set_fd(connection, sock.fileno())
            if ssl.SSL_accept(connection) == 1:
                sock.setblocking(False)
                connections[sock] = current = connection
                count += 1
        elif ready is sys.stdin:
            line = sys.stdin.readline()
            if line == "ticket\\n":
                ssl.SSL_new_session_ticket(current)
                ssl.SSL_do_handshake(current)
            elif line == "update\\n":
                ssl.SSL_key_update(current, 1)
                ssl.SSL_do_handshake(current)
            elif line == "data\\n":
                ssl.SSL_write(current, b"HTTP/1.1 200 OK", 15)
            elif not line:
                sys.exit()
            print(count, flush=True)
        else:
            connection = connections[ready]
            read = ssl.SSL_read(connection, block, len(block))
            if read > 0:
                answer = b"HTTP/1.1 200 OK\\r\\n\\r\\nbody" if b"GET /until-close" in block.raw[:read] else whole
                ssl.SSL_write(connection, answer, len(answer))
            elif ssl.SSL_get_error(connection, read) != 2:
                del connections[ready]
                ready.close()
"""


class Ticketing:
    """A server of TLS 1.3 that says for TLS alone what a test wants, when it wants it."""

    def __init__(self, issued):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(issued[1]), str(issued[2])], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def give_ticket(self):
        self.say("ticket")

    @property
    def connections(self):
        return self.say("nothing")


@pytest.mark.parametrize("count, is_kept", [(5, True), (60, False)])
def test_U_3_key_updates_on_a_free_connection(start, authority, count, is_kept):
    with Ticketing(authority.issue("server")) as server:
        gateway = start(config(f"https://localhost:{server.port}", tls=ca(authority)))
        assert get(gateway).status == 200
        for _ in range(count):
            server.say("update")
            time.sleep(0.01)
        if not is_kept:
            wait_until(lambda: established(gateway.pid, server.port) == 0, "the end of the connection")
        assert get(gateway).status == 200
        assert server.connections == (1 if is_kept else 2)


def test_U_3_data_on_a_free_connection_closes_it(start, authority):
    with Ticketing(authority.issue("server")) as server:
        gateway = start(config(f"https://localhost:{server.port}", tls=ca(authority)))
        assert get(gateway).status == 200
        server.say("data")
        wait_until(lambda: established(gateway.pid, server.port) == 0, "the end of the connection")
        assert get(gateway).body == b"ok"
        assert server.connections == 2


# nginx.


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_nginx_sees_sessions_go_on(start, authority, tmp_path, version):
    more = f"ssl_protocols {version}; keepalive_timeout 0; ssl_session_tickets on;"
    with nginx(tmp_path, authority.issue("server"), more) as (port, _):
        gateway = start(config(f"https://localhost:{port}", tls=ca(authority)))
        seen = [get(gateway, "/session").body.decode().split() for _ in range(6)]
        assert seen[0] == [".", version, "localhost"]
        assert [each[0] for each in seen[1:]] == ["r"] * 5, seen
        # Not with another name, nor after another authority is believed.
        tls = ca(authority) + ", server_name: example.test"
        gateway.reload(config(f"https://localhost:{port}", tls=tls))
        first = wait_until(
            lambda: next((b for b in [get(gateway, "/session").body.decode()] if "localhost" not in b), None), "it")
        assert first.split() == [".", version, "example.test"]
        assert get(gateway, "/session").body.decode().split() == ["r", version, "example.test"]
        # A definition that is equal keeps them.
        gateway.reload()
        assert get(gateway, "/session").body.startswith(b"r")
        authority.path.write_bytes(authority.path.read_bytes() * 2)
        gateway.reload()
        wait_until(lambda: get(gateway, "/session").body.startswith(b"."), "a session that is new")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_nginx_32_MiB_both_ways(start, authority, tmp_path, framing, workers):
    with nginx(tmp_path, authority.issue("server")) as (port, files):
        gateway = start(config(f"https://localhost:{port}", tls=ca(authority), workers=workers))
        put_and_get(gateway, files, 32 * MIB + 12345, framing)


# Backpressure.


@pytest.mark.memory
def test_a_client_that_reads_slowly(start, upstream, authority):
    data = b"".join(pieces_of(32 * MIB)) + b"the end"
    app = upstream(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data,
        context=server_context(authority.issue("server")))
    gateway = start(config(app.server, tls=ca(authority)))
    before = gateway.resident_bytes()
    with Client(gateway, seconds=60) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.5)
        assert gateway.resident_bytes() < before + 4 * MIB
        received = bytearray()
        while not received.endswith(b"the end"):
            piece = client.sock.recv(1 << 18)
            assert piece, len(received)
            received += piece
        assert received.partition(b"\r\n\r\n")[2] == data


@pytest.mark.memory
def test_an_upstream_that_reads_slowly(start, script, authority):
    size = 8 * MIB
    data = b"".join(pieces_of(size))
    found = hashlib.sha256()

    def read_slowly(connection):
        connection.sock = context.wrap_socket(connection.sock, server_side=True)
        read_head(connection)
        count = len(connection.received.partition(b"\r\n\r\n")[2])
        found.update(connection.received.partition(b"\r\n\r\n")[2])
        time.sleep(0.5)
        while count < size:
            piece = connection.sock.recv(20_000)
            found.update(piece)
            count += len(piece)
            if count % 3 == 0:
                time.sleep(0.001)
        connection.sock.sendall(OK)
    context = server_context(authority.issue("server"))
    app = script(read_slowly)
    gateway = start(config(f"https://localhost:{app.address[1]}", tls=ca(authority)))
    before = gateway.resident_bytes()
    with Client(gateway, seconds=60) as client:
        sender = threading.Thread(target=client.send, args=(
            b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + data,))
        sender.start()
        time.sleep(0.3)
        assert gateway.resident_bytes() < before + 4 * MIB
        assert client.response().status == 200
        sender.join()
    assert found.digest() == hashlib.sha256(data).digest()


def test_small_records_are_read_to_their_end(start, script, authority):
    """What TLS holds, no event speaks of."""
    def answer(connection):
        connection.sock = context.wrap_socket(connection.sock, server_side=True)
        read_head(connection)
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n")
        for _ in range(20_000):
            connection.sock.sendall(b"x")
        read_to_end(connection)
    context = server_context(authority.issue("server"))
    app = script(answer)
    gateway = start(config(f"https://localhost:{app.address[1]}", tls=ca(authority)))
    assert get(gateway).body == b"x" * 20_000


# Tunnels.


@pytest.mark.parametrize("version", VERSIONS)
def test_a_websocket_through_tls(start, authority, version, workers):
    def echo(connection):
        for message in connection:
            connection.send(message)
    context = server_context(authority.issue("server"), version=version)
    server = websockets.sync.server.serve(echo, "127.0.0.1", 0, max_size=None, ssl=context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        port = server.socket.getsockname()[1]
        gateway = start(config(f"https://localhost:{port}", tls=ca(authority), workers=workers))
        with websockets.sync.client.connect(
                f"ws://{gateway.host}:{gateway.port}/", max_size=None, proxy=None) as client:
            for message in ["a", os.urandom(3 * MIB), "b" * 100_000]:
                client.send(message)
                assert client.recv(timeout=30) == message
        line = gateway.wait_access(1)[0]
        assert line["status"] == 101 and "reason" not in line
    finally:
        server.shutdown()


SWITCH = (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
SWITCHED = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


@pytest.mark.parametrize("polite", [True, False], ids=["close_notify", "none"])
def test_a_tunnel_that_the_upstream_ends(start, authority, script, polite):
    """What goes through a tunnel frames itself: many servers of WebSockets end without close_notify."""
    def switch(connection):
        connection.sock = context.wrap_socket(connection.sock, server_side=True, suppress_ragged_eofs=False)
        read_head(connection)
        connection.sock.sendall(SWITCHED + b"hello")
        if polite:
            with contextlib.suppress(OSError):
                connection.sock.unwrap()
        connection.sock.close()
    context = server_context(authority.issue("server"))
    app = script(switch)
    gateway = start(config(f"https://localhost:{app.address[1]}", tls=ca(authority)))
    with Client(gateway) as client:
        assert client.send(SWITCH).response().status == 101
        while client._more():
            pass
        assert client.data == b"hello"
        client.finish()
        assert "reason" not in gateway.wait_access(1)[0]


def test_a_tunnel_that_is_cut_is_delivered(start, authority, script):
    """What the client says after an end without close_notify goes nowhere, and destroys nothing."""
    data = os.urandom(256 << 10)

    def switch(connection):
        connection.sock = context.wrap_socket(connection.sock, server_side=True)
        read_head(connection)
        connection.sock.sendall(SWITCHED + data)
        # Without TLS's own end; the other half is read on.
        connection.sock.shutdown(socket.SHUT_WR)
        while connection.sock.recv(65536):
            pass
    context = server_context(authority.issue("server"))
    app = script(switch)
    gateway = start(config(f"https://localhost:{app.address[1]}", tls=ca(authority)))
    with Client(gateway) as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        assert client.send(SWITCH).response().status == 101
        # The gateway comes to the end in this time, or else the test shows nothing.
        time.sleep(0.5)
        client.send(b"a frame")
        time.sleep(0.2)
        while client._more():
            pass
        assert client.data == data
        client.finish()
        assert "reason" not in gateway.wait_access(1)[0]


def test_a_tunnel_that_the_client_ends(start, authority, script):
    said = []

    def switch(connection):
        connection.sock = context.wrap_socket(connection.sock, server_side=True, suppress_ragged_eofs=False)
        read_head(connection)
        connection.sock.sendall(SWITCHED)
        try:
            while piece := connection.sock.recv(1000):
                said.append(piece)
            said.append("close_notify")
        except ssl.SSLEOFError:
            said.append("cut")
        # The other half is still open.
        connection.sock.sendall(b"bye")
    context = server_context(authority.issue("server"))
    app = script(switch)
    gateway = start(config(f"https://localhost:{app.address[1]}", tls=ca(authority)))
    with Client(gateway) as client:
        assert client.send(SWITCH).response().status == 101
        client.send(b"hello").finish()
        while client._more():
            pass
        assert client.data == b"bye"
    assert b"".join(said[:-1]) == b"hello" and said[-1] == "close_notify"
